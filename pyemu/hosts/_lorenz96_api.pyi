"""Types of the module that f90wrap generates from fortran/hosts/lorenz96/api.f90."""

# ruff: noqa: N801 (names are f90wrap's)

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

_Array: TypeAlias = NDArray[np.float64]
_Report: TypeAlias = tuple[int, bytes]

class Lorenz96_Api:
    class lorenz96_run:
        is_open: int

    @staticmethod
    def open_run(run: lorenz96_run, namelist_file: str) -> _Report: ...
    @staticmethod
    def close_run(run: lorenz96_run) -> None: ...
    @staticmethod
    def run_size(run: lorenz96_run) -> tuple[int, int]: ...
    @staticmethod
    def run_time(run: lorenz96_run) -> float: ...
    @staticmethod
    def step_run(run: lorenz96_run, n: int) -> _Report: ...
    @staticmethod
    def column_ids(run: lorenz96_run, ids: NDArray[np.int64], n: int, n_trajectories: int) -> _Report: ...
    @staticmethod
    def field_size(run: lorenz96_run, name: str) -> int: ...
    @staticmethod
    def get_field(run: lorenz96_run, name: str, values: _Array, n: int, n_trajectories: int) -> _Report: ...
    @staticmethod
    def set_field(run: lorenz96_run, name: str, values: _Array, n: int, n_trajectories: int) -> _Report: ...
    @staticmethod
    def one_scale_tendencies(forcing: float, x: _Array, dx: _Array, n: int) -> None: ...
    @staticmethod
    def two_scale_tendencies(
        h: float, b: float, c: float, forcing: float, x: _Array, y: _Array, dx: _Array, dy: _Array, n_slow: int, n: int
    ) -> None: ...
