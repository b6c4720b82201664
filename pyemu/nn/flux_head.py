"""From raw network outputs to fluxes: increments of the net flux per layer, closed by the fluxes at top and surface.

Thin layers near the top need flux differences of 0.01 W m-2 out of hundreds. A network that predicts each flux by itself
cannot give them; one that predicts increments in units of a typical heating can, and the projection of
``close_increments`` keeps the column sum equal to the difference of the boundary fluxes.
"""

import torch
from torch import Tensor, nn

from pyemu import constants
from pyemu.physics import thermal
from pyemu.physics.fluxes import close_increments

N_LAYER_OUTPUTS = 2  # increment of the net flux, downwelling flux below the layer
N_COLUMN_OUTPUTS = 2  # net flux at the top and at the surface
TYPICAL_HEATING = 2.0 / constants.SECONDS_PER_DAY  # K s-1, unit of a raw increment


class FluxHead(nn.Module):
    """Fluxes [W m-2] at interfaces from raw outputs of order one.

    Longwave fluxes are scaled by the black-body flux of the surface, shortwave by the incoming solar flux.
    """

    def __init__(self, band: str):
        super().__init__()
        self.band = band

    def forward(self, layers: Tensor, column: Tensor, columns: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Raw ``layers`` (column, 2, layer) and ``column`` (column, 2) to fluxes up and down, (column, interface)."""
        scale = self._scale(columns)
        mass = thermal.layer_mass(columns["air_pressure_at_interfaces"])
        unit = TYPICAL_HEATING * constants.SPECIFIC_HEAT_OF_DRY_AIR * mass  # W m-2
        top, surface = (scale * column[:, index : index + 1] for index in range(2))
        absorbed = close_increments(layers[:, 0] * unit * self._dimming(columns), top - surface, mass)
        net_downward = torch.cat([top, top - torch.cumsum(absorbed, dim=1)], dim=1)
        downwelling = torch.cat([self._incoming(columns), scale * layers[:, 1]], dim=1)
        return downwelling - net_downward, downwelling

    def _scale(self, columns: dict[str, Tensor]) -> Tensor:
        if self.band == "shortwave":
            return columns["toa_incoming_shortwave_flux"][:, None]
        return thermal.black_body_flux(columns["surface_temperature"])[:, None]

    def _dimming(self, columns: dict[str, Tensor]) -> Tensor | float:
        """Heating of the sun falls with its flux; longwave cooling does not."""
        if self.band == "longwave":
            return 1.0
        return self._scale(columns) / (0.5 * constants.SOLAR_IRRADIANCE)

    def _incoming(self, columns: dict[str, Tensor]) -> Tensor:
        return self._scale(columns) if self.band == "shortwave" else torch.zeros_like(self._scale(columns))
