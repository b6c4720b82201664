"""Brajard, Charantonis and Sirven: a network in the place of wind, drag and viscosity in a shallow-water model.

Two perceptrons on the 3 x 3 values around a cell, one for each component of the velocity: 27-32-1 and, because there is no
wind along y, 18-32-1. The exported file is one emulator with both outputs: of columns, or, as the variant ``image``, of
fields with a halo, which the host runs faster on one rank.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from pyemu.data.shallow_water import FORCING
from pyemu.nn.stencil_perceptron import STENCIL, StencilPerceptron
from pyemu.zoo.checkpoint import Checkpoint
from pyemu.zoo.system import ModelCard, System

U, V, H = "sea_water_x_velocity", "sea_water_y_velocity", "layer_thickness_anomaly"
STRESS = "surface_downward_x_stress"
INPUTS = (U, V, H, STRESS)  # of the emulator; each network sees those of its component
SEEN = {FORCING[0]: (U, H, STRESS), FORCING[1]: (V, H)}
IMAGE = "image"
POINTS = 80  # cells along each side of an image


class Forcing(nn.Module):
    """Both networks: tendencies of both components, (column,), of stencils in the order of ``INPUTS``."""

    def __init__(self, n_hidden: int = 32):
        super().__init__()
        self.x = StencilPerceptron(SEEN[FORCING[0]], n_hidden)
        self.y = StencilPerceptron(SEEN[FORCING[1]], n_hidden)

    @property
    def components(self) -> dict[str, StencilPerceptron]:
        """The networks by what they give."""
        return dict(zip(FORCING, (self.x, self.y), strict=True))

    def forward(self, *stencils: Tensor) -> tuple[Tensor, Tensor]:
        """Stencils (column, 9)."""
        u, v, h, stress = stencils
        return self.x(u, h, stress), self.y(v, h)


class ForcingOfFields(nn.Module):
    """The same weights on fields with a halo of one cell, (sample, y + 2, x + 2)."""

    def __init__(self, forcing: Forcing):
        super().__init__()
        self.forcing = forcing

    def forward(self, *fields: Tensor) -> tuple[Tensor, Tensor]:
        """Tendencies (sample, y, x)."""
        u, v, h, stress = fields
        return self.forcing.x.of_fields(u, h, stress), self.forcing.y.of_fields(v, h)


@dataclass(frozen=True)
class ForcingSystem(System):
    """Wind, drag and viscosity of the shallow-water host."""

    name: str
    summary: str
    model_card: ModelCard
    networks: Mapping[str, Callable[[], Forcing]]
    parameters: Mapping[str, int]
    default_network: str
    recipe: str = "brajard_forcing"

    def variants(self, network: str) -> tuple[str, ...]:
        """Of columns, and of images of 80 x 80 cells."""
        return ("", IMAGE)

    def build(self, network: str | None = None) -> Forcing:
        """A fresh network, in physical units. Raises ``KeyError`` naming the networks there are."""
        return self.networks[self.chosen(network)]()

    def emulator(self, network: nn.Module, variant: str = "") -> nn.Module:
        """The networks as they are: their statistics are inside."""
        return ForcingOfFields(network) if variant == IMAGE and isinstance(network, Forcing) else network

    def reference_inputs(self, checkpoint: Checkpoint, variant: str) -> dict[str, Tensor]:
        """Stencils for columns, fields for images: a checkpoint has both."""
        names = INPUTS if variant == IMAGE else tuple(f"{name}_stencil" for name in INPUTS)
        return {name: checkpoint.reference_inputs[name] for name in names}

    def card(self, checkpoint: Checkpoint, variant: str) -> dict[str, Any]:
        """Single precision throughout."""
        if variant == IMAGE:
            wide, inner = ("sample", "y_wide", "x_wide"), ("sample", "y", "x")
            return {
                "kind": "field",
                "dimensions": {"y_wide": POINTS + 2, "x_wide": POINTS + 2, "y": POINTS, "x": POINTS},
                "inputs": [{"name": name, "dtype": "float32", "dims": wide} for name in INPUTS],
                "outputs": [{"name": name, "dtype": "float32", "dims": inner} for name in FORCING],
            }
        return {
            "dimensions": {"stencil": STENCIL},
            "inputs": [{"name": f"{name}_stencil", "dtype": "float32"} for name in INPUTS],
            "outputs": [{"name": name, "dtype": "float32"} for name in FORCING],
        }


FORCING_SYSTEM = ForcingSystem(
    name="brajard_forcing",
    summary="Wind, drag and viscosity of the shallow-water host, of 3 x 3 values",
    model_card=ModelCard(
        papers=(
            "Brajard, Charantonis and Sirven 2019, Representing ill-known parts of a numerical model using a machine "
            "learning approach, arXiv:1903.07358",
        ),
        data="cells of pairs of states every 7.5 days of 10 years after a spin-up of 20, of the shallow-water host",
        recipe="inputs and outputs standardised, mean squared error, Adam; the last fifth of the times tests",
        published={"correlation_x": {"perceptron": 0.9999}},
        quirks=(
            "The public code has twice the kinetic energy of the equations in the Bernoulli function; the host's preset "
            "'published' has it, the default has not.",
            "Targets on walls, where the forcing is zero by definition, are not trained on.",
        ),
    ),
    networks={"perceptron": Forcing},
    parameters={"perceptron": 929 + 641},
    default_network="perceptron",
)
