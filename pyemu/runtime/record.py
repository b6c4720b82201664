"""What an emulator is given and what it answers, recorded in a NetCDF file while it runs."""

from __future__ import annotations

import importlib.util
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyemu.runtime import library

SOURCES = ("runs", "host")
ONLY = ("all", "flagged")
_SETTINGS = {"source": SOURCES, "only": ONLY}


@dataclass(frozen=True)
class Recorded:
    """What has been recorded; see ``pyemu_recorded`` in ``pyemu.h``.

    Attributes:
        path: the file.
        is_on: whether the recording goes on.
        status, stopped: the number and the words for which it ended early; 0 and ``""`` if it did not.
        calls, columns, bytes: runs and columns recorded, and the size of the file.
        seconds: spent on it in runs.
    """

    path: Path
    is_on: bool
    status: int
    stopped: str
    calls: int
    columns: int
    bytes: int
    seconds: float


def netcdf_library() -> str | None:
    """Return the netcdf-c in the wheel of netCDF4, for machines that have no other; ``None`` without the wheel."""
    spec = importlib.util.find_spec("netCDF4")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent.parent / "netcdf4.libs"
    return next((str(path) for path in sorted(folder.glob("libnetcdf*.so*"))), None)


def set_record(handle: Any, path: str | os.PathLike[str], settings: dict[str, Any]) -> None:
    """Begin a recording; the settings are the members of ``pyemu_recording``, with words for its constants."""
    ffi, lib = library.load()
    begun = ffi.new("pyemu_recording *")
    defaults = {"rank": -1, "every_column": 1, "first_step": -(2**63), "last_step": 2**63 - 1, "every": 1}
    defaults |= {"max_bytes": 1 << 30}
    begun.sizeof_recording = ffi.sizeof("pyemu_recording")
    chosen = settings.pop("library", None)
    try:
        for name, value in (defaults | settings).items():
            setattr(begun, name, _constant(name, value) if name in _SETTINGS else value)
    except (AttributeError, OverflowError, TypeError) as reason:
        raise library.error(f"'{name}' of the recording is {value!r}: {reason}", lib.PYEMU_ERR_ARGUMENT) from reason
    _begin(handle, begun, os.fsencode(path), chosen)


def _begin(handle: Any, begun: Any, path: bytes, chosen: str | None) -> None:
    """With the library that is asked for, else with that of the system, else with that of the wheel."""
    ffi, lib = library.load()
    wheel = None if chosen or os.environ.get("PYEMU_NETCDF") else netcdf_library()
    texts = [ffi.new("char[]", os.fsencode(text)) for text in (path, chosen or "", wheel or "")]
    begun.path, begun.library = texts[0], texts[1] if chosen else ffi.NULL
    try:
        library.call(lib.pyemu_set_record, handle, begun)
    except library.EmulatorError as error:
        if error.status != lib.PYEMU_ERR_UNSUPPORTED or wheel is None:
            raise
        begun.library = texts[2]
        library.call(lib.pyemu_set_record, handle, begun)


def _constant(name: str, word: str) -> int:
    words = _SETTINGS[name]
    if word not in words:
        _, lib = library.load()
        expected = " or ".join(f"'{known}'" for known in words)
        raise library.error(f"'{name}' of the recording is '{word}'; expected {expected}", lib.PYEMU_ERR_ARGUMENT)
    return words.index(word)


def record_report(handle: Any) -> Recorded:
    """Ask what has been recorded."""
    ffi, lib = library.load()
    found = ffi.new("pyemu_recorded *", {"sizeof_recorded": ffi.sizeof("pyemu_recorded")})
    library.call(lib.pyemu_record_report, handle, found)
    numbers = {name: getattr(found, name) for name in ("status", "calls", "columns", "bytes", "seconds")}
    return Recorded(
        path=Path(os.fsdecode(ffi.string(found.path))),
        is_on=bool(found.is_on),
        stopped=ffi.string(found.stopped).decode(errors="replace"),
        **numbers,
    )
