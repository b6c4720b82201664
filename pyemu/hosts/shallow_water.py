"""The shallow-water host in this process: a reduced-gravity ocean on a C grid, stepped from Python, on one rank.

>>> from pyemu.hosts.shallow_water import ShallowWaterModel
>>> with ShallowWaterModel(nx=40, ny=40, wind_stress=0.05) as model:  # doctest: +SKIP
...     model.step(48)
...     h = model.get("layer_thickness_anomaly")
...     energy = model.number("total_energy")

The model is the Fortran library of the driver ``pyemu_shallow_water``, wrapped with f90wrap. Fields are (y, x), from south
to north and from west to east: u on the east faces of cells, v on their south faces, the thickness in the middle.
"""

import tempfile
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyemu.hosts import _shallow_water_api
from pyemu.hosts.namelist import Value, write_namelist
from pyemu.hosts.shallow_water_namelist import GROUPS

Array = NDArray[np.float64]

_api = _shallow_water_api.Shallow_Water_Api


class ShallowWaterError(RuntimeError):
    """A call into the host failed; ``status`` is the driver's exit status for the same failure."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class ShallowWaterModel:
    """An ocean with its forcing, from namelist entries (see the host's README for names and defaults).

    Output, restart and rank entries belong to the driver and have no effect here.

    Raises:
        KeyError: an entry that the host does not know.
        ShallowWaterError: a value it refuses, or an emulator that cannot be opened.
    """

    def __init__(self, **entries: Value | Path) -> None:
        self._run = _api.shallow_water_run()
        with tempfile.TemporaryDirectory() as folder:
            path = write_namelist(Path(folder) / "shallow_water.nml", GROUPS, entries)
            _check(*_api.open_run(self._run, str(path)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the emulators and free the arrays; twice does no harm."""
        _api.close_run(self._run)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of cells (y, x); zeros once closed."""
        nx, ny = _api.run_size(self._run)
        return int(ny), int(nx)

    @property
    def day(self) -> float:
        """Model time [day]."""
        return float(_api.run_day(self._run))

    def step(self, n: int = 1) -> None:
        """Take ``n`` time steps. Raises ``ShallowWaterError`` on a blow-up or where an emulator fails."""
        _check(*_api.step_run(self._run, n))

    def compute_tendencies(self) -> None:
        """Compute the tendencies of the present state without stepping; ``get`` gives them."""
        _check(*_api.compute_run(self._run))

    def number(self, name: str) -> float:
        """A number of the whole domain, such as ``total_energy``. Raises ``ShallowWaterError`` for an unknown name."""
        value, status, message = _api.number_of(self._run, name)
        _check(status, message)
        return float(value)

    def get(self, name: str) -> Array:
        """Copy of a field, (y, x). Raises ``ShallowWaterError`` for an unknown name."""
        values = np.zeros(self.shape)
        _check(*_api.get_field(self._run, name, values.T, *values.T.shape))
        return values

    def set(self, name: str, values: ArrayLike) -> None:
        """Replace a field of the state or the wind, (y, x). Velocities through walls are zero whatever is given.

        The next step is a forward step. Raises ``ShallowWaterError`` for an unknown name, one that is computed, or another
        shape.
        """
        array = np.ascontiguousarray(values, dtype=np.float64)
        if array.ndim != 2:
            raise ShallowWaterError(f"field '{name}' has shape {self.shape}, got {array.shape}", 1)
        _check(*_api.set_field(self._run, name, array.T, *array.T.shape))


def _check(status: int, message: bytes | str) -> None:
    if status:
        text = message.decode() if isinstance(message, bytes) else message
        raise ShallowWaterError(text.strip(), int(status))
