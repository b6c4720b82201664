"""Time a run through libpyemu beside ONNX Runtime alone: ``bench_runtime.py [--program FILE] [--json FILE]``.

The rows are what ``bench_runtime.c`` prints; the nets are multilayer perceptrons from five profiles of 60 layers to
one, made on the spot. Read ``us - bare_us`` as the price of the host's layout and precision.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
N_LAYER = 60
WIDTHS = (64, 256)
Row = dict[str, Any]


def make_net(directory: Path, width: int) -> Path:
    """Write an emulator of two hidden layers."""
    sys.path.insert(0, str(ROOT / "tests" / "data"))
    import make_emulators

    card, model, values = make_emulators.mlp_emulator(N_LAYER, width)
    path = directory / f"mlp{width}.onnx"
    make_emulators.write(path, model, card, make_emulators.make_reference(card, values))
    return path


def flops(width: int) -> int:
    """Return the floating-point operations of one column."""
    return 2 * (5 * N_LAYER * width + width * width + width * N_LAYER)


def runtime_directory() -> Path:
    """Return the directory of ONNX Runtime's library in this Python."""
    spec = importlib.util.find_spec("onnxruntime")
    if spec is None or spec.origin is None:
        raise SystemExit("onnxruntime is not installed in this Python")
    return Path(spec.origin).parent / "capi"


def measure(program: Path) -> list[Row]:
    """Return the rows of all nets, and the peak once."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as directory:
        for width in WIDTHS:
            path = make_net(Path(directory), width)
            command = [program, path, path.stem, str(flops(width)), runtime_directory()]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            rows += [json.loads(line) for line in done.stdout.splitlines()]
    peaks = [row for row in rows if "peak_gflops" in row]
    return [row for row in rows if "peak_gflops" not in row] + [max(peaks, key=lambda row: float(row["peak_gflops"]))]


def print_table(rows: list[Row]) -> None:
    """Print the rows readably."""
    print(f"{'net':8} {'batch':>6} {'kind':7} {'layout':10} {'us':>9} {'bare us':>9} {'floor us':>9}  {'over bare':>9}")
    for row in rows:
        if row.get("engine") == "onnxruntime":
            over = row["us"] - row["bare_us"]
            times = f"{row['us']:9.2f} {row['bare_us']:9.2f} {row['floor_us']:9.2f}  {over:+9.2f}"
            print(f"{row['net']:8} {row['batch']:6} {row['dtype']:7} {row['layout']:10} {times}")
        elif row.get("engine") == "bind":
            print(f"{row['net']:8} one bind: {row['us'] * 1000:.0f} ns")
        else:
            print(f"peak of one core: {row['peak_gflops']} GFLOP/s in {row['dtype']}")


def main() -> None:
    """Measure, print, and write the rows if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=Path, default=ROOT / "build" / "native" / "bin" / "bench_runtime")
    parser.add_argument("--json", type=Path, help="file for the rows")
    arguments = parser.parse_args()
    rows = measure(arguments.program)
    print_table(rows)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
