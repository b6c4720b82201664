"""What the closures of Lorenz '96 have in common: their variables, the graph around a network, the card."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from pyemu.data.lorenz96 import PREVIOUS, SLOW, TENDENCY
from pyemu.nn.subgrid_closure import SubgridClosure
from pyemu.zoo.checkpoint import Checkpoint
from pyemu.zoo.system import ModelCard, System

NOISE = "noise"
AUTOCORRELATION = "noise_autocorrelation"  # key of a checkpoint's training: phi of red noise from one step to the next


@dataclass(frozen=True)
class Inputs:
    """What a closure sees: ``x`` the slow variable alone, ``xu`` also the tendency of the last step."""

    name: str

    @property
    def names(self) -> tuple[str, ...]:
        """Variables in the order of the graph, without noise."""
        return (SLOW, PREVIOUS) if self.name == "xu" else (SLOW,)


@dataclass(frozen=True)
class SubgridSystem(System):
    """A stochastic closure of the one-scale model: the subgrid tendency of a slow variable, of itself and of noise.

    The name of a network begins with what it sees, see ``Inputs``; ``files`` has the variants of each.
    """

    name: str
    summary: str
    model_card: ModelCard
    networks: Mapping[str, Callable[[], SubgridClosure]]
    parameters: Mapping[str, int]
    files: Mapping[str, tuple[str, ...]]
    default_network: str

    @property
    def recipe(self) -> str:  # type: ignore[override]
        """Each has its own."""
        return self.name

    def inputs(self, network: str) -> Inputs:
        """What a network sees."""
        return Inputs(network.split("_")[0])

    def variants(self, network: str) -> tuple[str, ...]:
        """``white``: noise without memory; ``red``: with the autocorrelation that the training found."""
        return self.files[network]

    def build(self, network: str | None = None) -> SubgridClosure:
        """A fresh network, in physical units. Raises ``KeyError`` naming the networks there are."""
        return self.networks[self.chosen(network)]()

    def emulator(self, network: nn.Module, variant: str = "") -> nn.Module:
        """Slow variable, tendency of the last step if the network has it, and noise, to the tendency."""
        return _Tuple(network)

    def card(self, checkpoint: Checkpoint, variant: str) -> dict[str, Any]:
        """Noise is normal; red noise has the lag-1 autocorrelation that the training found."""
        network = self.build(checkpoint.network)
        noise = {"distribution": "normal", "ar1": self.noise_autocorrelation(checkpoint, variant)}
        inputs: list[dict[str, Any]] = [
            {"name": name, "dtype": "float32"} for name in self.inputs(checkpoint.network).names
        ]
        dims = ("column", "noise_element")
        inputs.append({"name": NOISE, "units": "1", "dims": dims, "dtype": "float32", "noise": noise})
        return {
            "dimensions": {"noise_element": network.n_noise},
            "inputs": inputs,
            "outputs": [{"name": TENDENCY, "dtype": "float32"}],
        }

    def noise_autocorrelation(self, checkpoint: Checkpoint, variant: str) -> float:
        """Of every element of the noise, from one time step to the next."""
        return float(checkpoint.training[AUTOCORRELATION]) if variant == "red" else 0.0


class _Tuple(nn.Module):
    """A graph has a tuple of outputs."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, *tensors: Tensor) -> tuple[Tensor]:
        """The tendency, (column,)."""
        return (self.network(*tensors),)
