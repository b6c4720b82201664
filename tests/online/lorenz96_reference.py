"""Lorenz '96 in numpy, written from the equations, and emulator files for its one-scale model."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from pyemu.emulator import Card, Carried, Noise, Provenance, Variable
from pyemu.emulator.export import export_onnx

SLOW, PREVIOUS, TENDENCY = "lorenz96_slow_variable", "lorenz96_previous_subgrid_tendency", "lorenz96_subgrid_tendency"
FAST = "lorenz96_fast_variable"

Array = np.ndarray
Step = Callable[[Array], Array]


def resolved(x: Array, forcing: float = 20.0) -> Array:
    """Tendency of (..., k) without fast variables; the sequence of operations is the host's."""
    return np.roll(x, 1, -1) * (np.roll(x, -1, -1) - np.roll(x, 2, -1)) - x + forcing


def two_scale(state: Array, n_slow: int = 8, h: float = 1.0, b: float = 10.0, c: float = 10.0) -> Array:
    """Tendency of slow and fast variables together, (..., k + k * j)."""
    x, y = state[..., :n_slow], state[..., n_slow:]
    n_fast = y.shape[-1] // n_slow
    sums = y.reshape(*x.shape, n_fast).sum(axis=-1)
    dx = resolved(x) - h * c / b * sums
    dy = -c * b * np.roll(y, -1, -1) * (np.roll(y, -2, -1) - np.roll(y, 1, -1)) - c * y
    return np.concatenate([dx, dy + h * c / b * np.repeat(x, n_fast, axis=-1)], axis=-1)


def runge_kutta(tendency: Step, state: Array, dt: float) -> Array:
    """One classical step of fourth order."""
    k1 = tendency(state)
    k2 = tendency(state + dt / 2 * k1)
    k3 = tendency(state + dt / 2 * k2)
    k4 = tendency(state + dt * k3)
    return state + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def midpoint(x: Array, dt: float, subgrid: Step) -> Array:
    """One midpoint step of the one-scale model; ``subgrid`` makes U of X, once for each stage."""
    middle = x + 0.5 * dt * (resolved(x) - subgrid(x))
    return x + dt * (resolved(middle) - subgrid(middle))


class Closure(torch.nn.Module):
    """U of X, of the U before, and of noise with and without memory."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.network = torch.nn.Sequential(torch.nn.Linear(5, 16), torch.nn.SELU(), torch.nn.Linear(16, 1))

    def forward(
        self, x: torch.Tensor, before: torch.Tensor, red: torch.Tensor, white: torch.Tensor
    ) -> tuple[torch.Tensor]:
        inputs = torch.cat([0.2 * x[:, None], 0.2 * before[:, None], red, white], dim=1)
        return (0.3 + 1.2 * x - 0.01 * x**2 + self.network(inputs)[:, 0],)


class Recurrent(torch.nn.Module):
    """U of X and of a memory that the library carries."""

    def forward(self, x: torch.Tensor, memory: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        memory = 0.9 * memory + 0.05 * x[:, None]
        return x + torch.tanh(memory[:, 0]) - 0.5 * memory[:, 1], memory


def variable(name: str, *dims: str, **changes: object) -> Variable:
    """A dimensionless input or output of a column."""
    return Variable(name=name, standard_name=name, units="1", dims=("column", *dims), dtype="float32", **changes)  # type: ignore[arg-type]


def card(**changes: object) -> Card:
    """What all cards here share."""
    provenance = Provenance(data_sha256="0" * 64, code_version="1", created="2026-01-01T00:00:00+00:00")
    shared = {"version": "1", "summary": "For tests", "licence": "Apache-2.0", "vertical_order": "top_first",
              "dimensions": {}, "outputs": (variable(TENDENCY),), "provenance": provenance}  # fmt: skip
    return Card.model_validate(shared | changes)


def recorded(**sizes: int) -> dict[str, Array]:
    """Reference inputs: 16 columns of each, of so many elements, 0 for none."""
    rng = np.random.default_rng(1)
    return {name: rng.normal(size=(16, n) if n else 16).astype(np.float32) for name, n in sizes.items()}


def stochastic(folder: Path) -> Path:
    """An emulator file with noise of both kinds and the U before."""
    inputs = (
        variable(SLOW),
        variable(PREVIOUS),
        variable("red", "one", noise=Noise(distribution="normal", ar1=0.98)),
        variable("white", "two", noise=Noise(distribution="normal")),
    )
    made = card(name="stochastic", dimensions={"one": 1, "two": 2}, inputs=inputs)
    return export_onnx(
        Closure(), made, recorded(**{SLOW: 0, PREVIOUS: 0, "red": 1, "white": 2}), folder / "stochastic.onnx"
    )


def recurrent(folder: Path) -> Path:
    """An emulator file with a memory that the library carries."""
    made = card(
        name="recurrent",
        dimensions={"two": 2},
        inputs=(variable(SLOW), variable("memory", "two")),
        outputs=(variable(TENDENCY), variable("new_memory", "two")),
        state=(Carried(input="memory", output="new_memory"),),
    )
    return export_onnx(Recurrent(), made, recorded(**{SLOW: 0, "memory": 2}), folder / "recurrent.onnx")
