"""Distances between distributions that are given as histograms over the same bins."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wasserstein_distance

Array = NDArray[np.float64]


def hellinger_squared(p: Array, q: Array) -> float:
    """Squared Hellinger distance of two histograms of any dimension, in 0 to 1.

    One minus the sum of sqrt(p q) over bins, which is half the integral of (sqrt p - sqrt q)^2. It depends on the width
    of the bins, and two samples of one distribution differ by about the number of bins over eight times the sample size.
    """
    p, q = _normalised(p), _normalised(q)
    return float(0.5 * ((np.sqrt(p) - np.sqrt(q)) ** 2).sum())


def hellinger(p: Array, q: Array) -> float:
    """Hellinger distance: the root of the squared one, in 0 to 1."""
    return float(np.sqrt(hellinger_squared(p, q)))


def kullback_leibler(p: Array, q: Array) -> float:
    """Divergence of p from q [nat]; infinite where q has no sample and p has."""
    p, q = _normalised(p).ravel(), _normalised(q).ravel()
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.where(p > 0.0, p * np.log(p / q), 0.0).sum())


def kolmogorov_smirnov(p: Array, q: Array) -> float:
    """Largest difference of the distribution functions at the edges of the bins, in 0 to 1."""
    return float(np.abs(np.cumsum(_normalised(p)) - np.cumsum(_normalised(q))).max())


def wasserstein(p: Array, q: Array, centres: Array) -> float:
    """Wasserstein-1 distance in the unit of ``centres``, with all samples of a bin at its centre."""
    if not np.isfinite(p).all() or not np.isfinite(q).all() or not p.sum() or not q.sum():
        return float("nan")
    return float(wasserstein_distance(centres, centres, p, q))


def _normalised(histogram: Array) -> Array:
    total = histogram.sum()
    return histogram / total if total else np.full_like(histogram, np.nan, dtype=float)


def quantile_of_histogram(counts: Array, edges: Array, probability: float) -> float:
    """Value below which a share of the samples lies, with samples spread evenly over their bin; NaN without samples."""
    if not counts.sum():
        return float("nan")
    share = np.concatenate([[0.0], np.cumsum(counts)]) / counts.sum()
    i = max(int(np.searchsorted(share[1:], probability)), int(np.argmax(counts > 0.0)))
    i = min(i, int(np.flatnonzero(counts)[-1]))
    return float(edges[i] + (probability - share[i]) / (share[i + 1] - share[i]) * (edges[i + 1] - edges[i]))


def share_above(counts: Array, edges: Array, value: float) -> float:
    """Share of the samples above a value, with samples spread evenly over their bin; NaN without samples."""
    if not counts.sum():
        return float("nan")
    share = np.concatenate([[0.0], np.cumsum(counts)]) / counts.sum()
    return float(1.0 - np.interp(value, edges, share))
