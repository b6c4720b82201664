"""How long runs live: the product-limit estimate, with runs that reached their planned end as censored."""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import CensoredData, ecdf

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SurvivalCurve:
    """Share of runs alive after each time, with a 95 % interval; starts with 1 at time 0."""

    time: Array
    alive: Array
    low: Array
    high: Array

    def at(self, time: float) -> float:
        """Share alive at a time."""
        return float(self.alive[np.searchsorted(self.time, time, side="right") - 1])

    @property
    def median(self) -> float:
        """First time at which no more than half are alive; NaN if more are to the end."""
        below = np.flatnonzero(self.alive <= 0.5)
        return float(self.time[below[0]]) if below.size else float("nan")


def survival(ends: Array, died: NDArray[np.bool_]) -> SurvivalCurve:
    """Kaplan-Meier curve of ``ends``, the times at which runs died or (``died`` false) simply ended.

    Source: Kaplan and Meier (1958), doi:10.1080/01621459.1958.10501452; interval after Greenwood, log-log.
    """
    found = ecdf(CensoredData.right_censored(ends, ~died)).sf
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # no interval where all or none are alive: it is filled below
        band = found.confidence_interval(method="log-log")
    start, one = np.zeros(1), np.ones(1)
    low = np.nan_to_num(band.low.probabilities, nan=1.0)  # before the first death nothing is known to be lower
    high = np.nan_to_num(band.high.probabilities, nan=1.0)
    return SurvivalCurve(
        np.concatenate([start, found.quantiles]), np.concatenate([one, found.probabilities]),
        np.concatenate([one, np.where(found.probabilities > 0.0, low, 0.0)]), np.concatenate([one, high]),
    )  # fmt: skip
