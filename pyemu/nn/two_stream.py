"""Two-stream layers and the adding method: reflection and transmission of sunlight, term by term, all differentiable.

Layer coefficients are those of Meador and Weaver 1980 (doi:10.1175/1520-0469(1980)037<0630:TSATRT>2.0.CO;2, eqs 14, 15
and 25) with the practical improved flux method (Zdunkowski et al. 1980), which RRTMG uses; layers are joined as in Shonk
and Hogan 2008 (doi:10.1175/2007JCLI1940.1, eqs 9-14).
"""

from typing import NamedTuple

import torch
from torch import Tensor

MIN_DECAY_SQUARED = 1e-6  # keeps the square root differentiable where nothing is absorbed
RESONANCE_WIDTH = 1e-3  # distance kept from k*mu0 = 1, where numerator and denominator vanish together


class Layers(NamedTuple):
    """Diffuse and direct-beam reflectance and transmittance of layers, and the unscattered beam; all (layer, column, term)."""

    reflect_diffuse: Tensor
    transmit_diffuse: Tensor
    reflect_direct: Tensor
    transmit_direct: Tensor
    unscattered: Tensor


def two_stream_layers(depth: Tensor, scattering_albedo: Tensor, asymmetry: Tensor, cosine: Tensor) -> Layers:
    """Coefficients of homogeneous layers; ``cosine`` of the solar zenith angle broadcasts as (column, 1)."""
    g1 = 0.25 * (8.0 - scattering_albedo * (5.0 + 3.0 * asymmetry))
    g2 = 0.75 * scattering_albedo * (1.0 - asymmetry)
    decay = torch.sqrt(torch.clamp((g1 - g2) * (g1 + g2), min=MIN_DECAY_SQUARED))
    once = torch.exp(-depth * decay)
    twice = once * once
    common = 1.0 / (decay * (1.0 + twice) + g1 * (1.0 - twice))
    unscattered = torch.exp(-depth / cosine)
    direct = _direct_beam(scattering_albedo * common, asymmetry, cosine, g1, g2, decay, once, unscattered)
    return Layers(common * g2 * (1.0 - twice), common * 2.0 * decay * once, *direct, unscattered)


def _direct_beam(
    common: Tensor, asymmetry: Tensor, cosine: Tensor, g1: Tensor, g2: Tensor, decay: Tensor, once: Tensor, beam: Tensor
) -> tuple[Tensor, Tensor]:
    """Share of the direct beam that a layer scatters up and down, kept within what the beam lost."""
    g3 = 0.25 * (2.0 - 3.0 * cosine * asymmetry)
    g4 = 1.0 - g3
    a1, a2 = g1 * g4 + g2 * g3, g1 * g3 + g2 * g4
    k_mu, twice = decay * cosine, once * once
    common = common / _away_from_zero(1.0 - k_mu * k_mu)
    k3, k4, minus, plus = decay * g3, decay * g4, 1.0 - k_mu, 1.0 + k_mu
    up = minus * (a2 + k3) - plus * (a2 - k3) * twice - 2.0 * (k3 - a2 * k_mu) * once * beam
    down = plus * (a1 + k4) * beam - minus * (a1 - k4) * twice * beam - 2.0 * (k4 + a1 * k_mu) * once
    reflect = torch.minimum(torch.relu(common * up), 1.0 - beam)
    return reflect, torch.minimum(torch.relu(-common * down), 1.0 - beam - reflect)


def _away_from_zero(value: Tensor) -> Tensor:
    sign = torch.where(value < 0.0, -1.0, 1.0)
    return sign * torch.clamp(torch.abs(value), min=RESONANCE_WIDTH)


def adding(layers: Layers, incoming: Tensor, albedo: Tensor) -> tuple[Tensor, Tensor]:
    """Fluxes up and down (with the direct beam), summed over terms, (column, interface).

    ``incoming`` is the direct flux of every term at the top and ``albedo`` of the surface, broadcastable (column, term).
    """
    direct = _direct_fluxes(layers.unscattered, incoming)
    albedos, sources, denominators = _from_below(layers, direct, albedo)
    down = _from_above(layers, direct, sources, denominators)
    diffuse = torch.stack(down, dim=1)
    up = diffuse * torch.stack(albedos, dim=1) + torch.stack(sources, dim=1)
    return up.sum(dim=-1), (diffuse + torch.stack(direct, dim=1)).sum(dim=-1)


def _direct_fluxes(unscattered: Tensor, incoming: Tensor) -> list[Tensor]:
    direct = [incoming]
    for beam in unscattered.unbind(0):
        direct.append(direct[-1] * beam)
    return direct


def _from_below(
    layers: Layers, direct: list[Tensor], albedo: Tensor
) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Albedo of, and upwelling source from, all that lies below each interface; top first."""
    albedos, sources, denominators = [albedo], [albedo * direct[-1]], []
    columns = zip(*(part.unbind(0) for part in layers[:4]), direct[:-1], strict=True)
    for reflect, transmit, reflect_direct, transmit_direct, beam in reversed(list(columns)):
        below, source = albedos[-1], sources[-1]
        denominator = 1.0 / (1.0 - reflect * below)
        through = transmit * denominator
        albedos.append(reflect + transmit * through * below)
        sources.append(reflect_direct * beam + through * (source + below * transmit_direct * beam))
        denominators.append(denominator)
    return albedos[::-1], sources[::-1], denominators[::-1]


def _from_above(layers: Layers, direct: list[Tensor], sources: list[Tensor], denominators: list[Tensor]) -> list[Tensor]:
    """Diffuse downwelling flux of every term at interfaces."""
    down = [torch.zeros_like(sources[0])]
    parts = (layers.reflect_diffuse, layers.transmit_diffuse, layers.transmit_direct)
    columns = zip(*(part.unbind(0) for part in parts), direct[:-1], sources[1:], denominators, strict=True)
    for reflect, transmit, transmit_direct, beam, source, denominator in columns:
        down.append((transmit * down[-1] + reflect * source + transmit_direct * beam) * denominator)
    return down
