"""Load the engines, and run a file, in a process of their own: ``python -m pyemu.doctor.probe REQUEST``.

An engine that crashes, or a library that spoils the process, then becomes a finding. REQUEST is a JSON object with the
keys ``file``, ``engine``, ``options`` and ``columns``; the answer is one JSON object on standard output.
"""

import ctypes
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from pyemu.runtime import Emulator, EmulatorError, library_directory

INTERFACE_FUNCTION = "pyemu_engine_plugin"
PREFIX, SUFFIX = "libpyemu_engine_", ".so"
ENGINES_OF = {"torch": ("aoti", "torchscript")}  # plugins that hold engines of other names
BATCHES = ("column", "sample")  # dimensions that enumerate what a run takes many of
SECONDS = 0.2  # for one median
MAX_RUNS = 2000
MAX_SECONDS = 2.0  # for one run: what takes longer is not tried with more columns
MAX_BYTES = 1 << 28  # of all arrays


def mapped_libraries(maps: Path = Path("/proc/self/maps")) -> list[str]:
    """The shared libraries in this process."""
    lines = maps.read_text(errors="replace").splitlines()
    paths = {line.split(maxsplit=5)[5] for line in lines if len(line.split(maxsplit=5)) == 6}
    return sorted(path for path in paths if ".so" in Path(path).name)


def cuda_libraries(libraries: list[str]) -> list[str]:
    """Libraries of CUDA in this process, and the provider that ONNX Runtime loads only when it is asked to."""
    providers = {p for path in libraries for p in Path(path).parent.glob("libonnxruntime_providers_cuda.so")}
    return sorted({path for path in libraries if "cuda" in Path(path).name.lower()} | {str(path) for path in providers})


def plugins() -> list[Path]:
    """The engine plugins that libpyemu would find."""
    directories = os.environ.get("PYEMU_ENGINE_PATH") or str(library_directory())
    found = [path for d in directories.split(":") if d for path in sorted(Path(d).glob(f"{PREFIX}*{SUFFIX}"))]
    return list({path.name: path for path in reversed(found)}.values())[::-1]


def load_plugin(path: Path) -> dict[str, Any]:
    """Load one plugin as libpyemu does."""
    name = path.name[len(PREFIX) : -len(SUFFIX)]
    answer: dict[str, Any] = {"name": name, "engines": [name], "path": str(path), "problem": None}
    try:
        function = getattr(ctypes.CDLL(str(path), mode=os.RTLD_NOW | os.RTLD_LOCAL), INTERFACE_FUNCTION)
    except (OSError, AttributeError) as error:
        return answer | {"problem": str(error)}
    function.restype = ctypes.c_void_p
    names = ENGINES_OF.get(name, (name,))
    answer["engines"] = [engine for engine in names if function(engine.encode())]
    return answer if answer["engines"] else answer | {"problem": f"it holds no engine {' or '.join(names)}"}


def repeated(emulator: Emulator, columns: int, *, as_host: bool) -> dict[str, np.ndarray]:
    """The recorded values of every variable, repeated to so many columns.

    ``as_host``: as most hosts have them, real64 in Fortran's order (column, level); else in the emulator's own layout.
    """
    card, arrays = emulator.card, {}
    for entry in (*card["inputs"], *card["outputs"]):
        values = emulator.reference(entry["name"])
        if entry["dims"] and entry["dims"][0] in BATCHES:
            values = values[np.arange(columns) % len(values)]
        if as_host and values.dtype.kind == "f":
            values = np.asfortranarray(values.astype(np.float64))
        arrays[entry["name"]] = values
    return arrays


def bytes_of_column(emulator: Emulator) -> int:
    """Bytes of real64 arrays for one column, or one field, of all variables."""
    return sum(8 * array.size for array in repeated(emulator, 1, as_host=False).values())


def median_time(run: Callable[[], None]) -> float:
    """Median duration of a call [s]."""
    run()
    times: list[float] = []
    while sum(times) < SECONDS and len(times) < MAX_RUNS:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def time_file(emulator: Emulator, columns: list[int]) -> list[dict[str, float]]:
    """Durations of a run [s], by number of columns, in the emulator's own layout and in that of most hosts."""
    rows: list[dict[str, float]] = []
    size = bytes_of_column(emulator)
    for count in columns:
        if rows and (rows[-1]["host_seconds"] > MAX_SECONDS or count * size > MAX_BYTES):
            break
        row: dict[str, float] = {"columns": count}
        for key, as_host in (("seconds", False), ("host_seconds", True)):
            emulator.unbind()
            for name, array in repeated(emulator, count, as_host=as_host).items():
                emulator.bind(name, array)
            row[key] = median_time(emulator.run)
        rows.append(row)
    return rows


def open_file(request: dict[str, Any]) -> dict[str, Any]:
    """Open and time the file."""
    try:
        with Emulator.open(request["file"], engine=request["engine"], **request["options"]) as emulator:
            return {"engine": emulator.engine, "problem": None, "timings": time_file(emulator, request["columns"])}
    except EmulatorError as error:
        return {"engine": None, "problem": f"{error.status_name}: {error}", "timings": []}


def main() -> None:
    """Answer one request."""
    request = json.loads(sys.argv[1])
    before = set(mapped_libraries())
    answer: dict[str, Any] = {"engines": [load_plugin(path) for path in plugins()]}
    answer["file"] = open_file(request) if request.get("file") else None
    answer["libraries"] = [path for path in mapped_libraries() if path not in before]
    answer["cuda"] = cuda_libraries(answer["libraries"])
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
