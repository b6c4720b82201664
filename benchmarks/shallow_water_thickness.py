"""Learned tendencies of the thickness in the shallow-water host: what a constraint on mass saves, and what it does not.

    python benchmarks/shallow_water_thickness.py --output runs/thickness [--table TABLE.csv]

Operators in the exact class of functions are fitted with noise in their targets, several levels and seeds, in four ways: free,
with the seed paper's penalty on the mean, free with the host's projection, and as transports. Each runs for ``--days`` from the
same state, in an experiment of the harness; its growth rate is computed from the very weights that run.
"""

import argparse
import csv
from pathlib import Path

import xarray as xr
import yaml
from scipy.stats import spearmanr

from pyemu.data import shallow_water
from pyemu.emulator.from_operator import write_operator
from pyemu.harness import couple, load_couple_config
from pyemu.physics.shallow_water import Ocean
from pyemu.physics.von_neumann import growth, host_operator, projected, symbol_of, with_learned, with_transports
from pyemu.train.shallow_water.thickness import States, fit_tendency, fit_transports

LEVELS = (0.3, 1.0, 2.0, 3.0, 4.0, 5.0, 7.0)
EVERY = 44  # of the pairs: 11 states, 70,400 cells
PENALTY = 1.0
H, KE, PE = "mean_layer_thickness_anomaly", "kinetic_energy", "potential_energy"
FORMS = {"free": "free", "penalty": "penalty on the mean", "projection": "projection", "flux": "transports"}


def main() -> int:
    arguments = parse()
    arguments.output.mkdir(parents=True, exist_ok=True)
    path = shallow_water.pairs("small", cache_dir=arguments.cache_dir)
    data = shallow_water.load(path).isel(time=slice(None, None, EVERY))
    states = States.of(data)
    rates = {
        (level, seed): write(states, data, level, seed, arguments.output)
        for level in arguments.levels
        for seed in range(1, arguments.seeds + 1)
    }
    config = arguments.output / "experiment.yaml"
    config.write_text(yaml.safe_dump(experiment(arguments), sort_keys=False))
    result = couple(load_couple_config(config))
    rows = table(xr.open_dataset(result.folder / "report.nc", decode_times=False), rates, arguments)
    report(rows, arguments.table)
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--cache-dir", type=Path, default=Path("data-cache"))
    parser.add_argument("--days", type=float, default=2500.0)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--levels", type=float, nargs="+", default=LEVELS)
    parser.add_argument("--forms", nargs="+", choices=list(FORMS), default=list(FORMS))
    parser.add_argument("--table", type=Path)
    return parser.parse_args()


def write(states: States, data: xr.Dataset, level: float, seed: int, folder: Path) -> dict[str, float]:
    """Fit the operators of one level and seed, write their files; the growth rate of each form [day-1], at rest."""
    noisy = states.noisy(level, seed)
    free, penalty, flux = fit_tendency(noisy), fit_tendency(noisy, PENALTY), fit_transports(noisy)
    for form, one in (("free", free), ("penalty", penalty), ("flux", flux)):
        path = folder / f"{form}-{level:g}-{seed}.onnx"
        if not path.exists():
            write_operator(one, data, path)
    ocean, ny, nx = Ocean.of(data.attrs), data.sizes["y"], data.sizes["x"]
    host = host_operator(ocean)
    symbols = {form: symbol_of(with_learned(host, thickness=one.linear(0)), nx, ny)
               for form, one in (("free", free), ("penalty", penalty))}  # fmt: skip
    symbols["projection"] = projected(symbols["free"])
    symbols["flux"] = with_transports(symbol_of(host, nx, ny), flux.linear(0), flux.linear(1), ocean)
    return {form: growth(symbol, ocean.time_step, ocean.robert_asselin).largest for form, symbol in symbols.items()}


def experiment(arguments: argparse.Namespace) -> dict[str, object]:
    """Every level in every form, with the seeds of the noise as seeds."""
    start = shallow_water.spin_up(20 * shallow_water.DAYS_PER_YEAR, cache_dir=arguments.cache_dir)
    cases: list[dict[str, object]] = [{"name": "host", "title": "Host", "seeds": [1]}]
    for level in arguments.levels:
        for form in arguments.forms:
            file = "free" if form == "projection" else form
            entries = {"thickness": "emulator", "thickness_file": f"{file}-{level:g}-{{seed}}.onnx", "engine": "native",
                       "mass": "projection" if form == "projection" else "none"}  # fmt: skip
            name = f"{form}_{level:g}".replace(".", "_")
            cases.append({"name": name, "title": f"{FORMS[form]}, {level:g}", "entries": entries, "may_stop": True})
    return {
        "title": "Learned tendencies of the thickness",
        "host": "shallow_water",
        "output_dir": "report",
        "entries": {"n_days": arguments.days, "output_interval_days": 1.0, "snapshot_interval_days": 100.0,
                    "restart_in": str(start.resolve())},
        "reference": "host",
        "seeds": list(range(1, arguments.seeds + 1)),
        "cases": cases,
        "metrics": [
            {"metric": "drift", "variable": H, "limit": 10.0},
            {"metric": "means", "variable": PE},
            {"metric": "survival", "criteria": [
                {"variable": name, "of_truth": [0.5, 2.0], "window": 30.0} for name in (KE, PE)]},
            {"metric": "cost"},
        ],
    }  # fmt: skip


def table(
    found: xr.Dataset, rates: dict[tuple[float, int], dict[str, float]], arguments: argparse.Namespace
) -> list[dict[str, object]]:
    """One row for each run."""
    rows = []
    for level in arguments.levels:
        for form in arguments.forms:
            case = f"{form}_{level:g}".replace(".", "_")
            one = {name: found[name].sel(case=case).values for name in
                   (f"largest_departure_of_{H}", f"drift_time_of_{H}", "lifetime")}  # fmt: skip
            for seed in range(arguments.seeds):
                rows.append({
                    "noise": level, "form": form, "seed": seed + 1, "growth_per_day": f"{rates[level, seed + 1][form]:.4g}",
                    **{name: f"{values[seed]:.4g}" for name, values in one.items()},
                })  # fmt: skip
    return rows


def report(rows: list[dict[str, object]], path: Path | None) -> None:
    """The table, and how well the growth rate orders the lifetimes."""
    for form in FORMS:
        chosen = [row for row in rows if row["form"] == form]
        if len(chosen) > 2:
            rates, lives = ([float(str(row[name])) for row in chosen] for name in ("growth_per_day", "lifetime"))
            ended = sum(life < max(lives) for life in lives)
            order = -spearmanr(rates, lives).statistic if ended else float("nan")  # of the rate and 1 / lifetime
            print(
                f"{form}: {len(chosen)} runs, {ended} ended early; Spearman of growth rate and 1 / lifetime {order:.3f}"
            )
    if path:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    raise SystemExit(main())
