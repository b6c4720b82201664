"""Drift: the linear trend of a series, and when it first leaves a band."""

import numpy as np
from numpy.typing import NDArray

from pyemu.harness.statistics.resampling import interval

Array = NDArray[np.float64]


def slope(time: Array, values: Array) -> float:
    """Least-squares slope; NaN for fewer than three finite values."""
    good = np.isfinite(values)
    if good.sum() < 3:
        return float("nan")
    centred = time[good] - time[good].mean()
    return float(centred @ (values[good] - values[good].mean()) / (centred @ centred))


def slope_interval(time: Array, values: Array, n_blocks: int = 10, n: int = 200, seed: int = 0) -> tuple[float, float]:
    """95 % interval of the slope: blocks of residuals about the trend are drawn anew and put back on it."""
    found = slope(time, values)
    residuals = values - found * time
    length = max(1, len(values) // n_blocks)
    rng = np.random.default_rng(seed)
    if not np.isfinite(found):
        return float("nan"), float("nan")
    starts = rng.integers(len(values) - length + 1, size=(n, -(-len(values) // length)))
    draws = (residuals[starts[..., None] + np.arange(length)].reshape(n, -1)[:, : len(values)]) + found * time
    return interval([slope(time, draw) for draw in draws])


def first_beyond(time: Array, values: Array, limit: float) -> float:
    """Time from the start until |value - first value| exceeds a limit, or the value is not finite; NaN if never."""
    return first_above(time, np.abs(values - values[0]), limit)


def first_above(time: Array, values: Array, limit: float) -> float:
    """Time from the start until a value exceeds a limit, or is not finite; NaN if never."""
    above = ~(values <= limit)
    return float(time[above.argmax()] - time[0]) if above.any() else float("nan")


def leak_significance(values: Array) -> float:
    """How much further series (time, ...) have got than a random walk of their own steps: rms over all but time.

    About 1 for steps that are independent, as round-off is; up to the root of their number for steps of one sign. 0 without
    any change.
    """
    steps = np.diff(values, axis=0)
    walked = np.sqrt((steps**2).sum(axis=0).mean())
    return float(np.sqrt(((values[-1] - values[0]) ** 2).mean()) / walked) if walked else 0.0
