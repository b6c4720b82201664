"""Means over places of a sphere: rows of latitude count by their area."""

from collections.abc import Hashable, Iterable

import numpy as np
import xarray as xr

LATITUDE = "lat"


def area_weights(values: xr.DataArray | xr.Dataset) -> xr.DataArray | None:
    """Shares of the sphere by row, (lat,), if there is a dimension ``lat`` with a coordinate in ``degrees_north``; else None.

    Rows of a Gaussian grid have Gaussian weights, all others the area up to the middle between neighbours.
    """
    if LATITUDE not in values.dims or LATITUDE not in values.coords:
        return None
    latitude = values[LATITUDE]
    if latitude.attrs.get("units") != "degrees_north" or latitude.size < 2:
        return None
    sine = np.sin(np.radians(latitude.values.astype(float)))
    order = np.argsort(sine)
    nodes, weights = np.polynomial.legendre.leggauss(latitude.size)
    if not np.allclose(sine[order], nodes, rtol=0.0, atol=1e-5):
        angle = np.arcsin(sine[order])
        weights = np.diff(np.sin([-np.pi / 2, *(0.5 * (angle[1:] + angle[:-1])), np.pi / 2]))
    shares = np.empty(latitude.size)
    shares[order] = weights / 2.0
    return xr.DataArray(shares, dims=LATITUDE, coords={LATITUDE: latitude})


def mean_over(values: xr.DataArray, dims: Iterable[Hashable]) -> xr.DataArray:
    """Mean over dimensions, with attributes kept; latitudes by their area, all others alike."""
    dims = list(dims)
    weights = area_weights(values) if LATITUDE in dims else None
    if weights is None:
        return values.mean(dims, keep_attrs=True)
    return values.weighted(weights).mean(dims, keep_attrs=True)


def share_of_places(values: xr.DataArray, places: Iterable[Hashable]) -> xr.DataArray:
    """What every place counts in a mean over places, (place...), the sum of which is 1."""
    where = values.isel({dim: 0 for dim in values.dims if dim not in list(places)}, drop=True)
    share = xr.ones_like(where, dtype=float).drop_attrs()
    weights = area_weights(values)
    share = share if weights is None or LATITUDE not in share.dims else share * weights
    return (share / share.sum()).transpose(*where.dims)
