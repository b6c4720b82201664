"""Types of the module that f90wrap generates from fortran/hosts/shallow_water/api.f90."""

# ruff: noqa: N801 (names are f90wrap's)

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

_Array: TypeAlias = NDArray[np.float64]
_Report: TypeAlias = tuple[int, bytes]

class Shallow_Water_Api:
    class shallow_water_run:
        is_open: int

    @staticmethod
    def open_run(run: shallow_water_run, namelist_file: str) -> _Report: ...
    @staticmethod
    def close_run(run: shallow_water_run) -> None: ...
    @staticmethod
    def run_size(run: shallow_water_run) -> tuple[int, int]: ...
    @staticmethod
    def run_day(run: shallow_water_run) -> float: ...
    @staticmethod
    def step_run(run: shallow_water_run, n: int) -> _Report: ...
    @staticmethod
    def compute_run(run: shallow_water_run) -> _Report: ...
    @staticmethod
    def number_of(run: shallow_water_run, name: str) -> tuple[float, int, bytes]: ...
    @staticmethod
    def get_field(run: shallow_water_run, name: str, values: _Array, nx: int, ny: int) -> _Report: ...
    @staticmethod
    def set_field(run: shallow_water_run, name: str, values: _Array, nx: int, ny: int) -> _Report: ...
