"""Clear and overcast fluxes of a column, mixed by its cloud cover: linear in the cover, as the scheme computes them."""

from torch import Tensor, nn

from pyemu.nn.flux_head import N_COLUMN_OUTPUTS, N_LAYER_OUTPUTS, FluxHead
from pyemu.nn.profile_features import profiles, scalars

N_TWO_LAYER_OUTPUTS = 2 * N_LAYER_OUTPUTS
N_TWO_COLUMN_OUTPUTS = 2 * N_COLUMN_OUTPUTS
COVER = "cloud_area_fraction"
_CONDENSATE = ("mass_fraction_of_cloud_liquid_water_in_air", "mass_fraction_of_cloud_ice_in_air")


def mixed(clear: tuple[Tensor, Tensor], overcast: tuple[Tensor, Tensor], cover: Tensor) -> tuple[Tensor, Tensor]:
    """Fluxes (column, interface) of a column that is overcast in the share ``cover`` (column,) of its area."""
    share = cover[:, None]
    up, down = (a + share * (b - a) for a, b in zip(clear, overcast, strict=True))
    return up, down


class TwoSkies(nn.Module):
    """A generic network that returns raw outputs of both skies at once, with a head for each.

    ``network`` maps profiles and scalars to (column, 4, layer) and (column, 4): the clear sky first.
    """

    def __init__(self, band: str, network: nn.Module):
        super().__init__()
        self.band = band
        self.network = network
        self.head = FluxHead(band)

    def forward(self, columns: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Fluxes up and down at interfaces [W m-2], (column, interface)."""
        layers, column = self.network(profiles(columns, self.band), scalars(columns, self.band))
        clear = self.head(layers[:, :N_LAYER_OUTPUTS], column[:, :N_COLUMN_OUTPUTS], columns)
        overcast = self.head(layers[:, N_LAYER_OUTPUTS:], column[:, N_COLUMN_OUTPUTS:], columns)
        return mixed(clear, overcast, columns[COVER])


class TwoRuns(nn.Module):
    """A network of one sky, run without clouds and with them."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, columns: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Fluxes up and down at interfaces [W m-2], (column, interface)."""
        without = columns | {name: 0.0 * columns[name] for name in _CONDENSATE}
        return mixed(self.network(without), self.network(columns), columns[COVER])
