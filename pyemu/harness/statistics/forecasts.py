"""Scores of ensemble forecasts against truth: arrays with the dimensions ``start`` and ``member`` beside others.

Finite ensembles: with M members the spread that matches the error of the mean is sqrt((M + 1) / M) times the standard
deviation, Leutbecher and Palmer (2008), doi:10.1016/j.jcp.2007.02.014, section 2; the fair CRPS is that of Ferro (2014),
doi:10.1002/qj.2270.
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr
import xskillscore
from scores.probability import crps_for_ensemble

MEMBER = "member"


def squared_error_of_mean(forecast: xr.DataArray, truth: xr.DataArray) -> xr.DataArray:
    """(ensemble mean - truth)^2."""
    return (forecast.mean(MEMBER) - truth) ** 2


def variance(forecast: xr.DataArray) -> xr.DataArray:
    """Ensemble variance times (M + 1) / M, to be compared with the squared error of the mean."""
    n = forecast.sizes[MEMBER]
    return forecast.var(MEMBER, ddof=1) * ((n + 1) / n) if n > 1 else xr.zeros_like(forecast.isel(member=0, drop=True))


def crps(forecast: xr.DataArray, truth: xr.DataArray, *, fair: bool = False) -> xr.DataArray:
    """Continuous ranked probability score, in the unit of the variable; ``fair`` as if the ensemble were infinite."""
    if forecast.sizes[MEMBER] == 1:
        return abs(forecast.isel({MEMBER: 0}, drop=True) - truth)
    kept = list(truth.dims)
    return crps_for_ensemble(forecast, truth, MEMBER, method="fair" if fair else "ecdf", preserve_dims=kept)


def rank_histogram(forecast: xr.DataArray, truth: xr.DataArray, dims: list[str]) -> xr.DataArray:
    """How often truth had each rank among the members (rank 1 to M + 1), counted over ``dims``."""
    return xskillscore.rank_histogram(truth, forecast, dim=dims, member_dim=MEMBER)


def chi_squared_of_ranks(counts: np.ndarray) -> float:
    """Chi squared of counts of ranks against flat ones, per degree of freedom: about 1 for independent flat ranks."""
    expected = counts.sum() / len(counts)
    return float(((counts - expected) ** 2).sum() / expected / (len(counts) - 1)) if expected else float("nan")


def ranked_probability_score(forecast: xr.DataArray, truth: xr.DataArray, edges: np.ndarray) -> xr.DataArray:
    """Ranked probability score of the categories between ``edges`` (open at both ends), kept along every dimension.

    Squared differences of the cumulative probabilities at the edges, summed: the same as xskillscore's ``rps`` gives,
    which takes no arrays of forecasts without a reduction.
    """
    at = xr.DataArray(edges, dims="edge")
    return (((forecast <= at).mean(MEMBER) - (truth <= at)) ** 2).sum("edge")


def spread_skill_bins(squared_error: np.ndarray, spread_squared: np.ndarray, n_bins: int = 10) -> np.ndarray:
    """Count, sum of squared spreads and sum of squared errors, (row, 3, bin), of arrays (row, place).

    The bins have equal numbers of places of all rows by their spread; places of the same spread are in one bin.
    """
    edges = np.quantile(spread_squared, np.arange(1, n_bins) / n_bins)
    at = np.searchsorted(edges, spread_squared, side="right")
    index = (np.arange(len(at))[:, None] * n_bins + at).ravel()
    parts = [np.ones_like(spread_squared), spread_squared, squared_error]
    sums = [np.bincount(index, part.ravel(), minlength=len(at) * n_bins).reshape(len(at), n_bins) for part in parts]
    return np.stack(sums, axis=1)


def slope_of_bins(sums: np.ndarray) -> float:
    """Slope of rms error on spread over bins, from their sums (3, bin); NaN without spread.

    A reliable ensemble has 1 if it is large; the spread of few members is noisy, and the slope then less.
    """
    count, spread_squared, squared_error = sums[:, sums[0] > 0.0]
    x, y = np.sqrt(spread_squared / count), np.sqrt(squared_error / count)
    return float(np.polyfit(x, y, 1)[0]) if len(x) > 1 and np.ptp(x) > 0.0 else float("nan")


def event_counts(forecast: xr.DataArray, truth: xr.DataArray, threshold: float) -> xr.DataArray:
    """How often so many of M members were above a threshold, and how often the truth then was: (..., sum, category).

    The sums are forecasts and events; category k is the probability k / M. Counted are all dimensions but time and start.
    """
    n = forecast.sizes[MEMBER]
    category = (forecast > threshold).sum(MEMBER)
    event = truth > threshold
    at = xr.DataArray(np.arange(n + 1), dims="category")
    places = [dim for dim in truth.dims if dim not in ("time", "start")]
    inside = category == at
    return xr.concat([inside.sum(places), (inside & event).sum(places)], "sum").astype(float)


@dataclass(frozen=True)
class Brier:
    """The Brier score and its parts: score = reliability - resolution + uncertainty, and skill against the mean frequency.

    Source: Murphy (1973), doi:10.1175/1520-0450(1973)012<0595:ANVPOT>2.0.CO;2. The parts add up because every probability
    that an ensemble can give is a category of its own.
    """

    score: float
    reliability: float
    resolution: float
    uncertainty: float

    @property
    def skill(self) -> float:
        """1 - score / uncertainty; NaN if the event always or never happened."""
        return 1.0 - self.score / self.uncertainty if self.uncertainty else float("nan")


def brier(counts: np.ndarray) -> Brier:
    """From the counts (sum, category) of ``event_counts``."""
    forecasts, events = counts[:, counts[0] > 0.0]
    probability = np.flatnonzero(counts[0] > 0.0) / (counts.shape[1] - 1)
    frequency, share = events / forecasts, forecasts / forecasts.sum()
    mean = float(share @ frequency)
    reliability = float(share @ (probability - frequency) ** 2)
    resolution = float(share @ (frequency - mean) ** 2)
    uncertainty = mean * (1.0 - mean)
    return Brier(reliability - resolution + uncertainty, reliability, resolution, uncertainty)
