"""Compile generated C and call it: what the tests of ``pyemu compile`` share."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from pyemu.emulator import Card
from pyemu.emulator.compile import Compiled, compile_to_c
from pyemu.runtime import Emulator

Arrays = dict[str, np.ndarray]
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror")


def build(
    sources: Sequence[Path], library: Path, compiler: str = "gcc", flags: Sequence[str] = ("-O2",)
) -> ctypes.CDLL:
    """One shared library of C files; a warning is an error."""
    command = [compiler, *STRICT, *flags, "-shared", "-fPIC", *map(str, sources), "-o", str(library), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:2000]
    return ctypes.CDLL(str(library))


def compiled(
    path: Path, folder: Path, compiler: str = "gcc", flags: Sequence[str] = ("-O2",)
) -> tuple[Compiled, ctypes.CDLL]:
    """An emulator file, compiled to C and then to a library."""
    made = compile_to_c(path, folder / f"{path.stem}.c")
    return made, build([made.source], folder / f"{path.stem}.so", compiler, flags)


def addresses(arrays: Sequence[np.ndarray], column: int = 0) -> list[ctypes.c_void_p]:
    """Where the arrays begin, or one of their columns."""
    return [ctypes.c_void_p(array.ctypes.data + column * array.itemsize) for array in arrays]


def by_column(library: ctypes.CDLL, made: Compiled, card: Card, inputs: Mapping[str, np.ndarray]) -> Arrays:
    """Outputs, one call for each column."""
    columns = card.columns(inputs)
    outputs = {v.name: np.zeros(card.shape(v, columns), v.dtype) for v in card.outputs}
    function = getattr(library, made.function)
    function.restype = None
    values = {**{name: np.ascontiguousarray(array) for name, array in inputs.items()}, **outputs}
    for column in range(columns):
        function(*(ctypes.c_void_p(values[v.name].ctypes.data + start(card, v, column)) for v in card.variables))
    return outputs


def start(card: Card, variable: object, column: int) -> int:
    """Bytes before a column of an array that holds one column after the other."""
    shape = card.shape(variable, 1)  # type: ignore[arg-type]
    size = int(np.prod(shape)) * np.dtype(variable.dtype).itemsize  # type: ignore[attr-defined]
    return size * column if variable.has_batch else 0  # type: ignore[attr-defined]


def by_columns(
    library: ctypes.CDLL, made: Compiled, card: Card, inputs: Mapping[str, np.ndarray], spare: int = 3
) -> Arrays:
    """Outputs, one call for all columns of arrays as Fortran has them, with room for more columns, which must stay."""
    columns = card.columns(inputs)
    stride = columns + spare
    held = {}
    for v in card.variables:
        if not v.has_batch:
            held[v.name] = np.ascontiguousarray(inputs[v.name])
            continue
        held[v.name] = np.full((*card.shape(v, 1)[1:], stride), 77, v.dtype)
        if v.name in inputs:
            held[v.name][..., :columns] = np.moveaxis(inputs[v.name], 0, -1)
    function = getattr(library, f"{made.function}_columns")
    function.restype = None
    function(ctypes.c_int64(columns), ctypes.c_int64(stride), *addresses([held[v.name] for v in card.variables]))
    assert all((held[v.name][..., columns:] == 77).all() for v in card.variables if v.has_batch)
    return {
        v.name: np.ascontiguousarray(np.moveaxis(held[v.name][..., :columns], -1, 0)) if v.has_batch else held[v.name]
        for v in card.outputs
    }


def by_engine(path: Path, card: Card, inputs: Mapping[str, np.ndarray]) -> Arrays:
    """Outputs of the engine ``native``."""
    columns = card.columns(inputs)
    outputs = {v.name: np.zeros(card.shape(v, columns), v.dtype) for v in card.outputs}
    with Emulator.open(path, engine="native", check_finite=False) as emulator:
        for name, array in {**inputs, **outputs}.items():
            emulator.bind(name, np.ascontiguousarray(array) if name in inputs else array)
        emulator.run()
    return outputs


def same_bits(found: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> bool:
    """Whether all numbers are the same, the sign of zero included; what is not a number may have any bits."""
    return all(
        ((bits(found[name]) == bits(values)) | (np.isnan(found[name]) & np.isnan(values))).all()
        for name, values in expected.items()
    )


def bits(values: np.ndarray) -> np.ndarray:
    """The bits as whole numbers."""
    return np.atleast_1d(np.ascontiguousarray(values)).view(f"u{values.itemsize}")
