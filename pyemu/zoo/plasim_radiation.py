"""Emulators of RRTMG for PlaSim: fluxes of a column that is cloudy in a part of its area.

The host mixes a clear and an overcast column by the total cloud cover, and forms heating by its own heat capacity from
the fluxes; so do the emulators: their fluxes are linear in the cover, and they return no heating. The networks are those
of ``pyemu.zoo.radiation`` in sizes for ten layers; ``docs/explanations/plasim-radiation.md`` has the error-cost curve.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pyemu.fields import Field, field
from pyemu.nn.profile_networks import BidirectionalRecurrent, DenseProfile, DilatedConvolution, ProfileFluxes
from pyemu.nn.spectral_longwave import SpectralLongwave
from pyemu.nn.spectral_shortwave import SpectralShortwave
from pyemu.nn.two_skies import COVER, N_TWO_COLUMN_OUTPUTS, N_TWO_LAYER_OUTPUTS, TwoRuns, TwoSkies
from pyemu.zoo import radiation
from pyemu.zoo.checkpoint import Checkpoint
from pyemu.zoo.system import ModelCard, System

N_LAYERS = 10


@dataclass(frozen=True)
class PlasimRadiationSystem(System):
    """One band of RRTMG in PlaSim as a system of the zoo."""

    band: str
    summary: str
    networks: Mapping[str, Callable[[], nn.Module]]
    parameters: Mapping[str, int]
    model_card: ModelCard
    default_network: str = "dense"
    recipe: str = "plasim_radiation"

    @property
    def name(self) -> str:  # type: ignore[override]
        """Name in the registry."""
        return f"plasim_{self.band}"

    @property
    def inputs(self) -> tuple[Field, ...]:
        """Inputs in the order of the graph."""
        return (*radiation.SYSTEMS[f"rrtmg_{self.band}"].inputs, field(COVER))

    @property
    def outputs(self) -> tuple[Field, ...]:
        """Upwelling and downwelling flux."""
        return tuple(field(name) for name in radiation.flux_names(self.band)[:2])

    def learning_rate_share(self, network: str) -> float:
        """Share of the budget's learning rate."""
        return 1.0 if network == "spectral" else 0.4

    def emulator(self, network: nn.Module, variant: str = "") -> nn.Module:
        """The physical graph around a network that takes a dictionary of columns and returns fluxes up and down [W m-2]."""
        return FluxEmulator(network, tuple(item.name for item in self.inputs))

    def card(self, checkpoint: Checkpoint, variant: str) -> dict[str, Any]:
        """Single precision throughout: the host forms heating of thick layers."""
        return {
            "dimensions": {"layer": N_LAYERS, "interface": N_LAYERS + 1},
            "inputs": [{"name": item.name, "dtype": "float32"} for item in self.inputs],
            "outputs": [{"name": item.name, "dtype": "float32"} for item in self.outputs],
        }


class FluxEmulator(nn.Module):
    """Inputs in the order of the card to fluxes."""

    def __init__(self, network: nn.Module, input_names: tuple[str, ...]):
        super().__init__()
        self.network = network
        self.input_names = input_names

    def forward(self, *tensors: Tensor) -> tuple[Tensor, Tensor]:
        """Upwelling and downwelling flux [W m-2], (column, interface)."""
        columns = {name: values.to(torch.float32) for name, values in zip(self.input_names, tensors, strict=True)}
        up, down = self.network(columns)
        return up, down


def _networks(band: str, spectral: Callable[[], nn.Module]) -> dict[str, Callable[[], nn.Module]]:
    n_scalars = ProfileFluxes.n_scalars(band)
    two = {"n_layer_outputs": N_TWO_LAYER_OUTPUTS, "n_column_outputs": N_TWO_COLUMN_OUTPUTS}
    return {
        "dense": lambda: TwoSkies(band, DenseProfile(n_scalars, N_LAYERS, n_hidden=128, depth=2, **two)),
        "dense_small": lambda: TwoSkies(band, DenseProfile(n_scalars, N_LAYERS, n_hidden=64, depth=2, **two)),
        "dense_large": lambda: TwoSkies(band, DenseProfile(n_scalars, N_LAYERS, n_hidden=256, depth=3, **two)),
        "convolution": lambda: TwoSkies(band, DilatedConvolution(n_scalars, N_LAYERS, n_channels=32, depth=4, **two)),
        "recurrent": lambda: TwoSkies(band, BidirectionalRecurrent(n_scalars, N_LAYERS, n_hidden=32, **two)),
        "spectral": lambda: TwoRuns(spectral()),
    }


_MODEL_CARD = ModelCard(
    papers=(
        "Pal, Mahajan and Norman 2019, doi:10.1029/2018GL081646 (radiation of a climate model by dense networks)",
        "Iacono et al. 2008, RRTMG, doi:10.1029/2008JD009944 (the scheme that is emulated)",
        "Ukkonen 2022, doi:10.1029/2021MS002875 (after which 'recurrent' is made)",
    ),
    data="columns recorded in PlaSim with RRTMG in several climates, split by time and climate",
    recipe="Adam, one cosine over the training, heating and fluxes in the loss (pyemu/train/plasim_radiation)",
    quirks=(
        "The networks are ours; the paper on the super-parameterised model names no architecture that we could check.",
    ),
)
_GENERIC = {"dense": 33_068, "dense_small": 12_460, "dense_large": 164_652, "convolution": 13_224, "recurrent": 9_608}
LONGWAVE = PlasimRadiationSystem(
    "longwave",
    "RRTMG longwave fluxes in PlaSim, of a column with clouds in a part of its area",
    _networks("longwave", SpectralLongwave),
    _GENERIC | {"spectral": 1464},
    _MODEL_CARD,
)
SHORTWAVE = PlasimRadiationSystem(
    "shortwave",
    "RRTMG shortwave fluxes in PlaSim, of a column with clouds in a part of its area",
    _networks("shortwave", lambda: SpectralShortwave(n_upper=0)),
    _GENERIC | {"spectral": 1223},
    _MODEL_CARD,
)
SYSTEMS = {system.name: system for system in (LONGWAVE, SHORTWAVE)}
