"""Offline evaluation on held-out times and climates: errors of heating and fluxes, by climate, cloud and latitude."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from pyemu import constants
from pyemu.data.radiation import load
from pyemu.data.vertical_grid import layer_thickness
from pyemu.zoo.checkpoint import Checkpoint
from pyemu.zoo.plasim_radiation import PlasimRadiationSystem
from pyemu.zoo.radiation import PRESSURE, flux_names

BATCH = 2000  # columns
HEATING_LIMIT = {"longwave": 0.2, "shortwave": 0.15}  # K day-1
FLUX_LIMIT = {"longwave": 1.0, "shortwave": None}  # W m-2, of the net flux at the top
BIAS_LIMIT = 0.2  # W m-2
LATITUDES = 32  # of the grid that is recorded
CLEAR, OVERCAST = 0.1, 0.9  # cloud covers that part the columns
Columns = dict[str, np.ndarray]


def evaluate(system: PlasimRadiationSystem, checkpoint: Checkpoint, path: Path) -> dict[str, Any]:
    """Scores of a trained network on a file of columns, ready for JSON.

    ``all``, the same by ``climate``, ``cloud`` and ``latitude``, and ``scores`` with their limits.
    """
    data = load(path)
    columns = {str(name): values.values for name, values in data.data_vars.items()}
    errors = _errors(system.band, predict(system, checkpoint.build(), columns), columns)
    whole = _summary(errors, np.ones(len(columns["cloud_area_fraction"]), bool))
    groups = {
        "climate": {name: columns["climate"] == name for name in np.unique(columns["climate"])},
        "cloud": _cloud_states(columns["cloud_area_fraction"]),
        "latitude": _zones(columns["global_id"]),
    }
    parts = {kind: {name: _summary(errors, mask) for name, mask in masks.items()} for kind, masks in groups.items()}
    return {"all": whole, **parts, "scores": _scores(system.band, whole)}


def predict(system: PlasimRadiationSystem, network: nn.Module, columns: Columns) -> Columns:
    """Run the physical graph of a trained network on numpy columns, outputs by name."""
    emulator = system.emulator(network).eval()
    inputs = [torch.from_numpy(np.ascontiguousarray(columns[item.name])) for item in system.inputs]
    with torch.no_grad():
        parts = [emulator(*batch) for batch in zip(*(values.split(BATCH) for values in inputs), strict=True)]
    names = [item.name for item in system.outputs]
    return {name: torch.cat(pieces).numpy() for name, pieces in zip(names, zip(*parts, strict=True), strict=True)}


def heating(up: np.ndarray, down: np.ndarray, pressure: np.ndarray) -> np.ndarray:
    """Heating rate [K day-1], (column, layer), of fluxes [W m-2] and pressure [Pa] at interfaces."""
    factor = constants.SECONDS_PER_DAY * constants.STANDARD_GRAVITY / constants.SPECIFIC_HEAT_OF_DRY_AIR
    return -factor * np.diff(down - up, axis=1) / layer_thickness(pressure)


def _errors(band: str, found: Columns, truth: Columns) -> Columns:
    """Differences of heating [K day-1] and net fluxes [W m-2], in double precision."""
    up, down, _ = flux_names(band)
    pressure = truth[PRESSURE].astype(np.float64)
    fluxes = [(values[up].astype(np.float64), values[down].astype(np.float64)) for values in (found, truth)]
    rates = [heating(*pair, pressure) for pair in fluxes]
    net = (fluxes[0][1] - fluxes[0][0]) - (fluxes[1][1] - fluxes[1][0])
    return {"heating": rates[0] - rates[1], "top": net[:, 0], "surface": net[:, -1]}


def _summary(errors: Columns, mask: np.ndarray) -> dict[str, float]:
    summary: dict[str, float] = {"columns": int(mask.sum())}
    for name, values in errors.items():
        chosen = values[mask]
        summary[f"{name}_rmse"] = float(np.sqrt(np.mean(np.square(chosen)))) if chosen.size else float("nan")
        summary[f"{name}_bias"] = float(chosen.mean()) if chosen.size else float("nan")
    return summary


def _cloud_states(cover: np.ndarray) -> dict[str, np.ndarray]:
    return {"clear": cover < CLEAR, "broken": (cover >= CLEAR) & (cover < OVERCAST), "overcast": cover >= OVERCAST}


def _zones(place: np.ndarray) -> dict[str, np.ndarray]:
    """Zones of a column's number in the grid, from 1, row by row of Gaussian latitudes."""
    latitudes = np.degrees(
        np.arcsin(np.polynomial.legendre.leggauss(LATITUDES)[0])
    )  # the zones do not tell north from south
    latitude = np.abs(latitudes[(place - 1) // (2 * LATITUDES)])
    return {"tropics": latitude < 30.0, "middle": (latitude >= 30.0) & (latitude < 60.0), "polar": latitude >= 60.0}


def _scores(band: str, whole: dict[str, float]) -> dict[str, dict[str, object]]:
    rows = {
        f"plasim_{band}_heating_rmse": (whole["heating_rmse"], HEATING_LIMIT[band], "K day-1", f"{band} heating"),
        f"plasim_{band}_top_rmse": (whole["top_rmse"], FLUX_LIMIT[band], "W m-2", f"{band} net flux at the top"),
        f"plasim_{band}_top_bias": (abs(whole["top_bias"]), BIAS_LIMIT, "W m-2", f"{band} net flux at the top, bias"),
    }
    return {
        name: {
            "value": value,
            "limit": limit,
            "pass": None if limit is None else value <= limit,
            "unit": unit,
            "title": title,
        }
        for name, (value, limit, unit, title) in rows.items()
    }
