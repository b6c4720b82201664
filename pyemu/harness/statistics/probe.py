"""Weights of emulators of a grid: how the outputs of a file answer to small changes of u, v and h in a uniform state."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pyemu.runtime import Emulator
from pyemu.runtime.arrays import Variable

Array = NDArray[np.float64]

SIDE, REACH = 3, 1  # cells of a stencil along each axis, and how far they lie from its middle
STENCIL = "_stencil"


def probed_weights(
    path: Path, engine: str, values: Mapping[str, float], steps: Mapping[str, float]
) -> dict[str, Array]:
    """Weights by output, (variable, 3 rows from south, 3 columns from west), of the variables in ``steps``, in their order.

    ``values`` are those of all inputs in the uniform state; differences are central, of ``steps`` to either side: exact for
    what is linear or quadratic. Weights of what the emulator does not read are zero.

    Raises:
        ValueError: an input is not among the values, is noise or carried, or reaches further than one cell.
        EmulatorError: the file cannot be opened.
    """
    with Emulator.open(path, engine or None) as emulator:
        is_field = emulator.card.get("kind") == "field"
        inputs = [variable for variable in emulator.variables if variable.is_input]
        outputs = [variable for variable in emulator.variables if not variable.is_input]
        for variable in inputs:
            _check(variable, path, values)
        n_cells = 1 if is_field else SIDE**2
        n_probes = len(steps) * n_cells
        for variable in inputs:
            array = np.full((2 * n_probes, *variable.shape), values[_bare(variable)], variable.dtype)
            if _bare(variable) in steps:
                first = list(steps).index(_bare(variable)) * n_cells
                for sign, start in ((1.0, first), (-1.0, n_probes + first)):
                    _disturb(array[start : start + n_cells], sign * steps[_bare(variable)], is_field)
            emulator.bind(variable.name, array)
        answers = {one.name: np.zeros((2 * n_probes, *one.shape), one.dtype) for one in outputs}
        for name, array in answers.items():
            emulator.bind(name, array)
        emulator.run(1)
    scale = np.repeat([2.0 * step for step in steps.values()], n_cells)
    found: dict[str, Array] = {}
    for name, array in answers.items():
        change = array[:n_probes].astype(float) - array[n_probes:]
        change /= scale.reshape(-1, *[1] * (change.ndim - 1))
        found[name] = _around(change, path, name) if is_field else change.reshape(len(steps), SIDE, SIDE)
    return found


def _bare(variable: Variable) -> str:
    return variable.name.removesuffix(STENCIL)


def _check(variable: Variable, path: Path, values: Mapping[str, float]) -> None:
    if variable.noise is not None or variable.is_carried:
        raise ValueError(
            f"{path} has the input {variable.name} that is noise or carried: its waves have no rate of their own"
        )
    if _bare(variable) not in values:
        raise ValueError(f"{path} reads {variable.name}, of which no value is known; known: {', '.join(values)}")


def _disturb(array: Array, step: float, is_field: bool) -> None:
    """Of fields the middle cell, of columns one cell of the stencil after the other, or their own cell."""
    if is_field:
        array[0, array.shape[1] // 2, array.shape[2] // 2] += step
    elif array.ndim == 1:
        array[len(array) // 2] += step
    else:
        array[np.arange(len(array)), np.arange(len(array))] += step


def _around(change: Array, path: Path, name: str) -> Array:
    """Weights (variable, 3, 3) from the answers (variable, y, x) of fields to a change in the middle of their inputs.

    The answer of a cell to its south-western neighbour stands to the north-east of the middle. The halo around inputs is
    found from where the answers are: it is the same on all sides, so their middle is the middle.
    """
    ny, nx = change.shape[1:]
    if ny < SIDE + 2 or nx < SIDE + 2:
        raise ValueError(f"{path}: {name} has {ny} x {nx} cells, expected at least {SIDE + 2} along each axis")
    j, i = ny // 2, nx // 2
    near = change[:, j - REACH : j + REACH + 1, i - REACH : i + REACH + 1]
    if np.abs(change).sum() > np.abs(near).sum() * (1.0 + 1e-6):
        raise ValueError(f"{path}: {name} answers to cells further away than {REACH}")
    return near[:, ::-1, ::-1]
