"""Networks to differentiate, each with its card and recorded columns: one for every kind of layer that emulators have."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from columns import small_columns
from torch import Tensor, nn

from pyemu.emulator import Card, Provenance, Tolerance, Variable
from pyemu.nn.profile_networks import BidirectionalRecurrent, DenseProfile, DilatedConvolution, ProfileFluxes
from pyemu.nn.spectral_longwave import SpectralLongwave
from pyemu.nn.spectral_shortwave import SpectralShortwave
from pyemu.zoo.radiation import LONGWAVE, PRESSURE, SHORTWAVE, RadiationEmulator

LEVELS, COLUMNS = 8, 6


@dataclass(frozen=True)
class Case:
    """What export needs."""

    module: nn.Module
    card: Card
    inputs: dict[str, np.ndarray]


def card_of(inputs: tuple[Variable, ...], outputs: tuple[Variable, ...], **changes: object) -> Card:
    """A card of columns; ``changes`` replace keys."""
    values: dict[str, object] = {
        "name": "differentiable",
        "version": "1",
        "summary": "An untrained network for tests",
        "licence": "Apache-2.0",
        "vertical_order": "top_first",
        "dimensions": {"layer": LEVELS, "interface": LEVELS + 1, "y": 3, "x": LEVELS},
        "inputs": inputs,
        "outputs": outputs,
        "provenance": Provenance(data_sha256="0" * 64, code_version="1", created="2026-01-01T00:00:00+00:00"),
    }
    return Card.model_validate(values | changes)


def profile(
    name: str, units: str = "1", dims: tuple[str, ...] = ("column", "layer"), dtype: str = "float32"
) -> Variable:
    """A variable that is in no vocabulary."""
    return Variable(name=name, units=units, dims=dims, dtype=dtype)


class Mixed(nn.Module):
    """Two inputs, two outputs, between them a network of profiles."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, state: Tensor, forcing: Tensor) -> tuple[Tensor, Tensor]:
        """The state with what the network makes of it, and a sum."""
        found = state + 0.5 * self.network(state * torch.exp(-0.1 * forcing[:, None]))
        return found, (found * found).sum(dim=1) + forcing


class Attention(nn.Module):
    """Self-attention over levels, with layer norms: softmax, GELU, residuals."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Linear(1, 12)
        self.queries, self.keys, self.values = (nn.Linear(12, 12) for _ in range(3))
        self.first, self.second = nn.LayerNorm(12), nn.LayerNorm(12)
        self.feed = nn.Sequential(nn.Linear(12, 24), nn.GELU(), nn.Linear(24, 12))
        self.leave = nn.Linear(12, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(column, level) to the same."""
        hidden = self.enter(x[..., None])
        normed = self.first(hidden)
        scores = torch.matmul(self.queries(normed), self.keys(normed).transpose(1, 2)) / 12**0.5
        hidden = hidden + torch.matmul(torch.softmax(scores, dim=-1), self.values(normed))
        return self.leave(hidden + self.feed(self.second(hidden)))[..., 0]


class Convolutions(nn.Module):
    """Convolutions with stride, dilation, groups and a transposed one, strided slices, flips and sums."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(nn.Conv1d(1, 6, 3, stride=2, padding=1), nn.Softplus())
        self.middle = nn.Sequential(nn.Conv1d(6, 6, 3, padding=2, dilation=2, groups=2), nn.ELU())
        self.up = nn.ConvTranspose1d(6, 1, 4, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(column, level) to the same."""
        wide = self.up(self.middle(self.down(x[:, None])))[:, 0]
        even = torch.sin(x[:, ::2]) * x[:, 1::2].flip(1)
        return wide + torch.cumsum(torch.cat([even, even * even], dim=1), dim=1) / LEVELS


class Recurrent(nn.Module):
    """A gated recurrent unit down the column."""

    def __init__(self) -> None:
        super().__init__()
        self.recurrent = nn.GRU(1, 6, batch_first=True)
        self.leave = nn.Linear(6, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(column, level) to the same."""
        return self.leave(self.recurrent(x[..., None])[0])[..., 0]


class Field(nn.Module):
    """A residual step of a field (sample, y, x) by convolutions in two dimensions."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, 1, 3, padding=1))

    def forward(self, field: Tensor) -> tuple[Tensor]:
        """One step."""
        return (field + self.network(field[:, None])[:, 0],)


def mlp() -> nn.Module:
    """A multilayer perceptron."""
    return nn.Sequential(nn.Linear(LEVELS, 32), nn.Tanh(), nn.Linear(32, 32), nn.SiLU(), nn.Linear(32, LEVELS))


def _mixed(network: Callable[[], nn.Module]) -> Case:
    torch.manual_seed(2)
    random = np.random.default_rng(2)
    card = card_of(
        (profile("state", "K"), profile("forcing", "W m-2", ("column",))),
        (profile("next_state", "K"), profile("energy", "kg s-2", ("column",))),
    )
    inputs = {"state": random.normal(size=(COLUMNS, LEVELS)), "forcing": random.normal(size=COLUMNS)}
    return Case(Mixed(network()).eval(), card, inputs)


def _field() -> Case:
    torch.manual_seed(3)
    variables = [profile(name, "m s-1", ("sample", "y", "x")) for name in ("field", "next_field")]
    inputs = {"field": np.random.default_rng(3).normal(size=(COLUMNS, 3, LEVELS))}
    return Case(Field(), card_of((variables[0],), (variables[1],), kind="field"), inputs)


def _radiation(band: str, network: Callable[[int], nn.Module]) -> Case:
    """A radiation emulator of the zoo on few layers."""
    torch.manual_seed(4)
    system = LONGWAVE if band == "longwave" else SHORTWAVE
    module = RadiationEmulator(network(ProfileFluxes.n_scalars(band)), tuple(item.name for item in system.inputs))
    cut = [*range(0, 60, 60 // LEVELS)][:LEVELS]
    inputs = {}
    for item in system.inputs:
        values = small_columns(COLUMNS)[item.name].numpy()
        if item.name == PRESSURE:
            values = values[:, [*cut, 60]].astype(np.float64)
        elif values.ndim == 2:
            values = values[:, cut]
        inputs[item.name] = values
    card = card_of(
        tuple(Variable.of(name, dtype=str(values.dtype)) for name, values in inputs.items()),
        tuple(Variable.of(item.name, dtype="float64") for item in system.outputs),
        tolerance=Tolerance(relative=1e-3),
    )
    return Case(module, card, inputs)


CASES: dict[str, Callable[[], Case]] = {
    "mlp": lambda: _mixed(mlp),
    "attention": lambda: _mixed(Attention),
    "convolutions": lambda: _mixed(Convolutions),
    "batch_norm": lambda: _mixed(
        lambda: nn.Sequential(nn.Linear(LEVELS, 16), nn.BatchNorm1d(16), nn.ELU(), nn.Linear(16, LEVELS))
    ),
    "recurrent": lambda: _mixed(Recurrent),
    "field": _field,
    "dense_longwave": lambda: _radiation(
        "longwave", lambda n: ProfileFluxes("longwave", DenseProfile(n, LEVELS, n_hidden=24, depth=3))
    ),
    "convolution_shortwave": lambda: _radiation(
        "shortwave", lambda n: ProfileFluxes("shortwave", DilatedConvolution(n, LEVELS, n_channels=8, depth=4))
    ),
    "recurrent_longwave": lambda: _radiation(
        "longwave", lambda n: ProfileFluxes("longwave", BidirectionalRecurrent(n, LEVELS, n_hidden=6))
    ),
    "spectral_longwave": lambda: _radiation("longwave", lambda _: SpectralLongwave()),
    "spectral_shortwave": lambda: _radiation("shortwave", lambda _: SpectralShortwave(n_upper=2)),
}
