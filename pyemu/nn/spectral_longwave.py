"""Longwave network: learned optics inside an exact emission-absorption solver.

What is learned is small and local (absorption of a few spectral terms, their share of the Planck function, absorption of
cloud water and ice); how radiation travels through the column is not learned but solved, as RRTMG does it without
scattering (Clough et al. 1992, doi:10.1029/92JD01419). Transfer to unseen atmospheres is therefore physics, not luck.
"""

import math

import torch
from torch import Tensor, nn

from pyemu import constants
from pyemu.nn.gas_optics import GasOptics, layer_amounts, widened
from pyemu.physics import thermal

PADE = 0.278  # weight of the layer-edge Planck function, Clough et al. 1992, eq. 15
CENTRE, SPREAD = 250.0, 50.0  # K, temperature scale of the Planck polynomials
PLANCK_DEGREE = 4
SHIFT_GAIN = 0.3  # of the raw output on the shares


class SpectralLongwave(nn.Module):
    """Upwelling and downwelling fluxes [W m-2], (column, interface), from a dictionary of column inputs."""

    black_body: Tensor

    def __init__(self, n_terms: int = 12, n_hidden: int = 24):
        super().__init__()
        self.gas = GasOptics(n_terms, n_hidden, torch.linspace(-13.0, 1.0, n_terms), n_extra=n_terms)
        self.log_liquid_absorption = nn.Parameter(torch.full((n_terms,), math.log(0.12)))  # m2 g-1
        self.log_ice_absorption = nn.Parameter(torch.full((n_terms,), math.log(0.05)))  # m2 g-1
        total = black_body_coefficients()
        self.register_buffer("black_body", total)
        spread = 1.0 + 0.1 * torch.randn(PLANCK_DEGREE + 1, n_terms)
        self.planck_coefficients = nn.Parameter(total[:, None] * spread / n_terms)

    def forward(self, columns: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Fluxes up and down at interfaces, top first."""
        mass, liquid, ice = layer_amounts(columns)
        absorption = torch.exp(torch.stack([self.log_liquid_absorption, self.log_ice_absorption]))
        cloud = (torch.cat([liquid, ice], dim=-1).flatten(0, 1) @ absorption).unflatten(0, (mass.shape[0], -1))
        gas, shift = self.gas(columns, mass)
        inner, below, above, surface = self._planck(columns)
        shares = shifted_shares(SHIFT_GAIN * shift, inner, thermal.black_body_flux(columns["air_temperature"]).T)
        down, up, transmittance = layer_emission(gas + cloud, shares, inner, below, above)
        emissivity = columns["surface_longwave_emissivity"][None, :, None]
        return emission_transfer(transmittance, down, up, surface, emissivity)

    def _planck(self, columns: dict[str, Tensor]) -> tuple[Tensor, ...]:
        """Black-body flux of every term [W m-2], (layer, column, term): in layers, then the excess at the interface below
        and at the one above, and of the surface.

        Quartic polynomials of temperature whose sum over terms is sigma T^4 for any value of the trained coefficients.
        """
        temperature = columns["air_temperature"]
        n_layers = temperature.shape[1]
        edges = thermal.interface_temperature(temperature, columns["air_pressure_at_interfaces"])
        levels = torch.cat([edges, temperature, columns["surface_temperature"][:, None]], dim=1)
        powers = _powers(levels.T)
        at_edges, at_layers = powers[: n_layers + 1], powers[n_layers + 1 : -1]
        # The polynomial is linear in its coefficients: differences are taken before the product, where they are few.
        rows = (at_layers, at_edges[1:] - at_layers, at_edges[:-1] - at_layers, powers[-1:])
        missing = self.black_body - self.planck_coefficients.sum(dim=1)
        coefficients = self.planck_coefficients + missing[:, None] / self.planck_coefficients.shape[1]
        return tuple((part.flatten(0, 1) @ coefficients).unflatten(0, (part.shape[0], -1)) for part in rows)


def _powers(temperature: Tensor) -> Tensor:
    """Powers 0 to 4 of the scaled temperature in a new last dimension."""
    t = (temperature - CENTRE) / SPREAD
    square = t * t
    return torch.stack([torch.ones_like(t), t, square, square * t, square * square], dim=-1)


def black_body_coefficients() -> Tensor:
    """Coefficients of sigma T^4 [W m-2] in powers of (T - CENTRE) / SPREAD, lowest first, (5,)."""
    binomial = [math.comb(4, k) * CENTRE ** (4 - k) * SPREAD**k for k in range(PLANCK_DEGREE + 1)]
    return torch.tensor([constants.STEFAN_BOLTZMANN * value for value in binomial])


def shifted_shares(shift: Tensor, inner: Tensor, black_body: Tensor) -> Tensor:
    """Factors on the Planck function of every term, (layer, column, term), that leave its sum over terms unchanged.

    Which part of the spectrum a term stands for depends on pressure and composition, as the Planck fractions of RRTMG do.
    """
    imbalance = (shift * inner).sum(dim=-1) / black_body
    return (1.0 + shift) - widened(imbalance[..., None], shift.shape[-1])


def layer_emission(
    depth: Tensor, shares: Tensor, inner: Tensor, below: Tensor, above: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Emission of every layer downwards and upwards [W m-2] and its transmittance, (layer, column, term).

    The Planck function varies linearly in optical depth from the layer (``inner``) to its edges, where it is larger by
    ``below`` and ``above`` (Clough et al. 1992, eq. 13).
    """
    transmittance = torch.exp(-depth)
    emitted = (1.0 - transmittance) * shares
    to_edge = emitted * (depth / (1.0 / PADE + depth))
    centre = emitted * inner
    return centre + to_edge * below, centre + to_edge * above, transmittance


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
