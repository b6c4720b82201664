"""Longwave network: learned optics inside an exact emission-absorption solver.

What is learned is small and local (absorption of a few spectral terms, their share of the Planck function, absorption of
cloud water and ice); how radiation travels through the column is not learned but solved, as RRTMG does it without
scattering (Clough et al. 1992, doi:10.1029/92JD01419). Transfer to unseen atmospheres is therefore physics, not luck.
"""

import math

import torch
from torch import Tensor, nn

from pyemu import constants
from pyemu.nn.gas_optics import GasOptics, layer_amounts
from pyemu.physics import thermal

PADE = 0.278  # weight of the layer-edge Planck function, Clough et al. 1992, eq. 15
CENTRE, SPREAD = 250.0, 50.0  # K, temperature scale of the Planck polynomials
PLANCK_DEGREE = 4


class SpectralLongwave(nn.Module):
    """Upwelling and downwelling fluxes [W m-2], (column, interface), from a dictionary of column inputs."""

    def __init__(self, n_terms: int = 16, n_hidden: int = 32):
        super().__init__()
        self.gas = GasOptics(n_terms, n_hidden, torch.linspace(-13.0, 1.0, n_terms))
        self.log_liquid_absorption = nn.Parameter(torch.full((n_terms,), math.log(0.12)))  # m2 g-1
        self.log_ice_absorption = nn.Parameter(torch.full((n_terms,), math.log(0.05)))  # m2 g-1
        total = black_body_coefficients()
        self.register_buffer("black_body", total)
        spread = 1.0 + 0.1 * torch.randn(PLANCK_DEGREE + 1, n_terms)
        self.planck_coefficients = nn.Parameter(total[:, None] * spread / n_terms)

    def forward(self, columns: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Fluxes up and down at interfaces, top first."""
        mass, liquid, ice = layer_amounts(columns)
        depth = self.gas(columns, mass)
        depth = depth + liquid * torch.exp(self.log_liquid_absorption) + ice * torch.exp(self.log_ice_absorption)
        edges, layers, surface = self._planck(columns)
        down, up, transmittance = layer_emission(depth, edges, layers)
        emissivity = columns["surface_longwave_emissivity"][None, :, None]
        return emission_transfer(transmittance, down, up, surface, emissivity)

    def _planck(self, columns: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Black-body flux of every term [W m-2] at interfaces, in layers and of the surface, (level, column, term).

        Quartic polynomials of temperature whose sum over terms is sigma T^4 for any value of the trained coefficients.
        """
        temperature = columns["air_temperature"]
        edges = thermal.interface_temperature(temperature, columns["air_pressure_at_interfaces"])
        levels = torch.cat([edges, temperature, columns["surface_temperature"][:, None]], dim=1).T
        t = (levels - CENTRE) / SPREAD
        square = t * t
        powers = torch.stack([torch.ones_like(t), t, square, square * t, square * square], dim=-1)
        missing = self.black_body - self.planck_coefficients.sum(dim=1)
        coefficients = self.planck_coefficients + missing[:, None] / self.planck_coefficients.shape[1]
        planck = (powers.flatten(0, 1) @ coefficients).unflatten(0, (levels.shape[0], -1))
        return planck[: edges.shape[1]], planck[edges.shape[1] : -1], planck[-1:]


def black_body_coefficients() -> Tensor:
    """Coefficients of sigma T^4 [W m-2] in powers of (T - CENTRE) / SPREAD, lowest first, (5,)."""
    binomial = [math.comb(4, k) * CENTRE ** (4 - k) * SPREAD**k for k in range(PLANCK_DEGREE + 1)]
    return torch.tensor([constants.STEFAN_BOLTZMANN * value for value in binomial])


def layer_emission(depth: Tensor, edges: Tensor, layers: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Emission of every layer downwards and upwards [W m-2] and its transmittance, (layer, column, term).

    The Planck function varies linearly in optical depth from the layer to its edge (Clough et al. 1992, eq. 13).
    """
    transmittance = torch.exp(-depth)
    emitted = 1.0 - transmittance
    to_edge = emitted * (depth / (1.0 / PADE + depth))
    inner = emitted * layers
    return inner + to_edge * (edges[1:] - layers), inner + to_edge * (edges[:-1] - layers), transmittance


def emission_transfer(
    transmittance: Tensor, down_source: Tensor, up_source: Tensor, surface: Tensor, emissivity: Tensor
) -> tuple[Tensor, Tensor]:
    """March down, reflect and emit at the surface, march up; sums over terms, (column, interface).

    Pieces keep their leading dimension of one: engines then need no reshaping between the steps.
    """
    steps = transmittance.split(1)
    flux = torch.zeros_like(surface)
    down = [flux]
    for through, source in zip(steps, down_source.split(1), strict=True):
        flux = source + through * flux
        down.append(flux)
    flux = emissivity * surface + (1.0 - emissivity) * flux
    up = [flux]
    for through, source in zip(reversed(steps), reversed(up_source.split(1)), strict=True):
        flux = source + through * flux
        up.append(flux)
    return torch.cat(up[::-1]).sum(dim=-1).T, torch.cat(down).sum(dim=-1).T
