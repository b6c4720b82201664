"""Time a run from Fortran beside ONNX Runtime alone: ``bench_runtime.py [--program FILE] [--json FILE] [--table FILE]``.

The rows are what ``bench_runtime.c`` prints for the networks of ``nets.py``: medians over interleaved blocks, and the
median ratio of neighbouring blocks. ``floor`` is the time of the arithmetic at the measured peak of the cores used.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import platform
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import nets

import pyemu.runtime

ROOT = Path(__file__).parents[1]
BATCHES = (1, 16, 128, 1024, 8192)
FIELD_BATCHES = (1, 16)
THREADS = (1, 2)
PAGE = """# What a run costs

Time of `emulator%run` from Fortran beside the same engine called alone on ready tensors with the same options: medians of
interleaved blocks of one run, `ratio` the median ratio of neighbouring blocks. `floor` is the time of the arithmetic at the
measured peak of the cores. Networks: `mlp64` 64-128-128-64, `rad` 300-256-256-256-200, `unet` 2 x 64 x 64 with 16 and 32
channels (`benchmarks/nets.py`). real64 arrays are converted to the graph's float32; (ncol,nlay) is transposed; real32
(nlay,ncol) is used in place.

    make bench                                                          # prints the table, writes build/bench.json
    python benchmarks/bench_runtime.py --table docs/reference/benchmark.md

The engine is `onnxruntime`; `aoti` and `torchscript` are not in the table yet, and nothing of it has been run on a GPU.

"""
Row = dict[str, Any]


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
        for net, path in nets.write(Path(directory), ["onnx"]):
            batches = FIELD_BATCHES if net.card.kind == "field" else BATCHES
            for threads in THREADS:
                command = [program, path, net.name, net.flops, runtime_directory(), threads, *batches]
                done = subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True)
                rows += [json.loads(line) for line in done.stdout.splitlines()]
    peaks = [row for row in rows if "peak_gflops" in row]
    return [row for row in rows if "peak_gflops" not in row] + [max(peaks, key=lambda row: float(row["peak_gflops"]))]


def table(rows: list[Row]) -> str:
    """The rows as a Markdown table, with the machine and the versions."""
    lines = [
        f"{processor()}; libpyemu {pyemu.runtime.version()}, ONNX Runtime {importlib.metadata.version('onnxruntime')}; "
        f"peak of one core {rows[-1]['peak_gflops']} GFLOP/s (float32).",
        "",
        "| net | batch | threads | kind | layout | run from Fortran [us] | engine alone [us] | ratio | over [us] | floor [us] |",
        "|---|---:|---:|---|---|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        if row.get("engine") == "onnxruntime":
            cells = [row["net"], row["batch"], row["threads"], row["dtype"], f"({row['layout']})"]
            cells += [f"{row['us']:.2f}", f"{row['bare_us']:.2f}", f"{row['ratio']:.3f}"]
            cells += [f"{row['us'] - row['bare_us']:+.2f}", f"{row['floor_us']:.2f}"]
            lines.append(f"| {' | '.join(map(str, cells))} |")
    binds = [f"{row['net']} {1000 * row['us']:.0f} ns" for row in rows if row.get("engine") == "bind"]
    opens = [f"{row['net']} {row['open_ms']:.1f} ms" for row in rows if row.get("batch") == 1 and row["threads"] == 1]
    lines += ["", f"One bind from Fortran: {', '.join(binds)}. Open: {', '.join(dict.fromkeys(opens))}."]
    return "\n".join(lines)


def processor() -> str:
    """The name of the processor, as the system gives it."""
    info = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()


def main() -> None:
    """Measure, print, and write rows and table if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=Path, default=ROOT / "build" / "bench" / "bin" / "bench_runtime")
    parser.add_argument("--json", type=Path, help="file for the rows")
    parser.add_argument("--table", type=Path, help="file for the page with the table, in Markdown")
    arguments = parser.parse_args()
    rows = measure(arguments.program)
    print(table(rows))
    for path, content in ((arguments.json, json.dumps(rows, indent=1)), (arguments.table, PAGE + table(rows))):
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content + "\n")


if __name__ == "__main__":
    main()
