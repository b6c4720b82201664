"""How far float32 is from float64: ``accuracy.py [--runs DIR] [--page FILE] ...``.

Runs networks through the engine ``native`` in both precisions and through ONNX Runtime, and compares every output with
torch in float64: the radiation emulators (those that ``pyemu train`` left in ``--runs``, the others with their first
weights), and networks whose outputs are tendencies of 1e-8 per second. Exit status 1 if the root-mean-square error of
``native`` is more than 1.5 times that of ONNX Runtime for one output.
"""

from __future__ import annotations

import argparse
import copy
import math
import shlex
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from itertools import pairwise
from pathlib import Path

import bench_runtime
import numpy as np
import torch
from torch import Tensor, nn

import pyemu.runtime
from pyemu.data.columns import sample_columns
from pyemu.data.vertical_grid import N_LAYERS
from pyemu.emulator import Card, EmulatorFile, Provenance, Variable
from pyemu.emulator.export import export_onnx
from pyemu.emulator.from_checkpoint import export_checkpoint
from pyemu.physics.fluxes import heating_rate
from pyemu.runtime import Emulator
from pyemu.zoo import load_checkpoint
from pyemu.zoo.checkpoint import Checkpoint
from pyemu.zoo.radiation import PRESSURE, SYSTEMS, RadiationEmulator

ROOT = Path(__file__).parents[1]
LIMIT = 1.5  # of the error of ONNX Runtime
SEED = 2026
N_REFERENCE = 8
BLOCK = 64  # columns at a time through torch
TYPICAL_TENDENCY = 1e-8  # s-1, of what is predicted
ENGINES = {"native": ("native", "real32"), "onnxruntime": ("onnxruntime", "real32"), "real64": ("native", "real64")}
PAGE = """# Accuracy

The engine `native` and ONNX Runtime beside torch in float64, whose parameters are the float32 numbers of the file. Errors are
root-mean-square over {columns} columns and all levels, in units of the root-mean-square of the output itself, so that 6e-8 is
half a unit in the last place of float32. `ratio` is the error of `native` over that of ONNX Runtime: 1 is as good, less is
better, and above {limit} the command fails. Inputs are numbers of float32, so their rounding is not counted; pressure enters the
radiation emulators in float64 and their outputs leave in it.

The column `real64` is `native` with `precision='real64'`. What is left there is not arithmetic: numbers that Python writes in a
network (a solar constant, a slope, 0.01) are in the file as float32, and torch in float64 takes them whole.

Heating in the radiation emulators is the divergence of fluxes: a few units in the last place of a flux are 1e-5 of the heating
of a thin layer, in any library (`docs/decisions/0004-float64-tail.md`).

{weights}

    {command}

{facts}

"""


@dataclass(frozen=True)
class Settings:
    """Where checkpoints are, if any; where files go, and whether those that are there are taken; how many columns to run."""

    directory: Path
    runs: Path | None = None
    reuse: bool = False
    columns: int = 512


@dataclass(frozen=True)
class Subject:
    """A network by name, how its weights came about, its torch module, its file, and columns for it."""

    name: str
    weights: str
    module: nn.Module
    path: Path
    inputs: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Row:
    """One output of one network: its root mean square, and that of the errors, in ``units``."""

    network: str
    weights: str
    output: str
    units: str
    rms: float
    errors: Mapping[str, float]

    @property
    def ratio(self) -> float:
        """Error of ``native`` over that of ONNX Runtime; 1 if both are exact."""
        native, other = self.errors["native"], self.errors["onnxruntime"]
        return native / other if other > 0 else 1.0 if native == 0 else math.inf


# --- Tendencies ---


class Tendencies(nn.Module):
    """Tendencies of temperature [K s-1] and humidity [kg kg-1 s-1], (column, layer), from both and surface pressure [Pa].

    ``body`` takes and returns profiles (column, 3 and 2, layer) of order one.
    """

    mean: Tensor
    spread: Tensor
    unit: Tensor

    def __init__(self, body: nn.Module):
        super().__init__()
        self.body = body
        self.register_buffer("mean", torch.tensor([250.0, 4e-3, 9.8e4])[:, None])
        self.register_buffer("spread", torch.tensor([30.0, 6e-3, 2e3])[:, None])
        profile = 0.2 + torch.linspace(0.0, 2.0, N_LAYERS) ** 2
        self.register_buffer("unit", TYPICAL_TENDENCY * torch.stack([profile, 0.3 * profile]))

    def forward(
        self, air_temperature: Tensor, specific_humidity: Tensor, surface_air_pressure: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Both tendencies."""
        pressure = surface_air_pressure[:, None].expand(-1, air_temperature.shape[1])
        raw = torch.stack([air_temperature, specific_humidity, pressure], dim=1)
        found = self.body((raw - self.mean) / self.spread) * self.unit
        return found[:, 0], found[:, 1]


def perceptron(n_hidden: int, depth: int, activation: Callable[[], nn.Module]) -> nn.Module:
    """Layers over the whole column."""
    widths = [3 * N_LAYERS, *[n_hidden] * depth]
    layers = [module for a, b in pairwise(widths) for module in (nn.Linear(a, b), activation())]
    return nn.Sequential(nn.Flatten(), *layers, nn.Linear(n_hidden, 2 * N_LAYERS), nn.Unflatten(1, (2, N_LAYERS)))


class Recurrent(nn.Module):
    """Gated recurrent units down and up the column."""

    def __init__(self, n_hidden: int):
        super().__init__()
        self.layer = nn.GRU(3, n_hidden, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * n_hidden, 2)

    def forward(self, x: Tensor) -> Tensor:
        """(column, 3, layer) to (column, 2, layer)."""
        found: Tensor = self.out(self.layer(x.transpose(1, 2))[0])
        return found.transpose(1, 2)


def convolution(n_channels: int, depth: int, activation: Callable[[], nn.Module]) -> nn.Module:
    """Convolutions of three layers along the column."""
    widths = [3, *[n_channels] * depth]
    layers = [module for a, b in pairwise(widths) for module in (nn.Conv1d(a, b, 3, padding=1), activation())]
    return nn.Sequential(*layers, nn.Conv1d(n_channels, 2, 1))


BODIES: dict[str, Callable[[], nn.Module]] = {
    "tendency_mlp": lambda: perceptron(128, 2, nn.ReLU),
    "tendency_mlp_wide": lambda: perceptron(512, 4, nn.ReLU),
    "tendency_mlp_smooth": lambda: perceptron(256, 3, nn.Tanh),
    "tendency_gru": lambda: Recurrent(64),
    "tendency_conv": lambda: convolution(64, 4, nn.ReLU),
    "tendency_conv_smooth": lambda: convolution(32, 6, nn.SiLU),
}


def tendency_card(name: str) -> Card:
    """All float32, in and out."""

    def variable(name: str, units: str, *dims: str) -> Variable:
        return Variable(name=name, standard_name=name, units=units, dims=("column", *dims), dtype="float32")

    return Card(
        name=name,
        version="1",
        summary="Random weights, for the measurement of accuracy",
        licence="Apache-2.0",
        vertical_order="top_first",
        dimensions={"layer": N_LAYERS},
        inputs=(
            variable("air_temperature", "K", "layer"),
            variable("specific_humidity", "kg kg-1", "layer"),
            variable("surface_air_pressure", "Pa"),
        ),
        outputs=(
            variable("tendency_of_air_temperature", "K s-1", "layer"),
            variable("tendency_of_specific_humidity", "kg kg-1 s-1", "layer"),
        ),
        provenance=Provenance(data_sha256="", code_version="", created=""),
    )


# --- Subjects ---


def drawn(card: Card, columns: int, seed: int) -> dict[str, np.ndarray]:
    """Columns as the networks are tested on, rounded to the types of the graph."""
    found = sample_columns("test", columns, np.random.default_rng(seed))
    found["surface_air_pressure"] = found[PRESSURE][:, -1]
    return {v.name: np.ascontiguousarray(found[v.name], v.dtype) for v in card.inputs}


def reference_of(arrays: Mapping[str, np.ndarray]) -> dict[str, Tensor]:
    """The first columns, to travel in a file."""
    return {name: torch.from_numpy(values[:N_REFERENCE]) for name, values in arrays.items()}


def of_tendency(name: str, given: Settings) -> Subject:
    """A network of tendencies, with the same weights every time."""
    torch.manual_seed(SEED)
    module, card = Tendencies(BODIES[name]()).eval(), tendency_card(name)
    arrays = drawn(card, given.columns, SEED)
    path = given.directory / f"{name}.onnx"
    if not (given.reuse and path.exists()):
        export_onnx(module, card, reference_of(arrays), path)
    return Subject(name, "random", module, path, arrays)


def fresh(system: str, network: str) -> Checkpoint:
    """A radiation network with its first weights."""
    torch.manual_seed(SEED)
    columns = sample_columns("train", 4 * N_REFERENCE, np.random.default_rng(SEED))
    wanted = {item.name: np.ascontiguousarray(columns[item.name], np.float32) for item in SYSTEMS[system].inputs}
    rows = {name: values.reshape(len(values), -1) for name, values in wanted.items()}
    limits = {name: (values.min(0).tolist(), values.max(0).tolist()) for name, values in rows.items()}
    recorded = {name: torch.from_numpy(values) for name, values in wanted.items()}
    state = SYSTEMS[system].build(network).state_dict()
    return Checkpoint(system, network, state, {}, "0" * 64, limits, recorded)


def of_radiation(system: str, network: str, given: Settings) -> Subject:
    """A radiation emulator, trained if there is a checkpoint of it."""
    name = f"{system}-{network}"
    trained = given.runs / f"{name}.ckpt" if given.runs else None
    if trained and trained.exists():
        checkpoint, weights = trained, "trained"
    else:
        checkpoint, weights = fresh(system, network).save(given.directory / f"{name}.ckpt"), "random"
    path = given.directory / f"{name}.onnx"
    if not (given.reuse and path.exists()):
        export_checkpoint(checkpoint, path)
    module = SYSTEMS[system].emulator(load_checkpoint(checkpoint).build()).eval()
    return Subject(name, weights, module, path, drawn(EmulatorFile.open(path).card, given.columns, SEED))


def names() -> list[str]:
    """All networks but those without the flux form, which are there for the audit of budgets."""
    pairs = [(name, system, network) for name, system in SYSTEMS.items() for network in system.networks]
    radiation = [f"{name}-{network}" for name, system, network in pairs if system.closes_energy(network)]
    return [*BODIES, *radiation]


def subject(name: str, given: Settings) -> Subject:
    """A network by its name, and its file."""
    if name in BODIES:
        return of_tendency(name, given)
    system, network = name.split("-")
    return of_radiation(system, network, given)


# --- Measurement ---


class WideRadiation(nn.Module):
    """A radiation emulator that nowhere rounds to float32, which the original does with what enters its network."""

    def __init__(self, emulator: RadiationEmulator):
        super().__init__()
        self.network, self.input_names = emulator.network, emulator.input_names

    def forward(self, *tensors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Fluxes up and down [W m-2], and heating [K s-1]."""
        columns = dict(zip(self.input_names, tensors, strict=True))
        up, down = self.network(columns)
        return up, down, heating_rate(up, down, columns[PRESSURE])


def in_float64(module: nn.Module, arrays: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Outputs of torch with parameters, inputs and arithmetic in float64."""
    wide: nn.Module = copy.deepcopy(module).double().eval()
    if isinstance(wide, RadiationEmulator):
        wide = WideRadiation(wide)
    tensors = [torch.from_numpy(values.astype(np.float64)).split(BLOCK) for values in arrays.values()]
    with torch.inference_mode():
        blocks = [wide(*block) for block in zip(*tensors, strict=True)]
    found = [torch.cat(parts).numpy() for parts in zip(*blocks, strict=True)]
    assert all(values.dtype == np.float64 for values in found)
    return found


def by_libpyemu(
    path: Path, arrays: Mapping[str, np.ndarray], engine: str, precision: str = "real32"
) -> dict[str, np.ndarray]:
    """Outputs as a host with real64 arrays gets them."""
    card = EmulatorFile.open(path).card
    columns = len(next(iter(arrays.values())))
    outputs = {v.name: np.full(card.shape(v, columns), np.nan) for v in card.outputs}
    with Emulator.open(path, engine=engine, precision=precision) as emulator:
        for name, values in {**arrays, **outputs}.items():
            emulator.bind(name, values if name in outputs else values.astype(np.float64))
        emulator.run()
    return outputs


def root_mean_square(values: np.ndarray) -> float:
    """Over columns and levels."""
    return float(np.sqrt(np.mean(np.square(values))))


def measure(item: Subject) -> list[Row]:
    """The errors of every output."""
    card = EmulatorFile.open(item.path).card
    expected = in_float64(item.module, item.inputs)
    found = {name: by_libpyemu(item.path, item.inputs, *how) for name, how in ENGINES.items()}
    rows = []
    for variable, exact in zip(card.outputs, expected, strict=True):
        errors = {name: root_mean_square(outputs[variable.name] - exact) for name, outputs in found.items()}
        rows.append(Row(item.name, item.weights, variable.name, variable.units, root_mean_square(exact), errors))
    return rows


# --- Words ---


def line(values: Iterable[str]) -> str:
    """A row in Markdown."""
    return f"| {' | '.join(values)} |"


def cells(row: Row) -> list[str]:
    """One row of the table."""
    shares = [f"{row.errors[name] / row.rms:.2g}" for name in ENGINES]
    return [row.network, row.weights, row.output, f"{row.rms:.3g} {row.units}", *shares, f"{row.ratio:.2f}"]


def table(rows: Iterable[Row]) -> str:
    """All outputs."""
    head = ["network", "weights", "output", "root mean square", "`native`", "ONNX Runtime", "`real64`", "ratio"]
    return "\n".join([line(head), "|---|---|---|---:|---:|---:|---:|---:|", *(line(cells(row)) for row in rows)])


def facts() -> str:
    """The machine and the versions."""
    return (
        f"{bench_runtime.processor()}; libpyemu {pyemu.runtime.version()}, ONNX Runtime {version('onnxruntime')}, torch "
        f"{version('torch')}, NumPy {version('numpy')}, Python {sys.version.split()[0]}."
    )


def page(rows: list[Row], columns: int) -> str:
    """The page of the documentation."""
    command = shlex.join(["python", "benchmarks/accuracy.py", *sys.argv[1:]])
    trained = sorted({row.network for row in rows if row.weights == "trained"})
    words = f"{len(trained)} networks are trained, the others have" if trained else "all networks have"
    weights = f"Radiation: {words} their first, random weights. Tendencies: random weights, with normalisation and the "
    weights = textwrap.fill(f"{weights}scale of {TYPICAL_TENDENCY:g} in the graph.", 128)
    text = PAGE.format(command=command, facts=facts(), columns=columns, limit=LIMIT, weights=weights)
    return f"{text}{table(rows)}\n"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, help="folder of trained checkpoints; default: first weights everywhere")
    parser.add_argument("--directory", type=Path, default=ROOT / "build" / "accuracy", help="folder for the files")
    parser.add_argument("--only", nargs="+", choices=names(), default=names(), metavar="NAME", help=", ".join(names()))
    parser.add_argument("--reuse", action="store_true", help="take files that are there instead of writing them anew")
    parser.add_argument("--columns", type=int, default=512, help="columns to run")
    parser.add_argument("--page", type=Path, help="file for the page of the documentation, in Markdown")
    found = parser.parse_args()
    if found.runs and not list(found.runs.glob("*.ckpt")):
        parser.error(f"no checkpoint in {found.runs}: make some with 'pyemu train', or leave out --runs")
    return found


def main() -> int:
    """Measure, print, and write the page if asked to."""
    given = arguments()
    given.directory.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    for name in given.only:
        found = measure(subject(name, Settings(given.directory, given.runs, given.reuse, given.columns)))
        print("\n".join(line(cells(row)) for row in found), flush=True)
        rows += found
    if given.page:
        given.page.parent.mkdir(parents=True, exist_ok=True)
        given.page.write_text(page(rows, given.columns), encoding="utf-8")
    worst = max(rows, key=lambda row: row.ratio)
    print(f"\nlargest ratio: {worst.ratio:.2f} of {worst.network}, {worst.output}; limit {LIMIT}")
    return 0 if worst.ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
