"""What every system of the zoo says of itself: this class is the door through which a new one enters."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

if TYPE_CHECKING:
    from pyemu.zoo.checkpoint import Checkpoint


@dataclass(frozen=True)
class ModelCard:
    """Where a system comes from, and how ours differs. ``published`` maps a score to its value by network."""

    papers: tuple[str, ...]
    data: str
    recipe: str
    published: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    quirks: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "papers": list(self.papers),
            "data": self.data,
            "recipe": self.recipe,
            "published": {score: dict(values) for score, values in self.published.items()},
            "quirks": list(self.quirks),
        }


class System(ABC):
    """A published system: its networks, the physical graph around them, and what stands on the card of its files.

    ``recipe`` names the entry of ``pyemu.train.recipes`` that makes data, trains and scores. ``networks`` maps a name to
    a function that builds the network with fresh weights; ``parameters`` says how many trainable numbers each has, which a
    test compares with what is built.
    """

    name: str
    summary: str
    recipe: str
    model_card: ModelCard
    networks: Mapping[str, Callable[[], nn.Module]]
    parameters: Mapping[str, int]
    default_network: str

    def build(self, network: str | None = None) -> nn.Module:
        """A fresh network. Raises ``KeyError`` naming the networks there are."""
        return self.networks[self.chosen(network)]()

    def chosen(self, network: str | None) -> str:
        """The name of a network, the default for None. Raises ``KeyError`` naming the networks there are."""
        name = network or self.default_network
        if name not in self.networks:
            raise KeyError(f"{self.name} has no network '{name}'; choose one of: {', '.join(self.networks)}")
        return name

    def variants(self, network: str) -> tuple[str, ...]:
        """Names of the files that one trained network can become, the default first; most have only one, without a name."""
        return ("",)

    def checked_variant(self, network: str, variant: str | None) -> str:
        """The variant, the default for None. Raises ``ValueError`` naming those there are."""
        known = self.variants(network)
        if variant is None:
            return known[0]
        if variant not in known:
            there = ", ".join(known) if known != ("",) else "none"
            raise ValueError(f"network '{network}' of {self.name} has no variant '{variant}'; variants: {there}")
        return variant

    @abstractmethod
    def emulator(self, network: nn.Module, variant: str = "") -> nn.Module:
        """The physical graph around a trained network: takes and returns tensors in the order of the card."""

    def reference_inputs(self, checkpoint: "Checkpoint", variant: str) -> dict[str, Tensor]:
        """What is recorded in the file of a variant: all that the checkpoint keeps for it."""
        return checkpoint.reference_inputs

    @abstractmethod
    def card(self, checkpoint: "Checkpoint", variant: str) -> dict[str, Any]:
        """Entries of the emulator's card (``pyemu.emulator.card.Card``) as plain values.

        ``inputs``, ``outputs`` and ``dimensions`` must be there. A variable of ``pyemu.fields`` needs ``name`` and
        ``dtype`` alone, and its training range is added. Name, summary, licence, vertical order, tolerance and provenance
        are filled in unless they are given; a ``reason`` of the tolerance is added to the usual one.
        """
