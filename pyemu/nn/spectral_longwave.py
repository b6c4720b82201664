"""Longwave network: learned optics inside an exact emission-absorption solver.

What is learned is small and local (absorption of a few spectral terms, their share of the Planck function, absorption of
cloud water and ice); how radiation travels through the column is not learned but solved, as RRTMG does it without
scattering (Clough et al. 1992, doi:10.1029/92JD01419). Transfer to unseen atmospheres is therefore physics, not luck.
"""

import math

import torch
from torch import Tensor, nn

from pyemu.nn.gas_optics import GasOptics, layer_amounts
from pyemu.physics import thermal

PADE = 0.278  # weight of the layer-edge Planck function, Clough et al. 1992, eq. 15
PLANCK_DEGREE = 4  # coefficients of the polynomial in temperature behind each spectral share


class SpectralLongwave(nn.Module):
    """Upwelling and downwelling fluxes [W m-2], (column, interface), from a dictionary of column inputs."""

    def __init__(self, n_terms: int = 24, n_hidden: int = 40):
        super().__init__()
        self.gas = GasOptics(n_terms, n_hidden, torch.linspace(-13.0, 1.0, n_terms), n_extra=n_terms)
        self.log_liquid_absorption = nn.Parameter(torch.full((n_terms,), math.log(0.12)))  # m2 g-1
        self.log_ice_absorption = nn.Parameter(torch.full((n_terms,), math.log(0.05)))  # m2 g-1
        self.planck_coefficients = nn.Parameter(0.05 + 0.05 * torch.randn(PLANCK_DEGREE, n_terms))

    def forward(self, columns: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Fluxes up and down at interfaces, top first."""
        mass, liquid, ice = layer_amounts(columns)
        depth, share_logits = self.gas(columns, mass)
        depth = depth + liquid * torch.exp(self.log_liquid_absorption) + ice * torch.exp(self.log_ice_absorption)
        transmittance = torch.exp(-depth)
        down_source, up_source = self._sources(columns, depth, transmittance, share_logits)
        surface = self.planck(columns["surface_temperature"])
        emissivity = columns["surface_longwave_emissivity"][:, None]
        return emission_transfer(transmittance, down_source, up_source, surface, emissivity)

    def planck(self, temperature: Tensor) -> Tensor:
        """Black-body flux of every spectral term [W m-2]: shares that sum to one, times sigma T^4."""
        t = (temperature - 250.0) / 50.0
        powers = torch.stack([torch.ones_like(t), t, t * t, t * t * t], dim=-1)
        shares = torch.softmax(powers @ self.planck_coefficients, dim=-1)
        return shares * thermal.black_body_flux(temperature)[..., None]

    def _sources(
        self, columns: dict[str, Tensor], depth: Tensor, transmittance: Tensor, share_logits: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Emission of every layer downwards and upwards, (layer, column, term), linear in optical depth.

        The layer's own composition shifts the shares of the terms; shifted shares still sum to one in the layer.
        """
        temperature, pressure = columns["air_temperature"], columns["air_pressure_at_interfaces"]
        plain = self.planck(temperature.T)
        shift = torch.exp(0.3 * share_logits)
        shift = shift * (plain.sum(dim=-1, keepdim=True) / (plain * shift).sum(dim=-1, keepdim=True))
        layer = plain * shift
        edges = self.planck(thermal.interface_temperature(temperature, pressure).T)
        towards_edge = depth / (1.0 / PADE + depth)
        emitted = 1.0 - transmittance
        down = emitted * (layer + towards_edge * (shift * edges[1:] - layer))
        return down, emitted * (layer + towards_edge * (shift * edges[:-1] - layer))


def emission_transfer(
    transmittance: Tensor, down_source: Tensor, up_source: Tensor, surface: Tensor, emissivity: Tensor
) -> tuple[Tensor, Tensor]:
    """March down, reflect and emit at the surface, march up; sums over spectral terms, (column, interface)."""
    steps = transmittance.unbind(0)
    flux = torch.zeros_like(surface)
    down = [flux]
    for through, source in zip(steps, down_source.unbind(0), strict=True):
        flux = source + through * flux
        down.append(flux)
    flux = emissivity * surface + (1.0 - emissivity) * flux
    up = [flux]
    for through, source in zip(reversed(steps), reversed(up_source.unbind(0)), strict=True):
        flux = source + through * flux
        up.append(flux)
    return torch.stack(up[::-1], dim=1).sum(dim=-1), torch.stack(down, dim=1).sum(dim=-1)
