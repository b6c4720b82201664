"""Three generic networks over a column: dense, dilated convolution, bidirectional recurrent.

All take normalised profiles (column, profile, layer) and scalars (column, scalar), and return the raw outputs that
a head turns into fluxes: (column, layer output, layer) and (column, column output); ``FluxHead`` wants two of each.
"""

import itertools

import torch
from torch import Tensor, nn

from pyemu.nn.flux_head import N_COLUMN_OUTPUTS, N_LAYER_OUTPUTS, FluxHead
from pyemu.nn.profile_features import N_PROFILES, SCALARS, profiles, scalars


class DenseProfile(nn.Module):
    """Multilayer perceptron over the whole column."""

    def __init__(
        self,
        n_scalars: int,
        n_layers: int,
        n_hidden: int,
        depth: int,
        n_layer_outputs: int = N_LAYER_OUTPUTS,
        n_column_outputs: int = N_COLUMN_OUTPUTS,
    ):
        super().__init__()
        self.n_layers, self.n_layer_outputs = n_layers, n_layer_outputs
        widths = [N_PROFILES * n_layers + n_scalars, *[n_hidden] * depth]
        hidden = [module for a, b in itertools.pairwise(widths) for module in (nn.Linear(a, b), nn.SiLU())]
        self.network = nn.Sequential(*hidden, nn.Linear(n_hidden, n_layer_outputs * n_layers + n_column_outputs))

    def forward(self, x: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        """Raw layer and column outputs."""
        out = self.network(torch.cat([x.flatten(1), s], dim=1))
        split = self.n_layer_outputs * self.n_layers
        return out[:, :split].unflatten(1, (self.n_layer_outputs, self.n_layers)), out[:, split:]


class DilatedConvolution(nn.Module):
    """Residual one-dimensional convolutions along levels, dilation doubling until every layer sees the column."""

    def __init__(
        self,
        n_scalars: int,
        n_layers: int,
        n_channels: int,
        depth: int,
        n_layer_outputs: int = N_LAYER_OUTPUTS,
        n_column_outputs: int = N_COLUMN_OUTPUTS,
    ):
        super().__init__()
        self.inlet = nn.Conv1d(N_PROFILES + n_scalars, n_channels, 1)
        reach = max(1, (n_layers - 1).bit_length() - 1)  # the largest dilation stays within the column
        dilations = [2 ** (index % min(6, reach + 1)) for index in range(depth)]
        self.blocks = nn.ModuleList(nn.Conv1d(n_channels, n_channels, 3, padding=d, dilation=d) for d in dilations)
        self.outlet = nn.Conv1d(n_channels, n_layer_outputs, 1)
        self.column = nn.Linear(2 * n_channels, n_column_outputs)

    def forward(self, x: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        """Raw layer and column outputs."""
        hidden = self.inlet(torch.cat([x, s[:, :, None].expand(-1, -1, x.shape[-1])], dim=1))
        for block in self.blocks:
            hidden = hidden + nn.functional.silu(block(hidden))
        ends = torch.cat([hidden[:, :, 0], hidden[:, :, -1]], dim=1)
        return self.outlet(hidden), self.column(ends)


class BidirectionalRecurrent(nn.Module):
    """Gated recurrent units down and up the column, as radiation travels (Ukkonen 2022, doi:10.1029/2021MS002875)."""

    def __init__(
        self,
        n_scalars: int,
        n_layers: int,
        n_hidden: int,
        depth: int = 1,
        n_layer_outputs: int = N_LAYER_OUTPUTS,
        n_column_outputs: int = N_COLUMN_OUTPUTS,
    ):
        super().__init__()
        self.recurrent = nn.GRU(N_PROFILES + n_scalars, n_hidden, depth, batch_first=True, bidirectional=True)
        self.outlet = nn.Linear(2 * n_hidden, n_layer_outputs)
        self.column = nn.Linear(4 * n_hidden, n_column_outputs)

    def forward(self, x: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        """Raw layer and column outputs."""
        steps = torch.cat([x, s[:, :, None].expand(-1, -1, x.shape[-1])], dim=1).transpose(1, 2)
        hidden, _ = self.recurrent(steps)
        ends = torch.cat([hidden[:, 0], hidden[:, -1]], dim=1)
        return self.outlet(hidden).transpose(1, 2), self.column(ends)


class ProfileFluxes(nn.Module):
    """A generic network between features and fluxes: the shape every candidate shares with the spectral networks.

    ``head`` makes fluxes of the raw outputs, ``FluxHead`` unless another one is given.
    """

    def __init__(self, band: str, network: nn.Module, head: nn.Module | None = None):
        super().__init__()
        self.band = band
        self.network = network
        self.head = head or FluxHead(band)

    @staticmethod
    def n_scalars(band: str) -> int:
        """Number of per-column inputs of a band."""
        return SCALARS[band]

    def forward(self, columns: dict[str, Tensor]) -> tuple[Tensor, ...]:
        """Fluxes up and down at interfaces [W m-2], (column, interface), and what else the head returns."""
        return self.head(*self.network(profiles(columns, self.band), scalars(columns, self.band)), columns)
