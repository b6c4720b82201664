"""Columns of PlaSim with RRTMG: runs in several climates, recorded by libpyemu, and split by time and climate."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import xarray as xr

from pyemu.data.from_record import from_record
from pyemu.data.radiation import load, write_whole
from pyemu.emulator.vessel import write_vessel
from pyemu.hosts.namelist import Value
from pyemu.hosts.plasim import run
from pyemu.hosts.plasim_namelist import MINUTES_PER_STEP
from pyemu.train.plasim_radiation.climates import CLIMATES, HELD_OUT, RADIATION_INTERVAL_HOURS, CaptureBudget
from pyemu.zoo.plasim_radiation import N_LAYERS, SYSTEMS, PlasimRadiationSystem

SPLITS = ("train", "validation", "test")
SIZES = {"layer": N_LAYERS, "interface": N_LAYERS + 1}
SEED = 2026
LATITUDES = 32


def capture(system: PlasimRadiationSystem, budget: CaptureBudget, cache_dir: Path) -> dict[str, Path]:
    """Files of columns by split, from the cache or from runs made now; the runs serve both bands."""
    paths = {split: cache_dir / f"plasim-{system.band}-{budget.name}-{split}.nc" for split in SPLITS}
    if not all(path.exists() for path in paths.values()):
        records = record(budget, cache_dir)
        parts = {name: _columns(folder, system.band) for name, folder in records.items()}
        for split, number in zip(SPLITS, (budget.n_train, budget.n_validation, budget.n_test), strict=True):
            _write(parts, budget, split, number, paths[split])
    return paths


def record(budget: CaptureBudget, cache_dir: Path) -> dict[str, Path]:
    """Run PlaSim with RRTMG in every climate of the budget, as many at once as there are cores: folder by climate."""
    root = cache_dir / f"plasim-{budget.name}"
    vessels = {
        band: write_vessel(root / f"{band}.onnx", item.name, item.inputs, item.outputs, SIZES)
        for band, item in ((item.band, item) for item in SYSTEMS.values())
    }
    folders = {name: root / name for name in budget.climates}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda name: _record(name, folders[name], budget, vessels), folders))
    return folders


def _record(name: str, folder: Path, budget: CaptureBudget, vessels: dict[str, Path]) -> None:
    done = folder / "recorded"
    if done.exists():
        return
    steps = max(1, round(budget.record_hours * 60.0 / MINUTES_PER_STEP[LATITUDES]))
    entries: dict[str, Value | Path] = {
        "scheme": "rrtmg",
        "interval_hours": RADIATION_INTERVAL_HOURS,
        "n_run_days": budget.n_days,
        "record_every": steps,
        "record_columns": budget.record_columns,
    }
    for band, path in vessels.items():
        entries |= {f"{band}_file": path.resolve(), f"{band}_record": f"{band}_{{rank}}.nc"}
    run(folder, entries | dict(CLIMATES[name]))
    done.touch()


def _columns(folder: Path, band: str) -> xr.Dataset:
    """All recorded columns of a run; of all its ranks."""
    merged = folder / f"{band}.nc"
    if not merged.exists():
        from_record(sorted(folder.glob(f"{band}_[0-9]*.nc")), merged)
    return load(merged)


def _write(parts: dict[str, xr.Dataset], budget: CaptureBudget, split: str, number: int, path: Path) -> None:
    """Draw columns of a split, of the climates that belong to it, in equal numbers."""
    chosen = {name: _of_split(name, data, budget, split) for name, data in parts.items()}
    chosen = {name: data for name, data in chosen.items() if data.sizes["column"]}
    share = -(-number // len(chosen))
    drawn = [
        _draw(data, share).assign(climate=("column", np.full(_drawn(data, share), name)))
        for name, data in chosen.items()
    ]
    whole = xr.concat(drawn, "column", combine_attrs="override")
    source = f"RRTMG in PlaSim, climates {', '.join(chosen)}, {split} split of budget {budget.name}"
    write_whole(whole.assign_attrs(source=source), path)


def _of_split(name: str, data: xr.Dataset, budget: CaptureBudget, split: str) -> xr.Dataset:
    """Columns by time: a trained climate's later days are kept from training; a held-out climate is for the test alone."""
    steps = data["step"].values
    day = (steps - steps.min()) * MINUTES_PER_STEP[LATITUDES] / 1440.0
    begin, end = budget.spin_up_days, budget.n_days
    border = end - budget.later_share * (end - begin)
    later = day >= border
    middle = (border + end) / 2.0
    if name in HELD_OUT:
        kept = (day >= begin) & (split == "test")
    else:
        kept = {
            "train": (day >= begin) & ~later,
            "validation": later & (day < middle),
            "test": later & (day >= middle),
        }[split]
    return data.isel(column=np.flatnonzero(kept))


def _drawn(data: xr.Dataset, number: int) -> int:
    return min(number, data.sizes["column"])


def _draw(data: xr.Dataset, number: int) -> xr.Dataset:
    n = _drawn(data, number)
    places = np.random.default_rng(SEED).choice(data.sizes["column"], n, replace=False)
    return data.isel(column=np.sort(places))
