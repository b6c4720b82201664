"""Water and heat of a column that condenses, rains, snows and mixes, closed whatever a network predicts.

Top first, amounts of one time step: humidity in kg kg-1, water in kg m-2, heat in J m-2. The constants are PlaSim's.
"""

from typing import NamedTuple

import torch
from torch import Tensor

GRAVITY = 9.80665  # m s-2
GAS_CONSTANT = 287.0  # J kg-1 K-1, dry air
HEAT_CAPACITY = GAS_CONSTANT / 0.286  # J kg-1 K-1, dry air at constant pressure
VAPOUR_EXCESS = 1870.0 / HEAT_CAPACITY - 1.0  # by which vapour's heat capacity is larger, relative
VAPORIZATION = 2.5008e6  # J kg-1
FUSION = 2.8345e6 - VAPORIZATION  # J kg-1
MELTING = 273.16  # K
VAPOUR_RATIO = GAS_CONSTANT / 461.51
MAGNUS = (610.78, 17.2693882, 35.86)  # Pa, 1, K: saturation over water


class Transfers(NamedTuple):
    """What moves in a column during one step, as a network proposes it.

    Attributes:
        convective, stratiform: rain and snow that form, (column, layer), not negative [kg kg-1].
        water, heat: downward transport at interfaces between layers, (column, layer - 1) [kg m-2], [J m-2].
        convective_loss, stratiform_loss: share of what falls through a layer that evaporates in it, (column, layer) [1].
    """

    convective: Tensor
    stratiform: Tensor
    water: Tensor
    heat: Tensor
    convective_loss: Tensor
    stratiform_loss: Tensor


class Changes(NamedTuple):
    """What becomes of it: increments and rain that formed, (column, layer), and what reaches the surface, (column,).

    Units are K, kg kg-1 (humidity and rain) and kg m-2; snow is included in both falls.
    """

    temperature: Tensor
    humidity: Tensor
    convective: Tensor
    stratiform: Tensor
    convective_fall: Tensor
    stratiform_fall: Tensor
    snow: Tensor


def saturation(temperature: Tensor, pressure: Tensor) -> tuple[Tensor, Tensor]:
    """Specific humidity at saturation [kg kg-1] and its slope with temperature [kg kg-1 K-1]."""
    scale, slope, offset = MAGNUS
    ratio = VAPOUR_RATIO * scale * torch.exp(slope * (temperature - MELTING) / (temperature - offset)) / pressure
    ratio = ratio.clamp(max=VAPOUR_RATIO)
    correction = 1.0 / (1.0 - (1.0 / VAPOUR_RATIO - 1.0) * ratio)
    humidity = ratio * correction
    return humidity, slope * (MELTING - offset) * humidity * correction / (temperature - offset) ** 2


def heat_capacity(humidity: Tensor) -> Tensor:
    """Of moist air at constant pressure [J kg-1 K-1]."""
    return HEAT_CAPACITY * (1.0 + VAPOUR_EXCESS * humidity)


def close(
    transfers: Transfers,
    available: Tensor,
    mass: Tensor,
    temperature: Tensor,
    humidity: Tensor,
    surface_temperature: Tensor,
) -> Changes:
    """Limit what a network proposes by the water there is, and do the sums.

    Main arguments:
        transfers: as proposed.
        available: humidity that a layer may lose, (column, layer), not negative [kg kg-1].
        mass: of layers [kg m-2].
        temperature, humidity: (column, layer), that decide of rain or snow, and of the heat capacity [K], [kg kg-1].
        surface_temperature: (column,) [K].

    All that leaves a layer is scaled by one factor where it is more than there is, as in
    ``pyemu.physics.moisture.limit_fluxes`` (Yuval et al. 2021, doi:10.1029/2020GL091363), so no layer ends below
    ``humidity - available``. Water gained by the column is minus what falls out of it; heat gained is the latent heat of
    that. What falls is snow below the melting point, above a cold surface too, as PlaSim decides.
    """
    water, convective, stratiform = _limited(transfers, available * mass, mass)
    end = torch.zeros_like(mass[:, :1])
    down = torch.cat([end, water, end], dim=1)
    heat = torch.cat([end, transfers.heat, end], dim=1)
    falls, evaporated = zip(
        _fall(convective, transfers.convective_loss), _fall(stratiform, transfers.stratiform_loss), strict=True
    )
    formed = convective + stratiform - evaporated[0] - evaporated[1]  # net, kg m-2
    is_snow = _is_snow(temperature, surface_temperature)
    snow = torch.cat([end, is_snow * (falls[0] + falls[1])], dim=1)
    warming = VAPORIZATION * formed + FUSION * torch.diff(snow, dim=1) - torch.diff(heat, dim=1)
    return Changes(
        temperature=warming / (mass * heat_capacity(humidity)),
        humidity=(-torch.diff(down, dim=1) - formed) / mass,
        convective=convective / mass,
        stratiform=stratiform / mass,
        convective_fall=falls[0][:, -1],
        stratiform_fall=falls[1][:, -1],
        snow=snow[:, -1],
    )


def _limited(transfers: Transfers, there: Tensor, mass: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Transport of water, convective and stratiform rain, all in kg m-2, that take no more than what is there."""
    convective, stratiform = transfers.convective * mass, transfers.stratiform * mass
    down, up = transfers.water.clamp(min=0.0), (-transfers.water).clamp(min=0.0)
    none = torch.zeros_like(mass[:, :1])
    leaving = convective + stratiform + torch.cat([down, none], dim=1) + torch.cat([none, up], dim=1)
    share = torch.where(leaving > there, there / torch.where(leaving > 0.0, leaving, torch.ones_like(leaving)), 1.0)
    return down * share[:, :-1] - up * share[:, 1:], convective * share, stratiform * share


def _fall(formed: Tensor, loss: Tensor) -> tuple[Tensor, Tensor]:
    """What falls out of every layer, and what evaporates in it, (column, layer) [kg m-2]."""
    falls, evaporated = [], []
    falling = torch.zeros_like(formed[:, :1])
    for layer in range(formed.shape[1]):
        falling = falling + formed[:, layer : layer + 1]
        gone = falling * loss[:, layer : layer + 1]
        falling = falling - gone
        falls.append(falling)
        evaporated.append(gone)
    return torch.cat(falls, dim=1), torch.cat(evaporated, dim=1)


def _is_snow(temperature: Tensor, surface_temperature: Tensor) -> Tensor:
    """1 where what leaves a layer is snow, else 0: by the layer's temperature, at the bottom by the surface's."""
    deciding = torch.cat([temperature[:, :-1], surface_temperature[:, None]], dim=1)
    return torch.where(deciding <= MELTING, torch.ones_like(deciding), torch.zeros_like(deciding))
