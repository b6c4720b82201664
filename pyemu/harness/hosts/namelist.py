"""A model that is a program: it reads a namelist and writes a NetCDF file."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pyemu.harness.hosts.adapter import Entries, HostAdapter, Launch
from pyemu.hosts.namelist import Groups, namelist_text
from pyemu.hosts.parallel import MPI_ENVIRONMENT as MPI_ENVIRONMENT

NAMELIST = "run.nml"
OUTPUT = "output.nc"


@dataclass(frozen=True)
class NamelistHost(HostAdapter):
    """``program`` is called with the name of a namelist file, in the run's folder; with ``ranks`` above 1 under mpirun.

    ``groups`` are the groups of the namelist with their entries. ``output_entry`` names the entry for the NetCDF file,
    ``seed_entry`` (if there is one) that for the seed of noise, ``file_entries`` those that hold paths, ``further_entries``
    those for NetCDF files that the program writes besides, such as snapshots.
    """

    program: Callable[[], Path]
    groups: Groups
    output_entry: str = "output_file"
    seed_entry: str | None = None
    file_entries: tuple[str, ...] = ()
    further_entries: tuple[str, ...] = ()
    environment: Mapping[str, str] | None = None

    def check(self, entries: Entries) -> None:
        """Every entry is in a group, and none is the harness's own."""
        known = {entry for names in self.groups.values() for entry in names} - {
            self.output_entry,
            *self.further_entries,
        }
        unknown = sorted(set(entries) - known)
        if unknown:
            raise ValueError(f"unknown entry {', '.join(unknown)} of the host; known: {', '.join(sorted(known))}")

    def launch(self, entries: Entries, seed: int, ranks: int) -> Launch:
        """The namelist and the command."""
        program = self.program()
        further = {entry: f"{entry}.nc" for entry in self.further_entries}
        own = {self.output_entry: OUTPUT} | ({self.seed_entry: seed} if self.seed_entry else {}) | further
        parallel = ("mpirun", "-n", str(ranks)) if ranks > 1 else ()
        return Launch(
            command=(*parallel, str(program), NAMELIST),
            files={NAMELIST: namelist_text(self.groups, dict(entries) | own)},
            output_name=OUTPUT,
            environment=dict(self.environment or {}) | (MPI_ENVIRONMENT if parallel else {}),
            depends_on=(program,),
            further_outputs=tuple(further.values()),
        )


def program_at(path: str | os.PathLike[str]) -> Callable[[], Path]:
    """A program at a path. Calling the result raises ``FileNotFoundError`` that names the path if nothing is there."""

    def find() -> Path:
        found = Path(path).resolve()
        if not found.is_file():
            raise FileNotFoundError(f"no program {found}: build it first, or correct the path in the adapter")
        return found

    return find
