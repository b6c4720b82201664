"""Results of runs that were never made: series with known statistics, as metrics see them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from pyemu.harness.metrics import Finding, Number
from pyemu.harness.results import Result, Results

HOURS = {"units": "hours since 2000-01-01"}


def results(cases: Mapping[str, Sequence[xr.Dataset]], **of_runs: Any) -> Results:
    """One run for each dataset; the first case is the reference. ``of_runs`` are further attributes of every run."""
    runs = [
        Result(case, "run", seed, one, float(one["time"][-1]), False, "", 10.0, **of_runs)
        for case, found in cases.items()
        for seed, one in enumerate(found, start=1)
    ]
    titles = {case: case.replace("_", " ").capitalize() for case in cases}
    return Results(runs, titles, next(iter(cases)), {"run": 0.0})


def series(time_step: float = 1.0, units: str = "m", **values: np.ndarray) -> xr.Dataset:
    """Arrays (time, place...) by name; the places are x, or y and x."""
    found = {}
    for name, array in values.items():
        dims = ("time", *("y", "x")[3 - array.ndim :])
        found[name] = xr.DataArray(array, dims=dims, attrs={"units": units})
    n = len(next(iter(values.values())))
    return xr.Dataset(found, coords={"time": ("time", time_step * np.arange(n), HOURS)})


def number(finding: Finding, name: str, case: str) -> Number:
    """The only number of a name and case."""
    found = [one for one in finding.numbers if (one.name, one.case) == (name, case)]
    assert len(found) == 1, (
        f"{name} of {case} is there {len(found)} times; names: {sorted({n.name for n in finding.numbers})}"
    )
    return found[0]


def draw_all(finding: Finding) -> None:
    """Every figure can be drawn."""
    for drawing in finding.drawings:
        assert drawing.draw().axes
