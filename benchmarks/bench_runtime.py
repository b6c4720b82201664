"""Time a run from Fortran beside its engine alone: ``bench_runtime.py [--program FILE] [--json FILE] [--table FILE]``.

The rows are what ``bench_runtime.c`` prints for the networks of ``nets.py``: medians over interleaved blocks, and the
median ratio of neighbouring blocks. ``floor`` is the time of the arithmetic at the measured peak of the cores used.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nets

import pyemu.runtime

ROOT = Path(__file__).parents[1]
BATCHES = (1, 16, 128, 1024, 8192)
FIELD_BATCHES = (1, 16)
THREADS = (1, 2)
PAGE = """# What a run costs

Time of `emulator%run` from Fortran beside the same engine called alone on ready tensors with the same options and number of
threads: medians of interleaved blocks of one run in one process, `ratio` the median ratio of neighbouring blocks. `floor` is
the time of the arithmetic at the measured peak of the cores. Networks: `mlp64` 64-128-128-64, `rad` 300-256-256-256-200,
`unet` 2 x 64 x 64 with 16 and 32 channels (`benchmarks/nets.py`). real64 arrays are converted to the graph's float32;
(ncol,nlay) is transposed; real32 (nlay,ncol) is used in place.

An engine alone is what a program without libpyemu would call: ONNX Runtime with inputs and outputs bound once
(`benchmarks/bare_onnxruntime.c`), `AOTIModelPackageLoader::run` or `torch::jit::Module::forward` in inference mode on tensors
that lie over the inputs (`benchmarks/bare_torch.cpp`). torch takes memory for its outputs in every call; alone it copies them
into ready memory too, because a run from Fortran must deliver into the host's arrays.

    make bench                                                          # prints the tables, writes build/bench.json
    python benchmarks/bench_runtime.py --table docs/reference/benchmark.md

The engine `native` takes part in a contest of all that can run the same net on tensors that lie ready, columns one after
another: ONNX Runtime, matrix products of OpenBLAS with loops for bias and relu (`benchmarks/bare_sgemm.c`), the AOTInductor
package and the TorchScript module. `ratio to the best` is the median ratio to the fastest of them; `share of peak` is floor by
time. Where the memory of a process happens to lie changes the time of one column by several percent, so its rows are medians of
nine processes. `gru` is a bidirectional GRU of 64 over 60 levels. Its runs with several threads are measured beside those with
one, in a program without any other library.

Nothing else should run meanwhile: the threads of torch wait for each other without sleeping, so on cores that are shared its
rows with 2 threads show the scheduler. Nothing of it has been run on a GPU.

"""
Row = dict[str, Any]


@dataclass(frozen=True)
class Engine:
    """The files an engine reads, and the Python package whose libraries it runs on, with their directory in it."""

    suffix: str
    package: str
    libraries: str


# An engine that the program has, and that is not named here, is not measured.
ENGINES = {
    "onnxruntime": Engine("onnx", "onnxruntime", "capi"),
    "aoti": Engine("pt2", "torch", "lib"),
    "torchscript": Engine("pt", "torch", "lib"),
}
PROCESSES = 9
NATIVE = "native"  # built into libpyemu, and compared with all that could run the same net


def library_directory(engine: Engine) -> Path:
    """Return the directory of the engine's libraries in this Python."""
    spec = importlib.util.find_spec(engine.package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{engine.package} is not installed in this Python")
    return Path(spec.origin).parent / engine.libraries


def blas() -> Path | None:
    """Return the OpenBLAS in NumPy's wheel, if it has one."""
    spec = importlib.util.find_spec("numpy")
    folder = Path(spec.origin).parents[1] / "numpy.libs" if spec and spec.origin else Path()
    return next(iter(sorted(folder.glob("libscipy_openblas*"))), None)


def environment() -> dict[str, str]:
    """Where the contestants of the engine ``native`` find their libraries. OpenBLAS is told to use AVX-512, which it does
    not find by itself on every processor that has it."""
    wide = "avx512f" in Path("/proc/cpuinfo").read_text()
    return os.environ | {
        "BENCH_ORT": str(library_directory(ENGINES["onnxruntime"])),
        "BENCH_TORCH_LIBRARIES": str(library_directory(ENGINES["aoti"])),
        "BENCH_BLAS": str(blas() or ""),
        **({"OPENBLAS_CORETYPE": "SkylakeX"} if wide else {}),
    }


def printed(program: Path, *arguments: object) -> str:
    """Return what the program prints."""
    command = [str(part) for part in (program, *arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env=environment())
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: exit status {done.returncode}")
    return done.stdout


def measured(program: Path, *arguments: object) -> list[Row]:
    """Return the rows that the program prints."""
    return [json.loads(line) for line in printed(program, *arguments).splitlines()]


def median_row(rows: Sequence[Row]) -> Row:
    """Return the first row with the median of every number that was measured."""
    medians = {
        key: statistics.median(row[key] for row in rows) for key, value in rows[0].items() if isinstance(value, float)
    }
    return {**rows[0], **medians}


def measure(program: Path, engines: list[str]) -> list[Row]:
    """Return the rows of all engines and nets, the cost of a bind, and the peak once."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as directory:
        if NATIVE in engines:
            rows += measure_native(program, Path(directory))
        for name in (name for name in engines if name != NATIVE):
            engine = ENGINES[name]
            for net, path in nets.write(Path(directory), [engine.suffix]):
                for threads in THREADS:
                    rows += measured(
                        program, path, net.name, net.flops, name, library_directory(engine), threads, *batches(net)
                    )
        for net, path in nets.write(Path(directory), ["onnx"]):
            if net.card.kind == "column":
                rows += measured(program, path, net.name, net.flops, "stub", "", 1)
    peaks = [row for row in rows if "peak_gflops" in row]
    return [row for row in rows if "peak_gflops" not in row] + [max(peaks, key=lambda row: float(row["peak_gflops"]))]


def measure_native(program: Path, directory: Path) -> list[Row]:
    """Return the rows of the engine ``native`` beside all that run the same nets."""
    files = nets.write(directory, ["onnx", "pt2", "pt"])
    files += nets.write(directory, ["onnx"], [nets.gru()])
    rows: list[Row] = []
    for net, path in files:
        for threads in THREADS if path.suffix == ".onnx" else ():
            fixed = (program, path, net.name, net.flops, NATIVE, "", threads)
            often = [measured(*fixed, 1) for _ in range(PROCESSES)]
            rows += [median_row(of_a_case) for of_a_case in zip(*often, strict=True)]
            rows += measured(*fixed, *(batch for batch in batches(net) if batch > 1))
    return rows


def batches(net: nets.Net) -> tuple[int, ...]:
    """The numbers of columns, samples or fields in a run."""
    if net.name == "gru":
        return (1, 16, 128)
    return FIELD_BATCHES if net.card.kind == "field" else BATCHES


def table(rows: list[Row]) -> str:
    """The rows as Markdown, one table for each engine, with the machine and the versions."""
    lines = [
        f"{processor()}; libpyemu {pyemu.runtime.version()}, ONNX Runtime {importlib.metadata.version('onnxruntime')}, "
        f"torch {importlib.metadata.version('torch')}; peak of one core {rows[-1]['peak_gflops']} GFLOP/s (float32)."
    ]
    native = [row for row in rows if row.get("engine") == NATIVE]
    lines += ["", *native_table(native)] if native else []
    shared = [row for row in rows if row.get("engine") == "threads"]
    lines += ["", *threads_table(shared)] if shared else []
    contests = dict.fromkeys((row["engine"], row["bare"]) for row in rows if "bare" in row and row["engine"] != NATIVE)
    for engine, bare in contests:
        lines += ["", *engine_table([row for row in rows if row.get("engine") == engine and row.get("bare") == bare])]
    for engine in ENGINES:
        if engine not in (measured for measured, _ in contests):
            package = ENGINES[engine].package
            lines += ["", f"No table of `{engine}`: it was not measured, or not built because {package} was not found."]
    binds = [f"{row['net']} {1000 * row['us']:.0f} ns" for row in rows if row.get("engine") == "bind"]
    lines += ["", f"One bind from Fortran, with any engine: {', '.join(binds)}."]
    return "\n".join(lines)


def engine_table(rows: list[Row]) -> list[str]:
    """The table of one engine beside one contestant."""
    engine, bare = rows[0]["engine"], rows[0]["bare"]
    alone = "engine alone" if bare == engine else f"{bare} alone"
    lines = [
        f"## `{engine}`" + ("" if bare == engine else f" beside `{bare}`"),
        "",
        f"| net | batch | threads | kind | layout | run from Fortran [us] | {alone} [us] | ratio | over [us] | floor [us] |",
        "|---|---:|---:|---|---|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        cells = [row["net"], row["batch"], row["threads"], row["dtype"], f"({row['layout']})"]
        cells += [f"{row['us']:.2f}", f"{row['bare_us']:.2f}", f"{row['ratio']:.3f}"]
        cells += [f"{row['us'] - row['bare_us']:+.2f}", f"{row['floor_us']:.2f}"]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    opens = [f"{net} {first:.1f} ms, again {again:.1f} ms" for net, first, again in open_times(rows)]
    return [*lines, "", f"Open: {'; '.join(opens)}."]


def native_table(rows: list[Row]) -> list[str]:
    """The engine ``native`` beside all that ran the same net in turn with it: a row for each case."""
    bares = list(dict.fromkeys(row["bare"] for row in rows))
    lines = [
        f"## `{NATIVE}`",
        "",
        f"| net | batch | threads | kind | layout | run from Fortran [us] | {' | '.join(f'{bare} [us]' for bare in bares)} "
        "| ratio to the best | share of peak |",
        f"|---|---:|---:|---|---|---:|{'---:|' * len(bares)}---:|---:|",
    ]
    cases: dict[tuple[Any, ...], dict[str, Row]] = {}
    for row in rows:
        key = tuple(row[name] for name in ("net", "batch", "threads", "dtype", "layout"))
        cases.setdefault(key, {})[row["bare"]] = row
    for (net, batch, threads, dtype, layout), found in cases.items():
        first = next(iter(found.values()))
        times = [f"{found[bare]['bare_us']:.2f}" if bare in found else "-" for bare in bares]
        cells = [net, batch, threads, dtype, f"({layout})", f"{first['us']:.2f}", *times]
        cells += [f"{max(row['ratio'] for row in found.values()):.3f}", f"{first['floor_us'] / first['us']:.2f}"]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines


def threads_table(rows: list[Row]) -> list[str]:
    """The engine ``native`` with one thread and with several, in turn."""
    lines = [
        f"## `{NATIVE}` with several threads",
        "",
        "| net | batch | threads | kind | layout | run from Fortran [us] | with one thread [us] | faster by |",
        "|---|---:|---:|---|---|---:|---:|---:|",
    ]
    for row in rows:
        cells = [row["net"], row["batch"], row["threads"], row["dtype"], f"({row['layout']})"]
        cells += [f"{row['us']:.2f}", f"{row['alone_us']:.2f}", f"{row['speedup']:.2f}"]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return lines


def open_times(rows: list[Row]) -> list[tuple[str, float, float]]:
    """Of every net the time of the first open of a process, and the shortest of the later ones."""
    found = []
    for net in dict.fromkeys(row["net"] for row in rows):
        times = [float(row["open_ms"]) for row in rows if row["net"] == net and row["threads"] == 1]
        found.append((net, times[0], min(times[1:])))
    return found


def processor() -> str:
    """The name of the processor, as the system gives it."""
    info = Path("/proc/cpuinfo")
    names = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()


def main() -> None:
    """Measure, print, and write rows and table if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", type=Path, default=ROOT / "build" / "bench" / "bin" / "bench_runtime")
    parser.add_argument("--engines", nargs="+", metavar="NAME", help="only these; default: all that the program has")
    parser.add_argument("--json", type=Path, help="file for the rows")
    parser.add_argument("--table", type=Path, help="file for the page with the table, in Markdown")
    arguments = parser.parse_args()
    there = [name for name in printed(arguments.program, "--engines").split() if name in (*ENGINES, NATIVE)]
    rows = measure(arguments.program, [name for name in there if not arguments.engines or name in arguments.engines])
    print(table(rows))
    for path, content in ((arguments.json, json.dumps(rows, indent=1)), (arguments.table, PAGE + table(rows))):
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content + "\n")


if __name__ == "__main__":
    main()
