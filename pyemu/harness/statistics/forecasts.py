"""Scores of ensemble forecasts against truth: arrays with the dimensions ``start`` and ``member`` beside others.

Finite ensembles: with M members the spread that matches the error of the mean is sqrt((M + 1) / M) times the standard
deviation, Leutbecher and Palmer (2008), doi:10.1016/j.jcp.2007.02.014, section 2; the fair CRPS is that of Ferro (2014),
doi:10.1002/qj.2270.
"""

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


def reliability_of_event(forecast: xr.DataArray, truth: xr.DataArray, threshold: float) -> xr.DataArray:
    """Observed frequency of "above the threshold" by forecast probability, over everything; ``samples`` counts."""
    probability = (forecast > threshold).mean(MEMBER)
    return xskillscore.reliability(truth > threshold, probability, dim=list(truth.dims))


def ranked_probability_score(forecast: xr.DataArray, truth: xr.DataArray, edges: np.ndarray) -> xr.DataArray:
    """Ranked probability score of the categories between ``edges`` (open at both ends), kept along every dimension.

    Squared differences of the cumulative probabilities at the edges, summed: the same as xskillscore's ``rps`` gives,
    which takes no arrays of forecasts without a reduction.
    """
    at = xr.DataArray(edges, dims="edge")
    return (((forecast <= at).mean(MEMBER) - (truth <= at)) ** 2).sum("edge")


def spread_skill_slope(squared_error: np.ndarray, spread_squared: np.ndarray, n_bins: int = 10) -> float:
    """Slope of rms error on spread over bins of equal size by spread: 1 for a reliable ensemble; NaN without spread."""
    order = np.argsort(spread_squared, axis=None)
    groups = np.array_split(order, n_bins)
    x = np.array([np.sqrt(spread_squared.ravel()[group].mean()) for group in groups])
    y = np.array([np.sqrt(squared_error.ravel()[group].mean()) for group in groups])
    return float(np.polyfit(x, y, 1)[0]) if np.ptp(x) > 0.0 else float("nan")
