"""RRTMG of climt as the reference scheme: longwave and shortwave fluxes of columns.

RRTMG (Iacono et al. 2008, doi:10.1029/2008JD009944) comes compiled in the climt wheel. It wants layer 1 at the bottom,
keeps module state (so: processes, never threads) and stops the process when a shortwave cloud fraction lies strictly
between 0 and 1; this module therefore derives the fraction, 0 or 1, from the condensate itself.
"""

from functools import cache
from typing import Any

import numpy as np

from pyemu import constants
from pyemu.data.vertical_grid import layer_pressure, layer_thickness

Columns = dict[str, np.ndarray]

BANDS = ("longwave", "shortwave")
N_LONGWAVE_BANDS, N_SHORTWAVE_BANDS, N_AEROSOLS = 16, 14, 6
TABLE_TEMPERATURES = (161.0, 339.0)  # K, range of RRTMG's k-distribution tables
CONDENSATE = ("mass_fraction_of_cloud_liquid_water_in_air", "mass_fraction_of_cloud_ice_in_air")
CLIMT_WATER_RATIO = 18.02 / 28.964  # climt divides humidity by this to get a mole fraction


def radiation(columns: Columns, bands: tuple[str, ...] = BANDS) -> Columns:
    """Fluxes [W m-2] at interfaces and heating rates [K s-1] of the bands for columns on the top-first grid.

    Main arguments: ``columns`` holds every input of ``pyemu.fields`` for both bands, shapes (column, layer),
    (column, interface) or (column,). Raises ``ImportError`` when climt is missing.
    """
    state = _climt_state(columns)
    components = dict(zip(BANDS, _components(), strict=True))
    result: Columns = {}
    for band in bands:
        result |= _outputs(band, components[band].array_call(state)[1], columns)
    return result


def cloudy_radiation(columns: Columns, bands: tuple[str, ...] = BANDS) -> Columns:
    """The same for columns that are overcast in the part ``cloud_area_fraction`` (column,) of their area, clear in the rest.

    The overcast part holds the condensate given. Every output is linear in the cover.
    """
    clear = {name: np.zeros_like(columns[name]) for name in CONDENSATE}
    overcast, without = radiation(columns, bands), radiation(columns | clear, bands)
    share = columns["cloud_area_fraction"].astype(np.float64)[:, None]
    return {name: without[name] + share * (values - without[name]) for name, values in overcast.items()}


@cache
def _components() -> tuple[Any, Any]:
    """Build the two climt components once per process."""
    import climt
    import sympl

    sympl.set_constant("stellar_irradiance", constants.SOLAR_IRRADIANCE, "W/m^2")
    options = {"cloud_ice_properties": "ebert_curry_two"}
    longwave = climt.RRTMGLongwave(calculate_interface_temperature=False, **options)
    return longwave, climt.RRTMGShortwave(ignore_day_of_year=True, **options)


def interface_temperature(air_temperature: np.ndarray, air_pressure_at_interfaces: np.ndarray) -> np.ndarray:
    """Temperature at interfaces [K], (column, interface).

    Linear in log pressure between neighbouring layers and down to the surface; the top interface takes the top layer.
    """
    log_p = np.log(layer_pressure(air_pressure_at_interfaces))
    slope = np.diff(air_temperature, axis=1) / np.diff(log_p, axis=1)
    log_below = np.log(air_pressure_at_interfaces[:, 1:])
    slope = np.concatenate([slope, slope[:, -1:]], axis=1)
    below = air_temperature + slope * (log_below - log_p)
    return np.concatenate([air_temperature[:, :1], below], axis=1)


def heating_rate(net_downward_flux: np.ndarray, air_pressure_at_interfaces: np.ndarray) -> np.ndarray:
    """Heating rate [K s-1], (column, layer), from the net downward flux [W m-2], (column, interface)."""
    factor = constants.STANDARD_GRAVITY / constants.SPECIFIC_HEAT_OF_DRY_AIR
    return -factor * np.diff(net_downward_flux, axis=1) / layer_thickness(air_pressure_at_interfaces)


def water_mole_fraction(specific_humidity: np.ndarray) -> np.ndarray:
    """Water vapour per dry air [mol mol-1] from specific humidity [kg kg-1] of moist air."""
    ratio = specific_humidity / (1.0 - specific_humidity)
    return ratio * constants.MOLAR_MASS_OF_DRY_AIR / constants.MOLAR_MASS_OF_WATER


def _climt_state(columns: Columns) -> Columns:
    """The arrays climt reads: bottom first, (layer, column), pressures in hPa, cloud paths in g m-2."""
    pressure = columns["air_pressure_at_interfaces"].astype(np.float64)
    temperature = columns["air_temperature"].astype(np.float64)
    n_columns, n_layers = temperature.shape
    in_tables = np.clip(interface_temperature(temperature, pressure), *TABLE_TEMPERATURES)
    state = {
        "air_pressure": layer_pressure(pressure) / 100.0,
        "air_pressure_on_interface_levels": pressure / 100.0,
        "air_temperature": np.clip(temperature, *TABLE_TEMPERATURES),
        "air_temperature_on_interface_levels": in_tables,
        "specific_humidity": water_mole_fraction(columns["specific_humidity"].astype(np.float64)) * CLIMT_WATER_RATIO,
        "mole_fraction_of_ozone_in_air": columns["mole_fraction_of_ozone_in_air"],
    }
    state |= _clouds(columns, pressure) | _well_mixed_gases(columns, n_layers)
    state = {name: _bottom_first(values) for name, values in state.items()}
    return state | _surface(columns) | _without_aerosol(n_layers, n_columns)


def _bottom_first(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values.T[::-1], dtype=np.float64)


def _clouds(columns: Columns, pressure: np.ndarray) -> Columns:
    """Overcast wherever there is condensate, nothing in between."""
    air_mass = layer_thickness(pressure) / constants.STANDARD_GRAVITY  # kg m-2
    liquid = columns["mass_fraction_of_cloud_liquid_water_in_air"] * air_mass
    ice = columns["mass_fraction_of_cloud_ice_in_air"] * air_mass
    return {
        "cloud_area_fraction_in_atmosphere_layer": (liquid + ice > 0.0).astype(np.float64),
        "mass_content_of_cloud_liquid_water_in_atmosphere_layer": 1000.0 * liquid,
        "mass_content_of_cloud_ice_in_atmosphere_layer": 1000.0 * ice,
        "cloud_water_droplet_radius": np.full_like(air_mass, constants.CLOUD_LIQUID_EFFECTIVE_RADIUS_UM),
        "cloud_ice_particle_size": np.full_like(air_mass, constants.CLOUD_ICE_EFFECTIVE_RADIUS_UM),
    }


def _well_mixed_gases(columns: Columns, n_layers: int) -> Columns:
    carbon_dioxide = columns["mole_fraction_of_carbon_dioxide_in_air"].astype(np.float64)
    ones = np.ones((carbon_dioxide.size, n_layers))
    absent = ("cfc11", "cfc12", "cfc22", "carbon_tetrachloride")
    return {
        "mole_fraction_of_carbon_dioxide_in_air": ones * carbon_dioxide[:, None],
        "mole_fraction_of_methane_in_air": ones * constants.METHANE_MOLE_FRACTION,
        "mole_fraction_of_nitrous_oxide_in_air": ones * constants.NITROUS_OXIDE_MOLE_FRACTION,
        "mole_fraction_of_oxygen_in_air": ones * constants.OXYGEN_MOLE_FRACTION,
    } | {f"mole_fraction_of_{gas}_in_air": 0.0 * ones for gas in absent}


def _surface(columns: Columns) -> Columns:
    albedo = columns["surface_albedo"].astype(np.float64)
    kinds = [f"{light}_{part}" for light in ("direct", "diffuse") for part in ("shortwave", "near_infrared")]
    emissivity = columns["surface_longwave_emissivity"].astype(np.float64)
    cosine = np.clip(columns["cosine_of_solar_zenith_angle"].astype(np.float64), 0.0, 1.0)
    return {f"surface_albedo_for_{kind}": albedo for kind in kinds} | {
        "surface_temperature": columns["surface_temperature"].astype(np.float64),
        "surface_longwave_emissivity": np.tile(emissivity, (N_LONGWAVE_BANDS, 1)),
        "zenith_angle": np.arccos(cosine),
        "solar_cycle_fraction": np.array(0.0),
        "flux_adjustment_for_earth_sun_distance": np.array(1.0),
        "time": np.array(0.0),  # read but unused, since the day of the year is ignored
    }


def _without_aerosol(n_layers: int, n_columns: int) -> Columns:
    """Zero optical properties in every array climt insists on; they are unused with these choices."""
    longwave = np.zeros((N_LONGWAVE_BANDS, n_layers, n_columns))
    shortwave = np.zeros((N_SHORTWAVE_BANDS, n_layers, n_columns))
    per_layer = np.zeros((n_layers, n_columns, N_SHORTWAVE_BANDS))
    aerosol = ("shortwave_optical_thickness", "single_scattering_albedo")
    cloud = ("single_scattering_albedo_due_to_cloud", "cloud_asymmetry_parameter", "cloud_forward_scattering_fraction")
    return (
        {
            "longwave_optical_thickness_due_to_aerosol": longwave,
            "longwave_optical_thickness_due_to_cloud": np.zeros((n_layers, n_columns, N_LONGWAVE_BANDS)),
            "aerosol_asymmetry_parameter": shortwave,
            "aerosol_optical_depth_at_55_micron": np.zeros((N_AEROSOLS, n_layers, n_columns)),
            "shortwave_optical_thickness_due_to_cloud": per_layer,
        }
        | {f"{name}_due_to_aerosol": shortwave for name in aerosol}
        | {name: per_layer for name in cloud}
    )


def _outputs(band: str, diagnostics: Columns, columns: Columns) -> Columns:
    """Top-first fluxes, scaled to the column's own incoming solar flux in the shortwave, and their divergence."""
    up, down = (diagnostics[f"{way}welling_{band}_flux_in_air"][::-1].T for way in ("up", "down"))
    if band == "shortwave":
        scale = _solar_scale(columns)
        up, down = up * scale, down * scale
    heating = heating_rate(down - up, columns["air_pressure_at_interfaces"].astype(np.float64))
    return {
        f"upwelling_{band}_flux_in_air_at_interfaces": up,
        f"downwelling_{band}_flux_in_air_at_interfaces": down,
        f"tendency_of_air_temperature_due_to_{band}_heating": heating,
    }


def _solar_scale(columns: Columns) -> np.ndarray:
    """Ratio of the asked incoming flux to irradiance times cosine, (column, 1); 0 at night. RRTMG is linear in it."""
    cosine = columns["cosine_of_solar_zenith_angle"].astype(np.float64)
    full = np.where(cosine > 0.0, constants.SOLAR_IRRADIANCE * cosine, np.inf)
    return (columns["toa_incoming_shortwave_flux"] / full)[:, None]
