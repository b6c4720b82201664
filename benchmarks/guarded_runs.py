"""The guard in the column host: pushed columns with and without fallback, a NaN, budgets with and without the flux form,
and how many columns of which climate the guard flags with which limit.

    python benchmarks/guarded_runs.py --names small --longwave runs/rrtmg_longwave-spectral.onnx \
        --shortwave runs/rrtmg_shortwave-spectral.onnx

Every row of the tables is one run of the host over the same columns and days, beside one of RRTMG alone. Temperatures are
means by mass of a column, over the last quarter of the run.
"""

import argparse
import csv
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from pyemu.constants import SPECIFIC_HEAT_OF_DRY_AIR, STANDARD_GRAVITY
from pyemu.hosts import executable, rrtmg_directory
from pyemu.hosts.column_namelist import GROUPS
from pyemu.hosts.namelist import write_namelist

BANDS = ("longwave", "shortwave")
LIMIT = 1e-4  # W m-2, of a residual
PUSH = {"push_share": 0.02, "push_seed": 2026, "push_co2_factor": 16.0, "push_sst_offset": 12.0}
LIMITS = (1.0, 1.02, 1.05, 1.1, 1.25, 2.0)  # of novelty
CLIMATES = {
    "present day": {},
    "CO2 times 4": {"co2": 1.6e-3},
    "sea surface 4 K colder": {"sst_offset": -4.0},
    "sea surface 4 K warmer": {"sst_offset": 4.0},
    "CO2 times 8, sea surface 8 K warmer": {"co2": 3.2e-3, "sst_offset": 8.0},
}
NAN = {"nan_column": 101, "nan_layer": 30, "nan_call": 100}


@dataclass
class Run:
    """A run of the host: what its rows are called, and its namelist."""

    name: str
    emulator: str
    entries: dict[str, Any]
    status: int = -1
    message: str = ""
    data: xr.Dataset = field(default_factory=xr.Dataset)

    def make(self, folder: Path) -> "Run":
        """Run the host; a run that stops is a result."""
        path = write_namelist(folder / f"{self.name}.nml", GROUPS, self.entries | {"output_file": f"{self.name}.nc"})
        environment = {**os.environ, "PYEMU_RRTMG": str(rrtmg_directory()), "OMP_NUM_THREADS": "1"}
        command = [str(executable("column")), path.name]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        self.status, self.message = done.returncode, done.stderr.strip()
        with xr.open_dataset(folder / f"{self.name}.nc", decode_times=False) as data:
            self.data = data.load()
        print(f"{self.name}: status {self.status} {self.message}\n{done.stdout}", end="", flush=True)
        return self

    def temperature(self) -> np.ndarray:
        """Mean temperature by mass of every column over the last quarter [K]."""
        late = self.data.sel(time=self.data.time > 0.75 * self.entries["n_days"])
        pressure = self.data["air_pressure_at_interfaces"]
        mass = (pressure.isel(interface=-1) - pressure.isel(interface=0)) / STANDARD_GRAVITY
        return (late["atmosphere_enthalpy_content"].mean("time") / (SPECIFIC_HEAT_OF_DRY_AIR * mass)).values

    def layers(self) -> np.ndarray:
        """Mean temperature of every layer of every column below 10 hPa over the last quarter [K]; NaN above."""
        late = self.data["air_temperature"].sel(time=self.data.time > 0.75 * self.entries["n_days"]).mean("time")
        return late.where(self.data["air_pressure"] > 1000.0).values


def differences(run: Run, reference: Run) -> dict[str, Any]:
    """How far a run is from RRTMG alone, and what the guard did."""
    pushed = run.data["pushed"].values > 0.0
    calls = float(run.data["radiation_column_calls"][-1])
    row: dict[str, Any] = {
        "run": run.name, "emulator": run.emulator, "guard": run.entries.get("guard", "off"), "status": run.status,
        "days": float(run.data.time[-1]), "columns": pushed.size, "pushed_columns": int(pushed.sum()),
    }  # fmt: skip
    if "longwave_flagged_columns" in run.data:
        for band in BANDS:
            row[f"{band}_flagged_share"] = float(run.data[f"{band}_flagged_columns"].sum()) / calls
            row[f"{band}_rrtmg_share"] = float(run.data[f"{band}_rrtmg_columns"].sum()) / calls
            others = run.data[f"{band}_rrtmg_calls"].values[-1][~pushed]
            row[f"{band}_rrtmg_calls_of_others"] = int(others.sum())
    if run.status == 0:
        error = run.temperature() - reference.temperature()
        row |= {"mean_difference_K": abs(error.mean()), "rms_difference_K": np.sqrt((error**2).mean())}
        row["largest_difference_K"] = np.abs(error).max()
        row["largest_difference_of_others_K"] = np.abs(error[~pushed]).max()
        layers = run.layers() - reference.layers()
        row["rms_difference_of_layers_below_10hPa_K"] = np.sqrt(np.nanmean(layers**2))
        if pushed.any():
            row["largest_difference_of_pushed_K"] = np.abs(error[pushed]).max()
            row["mean_difference_of_pushed_K"] = error[pushed].mean()
    return row


def budgets(run: Run) -> list[dict[str, Any]]:
    """What the library's audit says of each band, and the host's own sum beside it."""
    rows = []
    for band in BANDS:
        last = run.data.isel({"time": -1, f"{band}_budget": 0})
        host = run.data[f"{band}_energy_residual"]
        rows.append(
            {
                "run": run.name, "emulator": run.emulator, "status": run.status, "days": float(run.data.time[-1]),
                "band": band, "residuals": int(last[f"{band}_budget_columns"]),
                "mean_W_m-2": float(last[f"{band}_budget_mean"]), "rms_W_m-2": float(last[f"{band}_budget_rms"]),
                "largest_W_m-2": float(last[f"{band}_budget_largest"]),
                "largest_at_call": int(last[f"{band}_budget_largest_call"]),
                "largest_by_host_W_m-2": float(host.max()),
                "records_and_columns_within_1e-4": float((host <= LIMIT).mean()),
            }
        )  # fmt: skip
    return rows


def bits(run: Run, reference: Run) -> dict[str, Any]:
    """Which columns of a run with a NaN have other bits than the run without."""
    names = ("air_temperature", "toa_outgoing_longwave_flux", "surface_net_downward_shortwave_flux")
    same = np.ones(run.data.sizes["column"], bool)
    for name in names:
        here, there = (
            np.moveaxis(data[name].values, 1, 0).reshape(same.size, -1) for data in (run.data, reference.data)
        )
        same &= ((here == there) | (np.isnan(here) & np.isnan(there))).all(axis=1)
    found = {"run": run.name, "status": run.status, "days": float(run.data.time[-1])}
    found["columns_with_other_bits"] = " ".join(str(int(n)) for n in run.data["column"].values[~same])
    for band in BANDS:
        counts = run.data[f"{band}_guard_count_of_air_temperature"].sel(guard_reason=1.0)
        found[f"{band}_not_finite"] = int(counts.sum())
        found[f"{band}_rrtmg_columns"] = int(run.data[f"{band}_rrtmg_columns"].sum())
    temperature = run.data["air_temperature"] - reference.data["air_temperature"]
    found["largest_difference_K"] = float(np.abs(temperature).max())
    return found


def flagged_by_limit(name: str, base: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Share of columns and calls that the guard flags in 20 days of every climate, longwave or shortwave, the larger."""
    rows = []
    for climate, entries in CLIMATES.items():
        row: dict[str, Any] = {"emulator": name, "climate": climate}
        for limit in LIMITS:
            guard = {
                "guard": "count",
                "guard_limit": limit,
                "guard_reasons": "not_finite invalid novel",
                "n_days": 20.0,
            }
            run = Run(f"{name}_limit", name, base | entries | guard).make(folder)
            calls = float(run.data["radiation_column_calls"][-1])
            row[f"limit_{limit:g}"] = max(float(run.data[f"{band}_flagged_columns"].sum()) for band in BANDS) / calls
        rows.append(row)
    return rows


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    """A table; numbers with four digits."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: f"{v:.4g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)
    print(path)


def main() -> None:
    """Make the runs and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for band in BANDS:
        parser.add_argument(
            f"--{band}", type=Path, action="append", required=True, help="emulator file; may be repeated"
        )
    parser.add_argument("--names", nargs="+", required=True, help="a name for each pair of files")
    parser.add_argument("--unconstrained", type=Path, nargs=2, help="files of both bands without the flux form")
    parser.add_argument("--days", type=float, default=200.0)
    parser.add_argument("--ncol", type=int, default=256)
    parser.add_argument("--only-limits", action="store_true", help="only the table of limits")
    parser.add_argument("--work", type=Path, default=Path("build/guarded-runs"), help="folder of the runs")
    parser.add_argument("--output", type=Path, default=Path("docs/explanations"), help="folder of the tables")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    common = {"ncol": options.ncol, "n_days": options.days, "interval": 43200.0, "engine": "native"}
    options.output.mkdir(parents=True, exist_ok=True)
    pairs = dict(zip(options.names, zip(options.longwave, options.shortwave, strict=True), strict=True))
    limits = []
    for name, files in pairs.items():
        paths = {f"{band}_file": path.resolve() for band, path in zip(BANDS, files, strict=True)}
        limits += flagged_by_limit(name, common | paths | {"scheme": "emulator"}, options.work)
    write(options.output / "guard-limits.csv", limits)
    if options.only_limits:
        return
    pushed_rrtmg = Run("rrtmg_pushed", "RRTMG", common | PUSH | {"scheme": "rrtmg"}).make(options.work)
    pushed, audited, spoiled = [differences(pushed_rrtmg, pushed_rrtmg)], [], []
    for name, files in pairs.items():
        paths = {f"{band}_file": path.resolve() for band, path in zip(BANDS, files, strict=True)}
        base = common | paths | {"scheme": "emulator"}
        for guard in ("count", "clip", "fallback"):
            run = Run(f"{name}_pushed_{guard}", name, base | PUSH | {"guard": guard}).make(options.work)
            pushed.append(differences(run, pushed_rrtmg))
        plain = Run(f"{name}_fallback", name, base | {"guard": "fallback"}).make(options.work)
        audited += budgets(plain)
        run = Run(f"{name}_nan_fallback", name, base | NAN | {"guard": "fallback"}).make(options.work)
        spoiled.append(bits(run, plain))
        run = Run(f"{name}_nan_count", name, base | NAN | {"guard": "count"}).make(options.work)
        spoiled.append(
            {"run": run.name, "status": run.status, "days": float(run.data.time[-1]), "message": run.message}
        )
    if options.unconstrained:
        paths = {f"{band}_file": path.resolve() for band, path in zip(BANDS, options.unconstrained, strict=True)}
        entries = common | paths | {"scheme": "emulator", "guard": "count"}
        audited += budgets(Run("unconstrained", "unconstrained", entries).make(options.work))
    write(options.output / "guard-pushed-columns.csv", pushed)
    write(options.output / "guard-nan.csv", spoiled)
    write(options.output / "guard-budgets.csv", audited)


if __name__ == "__main__":
    main()
