"""Check libpyemu on a GPU: ``gpu_check.py [prepare | run]``; without a GPU it says so and succeeds.

``prepare`` builds what the check needs into a bundle, a directory that can be carried to a machine without Fortran,
CMake or network: the program ``gpu_bench`` (the library and the Fortran runtime are inside), the engine plugin, and the
emulator files of ``nets.py`` with columns recorded by torch on the CPU. ``run``, the default, prepares the bundle where that
can be done, replays the recorded columns on the card and times runs on 10^2 to 10^6 columns, from arrays on the host and on
the card. It needs Python alone, and an ONNX Runtime with CUDA: ``--runtime`` or ``PYEMU_ORT`` names its library or the
directory of it, ``PYEMU_GPU_WHEELS`` a directory that holds the wheel of onnxruntime-gpu (whole, or in pieces named
``*.whl.000``, ``*.whl.001`` ...), or it is installed in this Python. If torch with CUDA is there, it measures what the card
can do.

The result is a table, ``gpu.md``, and all rows, ``gpu.json``, in the directory ``--output``. The exit status is 1 if
recorded values are not met, or if something is missing on a machine that has a GPU.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import json
import os
import shutil
import site
import subprocess
import sys
import sysconfig
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "gpu-check"
COLUMNS = (100, 1_000, 10_000, 100_000, 1_000_000)
PLUGIN = "libpyemu_engine_onnxruntime.so"
PROVIDER = "libonnxruntime_providers_cuda.so"
HOST_SHARE = 4  # arrays on the host may take one part in so many of the free memory
Row = dict[str, Any]

# Nominal numbers of data sheets, dense, used where torch cannot measure: float32 without tensor cores [TFLOP/s], memory
# [TB/s], and one direction of the link to the host [GB/s].
NOMINAL = {
    "H200": (67.0, 4.8, 64.0),
    "H100 PCIe": (51.0, 2.0, 64.0),
    "H100": (67.0, 3.35, 64.0),
    "A100": (19.5, 1.55, 32.0),
    "V100": (14.0, 0.9, 16.0),
    "L40S": (91.6, 0.864, 32.0),
    "A40": (37.4, 0.696, 32.0),
    "T4": (8.1, 0.32, 16.0),
}


@dataclass(frozen=True)
class Peak:
    """What a card can do: operations and bytes a second, and how that is known."""

    flops: float
    memory: float
    to_card: float
    from_card: float
    origin: str


class MissingError(Exception):
    """Something the check needs is not there; the text says what and where to get it."""


def find_card() -> Row | None:
    """Return name, memory and driver of the first GPU, or ``None`` if there is none."""
    smi = shutil.which("nvidia-smi")
    query = ["--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run([smi or "nvidia-smi", *query], capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return None
    rows = list(csv.reader(done.stdout.splitlines(), skipinitialspace=True))
    if not rows or len(rows[0]) != 3:
        return None
    return {"name": rows[0][0], "memory_mib": rows[0][1], "driver": rows[0][2]}


def prepare(bundle: Path) -> None:
    """Build the program and write the emulator files."""
    if shutil.which("cmake") is None or not any(map(shutil.which, ("gfortran", "flang", "ifx", "nvfortran"))):
        raise MissingError(
            "no CMake or no Fortran compiler to build gpu_bench; carry a bundle that was prepared elsewhere"
        )
    build = BUILD / "build"
    off = [f"-DPYEMU_BUILD_{part}=OFF" for part in ("TORCH", "MPI", "HOSTS", "TESTS")]
    configure = [
        "cmake",
        "-S",
        ROOT,
        "-B",
        build,
        "-DCMAKE_BUILD_TYPE=Release",
        f"-DPYEMU_PYTHON={sys.executable}",
        *off,
    ]
    subprocess.run(list(map(str, configure)), check=True, stdout=subprocess.DEVNULL)
    make = ["cmake", "--build", build, "--target", "gpu_bench", "pyemu_engine_onnxruntime"]
    subprocess.run(list(map(str, make)), check=True, stdout=subprocess.DEVNULL)
    bundle.mkdir(parents=True, exist_ok=True)
    for path in (build / "bin" / "gpu_bench", build / "lib" / PLUGIN):
        shutil.copy2(path, bundle)
    write_nets(bundle)


def refresh(bundle: Path) -> None:
    """Prepare the bundle anew where that can be done; elsewhere use the one that is there."""
    try:
        prepare(bundle)
    except MissingError as reason:
        if not (bundle / "nets.json").exists():
            raise
        print(f"The bundle in {bundle} is used as it is: {reason}")


def write_nets(bundle: Path) -> None:
    """Write the emulator files, and what the table needs to know of them."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        import nets
    except ImportError as reason:
        raise MissingError(f"the emulator files cannot be made in this Python: {reason}; carry a bundle") from reason
    rows = [
        {
            "net": net.name,
            "file": path.name,
            "flops": net.flops,
            "weights": 4 * sum(p.numel() for p in net.module.parameters()),
            "tolerance": {output.name: net.card.tolerance.of(output.name) for output in net.card.outputs},
        }
        for net, path in nets.write(bundle, ["onnx"])
    ]
    (bundle / "nets.json").write_text(json.dumps(rows, indent=1) + "\n")


def unpack_wheel(directory: Path) -> Path:
    """Return the directory of the libraries in the wheel, which may have come in pieces."""
    pieces = sorted(directory.glob("onnxruntime_gpu-*.whl")) or sorted(directory.glob("onnxruntime_gpu-*.whl.[0-9]*"))
    if not pieces:
        raise MissingError(f"PYEMU_GPU_WHEELS is {directory}, which holds no onnxruntime_gpu-*.whl")
    wheel, libraries = pieces[0], BUILD / "runtime"
    if wheel.suffix != ".whl":
        wheel = BUILD / "onnxruntime_gpu.whl"
        wheel.parent.mkdir(parents=True, exist_ok=True)
        with wheel.open("wb") as whole:
            for piece in pieces:
                whole.write(piece.read_bytes())
    libraries.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.startswith("onnxruntime/capi/libonnxruntime") and "tensorrt" not in name:
                (libraries / Path(name).name).write_bytes(archive.read(name))
    return libraries


def find_runtime(given: str | None) -> Path:
    """Return the library of an ONNX Runtime with CUDA, or its directory."""
    if given or os.environ.get("PYEMU_ORT"):
        return Path(given or os.environ["PYEMU_ORT"]).resolve()
    if os.environ.get("PYEMU_GPU_WHEELS"):
        return unpack_wheel(Path(os.environ["PYEMU_GPU_WHEELS"]))
    spec = importlib.util.find_spec("onnxruntime")
    installed = Path(spec.origin).parent / "capi" if spec and spec.origin else None
    if installed and (installed / PROVIDER).exists():
        return installed
    raise MissingError(
        f"no ONNX Runtime with CUDA: {f'{installed} is a build for the CPU' if installed else 'onnxruntime is not installed'}; "
        "install onnxruntime-gpu for the CUDA of this machine, name its library in PYEMU_ORT, or put its wheel into a "
        "directory and name that in PYEMU_GPU_WHEELS"
    )


def library_path() -> str:
    """Return LD_LIBRARY_PATH with the places where CUDA and cuDNN lie: wheels of this Python, and the toolkit."""
    packages = dict.fromkeys([sysconfig.get_path("purelib"), *site.getsitepackages(), *sys.path])
    found = [path for package in packages for path in sorted(Path(package, "nvidia").glob("*/lib")) if package]
    found += [Path("/usr/local/cuda/lib64")]
    return ":".join([*filter(None, [os.environ.get("LD_LIBRARY_PATH")]), *map(str, found)])


def best_seconds(work: Any, sync: Any) -> float:
    """Return the quickest of a few repeats."""
    times = []
    for _ in range(6):
        sync()
        start = time.perf_counter()
        work()
        sync()
        times.append(time.perf_counter() - start)
    return min(times[1:])


def measure_peak() -> Peak:
    """Measure the card with torch: a float32 product without TF32, and copies of 1 GB.

    Raises:
        MissingError: there is no torch with CUDA.
    """
    try:
        import torch
    except ImportError as reason:
        raise MissingError("torch is not installed") from reason
    if not torch.cuda.is_available():
        raise MissingError(f"torch {torch.__version__} sees no CUDA device")
    torch.backends.cuda.matmul.allow_tf32 = False
    peak = measure_with(torch)
    torch.cuda.empty_cache()
    return peak


def measure_with(torch: Any) -> Peak:
    """Time the product and the copies; all arrays are freed on return."""
    n, size, sync = 8192, 1 << 30, torch.cuda.synchronize
    factor = torch.randn(n, n, device="cuda")
    source, target = (torch.empty(size, dtype=torch.uint8, device="cuda") for _ in range(2))
    host = torch.empty(size, dtype=torch.uint8, pin_memory=True)
    return Peak(
        flops=2 * n**3 / best_seconds(lambda: factor @ factor, sync),
        memory=2 * size / best_seconds(lambda: target.copy_(source), sync),
        to_card=size / best_seconds(lambda: target.copy_(host, non_blocking=True), sync),
        from_card=size / best_seconds(lambda: host.copy_(source, non_blocking=True), sync),
        origin=f"measured with torch {torch.__version__}",
    )


def find_peak(name: str) -> Peak | None:
    """Return what the card can do: measured, from the table of nominal numbers, or ``None``."""
    try:
        return measure_peak()
    except MissingError as reason:
        print(f"What the card can do cannot be measured: {reason}")
    for key, (flops, memory, link) in NOMINAL.items():
        if all(part in name for part in key.split()):
            return Peak(flops * 1e12, memory * 1e12, link * 1e9, link * 1e9, f"nominal, data sheet of {key}")
    print(f"'{name}' is not in the table of nominal numbers: no floors are given")
    return None


def free_memory() -> int:
    """Return the free memory of the host, in bytes."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 8 << 30


def measure(bundle: Path, runtime: Path, device: str, columns: list[int]) -> list[Row]:
    """Return the rows of ``gpu_bench`` for all nets."""
    environment = {**os.environ, "LD_LIBRARY_PATH": library_path(), "PYEMU_ENGINE_PATH": str(bundle)}
    rows: list[Row] = []
    for net in json.loads((bundle / "nets.json").read_text()):
        command = [bundle / "gpu_bench", bundle / net["file"], device, runtime, free_memory() // HOST_SHARE, *columns]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environment, check=False)
        found = [json.loads(line) for line in done.stdout.splitlines()]
        if done.returncode != 0 and not any(row.get("failed") == "open" for row in found):
            error = f"gpu_bench ended with status {done.returncode}: {done.stderr.strip()[-500:]}"
            found.append({"failed": "program", "columns": 0, "arrays": "", "error": error})
        rows += [{"net": net["net"], **row, **judge(net, row)} for row in found]
    return rows


def judge(net: Row, row: Row) -> Row:
    """Add to a row of parity whether the difference is within the card's tolerance."""
    if "parity" not in row:
        return {}
    tolerance = net["tolerance"][row["parity"]]
    return {"tolerance": tolerance, "ok": row["max_abs_difference"] <= tolerance * row["max_abs_reference"]}


def add_floors(rows: list[Row], nets: list[Row], peak: Peak) -> None:
    """Add to rows of time the least time [us] of the transfers between host and card, and of the work on the card.

    On the card that is the larger of the operations at the peak and of all arrays and weights read or written once.
    Between host and card go the graph's own tensors, float32, whatever the host's arrays are.
    """
    by_name = {net["net"]: net for net in nets}
    for row in rows:
        if "us" not in row:
            continue
        net = by_name[row["net"]]
        size = row["input_bytes"] + row["output_bytes"]
        work = max(net["flops"] * row["columns"] / peak.flops, (size + net["weights"]) / peak.memory)
        transfer = row["input_bytes"] / peak.to_card + row["output_bytes"] / peak.from_card
        transfer = 0.0 if row["arrays"] == "device" else transfer
        row.update(transfer_floor_us=1e6 * transfer, card_floor_us=1e6 * work)


def is_passed(rows: list[Row]) -> bool:
    """Whether every recorded value was met, from arrays on the host and on the card."""
    parity = [row for row in rows if "parity" in row]
    seen = {(row["net"], row["arrays"] == "device") for row in parity}
    failed = [row for row in rows if row.get("failed") in ("open", "parity", "program")]
    complete = len(seen) == 2 * len({row["net"] for row in rows})
    return bool(parity) and complete and all(row["ok"] for row in parity) and not failed


def cell(row: Row, key: str) -> str:
    """A time for the table."""
    return f"{row[key]:.1f}" if key in row else "-"


def table(rows: list[Row], card: Row, peak: Peak | None) -> str:
    """The rows in Markdown, with the card and the versions."""
    opened = next((row for row in rows if "version" in row), {"version": "unknown", "pyemu": "unknown"})
    lines = [
        f"{card['name']}, {card['memory_mib']} MiB, driver {card['driver']}; libpyemu {opened['pyemu']}, "
        f"ONNX Runtime {opened['version']}."
    ]
    if peak:
        lines += [
            f"Card ({peak.origin}): {peak.flops / 1e12:.1f} TFLOP/s (float32), memory {peak.memory / 1e12:.2f} TB/s, "
            f"to the card {peak.to_card / 1e9:.1f} GB/s, from it {peak.from_card / 1e9:.1f} GB/s."
        ]
    lines += ["", "| net | output | arrays | largest difference | allowed | |", "|---|---|---|---:|---:|---|"]
    for row in rows:
        if "parity" in row:
            allowed = row["tolerance"] * row["max_abs_reference"]
            numbers = f"{row['max_abs_difference']:.2e} | {allowed:.2e} | {'ok' if row['ok'] else 'FAILED'}"
            lines.append(f"| {row['net']} | {row['parity']} | {row['arrays']} | {numbers} |")
    lines += [
        "",
        "| net | columns | arrays | run [us] | quickest [us] | floor of transfers [us] | floor on the card [us] |",
    ]
    lines += ["|---|---:|---|---:|---:|---:|---:|"]
    for row in rows:
        if "us" in row:
            numbers = " | ".join(cell(row, key) for key in ("us", "best_us", "transfer_floor_us", "card_floor_us"))
            lines.append(f"| {row['net']} | {row['columns']} | {row['arrays']} | {numbers} |")
    failed = [row for row in rows if "failed" in row]
    lines += ["", *(f"- {row['net']}, {row['columns']} columns, {row['arrays']}: {row['error']}" for row in failed)]
    return "\n".join(lines).rstrip()


def run(bundle: Path, output: Path, given: str | None, device: str, columns: list[int]) -> int:
    """Check the machine and return the exit status."""
    card = find_card()
    if card is None:
        print("No NVIDIA GPU on this machine (nvidia-smi finds none): nothing to check.")
        return 0
    try:
        runtime = find_runtime(given)
        refresh(bundle)
    except MissingError as reason:
        print(f"{card['name']} is there, but the check cannot run: {reason}")
        return 1
    peak = find_peak(card["name"])
    rows = measure(bundle, runtime, device, columns)
    if peak:
        add_floors(rows, json.loads((bundle / "nets.json").read_text()), peak)
    passed = is_passed(rows)
    text = table(rows, card, peak)
    output.mkdir(parents=True, exist_ok=True)
    record = {"card": card, "peak": vars(peak) if peak else None, "passed": passed, "rows": rows}
    (output / "gpu.json").write_text(json.dumps(record, indent=1) + "\n")
    (output / "gpu.md").write_text(text + "\n")
    print(f"{text}\n\n{'All recorded values are met.' if passed else 'FAILED: see the rows above.'}")
    return 0 if passed else 1


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", nargs="?", choices=("prepare", "run"), default="run")
    parser.add_argument("--bundle", type=Path, default=BUILD / "bundle", help="directory of what is prepared")
    parser.add_argument("--output", type=Path, default=BUILD, help="directory for gpu.md and gpu.json")
    parser.add_argument("--runtime", help="library of an ONNX Runtime with CUDA, or its directory")
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--columns", type=int, nargs="+", default=list(COLUMNS))
    arguments = parser.parse_args()
    if arguments.command == "run":
        return run(arguments.bundle, arguments.output, arguments.runtime, arguments.device, arguments.columns)
    try:
        prepare(arguments.bundle)
    except MissingError as reason:
        print(reason)
        return 1
    print(f"Prepared {arguments.bundle}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
