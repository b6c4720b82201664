"""An emulator as C: one source file with the weights inside and a Fortran module, made by the program ``pyemu_compile``."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyemu.emulator.errors import ExportError
from pyemu.emulator.file import EmulatorFile
from pyemu.emulator.kinds import ONNX

PROGRAM = "pyemu_compile"
PRECISIONS = ("real32", "real64")
TIMEOUT = 600.0  # s


@dataclass(frozen=True)
class Compiled:
    """What was written: both files, the function for one column, and the bytes that a call needs on the stack."""

    source: Path
    fortran: Path
    function: str
    stack_bytes: int

    @property
    def module(self) -> str:
        """Name of the Fortran module."""
        return f"{self.function}_emulator"

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "c": str(self.source),
            "fortran": str(self.fortran),
            "function": self.function,
            "module": self.module,
            "stack_bytes": self.stack_bytes,
        }


def compile_to_c(
    path: str | Path,
    output: str | Path | None = None,
    name: str | None = None,
    precision: str = "real32",
    derivative: str | None = None,
) -> Compiled:
    """Write the emulator in ``path`` as one C file and a Fortran module beside it.

    Main arguments:
        path: an ONNX emulator file that the engine ``native`` can run.
        output: the C file, ``.c``; default: the file's name with that suffix. The module is the same with ``.f90``.
        name: of the function; default: the card's. The module is ``NAME_emulator``.
        precision: ``"real32"``, or ``"real64"``: what is float32 in the graph is double, the arguments too.
        derivative: ``"vjp"`` or ``"jvp"``: write that derivative in the emulator's place, if the file carries it. The
            names of file and function end in it then, unless they are given.

    Raises:
        ValueError: ``precision`` is another word.
        EmulatorFileError: the file has no such derivative.
        ExportError: the engine cannot run the file, a name cannot be one of Fortran, or a file cannot be written.
        FileNotFoundError: the native library is not built.
    """
    from pyemu.runtime import program

    path = Path(path)
    suffix = ".c" if derivative is None else f"_{derivative}.c"
    output = path.with_name(path.stem + suffix) if output is None else Path(output)
    if precision not in PRECISIONS:
        raise ValueError(f"precision is '{precision}'; expected {' or '.join(map(repr, PRECISIONS))}")
    if derivative is not None:
        name = name or f"{EmulatorFile.open(path).derivative(derivative).card.name}_{derivative}"
    options = ["--real64"] if precision == "real64" else []
    options += [] if derivative is None else [f"--derivative={derivative}"]
    command = [str(program(PROGRAM)), *options, str(path), str(output), *([name] if name else [])]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=TIMEOUT, check=False)
    if done.returncode != 0:
        message = done.stderr.strip() or f"{PROGRAM} stopped with status {done.returncode}"
        raise ExportError(f"{path} could not be compiled: {message}")
    found = json.loads(done.stdout)
    return Compiled(output, output.with_suffix(".f90"), found["name"], found["stack_bytes"])


def native_support(file: EmulatorFile) -> dict[str, Any]:
    """Say whether the engine ``native`` runs a file, and so whether it can be compiled.

    Returns ``runs`` (``None`` if the library is not built), ``operator`` (the one in the way, or ``None``) and
    ``problem`` (what the engine says, or ``None``).
    """
    if file.kind is not ONNX:
        return {"runs": False, "operator": None, "problem": f"the file is {file.kind.description}"}
    from pyemu.runtime import Emulator, EmulatorError

    try:
        Emulator.from_bytes(file.data, engine="native").close()
    except FileNotFoundError as error:
        return {"runs": None, "operator": None, "problem": str(error)}
    except EmulatorError as error:
        operator = re.search(r"cannot run operator '([^']*)'", str(error))
        return {"runs": False, "operator": operator[1] if operator else None, "problem": str(error)}
    return {"runs": True, "operator": None, "problem": None}
