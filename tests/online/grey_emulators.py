"""Two untrained emulators of radiation on the host's grid: grey formulas that use every input, with closed budgets.

They stand for trained files where a test is about the coupling: what a host array reaches which input, in which order.
"""

from pathlib import Path

import numpy as np
import torch

from pyemu.constants import SPECIFIC_HEAT_OF_DRY_AIR, STANDARD_GRAVITY, STEFAN_BOLTZMANN
from pyemu.emulator import Card, Provenance, Variable
from pyemu.emulator.export import export_onnx

ATMOSPHERE = (
    "air_temperature", "air_pressure_at_interfaces", "specific_humidity", "mole_fraction_of_ozone_in_air",
    "mole_fraction_of_carbon_dioxide_in_air", "mass_fraction_of_cloud_liquid_water_in_air",
    "mass_fraction_of_cloud_ice_in_air",
)  # fmt: skip
SURFACE = {
    "longwave": ("surface_temperature", "surface_longwave_emissivity"),
    "shortwave": ("surface_albedo", "cosine_of_solar_zenith_angle", "toa_incoming_shortwave_flux"),
}
N_LAYERS = 60


def opacity(humidity, ozone, carbon_dioxide, liquid, ice):
    """A number per column between 0 and 1 that feels every absorber, each layer with another weight."""
    layer = torch.linspace(0.5, 1.5, N_LAYERS)
    water = (humidity * layer).sum(1) + 1e3 * (ozone * layer).sum(1)
    return 1.0 - torch.exp(-(water + 100.0 * carbon_dioxide + 200.0 * ((liquid + 2.0 * ice) * layer).sum(1)))


def with_heating(up, down, pressure):
    """Fluxes and the heating rate of their divergence."""
    net = down - up
    thickness = pressure[:, 1:] - pressure[:, :-1]
    return up, down, (net[:, :-1] - net[:, 1:]) * STANDARD_GRAVITY / (SPECIFIC_HEAT_OF_DRY_AIR * thickness)


class GreyLongwave(torch.nn.Module):
    """Fluxes between blackbody and space, linear in pressure."""

    def forward(self, temperature, pressure, humidity, ozone, carbon_dioxide, liquid, ice, surface, emissivity):
        opaque = opacity(humidity, ozone, carbon_dioxide, liquid, ice).double()[:, None]
        depth = pressure / pressure[:, -1:]
        down = 0.9 * opaque * STEFAN_BOLTZMANN * temperature[:, -1:].double() ** 4 * depth
        emitted = emissivity.double()[:, None] * STEFAN_BOLTZMANN * surface.double()[:, None] ** 4
        mean = temperature.double().mean(1, keepdim=True)
        up = emitted * (1.0 - 0.4 * opaque * (1.0 - depth)) + 0.01 * (mean - 250.0) * (1.0 - depth)
        return with_heating(up, down, pressure)


class GreyShortwave(torch.nn.Module):
    """Absorption along the slant path, one reflection at the surface."""

    def forward(self, temperature, pressure, humidity, ozone, carbon_dioxide, liquid, ice, albedo, cosine, incoming):
        opaque = opacity(humidity, ozone, carbon_dioxide, liquid, ice).double()[:, None]
        depth = pressure / pressure[:, -1:]
        path = opaque / (0.2 + cosine.double()[:, None])
        down = incoming.double()[:, None] * torch.exp(-0.2 * path * depth) + 0.0 * temperature.double().mean(
            1, keepdim=True
        )
        up = albedo.double()[:, None] * down[:, -1:] * torch.exp(-0.1 * (1.0 - depth))
        return with_heating(up, down, pressure)


GREY = {"longwave": GreyLongwave(), "shortwave": GreyShortwave()}


def inputs_of(band: str) -> tuple[str, ...]:
    """Names of the inputs of a band in graph order."""
    return ATMOSPHERE + SURFACE[band]


def outputs_of(band: str) -> tuple[str, ...]:
    """Names of the outputs of a band in graph order."""
    fluxes = tuple(f"{way}welling_{band}_flux_in_air_at_interfaces" for way in ("up", "down"))
    return (*fluxes, f"tendency_of_air_temperature_due_to_{band}_heating")


def card(band: str) -> Card:
    """Card of a grey emulator."""
    double = "air_pressure_at_interfaces"
    return Card.model_validate(
        {
            "name": f"grey_{band}",
            "version": "1",
            "summary": "Grey formulas for tests",
            "licence": "Apache-2.0",
            "vertical_order": "top_first",
            "dimensions": {"layer": N_LAYERS, "interface": N_LAYERS + 1},
            "inputs": [Variable.of(name, dtype="float64" if name == double else "float32") for name in inputs_of(band)],
            "outputs": [Variable.of(name, dtype="float64") for name in outputs_of(band)],
            "provenance": Provenance(data_sha256="0" * 64, code_version="0", created="2026-01-01T00:00:00+00:00"),
        }
    )


def as_inputs(band: str, fields: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The inputs of a band in their element types."""
    return {variable.name: fields[variable.name].astype(variable.dtype) for variable in card(band).inputs}


def evaluate(band: str, fields: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Run the formulas in torch on (column, level) arrays."""
    tensors = [torch.from_numpy(np.ascontiguousarray(values)) for values in as_inputs(band, fields).values()]
    return {name: tensor.numpy() for name, tensor in zip(outputs_of(band), GREY[band](*tensors), strict=True)}


def export(band: str, fields: dict[str, np.ndarray], folder: Path) -> Path:
    """Write the emulator file of a band with the given columns as reference."""
    return export_onnx(GREY[band], card(band), as_inputs(band, fields), folder / f"grey_{band}.onnx")
