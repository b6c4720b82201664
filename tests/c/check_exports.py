"""The library exports the functions of its header and nothing else, and needs libc and libm only.

A plugin exports one function and is linked to no engine: it could not be loaded without it then.

``check_exports.py NM READELF HEADER LIBRARY PLUGIN...``
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

SYSTEM_LIBRARIES = {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "ld-linux-x86-64.so.2"}


def exported(nm: str, library: str) -> set[str]:
    """Return the dynamic symbols that a shared library defines."""
    lines = subprocess.run([nm, "-D", "--defined-only", library], check=True, capture_output=True, text=True).stdout
    return {line.split()[-1] for line in lines.splitlines()}


def needed(readelf: str, library: str) -> set[str]:
    """Return the shared libraries that a shared library is linked to."""
    text = subprocess.run([readelf, "-d", library], check=True, capture_output=True, text=True).stdout
    return set(re.findall(r"\(NEEDED\).*\[(.*?)\]", text))


def declared(header: str) -> set[str]:
    """Return the functions that the header declares."""
    return set(re.findall(r"PYEMU_API[^;]*?\b(pyemu_\w+)\(", Path(header).read_text()))


def main() -> None:
    """Compare and fail with the difference."""
    nm, readelf, header, library, *plugins = sys.argv[1:]
    functions = declared(header)
    assert len(functions) >= 15, f"only {len(functions)} functions found in {header}"
    difference = functions ^ exported(nm, library)
    assert not difference, f"in only one of header and library: {sorted(difference)}"
    foreign = needed(readelf, library) - SYSTEM_LIBRARIES
    assert not foreign, f"the core is linked to {sorted(foreign)}"
    for plugin in plugins:
        assert exported(nm, plugin) == {"pyemu_engine_plugin"}, (plugin, exported(nm, plugin))
        assert not needed(readelf, plugin) - SYSTEM_LIBRARIES, (plugin, needed(readelf, plugin))


if __name__ == "__main__":
    main()
