"""Two-stream layers and the adding method: reflection and transmission of sunlight, term by term, all differentiable.

Layers obey the two-stream equations with the coefficients of the practical improved flux method (Zdunkowski et al. 1980),
which RRTMG uses, solved exactly as in Meador and Weaver 1980 (doi:10.1175/1520-0469(1980)037<0630:TSATRT>2.0.CO;2). The
solution is written in optical depths (absorption, scattering, scattering times asymmetry) because these are linear in the
amounts of gas and cloud. Layers are joined as in Shonk and Hogan 2008 (doi:10.1175/2007JCLI1940.1, eqs 9-14).
"""

from typing import NamedTuple

import torch
from torch import Tensor

MIN_DECAY_SQUARED = 1e-20  # keeps the square root differentiable where nothing is absorbed
RESONANCE = 1e-7  # guard where the direct beam decays as the diffuse field does


class Layers(NamedTuple):
    """Diffuse and direct-beam reflectance and transmittance of layers, and the unscattered beam; (layer, column, term)."""

    reflect_diffuse: Tensor
    transmit_diffuse: Tensor
    reflect_direct: Tensor
    transmit_direct: Tensor
    unscattered: Tensor


def two_stream_layers(absorption: Tensor, scattering: Tensor, forward: Tensor, secant: Tensor) -> Layers:
    """Coefficients of homogeneous layers, (layer, column, term).

    Main arguments: optical depths of ``absorption`` and ``scattering``, and ``forward``, the latter times the asymmetry
    factor, all delta-scaled, their sum positive; ``secant``, one over the cosine of the solar zenith angle, is
    (1, column, term), because engines are slow to broadcast the last dimension.
    """
    lost = 2.0 * absorption
    turned = 0.75 * (scattering - forward)  # gamma2 times depth; gamma1 times depth is lost + turned
    gathered = lost + turned
    decay_squared = torch.clamp(lost * (gathered + turned), min=MIN_DECAY_SQUARED)
    reflect, transmit = _diffuse(gathered, turned, torch.sqrt(decay_squared))
    slant = (absorption + scattering) * secant
    slant_scattering = scattering * secant
    beam = torch.exp(-slant)
    upwards = 0.5 * slant_scattering - 0.75 * forward
    source_up, source_down = _beam_sources(gathered, turned, decay_squared, slant, upwards, slant_scattering - upwards)
    below = source_up * beam
    direct_up = torch.relu(source_up - reflect * source_down - transmit * below)
    direct_down = torch.relu((beam - transmit) * source_down - reflect * below)
    scattered = 1.0 - beam
    direct_up = torch.minimum(direct_up, scattered)
    return Layers(reflect, transmit, direct_up, torch.minimum(direct_down, scattered - direct_up), beam)


def _diffuse(gathered: Tensor, turned: Tensor, decay: Tensor) -> tuple[Tensor, Tensor]:
    """Reflectance and transmittance for diffuse light (Meador and Weaver 1980, eq. 25)."""
    once = torch.exp(-decay)
    twice = once * once
    lost = 1.0 - twice
    common = 1.0 / (decay * (1.0 + twice) + gathered * lost)
    return turned * lost * common, 2.0 * decay * once * common


def _beam_sources(
    gathered: Tensor, turned: Tensor, decay_squared: Tensor, slant: Tensor, upwards: Tensor, downwards: Tensor
) -> tuple[Tensor, Tensor]:
    """Particular solution: diffuse fluxes up and down that accompany a unit direct beam (Meador and Weaver, eqs 14, 15)."""
    slant_squared = slant * slant
    distance = decay_squared / slant_squared - 1.0
    inverse = distance / ((distance * distance + RESONANCE) * slant_squared)
    up = (upwards * (gathered - slant) + turned * downwards) * inverse
    return up, (downwards * (gathered + slant) + turned * upwards) * inverse


def adding(layers: Layers, incoming: Tensor, albedo: Tensor) -> tuple[Tensor, Tensor]:
    """Fluxes up and down (with the direct beam) of every term, (interface, column, term).

    ``incoming`` is the direct flux of every term at the top and ``albedo`` that of the surface, both (1, column, term).
    """
    direct = direct_beam(layers.unscattered, incoming)
    beams = torch.cat(direct)
    above = torch.cat(direct[:-1])
    parts = [layers.reflect_diffuse, layers.transmit_diffuse]
    parts += [layers.reflect_direct * above, layers.transmit_direct * above]
    steps = list(zip(*(part.split(1) for part in parts), strict=True))
    albedos, sources, denominators = _from_below(steps, albedo, albedo * direct[-1])
    diffuse = torch.cat(_from_above(steps, sources, denominators))
    return diffuse * torch.cat(albedos) + torch.cat(sources), diffuse + beams


def direct_beam(transmittance: Tensor, incoming: Tensor) -> list[Tensor]:
    """A beam through successive layers, none or more, (1, column, term) at each interface, the incoming one first."""
    beam = [incoming]
    for through in transmittance.split(1)[: transmittance.shape[0]]:  # split gives one empty piece of nothing
        beam.append(beam[-1] * through)
    return beam


Step = tuple[Tensor, Tensor, Tensor, Tensor]  # diffuse reflectance and transmittance, direct light sent up and down


def _from_below(steps: list[Step], albedo: Tensor, source: Tensor) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Albedo of, and upwelling source from, all that lies below each interface; top first."""
    albedos, sources, denominators = [albedo], [source], []
    for reflect, transmit, sent_up, sent_down in reversed(steps):
        denominator = 1.0 / (1.0 - reflect * albedo)
        through = transmit * denominator
        source = sent_up + through * (source + albedo * sent_down)
        albedo = reflect + transmit * (through * albedo)
        albedos.append(albedo)
        sources.append(source)
        denominators.append(denominator)
    return albedos[::-1], sources[::-1], denominators[::-1]


def _from_above(steps: list[Step], sources: list[Tensor], denominators: list[Tensor]) -> list[Tensor]:
    """Diffuse downwelling flux of every term at interfaces."""
    flux = torch.zeros_like(sources[0])
    down = [flux]
    for (reflect, transmit, _, sent_down), source, denominator in zip(steps, sources[1:], denominators, strict=True):
        flux = (transmit * flux + reflect * source + sent_down) * denominator
        down.append(flux)
    return down
