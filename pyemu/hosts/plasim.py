"""Runs of PlaSim with radiation by its own scheme, RRTMG or an emulator: ``python -m pyemu.hosts.plasim REQUEST.json``.

>>> from pyemu.hosts.plasim import run
>>> run(Path("control"), {"scheme": "rrtmg", "interval_hours": 3.0, "n_run_days": 360})  # doctest: +SKIP

A run has a folder of its own with PlaSim's namelists and boundary data. It leaves ``plasim.nc`` with means over intervals,
``plasim_diag`` with PlaSim's own words, and ``plasim_status``, from which another run restarts.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from pyemu.hosts.locate import rrtmg_directory
from pyemu.hosts.namelist import Value
from pyemu.hosts.parallel import MPI_ENVIRONMENT
from pyemu.hosts.plasim_build import LATITUDES, PlasimError, boundary_data, build
from pyemu.hosts.plasim_namelist import MODEL_ENTRIES, coupling_entries, namelists

OUTPUT = "plasim.nc"
RESTART_IN, RESTART_OUT = "plasim_restart", "plasim_status"
ABORT = "Abort_Message"  # PlaSim's own, when its state explodes
OWN: dict[str, Value] = {
    "resolution": "T21",
    "layers": 10,
    "restart_in": "",
    "sst_offset": 0.0,
}  # neither PlaSim's nor the coupling's entries
SEA_SURFACE_TEMPERATURE = 169  # code of the field in PlaSim's boundary data
FILES = ("longwave_file", "shortwave_file", "rrtmg_directory")
REFUSED, BLOW_UP = 1, 3  # exit status
YIELD = {
    "OMPI_MCA_mpi_yield_when_idle": "1"
}  # PlaSim waits many times a step; on a busy machine spinning costs tenfold
Entries = Mapping[str, Value | Path]


def run(folder: Path, entries: Entries, *, ranks: int = 1) -> Path:
    """Build PlaSim if need be, run it in ``folder`` (made if missing), and return the path of its output.

    Main arguments: ``entries`` as in ``fortran/hosts/plasim/README.md``, and ``resolution``, ``layers``, ``restart_in`` (the
    ``plasim_status`` of another run, or the ``plasim.nc`` beside it), ``sst_offset`` [K] of the sea surface at the start of a
    run that does not restart.

    Raises:
        PlasimError: it cannot be built, an entry is refused, or the run ended early; the message is the run's last word.
    """
    status, message = _execute(Path(folder), prepare(Path(folder), entries, ranks))
    if status:
        raise PlasimError(f"PlaSim ended with status {status}: {message}")
    return Path(folder) / OUTPUT


def known_entries() -> tuple[str, ...]:
    """Every entry of a run: PlaSim's, the coupling's and those of ``run`` itself; the name of the output is fixed."""
    return tuple(sorted({*OWN, *MODEL_ENTRIES, *coupling_entries()} - {"output_file"}))


def prepare(folder: Path, entries: Entries, ranks: int = 1) -> list[str]:
    """Write all that a run reads into ``folder``, and return the command. Raises ``PlasimError`` as ``run`` does."""
    own = {name: entries.get(name, default) for name, default in OWN.items()}
    rest = {name: value for name, value in entries.items() if name not in OWN} | {"output_file": OUTPUT}
    for name in FILES:
        if rest.get(name):
            rest[name] = str(Path(str(rest[name])).resolve())
    if "rrtmg" in (rest.get("scheme"), rest.get("beside")) or rest.get("guard") == "fallback":
        rest.setdefault("rrtmg_directory", str(rrtmg_directory()))
    resolution = str(own["resolution"])
    program = build(resolution, own["layers"], ranks)
    try:
        texts = namelists(rest, LATITUDES[resolution])
    except KeyError as reason:
        raise PlasimError(str(reason.args[0])) from None
    restart = _restart(str(own["restart_in"]))
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
    for path in boundary_data(resolution):
        _link(path, folder / path.name)
    if own["sst_offset"]:
        _warm(
            folder / f"N{LATITUDES[resolution]:03d}_surf_{SEA_SURFACE_TEMPERATURE:04d}.sra",
            float(str(own["sst_offset"])),
        )
    for name in (OUTPUT, RESTART_OUT, RESTART_IN, ABORT):
        (folder / name).unlink(missing_ok=True)
    if restart:
        shutil.copyfile(restart, folder / RESTART_IN)
    return [*(["mpirun", "-n", str(ranks)] if ranks > 1 else []), str(program)]


def _restart(given: str) -> Path | None:
    """The restart file that an entry means, if it is not empty."""
    if not given:
        return None
    path = Path(given)
    path = path.with_name(RESTART_OUT) if path.name == OUTPUT else path
    if not path.is_file():
        raise PlasimError(f"no restart file {path}: restart_in is the {RESTART_OUT} of a run that reached its end")
    return path


def _link(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    target.symlink_to(source)


def _warm(path: Path, offset: float) -> None:
    """Replace the link to a file of temperatures [K] by a copy with an offset; lines of eight whole numbers are headers."""
    lines = path.read_text().splitlines()
    path.unlink()
    path.write_text("".join(f"{_shifted(line, offset)}\n" for line in lines))


def _shifted(line: str, offset: float) -> str:
    if "." not in line:
        return line
    return "".join(f"{float(number) + offset:10.3f}" for number in line.split())


def _execute(folder: Path, command: list[str]) -> tuple[int, str]:
    """Run the command in the folder: exit status, minus the number of a signal that ended it, and what was said last.

    The program inherits what this process holds open, such as the lock of a harness, and ends with it.
    """
    with (folder / "stdout").open("w") as out, (folder / "stderr").open("w") as errors:
        environment = os.environ | (MPI_ENVIRONMENT | YIELD if len(command) > 1 else {})
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=errors, close_fds=False)
        try:
            status = process.wait()
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if (folder / ABORT).is_file():
        return BLOW_UP, " ".join((folder / ABORT).read_text().split())
    if status == 0 and not (folder / RESTART_OUT).is_file():
        status = REFUSED
    return status, _last_words(folder) if status else ""


def _last_words(folder: Path) -> str:
    """The first message of the coupling or of the Fortran library, or the end of what was printed."""
    text = (folder / "stderr").read_text(errors="replace").strip()
    ours = [line for line in text.splitlines() if line.startswith(("plasim: ", "Fortran runtime error: "))]
    if ours:
        return ours[0].removeprefix("plasim: ")
    return " ".join(text[-500:].split()) or f"no message; see {folder.resolve() / 'plasim_diag'}"


def _leave(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


def main(request: Path) -> int:
    """Run what the file asks for, in the present folder; the exit status is PlaSim's, 3 also for a blow-up it saw itself."""
    signal.signal(signal.SIGTERM, _leave)
    asked = json.loads(request.read_text())
    try:
        command = prepare(Path(), asked["entries"], asked["ranks"])
    except (PlasimError, OSError) as reason:
        print(reason, file=sys.stderr)
        return REFUSED
    status, message = _execute(Path(), command)
    if message:
        print(message, file=sys.stderr, flush=True)
    if status < 0:
        os.kill(os.getpid(), -status)
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
