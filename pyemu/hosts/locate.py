"""Where the hosts' executables and RRTMG lie on this machine."""

import importlib.util
import os
import shutil
from pathlib import Path


def rrtmg_directory() -> Path:
    """Folder of RRTMG in the installed climt wheel, for ``PYEMU_RRTMG`` or the namelist; climt is not imported.

    Raises:
        FileNotFoundError: climt is not installed, or holds no compiled RRTMG.
    """
    spec = importlib.util.find_spec("climt")
    origin = spec.origin if spec else None
    if origin is None:
        raise FileNotFoundError("climt is not installed, and RRTMG comes inside it: pip install climt==0.31.0")
    directory = Path(origin).parent / "_components" / "rrtmg"
    if not list(directory.glob("lw/_rrtmg_lw*.so")):
        raise FileNotFoundError(f"no compiled RRTMG in {directory}: install the binary wheel of climt 0.31")
    return directory


def column_executable() -> Path:
    """The driver of the column host: ``PYEMU_COLUMN``, the installed package, or the search path, in this order.

    Raises:
        FileNotFoundError: it is in none of these places.
    """
    packaged = Path(__file__).parents[1] / "bin" / "pyemu_column"
    candidates = [os.environ.get("PYEMU_COLUMN"), str(packaged), shutil.which("pyemu_column")]
    for candidate in candidates:
        if candidate and os.access(candidate, os.X_OK):
            return Path(candidate)
    raise FileNotFoundError(
        f"pyemu_column not found: PYEMU_COLUMN is not set to it, it is neither {packaged} nor on PATH; build and install "
        "the project (cmake --install, or pip install)"
    )
