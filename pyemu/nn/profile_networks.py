"""Three generic networks over a column: dense, dilated convolution, bidirectional recurrent.

All take normalised profiles (column, profile, layer) and scalars (column, scalar), and return the raw outputs that
``FluxHead`` turns into fluxes: (column, 2, layer) and (column, 2).
"""

import itertools

import torch
from torch import Tensor, nn

from pyemu.nn.flux_head import N_COLUMN_OUTPUTS, N_LAYER_OUTPUTS, FluxHead
from pyemu.nn.profile_features import N_PROFILES, SCALARS, profiles, scalars


class DenseProfile(nn.Module):
    """Multilayer perceptron over the whole column."""

    def __init__(
        self, n_scalars: int, n_layers: int, n_hidden: int, depth: int, n_layer_outputs: int = N_LAYER_OUTPUTS
    ):
        super().__init__()
        self.n_layers, self.n_layer_outputs = n_layers, n_layer_outputs
        widths = [N_PROFILES * n_layers + n_scalars, *[n_hidden] * depth]
        hidden = [module for a, b in itertools.pairwise(widths) for module in (nn.Linear(a, b), nn.SiLU())]
        self.network = nn.Sequential(*hidden, nn.Linear(n_hidden, n_layer_outputs * n_layers + N_COLUMN_OUTPUTS))

    def forward(self, x: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        """Raw layer and column outputs."""
        out = self.network(torch.cat([x.flatten(1), s], dim=1))
        split = self.n_layer_outputs * self.n_layers
        return out[:, :split].unflatten(1, (self.n_layer_outputs, self.n_layers)), out[:, split:]


class DilatedConvolution(nn.Module):
    """Residual one-dimensional convolutions along levels, dilation doubling until every layer sees the column."""

    def __init__(self, n_scalars: int, n_layers: int, n_channels: int, depth: int):
        super().__init__()
        self.inlet = nn.Conv1d(N_PROFILES + n_scalars, n_channels, 1)
        dilations = [2 ** (index % 6) for index in range(depth)]
        self.blocks = nn.ModuleList(nn.Conv1d(n_channels, n_channels, 3, padding=d, dilation=d) for d in dilations)
        self.outlet = nn.Conv1d(n_channels, N_LAYER_OUTPUTS, 1)
        self.column = nn.Linear(2 * n_channels, N_COLUMN_OUTPUTS)

    def forward(self, x: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        """Raw layer and column outputs."""
        hidden = self.inlet(torch.cat([x, s[:, :, None].expand(-1, -1, x.shape[-1])], dim=1))
        for block in self.blocks:
            hidden = hidden + nn.functional.silu(block(hidden))
        ends = torch.cat([hidden[:, :, 0], hidden[:, :, -1]], dim=1)
        return self.outlet(hidden), self.column(ends)


class BidirectionalRecurrent(nn.Module):
    """Gated recurrent units down and up the column, as radiation travels (Ukkonen 2022, doi:10.1029/2021MS002875)."""

    def __init__(self, n_scalars: int, n_layers: int, n_hidden: int, depth: int = 1):
        super().__init__()
        self.recurrent = nn.GRU(N_PROFILES + n_scalars, n_hidden, depth, batch_first=True, bidirectional=True)
        self.outlet = nn.Linear(2 * n_hidden, N_LAYER_OUTPUTS)
        self.column = nn.Linear(4 * n_hidden, N_COLUMN_OUTPUTS)

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
