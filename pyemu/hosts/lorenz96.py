"""The Lorenz '96 host in this process: the two-scale truth or the one-scale forecast model, stepped from Python.

>>> from pyemu.hosts.lorenz96 import Lorenz96Model
>>> with Lorenz96Model(model="one_scale", n_members=4, perturbation=0.01) as model:  # doctest: +SKIP
...     model.step(200)
...     x = model.get("lorenz96_slow_variable")

The model is the Fortran library of the driver ``pyemu_lorenz96``, wrapped with f90wrap. All quantities are without units.
"""

import tempfile
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyemu.hosts import _lorenz96_api
from pyemu.hosts.lorenz96_namelist import GROUPS
from pyemu.hosts.namelist import Value, write_namelist

Array = NDArray[np.float64]

_api = _lorenz96_api.Lorenz96_Api


class Lorenz96Error(RuntimeError):
    """A call into the host failed; ``status`` is the driver's exit status for the same failure."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Lorenz96Model:
    """Members with their parameterization, from namelist entries (see the host's README for names and defaults).

    They begin with the standard start, or with what ``set`` gives them. Output, restart and initial files belong to the
    driver and have no effect here.

    Raises:
        KeyError: an entry that the host does not know.
        Lorenz96Error: a value it refuses, or a parameterization that cannot be opened.
    """

    def __init__(self, **entries: Value | Path) -> None:
        self._run = _api.lorenz96_run()
        with tempfile.TemporaryDirectory() as folder:
            path = write_namelist(Path(folder) / "lorenz96.nml", GROUPS, entries)
            _check(*_api.open_run(self._run, str(path)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the parameterization and free the members; twice does no harm."""
        _api.close_run(self._run)

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of trajectories (members) and slow variables; none once closed."""
        n_trajectories, n_slow = _api.run_size(self._run)
        return int(n_trajectories), int(n_slow)

    @property
    def time(self) -> float:
        """Model time since the start."""
        return float(_api.run_time(self._run))

    @property
    def ids(self) -> NDArray[np.int64]:
        """(member, k) numbers of the columns in the whole model, which noise goes by."""
        values = np.zeros(self.shape[::-1], dtype=np.int64, order="F")
        _check(*_api.column_ids(self._run, values, *values.shape))
        return values.T

    def step(self, n: int = 1) -> None:
        """Take ``n`` time steps. Raises ``Lorenz96Error`` on a blow-up, or if the parameterization fails."""
        _check(*_api.step_run(self._run, n))

    def get(self, name: str) -> Array:
        """Copy of a field, (member, k), the fast variables (member, k * j). Raises ``Lorenz96Error`` for an unknown name."""
        values = np.zeros((int(_api.field_size(self._run, name)) or 1, self.shape[0]), order="F")
        _check(*_api.get_field(self._run, name, values, *values.shape))
        return values.T

    def set(self, name: str, values: ArrayLike) -> None:
        """Replace a field. Raises ``Lorenz96Error`` for an unknown name or another shape."""
        array = np.atleast_2d(np.asarray(values, dtype=np.float64)).T
        if array.ndim != 2:
            raise Lorenz96Error(f"field '{name}' has two dimensions, (member, k), got {np.ndim(values)}", 1)
        _check(*_api.set_field(self._run, name, np.asfortranarray(array), *array.shape))


def one_scale_tendency(x: ArrayLike, forcing: float = 20.0) -> Array:
    """Tendency of slow variables (k,) without fast ones: x(k-1) (x(k+1) - x(k-2)) - x(k) + forcing."""
    values = np.array(x, dtype=np.float64)
    found = np.empty_like(values)
    _api.one_scale_tendencies(forcing, values, found, values.size)
    return found


def two_scale_tendency(
    x: ArrayLike, y: ArrayLike, *, h: float = 1.0, b: float = 10.0, c: float = 10.0, forcing: float = 20.0
) -> tuple[Array, Array]:
    """Tendencies of slow (k,) and fast (k * j,) variables."""
    slow, fast = np.array(x, dtype=np.float64), np.array(y, dtype=np.float64)
    found = np.empty_like(slow), np.empty_like(fast)
    _api.two_scale_tendencies(h, b, c, forcing, slow, fast, *found, slow.size, fast.size)
    return found


def _check(status: int, message: bytes | str) -> None:
    if status:
        text = message.decode() if isinstance(message, bytes) else message
        raise Lorenz96Error(text.strip(), int(status))
