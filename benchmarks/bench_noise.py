"""What noise costs: a network whose noise the library makes beside the same run with noise that is bound.

``python benchmarks/bench_noise.py`` prints a table; the least of many runs counts, taken in turns.
"""

import argparse
import itertools
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from pyemu import Emulator, fill_noise
from pyemu.emulator import Card, Noise, Provenance, Variable
from pyemu.emulator.export import export_onnx

LAYERS, WIDTH = 60, 200


class Network(torch.nn.Module):
    """A multilayer perceptron of 200 units in three layers, from a profile and noise to a profile."""

    def __init__(self, n_noise: int) -> None:
        super().__init__()
        sizes = [LAYERS + n_noise, WIDTH, WIDTH, WIDTH]
        pairs = itertools.pairwise(sizes)
        layers = [layer for pair in pairs for layer in (torch.nn.Linear(*pair), torch.nn.ReLU())]
        self.network = torch.nn.Sequential(*layers, torch.nn.Linear(WIDTH, LAYERS))

    def forward(self, state: torch.Tensor, noise: torch.Tensor) -> tuple[torch.Tensor]:
        return (self.network(torch.cat([state, noise], 1)),)


def entry(name: str, dim: str, noise: Noise | None = None) -> Variable:
    return Variable(name=name, standard_name=name, units="1", dims=("column", dim), dtype="float32", noise=noise)


def make_file(folder: str, n_noise: int, ar1: float) -> Path:
    card = Card(
        name="network",
        version="1",
        summary="An untrained network for timing",
        licence="Apache-2.0",
        vertical_order="top_first",
        dimensions={"layer": LAYERS, "mode": n_noise},
        inputs=(entry("state", "layer"), entry("noise", "mode", Noise(distribution="normal", ar1=ar1))),
        outputs=(entry("tendency", "layer"),),
        provenance=Provenance(data_sha256="0" * 64, code_version="1", created="2026-01-01T00:00:00+00:00"),
    )
    random = np.random.default_rng(1)
    recorded = {"state": random.normal(size=(8, LAYERS)), "noise": random.normal(size=(8, n_noise))}
    return export_onnx(Network(n_noise), card, recorded, Path(folder) / "network.onnx")


def least(actions: list[Callable[[int], None]], runs: int) -> list[float]:
    """The least time of each action [us], taken in turns."""
    times = np.full(len(actions), np.inf)
    for step in range(runs):
        for i, action in enumerate(actions):
            start = time.perf_counter()
            action(step)
            times[i] = min(times[i], time.perf_counter() - start)
    return [float(t) for t in times * 1e6]


def open_host(path: Path, engine: str, columns: int, noise: np.ndarray | None) -> Callable[[int], None]:
    """A run on (column, level) arrays as a Fortran host has them."""
    arrays = {name: np.zeros((LAYERS, columns), "float32").T for name in ("state", "tendency")}
    emulator = Emulator.open(path, engine=engine)
    for name, array in (arrays | ({} if noise is None else {"noise": noise})).items():
        emulator.bind(name, array)
    emulator.set_noise(1)
    emulator.bind_ids(np.arange(columns))
    return emulator.run


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--columns", type=int, default=1024)
    parser.add_argument("--runs", type=int, default=300)
    arguments = parser.parse_args()
    columns, runs = arguments.columns, arguments.runs
    print(f"{'engine':12} {'noise':>5} {'ar1':>4} {'made us':>8} {'bound us':>8} {'more %':>6} {'ns each':>7}")
    for n_noise in (8, 60):
        noise = np.random.default_rng(2).normal(size=(n_noise, columns)).astype("float32").T
        for ar1 in (0.0, 0.9):
            with tempfile.TemporaryDirectory() as folder:
                path = make_file(folder, n_noise, ar1)
                for engine in ("native", "onnxruntime"):
                    made, bound = least([open_host(path, engine, columns, given) for given in (None, noise)], runs)
                    more, each = 100 * (made / bound - 1), 1e3 * (made - bound) / columns / n_noise
                    print(f"{engine:12} {n_noise:5} {ar1:4} {made:8.0f} {bound:8.0f} {more:6.1f} {each:7.2f}")
    print("\nfill_noise on 1024 x 60 [ns per number]")
    for dtype in ("float32", "float64"):
        array, ids = np.zeros((60, 1024), dtype).T, np.arange(1024)
        for distribution in ("normal", "uniform"):

            def fill(step: int, a: np.ndarray = array, i: np.ndarray = ids, d: str = distribution) -> None:
                fill_noise(a, ids=i, seed=1, step=step, distribution=d)

            print(f"{dtype} {distribution:8} {1e3 * least([fill], runs)[0] / array.size:5.2f}")


if __name__ == "__main__":
    main()
