"""Training data of the shallow-water host: a long spin-up, then pairs of consecutive states, as stencils with targets.

The spin-up and the pairs are runs of the driver ``pyemu_shallow_water``, cached as files that are written whole or not at
all. ``samples`` makes of every cell the 3 x 3 values around it, as the host gathers them for an emulator of columns, with
what the host computed there: the forcing of the momentum and the tendency of the thickness.
"""

import hashlib
import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from pyemu.hosts.locate import executable
from pyemu.hosts.namelist import Value, write_namelist
from pyemu.hosts.shallow_water_namelist import GROUPS

Array = NDArray[np.float64]

DAYS_PER_YEAR = 360.0
DATA_VERSION = 1  # raise when the numbers change: it names the cache files

STATE = ("sea_water_x_velocity", "sea_water_y_velocity", "layer_thickness_anomaly")
STRESS = ("surface_downward_x_stress", "surface_downward_y_stress")
FORCING = ("tendency_of_sea_water_x_velocity_due_to_forcing", "tendency_of_sea_water_y_velocity_due_to_forcing")
THICKNESS_TENDENCY = "tendency_of_layer_thickness_anomaly"
TRANSPORTS = ("layer_x_transport_at_east_face", "layer_y_transport_at_south_face")
TARGETS = (*FORCING, THICKNESS_TENDENCY)


@dataclass(frozen=True)
class Budget:
    """How long a data set runs and how often it looks: spin-up and data [day], steps between pairs."""

    spin_up_days: float
    data_days: float
    pair_interval_steps: int


BUDGETS = {
    "smoke": Budget(120.0, 60.0, 360),
    "small": Budget(20 * DAYS_PER_YEAR, 10 * DAYS_PER_YEAR, 360),  # the published 480 pairs
    "full": Budget(20 * DAYS_PER_YEAR, 20 * DAYS_PER_YEAR, 360),
}


class HostFailedError(RuntimeError):
    """The driver ended with an error; ``status`` is its exit status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


def spin_up(days: float, *, cache_dir: Path, **entries: Value) -> Path:
    """Run the host from rest, or find the restart file of that run in the cache.

    ``entries`` are those of the namelist that make the ocean, such as ``preset``; not files and lengths.
    Returns the path of the restart file. Raises ``HostFailedError``, or ``KeyError`` for an unknown entry.
    """
    path = Path(cache_dir) / f"shallow-water-restart-{_key(entries, days=days)}.nc"
    if not path.exists():
        run_host({**entries, "n_days": days, "output_interval_days": 30.0}, restart_out=path)
    return path


def pairs(budget: str, *, cache_dir: Path, **entries: Value) -> Path:
    """Make the pairs of a budget (``smoke``, ``small`` or ``full``), or find them in the cache.

    The ocean spins up with the same ``entries``; every pair is two consecutive states and the tendencies between them.
    Returns the path of the NetCDF file. Raises ``KeyError`` for an unknown budget or entry, or ``HostFailedError``.
    """
    chosen = BUDGETS[budget]
    key = _key(entries, spin_up=chosen.spin_up_days, days=chosen.data_days, every=chosen.pair_interval_steps)
    path = Path(cache_dir) / f"shallow-water-pairs-{budget}-{key}.nc"
    if not path.exists():
        start = spin_up(chosen.spin_up_days, cache_dir=cache_dir, **entries)
        lengths = {"n_days": chosen.data_days, "pair_interval_steps": chosen.pair_interval_steps}
        run_host({**entries, **lengths, "output_interval_days": 30.0, "restart_in": start.resolve()}, pair_file=path)
    return path


def run_host(entries: Mapping[str, Value | Path], **files: Path) -> None:
    """Run the driver; the files it writes (``output_file``, ``pair_file``, ...) appear at their paths when all is well.

    Raises:
        KeyError: an entry that the host does not know.
        HostFailedError: the run ended with an error; the message is the driver's.
    """
    folders = {Path(path).parent for path in files.values()}
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=min(folders, default=None)) as work:
        written = {entry: Path(work) / f"{entry}.nc" for entry in files}
        namelist = write_namelist(
            Path(work) / "run.nml", GROUPS, {**entries, **{entry: path.name for entry, path in written.items()}}
        )
        command = [str(executable("shallow_water")), namelist.name]
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise HostFailedError(done.stderr.strip(), done.returncode)
        for entry, path in files.items():
            os.replace(written[entry], path)


def load(path: Path) -> xr.Dataset:
    """Read a file of the host into memory; times stay numbers [day]."""
    with xr.open_dataset(path, decode_times=False) as dataset:
        return dataset.load()


def with_halo(name: str, field: Array, *, walls: str = "no_slip", domain: str = "closed") -> Array:
    """A field (..., y, x) of the host with one more cell on each side, as the host fills it.

    ``name`` says where the field is: velocities are on faces, and a velocity behind a wall has the sign that ``walls`` gives it.
    """
    across_x = {"sea_water_x_velocity": "through", "sea_water_y_velocity": "along"}.get(name, "scalar")
    across_y = {"sea_water_x_velocity": "along", "sea_water_y_velocity": "through"}.get(name, "scalar")
    slip = -1.0 if walls == "no_slip" else 1.0
    wide = _extend_x(field, across_x, slip) if domain == "closed" else _wrap(field, -1)
    return _extend_y(wide, across_y, slip) if domain != "periodic" else _wrap(wide, -2)


def stencils(name: str, field: Array, *, walls: str = "no_slip", domain: str = "closed") -> Array:
    """The 3 x 3 values around every cell, (..., y, x, 9): from south-west, rows from west to east."""
    wide = with_halo(name, field, walls=walls, domain=domain)
    ny, nx = field.shape[-2:]
    return np.stack([wide[..., j : j + ny, i : i + nx] for j in range(3) for i in range(3)], axis=-1)


@dataclass(frozen=True)
class Samples:
    """Cells of a data set: stencils by ``NAME_stencil`` (n, 9) and targets by name (n,), single precision for stencils.

    Single precision of u, v and h leaves an error of about 1e-9 m s-1 in the tendency of the thickness, a small difference of
    transports. ``has_x`` and ``has_y`` say whether the east and south face of a cell are no walls: elsewhere the forcing is zero.
    ``time`` [day] and ``place`` (number of the cell in the grid) say where a sample comes from.
    """

    inputs: dict[str, NDArray[np.float32]]
    targets: dict[str, Array]
    has_x: NDArray[np.bool_]
    has_y: NDArray[np.bool_]
    time: Array
    place: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.place)

    def subset(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "Samples":
        """Some of the samples, by mask or index."""
        return Samples(
            {name: values[chosen] for name, values in self.inputs.items()},
            {name: values[chosen] for name, values in self.targets.items()},
            self.has_x[chosen],
            self.has_y[chosen],
            self.time[chosen],
            self.place[chosen],
        )


def samples(dataset: xr.Dataset, *, share: float = 1.0, seed: int = 0) -> Samples:
    """Samples of a data set of pairs: of each time a random ``share`` of the cells, drawn by ``seed``."""
    ny, nx = dataset["layer_thickness_anomaly"].shape[-2:]
    rng = np.random.default_rng(seed)
    n_cells = max(1, round(share * ny * nx))
    parts = [
        _samples_of(dataset.isel(time=k), np.sort(rng.permutation(ny * nx)[:n_cells]))
        for k in range(dataset.sizes["time"])
    ]
    joined = [np.concatenate([part[name] for part in parts]) for name in parts[0]]
    values = dict(zip(parts[0], joined, strict=True))
    inputs = {name: values[name].astype(np.float32) for name in values if name.endswith("_stencil")}
    place = values["place"].astype(np.int64)
    return Samples(
        inputs,
        {name: values[name] for name in TARGETS},
        np.ones_like(place, dtype=bool) if dataset.domain != "closed" else place % nx != nx - 1,
        np.ones_like(place, dtype=bool) if dataset.domain == "periodic" else place >= nx,
        values["time"],
        place,
    )


def _samples_of(one: xr.Dataset, cells: NDArray[np.int64]) -> dict[str, Array]:
    """All variables of some cells at one time."""
    options = {"walls": one.attrs["walls"], "domain": one.attrs["domain"]}
    gathered = {
        f"{name}_stencil": stencils(name, one[name].values, **options).reshape(-1, 9)[cells]
        for name in (*STATE, *STRESS)
    }
    targets = {name: one[name].values.reshape(-1)[cells] for name in TARGETS}
    return gathered | targets | {"time": np.full(len(cells), float(one["time"])), "place": cells.astype(np.float64)}


def _wrap(field: Array, axis: int) -> Array:
    size = field.shape[axis]
    return np.concatenate([np.take(field, [size - 1], axis), field, np.take(field, [0], axis)], axis=axis)


def _extend_x(field: Array, across: str, slip: float) -> Array:
    """Behind the western and eastern wall; the last east face is the eastern wall itself."""
    first, last = field[..., :1], field[..., -1:]
    if across == "through":
        return np.concatenate([np.zeros_like(first), field, -field[..., -2:-1]], axis=-1)
    sign = slip if across == "along" else 1.0
    return np.concatenate([sign * first, field, sign * last], axis=-1)


def _extend_y(field: Array, across: str, slip: float) -> Array:
    """Behind the southern and northern wall; the first south face is the southern wall itself."""
    first, last = field[..., :1, :], field[..., -1:, :]
    if across == "through":
        return np.concatenate([-field[..., 1:2, :], field, np.zeros_like(last)], axis=-2)
    sign = slip if across == "along" else 1.0
    return np.concatenate([sign * first, field, sign * last], axis=-2)


def _key(entries: Mapping[str, Value], **lengths: float) -> str:
    """Short name of a run: any other entry, length or version is another file."""
    text = json.dumps({**entries, **lengths, "version": DATA_VERSION}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
