"""Growth of waves in the shallow-water host with given linear operators: von Neumann's analysis of its leapfrog scheme.

An operator says how the tendencies of u, v and h follow from their values in the 3 x 3 cells around: an array
(3 tendencies, 3 variables, 3 rows from south, 3 columns from west). On a doubly periodic grid every wave is for itself, and
the scheme multiplies it in each step with the eigenvalues of a small matrix; the largest of them is its growth.

The operator of the host itself is known (``host_operator``). A learned one is linear already, or is linearised about a state
by autograd (``weights_of``) or by the derivative that an emulator file carries (``weights_of_file``).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pyemu.physics.shallow_water import STATE, Ocean, dynamics, forcing, thickness_tendency
from pyemu.runtime import Emulator

Array = NDArray[np.float64]

SECONDS_PER_DAY = 86400.0
_SIZE = 5  # of the grid on which one cell is disturbed: more than the reach of an operator on both sides


@dataclass(frozen=True)
class Base:
    """A uniform state to linearise about: u, v [m s-1], h [m] and the wind [Pa]."""

    u: float = 0.0
    v: float = 0.0
    h: float = 0.0
    x_stress: float = 0.0
    y_stress: float = 0.0


REST = Base()


def host_operator(ocean: Ocean, base: Base = REST, *, has_forcing: bool = True) -> Array:
    """The host's own equations, linearised: (3, 3, 3, 3). Without forcing: no wind, drag and viscosity.

    Exact: every variable in turn is disturbed in one cell, and the derivative along that is followed.
    """

    def tendencies(u: Tensor, v: Tensor, h: Tensor) -> Tensor:
        x, y = dynamics(ocean, u, v, h)
        if has_forcing:
            x_forcing, y_forcing = forcing(ocean, u, v, h, base.x_stress, base.y_stress)
            x, y = x + x_forcing, y + y_forcing
        return torch.stack([x, y, thickness_tendency(ocean, u, v, h)])

    states = [torch.full((_SIZE, _SIZE), value, dtype=torch.float64) for value in (base.u, base.v, base.h)]
    operator = np.zeros((3, 3, 3, 3))
    middle = _SIZE // 2
    for k in range(3):
        change = [torch.zeros_like(state) for state in states]
        change[k][middle, middle] = 1.0
        response = torch.func.jvp(tendencies, tuple(states), tuple(change))[1].numpy()
        # A cell that sees the disturbance to its north-east lies to the south-west of it.
        operator[:, k] = response[:, middle - 1 : middle + 2, middle - 1 : middle + 2][:, ::-1, ::-1]
    return operator


def with_learned(
    operator: Array,
    *,
    thickness: Array | None = None,
    x_forcing: Array | None = None,
    y_forcing: Array | None = None,
) -> Array:
    """An operator with learned parts, weights (3, 3, 3) of u, v and h each: ``thickness`` takes the place of the tendency of h;
    ``x_forcing`` and ``y_forcing`` are added, so leave out the host's with ``has_forcing=False``.
    """
    result = operator.copy()
    if thickness is not None:
        result[2] = thickness
    for k, extra in enumerate((x_forcing, y_forcing)):
        if extra is not None:
            result[k] += extra
    return result


def projected(symbol: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """The symbol of an operator whose tendency of h has its mean taken away: the wave without length does not change h."""
    result = symbol.copy()
    result[0, 0, 2] = 0.0
    return result


def symbol_of(operator: Array, nx: int, ny: int) -> NDArray[np.complex128]:
    """What an operator does to waves exp(i (k x + l y)) of a periodic grid: (ny, nx, 3, 3), in the order of numpy's FFT."""
    k, m = 2.0 * np.pi * np.fft.fftfreq(nx), 2.0 * np.pi * np.fft.fftfreq(ny)
    along_x = np.exp(1j * np.outer(k, [-1, 0, 1]))
    along_y = np.exp(1j * np.outer(m, [-1, 0, 1]))
    return np.einsum("oijk,yj,xk->yxoi", operator, along_y, along_x)


def with_transports(symbol: NDArray[np.complex128], x: Array, y: Array, ocean: Ocean) -> NDArray[np.complex128]:
    """A symbol whose tendency of h is what flows in through faces: weights (3, 3, 3) of the transports through the east and
    the south face of a cell, as ``StencilOperator`` has them.
    """
    ny, nx = symbol.shape[:2]
    through = symbol_of(np.stack([x, y]), nx, ny)
    result = symbol.copy()
    result[:, :, 2] = convergence(through[:, :, 0], through[:, :, 1], ocean)
    return result


def convergence(x: NDArray[np.complex128], y: NDArray[np.complex128], ocean: Ocean) -> NDArray[np.complex128]:
    """The symbol of minus the divergence of transports through east and south faces, from theirs (ny, nx, 3)."""
    ny, nx = x.shape[:2]
    from_west = np.exp(-2j * np.pi * np.fft.fftfreq(nx))[None, :, None] - 1.0
    to_north = 1.0 - np.exp(2j * np.pi * np.fft.fftfreq(ny))[:, None, None]
    return x * from_west / ocean.dx + y * to_north / ocean.dy


@dataclass(frozen=True)
class Growth:
    """Growth rates [day-1] of the waves of a grid, (ny, nx), in the order of numpy's FFT."""

    rates: Array

    @property
    def largest(self) -> float:
        """The largest rate of all waves [day-1]."""
        return float(self.rates.max())

    @property
    def of_the_mean(self) -> float:
        """Rate of the state without waves [day-1]: drift of mass, if it is not zero."""
        return float(self.rates[0, 0])

    @property
    def fastest_wave(self) -> tuple[float, float]:
        """Waves along x and y, per cell, of the fastest one: 0.5 is a wave of two cells."""
        j, i = np.unravel_index(int(self.rates.argmax()), self.rates.shape)
        ny, nx = self.rates.shape
        return float(np.fft.fftfreq(nx)[i]), float(np.fft.fftfreq(ny)[j])


def growth(symbol: NDArray[np.complex128], time_step: float, robert_asselin: float) -> Growth:
    """Growth of every wave under the host's scheme: leapfrog with a Robert-Asselin filter.

    With A the symbol, dt the step [s] and a the coefficient: new = old + 2 dt A now; filtered now = now + a (old - 2 now + new).
    """
    identity = np.broadcast_to(np.eye(symbol.shape[-1]), symbol.shape)
    leap = 2.0 * time_step * symbol
    filtered_now = np.concatenate(
        [2.0 * robert_asselin * identity, (1.0 - 2.0 * robert_asselin) * identity + robert_asselin * leap], axis=-1
    )
    step = np.concatenate([filtered_now, np.concatenate([identity, leap], axis=-1)], axis=-2)
    factors = np.abs(np.linalg.eigvals(step)).max(axis=-1)
    return Growth(np.log(factors) * SECONDS_PER_DAY / time_step)


def weights_of(function: Callable[..., Tensor], points: Mapping[str, Tensor]) -> Array:
    """Weights (n, 3, 3, 3) of u, v and h in a torch function of stencils, linearised at each of n points.

    ``function`` takes the tensors (n, 9) of ``points`` by name, ``NAME_stencil``, and gives (n,); what it does not read of the
    state has weight zero. Points must not mix.
    """
    given = {name: values.detach().clone().requires_grad_() for name, values in points.items()}
    function(**given).sum().backward()
    gradients = {name: values.grad for name, values in given.items() if values.grad is not None}
    return _arranged({name: values.numpy() for name, values in gradients.items()}, len(next(iter(points.values()))))


def weights_of_file(path: Path, points: Mapping[str, NDArray], output: str, engine: str = "native") -> Array:
    """The same of an emulator file of columns that carries the derivative ``vjp``: of one of its outputs, by name.

    Raises what ``Emulator.open`` raises if the file has no such derivative.
    """
    n = len(next(iter(points.values())))
    with Emulator.open(path, engine, derivative="vjp") as adjoint:
        gradients = {}
        for variable in adjoint.variables:
            name = variable.name
            if not variable.is_input:
                gradients[name.removeprefix("adjoint_of_")] = np.zeros((n, *variable.shape))
                adjoint.bind(name, gradients[name.removeprefix("adjoint_of_")])
            elif name.startswith("adjoint_of_"):
                adjoint.bind(name, np.full(n, float(name == f"adjoint_of_{output}")))
            else:
                adjoint.bind(name, np.ascontiguousarray(points[name]))
        adjoint.run()
    return _arranged(gradients, n)


def _arranged(gradients: Mapping[str, NDArray], n: int) -> Array:
    """Gradients by stencils as weights of u, v and h."""
    weights = np.zeros((n, 3, 3, 3))
    for k, name in enumerate(STATE):
        found = gradients.get(f"{name}_stencil")
        if found is not None:
            weights[:, k] = found.reshape(n, 3, 3)
    return weights
