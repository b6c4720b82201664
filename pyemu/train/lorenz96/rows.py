"""What closures of Lorenz '96 are trained and scored on: rows of X, the last U and U, out of a run of the two-scale model."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
import xarray as xr

from pyemu.hosts import executable
from pyemu.hosts.lorenz96_namelist import GROUPS
from pyemu.hosts.namelist import Value, write_namelist
from pyemu.zoo.lorenz96 import SLOW, TENDENCY

TRAINING_SHARE = 0.1  # of the records, from the start; the rest is not seen in training
FIRST = 2  # record of the first row
INTERVAL = 5  # records from row to row
BURN_IN = 2000  # steps
GENERATOR_VERSION = 1  # raise when the numbers change: it names the cache file


@dataclass(frozen=True)
class Series:
    """Records one after the other: slow variables ``x`` and diagnosed tendencies ``u``, both (record, k), float32."""

    x: np.ndarray
    u: np.ndarray

    @classmethod
    def read(cls, truth: Path, start: float, stop: float) -> Self:
        """A stretch of a truth run, as shares of its records."""
        with xr.open_dataset(truth) as data:
            first, last = (round(share * data.sizes["time"]) for share in (start, stop))
            chosen = data[[SLOW, TENDENCY]].isel(time=slice(first, last), member=0)
            return cls(*(chosen[name].values.astype(np.float32) for name in (SLOW, TENDENCY)))

    def rows(self, interval: int = INTERVAL) -> "Rows":
        """Every ``interval``-th record of all places, place by place."""
        at = np.arange(FIRST, len(self.x), interval)
        inputs = np.stack([self.x[at].T.ravel(), self.u[at - 1].T.ravel()], axis=1)
        return Rows(inputs, self.u[at].T.ravel())

    def in_time(self) -> "Rows":
        """All records but the first of all places, record by record: rows ``n_places`` apart follow each other in time."""
        inputs = np.stack([self.x[1:].ravel(), self.u[:-1].ravel()], axis=1)
        return Rows(inputs, self.u[1:].ravel())

    @property
    def n_places(self) -> int:
        """Slow variables of a record."""
        return self.x.shape[1]


@dataclass(frozen=True)
class Rows:
    """Inputs (row, 2), X and the U of the record before, and outputs (row,), U."""

    inputs: np.ndarray
    outputs: np.ndarray

    def __len__(self) -> int:
        return len(self.outputs)

    def tensors(self, n_inputs: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The first ``n_inputs`` inputs, (row, input), and outputs (row,)."""
        return torch.from_numpy(np.ascontiguousarray(self.inputs[:, :n_inputs])), torch.from_numpy(self.outputs)


def truth(n_steps: int, cache_dir: Path) -> Path:
    """Make, or find in the cache, a run of the two-scale model: ``n_steps`` steps with their burn-in, every fifth kept."""
    path = Path(cache_dir).absolute() / f"lorenz96-truth-{n_steps}-v{GENERATOR_VERSION}.nc"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    entries: dict[str, Value | Path] = {
        "model": "two_scale",
        "burn_in": BURN_IN,
        "n_steps": n_steps - BURN_IN,
        "output_precision": "single",
        "output_file": str(partial),
    }
    try:
        namelist = write_namelist(path.with_suffix(".nml"), GROUPS, entries)
        done = subprocess.run([executable("lorenz96"), namelist], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"the two-scale run failed: {done.stderr.strip()}")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    return path
