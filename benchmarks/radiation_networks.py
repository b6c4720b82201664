"""Error against cost of every network of the radiation systems: ``radiation_networks.py [--budget small] [--systems ...]``.

Trains what is not trained yet, scores it on held-out atmospheres and climates, exports it, and times the file through
libpyemu as a host would: 128 columns in real64 arrays (ncol, nlay), one thread. Writes a table (CSV) and a figure (PNG).
"""

import argparse
import csv
import statistics
import time
from pathlib import Path

import matplotlib
import numpy as np

from pyemu.data import radiation
from pyemu.emulator.from_checkpoint import export_checkpoint
from pyemu.runtime import Emulator
from pyemu.train import evaluate, fit
from pyemu.train.radiation.budget import BUDGETS
from pyemu.zoo.radiation import SYSTEMS

matplotlib.use("Agg")
import matplotlib.pyplot as plt

N_COLUMNS = 128
REPEATS = 30
SCORES = (
    "heating_rate_rmse_below_10hPa",
    "heating_rate_rmse_above_10hPa",
    "net_flux_top_rmse",
    "net_flux_surface_rmse",
)
# Share of the budget's epochs: an epoch of the last two takes several times as long. The table gives the time spent.
EPOCH_SHARE = {"dense": 1.0, "convolution": 0.15, "recurrent": 0.4}
Row = dict[str, object]


def main() -> None:
    """Train, score, time, write."""
    arguments = parse()
    rows = [
        measure(name, network, arguments)
        for network in arguments.networks
        for name in arguments.systems
    ]  # fmt: skip
    table = arguments.output / f"radiation-networks-{arguments.budget}.csv"
    merged = {(row["system"], row["network"]): row for row in [*read(table), *rows]}
    write(table, list(merged.values()))
    draw(table.with_suffix(".png"), list(merged.values()))


def parse() -> argparse.Namespace:
    """Options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    networks = list(dict.fromkeys(network for system in SYSTEMS.values() for network in system.networks))
    parser.add_argument("--budget", default="small", choices=list(BUDGETS))
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS))
    parser.add_argument("--networks", nargs="+", default=networks)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--cache-dir", type=Path, default=Path("data-cache"))
    parser.add_argument("--output", type=Path, default=Path("docs/explanations"))
    return parser.parse_args()


def measure(name: str, network: str, arguments: argparse.Namespace) -> Row:
    """One row: size, errors, seconds of training, microseconds per column."""
    folder = arguments.runs / arguments.budget
    checkpoint = folder / f"{name}-{network}.ckpt"
    started = time.process_time()
    if not checkpoint.exists():
        where = {"output_dir": folder, "cache_dir": arguments.cache_dir}
        fit(name, budget_name=arguments.budget, network=network, epoch_share=EPOCH_SHARE.get(network, 1.0), **where)
        (checkpoint.with_suffix(".seconds")).write_text(f"{time.process_time() - started:.0f}")
    result = evaluate(checkpoint, cache_dir=arguments.cache_dir, budget_name=arguments.budget)
    file = export_checkpoint(checkpoint, checkpoint.with_suffix(".onnx"))
    row: Row = {"system": name, "network": network, "parameters": result["parameters"]}
    row |= {score: round(result["held_out"][score], 4) for score in SCORES}  # type: ignore[index]
    row |= {"us_per_column": round(cost(file, arguments), 2), "training_cpu_s": _spent(checkpoint)}
    print(row, flush=True)
    return row


def _spent(checkpoint: Path) -> str:
    """Processor seconds of the training, where this program made it."""
    note = checkpoint.with_suffix(".seconds")
    return note.read_text() if note.exists() else ""


def cost(file: Path, arguments: argparse.Namespace) -> float:
    """Median microseconds per column of a run through libpyemu."""
    test = radiation.generate("test", BUDGETS[arguments.budget].n_test, cache_dir=arguments.cache_dir)
    columns = radiation.load(test)
    with Emulator.open(file) as emulator:
        for variable in emulator.variables:
            values = columns[variable.name].values[:N_COLUMNS]
            emulator.bind(variable.name, np.asfortranarray(values, dtype=np.float64))
        seconds = []
        for _ in range(REPEATS):
            start = time.perf_counter()
            emulator.run()
            seconds.append(time.perf_counter() - start)
    return 1e6 * statistics.median(seconds) / N_COLUMNS


def read(table: Path) -> list[Row]:
    """Rows of an earlier call."""
    return list(csv.DictReader(table.open())) if table.exists() else []


def write(table: Path, rows: list[Row]) -> None:
    """The table, columns named with their units."""
    table.parent.mkdir(parents=True, exist_ok=True)
    with table.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def draw(path: Path, rows: list[Row]) -> None:
    """Heating-rate error below 10 hPa against cost, one panel per system."""
    systems = sorted({str(row["system"]) for row in rows})
    figure, axes = plt.subplots(1, len(systems), figsize=(5 * len(systems), 4), squeeze=False, sharey=True)
    for axis, name in zip(axes[0], systems, strict=True):
        for row in (row for row in rows if row["system"] == name):
            x, y = float(str(row["us_per_column"])), float(str(row[SCORES[0]]))
            axis.loglog(x, y, "o")
            axis.annotate(f"{row['network']} ({row['parameters']})", (x, y), textcoords="offset points", xytext=(6, 4))
        axis.set(title=name, xlabel="time per column [us]", xlim=(3, 300))
    axes[0][0].set_ylabel("heating rate, rms error below 10 hPa [K day-1]")
    figure.tight_layout()
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
