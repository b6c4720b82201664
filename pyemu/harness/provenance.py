"""What made a report: files with their digests, versions, machine, command, time."""

import hashlib
import os
import platform
import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ("libpyemu", "onnxruntime", "numpy", "xarray", "netCDF4", "climt")


def provenance(files: Sequence[Path]) -> dict[str, str]:
    """Rows of the report's provenance table."""
    rows = {"created": datetime.now(UTC).isoformat(timespec="seconds"), "command": command(), "machine": machine()}
    rows |= {f"version of {name}": _version(name) for name in PACKAGES}
    rows["version of python"] = platform.python_version()
    return rows | {f"sha256 of {path.name}": hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def command() -> str:
    """The command line, the program by its name only."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


def machine() -> str:
    """Processor, cores and system; no host name."""
    return f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "unknown processor"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
