"""Pure functions of column tensors: layer thickness, interface temperature, optical amounts. Top first, SI units."""

import torch
from torch import Tensor

from pyemu import constants

VAPOUR_RATIO = constants.MOLAR_MASS_OF_DRY_AIR / constants.MOLAR_MASS_OF_WATER


def layer_pressure(air_pressure_at_interfaces: Tensor) -> Tensor:
    """Mean of the two interfaces of every layer [Pa], (column, layer)."""
    return 0.5 * (air_pressure_at_interfaces[:, 1:] + air_pressure_at_interfaces[:, :-1])


def layer_thickness(air_pressure_at_interfaces: Tensor) -> Tensor:
    """Pressure thickness of every layer [Pa], (column, layer)."""
    return air_pressure_at_interfaces[:, 1:] - air_pressure_at_interfaces[:, :-1]


def layer_mass(air_pressure_at_interfaces: Tensor) -> Tensor:
    """Air mass of every layer [kg m-2], (column, layer)."""
    return layer_thickness(air_pressure_at_interfaces) / constants.STANDARD_GRAVITY


def interface_temperature(air_temperature: Tensor, air_pressure_at_interfaces: Tensor) -> Tensor:
    """Temperature at interfaces [K], (column, interface): the rule of ``pyemu.data.rrtmg.interface_temperature``."""
    log_p = torch.log(layer_pressure(air_pressure_at_interfaces))
    slope = torch.diff(air_temperature, dim=1) / torch.diff(log_p, dim=1)
    slope = torch.cat([slope, slope[:, -1:]], dim=1)
    below = air_temperature + slope * (torch.log(air_pressure_at_interfaces[:, 1:]) - log_p)
    return torch.cat([air_temperature[:, :1], below], dim=1)


def vapour_mole_fraction(specific_humidity: Tensor) -> Tensor:
    """Water vapour per dry air [mol mol-1] from specific humidity [kg kg-1]."""
    return VAPOUR_RATIO * specific_humidity / (1.0 - specific_humidity)


def black_body_flux(temperature: Tensor) -> Tensor:
    """Hemispheric flux of a black body [W m-2]: Stefan-Boltzmann law."""
    square = temperature * temperature  # engines raise to a power far more slowly
    return constants.STEFAN_BOLTZMANN * square * square
