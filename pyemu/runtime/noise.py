"""Noise without an emulator: arrays filled by the library that Fortran hosts link, with the numbers it makes there."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyemu.runtime import library
from pyemu.runtime.arrays import Noise, from_tensor, is_tensor
from pyemu.runtime.description import describe, id_dtypes, level_number


def distributions() -> dict[str, int]:
    """Return the numbers of the distributions in the header."""
    _, lib = library.load()
    return {"normal": lib.PYEMU_NORMAL, "uniform": lib.PYEMU_UNIFORM}


def noise_of(info: Any) -> Noise | None:
    """Return what a ``pyemu_variable`` says of noise."""
    names = {number: name for name, number in distributions().items()}
    return Noise(names[info.noise], int(info.noise_stream), float(info.noise_ar1)) if info.noise else None


def fill_noise(
    array: Any,
    *,
    ids: Any,
    seed: int,
    step: int,
    member: int = 0,
    stream: int = 0,
    distribution: str = "normal",
    level_dim: int = -1,
) -> None:
    """Fill an array with the numbers that an emulator makes for such a seed, member, step, stream and columns.

    Main arguments:
        array: a NumPy array or a torch tensor on the CPU, float32 or float64 (each with numbers of its own), of any shape
            and strides. With as many elements as ids it has one for each column; else ``level_dim`` enumerates the
            elements of a column, and all other dimensions the columns, the first fastest.
        ids: the columns' numbers in the whole model, 0 or more.
        seed, step: any whole numbers of 64 bits.

    Other Arguments:
        member: of the ensemble, 0 to 2**31 - 1.
        stream: 0 to 2**31 - 1; that of an emulator's noise is ``Variable.noise.stream``.
        distribution: ``"normal"`` (mean 0, variance 1) or ``"uniform"`` (between 0 and 1, never 0 or 1).
        level_dim: the dimension that enumerates the elements of a column.

    Raises:
        EmulatorError: sizes or types do not fit, or a number is out of range; the array is then untouched.
    """
    _, lib = library.load()
    try:
        values = from_tensor("array", array) if is_tensor(array) else array
    except ValueError as reason:
        raise library.error(str(reason), lib.PYEMU_ERR_ARGUMENT) from reason
    if distribution not in distributions():
        known = ", ".join(map(repr, distributions()))
        raise library.error(f"the distribution is {distribution!r}; expected {known}", lib.PYEMU_ERR_ARGUMENT)
    filled = describe("array", values)
    if not values.flags.writeable:
        raise library.error("the array for noise is read-only", lib.PYEMU_ERR_ARGUMENT)
    numbers = np.asarray(ids)
    try:
        library.call(
            lib.pyemu_fill_noise,
            distributions()[distribution],
            seed,
            member,
            step,
            stream,
            describe("ids", numbers, id_dtypes()),
            filled,
            level_number(values, level_dim),
        )
    except OverflowError as reason:
        raise library.error(
            f"seed, member, step and stream must fit 64 bits ({reason})", lib.PYEMU_ERR_ARGUMENT
        ) from reason
