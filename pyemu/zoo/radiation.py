"""Emulators of RRTMG: longwave and shortwave fluxes of a column, clear or overcast.

One system per band, with five networks to choose from: ``spectral`` (learned optics inside an exact solver, the
default), ``spectral_large`` (the same with more spectral terms, for the ``full`` budget), ``dense``, ``convolution`` and
``recurrent``. A further one, ``unconstrained``, is there to be compared with: the perceptron of ``dense`` with heating and
fluxes as independent outputs, so that no energy is conserved. The choice of the default rests on the error-cost curve in
``docs/explanations/radiation-networks.md``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pyemu import constants
from pyemu.data.vertical_grid import N_LAYERS
from pyemu.fields import Field, field
from pyemu.nn.free_head import N_LAYER_OUTPUTS as N_FREE_OUTPUTS
from pyemu.nn.free_head import FreeHead
from pyemu.nn.profile_networks import BidirectionalRecurrent, DenseProfile, DilatedConvolution, ProfileFluxes
from pyemu.nn.spectral_longwave import SpectralLongwave
from pyemu.nn.spectral_shortwave import SpectralShortwave
from pyemu.physics.fluxes import heating_rate
from pyemu.zoo.checkpoint import Checkpoint
from pyemu.zoo.system import ModelCard, System

CLOSURE = 1e-6  # W m-2, largest residual of a float64 flux divergence with a generous margin
NO_CLOSURE = 1e3  # W m-2, of a network that does not conserve: its budget is declared to be audited, not to be kept
HEATING_TOLERANCE = 2e-3  # of the largest heating, about 0.1 K day-1 in the 20 Pa layer at the top, far less below
HEATING_REASON = (
    "heating of the topmost layer, 20 Pa thick, is the difference of fluxes near 1000 W m-2 whose float32 round-off, "
    "6e-5 W m-2, is worth 0.005 K day-1 there; ten to twenty such steps add up"
)
PRESSURE = "air_pressure_at_interfaces"

_ATMOSPHERE = (
    "air_temperature",
    PRESSURE,
    "specific_humidity",
    "mole_fraction_of_ozone_in_air",
    "mole_fraction_of_carbon_dioxide_in_air",
    "mass_fraction_of_cloud_liquid_water_in_air",
    "mass_fraction_of_cloud_ice_in_air",
)
_BOUNDARY = {
    "longwave": ("surface_temperature", "surface_longwave_emissivity"),
    "shortwave": ("surface_albedo", "cosine_of_solar_zenith_angle", "toa_incoming_shortwave_flux"),
}


@dataclass(frozen=True)
class RadiationSystem(System):
    """One band of RRTMG as a system of the zoo: its variables and its networks."""

    band: str
    summary: str
    networks: Mapping[str, Callable[[], nn.Module]]
    parameters: Mapping[str, int]
    model_card: ModelCard
    default_network: str = "spectral"
    recipe: str = "radiation"

    def learning_rate_share(self, network: str) -> float:
        """Share of the budget's learning rate: large generic networks want a smaller one than a few thousand weights."""
        return {"dense": 0.2, "convolution": 0.4, "recurrent": 0.4, "unconstrained": 0.2}.get(network, 1.0)

    def closes_energy(self, network: str) -> bool:
        """Whether heating is the divergence of the fluxes by construction."""
        return network != "unconstrained"

    @property
    def name(self) -> str:  # type: ignore[override]
        """Name in the registry."""
        return f"rrtmg_{self.band}"

    @property
    def inputs(self) -> tuple[Field, ...]:
        """Inputs in the order of the graph."""
        return tuple(field(name) for name in (*_ATMOSPHERE, *_BOUNDARY[self.band]))

    @property
    def outputs(self) -> tuple[Field, ...]:
        """Upwelling flux, downwelling flux, heating."""
        return tuple(field(name) for name in flux_names(self.band))

    def emulator(self, network: nn.Module, variant: str = "") -> nn.Module:
        """The physical graph around a network that takes a dictionary of columns and returns fluxes up and down [W m-2].

        ``unconstrained`` returns heating [K s-1], too.
        """
        return RadiationEmulator(network, tuple(item.name for item in self.inputs))

    def card(self, checkpoint: Checkpoint, variant: str) -> dict[str, Any]:
        """Everything but pressure enters in float32, every output leaves in float64; the column's energy is a budget."""
        tolerance = CLOSURE if self.closes_energy(checkpoint.network) else NO_CLOSURE
        return {
            "dimensions": {"layer": N_LAYERS, "interface": N_LAYERS + 1},
            "inputs": [
                {"name": item.name, "dtype": "float64" if item.name == PRESSURE else "float32"} for item in self.inputs
            ],
            "outputs": [{"name": item.name, "dtype": "float64"} for item in self.outputs],
            "budgets": [_energy_budget(self.band, tolerance)],
            "tolerance": {"reason": HEATING_REASON, "by_output": {flux_names(self.band)[2]: HEATING_TOLERANCE}},
        }


class RadiationEmulator(nn.Module):
    """Network in float32, flux divergence in float64, so that the column's energy closes to round-off.

    A network that returns heating, too, is taken at its word: its column closes as well as it has learned to.
    """

    def __init__(self, network: nn.Module, input_names: tuple[str, ...]):
        super().__init__()
        self.network = network
        self.input_names = input_names

    def forward(self, *tensors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Upwelling and downwelling flux [W m-2], (column, interface), and heating [K s-1], (column, layer)."""
        columns = dict(zip(self.input_names, tensors, strict=True))
        pressure = columns[PRESSURE].to(torch.float64)
        single = {name: values.to(torch.float32) for name, values in columns.items()}
        up, down, *rest = (values.to(torch.float64) for values in self.network(single))
        return up, down, rest[0] if rest else heating_rate(up, down, pressure)


def flux_names(band: str) -> tuple[str, str, str]:
    """Identifiers of a band's outputs: upwelling flux, downwelling flux, heating."""
    return (
        f"upwelling_{band}_flux_in_air_at_interfaces",
        f"downwelling_{band}_flux_in_air_at_interfaces",
        f"tendency_of_air_temperature_due_to_{band}_heating",
    )


def _energy_budget(band: str, tolerance: float) -> dict[str, Any]:
    up, down, heating = flux_names(band)
    return {
        "kind": "flux_divergence",
        "name": f"{band}_column_energy",
        "description": f"Column integral of {band} heating equals the net {band} flux that stays in the column",
        "tendency": heating,
        "upwelling": up,
        "downwelling": down,
        "pressure": PRESSURE,
        "heat_capacity": constants.SPECIFIC_HEAT_OF_DRY_AIR,
        "gravity": constants.STANDARD_GRAVITY,
        "tolerance": tolerance,
    }


def _generic(band: str) -> dict[str, Callable[[], nn.Module]]:
    n_scalars = ProfileFluxes.n_scalars(band)
    return {
        "dense": lambda: ProfileFluxes(band, DenseProfile(n_scalars, N_LAYERS, n_hidden=384, depth=3)),
        "convolution": lambda: ProfileFluxes(band, DilatedConvolution(n_scalars, N_LAYERS, n_channels=64, depth=8)),
        "recurrent": lambda: ProfileFluxes(band, BidirectionalRecurrent(n_scalars, N_LAYERS, n_hidden=48)),
        "unconstrained": lambda: ProfileFluxes(
            band, DenseProfile(n_scalars, N_LAYERS, 384, 3, n_layer_outputs=N_FREE_OUTPUTS), FreeHead(band)
        ),
    }


_GENERIC_PARAMETERS = {"dense": 528_890, "convolution": 100_036, "recurrent": 18_436, "unconstrained": 551_990}
_MODEL_CARD = ModelCard(
    papers=(
        "Iacono et al. 2008, RRTMG, doi:10.1029/2008JD009944 (the scheme that is emulated)",
        "Ukkonen 2022, doi:10.1029/2021MS002875 (after which 'recurrent' is made)",
    ),
    data="columns of single atmospheres and climates, computed by RRTMG from the climt wheel; held out by atmosphere and "
    "climate (docs/decisions/0005-hold-out-by-atmosphere-and-climate.md)",
    recipe="Adam, one cosine over the training, heating and fluxes in the loss, early stopping (pyemu/train/radiation)",
    quirks=(
        "The networks are ours; of the papers they take the idea alone, so there are no published scores to match.",
    ),
)
LONGWAVE = RadiationSystem(
    "longwave",
    "RRTMG longwave fluxes and heating of a clear or overcast column",
    {"spectral": SpectralLongwave, "spectral_large": lambda: SpectralLongwave(n_terms=32, n_hidden=48)}
    | _generic("longwave"),
    {"spectral": 1464, "spectral_large": 6080} | _GENERIC_PARAMETERS,
    _MODEL_CARD,
)
SHORTWAVE = RadiationSystem(
    "shortwave",
    "RRTMG shortwave fluxes and heating of a clear or overcast column",
    {
        "spectral": SpectralShortwave,
        "spectral_large": lambda: SpectralShortwave(n_visible=8, n_infrared=10, n_hidden=32, n_upper=0),
    }
    | _generic("shortwave"),
    {"spectral": 1223, "spectral_large": 2054} | _GENERIC_PARAMETERS,
    _MODEL_CARD,
)
SYSTEMS = {system.name: system for system in (LONGWAVE, SHORTWAVE)}
