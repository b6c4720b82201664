"""All stochastic closures of Lorenz '96, many seeds each, in the Fortran host: ``lorenz96_gans.py [--seeds 5] [--table-only]``.

Trains what is not trained yet, scores it offline, and runs each file in the host: a climate of 2e6 steps (20 members of 1e5,
each after 10 MTU that do not count) against truth that was not seen, and weather from 150 true states with 20 members;
budgets ``small`` and ``smoke`` have less of all. The polynomial of the paper is run beside them. What is finished is kept in
``--runs``, so a run that was stopped goes on.

Writes ``lorenz96-gans.csv`` (median and range over seeds of every scheme), ``-seeds.csv`` (every seed), ``-ranks.csv`` (rank
histograms, pooled over seeds) and ``-claims.csv`` (the questions that the table answers, with intervals over seeds).
"""

import argparse
import contextlib
import csv
import dataclasses
import functools
import json
import multiprocessing
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from pyemu.data import lorenz96
from pyemu.data.lorenz96 import SLOW, TENDENCY
from pyemu.hosts import executable
from pyemu.hosts.lorenz96_namelist import GROUPS
from pyemu.hosts.namelist import Value, write_namelist

SYSTEMS = ("lorenz96_crps", "lorenz96_gan", "lorenz96_flow")
BASELINES = {
    "polynomial": "none",
    "polynomial_white": "white",
    "polynomial_ar1": "ar1",
    "polynomial_ar1_of_steps": "ar1",
    "polynomial_ar1_of_steps_memory": "ar1",
}
BASELINE, OWN_BASELINE = "polynomial_ar1", "polynomial_ar1_of_steps_memory"

X_BINS, U_BINS = np.arange(-20, 30, 0.1), np.arange(-30, 40, 0.1)
SPIN_UP, CLIMATE_INTERVAL = 2000, 2  # steps that do not count, and steps between the states that do
WEATHER_INTERVAL, FIRST_START = 20, 5  # steps; weather starts so many intervals of starts later than climate
LEADS = {0.2: 2, 0.5: 5, 1.0: 10, 2.0: 20}  # MTU -> record of the run
WEATHER_STEPS = (max(LEADS.values()) + 1) * WEATHER_INTERVAL


@dataclass(frozen=True)
class Plan:
    """Where the runs start in the truth, all behind the part that trains, and how many there are."""

    start: int  # record
    records: int  # of truth that a climate is scored with, and apart from which members start
    members: int
    steps: int
    apart: int  # records between starts of weather
    starts: int
    ensemble: int = 20


PLANS = {
    "smoke": Plan(start=10_000, records=40_000, members=4, steps=2000, apart=3000, starts=10, ensemble=8),
    "small": Plan(start=80_000, records=400_000, members=20, steps=20_000, apart=4000, starts=100),
    "full": Plan(start=400_000, records=2_000_000, members=20, steps=100_000, apart=20_000, starts=150),
}
BOOTSTRAPS = 10_000
FEWEST_SEEDS = 3  # below them there is no interval
SCORES = (
    "offline_h2",
    "offline_h2_without_noise",
    "offline_crps",
    "residual_phi",
    "climate_h2_x",
    "climate_h2_u",
    "x_mean",
    "x_sd",
)
WEATHER_SCORES = tuple(f"{score}_{lead:g}" for lead in LEADS for score in ("rmse", "spread", "crps", "rank_ends"))

Scores = dict[str, float]


@dataclass(frozen=True)
class Scheme:
    """A row of the table: which file, with the U of which evaluation as the last one."""

    name: str
    system: str
    network: str
    variant: str
    previous: str

    @property
    def is_gan(self) -> bool:
        """Whether it is one of the published networks."""
        return self.system == "lorenz96_gan"


@dataclass(frozen=True)
class Training:
    """One network with one seed, and all schemes that it makes."""

    system: str
    network: str
    seed: int


def main() -> None:
    """Train, run, write."""
    arguments = parse()
    truth = lorenz96.truth(arguments.budget, cache_dir=arguments.cache_dir).absolute()
    if not arguments.table_only:
        climate_of_truth(truth)
        arguments.runs.mkdir(parents=True, exist_ok=True)
        trainings = [
            Training(system, network, seed)
            for seed in range(1, arguments.seeds + 1)
            for system, network in networks(arguments.only)
        ]
        work = functools.partial(carry_out, truth=truth, arguments=arguments)
        tasks = [*range(1, arguments.seeds + 1), *trainings]  # a number: the baselines with that seed of noise
        with multiprocessing.get_context("spawn").Pool(arguments.processes) as pool:
            for done, message in enumerate(pool.imap_unordered(work, tasks), 1):
                print(f"{time.strftime('%H:%M:%S')} {done} of {len(tasks)}: {message}", flush=True)
    write_tables(arguments, truth)


def parse() -> argparse.Namespace:
    """Options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", default="full", choices=["smoke", "small", "full"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", nargs="+", help="Networks as SYSTEM/NETWORK; default: all.")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--runs", type=Path, default=Path("runs/lorenz96"))
    parser.add_argument("--cache-dir", type=Path, default=Path("data-cache"))
    parser.add_argument("--output", type=Path, default=Path("docs/explanations"))
    parser.add_argument("--table-only", action="store_true", help="Write the tables of what is there.")
    return parser.parse_args()


def networks(only: list[str] | None) -> list[tuple[str, str]]:
    """Every network of every system."""
    from pyemu.zoo import SYSTEMS as ALL

    found = [(name, network) for name in SYSTEMS for network in ALL[name].networks]
    return [pair for pair in found if only is None or "/".join(pair) in only]


def schemes_of(system: str, network: str) -> list[Scheme]:
    """The files of a network, each with the last U of one evaluation or another, if it sees any.

    Published networks take it from the last stage, as in the published code, and those of the final series from the last
    step, too. Closures of ours take it from the last step.
    """
    from pyemu.zoo import SYSTEMS as ALL

    is_published, is_old = system == "lorenz96_gan", network.endswith("_old")
    conventions = ["stage", *([] if is_old else ["step"])] if is_published else ["step"]
    conventions = conventions if network.startswith("xu") else ["stage"]
    short = f"{system.removeprefix('lorenz96_')}_{network}"
    return [
        Scheme(f"{short}_{variant}" + ("_step" if previous == "step" else ""), system, network, variant, previous)
        for variant in ALL[system].variants(network)
        for previous in conventions
    ]


def carry_out(task: Training | int, truth: Path, arguments: argparse.Namespace) -> str:
    """Train one network with one seed and run its schemes, or run the baselines; returns what was done."""
    os.nice(10)
    if isinstance(task, int):
        for name, noise in BASELINES.items():
            entries = baseline(name, truth).entries(noise)
            kind = "u_of_steps" if "of_steps" in name else "u"
            work = functools.partial(judge, {**entries, "seed": task}, truth, kind)
            keep(arguments.runs / f"{name}-seed{task}.json", work)
        return f"baselines, seed {task}"
    import torch

    torch.set_num_threads(1)
    started = time.process_time()
    checkpoint = train(task, arguments)
    files = export(checkpoint, task)
    offline = keep(checkpoint.with_suffix(".offline.json"), lambda: score_offline(checkpoint, arguments))
    for scheme in schemes_of(task.system, task.network):
        entries = {
            "scheme": "emulator", "emulator_file": str(files[scheme.variant].absolute()), "engine": "native",
            "previous_tendency": scheme.previous, "seed": task.seed,
        }  # fmt: skip
        kind = "u" if scheme.is_gan else "u_of_steps"
        path = arguments.runs / f"{scheme.name}-seed{task.seed}.json"
        keep(path, lambda e=entries, k=kind: offline | judge(e, truth, k))
    return f"{task.system}/{task.network}, seed {task.seed}: {time.process_time() - started:.0f} s here"


def keep(path: Path, make: Callable[[], Mapping[str, object]]) -> dict[str, object]:
    """What is in a JSON file, or what ``make`` makes, written whole."""
    if path.exists():
        return dict(json.loads(path.read_text(encoding="utf-8")))
    found = make()
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(found) + "\n", encoding="utf-8")
    os.replace(partial, path)
    return dict(found)


def train(task: Training, arguments: argparse.Namespace) -> Path:
    """The checkpoint, trained if it is not there."""
    from pyemu.train import fit

    folder = arguments.runs / f"seed{task.seed}"
    path = folder / f"{task.system}-{task.network}.ckpt"
    if not path.exists():
        started = time.process_time()
        options = {"budget_name": arguments.budget, "output_dir": folder, "cache_dir": arguments.cache_dir}
        made = fit(task.system, network=task.network, seed=task.seed, progress=False, **options)
        made.with_suffix(".seconds").write_text(f"{time.process_time() - started:.1f}\n")
    return path


def export(checkpoint: Path, task: Training) -> dict[str, Path]:
    """The files of a checkpoint by variant."""
    from pyemu.emulator.from_checkpoint import export_variants
    from pyemu.zoo import SYSTEMS as ALL

    return dict(zip(ALL[task.system].variants(task.network), export_variants(checkpoint), strict=True))


def score_offline(checkpoint: Path, arguments: argparse.Namespace) -> Scores:
    """Offline scores under the names of the table."""
    from pyemu.train import evaluate

    found = evaluate(checkpoint, cache_dir=arguments.cache_dir, budget_name=arguments.budget)["offline"]
    return {
        "offline_h2": found["squared_hellinger"],
        "offline_h2_without_noise": found["squared_hellinger_without_noise"],
        "offline_crps": found["crps"],
        "residual_phi": found["residual_autocorrelation"],
        "training_seconds": float(checkpoint.with_suffix(".seconds").read_text()),
    }


def baseline(name: str, truth: Path) -> lorenz96.Polynomial:
    """The cubic of X with AR(1) residuals, fitted to the training part.

    ``of_steps``: to the U of the model's own steps instead of that of the forward difference; ``memory``: and with a phi that
    fits the residual's autocorrelation over 0.1 MTU instead of one record.
    """
    from pyemu.train.lorenz96.rows import Series
    from pyemu.train.lorenz96.scores import memory

    part = lorenz96.training_part(lorenz96.load(truth)).load()
    if "of_steps" in name:
        own = Series.of(part).of_steps()
        part = xr.Dataset({SLOW: (("time", "k"), own.x), TENDENCY: (("time", "k"), own.u)})
    found = lorenz96.fit_polynomial(part)
    if "memory" in name:
        left = part[TENDENCY] - found(part[SLOW])
        found = dataclasses.replace(found, residual_phi=memory(left.values))
    return found


def judge(entries: Mapping[str, Value], truth: Path, kind: str) -> dict[str, object]:
    """Climate and weather of one parameterization. One that blows up has a message in the place of scores.

    ``kind`` of U is that which it was fitted to.
    """
    found: dict[str, object] = {}
    for part in (functools.partial(climate, kind=kind), weather):
        try:
            found |= part(entries, truth)
        except subprocess.CalledProcessError as error:
            found["weather_failed" if part is weather else "climate_failed"] = error.stderr.strip()
    return found


def plan_of(truth: Path) -> Plan:
    """The plan that goes with a truth, whose file says its budget."""
    return next(plan for budget, plan in PLANS.items() if f"-{budget}-" in truth.name)


def climate(entries: Mapping[str, Value], truth: Path, kind: str) -> Scores:
    """Squared Hellinger distances of X and U from the truth's, all places and members pooled."""
    plan = plan_of(truth)
    run: dict[str, Value] = {"n_steps": plan.steps, "burn_in": SPIN_UP, "output_interval": CLIMATE_INTERVAL}
    starts: dict[str, Value] = {
        "initial_record": plan.start, "record_interval": plan.records // plan.members, "n_starts": plan.members,
    }  # fmt: skip
    with host_run(run | starts | dict(entries), truth) as (data, seconds):
        x, u = (data[name].values for name in (SLOW, TENDENCY))
    return against_truth(x, u, truth, kind) | {"climate_seconds": seconds}


def against_truth(x: np.ndarray, u: np.ndarray, truth: Path, kind: str) -> Scores:
    """Scores of a climate."""
    expected = np.load(climate_of_truth(truth))
    return {
        "climate_h2_x": distance(shares(x, X_BINS), expected["x"], X_BINS),
        "climate_h2_u": distance(shares(u, U_BINS), expected[kind], U_BINS),
        "x_mean": float(x.mean(dtype=np.float64)),
        "x_sd": float(x.std(dtype=np.float64)),
    }


def shares(values: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Density of each bin."""
    return np.histogram(values, bins, density=True)[0]


def distance(p: np.ndarray, q: np.ndarray, bins: np.ndarray) -> float:
    """Squared Hellinger distance, as ``pyemu.train.lorenz96.scores``."""
    return float(0.5 * np.trapezoid(np.square(np.sqrt(p) - np.sqrt(q)), bins[:-1]))


def climate_of_truth(truth: Path) -> Path:
    """Densities of X and U in truth that was not seen in training, beside the truth, and in what comes after that.

    ``u_of_steps`` is the U of the model's own steps.
    """
    from pyemu.train.lorenz96.rows import Series

    plan, path = plan_of(truth), truth.with_suffix(".densities.npz")
    if not path.exists():
        stretches = {
            "": slice(plan.start, plan.start + plan.records),
            "other_": slice(plan.start + plan.records, plan.start + 2 * plan.records),
        }
        densities = {}
        for prefix, stretch in stretches.items():
            series = Series.of(lorenz96.load(truth).isel(time=stretch))
            densities[f"{prefix}x"] = shares(series.x, X_BINS)
            densities[f"{prefix}u"] = shares(series.u, U_BINS)
            densities[f"{prefix}u_of_steps"] = shares(series.of_steps().u, U_BINS)
        np.savez(path, **densities)
    return path


def floor_of(truth: Path) -> Scores:
    """What two stretches of truth differ by: the one that climates are scored with, and what comes after it."""
    found = np.load(climate_of_truth(truth))
    return {
        f"climate_h2_{short}": distance(found[f"other_{short}"], found[short], bins)
        for short, bins in (("x", X_BINS), ("u", U_BINS))
    }


def weather(entries: Mapping[str, Value], truth: Path) -> dict[str, object]:
    """Scores of ensembles at the leads, from true states that training has not seen."""
    plan = plan_of(truth)
    run: dict[str, Value] = {
        "n_steps": (max(LEADS.values()) + 1) * WEATHER_INTERVAL,
        "output_interval": WEATHER_INTERVAL,
    }
    starts: dict[str, Value] = {
        "initial_record": plan.start + FIRST_START * plan.apart, "record_interval": plan.apart, "n_starts": plan.starts,
        "n_members": plan.ensemble,
    }  # fmt: skip
    with host_run(run | starts | dict(entries), truth) as (data, seconds):
        members = data[SLOW].transpose("time", "member", "start", "k").values
    expected = what_came(truth)
    found: dict[str, object] = {"weather_seconds": seconds}
    for lead, record in LEADS.items():
        found |= {f"{name}_{lead:g}": value for name, value in of_ensemble(members[record], expected[record]).items()}
    return found


def what_came(truth: Path) -> np.ndarray:
    """True X, (record of a run, start, k)."""
    x = lorenz96.load(truth)[SLOW].values
    plan = plan_of(truth)
    starts = plan.start + plan.apart * (FIRST_START + np.arange(plan.starts))
    return x[starts[None] + WEATHER_INTERVAL * np.arange(max(LEADS.values()) + 1)[:, None]]


def of_ensemble(members: np.ndarray, truth: np.ndarray) -> dict[str, object]:
    """RMSE of the mean, spread, fair CRPS and rank histogram of members (member, start, k)."""
    from pyemu.train.lorenz96.scores import fair_crps

    n = len(members)
    error, variance = members.mean(0) - truth, members.var(0, ddof=1)
    ranks = np.bincount((members < truth).sum(0).ravel(), minlength=n + 1) / truth.size
    return {
        "rmse": float(np.sqrt(np.mean(np.square(error)))),
        "spread": float(np.sqrt((n + 1) / n * variance.mean())),
        "crps": float(fair_crps(members, truth).mean()),
        "rank_ends": float((ranks[0] + ranks[-1]) / 2),
        "ranks": ranks.tolist(),
    }


@contextlib.contextmanager
def host_run(entries: Mapping[str, Value], truth: Path) -> Iterator[tuple[xr.Dataset, float]]:
    """The output of a run of the one-scale model and its processor time [s]; the files are gone afterwards.

    Raises ``CalledProcessError`` with the host's message.
    """
    fixed: dict[str, Value] = {"model": "one_scale", "output_precision": "single", "initial_file": str(truth)}
    with tempfile.TemporaryDirectory(prefix="lorenz96_") as folder:
        output = Path(folder) / "out.nc"
        namelist = write_namelist(Path(folder) / "run.nml", GROUPS, {**entries, **fixed, "output_file": str(output)})
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        subprocess.run([executable("lorenz96"), namelist], check=True, capture_output=True, text=True)
        seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
        with xr.open_dataset(output) as data:
            yield data, seconds


def write_tables(arguments: argparse.Namespace, truth: Path) -> None:
    """All tables of what is finished."""
    found = collect(arguments.runs)
    seeds = [
        {"scheme": name, "seed": seed} | columns(row) for name, rows in found.items() for seed, row in rows.items()
    ]
    name = "lorenz96-gans" if arguments.budget == "full" else f"lorenz96-gans-{arguments.budget}"
    write(arguments.output / f"{name}-seeds.csv", seeds)
    floor = summary("truth", {0: floor_of(truth)})
    write(arguments.output / f"{name}.csv", [floor, *(summary(scheme, rows) for scheme, rows in found.items())])
    write(arguments.output / f"{name}-ranks.csv", list(ranks(found)))
    write(arguments.output / f"{name}-claims.csv", claims(found))


def collect(runs: Path) -> dict[str, dict[int, dict[str, object]]]:
    """Scores by scheme and seed, the baselines first."""
    order = [*BASELINES, *(scheme.name for system, network in networks(None) for scheme in schemes_of(system, network))]
    found: dict[str, dict[int, dict[str, object]]] = {}
    for name in order:
        paths = {int(path.stem.rpartition("-seed")[2]): path for path in runs.glob(f"{name}-seed*.json")}
        if paths:
            found[name] = {seed: json.loads(paths[seed].read_text(encoding="utf-8")) for seed in sorted(paths)}
    return found


def columns(row: Mapping[str, object]) -> dict[str, object]:
    """The numbers of a seed as they stand in the table."""
    names = (*SCORES, *WEATHER_SCORES, "climate_failed", "weather_failed", "training_seconds", "climate_seconds")
    return {name: shown(row[name]) if name in row else "" for name in names}


def summary(scheme: str, rows: Mapping[int, Mapping[str, object]]) -> dict[str, object]:
    """Median, smallest and largest over the seeds that ran to their end, how many did, and the published score."""
    found: dict[str, object] = {"scheme": scheme, "seeds": len(rows), "parameters": parameters(scheme)}
    found["climates_failed"] = sum("climate_failed" in row for row in rows.values())
    found["published_offline_h2"] = published(scheme)
    for name in (*SCORES, *WEATHER_SCORES):
        values = [float(row[name]) for row in rows.values() if name in row]  # type: ignore[arg-type]
        three = (np.median(values), min(values), max(values)) if values else ("", "", "")
        found |= {f"{name}_{kind}": shown(value) for kind, value in zip(("median", "min", "max"), three, strict=True)}
    return found


def shown(value: object) -> object:
    """Four digits, or the words that stand in a number's place."""
    return f"{value:.4g}" if isinstance(value, float) else value


@functools.cache
def schemes() -> dict[str, Scheme]:
    """Every scheme by name."""
    return {scheme.name: scheme for pair in networks(None) for scheme in schemes_of(*pair)}


def parameters(scheme: str) -> object:
    """Trainable numbers."""
    from pyemu.zoo import SYSTEMS as ALL

    return ALL[schemes()[scheme].system].parameters[schemes()[scheme].network] if scheme in schemes() else ""


def published(scheme: str) -> object:
    """The offline score of the paper's public material."""
    from pyemu.zoo import SYSTEMS as ALL

    if scheme not in schemes() or not schemes()[scheme].is_gan:
        return ""
    (scores,) = ALL["lorenz96_gan"].model_card.published.values()
    return scores[schemes()[scheme].network]


def ranks(found: Mapping[str, Mapping[int, Mapping[str, object]]]) -> Iterator[dict[str, object]]:
    """Shares of the ranks of the truth among the members, mean over seeds."""
    for scheme, rows in found.items():
        for lead in LEADS:
            each = [row[f"ranks_{lead:g}"] for row in rows.values() if f"ranks_{lead:g}" in row]
            if each:
                mean = np.mean(np.array(each, dtype=float), axis=0)
                shares_of = {f"rank_{rank}": f"{share:.4f}" for rank, share in enumerate(mean)}
                yield {"scheme": scheme, "lead": f"{lead:g}"} | shares_of


def claims(found: Mapping[str, Mapping[int, Mapping[str, object]]]) -> list[dict[str, object]]:
    """Ratios of medians over seeds, with intervals of 95 % from seeds drawn anew.

    The best GAN is the one of the smallest median, chosen anew in every draw, so that its advantage of being chosen is the
    same in all draws. ``left_out_median`` chooses it by all seeds but one and takes the ratio on the one that is left.
    """
    known = {name: scheme for name, scheme in schemes().items() if name in found}
    gans = [name for name, scheme in known.items() if scheme.is_gan]
    rivals = [name for name, scheme in known.items() if not scheme.is_gan]
    rows = []
    for score in ("climate_h2_x", *(f"crps_{lead:g}" for lead in LEADS)):
        tables = {name: values_of(found[name], score) for name in found}
        compare = functools.partial(ratio, score, tables=tables)
        rows.append(compare("best GAN", gans, BASELINE, [BASELINE]))
        rows.append(compare(OWN_BASELINE, [OWN_BASELINE], BASELINE, [BASELINE]))
        for name in rivals:
            equal = [gan for gan in gans if parameters(gan) == parameters(name)]
            rows.append(compare(name, [name], BASELINE, [BASELINE]))
            rows.append(compare(name, [name], OWN_BASELINE, [OWN_BASELINE]))
            rows.append(compare(name, [name], "best GAN", gans))
            rows.append(compare(name, [name], "best GAN of as many parameters", equal))
    return [row for row in rows if row]


def values_of(rows: Mapping[int, Mapping[str, object]], score: str) -> np.ndarray:
    """A score of every seed; infinite where the run failed."""
    return np.array([float(row.get(score, np.inf)) for row in rows.values()])  # type: ignore[arg-type]


def ratio(
    score: str, name: str, group: list[str], other: str, others: list[str], tables: Mapping[str, np.ndarray]
) -> dict[str, object]:
    """Median of the best of a group over that of the best of the others: below 1, the group is better."""
    names = (*group, *others)
    if not group or not others or any(item not in tables or len(tables[item]) < FEWEST_SEEDS for item in names):
        return {}
    random = np.random.default_rng(0)
    drawn = [np.array([resampled_medians(tables[item], random) for item in of]) for of in (group, others)]
    draws = drawn[0].min(axis=0) / drawn[1].min(axis=0)
    low, high = np.percentile(draws, [2.5, 97.5], method="inverted_cdf")
    best = [min(of, key=lambda item: float(np.median(tables[item]))) for of in (group, others)]
    value = np.median(tables[best[0]]) / np.median(tables[best[1]])
    return {
        "score": score, "scheme": name if len(group) == 1 else f"{name}: {best[0]}",
        "against": other if len(others) == 1 and other == others[0] else f"{other}: {best[1]}",
        "ratio": f"{value:.3f}", "low": f"{low:.3f}", "high": f"{high:.3f}",
        "left_out_median": f"{np.median(left_out(group, others, tables)):.3f}",
        "seeds": min(len(tables[item]) for item in names),
        "answer": "better" if high < 1 else "worse" if low > 1 else "undecided",
    }  # fmt: skip


def resampled_medians(values: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Medians of as many values drawn anew, with replacement, many times."""
    return np.median(random.choice(values, (BOOTSTRAPS, len(values))), axis=1)


def left_out(group: list[str], others: list[str], tables: Mapping[str, np.ndarray]) -> list[float]:
    """Ratios on each seed, of what is best by the other seeds."""
    n = min(len(tables[item]) for item in (*group, *others))

    def chosen(names: list[str], seed: int) -> float:
        name = min(names, key=lambda item: float(np.median(np.delete(tables[item][:n], seed))))
        return float(tables[name][seed])

    return [chosen(group, seed) / chosen(others, seed) for seed in range(n)]


def write(path: Path, rows: list[dict[str, object]]) -> None:
    """A table as CSV."""
    if not rows:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
