"""Gates of a coupled test of radiation, and of the offline scores that it is given."""

import json
import math
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr

from pyemu.config import ConfigError
from pyemu.harness.gates import Gate
from pyemu.harness.radiation.guard import largest_residual, largest_share
from pyemu.harness.radiation.metrics import RESIDUALS
from pyemu.harness.radiation.settings import ClimateConfig, CoupleConfig


def coupled_gates(combined: xr.Dataset, config: CoupleConfig) -> list[Gate]:
    """Gates of the climates inside the training range, and the cost."""
    gates = [
        gate
        for climate in config.climates
        if climate.inside_training_range
        for gate in climate_gates(combined, config, climate)
    ]
    ratio = float(combined["cost_ratio"])
    cost = Gate(
        "coupled_cost_ratio", ratio, config.limits.cost_ratio, "1",
        "RRTMG over emulator processor time, per column, counted in the host", "at least",
    )  # fmt: skip
    return [*gates, cost]


def climate_gates(combined: xr.Dataset, config: CoupleConfig, climate: ClimateConfig) -> list[Gate]:
    """The four questions asked of one climate."""
    found = combined.sel(climate=climate.name)
    emulator, limits = found.sel(scheme="emulator"), config.limits
    residual = float(np.max([emulator[f"largest_{name}"] for name in RESIDUALS[:2]]))
    rows: list[tuple[str, float, float, str, str, Literal["at most", "at least"]]] = [
        ("days_completed", float(emulator["days_completed"]), config.days, "day",
         "days without a stop", "at least"),
        ("temperature_difference", abs(float(found["temperature_difference"])), limits.temperature, "K",
         "difference of the equilibrium temperature, mean by mass", "at most"),
        ("olr_difference", abs(float(found["olr_difference"])), limits.outgoing_longwave, "W m-2",
         "difference of the mean outgoing longwave flux", "at most"),
        ("column_energy_residual", residual, limits.column_energy, "W m-2",
         "largest difference of heating and net flux in a column, every call", "at most"),
    ]  # fmt: skip
    if limits.fallback_share is not None:
        rows.append(("fallback_share", largest_share(emulator), limits.fallback_share, "1",
                     "share of column calls that RRTMG computed behind the guard", "at most"))  # fmt: skip
    if limits.budget_residual is not None:
        rows.append(("budget_residual", largest_residual(emulator), limits.budget_residual, "W m-2",
                     "largest residual of the budgets on the cards, every call", "at most"))  # fmt: skip
    return [
        Gate(f"coupled_{climate.name}_{name}", value, limit, unit, f"{climate.title}: {title}", sense)
        for name, value, limit, unit, title, sense in rows
    ]


def offline_gates(path: Path) -> list[Gate]:
    """Scores of the emulator on stored columns, as written by the evaluation: name -> value, limit, pass, unit.

    Raises:
        ConfigError: the file is missing or has another form.
    """
    try:
        scores = json.loads(Path(path).read_text(encoding="utf-8"))
        return [_offline_gate(name, score) for name, score in scores.items()]
    except OSError as error:
        raise ConfigError(
            f"offline scores {path} cannot be read ({error.strerror}): write them with 'pyemu evaluate'"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"offline scores {path} are damaged ({error!r}); expected name -> "
            '{"value": number, "limit": number or null, "pass": true, false or null, "unit": text}'
        ) from error


def _offline_gate(name: str, score: dict[str, Any]) -> Gate:
    value = math.nan if score["value"] is None else float(score["value"])
    limit = None if score["limit"] is None else float(score["limit"])
    if score["pass"] not in (True, False, None):
        raise ValueError(f"'pass' of {name} is {score['pass']!r}")
    title = str(score.get("title") or name.replace("_", " "))
    return Gate(name, value, limit, str(score["unit"]), title, given=score["pass"])
