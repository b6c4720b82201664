"""What closures of Lorenz '96 are trained and scored on: rows of X, the U of the record before, and U."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
import xarray as xr

from pyemu.data import lorenz96
from pyemu.data.lorenz96 import INTERVAL as TIME_STEP
from pyemu.data.lorenz96 import PREVIOUS, SLOW, TENDENCY

FORCING = 20.0
STEPS_OF_SOLUTION = 4


def resolved_tendency(x: np.ndarray) -> np.ndarray:
    """dX/dt of slow variables (..., k) in a ring, without the subgrid tendency."""
    return np.roll(x, 1, -1) * (np.roll(x, -1, -1) - np.roll(x, 2, -1)) - x + FORCING


@dataclass(frozen=True)
class Rows:
    """Inputs (row, 2), X and the U of the record before, and outputs (row,), U; float32."""

    inputs: np.ndarray
    outputs: np.ndarray

    def __len__(self) -> int:
        return len(self.outputs)

    @classmethod
    def of(cls, part: xr.Dataset, stride: int = lorenz96.ROW_STRIDE) -> Self:
        """Every ``stride``-th record of all places of a part of the truth."""
        chosen = lorenz96.training_rows(part, stride)
        x, previous, u = (chosen[name].values.astype(np.float32) for name in (SLOW, PREVIOUS, TENDENCY))
        return cls(np.stack([x, previous], axis=1), u)

    def tensors(self, n_inputs: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The first ``n_inputs`` inputs, (row, input), and outputs (row,)."""
        return torch.from_numpy(np.ascontiguousarray(self.inputs[:, :n_inputs])), torch.from_numpy(self.outputs)


@dataclass(frozen=True)
class Series:
    """Records one after the other: slow variables ``x`` and diagnosed tendencies ``u``, both (record, k), float32."""

    x: np.ndarray
    u: np.ndarray

    @classmethod
    def of(cls, part: xr.Dataset) -> Self:
        """All records of a part of the truth."""
        return cls(*(part[name].values.astype(np.float32) for name in (SLOW, TENDENCY)))

    @property
    def n_places(self) -> int:
        """Slow variables of a record."""
        return self.x.shape[1]

    def of_steps(self) -> Self:
        """The same with the U that takes the one-scale model's midpoint step from each record to the next.

        The truth's U is diagnosed with the tendency at the start of a step, and differs from this one by half of what the
        resolved tendency changes in a step: 1.2 in the standard deviation of 5.3. The last record is left out.
        """
        x = self.x.astype(np.float64)
        start, u = x[:-1], self.u[:-1].astype(np.float64)
        change = np.diff(x, axis=0) / TIME_STEP
        for _ in range(STEPS_OF_SOLUTION):  # both stages have the same U; each pass gains a factor of about 100
            u = resolved_tendency(start + 0.5 * TIME_STEP * (resolved_tendency(start) - u)) - change
        return type(self)(self.x[:-1], u.astype(np.float32))

    def rows(self, stride: int = 1) -> Rows:
        """Every ``stride``-th record but the first, in time: rows ``n_places`` apart follow each other at one place."""
        chosen = slice(None, None, stride)
        inputs = np.stack([self.x[1:][chosen].ravel(), self.u[:-1][chosen].ravel()], axis=1)
        return Rows(inputs, self.u[1:][chosen].ravel())
