"""From raw network outputs to fluxes and heating, each by itself: nothing ties the heating to the fluxes.

The counterpart of ``flux_head``, for what the flux form is worth: heating rates and fluxes are as near to the scheme as
training brings them, and the column's energy closes as well as their errors happen to agree, no better.
"""

import torch
from torch import Tensor, nn

from pyemu import constants
from pyemu.nn.flux_head import TYPICAL_HEATING
from pyemu.physics import thermal

N_LAYER_OUTPUTS = 3  # heating, upwelling and downwelling flux below the layer
N_COLUMN_OUTPUTS = 2  # upwelling and downwelling flux at the top


class FreeHead(nn.Module):
    """Fluxes [W m-2] at interfaces and heating [K s-1] of layers from raw outputs of order one, with no relation between them.

    Scaled as in ``FluxHead``: fluxes by the black-body flux of the surface or the incoming solar flux, heating by a
    typical rate, in the shortwave dimmed with the sun.
    """

    def __init__(self, band: str):
        super().__init__()
        self.band = band

    def forward(self, layers: Tensor, column: Tensor, columns: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Raw ``layers`` (column, 3, layer) and ``column`` (column, 2) to fluxes up and down, (column, interface), and
        heating, (column, layer).
        """
        if self.band == "shortwave":
            scale = columns["toa_incoming_shortwave_flux"][:, None]
            unit = scale * (TYPICAL_HEATING / (0.5 * constants.SOLAR_IRRADIANCE))
        else:
            scale = thermal.black_body_flux(columns["surface_temperature"])[:, None]
            unit = torch.full_like(scale, TYPICAL_HEATING)
        up, down = (scale * torch.cat([column[:, i : i + 1], layers[:, i + 1]], dim=1) for i in range(2))
        return up, down, unit * layers[:, 0]
