"""Find the compiled programs that are installed with the package."""

import os
import shutil
from pathlib import Path

import pyemu
from pyemu.emulator.errors import ProgramNotFoundError

BIN_VARIABLE = "PYEMU_BIN"  # a directory searched first, for programs of a build tree


def find_program(name: str) -> Path:
    """Path of ``pyemu_verify``, ``pyemu_column`` and the like.

    Searched: the directory ``PYEMU_BIN`` if set, ``bin`` inside the package, then ``PATH``.

    Raises:
        ProgramNotFoundError: none of them has it; the message lists where it was sought.
    """
    folders = [Path(os.environ[BIN_VARIABLE])] if os.environ.get(BIN_VARIABLE) else []
    folders += [Path(folder) / "bin" for folder in pyemu.__path__]
    for folder in folders:
        if os.access(folder / name, os.X_OK) and (folder / name).is_file():
            return folder / name
    on_path = shutil.which(name)
    if on_path:
        return Path(on_path)
    sought = ", ".join(str(folder) for folder in folders)
    raise ProgramNotFoundError(
        f"program '{name}' not found in {sought} or on PATH: build the library ('make setup'), or set {BIN_VARIABLE}"
    )
