"""Runs of PlaSim with radiation by its own scheme, RRTMG or an emulator: ``python -m pyemu.hosts.plasim REQUEST.json``.

>>> from pyemu.hosts.plasim import run
>>> run(Path("control"), {"scheme": "rrtmg", "interval_hours": 3.0, "n_run_days": 360})  # doctest: +SKIP

A run has a folder of its own with PlaSim's namelists and boundary data. It leaves ``plasim.nc`` with means over intervals,
``plasim_diag`` with PlaSim's own words, and ``plasim_status``, from which another run restarts.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from pyemu.hosts.locate import rrtmg_directory
from pyemu.hosts.namelist import Value
from pyemu.hosts.plasim_build import LATITUDES, PlasimError, boundary_data, build
from pyemu.hosts.plasim_namelist import namelists

OUTPUT = "plasim.nc"
RESTART_IN, RESTART_OUT = "plasim_restart", "plasim_status"
OWN = {
    "resolution": "T21",
    "layers": 10,
    "restart_in": "",
    "sst_offset": 0.0,
}  # neither PlaSim's nor the coupling's entries
SEA_SURFACE_TEMPERATURE = 169  # code of the field in PlaSim's boundary data
Entries = Mapping[str, Value | Path]


def run(folder: Path, entries: Entries, *, ranks: int = 1) -> Path:
    """Build PlaSim if need be, run it in ``folder`` (made if missing), and return the path of its output.

    Main arguments: ``entries`` as in ``fortran/hosts/plasim/README.md``, and ``resolution``, ``layers``, ``restart_in`` (the
    ``plasim_status`` of another run), ``sst_offset`` [K] of the sea surface at the start of a run that does not restart.

    Raises:
        PlasimError: it cannot be built, an entry is refused, or the run ended early; the message is the run's last word.
    """
    command = prepare(Path(folder), entries, ranks)
    with (Path(folder) / "stdout").open("w") as out:
        done = subprocess.run(command, cwd=folder, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode or not (Path(folder) / RESTART_OUT).is_file():
        raise PlasimError(f"PlaSim ended with status {done.returncode}: {_last_words(Path(folder), done.stderr)}")
    return Path(folder) / OUTPUT


def prepare(folder: Path, entries: Entries, ranks: int = 1) -> list[str]:
    """Write all that a run reads into ``folder``, and return the command. Raises ``PlasimError`` as ``run`` does."""
    own = {name: entries.get(name, default) for name, default in OWN.items()}
    rest = {name: value for name, value in entries.items() if name not in OWN} | {"output_file": OUTPUT}
    if "rrtmg" in (rest.get("scheme"), rest.get("beside")) or rest.get("guard") == "fallback":
        rest.setdefault("rrtmg_directory", str(rrtmg_directory()))
    resolution = str(own["resolution"])
    program = build(resolution, int(str(own["layers"])), ranks)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        texts = namelists(rest, LATITUDES[resolution])
    except KeyError as reason:
        raise PlasimError(str(reason.args[0])) from None
    for name, text in texts.items():
        (folder / name).write_text(text)
    for path in boundary_data(resolution):
        _link(path, folder / path.name)
    if own["sst_offset"]:
        _warm(
            folder / f"N{LATITUDES[resolution]:03d}_surf_{SEA_SURFACE_TEMPERATURE:04d}.sra",
            float(str(own["sst_offset"])),
        )
    (folder / RESTART_OUT).unlink(missing_ok=True)
    (folder / RESTART_IN).unlink(missing_ok=True)
    if own["restart_in"]:
        shutil.copyfile(str(own["restart_in"]), folder / RESTART_IN)
    return [*(["mpirun", "-n", str(ranks)] if ranks > 1 else []), str(program)]


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


def _last_words(folder: Path, errors: str) -> str:
    """The coupling's message, PlaSim's own, or the end of what was printed."""
    ours = [line for line in errors.splitlines() if line.startswith("plasim: ")]
    abort = folder / "Abort_Message"
    if ours:
        return ours[-1].removeprefix("plasim: ")
    return " ".join(abort.read_text().split()) if abort.is_file() else errors[-500:] or f"see {folder / 'plasim_diag'}"


def main(request: Path) -> int:
    """Run what the file asks for, in the present folder, and become PlaSim's exit status; 3 for a blow-up PlaSim saw itself."""
    asked = json.loads(request.read_text())
    try:
        command = prepare(Path(), asked["entries"], asked["ranks"])
    except (PlasimError, FileNotFoundError) as reason:
        print(reason, file=sys.stderr)
        return 1
    status = subprocess.run(command, env=os.environ, check=False).returncode
    if Path("Abort_Message").is_file():
        print(_last_words(Path(), ""), file=sys.stderr)
        return 3
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
