"""Emulators on stored samples: a host without time, so that offline scores are an experiment like others."""

import json
import sys
from dataclasses import dataclass

from pyemu.harness.hosts.adapter import Entries, HostAdapter, Launch
from pyemu.hosts.offline import OUTPUT

REQUEST = "run.json"
DEFAULTS = {"emulator_file": "", "data_file": "", "engine": "", "device": "cpu"}
FILES = ("emulator_file", "data_file")


@dataclass(frozen=True)
class OfflineHost(HostAdapter):
    """``emulator_file`` computes the samples of ``data_file``, and without it they are the truth; ``engine`` and ``device`` are
    those of the library.

    See ``pyemu.hosts.offline`` for what the files have. ``time`` counts samples; the seed is that of an emulator's noise.
    """

    @property
    def file_entries(self) -> tuple[str, ...]:
        """Both files."""
        return FILES

    def check(self, entries: Entries) -> None:
        """Raise ``ValueError`` for an unknown entry, or without samples."""
        unknown = sorted(set(entries) - set(DEFAULTS))
        if unknown:
            raise ValueError(f"unknown entry {', '.join(unknown)} of the host offline; known: {', '.join(DEFAULTS)}")
        if not entries.get("data_file"):
            raise ValueError("the host offline needs the entry data_file: the samples")

    def launch(self, entries: Entries, seed: int, ranks: int) -> Launch:
        """The request and the command. Raises ``ValueError`` for several ranks, which it does not need."""
        if ranks > 1:
            raise ValueError(f"the host offline is one process, it cannot have {ranks} ranks")
        request = DEFAULTS | {name: str(value) for name, value in entries.items()} | {"seed": seed}
        command = (sys.executable, "-m", "pyemu.hosts.offline", REQUEST)
        return Launch(command, {REQUEST: json.dumps(request, indent=2)}, OUTPUT)
