"""What recording costs: runs of an emulator with and without it, in turns, and the size and speed of the file.

python benchmarks/bench_record.py FILE [--columns 1024] [--steps 50] [--folder DIR]
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from pyemu.runtime import Emulator


def bind(emulator: Emulator, columns: int) -> None:
    """Reference columns again and again, in arrays of the host's: float64 in Fortran order."""
    for variable in emulator.variables:
        values = emulator.reference(variable.name)
        shape = (columns, *variable.shape)
        array = np.resize(values, shape) if variable.is_input else np.zeros(shape)
        emulator.bind(variable.name, np.array(array, np.float64, order="F"), variable.units)


def seconds(emulator: Emulator, step: int) -> float:
    """Of one run."""
    start = time.perf_counter()
    emulator.run(step)
    return time.perf_counter() - start


def measure(file: Path, engine: str, columns: int, steps: int, folder: Path) -> None:
    """Print one line for an engine."""
    plain, recorded = (Emulator.open(file, engine) for _ in range(2))
    for emulator in (plain, recorded):
        bind(emulator, columns)
        emulator.run(0)
    recorded.set_record(folder / f"{engine}.nc", max_bytes=1 << 40)
    times = [(seconds(plain, step), seconds(recorded, step)) for step in range(steps)]
    done = recorded.end_record()
    without, with_ = (1e6 * statistics.median(column) / columns for column in zip(*times, strict=True))
    print(
        f"{engine:12} {without:9.2f} {with_:9.2f} {1e6 * done.seconds / done.columns:9.2f} "
        f"{done.bytes / done.columns:9.0f} {done.bytes / done.seconds / 1e6:9.0f}"
    )


def main() -> None:
    """Measure both engines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--columns", type=int, default=1024)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    print("engine         run [us]  recorded  record [us]   [B]     [MB/s]   (a column; medians of runs in turns)")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for engine in ("native", "onnxruntime"):
            measure(options.file, engine, options.columns, options.steps, Path(folder))


if __name__ == "__main__":
    main()
