"""Units of the host's time."""

from collections.abc import Sequence

import xarray as xr

SECONDS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}
SHORT = {"s": "second", "sec": "second", "min": "minute", "h": "hour", "hr": "hour", "d": "day"}


def unit_of_time(time: xr.DataArray) -> str:
    """The unit in the attributes of a time, without "since ...": "days", for instance; "unit of time" if there is none."""
    return str(time.attrs.get("units", "unit of time")).split(" since ")[0]


def time_label(times: Sequence[xr.DataArray]) -> str:
    """The label of an axis of time: with the unit of the first, if that has one."""
    units = times[0].attrs.get("units") if times else None
    return f"time / {unit_of_time(times[0])}" if units not in (None, "", "1") else "time"


def per_unit_of_time(unit: str, time: xr.DataArray) -> str:
    """The unit of a rate, such as "K per day"."""
    name = unit_of_time(time)
    return f"{unit} per {name.removesuffix('s') if len(name) > 1 else name}"


def seconds_in(time: xr.DataArray) -> float:
    """Seconds in a unit of time; 1 for a unit that is none of second, minute, hour and day, such as that of a toy model."""
    name = unit_of_time(time).strip().lower().removesuffix("s") or "s"
    return SECONDS.get(SHORT.get(name, name), 1.0)
