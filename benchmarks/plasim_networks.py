"""Error against cost of every network of PlaSim's radiation: ``plasim_networks.py [--budget small] [--networks ...]``.

Trains what is not trained yet, scores it on later times and on a climate that no training sees, exports it, and times the
file through libpyemu as the host calls it: 2,048 columns (a rank's of T21) in real64 arrays (ncol, nlay), one thread.
Writes a table (CSV) and a figure (PNG).
"""

import argparse
import statistics
import time
from pathlib import Path

import matplotlib
import numpy as np
import xarray as xr
from radiation_networks import Row, read, write

from pyemu.data.radiation import load
from pyemu.emulator.from_checkpoint import export_checkpoint
from pyemu.runtime import Emulator
from pyemu.train import evaluate, fit
from pyemu.train.plasim_radiation.capture import capture
from pyemu.train.plasim_radiation.climates import BUDGETS
from pyemu.zoo.plasim_radiation import SYSTEMS

matplotlib.use("Agg")
import matplotlib.pyplot as plt

N_COLUMNS = 2048
REPEATS = 30
SCORES = ("heating_rmse", "top_rmse", "top_bias", "surface_rmse", "surface_bias")
# Share of the budget's epochs: an epoch of these takes several times as long. The table gives the time spent.
EPOCH_SHARE = {"convolution": 0.4, "recurrent": 0.4, "spectral": 0.3}


def main() -> None:
    """Train, score, time, write."""
    arguments = parse()
    table = arguments.output / f"plasim-networks-{arguments.budget}.csv"
    rows = {(row["system"], row["network"]): row for row in read(table)}
    for network in arguments.networks:
        for name in arguments.systems:
            rows[name, network] = measure(name, network, arguments)
            print(rows[name, network], flush=True)
            write(table, list(rows.values()))
    draw(table.with_suffix(".png"), list(rows.values()))


def parse() -> argparse.Namespace:
    """Options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    networks = list(dict.fromkeys(network for system in SYSTEMS.values() for network in system.networks))
    parser.add_argument("--budget", default="small", choices=list(BUDGETS))
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS))
    parser.add_argument("--networks", nargs="+", default=networks)
    parser.add_argument("--runs", type=Path, default=Path("runs/plasim"))
    parser.add_argument("--cache-dir", type=Path, default=Path("data-cache"))
    parser.add_argument("--output", type=Path, default=Path("docs/explanations"))
    return parser.parse_args()


def measure(name: str, network: str, arguments: argparse.Namespace) -> Row:
    """One row: size, errors, seconds of training, microseconds per column."""
    folder = arguments.runs / arguments.budget
    checkpoint = folder / f"{name}-{network}.ckpt"
    note = checkpoint.with_suffix(".seconds")
    where = {"cache_dir": arguments.cache_dir, "budget_name": arguments.budget}
    if not checkpoint.exists():
        capture(SYSTEMS[name], BUDGETS[arguments.budget], arguments.cache_dir)  # not part of the training's time
        started = time.process_time()
        fit(name, network=network, epoch_share=EPOCH_SHARE.get(network, 1.0), output_dir=folder, **where)
        note.write_text(f"{time.process_time() - started:.0f}")
    result = evaluate(checkpoint, **where)
    file = export_checkpoint(checkpoint, checkpoint.with_suffix(".onnx"))
    row: Row = {"system": name, "network": network, "parameters": result["parameters"]}
    row |= {score: round(result["all"][score], 4) for score in SCORES}
    return row | {
        "us_per_column": round(cost(file, columns_of(name, arguments)), 3),
        "training_cpu_s": note.read_text() if note.exists() else "",
    }


def columns_of(name: str, arguments: argparse.Namespace) -> xr.Dataset:
    """The test columns, repeated where there are too few."""
    data = load(capture(SYSTEMS[name], BUDGETS[arguments.budget], arguments.cache_dir)["test"])
    return data.isel(column=np.arange(N_COLUMNS) % data.sizes["column"])


def cost(file: Path, columns: xr.Dataset) -> float:
    """Median microseconds per column of a run through libpyemu."""
    with Emulator.open(file) as emulator:
        for variable in emulator.variables:
            emulator.bind(variable.name, np.asfortranarray(columns[variable.name].values, dtype=np.float64))
        seconds = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            emulator.run()
            seconds.append(time.perf_counter() - start)
    return 1e6 * statistics.median(seconds) / N_COLUMNS


def draw(path: Path, rows: list[Row]) -> None:
    """Error of heating against cost, one panel per band."""
    systems = sorted({str(row["system"]) for row in rows})
    figure, axes = plt.subplots(1, len(systems), figsize=(5 * len(systems), 4), squeeze=False)
    for axis, name in zip(axes[0], systems, strict=True):
        for row in (row for row in rows if row["system"] == name):
            x, y = float(str(row["us_per_column"])), float(str(row["heating_rmse"]))
            axis.loglog(x, y, "o")
            axis.annotate(f"{row['network']} ({row['parameters']})", (x, y), textcoords="offset points", xytext=(6, 4))
        axis.set(title=name, xlabel="time per column [us]")
        axis.margins(x=0.35)
    axes[0][0].set_ylabel("heating, rms error [K day-1]")
    figure.tight_layout()
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
