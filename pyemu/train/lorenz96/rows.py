"""What closures of Lorenz '96 are trained and scored on: rows of X, the U of the record before, and U."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
import xarray as xr

from pyemu.data import lorenz96
from pyemu.data.lorenz96 import PREVIOUS, SLOW, TENDENCY


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

    def rows(self) -> Rows:
        """All records but the first, in time: rows ``n_places`` apart follow each other at one place."""
        inputs = np.stack([self.x[1:].ravel(), self.u[:-1].ravel()], axis=1)
        return Rows(inputs, self.u[1:].ravel())
