"""Correlations in time and space."""

import numpy as np
import xarray as xr


def lagged_products(values: xr.DataArray, lags: np.ndarray) -> xr.DataArray:
    """Means of x(t) x(t + lag) over time and every other dimension, (lag,), from anomalies ``values`` along ``time``."""
    rows = values.transpose("time", ...).values.reshape(values.sizes["time"], -1)
    n = len(rows)
    products = [float((rows[: n - lag] * rows[lag:]).mean()) if lag < n else float("nan") for lag in lags]
    return xr.DataArray(products, dims="lag", coords={"lag": lags})


def cyclic_products(values: xr.DataArray, dim: str, distances: np.ndarray) -> xr.DataArray:
    """Means of x(k) x(k + distance) around a cyclic dimension, (distance,), from anomalies."""
    rows = values.transpose(..., dim).values
    products = [float((rows * np.roll(rows, -int(d), axis=-1)).mean()) for d in distances]
    return xr.DataArray(products, dims="distance", coords={"distance": distances})


def pattern_correlation(a: np.ndarray, b: np.ndarray, share: np.ndarray | None = None) -> float:
    """Centred correlation of two maps, places weighted by their ``share``; NaN if one map is constant."""
    if not np.ptp(a) or not np.ptp(b):
        return float("nan")
    w = np.full(a.size, 1.0 / a.size) if share is None else share.ravel() / share.sum()
    x, y = a.ravel() - a.ravel() @ w, b.ravel() - b.ravel() @ w
    return float((w * x) @ y) / float(np.sqrt(((w * x) @ x) * ((w * y) @ y)))
