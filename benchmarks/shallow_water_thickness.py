"""Learned tendencies of the thickness in the shallow-water host: what a constraint on mass saves, and what it does not.

    python benchmarks/shallow_water_thickness.py --output runs/thickness [--budget small] [--table CSV] [--figure PNG]

Operators in the exact class of functions are fitted with noise in their targets, several levels and seeds, in four ways: free,
with the seed paper's penalty on the mean, free with the host's projection, and as transports. Each runs from the
same state, in an experiment of the harness; its growth rate is computed from the very weights that run. Budget ``full`` has
not been run.
"""

import argparse
import csv
from dataclasses import dataclass
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
import yaml
from scipy.stats import spearmanr

from pyemu.data import shallow_water
from pyemu.emulator.from_operator import write_operator
from pyemu.harness import couple, load_couple_config
from pyemu.nn.stencil_operator import StencilOperator
from pyemu.physics.shallow_water import Ocean
from pyemu.physics.von_neumann import (
    REST,
    Base,
    growth,
    host_operator,
    projected,
    symbol_of,
    with_learned,
    with_transports,
)
from pyemu.train.shallow_water.thickness import States, fit_tendency, fit_transports

PENALTY = 1.0
BASES = (
    REST,
    *(Base(h=h) for h in (-150.0, 150.0)),
    *(Base(u=u) for u in (-0.5, 0.5)),
    *(Base(v=v) for v in (-0.5, 0.5)),
)
Rates = dict[str, tuple[float, float]]  # form -> at rest, and the largest of all bases
LIMIT = 10.0  # m: two per cent of the layer
SMALLEST = 1e-4  # day-1, on the figure
H, KE, PE = "mean_layer_thickness_anomaly", "kinetic_energy", "potential_energy"
AT_REST, LARGEST = "growth_at_rest_per_day", "largest_growth_per_day"
COLOURS = {"free": "tab:red", "penalty": "tab:orange", "projection": "tab:blue", "flux": "tab:green"}
FORMS = {"free": "free", "penalty": "penalty on the mean", "projection": "projection", "flux": "transports"}


@dataclass(frozen=True)
class Budget:
    """The pairs of ``pyemu.data.shallow_water``, and how much is run."""

    data: str
    every: int  # of the pairs
    days: float
    levels: tuple[float, ...]
    seeds: int


# 11 states, 70,400 cells, but for smoke
BUDGETS = {
    "smoke": Budget("smoke", 1, 30.0, (3.0,), 2),
    "small": Budget("small", 44, 2500.0, (0.3, 1.0, 2.0, 3.0, 4.0, 5.0, 7.0), 4),
    "full": Budget("small", 44, 7200.0, (0.3, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0), 10),
}


def main() -> int:
    arguments = parse()
    arguments.output.mkdir(parents=True, exist_ok=True)
    budget = BUDGETS[arguments.budget]
    path = shallow_water.pairs(budget.data, cache_dir=arguments.cache_dir)
    data = shallow_water.load(path).isel(time=slice(None, None, budget.every))
    states = States.of(data)
    rates = {
        (level, seed): write(states, data, level, seed, arguments.output)
        for level in budget.levels
        for seed in range(1, budget.seeds + 1)
    }
    config = arguments.output / "experiment.yaml"
    config.write_text(yaml.safe_dump(experiment(budget, arguments.cache_dir), sort_keys=False))
    result = couple(load_couple_config(config))
    found = xr.open_dataset(result.folder / "report.nc", decode_times=False)
    rows = table(found, rates, budget)
    report(rows, arguments.table)
    if arguments.figure:
        draw(found, rows, arguments.figure)
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--cache-dir", type=Path, default=Path("data-cache"))
    parser.add_argument("--budget", default="small", choices=list(BUDGETS))
    parser.add_argument("--table", type=Path)
    parser.add_argument("--figure", type=Path)
    return parser.parse_args()


def write(states: States, data: xr.Dataset, level: float, seed: int, folder: Path) -> Rates:
    """Fit the operators of one level and seed, write their files; the growth rates of each form [day-1]."""
    noisy = states.noisy(level, seed)
    free, penalty, flux = fit_tendency(noisy), fit_tendency(noisy, PENALTY), fit_transports(noisy)
    for form, one in (("free", free), ("penalty", penalty), ("flux", flux)):
        path = folder / f"{form}-{level:g}-{seed}.onnx"
        if not path.exists():
            write_operator(one, data, path)
    operators = {"free": free, "penalty": penalty, "projection": free, "flux": flux}
    return {
        form: (rate(form, one, data, REST), max(rate(form, one, data, base) for base in BASES))
        for form, one in operators.items()
    }


def rate(form: str, operator: StencilOperator, data: xr.Dataset, base: Base) -> float:
    """The largest growth rate of a wave in the host with an operator, about a uniform state [day-1]."""
    ocean, ny, nx = Ocean.of(data.attrs), data.sizes["y"], data.sizes["x"]
    host = host_operator(ocean, base)
    learned = [operator.linear(i, base.u, base.v, base.h) for i in range(len(operator.weights))]
    if form == "flux":
        symbol = with_transports(symbol_of(host, nx, ny), *learned, ocean)
    else:
        symbol = symbol_of(with_learned(host, thickness=learned[0]), nx, ny)
    symbol = projected(symbol) if form == "projection" else symbol
    return growth(symbol, ocean.time_step, ocean.robert_asselin).largest


def experiment(budget: Budget, cache_dir: Path) -> dict[str, object]:
    """Every level in every form, with the seeds of the noise as seeds."""
    start = shallow_water.spin_up(shallow_water.BUDGETS[budget.data].spin_up_days, cache_dir=cache_dir)
    cases: list[dict[str, object]] = [{"name": "host", "title": "Host", "seeds": [1]}]
    for level in budget.levels:
        for form in FORMS:
            file = "free" if form == "projection" else form
            entries = {"thickness": "emulator", "thickness_file": f"{file}-{level:g}-{{seed}}.onnx", "engine": "native",
                       "mass": "projection" if form == "projection" else "none"}  # fmt: skip
            cases.append(
                {
                    "name": name_of(form, level),
                    "title": f"{FORMS[form]}, {level:g}",
                    "entries": entries,
                    "may_stop": True,
                }
            )
    return {
        "title": "Learned tendencies of the thickness",
        "host": "shallow_water",
        "output_dir": "report",
        "entries": {"n_days": budget.days, "output_interval_days": 1.0, "snapshot_interval_days": 100.0,
                    "restart_in": str(start.resolve())},
        "reference": "host",
        "seeds": list(range(1, budget.seeds + 1)),
        "cases": cases,
        "metrics": [
            {"metric": "drift", "variable": H, "limit": LIMIT},
            {"metric": "means", "variable": PE},
            {"metric": "survival", "criteria": [
                {"variable": name, "of_truth": [0.5, 2.0], "window": 30.0} for name in (KE, PE)]},
            {"metric": "cost"},
        ],
    }  # fmt: skip


def name_of(form: str, level: float) -> str:
    """Of a case."""
    return f"{form}_{level:g}".replace(".", "_")


def table(found: xr.Dataset, rates: dict[tuple[float, int], Rates], budget: Budget) -> list[dict[str, object]]:
    """One row for each run."""
    rows = []
    for level in budget.levels:
        for form in FORMS:
            one = {name: found[name].sel(case=name_of(form, level)).values for name in
                   (f"largest_departure_of_{H}", f"drift_time_of_{H}", "lifetime")}  # fmt: skip
            for seed in range(budget.seeds):
                at_rest, largest = rates[level, seed + 1][form]
                rows.append({
                    "noise": level, "form": form, "seed": seed + 1, AT_REST: f"{at_rest:.4g}", LARGEST: f"{largest:.4g}",
                    **{name: f"{values[seed]:.4g}" for name, values in one.items()},
                })  # fmt: skip
    return rows


def report(rows: list[dict[str, object]], path: Path | None) -> None:
    """The table, and how well the growth rate orders the lifetimes."""
    for form in FORMS:
        chosen = [row for row in rows if row["form"] == form]
        if len(chosen) > 2:
            *rates, lives = ([float(str(row[name])) for row in chosen] for name in (AT_REST, LARGEST, "lifetime"))
            ended = sum(life < max(lives) for life in lives)
            orders = [-spearmanr(one, lives).statistic if ended else float("nan") for one in rates]
            said = f"{orders[0]:.3f} at rest, {orders[1]:.3f} the largest"
            print(f"{form}: {len(chosen)} runs, {ended} ended early; Spearman of growth rate and 1 / lifetime {said}")
    if path:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def draw(found: xr.Dataset, rows: list[dict[str, object]], path: Path) -> None:
    """The mean thickness in time of the noisiest operator that lives on and drifts, and all lifetimes by growth rate."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10.0, 3.6), layout="constrained")
    shown = drifting(rows)
    for form, colour in COLOURS.items():
        name = f"series_of_{H}_{name_of(form, float(str(shown['noise'])))}"
        series = found[name].isel({f"{name}_run": int(str(shown["seed"])) - 1})
        time = series[f"{name}_time"]
        left.plot(time - time[0], series, color=colour, label=FORMS[form], ls=":" if form == "flux" else "-", lw=1.6)
        mine = [row for row in rows if row["form"] == form]
        rates, lives = (np.array([float(str(row[key])) for row in mine]) for key in (LARGEST, "lifetime"))
        right.loglog(np.maximum(rates, SMALLEST), lives, "o", color=colour, alpha=0.6)
    left.axhspan(-LIMIT, LIMIT, color="0.94", zorder=0)
    left.set(xlabel="time / day", ylabel="mean departure of the thickness / m")
    left.set_title(f"noise {shown['noise']:g}, seed {shown['seed']}", fontsize=10)
    left.legend()
    right.set(xlabel=f"largest growth rate / day$^{{-1}}$ (at least {SMALLEST:g})", ylabel="lifetime / day")
    figure.savefig(path, dpi=110)


def drifting(rows: list[dict[str, object]]) -> dict[str, object]:
    """The noisiest free operator that drifted beyond the limit and lived on to the end."""
    free = [row for row in rows if row["form"] == "free"]
    longest = max(float(str(row["lifetime"])) for row in free)
    there = [row for row in free if row[f"drift_time_of_{H}"] != "nan" and float(str(row["lifetime"])) == longest]
    return max(there or free, key=lambda row: float(str(row["noise"])))


if __name__ == "__main__":
    raise SystemExit(main())
