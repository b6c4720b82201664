"""Transfer of energy and enstrophy between scales of a flow in two dimensions, by advection alone.

Arrays are (..., y, x), on the middles of cells of equal size. Between walls a flow is continued by its mirror image, which
makes it periodic: the component through a wall changes its sign there, the one along it does not. That is exact without
friction at walls; with no slip the smallest scales feel a kink at the wall.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
Boundary = Literal["closed", "channel", "periodic"]
Quantity = Literal["kinetic_energy", "enstrophy"]


def at_middles(u: Array, v: Array, boundary: Boundary) -> tuple[Array, Array]:
    """Velocities on the middles of cells from ``u`` on their east faces and ``v`` on their south faces; walls are at rest."""
    west, north = np.roll(u, 1, axis=-1), np.roll(v, -1, axis=-2)
    if boundary == "closed":
        west[..., 0] = 0.0
    if boundary != "periodic":
        north[..., -1, :] = 0.0
    return 0.5 * (u + west), 0.5 * (v + north)


def wave_numbers(ny: int, nx: int, dy: float, dx: float, boundary: Boundary) -> Array:
    """Wave numbers of the rings, in cycles per unit of length: multiples of that of the longest wave up to the shortest."""
    my, mx = _extended(ny, nx, boundary)
    first = 1.0 / max(my * dy, mx * dx)
    last = 0.5 / max(dy, dx)
    return first * np.arange(1, round(last / first) + 1)


def spectral_flux(u: Array, v: Array, dy: float, dx: float, boundary: Boundary, quantity: Quantity) -> Array:
    """What waves shorter than each of ``wave_numbers`` gain by advection from all others, mean over the domain, (..., k).

    Per unit of time: of kinetic energy, |velocity|^2 / 2, or enstrophy, vorticity^2 / 2. Positive: to smaller scales. The
    first value is the flux through the longest wave: all but that of the mean flow and this wave.
    """
    ny, nx = u.shape[-2:]
    waves = wave_numbers(ny, nx, dy, dx, boundary)
    u, v = _continued(u, boundary, -1.0, 1.0), _continued(v, boundary, 1.0, -1.0)
    k = 2.0 * np.pi * np.fft.fftfreq(u.shape[-1], dx)
    m = 2.0 * np.pi * np.fft.fftfreq(u.shape[-2], dy)[:, None]
    advected = [_derivative(v, k) - _derivative(u, m)] if quantity == "enstrophy" else [u, v]
    transfer = np.sum([_transfer(one, u, v, k, m) for one in advected], axis=0)
    ring = np.hypot(k, m) / (2.0 * np.pi) / waves[0]
    index = np.minimum(np.maximum(np.ceil(ring - 0.5 - 1e-9), 0.0), len(waves)).astype(int)
    gained = np.stack([transfer[..., index == i].sum(axis=-1) for i in range(len(waves) + 1)], axis=-1)
    return (np.cumsum(gained[..., ::-1], axis=-1)[..., ::-1] - gained)[..., 1:]


def _transfer(field: Array, u: Array, v: Array, k: Array, m: Array) -> Array:
    """Gain of half the square of a field by wave: minus the real part of its conjugate times the transform of its advection."""
    advection = u * _derivative(field, k) + v * _derivative(field, m)
    n = field.shape[-1] * field.shape[-2]
    return -(np.conj(np.fft.fft2(field)) * np.fft.fft2(advection)).real / n**2


def _derivative(field: Array, wave_number: Array) -> Array:
    return np.fft.ifft2(1j * wave_number * np.fft.fft2(field)).real


def _extended(ny: int, nx: int, boundary: Boundary) -> tuple[int, int]:
    return (ny if boundary == "periodic" else 2 * ny), (2 * nx if boundary == "closed" else nx)


def _continued(field: Array, boundary: Boundary, sign_x: float, sign_y: float) -> Array:
    """With its mirror images behind walls, of the given signs in x and in y."""
    if boundary == "closed":
        field = np.concatenate([field, sign_x * field[..., ::-1]], axis=-1)
    if boundary != "periodic":
        field = np.concatenate([field, sign_y * field[..., ::-1, :]], axis=-2)
    return field
