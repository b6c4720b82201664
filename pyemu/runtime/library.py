"""Find libpyemu and load it through its public header, so that the interface is written down once."""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cffi

import pyemu

MESSAGE_SIZE = 4096
_loading = threading.Lock()


class EmulatorError(RuntimeError):
    """An error that libpyemu reports.

    Attributes:
        status: the number, as in ``pyemu.h``.
        status_name: its name, for instance ``"PYEMU_ERR_UNITS"``.
    """

    def __init__(self, message: str, status: int, status_name: str) -> None:
        super().__init__(message)
        self.status = status
        self.status_name = status_name


def _installed(relative: str) -> Path:
    """Return a file of the installed package; an editable install has more than one directory."""
    for directory in pyemu.__path__:
        path = Path(directory) / relative
        if path.exists():
            return path
    raise FileNotFoundError(
        f"{relative} is in none of {list(pyemu.__path__)}: build and install the library with 'pip install .'"
    )


def library_directory() -> Path:
    """Return the directory that holds libpyemu and its engine plugins."""
    return _installed("lib/libpyemu.so").parent


def program(name: str) -> Path:
    """Return an installed program, for instance ``pyemu_verify`` or ``pyemu_column``."""
    return _installed(f"bin/{name}")


def declarations(header: str) -> str:
    """Return the declarations of the public header without what only a compiler understands."""
    header = re.sub(r"#ifdef __cplusplus.*?#endif", "", header, flags=re.DOTALL)
    header = re.sub(r"^\s*#.*?(?<!\\)$", "", header, flags=re.MULTILINE | re.DOTALL)
    return header.replace("PYEMU_API ", "")


def load() -> tuple[cffi.FFI, Any]:
    """Return the interface and the library, loaded once, whichever threads ask first."""
    with _loading:
        return _load()


@functools.cache
def _load() -> tuple[cffi.FFI, Any]:
    ffi = cffi.FFI()
    ffi.cdef(declarations(_installed("include/pyemu.h").read_text()))
    library = ffi.dlopen(str(library_directory() / "libpyemu.so"))
    return ffi, library


def call(function: Callable[..., int], *arguments: Any) -> None:
    """Call a function that ends in a message buffer; raise :class:`EmulatorError` if it fails."""
    ffi, library = load()
    message = ffi.new("char[]", MESSAGE_SIZE)
    status = function(*arguments, message, MESSAGE_SIZE)
    if status != library.PYEMU_OK:
        raise error(ffi.string(message).decode(errors="replace"), status)


def error(message: str, status: int) -> EmulatorError:
    """Return the exception for a status."""
    ffi, library = load()
    return EmulatorError(message, status, ffi.string(library.pyemu_status_name(status)).decode())


def version() -> str:
    """Return the version of libpyemu in use."""
    ffi, library = load()
    return str(ffi.string(library.pyemu_version()).decode())
