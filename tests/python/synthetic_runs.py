"""Files in the format of the column host whose equilibrium, trend, residual and cost are known beforehand."""

from pathlib import Path

import numpy as np
import xarray as xr

from pyemu.constants import SECONDS_PER_DAY, SPECIFIC_HEAT_OF_DRY_AIR, STANDARD_GRAVITY
from pyemu.harness.radiation.settings import CoupleConfig
from pyemu.harness.run import Run

COLUMNS, LAYERS = 5, 8


def config(folder: Path, **changes: object) -> CoupleConfig:
    """Two climates, one of them outside the training range, of 20 days."""
    values: dict[str, object] = {
        "title": "Synthetic runs",
        "longwave_file": folder / "longwave.onnx",
        "shortwave_file": folder / "shortwave.onnx",
        "output_dir": folder / "output",
        "days": 20.0,
        "averaging_days": 5.0,
        "drift_days": 10.0,
        "climates": [
            {"name": "control", "title": "Control", "inside_training_range": True},
            {"name": "hothouse", "title": "Hothouse", "inside_training_range": False, "host": {"sst_offset": 8.0}},
        ],
    }
    return CoupleConfig.model_validate(values | changes)


def write_run(
    path: Path,
    *,
    days: int = 20,
    warmer: float = 0.0,
    trend: float = 0.0,
    olr: float = 240.0,
    residual: float = 1e-10,
    microseconds: float = 500.0,
) -> Path:
    """A run of ``days`` days: ``warmer`` [K] than the standard column, ``trend`` [K per 100 days]."""
    time = np.arange(days + 1.0)
    surface = np.linspace(0.98e5, 1.02e5, COLUMNS)
    interfaces = 10.0 + np.linspace(0.0, 1.0, LAYERS + 1) ** 2 * surface[:, None]
    pressure = 0.5 * (interfaces[:, 1:] + interfaces[:, :-1])
    drifted = warmer + trend * time[:, None, None] / 100.0
    temperature = 200.0 + 80.0 * (pressure / surface[:, None]) + drifted  # (time, column, layer)
    mass = np.diff(interfaces, axis=1) / STANDARD_GRAVITY
    enthalpy = SPECIFIC_HEAT_OF_DRY_AIR * (temperature * mass).sum(axis=2)
    data = {
        "latitude": ("column", np.array([50.0, 0.0, -10.0, 30.0, 60.0]), {"units": "degrees_north"}),
        "cloud_regime": ("column", np.arange(COLUMNS) % 5.0, {"units": "1"}),
        "air_pressure": (("column", "layer"), pressure, {"units": "Pa"}),
        "air_pressure_at_interfaces": (("column", "interface"), interfaces, {"units": "Pa"}),
        "air_temperature": (("time", "column", "layer"), _sparse(temperature), {"units": "K"}),
        "atmosphere_enthalpy_content": (("time", "column"), enthalpy, {"units": "J m-2"}),
        "radiation_column_calls": ("time", COLUMNS * (4.0 * time + 1.0)),
    }
    for band, share in (("longwave", 0.25), ("shortwave", 0.75)):
        data[f"{band}_cpu_time"] = ("time", share * 1e-6 * microseconds * COLUMNS * (4.0 * time + 1.0))
        data[f"{band}_energy_residual"] = _series(time, residual if band == "longwave" else 0.1 * residual)
        heating = np.full_like(temperature, (-2.0 if band == "longwave" else 1.0) / SECONDS_PER_DAY)
        name = f"tendency_of_air_temperature_due_to_{band}_heating"
        data[name] = (("time", "column", "layer"), _sparse(heating), {"units": "K s-1"})
    fluxes = {
        "column_energy_residual": 1e-9,
        "toa_outgoing_longwave_flux": olr,
        "toa_net_downward_shortwave_flux": 238.0,
        "surface_net_downward_longwave_flux": -60.0,
        "surface_net_downward_shortwave_flux": 170.0,
        "surface_temperature": 288.0,
    }
    data |= {name: _series(time, value) for name, value in fluxes.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    xr.Dataset(data, coords={"time": time, "column": np.arange(1.0, COLUMNS + 1.0)}).to_netcdf(path)
    return path


def _series(time: np.ndarray, value: float) -> tuple[tuple[str, str], np.ndarray, dict[str, str]]:
    return ("time", "column"), np.full((len(time), COLUMNS), value), {"units": "W m-2"}


def _sparse(values: np.ndarray) -> np.ndarray:
    """Profiles are only in every other record, as in files of the host."""
    kept = values.copy()
    kept[1::2] = np.nan
    return kept


def run_of(climate: str, scheme: str, folder: Path) -> Run:
    """A run that has been made in ``folder``."""
    return Run({"climate": climate, "scheme": scheme}, folder, (), {}, "column.nc", "")
