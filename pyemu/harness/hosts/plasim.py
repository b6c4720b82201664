"""PlaSim, compiled when it is first asked for, in a process that prepares its folder and tells how it ended."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from pyemu.harness.hosts.adapter import Entries, HostAdapter, Launch
from pyemu.hosts.parallel import MPI_ENVIRONMENT
from pyemu.hosts.plasim import FILES, OUTPUT, OWN, PlasimError, build, known_entries

REQUEST = "request.json"
SEED = "perturbation_seed"


@dataclass(frozen=True)
class PlasimHost(HostAdapter):
    """Entries as in ``fortran/hosts/plasim/README.md``. The seed of a run is that of its perturbation, if it has one.

    ``restart_in`` is a ``plasim_status``; ``"@case/kind"`` starts from what that run leaves.
    """

    @property
    def file_entries(self) -> tuple[str, ...]:
        """Emulators, RRTMG and the restart file; records of columns stay in the folder of the run."""
        return (*FILES, "restart_in")

    def check(self, entries: Entries) -> None:
        """Raise ``ValueError`` for an entry that PlaSim, the coupling and the builder do not have."""
        known = set(known_entries()) - {SEED}
        unknown = sorted(set(entries) - known)
        if unknown:
            raise ValueError(
                f"unknown entry {', '.join(unknown)} of the host plasim; known: {', '.join(sorted(known))}"
            )

    def launch(self, entries: Entries, seed: int, ranks: int) -> Launch:
        """The request and the command, after PlaSim has been built. Raises ``OSError`` if it cannot be."""
        settings = {name: entries.get(name, OWN[name]) for name in ("resolution", "layers")}
        try:
            program = build(str(settings["resolution"]), settings["layers"], ranks)
        except PlasimError as reason:
            raise OSError(str(reason)) from reason
        given = {name: str(value) if isinstance(value, Path) else value for name, value in entries.items()}
        request = {"entries": given | {SEED: seed}, "ranks": ranks}
        return Launch(
            command=(sys.executable, "-m", "pyemu.hosts.plasim", REQUEST),
            files={REQUEST: json.dumps(request, indent=2)},
            output_name=OUTPUT,
            environment=MPI_ENVIRONMENT if ranks > 1 else {},
            depends_on=(program,),
        )
