"""Offline scores of a closure: the distribution of its U, what is left of U without noise, and its ensembles.

"Squared Hellinger distance" is 0.5 times the integral of (sqrt p - sqrt q)^2, by the trapezoidal rule on the bins' left
edges, as in the code of Gagne et al. 2020. It depends on the width of the bins and on the number of rows.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pyemu.nn.subgrid_closure import SubgridClosure
from pyemu.train.lorenz96.rows import Rows, Series

BINS = np.arange(-16, 23, 0.1)  # of U
BATCH = 65_536  # rows in one call
MEMORY_LAGS = 20  # records, 0.1 MTU


@dataclass(frozen=True)
class Residual:
    """What U leaves of the closure without noise: standard deviation, and autocorrelation from record to record."""

    sd: float
    autocorrelation: float


def squared_hellinger(a: np.ndarray, b: np.ndarray, bins: np.ndarray = BINS) -> float:
    """Of the distributions of two samples, 0 to 1. What lies outside the bins does not count."""
    p, q = (np.histogram(values, bins, density=True)[0] for values in (a, b))
    return float(0.5 * np.trapezoid(np.square(np.sqrt(p) - np.sqrt(q)), bins[:-1]))


def predict(closure: SubgridClosure, rows: Rows, *, seed: int | None, samples: int = 1) -> np.ndarray:
    """U, (sample, row), of noise that ``seed`` fixes, or without noise for None: ``previous`` is the true U."""
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    inputs, _ = rows.tensors(closure.n_inputs)
    with torch.no_grad():
        return np.stack([_sample(closure.eval(), inputs, generator) for _ in range(samples)])


def _sample(closure: SubgridClosure, inputs: Tensor, generator: torch.Generator | None) -> np.ndarray:
    parts = []
    for part in inputs.split(BATCH):
        size = (len(part), closure.n_noise)
        noise = torch.zeros(size) if generator is None else torch.randn(size, generator=generator)
        parts.append(closure(*part.unbind(1), noise))
    return torch.cat(parts).numpy()


def residual(closure: SubgridClosure, series: Series) -> Residual:
    """Over all places; without noise, and with the true U of the record before."""
    rows = series.rows()
    left = (rows.outputs - predict(closure, rows, seed=None)[0]).reshape(-1, series.n_places).astype(np.float64)
    correlation = np.corrcoef(left[:-1].ravel(), left[1:].ravel())[0, 1]
    return Residual(float(left.std()), float(correlation))


def memory(values: np.ndarray, lags: int = MEMORY_LAGS) -> float:
    """The coefficient a whose powers a**lag are nearest to the autocorrelation of ``values`` (record, place) up to ``lags``.

    What U leaves is smooth in time: its correlation from one record to the next is that of a process that would last three
    times as long as it does.
    """
    left = values.astype(np.float64) - values.mean(dtype=np.float64)
    found = [np.mean(left[:-lag] * left[lag:]) / np.mean(np.square(left)) for lag in range(1, lags + 1)]
    coefficients = np.linspace(0, 0.999, 1000)
    errors = np.square(coefficients[:, None] ** np.arange(1, lags + 1) - found).sum(axis=1)
    return float(coefficients[errors.argmin()])


def fair_crps(samples: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Continuous ranked probability score of ensembles (sample, ...) as of infinitely many samples; shape of ``truth``."""
    n = len(samples)
    ordered = np.sort(samples.astype(np.float64), axis=0)
    weights = (2 * np.arange(1, n + 1) - n - 1).reshape(-1, *[1] * truth.ndim)
    half_spread = (weights * ordered).sum(axis=0) / (n * (n - 1))
    return np.asarray(np.abs(samples - truth).mean(axis=0) - half_spread)
