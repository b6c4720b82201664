"""Columns recorded in PlaSim, as tensors; every fifth stretch of ten days is kept from training."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from pyemu.nn.moist_column import Step
from pyemu.physics.condensation import Changes
from pyemu.zoo.plasim_moist import INPUTS, OUTPUTS, increments

FILE = "plasim-moist.nc"
STRETCH_DAYS = 10.0
EVERY = 5
STEPS_PER_DAY = 32  # at T21


@dataclass(frozen=True)
class Columns:
    """Inputs of a step and what PlaSim's own scheme has made of it, in double precision; ``sha256`` of the file."""

    step: Step
    truth: Changes
    sha256: str

    def __len__(self) -> int:
        return len(self.step.temperature)

    def rows(self, index: Tensor) -> tuple[Step, Changes]:
        """Some of them."""
        return Step(*(values[index] for values in self.step)), Changes(*(values[index] for values in self.truth))


def data_file(cache_dir: Path) -> Path:
    """The file of recorded columns.

    Raises:
        FileNotFoundError: it has to be made by running PlaSim; the message says how.
    """
    path = Path(cache_dir) / FILE
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: record it in PlaSim with 'python benchmarks/plasim_moist.py data'")
    return path


def load(path: Path) -> dict[str, Columns]:
    """Columns to ``train`` on and to ``test`` with, split by time."""
    with xr.open_dataset(path, decode_times=False) as data:
        values = {name: torch.from_numpy(data[name].values.astype(np.float64)) for name in (*INPUTS, *OUTPUTS)}
        is_test = torch.from_numpy(held_out(data["step"].values))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    found = {}
    for split, chosen in (("train", ~is_test), ("test", is_test)):
        own = {name: array[chosen] for name, array in values.items()}
        step = Step(*(own[name] for name in INPUTS))
        found[split] = Columns(step, increments(own, step.time_step), digest)
    return found


def held_out(steps: np.ndarray) -> np.ndarray:
    """Which time steps are kept from training: every fifth stretch of ten days."""
    return (steps // round(STRETCH_DAYS * STEPS_PER_DAY)) % EVERY == EVERY - 1
