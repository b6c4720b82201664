"""Gather the facts, run all checks."""

import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyemu.doctor import checks
from pyemu.doctor.finding import Finding
from pyemu.doctor.machine import examine
from pyemu.doctor.opens import count_opens

COLUMNS = (1, 16, 128, 1024)
PACKAGES = ("onnxruntime", "torch")
TIMEOUT = 300  # seconds


@dataclass(frozen=True)
class Diagnosis:
    """All findings, and the timings behind those on batch and layout."""

    findings: tuple[Finding, ...]
    timings: tuple[dict[str, float], ...]

    @property
    def passed(self) -> bool:
        """Whether there is no problem; advice may remain."""
        return all(finding.level != "problem" for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """The diagnosis as plain JSON values; times in seconds."""
        return {
            "findings": [finding.to_dict() for finding in self.findings],
            "timings": list(self.timings),
            "pass": self.passed,
        }


def diagnose(
    file: Path | None = None,
    *,
    engine: str | None = None,
    threads: int = 1,
    columns: int | None = None,
    allow_code: bool = False,
    command: Sequence[str] | None = None,
) -> Diagnosis:
    """Examine this machine, and an emulator file if one is given.

    Main arguments:
        file: the emulator file to open and time.
        engine: the engine to open it with; ``None`` chooses by the file.
        threads: threads that the host gives to one run.
        columns: columns that the host passes to one run.
        allow_code: run the code that the file carries.
        command: the host; it is run, and how often it opens ``file`` is counted.

    Raises:
        OSError: ``command`` cannot be run, or ``file`` cannot be watched.
    """
    machine = examine()
    opens = count_opens(file, command) if file and command else None
    request = {"file": file and str(file), "engine": engine, "columns": COLUMNS}
    answer = probe({**request, "options": {"threads": threads, "allow_code": allow_code}})
    timings = answer["file"]["timings"] if answer["file"] else []
    findings = [
        *checks.check_threads(machine, threads),
        *checks.check_environment(machine),
        *checks.check_ranks(machine, threads),
        *_engine_findings(answer),
        *checks.check_file(answer["file"]),
        *checks.check_libraries(answer["libraries"]),
        *checks.check_gpu(machine, answer["cuda"]),
        *checks.check_batch(timings, columns),
        *checks.check_layout(timings),
        *checks.check_opens(opens, machine.processors),
    ]
    return Diagnosis(tuple(findings), tuple(timings))


def _engine_findings(answer: dict[str, Any]) -> list[Finding]:
    if answer["problem"]:
        change = "remove or rebuild the plugin at fault: set PYEMU_ENGINE_PATH to a folder with some of them to find it"
        return [Finding("engines", "problem", answer["problem"], change)]
    return checks.check_engines(answer["engines"], {name: _version(name) for name in PACKAGES})


def probe(request: dict[str, Any]) -> dict[str, Any]:
    """Load the engines in another process; if that dies, say how."""
    words = [sys.executable, "-m", "pyemu.doctor.probe", json.dumps(request)]
    nothing: dict[str, Any] = {"engines": [], "file": None, "libraries": [], "cuda": [], "problem": None}
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        return nothing | {"problem": f"the engines did not answer within {TIMEOUT} s"}
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return nothing | {"problem": f"loading the engines ended the process with status {done.returncode}: {last}"}
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return nothing | answer


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
