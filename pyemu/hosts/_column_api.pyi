"""Types of the module that f90wrap generates from fortran/hosts/column/api.f90."""

# ruff: noqa: N801 (names are f90wrap's)

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

_Array: TypeAlias = NDArray[np.float64]
_Report: TypeAlias = tuple[int, bytes]

class Column_Api:
    class column_run:
        is_open: int

    @staticmethod
    def open_run(run: column_run, namelist_file: str) -> _Report: ...
    @staticmethod
    def close_run(run: column_run) -> None: ...
    @staticmethod
    def run_size(run: column_run) -> tuple[int, int]: ...
    @staticmethod
    def run_day(run: column_run) -> float: ...
    @staticmethod
    def step_run(run: column_run, n: int) -> _Report: ...
    @staticmethod
    def radiate_run(run: column_run) -> _Report: ...
    @staticmethod
    def field_size(run: column_run, name: str) -> int: ...
    @staticmethod
    def get_field(run: column_run, name: str, values: _Array, ncol: int, n: int) -> _Report: ...
    @staticmethod
    def set_field(run: column_run, name: str, values: _Array, ncol: int, n: int) -> _Report: ...
    @staticmethod
    def adjust_column(
        temperature: _Array, pressure: _Array, thickness: _Array, n: int, is_moist: int, lapse_rate: float
    ) -> None: ...
