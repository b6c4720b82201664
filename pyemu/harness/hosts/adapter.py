"""What the harness asks of a model."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import xarray as xr

from pyemu.hosts.namelist import Value

Entries = Mapping[str, Value | Path]


@dataclass(frozen=True)
class Launch:
    """How a run is started: texts by file name that are written into its folder, the command that is executed there, the
    NetCDF file that it leaves, what is added to the environment, the files whose content decides the numbers, and further
    NetCDF files, with a time of their own.
    """

    command: tuple[str, ...]
    files: Mapping[str, str]
    output_name: str
    environment: Mapping[str, str] = field(default_factory=dict)
    depends_on: tuple[Path, ...] = ()
    further_outputs: tuple[str, ...] = ()


class HostAdapter(ABC):
    """A model that the harness can run: a name, the settings it knows, how it is started, what it leaves.

    A run is a process in a folder of its own, so that a crash loses nothing else. Its exit status says how it ended: 0
    well, 3 the model blew up (a result: one line on standard error says where and when), anything else a refused input.
    """

    @property
    @abstractmethod
    def file_entries(self) -> tuple[str, ...]:
        """Settings that are paths: relative ones are taken from the folder of the configuration."""

    @abstractmethod
    def check(self, entries: Entries) -> None:
        """Raise ``ValueError`` that names a setting the model does not have, and those it has."""

    @abstractmethod
    def launch(self, entries: Entries, seed: int, ranks: int) -> Launch:
        """How a run with these settings is started. Raises ``OSError`` if the program is missing."""

    def read(self, path: Path) -> xr.Dataset:
        """What a run left, with ``time`` as plain numbers in the model's unit. Raises ``OSError`` if it cannot be read."""
        return xr.open_dataset(path, decode_times=False)
