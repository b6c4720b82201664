"""Power spectra in space."""

import warnings
from collections.abc import Sequence

import numpy as np
import xarray as xr
import xrft


def isotropic_spectrum(field: xr.DataArray, dims: tuple[str, str]) -> xr.DataArray:
    """Power per wave number of a field on a square grid, mean over rings, (..., freq_r); the mean is taken out first.

    ``dims`` have coordinates of equal distance; ``freq_r`` is in cycles per their unit.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # xrft uses a form of drop that xarray will remove
        return xrft.isotropic_power_spectrum(field, dim=list(dims), detrend="constant", truncate=True, nfactor=2)


def line_spectrum(field: xr.DataArray, dim: str) -> xr.DataArray:
    """Power per wave number along one cyclic dimension, (..., freq): its sum is the variance along the dimension."""
    n = field.sizes[dim]
    amplitude = xr.apply_ufunc(np.fft.rfft, field, input_core_dims=[[dim]], output_core_dims=[["freq"]]) / n
    twice = np.full(n // 2 + 1, 2.0)
    twice[0] = 1.0
    if n % 2 == 0:
        twice[-1] = 1.0
    power = abs(amplitude) ** 2 * xr.DataArray(twice, dims="freq")
    return power.assign_coords(freq=np.arange(n // 2 + 1.0)).isel(freq=slice(1, None))


def power_spectrum(values: xr.DataArray, dims: Sequence[str]) -> xr.DataArray:
    """Power by wave number, (..., freq): along one cyclic dimension, or isotropic in two."""
    if len(dims) == 1:
        return line_spectrum(values, dims[0])
    return isotropic_spectrum(values, (dims[0], dims[1])).rename(freq_r="freq")


def log_distance(p: np.ndarray, q: np.ndarray) -> float:
    """Root mean square of the difference of the logarithms to base 10 over wave numbers where both have power."""
    good = (p > 0.0) & (q > 0.0)
    return float(np.sqrt(np.mean((np.log10(p[good]) - np.log10(q[good])) ** 2))) if good.any() else float("nan")
