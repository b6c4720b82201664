"""Active learning on the column host: label what the guard flags, against labels drawn at random from what the host meets.

    python benchmarks/active_learning.py               10 seeds, writes docs/explanations/active-learning.{csv,png}
    python benchmarks/active_learning.py --smoke       one seed, small, a minute

The host runs with RRTMG in nine climates, of which a longwave emulator sees some columns, and in a climate outside them. A
stream mixes other columns of the nine climates with a minority from outside, as a model meets them while its climate
changes. The guard of libpyemu looks at the stream; "active" asks RRTMG for labels of columns drawn among the flagged ones,
"random" for labels of columns drawn from the stream. Both retrain the same emulator for the same number of steps and with
the training ranges of the columns they know. Errors and flagged shares are those of columns of the climate outside that
are in no stream.
"""

import argparse
import csv
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib
import numpy as np
import torch

from pyemu.emulator.from_checkpoint import export_checkpoint
from pyemu.hosts.column import ColumnModel
from pyemu.runtime import Emulator
from pyemu.train.radiation.evaluate import predict, scores
from pyemu.train.radiation.loss import radiation_loss
from pyemu.zoo import Checkpoint, system
from pyemu.zoo.radiation import PRESSURE

matplotlib.use("Agg")
import matplotlib.pyplot as plt

Columns = dict[str, np.ndarray]
SYSTEM = system("rrtmg_longwave")
NAMES = tuple(item.name for item in (*SYSTEM.inputs, *SYSTEM.outputs))
LIMIT = 1.1  # novelty above which the guard flags, the host's default
SCORE = "heating_rate_rmse_below_10hPa"  # K day-1
KNOWN = [{"co2": co2, "sst_offset": warming} for co2 in (2e-4, 4e-4, 8e-4) for warming in (-4.0, 0.0, 4.0)]
OUTSIDE = {"co2": 3.2e-3, "sst_offset": 8.0}


@dataclass(frozen=True)
class Plan:
    """Sizes of the experiment."""

    known_columns: int = 128  # of every climate that is known
    outside_columns: int = 512  # of the climate outside
    days: tuple[int, ...] = (0, 2, 4, 6, 8)  # at which the host's columns are taken
    share: float = 0.05  # of the stream that comes from outside
    first_steps: int = 1500  # of the first training
    steps: int = 400  # of each retraining
    batch: int = 128
    rate: float = 5e-3
    active: tuple[int, ...] = (8, 16, 32, 64, 128)
    random: tuple[int, ...] = (32, 64, 128, 256, 512, 1024, 2048)
    exported: int = 32  # labels of the active choice whose emulator is written and judged by libpyemu, too


SMOKE = Plan(16, 48, (0, 2), 0.15, 60, 40, 64, 5e-3, (8,), (8, 16), 8)


# --- Columns of the host ---


def host_columns(entries: dict[str, float], n_columns: int, days: Sequence[int]) -> Columns:
    """States of the host in one climate with RRTMG's fluxes and heating, (day, column, ...)."""
    parts = []
    with ColumnModel(ncol=n_columns, interval=43200.0, **entries) as model:
        for before, day in zip((0, *days), days, strict=False):
            model.step(4 * (day - before))
            model.radiate()
            parts.append({name: model.get(name) for name in NAMES})
    return {name: np.stack([part[name] for part in parts]) for name in NAMES}


def all_columns(plan: Plan, path: Path, processes: int) -> tuple[list[Columns], Columns]:
    """Columns of every known climate and of the one outside, from the file of an earlier call if it is there."""
    tasks = [(climate, plan.known_columns, plan.days) for climate in KNOWN]
    tasks.append((OUTSIDE, plan.outside_columns, plan.days))
    if not path.exists():
        with ProcessPoolExecutor(processes) as pool:
            made = list(pool.map(host_columns, *zip(*tasks, strict=True)))
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, **{f"{i}/{name}": values for i, found in enumerate(made) for name, values in found.items()})
    with np.load(path) as stored:
        found = [{name: stored[f"{i}/{name}"] for name in NAMES} for i in range(len(tasks))]
    return found[:-1], found[-1]


def chosen(columns: Columns, which: np.ndarray) -> Columns:
    """Some columns, at all days, (column, ...)."""
    return {name: values[:, which].reshape(-1, *values.shape[2:]) for name, values in columns.items()}


def joined(parts: Sequence[Columns]) -> Columns:
    """All columns of several sets."""
    return {name: np.concatenate([part[name] for part in parts]) for name in NAMES}


def subset(columns: Columns, which: np.ndarray) -> Columns:
    """Columns by index or mask."""
    return {name: values[which] for name, values in columns.items()}


@dataclass(frozen=True)
class Sets:
    """What is known at first, the stream with a mark for what comes from outside, and what is tested."""

    first: Columns
    stream: Columns
    is_outside: np.ndarray
    test_known: Columns
    test_outside: Columns


def split(known: list[Columns], outside: Columns, plan: Plan, rng: np.random.Generator) -> Sets:
    """Disjoint columns of the host, by seed: a column is in one set with all its days."""
    order = rng.permutation(plan.known_columns)
    parts = np.split(order, [int(0.4 * order.size), int(0.9 * order.size)])
    first, others, test = (joined([chosen(climate, part) for climate in known]) for part in parts)
    order = rng.permutation(plan.outside_columns)
    pool, held = (chosen(outside, part) for part in np.split(order, [order.size // 2]))
    n_known = len(others["air_temperature"])
    n_pool = min(len(pool["air_temperature"]), round(n_known * plan.share / (1.0 - plan.share)))
    pool = subset(pool, rng.choice(len(pool["air_temperature"]), n_pool, replace=False))
    is_outside = np.arange(n_known + n_pool) >= n_known
    return Sets(first, joined([others, pool]), is_outside, test, held)


# --- Training ---


def train(network: torch.nn.Module, columns: Columns, steps: int, rate: float, plan: Plan, seed: int) -> None:
    """So many steps of Adam on batches drawn evenly from the columns; the rate falls along a cosine."""
    tensors = {name: torch.from_numpy(values.astype(np.float32)) for name, values in columns.items()}
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(network.parameters(), rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    n = len(columns["air_temperature"])
    for _ in range(steps):
        index = torch.randint(n, (plan.batch,), generator=generator)
        batch = {name: values[index] for name, values in tensors.items()}
        loss = radiation_loss(*network(batch), batch, SYSTEM.band)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 20.0)
        optimizer.step()
        schedule.step()


def inputs_of(columns: Columns) -> Columns:
    """Inputs in the precision of the emulator."""
    inputs = {item.name: columns[item.name] for item in SYSTEM.inputs}
    return {name: v if name == PRESSURE else v.astype(np.float32) for name, v in inputs.items()}


def ranges_of(columns: Columns) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Smallest and largest value of every input, by level."""
    return {name: (values.min(axis=0), values.max(axis=0)) for name, values in inputs_of(columns).items()}


def emulator_file(network: torch.nn.Module, columns: Columns, path: Path) -> Path:
    """The emulator file of a network that has seen these columns."""
    inputs = inputs_of(columns)
    ranges = {
        name: tuple(np.atleast_1d(bound).astype(float).tolist() for bound in bounds)
        for name, bounds in ranges_of(columns).items()
    }
    reference = np.linspace(0, len(inputs["air_temperature"]) - 1, 8).astype(int)
    Checkpoint(
        system=SYSTEM.name,
        network="spectral",
        state=network.state_dict(),
        training={"columns": len(inputs["air_temperature"])},
        data_sha256="0" * 64,
        training_range=ranges,
        reference_inputs={name: torch.from_numpy(values[reference]) for name, values in inputs.items()},
    ).save(path.with_suffix(".ckpt"))
    return export_checkpoint(path.with_suffix(".ckpt"), path)


def is_novel(seen: Columns, columns: Columns) -> np.ndarray:
    """What the guard flags as novel with the training ranges of the columns seen, (column): its rule in numpy."""
    found = np.zeros(len(columns["air_temperature"]), bool)
    ranges = ranges_of(seen)
    for name, values in inputs_of(columns).items():
        low, high = (bound.astype(np.float64) for bound in ranges[name])
        more = (LIMIT - 1.0) * 0.5 * (high - low)
        outside = (values < low - more) | (values > high + more)
        found |= outside.reshape(found.size, -1).any(axis=1)
    return found


def flagged(file: Path, columns: Columns) -> np.ndarray:
    """What the guard of libpyemu flags, (column)."""
    outputs = {item.name: np.empty_like(columns[item.name]) for item in SYSTEM.outputs}
    with Emulator.open(file, "native") as emulator:
        for name, values in ({item.name: columns[item.name] for item in SYSTEM.inputs} | outputs).items():
            emulator.bind(name, np.ascontiguousarray(values))
        emulator.set_guard("count", limit=LIMIT)
        emulator.run(1)
        return emulator.reasons() != 0


# --- One seed ---


def one_seed(seed: int, plan: Plan, known: list[Columns], outside: Columns, folder: Path) -> list[dict[str, object]]:
    """First training, guard, then both ways to choose labels, each for all numbers of labels."""
    torch.set_num_threads(1)
    started = time.monotonic()
    folder = folder / f"seed{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    sets = split(known, outside, plan, rng)
    torch.manual_seed(seed)
    network = SYSTEM.build("spectral")
    train(network, sets.first, plan.first_steps, plan.rate, plan, seed)
    first = {key: value.clone() for key, value in network.state_dict().items()}
    file = emulator_file(network, sets.first, folder / "first.onnx")
    marks = flagged(file, sets.stream)
    shared = {
        "seed": seed,
        "stream": marks.size,
        "stream_outside_share": float(sets.is_outside.mean()),
        "stream_flagged_share": float(marks.mean()),
        "flagged_from_outside_share": float(sets.is_outside[marks].mean()) if marks.any() else 0.0,
    }
    _must_agree(marks, is_novel(sets.first, sets.stream))
    rows = [shared | {"strategy": "none", "labels": 0} | measure(network, sets.first, sets)]
    order = {"active": rng.permutation(np.flatnonzero(marks)), "random": rng.permutation(marks.size)}
    for strategy, numbers in (("active", plan.active), ("random", plan.random)):
        for labels in numbers:
            network.load_state_dict(first)
            picked = order[strategy][:labels]
            if picked.size < labels:
                continue
            seen = joined([sets.first, subset(sets.stream, picked)])
            train(network, seen, plan.steps, 0.5 * plan.rate, plan, seed)
            if (strategy, labels) == ("active", plan.exported):
                file = emulator_file(network, seen, folder / "active.onnx")
                _must_agree(flagged(file, sets.test_outside), is_novel(seen, sets.test_outside))
            found = {"strategy": strategy, "labels": labels, "labels_outside": int(sets.is_outside[picked].sum())}
            rows.append(shared | found | measure(network, seen, sets))
    print(f"seed {seed}: {time.monotonic() - started:.0f} s", flush=True)
    return rows


def _must_agree(by_library: np.ndarray, by_rule: np.ndarray) -> None:
    """Writing a file takes longer than training: most flagged shares follow the guard's rule, which is tried here."""
    if not np.array_equal(by_library, by_rule):
        raise RuntimeError(f"libpyemu flags {by_library.sum()} columns, its rule in numpy {by_rule.sum()}")


def measure(network: torch.nn.Module, seen: Columns, sets: Sets) -> dict[str, float]:
    """Errors and flagged share on columns that are in no stream."""
    network.eval()
    found = {}
    for place, columns in (("outside", sets.test_outside), ("known", sets.test_known)):
        score = scores(predict(SYSTEM, network, columns), columns, columns, SYSTEM.band)
        found |= {f"error_{place}_K_day-1": score[SCORE], f"net_flux_top_{place}_W_m-2": score["net_flux_top_rmse"]}
        found[f"flagged_share_{place}"] = float(is_novel(seen, columns).mean())
    return found


# --- Results ---


def of(rows: list[dict], strategy: str) -> tuple[np.ndarray, np.ndarray]:
    """Labels and errors of one seed."""
    pairs = sorted((float(r["labels"]), float(r["error_outside_K_day-1"])) for r in rows if r["strategy"] == strategy)
    return np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])


def labels_needed(labels: np.ndarray, errors: np.ndarray, wanted: float) -> float:
    """Labels at which the best error so far reaches the wanted one, between points along logarithms; infinite if never."""
    best = np.minimum.accumulate(errors)
    reached = np.flatnonzero(best <= wanted)
    if not reached.size:
        return np.inf
    i = int(reached[0])
    if i == 0 or best[i] == best[i - 1]:
        return float(labels[i])
    weight = (np.log(best[i - 1]) - np.log(wanted)) / (np.log(best[i - 1]) - np.log(best[i]))
    return float(np.exp(np.log(labels[i - 1]) + weight * (np.log(labels[i]) - np.log(labels[i - 1]))))


def interval(values: np.ndarray, n: int = 10_000) -> tuple[float, float, float]:
    """Median and the 95 % bootstrap interval of it."""
    rng = np.random.default_rng(0)
    medians = np.median(values[rng.integers(values.size, size=(n, values.size))], axis=1)
    low, high = (float(v) for v in np.quantile(medians, (0.025, 0.975), method="nearest"))
    return float(np.median(values)), low, high


def summarise(rows: list[dict]) -> list[dict[str, object]]:
    """Per strategy and number of labels: medians over seeds with intervals; for active also the ratio of labels.

    A seed in which random sampling never reaches the error counts with its largest number of labels: the ratio is then an
    upper bound, and the table says in how many seeds.
    """
    seeds = sorted({row["seed"] for row in rows})
    found = []
    for strategy, labels in dict.fromkeys((row["strategy"], row["labels"]) for row in rows):
        here = [row for row in rows if (row["strategy"], row["labels"]) == (strategy, labels)]
        entry: dict[str, object] = {"strategy": strategy, "labels": labels, "seeds": len(here)}
        for name in ("labels_outside", "error_outside_K_day-1", "error_known_K_day-1", "flagged_share_outside",
                     "flagged_share_known"):  # fmt: skip
            values = np.array([float(row.get(name, 0)) for row in here])
            entry |= dict(zip((name, f"{name}_low", f"{name}_high"), interval(values), strict=True))
        if strategy == "active":
            ratios, bounds = [], 0
            for seed in seeds:
                mine = [row for row in rows if row["seed"] == seed]
                wanted = [
                    float(r["error_outside_K_day-1"])
                    for r in mine
                    if (r["strategy"], r["labels"]) == ("active", labels)
                ]
                if not wanted:
                    continue
                numbers, errors = of(mine, "random")
                needed = labels_needed(numbers, errors, wanted[0])
                bounds += not np.isfinite(needed)
                ratios.append(labels / min(needed, numbers[-1]))
            entry |= dict(
                zip(("label_ratio", "label_ratio_low", "label_ratio_high"), interval(np.array(ratios)), strict=True)
            )
            entry["seeds_where_ratio_is_a_bound"] = bounds
        found.append(entry)
    return found


def write(path: Path, rows: list[dict]) -> None:
    """A table; numbers with four digits."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: f"{v:.4g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)
    print(path)


def draw(path: Path, summary: list[dict]) -> None:
    """Error and flagged share against labels, medians with intervals."""
    figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
    before = next(row for row in summary if row["strategy"] == "none")
    for panel, name, scale in ((axes[0], "error_outside_K_day-1", 1.0), (axes[1], "flagged_share_outside", 100.0)):
        for strategy, colour in (("active", "#e07b39"), ("random", "#1b3a57")):
            rows = sorted((row for row in summary if row["strategy"] == strategy), key=lambda row: row["labels"])
            values = [scale * np.array([row[key] for row in rows]) for key in (name, f"{name}_low", f"{name}_high")]
            labels = [row["labels"] for row in rows]
            panel.plot(
                labels,
                values[0],
                "o-",
                color=colour,
                label="flagged columns" if strategy == "active" else "random columns",
            )
            panel.fill_between(labels, values[1], values[2], color=colour, alpha=0.2, linewidth=0)
        panel.axhline(scale * before[name], color="#808080", linestyle=":", label="before retraining")
        panel.set_xscale("log")
        panel.set_xlabel("labels")
    axes[0].set_ylabel("heating below 10 hPa, rms error / K day$^{-1}$")
    axes[1].set_ylabel("flagged columns of the climate outside / %")
    axes[1].legend(frameon=False, loc="center right")
    figure.savefig(path, dpi=130)
    print(path)


def main() -> None:
    """Run the seeds, write all rows, their summary and the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--share", type=float, help="of the stream that comes from outside; default 0.05")
    parser.add_argument(
        "--smoke", action="store_true", help="one seed, small numbers: does it run, not what does it find"
    )
    parser.add_argument("--processes", type=int, default=1, help="seeds at a time, one core each")
    parser.add_argument(
        "--work", type=Path, default=Path("build/active-learning"), help="folder of columns and emulators"
    )
    parser.add_argument("--output", type=Path, default=Path("docs/explanations"), help="folder of tables and figure")
    options = parser.parse_args()
    plan = SMOKE if options.smoke else Plan()
    plan = replace(plan, share=options.share) if options.share else plan
    seeds = range(1 if options.smoke else options.seeds)
    name = f"columns-{plan.known_columns}-{plan.outside_columns}-{'-'.join(map(str, plan.days))}.npz"
    known, outside = all_columns(plan, options.work / name, options.processes)
    print(f"columns of the host: {options.work / name}", flush=True)
    if options.processes == 1:
        results = [one_seed(seed, plan, known, outside, options.work) for seed in seeds]
    else:
        with ProcessPoolExecutor(options.processes) as pool:
            jobs = [pool.submit(one_seed, seed, plan, known, outside, options.work) for seed in seeds]
            results = [job.result() for job in jobs]
    rows = [row for result in results for row in result]
    summary = summarise(rows)
    options.output.mkdir(parents=True, exist_ok=True)
    write(options.output / "active-learning-seeds.csv", rows)
    write(options.output / "active-learning.csv", summary)
    draw(options.output / "active-learning.png", summary)


if __name__ == "__main__":
    main()
