"""Where the hosts' executables and RRTMG lie on this machine."""

import importlib.util
import os
import shutil
from pathlib import Path

import pyemu


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


def executable(host: str) -> Path:
    """The driver ``pyemu_<host>``: in the folder ``PYEMU_BIN``, in the installed package, or on the search path.

    Raises:
        FileNotFoundError: it is in none of these places.
    """
    name = f"pyemu_{host}"
    folders = [os.environ.get("PYEMU_BIN", ""), *(str(Path(folder) / "bin") for folder in pyemu.__path__)]
    found = shutil.which(name, path=os.pathsep.join(filter(None, folders))) or shutil.which(name)
    if found is None:
        raise FileNotFoundError(
            f"{name} found neither in {', '.join(filter(None, folders))} nor on PATH: build and install the project "
            "with netcdf-fortran ('make setup'), or set PYEMU_BIN to the folder that holds it"
        )
    return Path(found)
