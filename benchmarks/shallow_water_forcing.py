"""Learned wind, drag and viscosity in the shallow-water host for ten years, under the wind it was trained with and others.

    python benchmarks/shallow_water_forcing.py --emulator runs/brajard_forcing-perceptron-image.onnx --output DIR [--table FILE]

For every wind: spin-up of the host, then the host's own forcing and the emulator from that state, judged by an experiment of
the harness (report in DIR/wind-FACTOR). The table has the numbers that the gates are on.
"""

import argparse
import csv
from pathlib import Path

import xarray as xr
import yaml

from pyemu.data.shallow_water import DAYS_PER_YEAR, spin_up
from pyemu.harness import couple, load_couple_config

WINDS = (1.0, 0.8, 1.2)
WIND_STRESS = 0.10  # Pa, of the preset 'stable'
H, KE, PE = "mean_layer_thickness_anomaly", "kinetic_energy", "potential_energy"
NUMBERS = (f"largest_departure_of_{H}", f"mean_difference_in_spreads_of_{KE}", f"mean_difference_in_spreads_of_{PE}",
           "processor_time")  # fmt: skip


def main() -> int:
    arguments = parse()
    results = [judged(wind, arguments) for wind in WINDS]
    if arguments.table:
        with arguments.table.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["wind", "case", *NUMBERS])
            writer.writerows(row for _, rows in results for row in rows)
    return 0 if all(passed for passed, _ in results) else 1


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--emulator", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--cache-dir", type=Path, default=Path("data-cache"))
    parser.add_argument("--years", type=float, default=10.0)
    parser.add_argument("--spin-up-years", type=float, default=20.0)
    parser.add_argument("--table", type=Path)
    return parser.parse_args()


def judged(wind: float, arguments: argparse.Namespace) -> tuple[bool, list[list[object]]]:
    """Whether all gates passed, and the rows of the table."""
    folder = arguments.output / f"wind-{wind:g}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "experiment.yaml"
    path.write_text(yaml.safe_dump(experiment(wind, arguments), sort_keys=False))
    result = couple(load_couple_config(path))
    for gate in result.gates:
        print(
            f"wind {wind:g}: {gate.name} {gate.value:.4g} (limit {gate.limit:.4g} {gate.unit}): {gate.passed}",
            flush=True,
        )
    with xr.open_dataset(result.folder / "report.nc", decode_times=False) as report:
        rows = [
            [wind, case, *(f"{_value(report, name, case):.4g}" for name in NUMBERS)] for case in ("host", "emulator")
        ]
    return result.passed, rows


def experiment(wind: float, arguments: argparse.Namespace) -> dict[str, object]:
    """Ten years of both forcings from the same state."""
    stress = {} if wind == 1.0 else {"wind_stress": wind * WIND_STRESS}
    start = spin_up(arguments.spin_up_years * DAYS_PER_YEAR, cache_dir=arguments.cache_dir, **stress)
    emulator = {"momentum": "emulator", "momentum_file": str(arguments.emulator.resolve()), "engine": "native"}
    return {
        "title": f"Learned forcing of a double gyre, wind times {wind:g}",
        "host": "shallow_water",
        "output_dir": "report",
        "entries": stress
        | {"n_days": arguments.years * DAYS_PER_YEAR, "output_interval_days": 10.0, "snapshot_interval_days": 30.0}
        | {"restart_in": str(start.resolve())},
        "reference": "host",
        "cases": [
            {"name": "host", "title": "Wind, drag and viscosity of the host"},
            {"name": "emulator", "title": "Learned from the host", "entries": emulator},
        ],
        "metrics": [
            {"metric": "drift", "variable": H, "limit": 10.0},
            {"metric": "means", "variable": KE, "window": DAYS_PER_YEAR},
            {"metric": "means", "variable": PE, "window": DAYS_PER_YEAR},
            {"metric": "climate", "variable": "layer_thickness_anomaly"},
            {"metric": "spectrum", "variable": "layer_thickness_anomaly", "dims": ["y", "x"]},
            {"metric": "distribution", "variable": "layer_thickness_anomaly"},
            {"metric": "survival", "criteria": [{"variable": KE, "of_truth": [0.5, 2.0], "window": 30.0}]},
            {"metric": "cost"},
        ],
        "gates": [
            {"number": NUMBERS[0], "cases": ["host", "emulator"], "at_most": 1e-9},
            {"number": NUMBERS[1], "cases": ["emulator"], "at_most": 2.0},
            {"number": NUMBERS[2], "cases": ["emulator"], "at_most": 2.0},
        ],
    }


def _value(report: xr.Dataset, name: str, case: str) -> float:
    values = report[name].sel(case=case)
    return float(values.median())


if __name__ == "__main__":
    raise SystemExit(main())
