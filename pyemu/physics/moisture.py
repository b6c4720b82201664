"""Moisture that does not run out: fluxes and tendencies limited by what there is, with nothing lost.

Top first; fluxes are downward.
"""

import torch
from torch import Tensor

from pyemu import constants


def flux_divergence(flux: Tensor, layer_mass: Tensor) -> Tensor:
    """Tendency [unit s-1], (column, layer), from downward fluxes [unit kg m-2 s-1] at interfaces and mass [kg m-2].

    What leaves a layer enters the next one, so that the column changes by what passes its two ends, whatever a network
    predicts: the flux form of Yuval et al. 2021 (doi:10.1029/2020GL091363).
    """
    return -torch.diff(flux, dim=1) / layer_mass


def limit_fluxes(flux: Tensor, amount: Tensor, layer_mass: Tensor, time_step: float) -> Tensor:
    """Scale fluxes down where a layer would give more than it has: no layer is negative after the step.

    Main arguments:
        flux: (column, interface), downward [kg m-2 s-1] for an amount in kg kg-1.
        amount: (column, layer) [kg kg-1] before the step, not negative.
        layer_mass: (column, layer) [kg m-2].
        time_step: [s].

    All that leaves a layer through its two interfaces is scaled by one factor, what it has over what would leave
    (Smolarkiewicz 1989, doi:10.1175/1520-0493(1989)117<2626:COPDAS>2.0.CO;2). What comes from outside is not limited.
    Per face, as Yuval et al. 2021 do it.
    """
    down, up = flux.clamp(min=0.0), (-flux).clamp(min=0.0)
    leaving = time_step * (down[:, 1:] + up[:, :-1])
    there = amount * layer_mass
    share = torch.where(leaving > there, there / torch.where(leaving > 0, leaving, torch.ones_like(leaving)), 1.0)
    outside = torch.ones_like(share[:, :1])
    return down * torch.cat([outside, share], dim=1) - up * torch.cat([share, outside], dim=1)


def limit_drying(
    moistening: Tensor, heating: Tensor, specific_humidity: Tensor, time_step: float
) -> tuple[Tensor, Tensor]:
    """Stop drying at zero humidity, and take the latent heat that is not released out of the heating.

    Main arguments:
        moistening: tendency of specific humidity [s-1], (column, layer).
        heating: tendency of air temperature [K s-1], (column, layer).
        specific_humidity: [kg kg-1] before the step, not negative.
        time_step: [s].

    Returns both tendencies; moist enthalpy c_p T + L q of every layer changes as it did before.
    """
    limited = torch.maximum(moistening, -specific_humidity / time_step)
    latent = constants.LATENT_HEAT_OF_VAPORIZATION / constants.SPECIFIC_HEAT_OF_DRY_AIR
    return limited, heating - latent * (limited - moistening)
