"""What guard, budgets, noise, novelty and blend cost: a run with each of them beside the same run without.

``python benchmarks/bench_options.py`` prints a table, and with ``--page FILE`` writes it there. The network has the size of
``rad`` (``docs/reference/benchmark.md``): a multilayer perceptron 309-256-256-256-182, from five profiles and 8 numbers that
are noise to three profiles. Median over runs taken in turns.
"""

import argparse
import itertools
import platform
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from pyemu.constants import STANDARD_GRAVITY
from pyemu.emulator import Card, LinearBudget, Noise, Provenance, Term, TrainingRange, Variable
from pyemu.emulator.export import export_onnx
from pyemu.emulator.novelty import fit_novelty
from pyemu.physics.projection import project
from pyemu.physics.thermal import layer_mass
from pyemu.runtime import Emulator

LAYERS, WIDTH, N_NOISE, PROFILES = 60, 256, 8, ("a", "b", "c", "d")
TRAINING = 4096  # columns
SIZES = {"tendency": LAYERS, "upwelling": LAYERS + 1, "downwelling": LAYERS + 1}  # of the outputs
PRESSURE = "air_pressure_at_interfaces"


class Network(torch.nn.Module):
    """The network; its tendency closes two budgets."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        pairs = itertools.pairwise([len(PROFILES) * LAYERS + LAYERS + 1 + N_NOISE, WIDTH, WIDTH, WIDTH])
        layers = [layer for pair in pairs for layer in (torch.nn.Linear(*pair), torch.nn.ReLU())]
        self.network = torch.nn.Sequential(*layers, torch.nn.Linear(WIDTH, sum(SIZES.values())))

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        *profiles, pressure, noise = inputs
        outputs = self.network(torch.cat([*profiles, pressure * 1e-5, noise], 1))
        tendency, up, down = outputs.split(list(SIZES.values()), dim=1)
        mass = layer_mass(pressure)
        return project(tendency, mass[:, None], torch.zeros_like(mass[:, :1])), up, down


def columns_of(n: int) -> dict[str, np.ndarray]:
    """Columns of the training set."""
    random = np.random.default_rng(1)
    profiles = {name: random.normal(size=(n, 1)) + random.normal(0, 0.2, (n, LAYERS)) for name in PROFILES}
    pressure = np.linspace(100.0, 1e5, LAYERS + 1) * random.uniform(0.95, 1.0, (n, 1))
    values = profiles | {PRESSURE: pressure, "noise": random.normal(size=(n, N_NOISE))}
    return {name: value.astype(np.float32) for name, value in values.items()}


def entry(name: str, dim: str, values: np.ndarray | None = None, **more: Noise) -> Variable:
    seen = values is not None and TrainingRange(minimum=tuple(values.min(axis=0)), maximum=tuple(values.max(axis=0)))
    units, standard = ("Pa", "air_pressure") if name == PRESSURE else ("1", name)
    return Variable(
        name=name,
        standard_name=standard,
        units=units,
        dims=("column", dim),
        dtype="float32",
        training_range=seen or None,
        **more,
    )


def make_file(folder: str, has_novelty: bool) -> Path:
    training = columns_of(TRAINING)
    terms = (Term(variable="tendency", factor=1.0, where="layers"),)
    budget = {"terms": terms, "units": "kg m-2", "pressure": PRESSURE, "gravity": STANDARD_GRAVITY, "tolerance": 1.0}
    card = Card(
        name="network",
        version="1",
        summary="An untrained network for timing",
        licence="Apache-2.0",
        vertical_order="top_first",
        dimensions={"layer": LAYERS, "interface": LAYERS + 1, "mode": N_NOISE},
        inputs=(
            *(entry(name, "layer", training[name]) for name in PROFILES),
            entry(PRESSURE, "interface", training[PRESSURE]),
            entry("noise", "mode", noise=Noise(distribution="normal", ar1=0.9)),
        ),
        outputs=tuple(entry(name, "layer" if size == LAYERS else "interface") for name, size in SIZES.items()),
        budgets=tuple(
            LinearBudget(name=name, description="a sum that is zero", **budget) for name in ("water", "energy")
        ),
        novelty=fit_novelty({name: training[name] for name in PROFILES}, rank=8) if has_novelty else None,
        provenance=Provenance(data_sha256="0" * 64, code_version="1", created="2026-01-01T00:00:00+00:00"),
    )
    recorded = {name: values[:16] for name, values in training.items()}
    return export_onnx(Network(), card, recorded, Path(folder) / f"network{has_novelty:d}.onnx")


def open_host(path: Path, columns: int, is_made: bool = False) -> Emulator:
    """An emulator on (column, level) arrays as a Fortran host has them, with its noise made or bound."""
    emulator = Emulator.open(path, "native")
    arrays = {name: np.asfortranarray(values[:columns]) for name, values in columns_of(TRAINING).items()}
    arrays |= {name: np.zeros((columns, size), np.float32, order="F") for name, size in SIZES.items()}
    for name, array in arrays.items():
        if name != "noise" or not is_made:
            emulator.bind(name, array)
    emulator.set_noise(1)
    emulator.bind_ids(np.arange(columns))
    return emulator


def hosts(plain: Path, novel: Path, columns: int) -> dict[str, Emulator]:
    """An emulator for each row of the table; the first has no option."""
    numbers = ["not_finite", "invalid", "novel"]
    rows = {
        "none": open_host(plain, columns),
        "noise": open_host(plain, columns, is_made=True),
        "guard": open_host(plain, columns),
        "guard and budgets": open_host(plain, columns),
        "guard, budgets and noise": open_host(plain, columns, is_made=True),
        "guard and novelty of rank 8": open_host(novel, columns),
        "blend": open_host(plain, columns),
    }
    for name, emulator in rows.items():
        if "guard" in name:
            emulator.set_guard("fallback", reasons=[*numbers, "budget"] if "budgets" in name else numbers)
    rows["blend"].set_blend(0.5)
    return rows


def timed(emulators: dict[str, Emulator], runs: int) -> dict[str, np.ndarray]:
    """Times of all runs [us], in turns."""
    times = {name: np.empty(runs) for name in emulators}
    for step in range(-3, runs):
        for name, emulator in emulators.items():
            start = time.perf_counter()
            emulator.run(step)
            if step >= 0:
                times[name][step] = 1e6 * (time.perf_counter() - start)
    return times


def table(columns: int, runs: int) -> list[str]:
    """Lines of the table."""
    with tempfile.TemporaryDirectory() as folder:
        rows = hosts(make_file(folder, False), make_file(folder, True), columns)
    timed(rows, 1)
    before = {name: emulator.report().allocations for name, emulator in rows.items()}
    times = timed(rows, runs)
    lines = ["| option | µs | more than without | allocations after the first run |", "|---|---:|---:|---:|"]
    for name, emulator in rows.items():
        more = np.median(times[name] / times["none"]) - 1
        taken = emulator.report().allocations - before[name]
        flagged = len(emulator.fallback()) if "guard" in name else 0
        assert flagged < columns // 20, f"{flagged} columns fall back: this would not be the cost of looking"
        lines.append(f"| {name} | {np.median(times[name]):.0f} | {100 * more:.1f} % | {taken} |")
    return lines


def main() -> None:
    """Print the table, and write it to a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--columns", type=int, default=1024)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--page", type=Path)
    arguments = parser.parse_args()
    lines = table(arguments.columns, arguments.runs)
    print("\n".join(lines))
    if arguments.page:
        title = "# What guard, budgets, noise, novelty and blend cost\n\n"
        text = (
            "A run of a network of the size of `rad` (309-256-256-256-182: five profiles of 60 or 61 levels and 8 numbers of\n"
            f"AR(1) noise) on {arguments.columns} columns, real32 (ncol, nlay), engine `native`, one core of {_processor()}.\n"
            f"Medians of {arguments.runs} runs in turns; no column is flagged, but 1 in 1000 for its novelty. Command:\n"
            f"`python benchmarks/bench_options.py --page docs/reference/{arguments.page.name}`.\n\n"
        )
        arguments.page.write_text(title + text + "\n".join(lines) + "\n", encoding="utf-8")


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main()
