"""Small emulators for the shallow-water host: exact formulae and random networks, of columns and of fields."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from pyemu.emulator import Card, Noise, Provenance, Variable
from pyemu.emulator.card import Carried
from pyemu.emulator.export import export_onnx
from pyemu.fields import FIELDS

U, V, H = "sea_water_x_velocity", "sea_water_y_velocity", "layer_thickness_anomaly"
TX, TY = "surface_downward_x_stress", "surface_downward_y_stress"
FX, FY = "tendency_of_sea_water_x_velocity_due_to_forcing", "tendency_of_sea_water_y_velocity_due_to_forcing"
DH = "tendency_of_layer_thickness_anomaly"
QX, QY = "layer_x_transport_at_east_face", "layer_y_transport_at_south_face"
DX = 20e3


class Points(torch.nn.Module):
    """A function of the 3 x 3 values of each input, ``points[name][k]``, as columns (n, 9) or fields (n, y + 2, x + 2)."""

    def __init__(self, inputs: Sequence[str], is_field: bool) -> None:
        super().__init__()
        self.inputs, self.is_field = list(inputs), is_field

    def points(self, values):
        if not self.is_field:
            return {name: [value[:, k] for k in range(9)] for name, value in zip(self.inputs, values, strict=True)}
        parts = {}
        for name, value in zip(self.inputs, values, strict=True):
            ny, nx = value.shape[1] - 2, value.shape[2] - 2
            parts[name] = [value[:, j : j + ny, i : i + nx] for j in range(3) for i in range(3)]
        return parts


class Forcing(Points):
    """The host's wind, drag and viscosity, in single precision."""

    outputs = (FX, FY)

    def __init__(self, is_field: bool, viscosity: float = 10.0) -> None:
        super().__init__((U, V, H, TX), is_field)
        self.viscosity = viscosity

    def friction(self, p):
        return self.viscosity / DX**2 * (p[1] + p[3] + p[5] + p[7] - 4.0 * p[4]) - 2e-7 * p[4]

    def forward(self, *values):
        p = self.points(values)
        wind = p[TX][4] / (1000.0 * (500.0 + 0.5 * (p[H][4] + p[H][5])))
        return wind + self.friction(p[U]), self.friction(p[V])


class Transports(Points):
    """The host's transports, times a factor, plus a leak through every face, walls too."""

    outputs = (QX, QY)

    def __init__(self, is_field: bool, leak: float = 0.0) -> None:
        super().__init__((U, V, H), is_field)
        self.leak = leak

    def forward(self, *values):
        p = self.points(values)
        x = p[U][4] * (500.0 + 0.5 * (p[H][4] + p[H][5])) + self.leak
        return x, p[V][4] * (500.0 + 0.5 * (p[H][1] + p[H][4])) + self.leak


class Tendency(Points):
    """The host's tendency of the thickness, plus a bias: mass from nowhere."""

    outputs = (DH,)

    def __init__(self, is_field: bool, bias: float) -> None:
        super().__init__((U, V, H), is_field)
        self.bias = bias

    def forward(self, *values):
        p = self.points(values)
        u, v, h = p[U], p[V], p[H]
        x = u[3] * (500.0 + 0.5 * (h[3] + h[4])) - u[4] * (500.0 + 0.5 * (h[4] + h[5]))
        y = v[4] * (500.0 + 0.5 * (h[1] + h[4])) - v[7] * (500.0 + 0.5 * (h[4] + h[7]))
        return (x / DX + y / DX + self.bias,)


class Network(Points):
    """Random networks 27-32-1 and 18-32-1 of scaled inputs, of a size like the forcing's; the same in both forms."""

    outputs = (FX, FY)

    def __init__(self, is_field: bool) -> None:
        super().__init__((U, V, H, TX), is_field)
        torch.manual_seed(4)
        self.x = torch.nn.ModuleList([torch.nn.Linear(27, 32), torch.nn.Linear(32, 1)])
        self.y = torch.nn.ModuleList([torch.nn.Linear(18, 32), torch.nn.Linear(32, 1)])

    def forward(self, u, v, h, stress):
        x = self.apply_layers(self.x, [u, 0.01 * h, 10.0 * stress])
        return 1e-7 * x, 1e-7 * self.apply_layers(self.y, [v, 0.01 * h])

    def apply_layers(self, layers, values):
        first, last = layers
        if not self.is_field:
            return last(torch.relu(first(torch.cat(values, dim=1))))[:, 0]
        weights = first.weight.reshape(32, len(values), 3, 3)
        hidden = torch.relu(torch.nn.functional.conv2d(torch.stack(values, dim=1), weights, first.bias))
        return torch.nn.functional.conv2d(hidden, last.weight.reshape(1, 32, 1, 1), last.bias)[:, 0]


class Gusts(torch.nn.Module):
    """Values in the cell alone, noise with a memory, and what it carries: the mean of its noise."""

    outputs = (FX, FY)

    def forward(self, u, v, gust, mean):
        mean = 0.9 * mean + 0.1 * gust
        return 1e-8 * (gust + mean[:, :1])[:, 0] - 1e-6 * u, -1e-6 * v, mean


def variable(name: str, dims: tuple[str, ...]) -> Variable:
    known = FIELDS[name]
    return Variable(name=name, standard_name=known.standard_name, units=known.units, dims=dims, dtype="float32")


def card(name: str, inputs, outputs, **more) -> Card:
    provenance = Provenance(data_sha256="0" * 64, code_version="1", created="2026-01-01T00:00:00+00:00")
    return Card(
        name=name, version="1", summary="For tests", licence="Apache-2.0", vertical_order="top_first", inputs=tuple(inputs),
        outputs=tuple(outputs), provenance=provenance, **more,
    )  # fmt: skip


def export(folder: Path, model: Points, patch: tuple[int, int] | None = None) -> Path:
    """Write an emulator file of columns, or of fields of (ny, nx) points with a halo of one; once in a folder."""
    numbers = [value for value in vars(model).values() if isinstance(value, float)]
    form = "columns" if patch is None else f"{patch[0]}x{patch[1]}"
    path = folder / ("-".join(map(str, [type(model).__name__.lower(), form, *numbers])) + ".onnx")
    if path.exists():
        return path
    rng = np.random.default_rng(1)
    if patch is None:
        inputs = [Variable.of(f"{name}_stencil", dtype="float32") for name in model.inputs]
        outputs = [Variable.of(name, dtype="float32") for name in model.outputs]
        described = card("columns", inputs, outputs, dimensions={"stencil": 9})
        shape: tuple[int, ...] = (4, 9)
    else:
        sizes = {"y_wide": patch[0] + 2, "x_wide": patch[1] + 2, "y": patch[0], "x": patch[1]}
        inputs = [variable(name, ("sample", "y_wide", "x_wide")) for name in model.inputs]
        outputs = [variable(name, ("sample", "y", "x")) for name in model.outputs]
        described = card("fields", inputs, outputs, kind="field", dimensions=sizes)
        shape = (2, patch[0] + 2, patch[1] + 2)
    export_onnx(model, described, {v.name: rng.normal(size=shape) for v in inputs}, path)
    return path


def export_gusts(folder: Path) -> Path:
    """Write the noisy emulator of columns."""
    memory = ("column", "memory")
    inputs = [Variable.of(U, dtype="float32"), Variable.of(V, dtype="float32")]
    noise = Variable(
        name="gust", standard_name="gust", units="1", dims=("column", "one"), dtype="float32",
        noise=Noise(distribution="normal", ar1=0.8),
    )  # fmt: skip
    carried = [
        Variable(name=name, standard_name=name, units="1", dims=memory, dtype="float32")
        for name in ("mean", "new_mean")
    ]
    described = card(
        "gusts", [*inputs, noise, carried[0]], [Variable.of(FX, dtype="float32"), Variable.of(FY, dtype="float32"), carried[1]],
        dimensions={"one": 1, "memory": 1}, state=(Carried(input="mean", output="new_mean"),),
    )  # fmt: skip
    rng = np.random.default_rng(1)
    recorded = {
        U: rng.normal(size=4),
        V: rng.normal(size=4),
        "gust": rng.normal(size=(4, 1)),
        "mean": rng.normal(size=(4, 1)),
    }
    path = folder / "gusts.onnx"
    export_onnx(Gusts(), described, recorded, path)
    return path
