"""A trained network on disk: weights, and all that is needed to rebuild, export and trace it."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Checkpoint:
    """Weights of one system's network with its provenance.

    ``training_range`` maps each input to its smallest and largest value per level; ``reference_inputs`` are a few dozen
    columns that will travel inside the emulator file.
    """

    system: str
    network: str
    state: dict[str, Tensor]
    training: dict[str, Any]
    data_sha256: str
    training_range: dict[str, tuple[list[float], list[float]]]
    reference_inputs: dict[str, Tensor]

    def build(self) -> nn.Module:
        """The trained network in evaluation mode."""
        from pyemu.zoo.registry import system  # which knows the systems, and these know what a checkpoint is

        network = system(self.system).build(self.network)
        network.load_state_dict(self.state)
        return network.eval()

    def save(self, path: Path) -> Path:
        """Write to ``path``, creating its folder."""
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(asdict(self), path)
        return path


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint; only tensors and plain values are accepted, so a foreign file cannot run code.

    Raises ``ValueError`` when the file is not a checkpoint of this library.
    """
    try:
        return Checkpoint(**torch.load(path, weights_only=True))
    except FileNotFoundError:
        raise
    except Exception as error:
        raise ValueError(
            f"{path} is not a pyemu checkpoint ({error}); expected a file written by 'pyemu train'"
        ) from error
