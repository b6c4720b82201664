"""The routes by which one emulator file can be run: each takes the file and gives outputs by name."""

import io
import json
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pyemu.emulator.card import Card
from pyemu.emulator.compare import OutputDifference, difference

FORTRAN_PROGRAM = "pyemu_verify"
FORTRAN_TIMEOUT = 300.0  # s

Runner = Callable[[Mapping[str, np.ndarray]], dict[str, np.ndarray]]


class LegError(RuntimeError):
    """A route could not be run; the message says why and what to try."""


def onnxruntime(data: bytes) -> Runner:
    """Open the graph in ``data`` with ONNX Runtime in Python, on one CPU thread as in a host.

    Returns a function from inputs by name to outputs by name.
    """
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(names, dict(inputs)), strict=True))


def torchscript(data: bytes, card: Card) -> Runner:
    """Load a TorchScript archive with torch; otherwise as :func:`onnxruntime`. Runs code from the file."""
    import torch

    module = torch.jit.load(io.BytesIO(data), map_location="cpu")
    return _torch_runner(module, card)


def aoti(data: bytes, card: Card) -> Runner:
    """Load an AOTInductor package with torch; otherwise as :func:`onnxruntime`. Runs code from the file."""
    import torch

    with tempfile.TemporaryDirectory(prefix="pyemu_") as folder:
        path = Path(folder) / "emulator.pt2"  # torch loads packages by their names only
        path.write_bytes(data)
        package = torch._inductor.aoti_load_package(str(path), run_single_threaded=True)
    return _torch_runner(package, card)


def _torch_runner(function: Callable[..., Any], card: Card) -> Runner:
    import torch

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        tensors = [torch.from_numpy(np.array(inputs[variable.name], order="C")) for variable in card.inputs]
        with torch.inference_mode():
            found = function(*tensors)
        found = [found] if isinstance(found, torch.Tensor) else found
        return {variable.name: tensor.numpy() for variable, tensor in zip(card.outputs, found, strict=True)}

    return run


def python(data: bytes, card: Card) -> Runner:
    """Run a Python module here; otherwise as :func:`onnxruntime`. Runs code from the file."""
    namespace: dict[str, Any] = {"__name__": card.name}
    exec(compile(data, f"<{card.name}>", "exec"), namespace)

    def run(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        found = namespace["f"](**inputs)
        return {variable.name: np.asarray(found[variable.name]) for variable in card.outputs}

    return run


def libpyemu(
    path: Path,
    card: Card,
    inputs: Mapping[str, np.ndarray],
    allow_code: bool = False,
    engine: str | None = None,
    derivative: str | None = None,
) -> dict[str, np.ndarray]:
    """Outputs from libpyemu called from Python, every array bound with the units on the card; ``engine`` is the file's own.

    The card is that of the ``derivative``, if one is given.

    Raises:
        LegError: the library is not built, or refuses the file.
    """
    try:
        from pyemu.runtime import Emulator, EmulatorError, library_directory

        library_directory()
    except (ImportError, OSError) as error:
        raise LegError(f"libpyemu cannot be loaded ({error}): build the library ('make setup')") from error
    columns = card.columns(inputs)
    outputs = {
        variable.name: np.full(card.shape(variable, columns), _unwritten(variable.dtype), variable.dtype)
        for variable in card.outputs
    }
    try:
        emulator = Emulator.open(str(path), engine=engine, allow_code=allow_code, derivative=derivative)
        try:
            for variable in card.variables:
                emulator.bind(variable.name, {**inputs, **outputs}[variable.name], units=variable.units)
            emulator.run()
        finally:
            emulator.close()
    except EmulatorError as error:
        raise LegError(str(error)) from error
    return outputs


def _unwritten(dtype: str) -> float:
    """What is in an output before a run: no result may be it."""
    return np.iinfo(dtype).min if dtype == "int32" else np.nan


def fortran(
    path: Path, card: Card, allow_code: bool = False, engine: str | None = None, derivative: str | None = None
) -> list[OutputDifference]:
    """Differences found by the compiled Fortran program, which replays the reference columns by itself.

    The card is that of the ``derivative``, if one is given.

    Raises:
        LegError: the program is not installed, stopped, or printed something else than one row per output.
    """
    try:
        from pyemu.runtime import program as find_program

        program = find_program(FORTRAN_PROGRAM)
        command = [str(program), str(path), *([engine] if engine else []), *(["--allow-code"] if allow_code else [])]
        command += [f"--derivative={derivative}"] if derivative else []
        done = subprocess.run(command, capture_output=True, text=True, timeout=FORTRAN_TIMEOUT, check=False)
    except (ImportError, OSError, subprocess.TimeoutExpired) as error:
        raise LegError(str(error)) from error
    if done.returncode != 0:
        raise LegError(
            f"{program.name} stopped with status {done.returncode}: {done.stderr.strip() or done.stdout.strip()}"
        )
    return _rows(card, done.stdout)


def _rows(card: Card, text: str) -> list[OutputDifference]:
    """One JSON object per line: name, max_abs_difference, max_abs_reference."""
    try:
        rows = {row["name"]: row for row in map(json.loads, text.strip().splitlines())}
        return [
            difference(card, name, float(rows[name]["max_abs_difference"]), float(rows[name]["max_abs_reference"]))
            for name in (variable.name for variable in card.outputs)
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise LegError(
            f"{FORTRAN_PROGRAM} printed {text[:200]!r}, expected one JSON object per output ({error!r})"
        ) from error
