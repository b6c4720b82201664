"""Random columns around base atmospheres: temperature, humidity, ozone, carbon dioxide, clouds and surface.

A climate is a pair (carbon dioxide factor, warming of the troposphere). Training and test draw from disjoint lists of
climates and of atmospheres, so that skill is measured on worlds the network has not seen.
"""

import numpy as np

from pyemu import constants
from pyemu.data.atmospheres import base_profiles, log_pressure_axis, specific_humidity
from pyemu.data.vertical_grid import interface_pressure, layer_pressure

Columns = dict[str, np.ndarray]
Generator = np.random.Generator

# (factors of carbon dioxide, warming of the troposphere [K]); every pair is a climate.
CLIMATES: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "train": ((0.5, 1.0, 2.0, 4.0), (-6.0, -2.0, 2.0, 6.0)),
    "validation": ((1.2, 3.4), (-3.0, 1.0, 5.0)),
    "test": ((0.7, 1.4, 2.8), (-4.0, 0.0, 4.0)),
}
IDEALISED_SHARE = 0.25  # of training columns: a lapse rate to a tropopause, then a simple stratosphere
TROPOPAUSE_PRESSURE = 15000.0  # Pa, where warming turns to cooling


def sample_columns(split: str, n_columns: int, rng: Generator) -> Columns:
    """Draw input columns of one split: every input variable of both bands, shapes (column, layer) or (column,)."""
    pressure = interface_pressure(_surface_pressure(n_columns, rng))
    p = layer_pressure(pressure)
    factor, warming = _climate(split, n_columns, rng)
    temperature, log_water, log_ozone = _base(split, p, rng)
    temperature = temperature + _climate_shift(p, warming, factor) + _temperature_noise(n_columns, rng)
    if split == "train":
        temperature = _idealised(temperature, p, rng)
    humidity = _humidity(temperature, log_water, p, rng)
    columns = {
        "air_temperature": temperature,
        "air_pressure_at_interfaces": pressure,
        "specific_humidity": humidity,
        "mole_fraction_of_ozone_in_air": np.exp(log_ozone + 0.25 * _smooth_noise(1.0, n_columns, rng)),
        "mole_fraction_of_carbon_dioxide_in_air": factor * constants.REFERENCE_CARBON_DIOXIDE_MOLE_FRACTION,
    }
    return columns | _clouds(temperature, pressure, rng) | _surface(temperature, rng)


def saturation_humidity(air_temperature: np.ndarray, air_pressure: np.ndarray) -> np.ndarray:
    """Saturation specific humidity [kg kg-1] over water, and over ice below 273.16 K.

    Magnus form, Alduchov and Eskridge 1996, doi:10.1175/1520-0450(1996)035<0601:IMFAOS>2.0.CO;2, eqs 21 and 23.
    """
    celsius = air_temperature - 273.15
    water = 610.94 * np.exp(17.625 * celsius / (celsius + 243.04))
    ice = 611.21 * np.exp(22.587 * celsius / (celsius + 273.86))
    vapour = np.minimum(np.where(celsius > 0.0, water, ice), 0.3 * air_pressure)
    return specific_humidity(vapour / (air_pressure - vapour))


def _surface_pressure(n: int, rng: Generator) -> np.ndarray:
    """Sea level for most columns, a quarter over terrain, [Pa]."""
    sea_level = rng.normal(101000.0, 1200.0, n)
    terrain = rng.uniform(60000.0, 100000.0, n)
    return np.clip(np.where(rng.random(n) < 0.25, terrain, sea_level), 58000.0, 105000.0)


def _climate(split: str, n: int, rng: Generator) -> tuple[np.ndarray, np.ndarray]:
    """Factor of carbon dioxide and warming [K] of every column, each near one climate of the list."""
    factors, warmings = (np.asarray(values) for values in CLIMATES[split])
    factor = rng.choice(factors, n) * np.exp(0.04 * rng.standard_normal(n))
    return factor, rng.choice(warmings, n) + 0.4 * rng.standard_normal(n)


def _base(split: str, p: np.ndarray, rng: Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mixtures of two atmospheres of the split, interpolated to each column's pressure, three (column, layer)."""
    profiles, n = base_profiles(split), len(p)
    weight = np.where(rng.random(n) < 0.4, 1.0, rng.random(n))[:, None, None]
    first, second = (profiles[rng.integers(len(profiles), size=n)] for _ in range(2))
    mixed = weight * first + (1.0 - weight) * second
    axis, log_p = log_pressure_axis(), np.log(p)
    temperature, log_water, log_ozone = (_interpolate(log_p, axis, mixed[:, kind]) for kind in range(3))
    return temperature, log_water, log_ozone


def _interpolate(x: np.ndarray, axis: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Row-wise linear interpolation: x (column, layer), axis (level,), values (column, level)."""
    index = np.clip(np.searchsorted(axis, x) - 1, 0, axis.size - 2)
    weight = np.clip((x - axis[index]) / (axis[index + 1] - axis[index]), 0.0, 1.0)
    rows = np.arange(len(x))[:, None]
    return (1.0 - weight) * values[rows, index] + weight * values[rows, index + 1]


def _climate_shift(p: np.ndarray, warming: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Warming grows with height up to the tropopause; the stratosphere cools with carbon dioxide [K]."""
    height = np.clip(np.log(100000.0 / p) / np.log(100000.0 / TROPOPAUSE_PRESSURE), 0.0, 1.0)
    tropospheric = warming[:, None] * (1.0 + 0.6 * height)
    above = np.clip(np.log(TROPOPAUSE_PRESSURE / p) / 2.0, 0.0, 1.0)
    cooling = -3.5 * np.log2(factor)[:, None] * np.clip(np.log(TROPOPAUSE_PRESSURE / p) / 4.0, 0.0, 1.5)
    return (1.0 - above) * tropospheric + above * cooling


def _smooth_noise(length: float, n: int, rng: Generator) -> np.ndarray:
    """Gaussian profiles of unit variance with a correlation length in log pressure, (column, layer)."""
    axis = log_pressure_axis()
    covariance = np.exp(-0.5 * ((axis[:, None] - axis) / length) ** 2) + 1e-6 * np.eye(axis.size)
    return rng.standard_normal((n, axis.size)) @ np.linalg.cholesky(covariance).T


def _temperature_noise(n: int, rng: Generator) -> np.ndarray:
    """Broad waves that grow with height, layers of a few kilometres, and a rough part near the surface [K]."""
    height = np.clip(np.log(100000.0 / np.exp(log_pressure_axis())), 0.0, 7.0)
    broad = (2.5 + 0.7 * height) * _smooth_noise(1.2, n, rng)
    layered = (1.2 + 0.25 * height) * _smooth_noise(0.35, n, rng)
    return broad + layered + 0.8 * _smooth_noise(0.07, n, rng)


def _idealised(temperature: np.ndarray, p: np.ndarray, rng: Generator) -> np.ndarray:
    """Replace a share of the columns by a constant or moist-like lapse rate under a simple stratosphere [K]."""
    n = len(p)
    surface, tropopause = rng.uniform(250.0, 312.0, (n, 1)), rng.uniform(170.0, 228.0, (n, 1))
    exponent = rng.uniform(0.12, 0.24, (n, 1)) * (p / p[:, -1:]) ** rng.uniform(-0.25, 0.15, (n, 1))
    troposphere = surface * (p / p[:, -1:]) ** exponent
    log_above = np.clip(np.log(rng.uniform(6000.0, 30000.0, (n, 1)) / p), 0.0, None)
    stratosphere = tropopause + rng.uniform(0.0, 16.0, (n, 1)) * np.minimum(log_above, rng.uniform(2.0, 7.0, (n, 1)))
    ideal = np.maximum(troposphere, stratosphere) + 0.4 * _temperature_noise(n, rng)
    return np.clip(np.where(rng.random((n, 1)) < IDEALISED_SHARE, ideal, temperature), 160.0, 330.0)


def _humidity(temperature: np.ndarray, log_water: np.ndarray, p: np.ndarray, rng: Generator) -> np.ndarray:
    """Relative humidity in the troposphere, mole fraction above: moist air follows the temperature [kg kg-1]."""
    n = len(p)
    saturation = saturation_humidity(temperature, p)
    surface_relative = rng.uniform(0.35, 1.0, (n, 1))
    decay = rng.uniform(0.2, 1.4, (n, 1))
    relative = surface_relative * (p / p[:, -1:]) ** decay * np.exp(0.5 * _smooth_noise(0.3, n, rng))
    tropospheric = np.log(np.clip(relative, 0.003, 1.0) * saturation)
    above = np.log(specific_humidity(np.exp(log_water))) + 0.2 * _smooth_noise(1.0, n, rng)
    weight = 1.0 / (1.0 + np.exp(-(np.log(p / TROPOPAUSE_PRESSURE)) / 0.25))
    return np.minimum(np.exp(weight * tropospheric + (1.0 - weight) * above), saturation)


def _clouds(temperature: np.ndarray, pressure: np.ndarray, rng: Generator) -> Columns:
    """Up to three overcast decks; a third of the columns is clear. Phase follows temperature [kg kg-1]."""
    p, n = layer_pressure(pressure), len(temperature)
    n_decks = rng.choice(4, size=n, p=[0.33, 0.35, 0.2, 0.12])
    condensate = np.zeros_like(p)
    for deck in range(3):
        present = (n_decks > deck)[:, None]
        condensate += np.where(present, _deck(p, pressure[:, -1:], rng), 0.0)
    condensate = np.minimum(condensate * _cold_scarcity(temperature), 5e-4)
    liquid_share = np.clip((temperature - 243.0) / rng.uniform(10.0, 30.0, (n, 1)), 0.0, 1.0)
    ice = (1.0 - liquid_share) * condensate * rng.uniform(0.2, 1.0, (n, 1))
    return {
        "mass_fraction_of_cloud_liquid_water_in_air": liquid_share * condensate,
        "mass_fraction_of_cloud_ice_in_air": ice,
    }


def _deck(p: np.ndarray, surface_pressure: np.ndarray, rng: Generator) -> np.ndarray:
    """One overcast deck: base, depth and path at random, condensate uneven between its layers [kg kg-1]."""
    n = len(p)
    base = surface_pressure * rng.uniform(0.12, 1.0, (n, 1))
    top = base - np.exp(rng.uniform(np.log(1500.0), np.log(50000.0), (n, 1)))
    inside = (p < base) & (p > np.maximum(top, 8000.0))
    amount = np.exp(rng.normal(np.log(8e-5), 1.0, (n, 1)) + 0.4 * rng.standard_normal(p.shape))
    return np.where(inside, amount, 0.0)


def _cold_scarcity(temperature: np.ndarray) -> np.ndarray:
    """Colder clouds hold less condensate, about as saturation does: a factor in (0.05, 1], (column, layer)."""
    return np.clip(np.exp((temperature - 262.0) / 25.0), 0.05, 1.0)


def _surface(temperature: np.ndarray, rng: Generator) -> Columns:
    """Skin temperature near the lowest layer, albedo of ocean, land and snow, sun anywhere above the horizon."""
    n = len(temperature)
    albedo = rng.choice(3, size=n, p=[0.45, 0.35, 0.2])
    bounds = np.array([[0.03, 0.12], [0.08, 0.45], [0.4, 0.9]])[albedo]
    cosine = rng.uniform(0.01, 1.0, n)
    spread = rng.choice([1.0, 5.0], n)
    return {
        "surface_temperature": np.clip(temperature[:, -1] + 0.7 + spread * rng.standard_normal(n), 185.0, 335.0),
        "surface_longwave_emissivity": np.where(rng.random(n) < 0.3, 1.0, rng.uniform(0.9, 1.0, n)),
        "surface_albedo": rng.uniform(bounds[:, 0], bounds[:, 1]),
        "cosine_of_solar_zenith_angle": cosine,
        "toa_incoming_shortwave_flux": cosine * constants.SOLAR_IRRADIANCE,
    }
