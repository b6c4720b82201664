"""Base atmospheres on the 60-layer grid: AFGL-1986 and MIPAS-2007 profiles, each assigned to one split.

Profiles come with the joseki package (Anderson et al. 1986, AFGL-TR-86-0110; Remedios et al. 2007,
doi:10.5194/acpd-7-9973-2007). A split holds whole atmospheres, so no column of the test set has a relative in training.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from pyemu.data.rrtmg import water_mole_fraction
from pyemu.data.vertical_grid import interface_pressure, layer_pressure

SPLITS: dict[str, tuple[str, ...]] = {
    "train": (
        "afgl_1986-tropical",
        "afgl_1986-midlatitude_summer",
        "afgl_1986-subarctic_summer",
        "afgl_1986-subarctic_winter",
        "afgl_1986-us_standard",
        "mipas_2007-midlatitude_night",
        "mipas_2007-polar_summer",
        "mipas_2007-polar_winter",
    ),
    "validation": ("mipas_2007-midlatitude_day",),
    "test": ("afgl_1986-midlatitude_winter", "mipas_2007-tropical"),
}


@dataclass(frozen=True)
class Atmosphere:
    """Profiles against log pressure, top first: temperature [K], water and ozone mole fractions [mol mol-1]."""

    log_pressure: np.ndarray
    air_temperature: np.ndarray
    log_water: np.ndarray
    log_ozone: np.ndarray


@cache
def atmosphere(name: str) -> Atmosphere:
    """Load one base atmosphere by joseki identifier."""
    import joseki

    profile = joseki.make(name)
    order = np.argsort(profile.p.values)
    return Atmosphere(
        np.log(profile.p.values[order]),
        profile.t.values[order],
        np.log(profile.x_H2O.values[order]),
        np.log(profile.x_O3.values[order]),
    )


@cache
def base_profiles(split: str) -> np.ndarray:
    """Temperature, log water and log ozone on a fixed log-pressure axis, shape (atmosphere, 3, level)."""
    axis = log_pressure_axis()
    members = [atmosphere(name) for name in SPLITS[split]]
    return np.stack(
        [
            [np.interp(axis, a.log_pressure, values) for values in (a.air_temperature, a.log_water, a.log_ozone)]
            for a in members
        ]
    )


def log_pressure_axis() -> np.ndarray:
    """Log of layer pressure of a column at 1050 hPa: the axis on which atmospheres are mixed, shape (level,)."""
    return np.log(layer_pressure(interface_pressure(np.array([105000.0]))))[0]


def specific_humidity(mole_fraction: np.ndarray) -> np.ndarray:
    """Specific humidity [kg kg-1] from water per dry air [mol mol-1]; inverse of ``water_mole_fraction``."""
    ratio = mole_fraction / water_mole_fraction(np.array(0.5))
    return ratio / (1.0 + ratio)
