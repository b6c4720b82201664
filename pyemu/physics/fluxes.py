"""Heating as the divergence of fluxes: the one place where a radiative tendency is formed.

Because the tendency is derived from the very fluxes that are returned, the column integral of heating equals the net
flux difference to round-off, whatever the network predicts.
"""

import torch
from torch import Tensor

from pyemu import constants
from pyemu.physics.thermal import layer_thickness

HEATING_FACTOR = constants.STANDARD_GRAVITY / constants.SPECIFIC_HEAT_OF_DRY_AIR  # m s-2 / (J kg-1 K-1)


def heating_rate(upwelling: Tensor, downwelling: Tensor, air_pressure_at_interfaces: Tensor) -> Tensor:
    """Heating rate [K s-1], (column, layer), from fluxes [W m-2] and pressure [Pa] at interfaces."""
    net_downward = downwelling - upwelling
    return -HEATING_FACTOR * torch.diff(net_downward, dim=1) / layer_thickness(air_pressure_at_interfaces)


def close_increments(increments: Tensor, net_difference: Tensor, weights: Tensor) -> Tensor:
    """Spread what is missing in the column over the layers, so that increments sum to the difference exactly.

    ``increments`` and ``weights`` are (column, layer), ``net_difference`` is (column, 1); all in W m-2 but the weights,
    which must be positive. This is the orthogonal projection when the weights are equal
    (Beucler et al. 2021, doi:10.1103/PhysRevLett.126.098302, eq. 5).
    """
    missing = net_difference - increments.sum(dim=1, keepdim=True)
    return increments + missing * weights / weights.sum(dim=1, keepdim=True)
