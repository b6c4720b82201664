"""The training loss of radiation: heating rates where they matter, fluxes everywhere, boundaries most."""

import torch
from torch import Tensor

from pyemu import constants
from pyemu.physics.fluxes import heating_rate
from pyemu.physics.thermal import layer_pressure
from pyemu.zoo.radiation import PRESSURE, flux_names

UPPER_LIMIT = 1000.0  # Pa: above it layers are thin, heating large, and errors count less
UPPER_WEIGHT = 0.4
FLUX_WEIGHT = 0.01  # (K day-1)^2 per (W m-2)^2
BOUNDARY_WEIGHT = 0.02  # likewise, for the net flux at the top and at the surface


def radiation_loss(up: Tensor, down: Tensor, batch: dict[str, Tensor], band: str) -> Tensor:
    """Mean squared error of heating [K day-1] plus weighted mean squared errors of fluxes [W m-2]."""
    true_up, true_down, true_heating = (batch[name] for name in flux_names(band))
    heating = constants.SECONDS_PER_DAY * (heating_rate(up, down, batch[PRESSURE]) - true_heating)
    weighted = heating * torch.where(layer_pressure(batch[PRESSURE]) < UPPER_LIMIT, UPPER_WEIGHT, 1.0)
    up_error, down_error = up - true_up, down - true_down
    net = up_error - down_error
    boundary = net[:, 0].square().mean() + net[:, -1].square().mean()
    fluxes = up_error.square().mean() + down_error.square().mean()
    return weighted.square().mean() + FLUX_WEIGHT * fluxes + BOUNDARY_WEIGHT * boundary
