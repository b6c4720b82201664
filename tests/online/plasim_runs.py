"""Runs of PlaSim that several test files look at."""

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from pyemu.hosts.plasim import RESTART_OUT, run

needs_plasim = pytest.mark.skipif(importlib.util.find_spec("exoplasim") is None, reason="exoplasim is not installed")
CLOCKS = ("radiation_seconds", "processor_seconds")


def made(folder: Path, ranks: int = 1, **entries: Any) -> xr.Dataset:
    """What a run leaves, in memory; daily means unless said otherwise."""
    path = run(folder, {"output_interval_days": 1.0, **entries}, ranks=ranks)
    return opened(path)


def opened(path: Path) -> xr.Dataset:
    with xr.open_dataset(path, decode_times=False) as data:
        return data.load()


def status_of(folder: Path) -> Path:
    """The restart file of a run."""
    return folder / RESTART_OUT


def global_mean(values: xr.DataArray) -> xr.DataArray:
    """Mean by area, with Gaussian weights; other dimensions than time count alike."""
    weights = xr.DataArray(np.polynomial.legendre.leggauss(values.sizes["lat"])[1] / 2.0, dims="lat")
    rest = [dim for dim in values.dims if dim not in ("time", "lat")]
    return (values.mean(rest) * weights).sum("lat")


def different(a: xr.Dataset, b: xr.Dataset) -> list[str]:
    """Variables in which two datasets, in time as long, differ by a bit, clocks left out."""
    names = [name for name in a.data_vars if name not in CLOCKS]
    return [str(name) for name in names if a[name].values.tobytes() != b[name].values.tobytes()]
