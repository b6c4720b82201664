"""The radiation data set: columns of every split with RRTMG's fluxes, made in parallel and cached as CF NetCDF."""

import hashlib
import multiprocessing
import os
from functools import partial
from pathlib import Path

import numpy as np
import xarray as xr
from rich.progress import track

from pyemu.data import atmospheres, columns, rrtmg
from pyemu.data.vertical_grid import HYBRID_A, HYBRID_B
from pyemu.fields import FIELDS

CHUNK = 1000  # columns per task: the unit of random numbers, so the data do not depend on the number of processes
SPLIT_SEEDS = {"train": 0, "validation": 1, "test": 2}
GENERATOR_VERSION = 1  # raise when the numbers change: it names the cache file


def generate(
    split: str,
    n_columns: int,
    *,
    cache_dir: Path,
    seed: int = 2026,
    processes: int | None = None,
    progress: bool = True,
) -> Path:
    """Make, or find in the cache, the NetCDF file of one split.

    Main arguments: ``split`` is ``train``, ``validation`` or ``test``; ``n_columns`` is rounded up to whole chunks.
    Other arguments: ``seed`` fixes every number; ``processes`` defaults to the cores at hand.
    Returns the path. Raises ``KeyError`` for an unknown split.
    """
    path = Path(cache_dir) / f"radiation-{split}-{n_columns}-seed{seed}-v{GENERATOR_VERSION}.nc"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)  # before the work, so that what cannot be written fails at once
    n_chunks = -(-n_columns // CHUNK)
    parts = _run_chunks(split, seed, n_chunks, processes, progress)
    write_whole(_dataset(_concatenate(parts, n_columns), split, seed), path)
    return path


def write_whole(dataset: xr.Dataset, path: Path) -> None:
    """Write a NetCDF file, all of it or nothing; a file that is there is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial_path = path.with_name(path.name + ".partial")
    try:
        dataset.to_netcdf(partial_path)
        os.replace(partial_path, path)
    finally:
        partial_path.unlink(missing_ok=True)


def load(path: Path) -> xr.Dataset:
    """Read a generated file into memory."""
    with xr.open_dataset(path) as dataset:
        return dataset.load()


def sha256(path: Path) -> str:
    """Digest of the file, for the provenance of an emulator."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def _run_chunks(split: str, seed: int, n_chunks: int, processes: int | None, progress: bool) -> list[columns.Columns]:
    """Spawned processes: RRTMG keeps state per process, and a fork after torch may hang."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes or os.cpu_count()) as pool:
        results = pool.imap(partial(_chunk, split, seed), range(n_chunks))
        shown = track(results, total=n_chunks, description=f"RRTMG columns ({split})", disable=not progress)
        return list(shown)


def _chunk(split: str, seed: int, index: int) -> columns.Columns:
    rng = np.random.default_rng([seed, SPLIT_SEEDS[split], index])
    drawn = columns.sample_columns(split, CHUNK, rng)
    result = drawn | rrtmg.radiation(drawn)
    return {name: as_stored(name, values) for name, values in result.items()}


def as_stored(name: str, values: np.ndarray) -> np.ndarray:
    """float32 for everything but pressure, whose thin layers need the digits."""
    return values if name == "air_pressure_at_interfaces" else values.astype(np.float32)


def _concatenate(parts: list[columns.Columns], n_columns: int) -> columns.Columns:
    return {name: np.concatenate([part[name] for part in parts])[:n_columns] for name in parts[0]}


def _dataset(values: columns.Columns, split: str, seed: int) -> xr.Dataset:
    variables = {name: stored_variable(name, array) for name, array in values.items()}
    interface_coefficients = {
        "hybrid_a": ("interface", HYBRID_A, {"units": "Pa", "long_name": "hybrid coefficient a at interfaces"}),
        "hybrid_b": ("interface", HYBRID_B, {"units": "1", "long_name": "hybrid coefficient b at interfaces"}),
    }
    return xr.Dataset(variables | interface_coefficients, attrs=_attributes(split, seed))


def stored_variable(name: str, array: np.ndarray) -> tuple:
    """A variable of ``pyemu.fields`` as xarray takes it: dimensions, values, attributes."""
    field = FIELDS[name]
    attributes = {"standard_name": field.standard_name, "units": field.units, "long_name": field.description}
    return ("column", *field.dims), array, attributes


def _attributes(split: str, seed: int) -> dict[str, object]:
    return {
        "Conventions": "CF-1.10",
        "title": f"Radiative fluxes of perturbed atmospheres, {split} split",
        "source": "RRTMG (climt 0.31) on columns drawn by pyemu.data.columns",
        "atmospheres": ", ".join(atmospheres.SPLITS[split]),
        "climates": f"CO2 factors and warmings [K]: {columns.CLIMATES[split]}",
        "vertical_order": "top first",
        "seed": seed,
        "generator_version": GENERATOR_VERSION,
    }
