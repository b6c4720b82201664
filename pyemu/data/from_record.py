"""Columns that hosts have recorded, made into a training set: chosen, without duplicates, labelled by a reference scheme.

The file has the schema of those that ``pyemu data NAME`` makes, with the variables of the recorded emulator, and tells of
each column its step, its id and the guard's reasons.
"""

import hashlib
import multiprocessing
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from pyemu.data import rrtmg
from pyemu.data.radiation import as_stored, stored_variable, write_whole
from pyemu.fields import FIELDS
from pyemu.runtime.record_file import RecordError, RecordFile

LABELS = ("host", "rrtmg", "emulator")
CHUNK = 1000  # columns per call of RRTMG
KEPT_TAGS = ("step", "global_id", "guard_reasons")
NEUTRAL = {  # what a band does not read, but the function for both bands asks for
    "surface_temperature": 288.0,
    "surface_longwave_emissivity": 1.0,
    "surface_albedo": 0.1,
    "cosine_of_solar_zenith_angle": 0.5,
    "toa_incoming_shortwave_flux": 0.0,
}
Columns = dict[str, np.ndarray]


@dataclass(frozen=True)
class Merged:
    """What became of the columns of the records.

    Attributes:
        recorded: columns in the files.
        not_flagged, not_finite, duplicates: left out, each column for the first of these reasons.
        not_chosen: left out by ``every`` or ``sample``.
        not_labelled: left out because the labels are not finite.
        written: columns of the training set.
    """

    recorded: int
    not_flagged: int
    not_finite: int
    duplicates: int
    not_chosen: int
    not_labelled: int
    written: int

    def to_dict(self) -> dict[str, int]:
        """For JSON."""
        return asdict(self)


@dataclass
class _Pool:
    """Columns that may be chosen: the number of the file and the place in it, and what was left out."""

    files: list[np.ndarray]
    places: list[np.ndarray]
    not_flagged: int = 0
    not_finite: int = 0
    duplicates: int = 0


def from_record(
    records: Sequence[Path],
    output: Path,
    *,
    label: str = "host",
    every: int | None = None,
    sample: int | None = None,
    seed: int = 2026,
    flagged: bool = False,
    processes: int | None = None,
) -> Merged:
    """Merge records, of many ranks for instance, into one training set.

    Main arguments:
        records: files of the same variables.
        output: the training set; replaced if it is there.

    Other Arguments:
        label: where the outputs come from: ``"host"``: as recorded by a host that ran its own scheme; ``"rrtmg"``: RRTMG
            computes them from the recorded inputs; ``"emulator"``: as the emulator computed them.
        every: take every n-th column of those that are left, in the order of the files.
        sample: draw so many of them at random, by ``seed``; all if there are fewer.
        flagged: take only columns that the guard had flagged.
        processes: that run RRTMG; default: the cores at hand.

    Raises:
        RecordError: a file is no whole record, the files do not fit together, or nothing is left.
        ValueError: an argument is impossible.
    """
    _check(records, label, every, sample)
    with ExitStack() as stack:
        files = [stack.enter_context(RecordFile(path)) for path in records]
        _check_files(files, label)
        pool = _pool(files, flagged)
        file_numbers, places = np.concatenate(pool.files), np.concatenate(pool.places)
        chosen = _choose(places.size, every, sample, seed)
        values = _read(files, file_numbers[chosen], places[chosen])
        if label == "rrtmg":
            values |= _label(files[0], values, processes)
        kept = _finite(values, _names(files[0]))
        values = {name: array[kept] for name, array in values.items()}
        merged = Merged(
            recorded=sum(file.columns for file in files),
            not_flagged=pool.not_flagged,
            not_finite=pool.not_finite,
            duplicates=pool.duplicates,
            not_chosen=places.size - chosen.size,
            not_labelled=int(chosen.size - kept.sum()),
            written=int(kept.sum()),
        )
        if merged.written == 0:
            raise RecordError(f"no column is left of {merged.recorded}: {_left_out(merged)}")
        write_whole(_dataset(files, values, label), Path(output))
        return merged


def _check(records: Sequence[Path], label: str, every: int | None, sample: int | None) -> None:
    if not records:
        raise ValueError("no record is given")
    if label not in LABELS:
        raise ValueError(f"no label '{label}'; choose one of: {', '.join(LABELS)}")
    if every is not None and sample is not None:
        raise ValueError("'every' and 'sample' exclude each other")
    for name, number in (("every", every), ("sample", sample)):
        if number is not None and number < 1:
            raise ValueError(f"'{name}' is {number}; expected 1 or more")


def _check_files(files: list[RecordFile], label: str) -> None:
    """All files must have the variables of the first, and outputs of the kind that is asked for."""
    for file in files:
        if file.variables != files[0].variables:
            other = sorted(_described(file) ^ _described(files[0]))
            raise RecordError(f"{file.path} and {files[0].path} have other variables: {'; '.join(other)}")
        if label == "host" and not file.is_of_host:
            raise RecordError(
                f"the outputs in {file.path} are the emulator's own, from which it learns nothing new: label the columns "
                "with --label rrtmg, record the host's scheme (source 'host'), or ask for them with --label emulator"
            )
        if label == "emulator" and file.is_of_host:
            raise RecordError(f"the outputs in {file.path} are those of the host's scheme: use --label host")


def _described(file: RecordFile) -> set[str]:
    return {f"{item.name}{list(item.shape)} in '{item.units}', {item.dtype}" for item in file.variables.values()}


def _names(file: RecordFile) -> list[str]:
    return list(file.variables)


def _pool(files: list[RecordFile], flagged: bool) -> _Pool:
    """Look at all columns, a stretch at a time."""
    pool = _Pool([], [])
    seen: set[bytes] = set()
    for number, file in enumerate(files):
        inputs = [item.name for item in file.variables.values() if item.is_input]
        for stretch in file.stretches():
            places = np.arange(stretch.start, stretch.stop)
            if flagged:
                keep = file.read("guard_reasons", stretch) > 0
                pool.not_flagged += int((~keep).sum())
                places = places[keep]
            values = {name: file.read(name, stretch)[places - stretch.start] for name in inputs}
            keep = _finite(values, inputs)
            pool.not_finite += int((~keep).sum())
            is_new = np.array([_is_new(row, seen) for row in _rows(values, inputs)], bool)
            pool.duplicates += int((keep & ~is_new).sum())
            pool.places.append(places[keep & is_new])
            pool.files.append(np.full(pool.places[-1].size, number))
    return pool


def _finite(values: Columns, names: Iterable[str]) -> np.ndarray:
    """Which columns have only finite numbers."""
    found = [np.isfinite(_flat(values[name])).all(axis=1) for name in names]
    return np.logical_and.reduce(found)


def _flat(values: np.ndarray) -> np.ndarray:
    """One row for each column, also if there is none."""
    return values.reshape(len(values), int(np.prod(values.shape[1:])))


def _rows(values: Columns, names: Iterable[str]) -> Iterator[bytes]:
    """The bytes of all inputs of one column after the other."""
    flat = [_flat(values[name]) for name in names]
    return (b"".join(array[i].tobytes() for array in flat) for i in range(len(flat[0])))


def _is_new(row: bytes, seen: set[bytes]) -> bool:
    digest = hashlib.blake2b(row, digest_size=16).digest()
    is_new = digest not in seen
    seen.add(digest)
    return is_new


def _choose(n: int, every: int | None, sample: int | None, seed: int) -> np.ndarray:
    """Places of the columns that are taken, in rising order."""
    if sample is not None and sample < n:
        return np.sort(np.random.default_rng(seed).choice(n, sample, replace=False))
    return np.arange(0, n, every or 1)


def _read(files: list[RecordFile], numbers: np.ndarray, places: np.ndarray) -> Columns:
    """The chosen columns of all files: every variable, and the tags that are kept."""
    parts: dict[str, list[np.ndarray]] = {name: [] for name in (*_names(files[0]), *KEPT_TAGS)}
    for number, file in enumerate(files):
        own = places[numbers == number]
        for stretch in file.stretches():
            inside = own[(own >= stretch.start) & (own < stretch.stop)] - stretch.start
            for name, found in parts.items():
                if inside.size:
                    found.append(file.read(name, stretch)[inside])
    return {name: np.concatenate(found) if found else np.empty(0) for name, found in parts.items()}


# --- Labels ---


def _label(file: RecordFile, values: Columns, processes: int | None) -> Columns:
    """The outputs as RRTMG computes them."""
    outputs = [item.name for item in file.variables.values() if not item.is_input]
    bands = tuple(band for band in rrtmg.BANDS if any(band in name for name in outputs))
    inputs = {item.name: values[item.name] for item in file.variables.values() if item.is_input}
    _check_inputs(file, inputs, bands, outputs)
    n = len(values[KEPT_TAGS[0]])
    chunks = [{name: array[i : i + CHUNK] for name, array in inputs.items()} for i in range(0, n, CHUNK)]
    # RRTMG keeps state per process, may stop its process, and a fork after torch may hang.
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(min(processes or os.cpu_count() or 1, len(chunks) or 1), context) as executor:
            parts = list(executor.map(_rrtmg, chunks, [bands] * len(chunks)))
    except BrokenProcessPool as reason:
        raise RecordError(
            "RRTMG stopped its process, as it does where columns are beyond its tables; take out such columns, for "
            "instance with a guard of reason 'invalid'"
        ) from reason
    return {name: np.concatenate([part[name] for part in parts]) for name in outputs if parts}


def _check_inputs(file: RecordFile, inputs: Columns, bands: tuple[str, ...], outputs: list[str]) -> None:
    """What RRTMG reads must be there, and what is to be labelled must be its."""
    of_bands: dict[str, tuple[str, ...]] = {"longwave": ("surface_temperature", "surface_longwave_emissivity")}
    of_bands["shortwave"] = ("surface_albedo", "cosine_of_solar_zenith_angle", "toa_incoming_shortwave_flux")
    needed = [
        "air_temperature",
        "air_pressure_at_interfaces",
        "specific_humidity",
        "mole_fraction_of_ozone_in_air",
        "mole_fraction_of_carbon_dioxide_in_air",
        "mass_fraction_of_cloud_liquid_water_in_air",
        "mass_fraction_of_cloud_ice_in_air",
        *(name for band in bands for name in of_bands[band]),
    ]
    missing = [name for name in needed if name not in inputs]
    stems = ("upwelling_{}_flux_in_air_at_interfaces", "downwelling_{}_flux_in_air_at_interfaces")
    known = [stem.format(band) for band in bands for stem in (*stems, "tendency_of_air_temperature_due_to_{}_heating")]
    foreign = [name for name in outputs if name not in known]
    if missing or foreign:
        what = [f"it lacks {', '.join(missing)}"] if missing else []
        what += [f"RRTMG has no {', '.join(foreign)}"] if foreign else []
        raise RecordError(f"{file.path} cannot be labelled by RRTMG: {'; '.join(what)}")


def _rrtmg(columns: Columns, bands: tuple[str, ...]) -> Columns:
    n = len(columns["air_temperature"])
    neutral = {name: np.full(n, value) for name, value in NEUTRAL.items()}
    return rrtmg.radiation(neutral | columns, bands)


# --- The file ---


def _dataset(files: list[RecordFile], values: Columns, label: str) -> xr.Dataset:
    variables = {}
    for name, item in files[0].variables.items():
        array = as_stored(name, values[name])
        attributes = {"standard_name": item.standard_name, "units": item.units, "long_name": name.replace("_", " ")}
        is_known = name in FIELDS and len(FIELDS[name].dims) == len(item.shape)
        variables[name] = stored_variable(name, array) if is_known else (("column", *item.dims), array, attributes)
    for name in KEPT_TAGS:
        variables[name] = ("column", values[name], {"long_name": f"{name.replace('_', ' ')} of the record"})
    return xr.Dataset(variables, attrs=_attributes(files, label))


def _attributes(files: list[RecordFile], label: str) -> dict[str, object]:
    card = files[0].card
    name = f"{card['name']} {card['version']}" if card else "a graph without a card"
    sources = {
        "host": "the host's own scheme, as recorded",
        "rrtmg": "RRTMG (climt 0.31) on recorded columns",
        "emulator": f"the emulator {name}, as recorded",
    }
    return {
        "Conventions": "CF-1.11",
        "title": f"Columns recorded at the calls of {name}",
        "source": sources[label],
        "vertical_order": str(card.get("vertical_order", "")).replace("_", " "),
        "records": "; ".join(f"{file.path.name}, {file.columns} columns" for file in files),
        "emulators": "; ".join(sorted({file.sha256 for file in files})),
    }


def _left_out(merged: Merged) -> str:
    words = {
        "not_flagged": "were not flagged",
        "not_finite": "have inputs that are not finite",
        "duplicates": "are there twice",
        "not_chosen": "were not chosen",
        "not_labelled": "have labels that are not finite",
    }
    counts = [f"{getattr(merged, name)} {text}" for name, text in words.items() if getattr(merged, name)]
    return ", ".join(counts) or "the records are empty"
