"""Shortwave network: learned optics inside an exact two-stream adding solver.

Each spectral term has a share of the incoming sunlight, Rayleigh scattering, an ozone cross-section, gas absorption from
the shared layer network, and scattering and absorption of cloud water and ice. Some terms start as ultraviolet and
visible light (ozone, Rayleigh), the others as near infrared (water vapour), so that descent begins near the physics.

The uppermost ``n_upper`` layers (22: those of the L60 grid above 60 hPa) absorb only: six percent of the column's
Rayleigh scattering lies there, and no cloud.
"""

import math

import torch
from torch import Tensor, nn

from pyemu import constants
from pyemu.nn.gas_optics import GasOptics, layer_amounts
from pyemu.nn.two_stream import adding, direct_beam, two_stream_layers

MIN_COSINE = 0.01  # sunlight below half a degree of elevation is treated as at half a degree


class SpectralShortwave(nn.Module):
    """Upwelling and downwelling fluxes [W m-2], (column, interface), from a dictionary of column inputs."""

    def __init__(self, n_visible: int = 8, n_infrared: int = 5, n_hidden: int = 24, n_upper: int = 22):
        super().__init__()
        self.n_upper = n_upper
        n_terms = n_visible + n_infrared
        self.gas = GasOptics(
            n_terms, n_hidden, _halves(torch.full((n_visible,), -16.0), torch.linspace(-16.0, -3.0, n_infrared))
        )
        self.log_ozone_absorption = nn.Parameter(  # m2 mol-1
            _halves(torch.linspace(6.5, -2.5, n_visible), torch.full((n_infrared,), -9.0))
        )
        self.solar_logits = nn.Parameter(
            _halves(torch.linspace(-3.0, 1.2, n_visible), torch.linspace(1.0, -1.5, n_infrared))
        )
        self.log_rayleigh = nn.Parameter(  # m2 kg-1
            _halves(torch.linspace(0.5, -1.5, n_visible), torch.linspace(-3.0, -6.0, n_infrared)) - 9.2
        )
        self.liquid = CloudOptics(n_terms, scattering=0.04)
        self.ice = CloudOptics(n_terms, scattering=0.02)

    def forward(self, columns: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Fluxes up and down at interfaces, top first; both vanish with the incoming flux.

        The upper layers absorb but do not scatter, so only the layers below enter the adding method.
        """
        cosine = torch.clamp(columns["cosine_of_solar_zenith_angle"], min=MIN_COSINE)[None, :, None]
        every_term = torch.ones_like(self.solar_logits)
        secant = every_term / cosine
        absorption, scattering, forward = self._optics(columns)
        upper = absorption[: self.n_upper]
        incoming = torch.softmax(self.solar_logits, dim=0) * torch.ones_like(cosine)
        beams = direct_beam(torch.exp(-upper * secant), incoming)
        layers = two_stream_layers(absorption[self.n_upper :], scattering, forward, secant)
        albedo = columns["surface_albedo"][None, :, None] * every_term
        up, down = adding(layers, beams[-1], albedo)
        escaping = direct_beam(torch.exp(-2.0 * upper).flip(0), up[:1])
        up = torch.cat([*escaping[:0:-1], up]).sum(dim=-1).T
        down = torch.cat([*beams[:-1], down]).sum(dim=-1).T
        solar = columns["toa_incoming_shortwave_flux"][:, None]
        return solar * up, solar * down

    def _optics(self, columns: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Absorption depth of every layer, and scattering depth and the same times asymmetry of the lower layers."""
        mass, liquid, ice = layer_amounts(columns)
        ozone = columns["mole_fraction_of_ozone_in_air"].T[:, :, None] * (
            mass * (1.0 / constants.MOLAR_MASS_OF_DRY_AIR)
        )
        amounts = torch.cat([ozone, liquid, ice, mass], dim=-1)
        zero = torch.zeros_like(self.log_rayleigh)
        scattering = torch.stack([zero, self.liquid.scattering(), self.ice.scattering(), torch.exp(self.log_rayleigh)])
        asymmetry = torch.stack([zero, self.liquid.asymmetry(), self.ice.asymmetry(), zero])
        absorption = torch.stack(
            [torch.exp(self.log_ozone_absorption), self.liquid.absorption(), self.ice.absorption(), zero]
        )
        # Depths are linear in the amounts: matrix products instead of many element-wise passes.
        lower = amounts[self.n_upper :]
        absorbed = self.gas(columns, mass)[0] + _depths(amounts, absorption)
        return absorbed, _depths(lower, scattering), _depths(lower, scattering * asymmetry)


class CloudOptics(nn.Module):
    """Delta-scaled scattering and absorption per path [m2 g-1] and asymmetry [1] of one phase, one value per term."""

    def __init__(self, n_terms: int, scattering: float):
        super().__init__()
        self.log_scattering = nn.Parameter(torch.full((n_terms,), math.log(scattering)))
        self.log_absorption = nn.Parameter(torch.linspace(-12.0, -5.0, n_terms))
        self.asymmetry_logits = nn.Parameter(torch.zeros(n_terms))

    def scattering(self) -> Tensor:
        """Scattering per path [m2 g-1]."""
        return torch.exp(self.log_scattering)

    def absorption(self) -> Tensor:
        """Absorption per path [m2 g-1]."""
        return torch.exp(self.log_absorption)

    def asymmetry(self) -> Tensor:
        """Asymmetry factor in (0, 1)."""
        return torch.sigmoid(self.asymmetry_logits)


def _depths(amounts: Tensor, coefficients: Tensor) -> Tensor:
    """Amounts (layer, column, kind) times coefficients (kind, term)."""
    return (amounts.flatten(0, 1) @ coefficients).unflatten(0, (amounts.shape[0], -1))


def _halves(visible: Tensor, infrared: Tensor) -> Tensor:
    return torch.cat([visible, infrared])
