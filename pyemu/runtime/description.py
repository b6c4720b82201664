"""An array as the header describes it: its memory, type, shape and strides."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyemu.runtime import library


def dtypes() -> dict[int, np.dtype[Any]]:
    """Return the element types of variables by their number in the header."""
    _, lib = library.load()
    return {
        lib.PYEMU_FLOAT32: np.dtype(np.float32),
        lib.PYEMU_FLOAT64: np.dtype(np.float64),
        lib.PYEMU_INT32: np.dtype(np.int32),
    }


def id_dtypes() -> dict[int, np.dtype[Any]]:
    """Return those of the ids of columns."""
    _, lib = library.load()
    return {lib.PYEMU_INT32: np.dtype(np.int32), lib.PYEMU_INT64: np.dtype(np.int64)}


def describe(name: str, array: Any, kinds: dict[int, np.dtype[Any]] | None = None) -> Any:
    """Return the ``pyemu_array`` of an array of one of the kinds, by default those of variables.

    Raises:
        EmulatorError: another type, or a rank above 7.
    """
    ffi, lib = library.load()
    numbers = {dtype: number for number, dtype in (kinds or dtypes()).items()}
    if not isinstance(array, np.ndarray) or array.dtype not in numbers:
        found = getattr(array, "dtype", type(array).__name__)
        *others, last = map(str, numbers)
        raise library.error(
            f"the array for '{name}' is {found}; bind a NumPy array of {', '.join(others)} or {last}",
            lib.PYEMU_ERR_KIND,
        )
    if array.ndim > lib.PYEMU_MAX_RANK:
        raise library.error(f"the array for '{name}' has rank {array.ndim}; expected 0 to 7", lib.PYEMU_ERR_SIZE)
    fields = {
        "data": ffi.cast("void *", array.ctypes.data),
        "dtype": numbers[array.dtype],
        "rank": array.ndim,
        "shape": list(array.shape),
        "strides": list(array.strides),
    }
    return ffi.new("pyemu_array *", fields)


def level_number(array: np.ndarray, level_dim: int) -> int:
    """Return the header's number of a dimension that may be counted from the end."""
    if level_dim == -1 or level_dim >= 0:
        return level_dim
    return level_dim + array.ndim if level_dim >= -array.ndim else -99
