"""Where the installed package keeps what a compiler needs: for hosts that link the library of the wheel."""

from __future__ import annotations

from pyemu.runtime.library import library_directory


def get_include() -> str:
    """Return the directory of ``pyemu.h``; the Fortran modules of each compiler lie below it.

    Raises:
        FileNotFoundError: the native library is not built.
    """
    return str(library_directory().parent / "include")


def get_cmake_dir() -> str:
    """Return the directory that CMake needs as ``pyemu_DIR`` to find the package pyemu.

    Raises:
        FileNotFoundError: the native library is not built.
    """
    return str(library_directory() / "cmake" / "pyemu")
