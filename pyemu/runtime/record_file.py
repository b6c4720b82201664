"""A file that an emulator has recorded: checked for completeness, and read in stretches of columns."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import netCDF4
import numpy as np

TAGS = ("step", "call", "column_in_call", "global_id", "guard_reasons")
STRETCH = 1 << 16  # columns read at once


class RecordError(ValueError):
    """A file is no record, or is not whole, or does not belong to an emulator."""


@dataclass(frozen=True)
class RecordedVariable:
    """One input or output in a record; ``dims`` and ``shape`` are those of one column's value."""

    name: str
    standard_name: str
    units: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    is_input: bool


class RecordFile:
    """An open record. Use it as a context manager.

    Attributes:
        columns: those that are complete: a run that was killed may have left more.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Open a record. Raises :class:`RecordError`."""
        self.path = Path(path)
        if not self.path.exists():
            raise RecordError(f"{self.path} does not exist")
        try:
            self._dataset = netCDF4.Dataset(self.path)
        except OSError as reason:
            raise RecordError(f"{self.path} cannot be read as NetCDF: {reason.strerror or reason}") from reason
        self._dataset.set_auto_maskandscale(False)
        try:
            self.columns = self._check()
        except RecordError:
            self._dataset.close()
            raise

    def _check(self) -> int:
        if "pyemu_sha256" not in self._dataset.ncattrs():
            raise RecordError(f"{self.path} is no record of pyemu, or is damaged: it has no attribute 'pyemu_sha256'")
        columns, expected = int(self.attribute("pyemu_columns")), int(self.attribute("pyemu_bytes"))
        found = self.path.stat().st_size
        if found < expected or self._dataset.dimensions["column"].size < columns:
            raise RecordError(
                f"{self.path} is damaged: it has {found:,} bytes, and {expected:,} were written; copy it again"
            )
        return columns

    def attribute(self, name: str) -> Any:
        """An attribute of the file; raises :class:`RecordError` if it has none of that name."""
        if name not in self._dataset.ncattrs():
            raise RecordError(f"{self.path} is damaged: it has no attribute '{name}'")
        return self._dataset.getncattr(name)

    @cached_property
    def card(self) -> dict[str, Any]:
        """The card of the emulator; empty for a graph that was run without one."""
        text = self.attribute("pyemu_card")
        card: dict[str, Any] = json.loads(text) if text else {}
        return card

    @property
    def sha256(self) -> str:
        """The digest of the emulator file."""
        return str(self.attribute("pyemu_sha256"))

    @property
    def is_of_host(self) -> bool:
        """Whether the outputs are those of the host's own scheme."""
        return bool(self.attribute("pyemu_source") == "host")

    @property
    def stopped(self) -> str:
        """Why the recording ended early, or an empty string."""
        return str(self.attribute("pyemu_stopped")).strip()

    @cached_property
    def variables(self) -> dict[str, RecordedVariable]:
        """Inputs, then outputs, by name."""
        return {name: self._variable(name) for name in self._dataset.variables if name not in TAGS}

    def _variable(self, name: str) -> RecordedVariable:
        found = self._dataset.variables[name]
        return RecordedVariable(
            name=name,
            standard_name=getattr(found, "standard_name", ""),
            units=found.units,
            dims=found.dimensions[1:],
            shape=found.shape[1:],
            dtype=np.dtype(found.dtype).newbyteorder("="),
            is_input=found.pyemu_role == "input",
        )

    def read(self, name: str, columns: slice = slice(None)) -> np.ndarray:
        """The values of a variable or a tag, its columns first."""
        first, last, _ = columns.indices(self.columns)
        values = np.asarray(self._dataset.variables[name][first:last])
        return np.ascontiguousarray(values, values.dtype.newbyteorder("="))

    def stretches(self, size: int = STRETCH) -> Iterator[slice]:
        """Slices that cover all columns: one that is empty if there are none."""
        return (slice(first, min(first + size, self.columns)) for first in range(0, max(self.columns, 1), size))

    def close(self) -> None:
        """Close the file."""
        self._dataset.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
