"""What may be bound to a variable: NumPy arrays, xarray data arrays and torch tensors on the CPU, none of them copied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Noise:
    """What the library fills an input with when no array is bound to it.

    Attributes:
        distribution: ``"normal"`` or ``"uniform"``.
        stream: the number of its stream, for :func:`pyemu.fill_noise`.
        ar1: the coefficient of its AR(1) process, 0 for noise without memory.
    """

    distribution: str
    stream: int
    ar1: float


@dataclass(frozen=True)
class Variable:
    """One input or output of an emulator.

    Attributes:
        level, size: the vertical dimension of a column and its size, ``None`` and 1 without one.
        dims: all dimensions of one value, as on the card: none, the level, or those of a field, the slowest first.
        shape: their sizes.
        has_batch: whether it has a value for every column (or member of a batch), or one for all of them.
        noise: what the library fills it with when no array is bound to it, ``None`` if it must be bound.
        is_carried: whether it is an output that is an input at the next step, or that input.
    """

    name: str
    standard_name: str
    units: str
    level: str | None
    size: int
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    has_batch: bool
    dtype: np.dtype[Any]
    is_input: bool
    is_bound: bool
    noise: Noise | None
    is_carried: bool = False


@dataclass(frozen=True)
class Bindable:
    """An array ready to be bound: its memory as NumPy sees it, its units if known, and its vertical dimension."""

    values: Any
    units: str | None
    level_dim: int


def bindable(variable: Variable, array: Any, units: str | None, level_dim: int) -> Bindable:
    """Look at an array of any of the libraries as NumPy does, without a copy.

    Names, units and dimensions that a data array carries are checked against the variable. Libraries are told by their
    attributes, so that neither torch nor xarray is imported here.

    Raises:
        ValueError: the array cannot be used in place, or says that it is something else.
    """
    if hasattr(array, "dims") and hasattr(array, "attrs"):
        return _from_data_array(variable, array, units, level_dim)
    if is_tensor(array):
        return Bindable(from_tensor(variable.name, array), units, level_dim)
    return Bindable(array, units, level_dim)


def is_tensor(array: Any) -> bool:
    """Whether it is a torch tensor."""
    return hasattr(array, "detach") and hasattr(array, "device")


def from_tensor(name: str, tensor: Any) -> np.ndarray:
    """The memory of a tensor on the CPU; raises ``ValueError`` for one that NumPy cannot see."""
    if tensor.device.type != "cpu":
        raise ValueError(f"the tensor for '{name}' is on {tensor.device}; bind one on the CPU: tensor.cpu()")
    if str(tensor.layout) != "torch.strided":
        raise ValueError(f"the tensor for '{name}' has layout {tensor.layout}; bind a dense one")
    try:
        values: np.ndarray = tensor.detach().numpy()
    except TypeError as reason:
        raise ValueError(f"the tensor for '{name}' is {tensor.dtype}: {reason}") from reason
    return values


def _from_data_array(variable: Variable, array: Any, units: str | None, level_dim: int) -> Bindable:
    if not isinstance(array.data, np.ndarray):
        raise ValueError(f"the data array for '{variable.name}' is not in memory: bind array.load()")
    known = array.attrs.get("standard_name", variable.standard_name)
    if variable.standard_name and known != variable.standard_name:
        raise ValueError(f"the data array is '{known}', but '{variable.name}' needs '{variable.standard_name}'")
    units = units if units is not None else array.attrs.get("units")
    if units is None:
        raise ValueError(f"the data array for '{variable.name}' has no units: set array.attrs['units'] or give units=")
    if variable.level is not None and level_dim == -1:
        return Bindable(array.data, units, _place(variable, array, variable.level))
    if variable.level is None and variable.dims:
        return Bindable(_ordered(variable, array), units, -1)
    return Bindable(array.data, units, level_dim)


def _place(variable: Variable, array: Any, dim: str) -> int:
    """Return the number of a dimension of a data array."""
    if dim not in array.dims:
        raise ValueError(
            f"the data array for '{variable.name}' has dimensions {array.dims}, none is '{dim}': rename one or give level_dim"
        )
    return int(array.dims.index(dim))


def _ordered(variable: Variable, array: Any) -> np.ndarray:
    """Return a view of a field with its dimensions in the order of the card, what enumerates a batch first."""
    places = [_place(variable, array, dim) for dim in variable.dims]
    batch = [place for place in range(array.ndim) if place not in places]
    view: np.ndarray = array.data.transpose(*batch, *places)
    return view
