"""PlaSim with the coupling, compiled from the sources in an installed exoplasim, and kept for the next time.

PlaSim (GPL-2.0) is not part of pyemu: the wheel of exoplasim brings its sources and boundary data, which are only read.
exoplasim itself is never imported, because its import configures and compiles a model of its own.
"""

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyemu

LATITUDES = {"T21": 32, "T31": 48, "T42": 64}
COUPLING_SOURCE = ("fortran/hosts/plasim", "fortran/hosts/shared")


class PlasimError(RuntimeError):
    """PlaSim cannot be found, built or run; the message says what to do."""


def plasim_directory() -> Path:
    """Folder ``plasim`` of the installed exoplasim, with ``src`` and ``dat``.

    Raises:
        PlasimError: exoplasim is not installed.
    """
    spec = importlib.util.find_spec("exoplasim")
    places = list(spec.submodule_search_locations or []) if spec else []
    if not places:
        raise PlasimError("exoplasim is not installed, and PlaSim comes inside it: pip install exoplasim==3.4.2")
    directory = Path(places[0]) / "plasim"
    if not (directory / "src" / "plasim.f90").is_file():
        raise PlasimError(f"no sources of PlaSim in {directory}: install the wheel of exoplasim 3.4.2")
    return directory


def boundary_data(resolution: str) -> list[Path]:
    """Files of orography, land, ocean and ice for a resolution. Raises ``PlasimError`` if there are none."""
    folder = plasim_directory() / "dat" / resolution
    files = sorted(folder.glob("*_surf_*.sra"))
    if not files:
        raise PlasimError(f"no boundary data in {folder}: install the wheel of exoplasim 3.4.2")
    return files


def build(resolution: str = "T21", layers: object = 10, ranks: int = 1, *, cache_dir: Path | None = None) -> Path:
    """The program, compiled now unless it was before; some 20 seconds.

    Main arguments:
        resolution: ``"T21"``, ``"T31"`` or ``"T42"``.
        layers: of the atmosphere, 5 to 100; the boundary data fit any number.
        ranks: MPI processes, a power of two that divides half of the latitudes; 1 builds without MPI.

    Other Arguments:
        cache_dir: where builds are kept; default ``PYEMU_CACHE`` or ``~/.cache/pyemu``, folder ``plasim``.

    Raises:
        PlasimError: an argument is refused, exoplasim or the sources of the coupling are missing, or compilation fails.
    """
    if resolution not in LATITUDES:
        raise PlasimError(f"resolution '{resolution}' is none of {', '.join(LATITUDES)}")
    if not isinstance(layers, int) or not 5 <= layers <= 100:
        raise PlasimError(f"layers is {layers}, expected a whole number from 5 to 100")
    if ranks < 1 or ranks & (ranks - 1) or LATITUDES[resolution] % (2 * ranks):
        raise PlasimError(
            f"ranks is {ranks}, expected a power of two that shares the {LATITUDES[resolution]} latitudes of {resolution} "
            "in pairs"
        )
    plasim_directory()
    source = coupling_directory()
    options = {"LATITUDES": LATITUDES[resolution], "LAYERS": layers, "RANKS": ranks}
    name = f"{resolution}L{layers}-{ranks}-{_digest(source)}"
    folder = (cache_dir or default_cache()) / name
    with _locked(folder):
        program = folder / "pyemu_plasim"
        if not (folder / "done").is_file():
            _compile(source, folder, options)
            (folder / "done").touch()
    return program


def default_cache() -> Path:
    """Where builds are kept unless a caller says otherwise."""
    root = os.environ.get("PYEMU_CACHE") or Path.home() / ".cache" / "pyemu"
    return Path(root) / "plasim"


def coupling_directory() -> Path:
    """``fortran/hosts/plasim`` of the source tree, or ``PYEMU_PLASIM_COUPLING``. Raises ``PlasimError`` if it is not there."""
    places = [Path(folder).parent / COUPLING_SOURCE[0] for folder in pyemu.__path__]
    if "PYEMU_PLASIM_COUPLING" in os.environ:
        places = [Path(os.environ["PYEMU_PLASIM_COUPLING"])]
    for place in places:
        if (place / "CMakeLists.txt").is_file():
            return place
    raise PlasimError(
        f"the coupling of PlaSim is not in {', '.join(map(str, places))}: it comes with the source tree of pyemu, under "
        "another licence than the library; set PYEMU_PLASIM_COUPLING to its folder fortran/hosts/plasim"
    )


def _digest(source: Path) -> str:
    """Changes with any source, with the version of PlaSim, and with libpyemu's place and interface."""
    digest = hashlib.sha256(f"{importlib.metadata.version('exoplasim')} {_prefix()}".encode())
    files = [*sorted(source.glob("*.f90")), source / "resolution.f90.in", source / "CMakeLists.txt"]
    files += sorted((source.parent / "shared").iterdir())
    files += sorted(_prefix().glob("include/pyemu/*/pyemu.mod"))
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def _prefix() -> Path:
    """Where libpyemu is installed: below the package."""
    for folder in map(Path, pyemu.__path__):
        if (folder / "lib" / "cmake" / "pyemu").is_dir():
            return folder
    raise PlasimError(f"no lib/cmake/pyemu in {', '.join(pyemu.__path__)}: install pyemu ('make setup')")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process builds, others wait."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _compile(source: Path, folder: Path, options: dict[str, int]) -> None:
    configure = ["cmake", "-S", str(source), "-B", str(folder), f"-DCMAKE_PREFIX_PATH={_prefix()}"]
    configure += [f"-DPLASIM_SOURCE={plasim_directory() / 'src'}"]
    configure += [f"-DPLASIM_{name}={value}" for name, value in options.items()]
    for command in (configure, ["cmake", "--build", str(folder), "--parallel"]):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            log = folder / "build.log"
            log.write_text(done.stdout)
            raise PlasimError(
                f"PlaSim does not build; the compiler's words are in {log}, their end:\n{done.stdout[-2000:]}"
            )
