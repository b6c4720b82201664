"""Intervals of what is computed from time series: whole blocks are drawn anew, so that memory within a block is kept.

Source: Künsch (1989), doi:10.1214/aos/1176347265.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

Summary = Mapping[str, NDArray[np.float64]]  # arrays (block, ...), or their means, by name
LEVEL = 0.95  # probability of the intervals
SEED = 20260101


def blocks_of(values: xr.Dataset, length: int) -> list[xr.Dataset]:
    """Consecutive pieces along ``time``, ``length`` records each; a shorter rest is left out.

    Raises ``ValueError`` when there are fewer than two whole pieces.
    """
    n = values.sizes["time"] // length
    if n < 2:
        raise ValueError(
            f"{values.sizes['time']} records hold {n} blocks of {length}, and an interval needs at least 2: "
            "shorten the block or the spin-up"
        )
    return [values.isel(time=slice(i * length, (i + 1) * length)) for i in range(n)]


def resampled(
    seeds: Sequence[Summary],
    statistic: Callable[[Summary], dict[str, float]],
    n: int = 200,
    rng: np.random.Generator | None = None,
) -> dict[str, tuple[float, float]]:
    """Interval of the median over seeds of a statistic of block means, by name.

    ``seeds`` hold summaries, arrays (block, ...) by name, one mapping per seed; seeds and blocks are drawn with replacement,
    and ``statistic`` sees the mean of the blocks drawn.
    """
    rng = rng or np.random.default_rng(SEED)
    draws: list[dict[str, float]] = []
    for _ in range(n):
        chosen = [seeds[i] for i in rng.integers(len(seeds), size=len(seeds))]
        found = [statistic(_drawn(one, rng)) for one in chosen]
        draws.append({name: float(np.median([row[name] for row in found])) for name in found[0]})
    return {name: interval([row[name] for row in draws]) for name in draws[0]}


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The middle 95 % of values; NaN if one is."""
    with np.errstate(invalid="ignore"):  # between two infinite values
        low, high = np.quantile(values, [0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
    return float(low), float(high)


def mean_over_blocks(summary: Summary) -> Summary:
    """The summary of the whole run."""
    return {name: values.mean(axis=0) for name, values in summary.items()}


def _drawn(summary: Summary, rng: np.random.Generator) -> Summary:
    n = len(next(iter(summary.values())))
    weights = np.bincount(rng.integers(n, size=n), minlength=n) / n
    return {name: np.tensordot(weights, values, axes=1) for name, values in summary.items()}
