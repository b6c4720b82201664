"""The column host in this process: radiative-convective equilibrium of many columns, stepped from Python.

>>> from pyemu.hosts.column import ColumnModel
>>> with ColumnModel(ncol=8, co2=4e-4) as model:  # doctest: +SKIP
...     model.set("air_temperature", model.get("air_temperature") + 0.1)
...     model.step(4)
...     olr = model.get("upwelling_longwave_flux_in_air_at_interfaces")[:, 0]

The model is the Fortran library of the driver ``pyemu_column``, wrapped with f90wrap; vertical order is top first.
"""

import tempfile
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyemu.hosts import _column_api
from pyemu.hosts.column_namelist import GROUPS
from pyemu.hosts.locate import rrtmg_directory
from pyemu.hosts.namelist import Value, write_namelist

Array = NDArray[np.float64]

_api = _column_api.Column_Api


class ColumnError(RuntimeError):
    """A call into the host failed; ``status`` is the driver's exit status for the same failure."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class ColumnModel:
    """Columns with their radiation scheme, from namelist entries (see the host's README for names and defaults).

    RRTMG is found in the installed climt unless ``rrtmg_directory`` says otherwise. Output and restart entries belong to
    the driver and have no effect here.

    Raises:
        KeyError: an entry that the host does not know.
        ColumnError: a value it refuses, or a scheme that cannot be opened.
    """

    def __init__(self, **entries: Value | Path) -> None:
        self._run = _api.column_run()
        if entries.get("scheme", "rrtmg") == "rrtmg" and "rrtmg_directory" not in entries:
            entries["rrtmg_directory"] = str(rrtmg_directory())
        with tempfile.TemporaryDirectory() as folder:
            path = write_namelist(Path(folder) / "column.nml", GROUPS, entries)
            _check(*_api.open_run(self._run, str(path)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the scheme and free the columns; twice does no harm."""
        _api.close_run(self._run)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of columns and layers; no columns once closed."""
        ncol, nlay = _api.run_size(self._run)
        return int(ncol), int(nlay)

    @property
    def day(self) -> float:
        """Model time [day]."""
        return float(_api.run_day(self._run))

    def step(self, n: int = 1) -> None:
        """Take ``n`` time steps, with radiation when it is due. Raises ``ColumnError`` on a blow-up."""
        _check(*_api.step_run(self._run, n))

    def radiate(self) -> None:
        """Call the radiation scheme on the present state without stepping."""
        _check(*_api.radiate_run(self._run))

    def get(self, name: str) -> Array:
        """Copy of a field: (column, layer), (column, interface) or (column,). Raises ``ColumnError`` for an unknown name."""
        values = np.zeros(self._storage(name), order="F")
        _check(*_api.get_field(self._run, name, values, *values.shape))
        return values[:, 0] if values.shape[1] == 1 else values

    def set(self, name: str, values: ArrayLike) -> None:
        """Replace a field. Raises ``ColumnError`` for an unknown name or another shape."""
        array = np.asarray(values, dtype=np.float64)
        array = np.asfortranarray(array[:, None] if array.ndim == 1 else array)
        if array.ndim != 2:
            raise ColumnError(f"field '{name}' has shape {self._storage(name)}, got {array.shape}", 1)
        _check(*_api.set_field(self._run, name, array, *array.shape))

    def _storage(self, name: str) -> tuple[int, int]:
        return self.shape[0], int(_api.field_size(self._run, name)) or 1


def adjust(
    air_temperature: Array, air_pressure: Array, air_pressure_thickness: Array, *, lapse_rate: float | None = 6.5e-3
) -> Array:
    """The host's convective adjustment of one column, shapes (layer,), top first: to a lapse rate [K m-1], or, with
    ``lapse_rate=None``, to the moist adiabat. Returns the adjusted temperature [K].
    """
    adjusted = np.array(air_temperature, dtype=np.float64)
    _api.adjust_column(
        adjusted, air_pressure, air_pressure_thickness, adjusted.size, int(lapse_rate is None), lapse_rate or 0.0
    )
    return adjusted


def _check(status: int, message: bytes | str) -> None:
    if status:
        text = message.decode() if isinstance(message, bytes) else message
        raise ColumnError(text.strip(), int(status))
