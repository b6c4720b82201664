"""The training loss of radiation: heating rates where they matter, fluxes everywhere, boundaries most."""

from typing import NamedTuple

import torch
from torch import Tensor

from pyemu import constants
from pyemu.physics.fluxes import heating_rate
from pyemu.physics.thermal import layer_pressure
from pyemu.zoo.radiation import PRESSURE, flux_names

UPPER_LIMIT = 1000.0  # Pa: above it layers are thin, heating large, and errors count less


class Weights(NamedTuple):
    """Weights of a band: heating above the limit [1], all fluxes and boundary net fluxes [(K day-1)^2 (W m-2)^-2]."""

    upper: float
    flux: float
    boundary: float


WEIGHTS = {"longwave": Weights(0.5, 0.02, 0.05), "shortwave": Weights(2.5, 0.01, 0.06)}


def radiation_loss(
    up: Tensor, down: Tensor, batch: dict[str, Tensor], band: str, heating: Tensor | None = None
) -> Tensor:
    """Mean squared error of heating [K day-1] plus weighted mean squared errors of fluxes [W m-2].

    ``heating`` [K s-1] is that of the fluxes unless a network gives its own; so is the true one unless the batch has it.
    """
    weights = WEIGHTS[band]
    up_name, down_name, heating_name = flux_names(band)
    true_up, true_down = batch[up_name], batch[down_name]
    true_heating = batch[heating_name] if heating_name in batch else heating_rate(true_up, true_down, batch[PRESSURE])
    found = heating_rate(up, down, batch[PRESSURE]) if heating is None else heating
    error = constants.SECONDS_PER_DAY * (found - true_heating)
    weighted = error * torch.where(layer_pressure(batch[PRESSURE]) < UPPER_LIMIT, weights.upper, 1.0)
    up_error, down_error = up - true_up, down - true_down
    net = up_error - down_error
    boundary = net[:, 0].square().mean() + net[:, -1].square().mean()
    fluxes = up_error.square().mean() + down_error.square().mean()
    return weighted.square().mean() + weights.flux * fluxes + weights.boundary * boundary
