"""The three networks of the benchmark, as torch modules with cards, and what writes modules in every format.

``mlp64`` (64-128-128-64) and ``rad`` (300-256-256-256-200) are perceptrons of columns, ``unet`` is a small U-net of
fields (2 channels of 64 x 64, 16 and 32 channels inside). Weights are random but fixed.
"""

from __future__ import annotations

import base64
import io
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

from pyemu.emulator import export, export_python, export_torch
from pyemu.emulator.card import Card, Provenance, Variable

N_REFERENCE = 8
PYTHON_SOURCE = '''"""The program that torch.export made of a network, run by torch itself."""

import base64
import io

import torch

INPUTS = {inputs!r}
OUTPUTS = {outputs!r}
PROGRAM = "{program}"
network = torch.export.load(io.BytesIO(base64.b64decode(PROGRAM))).module()


def f(**fields):
    tensors = [torch.from_numpy(fields[name].copy()) for name in INPUTS]
    with torch.inference_mode():
        found = network(*tensors)
    return {{name: tensor.numpy() for name, tensor in zip(OUTPUTS, found, strict=True)}}
'''


@dataclass(frozen=True)
class Net:
    """A network, its card, recorded inputs, and the floating-point operations of one column or sample."""

    name: str
    module: nn.Module
    card: Card
    reference: dict[str, Tensor]
    flops: int


class Unet(nn.Module):
    """One level of pooling, a skip connection, transposed convolution back: (sample, 2, 64, 64) to the same."""

    def __init__(self) -> None:
        super().__init__()
        self.before = nn.Sequential(conv(2, 16), conv(16, 16))
        self.below = nn.Sequential(nn.MaxPool2d(2), conv(16, 32), conv(32, 32), nn.ConvTranspose2d(32, 16, 2, 2))
        self.after = nn.Sequential(conv(32, 16), conv(16, 16), nn.Conv2d(16, 2, 1))

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """Fields of the same shape."""
        kept = self.before(x)
        return (self.after(torch.cat([kept, self.below(kept)], dim=1)),)


def conv(n_in: int, n_out: int) -> nn.Module:
    """A 3 x 3 convolution and relu."""
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, padding=1), nn.ReLU())


class Mlp(nn.Module):
    """A perceptron with relu between its layers."""

    def __init__(self, *widths: int) -> None:
        super().__init__()
        layers = [module for a, b in pairwise(widths) for module in (nn.Linear(a, b), nn.ReLU())]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """(column, in) to (column, out)."""
        return (self.layers(x),)


def mlp(name: str, *widths: int) -> Net:
    """A perceptron from one profile to another."""
    card = make_card(
        name, "column", {"layer": widths[0], "result": widths[-1]}, ["column", "layer"], ["column", "result"]
    )
    flops = 2 * sum(a * b for a, b in pairwise(widths))
    return Net(name, Mlp(*widths), card, {"x": torch.randn(N_REFERENCE, widths[0])}, flops)


def unet() -> Net:
    """The U-net."""
    dims = ["sample", "channel", "y", "x"]
    card = make_card("unet", "field", {"channel": 2, "y": 64, "x": 64}, dims, dims)
    full, half = 64 * 64, 32 * 32
    macs = full * 9 * (2 * 16 + 16 * 16) + half * 9 * (16 * 32 + 32 * 32) + half * 4 * 32 * 16
    macs += full * (9 * (32 * 16 + 16 * 16) + 16 * 2)
    return Net("unet", Unet(), card, {"x": torch.randn(N_REFERENCE, 2, 64, 64)}, 2 * macs)


class Gru(nn.Module):
    """A bidirectional GRU of 64 along the levels, and two numbers from each of its states."""

    def __init__(self) -> None:
        super().__init__()
        self.recurrent = nn.GRU(32, 64, bidirectional=True, batch_first=True)
        self.out = nn.Linear(128, 2)

    def forward(self, x: Tensor) -> tuple[Tensor]:
        """(column, level, 32) to (column, level, 2)."""
        return (self.out(self.recurrent(x)[0]),)


def gru() -> Net:
    """The GRU over 60 levels; for the engine ``native`` beside ONNX Runtime."""
    torch.manual_seed(11)
    sizes = {"level": 60, "feature": 32, "out": 2}
    card = make_card("gru", "field", sizes, ["sample", "level", "feature"], ["sample", "level", "out"])
    macs = 60 * (2 * 3 * 64 * (32 + 64) + 128 * 2)
    return Net("gru", Gru(), card, {"x": torch.randn(N_REFERENCE, 60, 32)}, 2 * macs)


def make_card(name: str, kind: str, sizes: dict[str, int], in_dims: list[str], out_dims: list[str]) -> Card:
    """A card of one input ``x`` and one output ``y``."""

    def variable(short: str, dims: list[str]) -> Variable:
        entry = {"name": short, "standard_name": short, "units": "1", "dims": dims, "dtype": "float32"}
        return Variable.model_validate(entry)

    return Card(
        name=name,
        version="1",
        kind=kind,  # type: ignore[arg-type]
        summary="Random weights, for the benchmark",
        licence="Apache-2.0",
        vertical_order="top_first",
        dimensions=sizes,
        inputs=(variable("x", in_dims),),
        outputs=(variable("y", out_dims),),
        provenance=Provenance(data_sha256="", code_version="", created=""),
    )


def nets() -> list[Net]:
    """All three, always with the same weights."""
    torch.manual_seed(7)
    return [mlp("mlp64", 64, 128, 128, 64), mlp("rad", 300, 256, 256, 256, 200), unet()]


def export_program(module: nn.Module, card: Card, reference: Mapping[str, Tensor], path: Path) -> Path:
    """Write a module as a Python module that torch runs, ``.py``; arguments and errors are those of ``export_onnx``."""
    tensors = export.as_tensors(card, export.as_arrays(card, reference))
    buffer = io.BytesIO()
    with export.quiet(), torch.no_grad():
        wrapped = export.Positional(module).eval()
        torch.export.save(torch.export.export(wrapped, tensors, dynamic_shapes=export.free_columns(card)), buffer)
    source = PYTHON_SOURCE.format(
        inputs=[variable.name for variable in card.inputs],
        outputs=[variable.name for variable in card.outputs],
        program=base64.b64encode(buffer.getvalue()).decode(),
    )
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "module.py"
        plain.write_text(source, encoding="utf-8")
        return export_python.export_python(plain, card, reference, path)


WRITERS: dict[str, Callable[..., Path]] = {
    "onnx": export.export_onnx,
    "pt2": export_torch.export_pt2,
    "pt": export_torch.export_torchscript,
    "py": export_program,
}


def write(directory: Path, formats: list[str], chosen: list[Net] | None = None) -> list[tuple[Net, Path]]:
    """Write every network (of ``nets`` if not ``chosen``) in every format that is not there yet."""
    directory.mkdir(parents=True, exist_ok=True)
    files = [(net, directory / f"{net.name}.{suffix}") for net in chosen or nets() for suffix in formats]
    for net, path in files:
        if not path.exists():
            WRITERS[path.suffix[1:]](net.module, net.card, net.reference, path)
    return files
