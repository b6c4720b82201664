"""Operators that are linear in u, v, h and in products of neighbours: what a shallow-water continuity equation is made of."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Array = NDArray[np.float64]

STENCIL = 9
PLUS = (1, 3, 4, 5, 7)  # of the 3 x 3 values: the cell and its four neighbours
N_FEATURES = 1 + 3 * STENCIL + 2 * len(PLUS) ** 2
SCALES = (0.3, 0.3, 50.0)  # of u, v [m s-1] and h [m], so that features are of like size


def features(u: Array, v: Array, h: Array) -> Array:
    """Features (..., 78) of scaled 3 x 3 values (..., 9): 1, the values, and u h and v h of the cells of a plus."""
    plus = list(PLUS)
    products = [(one[..., plus, None] * h[..., None, plus]).reshape(*h.shape[:-1], -1) for one in (u, v)]
    return np.concatenate([np.ones((*h.shape[:-1], 1)), u, v, h, *products], axis=-1)


def features_of(cells: Sequence[int]) -> NDArray[np.bool_]:
    """Which of the features (78,) are made of these cells of the 3 x 3 alone, counted from south-west along x."""
    linear = [cell in cells for cell in range(STENCIL)]
    products = [a in cells and b in cells for a in PLUS for b in PLUS]
    return np.array([True, *linear * 3, *products * 2])


class StencilOperator(nn.Module):
    """Outputs that are weighted sums of the features, in double precision, of fields with a halo of one cell.

    ``weights`` (output, 78) are for values divided by ``SCALES``; they are buffers, found by least squares.
    """

    weights: Tensor

    def __init__(self, n_outputs: int) -> None:
        super().__init__()
        self.register_buffer("weights", torch.zeros(n_outputs, N_FEATURES, dtype=torch.float64))

    def forward(self, *fields: Tensor) -> tuple[Tensor, ...]:
        """Each output (sample, y, x) of u, v and h (sample, y + 2, x + 2).

        The weighted sum over the h of a plus comes before the product with u or v, so that ten products of fields are taken in
        place of fifty. All sums are products of matrices: ONNX Runtime has no convolution in double precision.
        """
        n, size, plus = len(self.weights), len(PLUS), list(PLUS)
        u, v, h = (_cells(field / scale) for field, scale in zip(fields, SCALES, strict=True))
        end = 1 + 3 * STENCIL
        total = self.weights[:, 1:end] @ torch.cat([u, v, h], dim=1) + self.weights[:, :1]
        for part, one in enumerate((u, v)):
            start = end + part * size**2
            block = self.weights[:, start : start + size**2].reshape(n * size, size)
            of_h = (block @ h[:, plus]).unflatten(1, (n, size))
            total = total + (of_h * one[:, None, plus]).sum(dim=2)
        shape = (fields[0].shape[1] - 2, fields[0].shape[2] - 2)
        return tuple(total[:, i].unflatten(1, shape) for i in range(n))

    def linear(self, output: int, u: float = 0.0, v: float = 0.0, h: float = 0.0) -> Array:
        """Weights (3, 3, 3) of u, v [m s-1] and h [m] around a cell, linearised about a uniform state."""
        weights, size, plus = self.weights[output].numpy(), len(PLUS), list(PLUS)
        end = 1 + 3 * STENCIL
        found = weights[1:end].reshape(3, STENCIL).copy()
        products = weights[end:].reshape(2, size, size)  # of u and h, and of v and h
        base = np.array([u, v, h]) / SCALES
        found[:2, plus] += products.sum(axis=2) * base[2]
        found[2, plus] += base[:2] @ products.sum(axis=1)
        return found.reshape(3, 3, 3) / np.array(SCALES)[:, None, None]

    def of_stencils(self, output: int, stencils: Sequence[Tensor]) -> Tensor:
        """One output (n,) of stencils (n, 9) of u, v and h: for derivatives."""
        u, v, h = (values.double() / scale for values, scale in zip(stencils, SCALES, strict=True))
        plus = list(PLUS)
        products = [(one[:, plus, None] * h[:, None, plus]).flatten(1) for one in (u, v)]
        rows = torch.cat([torch.ones(len(h), 1, dtype=torch.float64), u, v, h, *products], dim=1)
        return rows @ self.weights[output]


def _cells(field: Tensor) -> Tensor:
    """The 3 x 3 values around every cell, (sample, 9, cell), of a field with a halo of one."""
    ny, nx = field.shape[1] - 2, field.shape[2] - 2
    parts = [field[:, j : j + ny, i : i + nx].flatten(1) for j in range(3) for i in range(3)]
    return torch.stack(parts, dim=1)
