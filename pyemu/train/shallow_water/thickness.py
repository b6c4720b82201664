"""Learned tendencies of the thickness: least squares in the exact class of functions, with noise in the targets.

What the noise does is what a network's error does, and can be dialled: the operator is slightly wrong everywhere, its mean is
not zero, and it is no longer neutral for gravity waves. Three ways to learn: the tendency as it is; with a penalty on the mean
over the domain, as Brajard et al. (arXiv:1903.07358) had it; and as transports through faces, whose divergence keeps mass.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from pyemu.data.shallow_water import STATE, THICKNESS_TENDENCY, stencils
from pyemu.nn.stencil_operator import N_FEATURES, SCALES, StencilOperator, features, features_of

Array = NDArray[np.float64]

EAST, SOUTH = (4, 5), (4, 1)  # of the 3 x 3 cells: those beside the east and the south face of the middle one
RIDGE = 1e-12  # of the largest eigenvalue: transports are known up to what has no divergence


@dataclass(frozen=True)
class States:
    """Features of whole states, (time, y, x, feature), and their tendencies of the thickness (time, y, x) [m s-1]."""

    features: Array
    tendency: Array
    dx: float
    dy: float

    @classmethod
    def of(cls, data: xr.Dataset) -> "States":
        """Of a file of pairs, in a closed domain."""
        options = {"walls": data.attrs["walls"], "domain": data.attrs["domain"]}
        u, v, h = (
            stencils(name, data[name].values, **options) / scale for name, scale in zip(STATE, SCALES, strict=True)
        )
        return cls(features(u, v, h), data[THICKNESS_TENDENCY].values, float(data.attrs["dx"]), float(data.attrs["dy"]))

    def noisy(self, level: float, seed: int) -> "States":
        """The same with normal noise in the targets, of ``level`` times their standard deviation."""
        noise = np.random.default_rng(seed).normal(size=self.tendency.shape) * level * self.tendency.std()
        return States(self.features, self.tendency + noise, self.dx, self.dy)


def fit_tendency(states: States, penalty: float = 0.0) -> StencilOperator:
    """The tendency itself; ``penalty`` is the weight of the squared mean over the domain of every state.

    In units of the squared error of all its cells: 1 counts the mean as if all cells had it as an error.
    """
    rows = states.features.reshape(-1, states.features.shape[-1])
    matrix, right = rows.T @ rows, rows.T @ states.tendency.ravel()
    if penalty:
        means = states.features.mean(axis=(1, 2))
        n_cells = states.tendency[0].size
        matrix = matrix + penalty * n_cells * (means.T @ means)
    return _operator(_solved(matrix, right)[None])


def fit_transports(states: States) -> StencilOperator:
    """Transports through east and south faces whose divergence is the tendency; walls let nothing through.

    A face knows the two cells beside it. Of all nine, the data do not determine transports: what has no divergence is free,
    and there noise in the targets makes waves grow faster than without a constraint.
    """
    kept = features_of(EAST), features_of(SOUTH)
    x, y = (states.features[..., of_face] for of_face in kept)
    x[:, :, -1], y[:, 0] = 0.0, 0.0  # the last east faces and the first south faces are walls
    west, north = np.zeros_like(x), np.zeros_like(y)
    west[:, :, 1:], north[:, :-1] = x[:, :, :-1], y[:, 1:]
    rows = np.concatenate([(west - x) / states.dx, (y - north) / states.dy], axis=-1).reshape(-1, 2 * x.shape[-1])
    weights = np.zeros((2, N_FEATURES))
    weights[np.stack(kept)] = _solved(rows.T @ rows, rows.T @ states.tendency.ravel())
    return _operator(weights)


def _solved(matrix: Array, right: Array) -> Array:
    """Least squares by eigenvectors, without those that the data do not determine."""
    scale = np.sqrt(np.maximum(np.diag(matrix), 1e-300))
    values, vectors = np.linalg.eigh(matrix / np.outer(scale, scale))
    kept = values > RIDGE * values[-1]
    return (vectors[:, kept] @ ((vectors[:, kept].T @ (right / scale)) / values[kept])) / scale


def _operator(weights: Array) -> StencilOperator:
    import torch

    operator = StencilOperator(len(weights))
    operator.weights.copy_(torch.from_numpy(weights))
    return operator
