"""What the guard found in coupled runs: shares of flagged columns, counts by variable and reason, residuals of budgets."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr

from pyemu.harness.radiation.settings import CoupleConfig

BANDS = ("longwave", "shortwave")
REASONS = {1: "not finite", 2: "outside the valid range", 4: "outside the range seen in training"}
COUNT = "_guard_count_of_"


@dataclass(frozen=True)
class GuardRow:
    """One band of one climate: shares of column calls [1], residuals [W m-2]; NaN where the guard did not look."""

    climate: str
    band: str
    flagged: float
    rrtmg: float
    rms: float
    largest: float


@dataclass(frozen=True)
class CountRow:
    """How often one reason was found in one variable, and the level where most often, counted from 1; 0 without levels."""

    climate: str
    band: str
    variable: str
    reason: str
    count: int
    level: int


def guard_numbers(run: xr.Dataset) -> xr.Dataset:
    """Numbers of one run for the report; empty for a run without a guard or without a record."""
    if "longwave_flagged_columns" not in run or not run.sizes["time"]:
        return xr.Dataset()
    calls = float(run["radiation_column_calls"][-1])
    found = xr.Dataset()
    for band in BANDS:
        for kind in ("flagged", "rrtmg"):
            share = float(run[f"{band}_{kind}_columns"].sum()) / calls if calls else float("nan")
            found[f"{band}_{kind}_share"] = xr.DataArray(share, attrs={"units": "1"})
        for name in _budget_names(run, band):
            last = run[name].isel(time=-1)
            found[name] = (abs(last).max() if name.endswith("largest") else last.max()).assign_attrs(run[name].attrs)
    counts = [str(name) for name in run.data_vars if COUNT in str(name)]
    return found.merge(run[counts]).drop_vars(("layer", "interface"), errors="ignore")


def guard_rows(data: xr.Dataset, config: CoupleConfig) -> list[GuardRow]:
    """The table of shares and budgets; empty without a guard."""
    if config.guard is None:
        return []
    return [
        GuardRow(
            climate.title,
            band,
            *(
                _value(data, name, climate.name)
                for name in (
                    f"{band}_flagged_share",
                    f"{band}_rrtmg_share",
                    f"{band}_budget_rms",
                    f"{band}_budget_largest",
                )
            ),
        )
        for climate in config.climates
        for band in BANDS
    ]


def count_rows(data: xr.Dataset, config: CoupleConfig) -> list[CountRow]:
    """The table of counts: what was found at least once."""
    return [row for climate in config.climates for row in _counts_of(data, climate.name, climate.title)]


def largest_residual(emulator: xr.Dataset) -> float:
    """Largest residual of all budgets of one climate [W m-2]; NaN if none was computed."""
    names = [f"{band}_budget_largest" for band in BANDS if f"{band}_budget_largest" in emulator]
    return float(np.max([emulator[name] for name in names])) if names else float("nan")


def largest_share(emulator: xr.Dataset) -> float:
    """Share of column calls that RRTMG computed, the larger of both bands [1]; NaN without a guard."""
    names = [f"{band}_rrtmg_share" for band in BANDS if f"{band}_rrtmg_share" in emulator]
    return float(np.max([emulator[name] for name in names])) if names else float("nan")


def _budget_names(run: xr.Dataset, band: str) -> list[str]:
    names = (f"{band}_budget_{kind}" for kind in ("columns", "exceeded", "rms", "largest"))
    return [name for name in names if name in run]


def _value(data: xr.Dataset, name: str, climate: str) -> float:
    return float(data[name].sel(climate=climate, scheme="emulator")) if name in data else float("nan")


def _counts_of(data: xr.Dataset, climate: str, title: str) -> Iterator[CountRow]:
    for name in (str(name) for name in data.data_vars if COUNT in str(name)):
        band, variable = name.split(COUNT)
        counts = data[name].sel(climate=climate, scheme="emulator").fillna(0.0)
        for reason, text in REASONS.items():
            levels = np.atleast_1d(counts.sel(guard_reason=reason).values)
            if levels.sum():
                level = int(levels.argmax()) + 1 if levels.size > 1 else 0
                yield CountRow(title, band, variable, text, int(levels.sum()), level)
