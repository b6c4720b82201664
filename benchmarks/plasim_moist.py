"""Moist physics of PlaSim by emulators: data, training, runs and tables. Each command goes on from the one before.

    python benchmarks/plasim_moist.py template             # an untrained emulator file, which recording needs
    python benchmarks/plasim_moist.py data                 # PlaSim at T21 for two years, columns of the second
    python benchmarks/plasim_moist.py train --budget small # both networks and the forest
    python benchmarks/plasim_moist.py scores               # offline table
    python benchmarks/plasim_moist.py run NAME --days 360 --restart runs/plasim_moist/recorded/plasim_status
    python benchmarks/plasim_moist.py eigenvalues          # linear response about radiative-convective columns
    python benchmarks/plasim_moist.py climate              # coupled table of the runs there are

Files go to ``--dir`` (default ``runs/plasim_moist``), tables to ``docs/explanations/plasim-moist-*.csv``.
"""

import argparse
import csv
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import torch
import xarray as xr

from pyemu import constants
from pyemu.data.from_record import from_record
from pyemu.emulator.card import Card
from pyemu.emulator.from_checkpoint import checkpoint_card, export_checkpoint
from pyemu.emulator.from_forest import export_forest
from pyemu.hosts.plasim import run as run_plasim
from pyemu.hosts.plasim_build import PlasimError
from pyemu.nn.moist_column import Step
from pyemu.physics.condensation import Changes
from pyemu.train.fit import fit
from pyemu.train.plasim_moist import forest as forests
from pyemu.train.plasim_moist.dataset import FILE, Columns, load
from pyemu.train.plasim_moist.recipe import reference_inputs
from pyemu.train.plasim_moist.scores import scores
from pyemu.zoo.checkpoint import Checkpoint, load_checkpoint
from pyemu.zoo.plasim_moist import PLASIM_MOIST

TABLES = Path(__file__).parents[1] / "docs" / "explanations"
NETWORKS = ("conserving", "unconstrained")
NAMES = ("own", *NETWORKS, "forest")
SEED = 2026
SPIN_UP_DAYS, DATA_DAYS = 360, 360
RECORD_STEPS, RECORD_COLUMNS = 7, 13  # neither divides steps of a day nor points of a circle: every hour and longitude
SIGMA_INTERFACES = np.linspace(0.0, 1.0, 11)


def template(folder: Path) -> Path:
    """The untrained network with its card: recording reads nothing of it but names and sizes."""
    torch.manual_seed(SEED)
    inputs = {name: torch.from_numpy(values) for name, values in made_up_columns(32).items()}
    network = PLASIM_MOIST.build("conserving")
    ranges = {name: _range(values) for name, values in inputs.items()}
    checkpoint = Checkpoint("plasim_moist", "conserving", network.state_dict(), {}, "0" * 64, ranges, inputs)
    path = checkpoint.save(folder / "template.ckpt")
    return export_checkpoint(path, folder / "template.onnx")


def made_up_columns(n: int) -> dict[str, np.ndarray]:
    """Columns of a plausible atmosphere, for shapes and sizes: not from PlaSim."""
    random = np.random.default_rng(SEED)
    surface = random.uniform(260.0, 300.0, n)
    interfaces = 1e5 * SIGMA_INTERFACES[None] * np.ones((n, 1))
    layers = 0.5 * (interfaces[:, 1:] + interfaces[:, :-1])
    temperature = np.maximum(200.0, surface[:, None] * (layers / 1e5) ** 0.19)
    humidity = 0.01 * (layers / 1e5) ** 3 * random.uniform(0.2, 1.0, (n, 1))
    return {
        "air_temperature": temperature,
        "specific_humidity": humidity,
        "tendency_of_air_temperature_due_to_fluxes_and_radiation": random.normal(0.0, 1e-5, (n, 10)),
        "tendency_of_specific_humidity_due_to_fluxes": random.normal(0.0, 1e-8, (n, 10)),
        "tendency_of_specific_humidity_due_to_advection": random.normal(0.0, 1e-8, (n, 10)),
        "air_pressure_at_interfaces": interfaces,
        "surface_temperature": surface,
        "surface_specific_humidity": humidity[:, -1] * 1.1,
        "time_step_of_tendencies": np.full(n, 5400.0),
    }


def data(folder: Path, spin_up_days: int, days: int) -> Path:
    """Spin up, record a year of PlaSim's own moist physics, and merge the columns."""
    emulator = template(folder) if not (folder / "template.onnx").is_file() else folder / "template.onnx"
    spin_up = folder / "spin_up"
    if not (spin_up / "plasim_status").is_file():
        run_plasim(spin_up, {"scheme": "own", "n_run_days": spin_up_days, "output_interval_days": 30.0})
    recorded = folder / "recorded"
    run_plasim(
        recorded,
        {
            "scheme": "own", "n_run_days": days, "output_interval_days": 30.0, "moist_file": str(emulator.resolve()),
            "moist_record": "moist_record.nc", "moist_record_every": RECORD_STEPS, "moist_record_columns": RECORD_COLUMNS,
            "moist_output_file": "moist.nc", "restart_in": str(spin_up / "plasim_status"),
        },
    )  # fmt: skip
    merged = from_record([recorded / "moist_record.nc"], folder / FILE)
    print(merged)
    return folder / FILE


def train(folder: Path, budget: str, names: list[str]) -> None:
    """Train what is named and write the emulator files."""
    for name in names:
        start = time.process_time()
        if name == "forest":
            grow_forest(folder, budget)
        else:
            checkpoint = fit(
                "plasim_moist",
                budget_name=budget,
                network=name,
                output_dir=folder,
                cache_dir=folder,
                seed=SEED,
                threads=1,
            )
            print(export_checkpoint(checkpoint, folder / f"{name}.onnx"))
        print(f"{name}: {time.process_time() - start:.0f} s")


def grow_forest(folder: Path, budget: str) -> None:
    """Trees, kept for the offline scores, and their emulator file."""
    size = forests.SIZES[budget]
    columns = load(folder / FILE)["train"]
    forest = forests.grow(columns, size, SEED)
    joblib.dump(forest.trees, folder / "forest.joblib", compress=3)
    torch.save({"before": forest.before.state_dict(), "scale": forest.after.scale}, folder / "forest.pt")
    inputs = {name: values.numpy() for name, values in reference_inputs(columns).items()}
    path = export_forest(
        forest.trees, forest.before, forest.after, ("time_step_of_tendencies",), forest_card(columns, size), inputs,
        folder / "forest.onnx",
    )  # fmt: skip
    print(path, path.stat().st_size, "bytes")


def forest_card(columns: Columns, size: forests.Size) -> Card:
    """The card of the networks, with another name and origin."""
    inputs = reference_inputs(columns)
    ranges = {name: _range(values) for name, values in zip(inputs, columns.step, strict=True)}
    stand_in = Checkpoint("plasim_moist", "unconstrained", {}, {}, columns.sha256, ranges, inputs)
    card = checkpoint_card(stand_in)
    training = {"trees": size.trees, "leaf": size.leaf, "columns": size.columns, "seed": SEED}
    provenance = card.provenance.model_copy(update={"training": training})
    return card.model_copy(
        update={
            "name": "plasim_moist_forest",
            "summary": "Moist physics of PlaSim: convection, condensation, rain and snow of a column (random forest)",
            "provenance": provenance,
        }
    )


def functions(folder: Path) -> dict[str, Callable[[Step], Changes]]:
    """Everything that is trained, by name."""
    found: dict[str, Callable[[Step], Changes]] = {}
    for name in NETWORKS:
        path = folder / f"plasim_moist-{name}.ckpt"
        if path.is_file():
            found[name] = load_checkpoint(path).build()
    if (folder / "forest.joblib").is_file():
        found["forest"] = load_forest(folder).increments
    return found


def load_forest(folder: Path) -> forests.Forest:
    """As ``grow_forest`` has kept it."""
    kept = torch.load(folder / "forest.pt", weights_only=True)
    before = forests.Before(forests.MoistFeatures(forests.N_LAYERS).double())
    before.load_state_dict(kept["before"])
    return forests.Forest(joblib.load(folder / "forest.joblib"), before.eval(), forests.After(kept["scale"]))


def offline(folder: Path) -> None:
    """Offline table: explained variance and what does not close, on held-out stretches of time."""
    test = load(folder / FILE)["test"]
    rows = [_row("own", _own_scores(test))]
    rows += [_row(name, scores(function, test)) for name, function in functions(folder).items()]
    _write("plasim-moist-offline.csv", rows)


def _own_scores(test: Columns) -> dict[str, Any]:
    """Of PlaSim's own scheme as recorded: errors are zero, residuals its own."""
    turn = iter(torch.arange(len(test)).split(4096))
    return scores(lambda _: test.rows(next(turn))[1], test)


def _row(name: str, found: dict[str, Any]) -> dict[str, Any]:
    explained = {f"explained_variance_{key}": value for key, value in found.pop("explained_variance").items()}
    return {"name": name, **explained, **found}


def coupled(folder: Path, name: str, resolution: str, days: int, start: Path | None, entries: dict[str, Any]) -> None:
    """A run with one emulator; its fate is written beside it."""
    place = folder / f"run-{resolution}-{name}"
    asked: dict[str, Any] = {
        "scheme": "own", "resolution": resolution, "n_run_days": days, "output_interval_days": 30.0 if days >= 90 else 1.0,
        "moist_output_file": "moist.nc", **entries,
    }  # fmt: skip
    if start:
        asked["restart_in"] = str(start)
    if name != "own":
        asked |= {"moist": "emulator", "moist_file": str((folder / f"{name}.onnx").resolve())}
    if name == "forest":
        asked["moist_engine"] = "onnxruntime"
    fate = "ran to its end"
    begun = time.monotonic()
    try:
        run_plasim(place, asked)
    except PlasimError as reason:
        fate = str(reason)
    (place / "fate.json").write_text(
        json.dumps(
            {"name": name, "resolution": resolution, "days": days, "fate": fate, "wall_s": time.monotonic() - begun}
        )
    )
    print(name, resolution, days, fate)


def climate(folder: Path) -> None:
    """Coupled table: how far each run came, its climate, and what did not close. The year that was recorded is PlaSim's own."""
    places = [folder / "recorded", *sorted(folder.glob("run-*"))]
    _write("plasim-moist-coupled.csv", [_climate_row(place) for place in places if (place / "plasim.nc").is_file()])


def _climate_row(place: Path) -> dict[str, Any]:
    path = place / "fate.json"
    own = {"name": "own", "resolution": "T21", "days": DATA_DAYS, "fate": "ran to its end"}
    told = json.loads(path.read_text()) if path.is_file() else own
    row = {"name": told["name"], "resolution": told["resolution"], "days_asked": told["days"], "fate": told["fate"]}
    with (
        xr.open_dataset(place / "plasim.nc", decode_times=False) as whole,
        xr.open_dataset(place / "moist.nc", decode_times=False) as moist,
    ):
        if whole.sizes["time"] < 2:
            return row
        return row | _climate_numbers(whole, moist)


def _climate_numbers(whole: xr.Dataset, moist: xr.Dataset) -> dict[str, float]:
    """Means over the globe and all intervals that were written, and the largest residuals."""
    weight = np.cos(np.deg2rad(whole.lat))
    interval = float(whole.time[1] - whole.time[0])
    days = float(whole.time[-1] - whole.time[0]) + interval

    def mean(values: xr.DataArray, factor: float = 1.0) -> float:
        return factor * float(values.mean("time").weighted(weight).mean())

    seconds = constants.SECONDS_PER_DAY
    return {
        "days_written": days,
        "surface_temperature_K": mean(whole.surface_temperature),
        "precipitation_mm_day": mean(whole.precipitation_flux, seconds),
        "convective_precipitation_mm_day": mean(moist.convective_precipitation_flux, seconds),
        "snowfall_mm_day": mean(moist.snowfall_flux, seconds),
        "precipitable_water_kg_m2": mean(whole.atmosphere_mass_content_of_water_vapor),
        "cloud_cover": mean(whole.cloud_area_fraction),
        "outgoing_longwave_W_m2": mean(whole.toa_outgoing_longwave_flux),
        "water_residual_mean_kg_m2_s": mean(moist.moist_water_residual),
        "water_residual_magnitude_kg_m2_s": mean(moist.moist_water_residual_magnitude),
        "energy_residual_mean_W_m2": mean(moist.moist_energy_residual),
        "energy_residual_magnitude_W_m2": mean(moist.moist_energy_residual_magnitude),
        "largest_water_residual_kg_m2_s": float(moist.largest_moist_water_residual.max()),
        "largest_energy_residual_W_m2": float(moist.largest_moist_energy_residual.max()),
        "negative_humidity_fraction": float(moist.negative_humidity_fraction.mean()),
        "lowest_humidity_made_kg_kg": float(moist.lowest_specific_humidity_made.min()),
        "moist_seconds_per_day": float(moist.moist_seconds[-1]) / days,
    }


def eigenvalues(folder: Path) -> None:
    """Largest growth rate of small disturbances of a column under moist physics alone, by group of columns.

    The Jacobian of increments by temperature and humidity, (2 layer) x (2 layer), divided by the time step; disturbances of
    humidity are scaled by latent heat over heat capacity to K. PlaSim's own scheme has no derivative here.
    """
    test = load(folder / FILE)["test"]
    chosen = torch.from_numpy(np.random.default_rng(SEED).choice(len(test), 400, replace=False))
    step, _ = test.rows(chosen)
    rows = [_spectrum(name, response(function, step), step) for name, function in functions(folder).items()]
    _write("plasim-moist-eigenvalues.csv", rows)


def response(function: Callable[[Step], Changes], step: Step, size: float = 0.1) -> np.ndarray:
    """Jacobians (column, 2 layer, 2 layer) [s-1] by central differences of ``size`` K, or as much humidity."""
    from pyemu.physics import condensation

    factor = condensation.VAPORIZATION / condensation.HEAT_CAPACITY  # K per kg kg-1
    n = step.temperature.shape[1]
    parts = []
    for element in range(2 * n):
        sides = []
        for sign in (1.0, -1.0):
            moved = [step.temperature.clone(), step.humidity.clone()]
            if element < n:
                moved[0][:, element] += sign * size
            else:
                moved[1][:, element - n] += sign * size / factor
            with torch.no_grad():
                found = function(step._replace(temperature=moved[0], humidity=moved[1]))
            sides.append(torch.cat([found.temperature, factor * found.humidity], dim=1))
        parts.append((sides[0] - sides[1]) / (2.0 * size))
    return (torch.stack(parts, dim=2) / step.time_step[:, None, None]).numpy()


def _spectrum(name: str, jacobians: np.ndarray, step: Step) -> dict[str, Any]:
    rates = constants.SECONDS_PER_DAY * np.linalg.eigvals(jacobians).real.max(axis=1)
    mean = constants.SECONDS_PER_DAY * np.linalg.eigvals(jacobians.mean(axis=0)).real.max()
    duration = step.time_step.numpy()[:, None, None]
    amplification = np.abs(np.linalg.eigvals(np.eye(jacobians.shape[1]) + duration * jacobians)).max(axis=1)
    return {
        "name": name,
        "columns": len(jacobians),
        "growth_median_per_day": float(np.median(rates)),
        "growth_90th_percentile_per_day": float(np.quantile(rates, 0.9)),
        "growth_largest_per_day": float(rates.max()),
        "growth_of_mean_response_per_day": float(mean),
        "amplification_median": float(np.median(amplification)),
        "amplification_largest": float(amplification.max()),
    }


def _write(name: str, rows: list[dict[str, Any]]) -> None:
    TABLES.mkdir(parents=True, exist_ok=True)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with (TABLES / name).open("w", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for row in rows:
            writer.writerow({key: f"{value:.6g}" if isinstance(value, float) else value for key, value in row.items()})
    for row in rows:
        print(json.dumps(row, indent=1))


def _range(values: torch.Tensor) -> tuple[list[float], list[float]]:
    return torch.atleast_1d(values.amin(dim=0)).tolist(), torch.atleast_1d(values.amax(dim=0)).tolist()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("template", "data", "train", "scores", "run", "eigenvalues", "climate"))
    parser.add_argument("names", nargs="*", default=[])
    parser.add_argument("--dir", type=Path, default=Path("runs/plasim_moist"))
    parser.add_argument("--budget", default="small")
    parser.add_argument("--days", type=int, default=360)
    parser.add_argument("--spin-up-days", type=int, default=SPIN_UP_DAYS)
    parser.add_argument("--resolution", default="T21")
    parser.add_argument("--restart", type=Path, default=None)
    asked = parser.parse_args()
    asked.dir.mkdir(parents=True, exist_ok=True)
    if asked.command == "template":
        print(template(asked.dir))
    elif asked.command == "data":
        print(data(asked.dir, asked.spin_up_days, asked.days))
    elif asked.command == "train":
        train(asked.dir, asked.budget, asked.names or [*NETWORKS, "forest"])
    elif asked.command == "run":
        for name in asked.names or NAMES:
            coupled(asked.dir, name, asked.resolution, asked.days, asked.restart, {})
    else:
        {"scores": offline, "eigenvalues": eigenvalues, "climate": climate}[asked.command](asked.dir)


if __name__ == "__main__":
    main()
