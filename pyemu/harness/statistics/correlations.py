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


def pattern_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Centred correlation of two maps; NaN if one is constant."""
    x, y = a.ravel() - a.mean(), b.ravel() - b.mean()
    norm = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / norm if norm else float("nan")
