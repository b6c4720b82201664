"""Moist physics of PlaSim: convection, large-scale condensation and the fate of rain and snow, of one column.

Two networks share features and perceptron: ``conserving`` predicts what forms, moves and evaporates, so that water and energy
close whatever it has learned; ``unconstrained`` predicts every output by itself, to be compared with. A random forest of the
same inputs and outputs is made by ``pyemu.train.plasim_moist.forest``: it has no weights for a checkpoint.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from pyemu.nn.moist_column import ConservingMoist, FreeMoist, Step
from pyemu.physics.condensation import GRAVITY, Changes
from pyemu.zoo.checkpoint import Checkpoint
from pyemu.zoo.system import ModelCard, System

N_LAYERS = 10  # of PlaSim
CLOSURE = 1e-14  # kg m-2 s-1: float64 round-off of tendencies near 1e-8 s-1 in layers of 1e3 kg m-2, with a margin
NO_CLOSURE = (
    1.0  # kg m-2 s-1, of a network that does not conserve: its budget is declared to be audited, not to be kept
)
INPUTS = (
    "air_temperature",
    "specific_humidity",
    "tendency_of_air_temperature_due_to_fluxes_and_radiation",
    "tendency_of_specific_humidity_due_to_fluxes",
    "tendency_of_specific_humidity_due_to_advection",
    "air_pressure_at_interfaces",
    "surface_temperature",
    "surface_specific_humidity",
    "time_step_of_tendencies",
)
HEATING, MOISTENING = (
    "tendency_of_air_temperature_due_to_moist_processes",
    "tendency_of_specific_humidity_due_to_moist_processes",
)
OUTPUTS = (
    HEATING,
    MOISTENING,
    "convective_rain_formation_rate",
    "stratiform_rain_formation_rate",
    "convective_precipitation_flux",
    "stratiform_precipitation_flux",
    "snowfall_flux",
)


@dataclass(frozen=True)
class MoistSystem(System):
    """All that PlaSim's ``rainstep`` does to a column but clouds, which stay the host's own."""

    name: str
    summary: str
    model_card: ModelCard
    networks: Mapping[str, Callable[[], nn.Module]]
    parameters: Mapping[str, int]
    default_network: str = "conserving"
    recipe: str = "plasim_moist"

    def closes(self, network: str) -> bool:
        """Whether water and energy of a column close by construction."""
        return network == "conserving"

    def emulator(self, network: nn.Module, variant: str = "") -> nn.Module:
        """Rates of a step around a network of increments, in double precision but for the perceptron."""
        return MoistEmulator(network)

    def card(self, checkpoint: Checkpoint, variant: str) -> dict[str, Any]:
        """Double precision, so that budgets close to round-off. Energy is no linear budget: heat capacity depends on humidity."""
        return moist_card(CLOSURE if self.closes(checkpoint.network) else NO_CLOSURE)


class MoistEmulator(nn.Module):
    """Increments of a network become rates."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Outputs in the order of ``OUTPUTS``."""
        step = Step(*tensors)
        return tuple(rates(self.network(step), step.time_step))


def rates(changes: Changes, time_step: Tensor) -> Changes:
    """Increments of a step, per second."""
    return Changes(*(values / (time_step[:, None] if values.ndim == 2 else time_step) for values in changes))


def increments(outputs: Mapping[str, Tensor], time_step: Tensor) -> Changes:
    """Outputs by name, as increments of the step."""
    return Changes(*(outputs[n] * (time_step[:, None] if outputs[n].ndim == 2 else time_step) for n in OUTPUTS))


def moist_card(closure: float) -> dict[str, Any]:
    """Entries of the card; ``closure`` is the largest residual of water [kg m-2 s-1]."""
    return {
        "dimensions": {"layer": N_LAYERS, "interface": N_LAYERS + 1},
        "inputs": [{"name": name, "dtype": "float64"} for name in INPUTS],
        "outputs": [{"name": name, "dtype": "float64"} for name in OUTPUTS],
        "budgets": [
            {
                "kind": "linear",
                "name": "column_water",
                "description": "Vapour that a column gains, and what falls out of it",
                "terms": [
                    {"variable": MOISTENING, "factor": 1.0, "where": "layers"},
                    {"variable": OUTPUTS[4], "factor": 1.0, "where": "column"},
                    {"variable": OUTPUTS[5], "factor": 1.0, "where": "column"},
                ],
                "units": "kg m-2 s-1",
                "pressure": "air_pressure_at_interfaces",
                "gravity": GRAVITY,
                "tolerance": closure,
            }
        ],
        "tolerance": {
            "relative": 2e-4,
            "reason": "differences of large numbers, humidity and saturation, enter features that switch steeply",
        },
    }


_NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "conserving": lambda: ConservingMoist(N_LAYERS),
    "unconstrained": lambda: FreeMoist(N_LAYERS),
}
PLASIM_MOIST = MoistSystem(
    name="plasim_moist",
    summary="Moist physics of PlaSim: convection, condensation, rain and snow of a column",
    model_card=ModelCard(
        papers=(
            "Yuval, O'Gorman and Hill 2021, doi:10.1029/2020GL091363 (a network of fluxes, limited where water runs out)",
            "O'Gorman and Dwyer 2018, doi:10.1029/2018MS001351 (a random forest in the place of moist convection)",
        ),
        data="columns recorded in PlaSim at T21 with its own moist physics; every fifth stretch of ten days tests",
        recipe="Adam, one cosine, squared errors of standardised outputs (pyemu/train/plasim_moist)",
        quirks=(
            "The networks and the split of the columns are ours; of the papers they take the ideas alone.",
            "Clouds stay PlaSim's own, made from where an emulator forms convective rain.",
        ),
    ),
    networks=_NETWORKS,
    parameters={"conserving": 52_538, "unconstrained": 50_603},
)
