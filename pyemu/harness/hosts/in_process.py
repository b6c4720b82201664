"""A model that is a Python object, as f90wrap makes them. Each run has a process of its own: a crash ends that run only."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from pyemu.harness.hosts.adapter import Entries, HostAdapter, Launch
from pyemu.hosts.in_process import OUTPUT, OWN

REQUEST = "run.json"


@dataclass(frozen=True)
class InProcessHost(HostAdapter):
    """``factory`` (``"package.module:Class"``, or ``"/path/of/file.py:Class"``) called with the settings makes a
    ``pyemu.hosts.in_process.Model``.

    ``fields`` are what is kept of it: the names of their dimensions and their unit; ``time_step``, in ``time_units``, gives
    the time of a record.

    Two settings are the harness's: ``n_steps`` of the run, and ``output_interval``, steps between records.
    """

    factory: str
    fields: dict[str, tuple[tuple[str, ...], str]]
    time_step: float
    time_units: str
    seed_entry: str | None = None
    file_entries: tuple[str, ...] = ()

    def check(self, entries: Entries) -> None:
        """The model itself knows its settings; here only the harness's own are looked for."""
        missing = [name for name in OWN if name not in entries]
        if missing:
            raise ValueError(f"a run in a Python process needs the entries {', '.join(missing)}")

    def launch(self, entries: Entries, seed: int, ranks: int) -> Launch:
        """The request and the command. Raises ``ValueError`` for several ranks: a Python object is one process."""
        if ranks > 1:
            raise ValueError(f"a model in a Python process cannot have {ranks} ranks: use its program")
        settings = {name: str(value) if isinstance(value, Path) else value for name, value in entries.items()}
        request = {
            "factory": self.factory,
            "fields": self.fields,
            "time_step": self.time_step,
            "time_units": self.time_units,
            "own": {name: settings.pop(name) for name in OWN},
            "entries": settings | ({self.seed_entry: seed} if self.seed_entry else {}),
        }
        command = (sys.executable, "-m", "pyemu.hosts.in_process", REQUEST)
        return Launch(command, {REQUEST: json.dumps(request, indent=2)}, OUTPUT, depends_on=self._source())

    def _source(self) -> tuple[Path, ...]:
        """The file of the model, if it is one."""
        place = self.factory.rpartition(":")[0]
        return (Path(place),) if place.endswith(".py") else ()
