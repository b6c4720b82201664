"""The checks: each judges facts that it is given and touches nothing, so that a test can invent the facts."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyemu.doctor.finding import Finding
from pyemu.doctor.machine import THREAD_VARIABLES, Machine
from pyemu.doctor.opens import Opens

WITHIN = 1.2  # a batch is efficient if a column costs at most so much of what it costs at best
LAYOUT_COST = 1.15  # what pyemu allows itself for converting and transposing at large batches
OPENMP = {"libgomp": "GNU", "libiomp5": "Intel", "libomp": "LLVM"}
BLAS = {"libmkl": "MKL", "libtorch_cpu": "MKL inside torch", "libopenblas": "OpenBLAS", "libscipy_openblas": "OpenBLAS",
        "libblis": "BLIS", "libblas": "reference BLAS", "libnvpl_blas": "NVPL", "libarmpl": "Arm PL"}  # fmt: skip


def check_threads(machine: Machine, threads: int) -> list[Finding]:
    """Compare the threads of one run with the cores of this process."""
    where = f"{threads} thread{'s' * (threads > 1)} for each run, {machine.usable} usable processors"
    if threads > machine.usable:
        change = f"open with threads={machine.usable}, or give each process {threads} processors ({_binding(threads)})"
        return [Finding("threads", "problem", where, change)]
    if threads > machine.cores:
        change = f"open with threads={machine.cores}: two hardware threads of one core share its vector units"
        return [Finding("threads", "advice", f"{where} on {machine.cores} cores", change)]
    return [Finding("threads", "ok", where)]


def _binding(threads: int) -> str:
    return f"mpirun --map-by slot:PE={threads} --bind-to core, or srun --cpus-per-task={threads}"


def check_environment(machine: Machine) -> list[Finding]:
    """Judge the variables that set threads of OpenMP and BLAS."""
    findings = []
    for name in THREAD_VARIABLES:
        text = machine.environment.get(name, "")
        number = re.match(r"\s*(\d+)", text)
        if number and int(number.group(1)) > machine.usable:
            found = f"{name}={text}, but this process may use {machine.usable} processors"
            findings.append(Finding("environment", "problem", found, f"export {name}={machine.usable}, or less"))
    if machine.environment.get("OMP_WAIT_POLICY", "").lower() == "active":
        found = "OMP_WAIT_POLICY=active: threads of the host that wait keep their cores busy while the engine runs"
        findings.append(Finding("environment", "advice", found, "export OMP_WAIT_POLICY=passive"))
    if machine.local_ranks > 1 and not any(machine.environment.get(name) for name in THREAD_VARIABLES):
        found = (
            f"{machine.local_ranks} ranks, and OMP_NUM_THREADS is not set: each rank may start {machine.usable} threads"
        )
        if machine.local_ranks * machine.usable > machine.processors:
            findings.append(Finding("environment", "problem", found, "export OMP_NUM_THREADS=1"))
    return findings or [Finding("environment", "ok", "no variable asks for more threads than there are processors")]


def check_ranks(machine: Machine, threads: int) -> list[Finding]:
    """Compare ranks of MPI on this node with its processors."""
    ranks, total = machine.local_ranks, machine.local_ranks * threads
    if ranks == 1:
        return [Finding("ranks", "ok", "one process: to check ranks, start 'mpirun -n N pyemu doctor'")]
    found = f"{ranks} ranks on this node with {threads} threads each, {machine.processors} processors"
    if total > machine.processors:
        change = f"at most {max(1, machine.processors // threads)} ranks on each node"
        return [Finding("ranks", "problem", found, change + (", or threads=1" if threads > 1 else ""))]
    if len(machine.affinity) == machine.processors:
        return [Finding("ranks", "advice", f"{found}; they are not bound", f"bind them: {_binding(threads)}")]
    return [Finding("ranks", "ok", found)]


def check_libraries(libraries: Sequence[str]) -> list[Finding]:
    """Look for two libraries in one process that do the same and get in each other's way."""
    findings = []
    openmp = _by_kind(libraries, OPENMP)
    if len(openmp) > 1:
        change = (
            "load one: leave torch/lib out of the program's RUNPATH, so that torch takes the system's libgomp; "
            "do not mix compilers with different OpenMP libraries"
        )
        findings.append(Finding("libraries", "problem", f"{len(openmp)} OpenMP libraries: {_list(openmp)}", change))
    blas = _by_kind(libraries, BLAS)
    if len({_kind(path, BLAS) for path in blas}) > 1:
        change = (
            "the one loaded first serves the others' calls (sgemm_): link the host with the same BLAS, or statically"
        )
        findings.append(Finding("libraries", "advice", f"more than one BLAS: {_list(blas)}", change))
    for name in ("libonnxruntime.so", "libtorch_cpu.so"):
        copies = sorted(path for path in set(libraries) if Path(path).name.startswith(name))
        if len(copies) > 1:
            findings.append(
                Finding(
                    "libraries", "problem", f"two copies: {_list(copies)}", "keep one; set PYEMU_ORT for ONNX Runtime"
                )
            )
    return findings or [Finding("libraries", "ok", "no two libraries for OpenMP, BLAS or an engine")]


def _kind(path: str, kinds: dict[str, str]) -> str | None:
    stem = re.split(r"[.-]", Path(path).name)[0]
    return next((name for prefix, name in kinds.items() if stem.startswith(prefix)), None)


def _by_kind(libraries: Sequence[str], kinds: dict[str, str]) -> list[str]:
    return sorted(path for path in set(libraries) if _kind(path, kinds))


def _list(paths: Sequence[str]) -> str:
    return ", ".join(paths)


def check_engines(engines: Sequence[dict[str, Any]], versions: dict[str, str | None]) -> list[Finding]:
    """Say which engines are there, with the versions of the packages they rest on."""
    findings = []
    for engine in engines:
        names = " and ".join(engine["engines"])
        if engine["problem"]:
            change = "install the runtime that it was built for, or rebuild pyemu with it"
            findings.append(Finding("engines", "problem", f"{names}: cannot be loaded: {engine['problem']}", change))
            continue
        package = "torch" if engine["name"] == "torch" else engine["name"]
        version = versions.get(package)
        findings.append(Finding("engines", "ok", f"{names}: {package} {version}" if version else names))
    if not engines:
        change = "build pyemu with PYEMU_BUILD_ONNXRUNTIME=ON, or set PYEMU_ENGINE_PATH"
        findings.append(Finding("engines", "problem", "no engine plugin beside libpyemu", change))
    return findings


def check_file(answer: dict[str, Any] | None) -> list[Finding]:
    """Say whether the file could be opened."""
    if answer is None:
        return []
    if answer["problem"]:
        needs_leave = answer["problem"].startswith("PYEMU_ERR_CODE")
        change = (
            "if you trust the file: --allow-code" if needs_leave else "see 'pyemu info FILE' and 'pyemu verify FILE'"
        )
        return [Finding("file", "problem", answer["problem"], change)]
    return [Finding("file", "ok", f"opened by engine '{answer['engine']}'")]


def check_gpu(machine: Machine, cuda: Sequence[str]) -> list[Finding]:
    """Say which graphics processors can be seen, and whether an engine has the libraries (``cuda``) to use them."""
    hidden = machine.environment.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    if not machine.gpus:
        return [Finding("gpu", "ok", "no graphics processor can be seen: engines run on the CPU")]
    found = f"{len(machine.gpus)}: {', '.join(machine.gpus)}"
    if hidden:
        return [Finding("gpu", "advice", f"{found}, hidden by CUDA_VISIBLE_DEVICES", "unset CUDA_VISIBLE_DEVICES")]
    if not cuda:
        change = "to use it, install onnxruntime-gpu or a CUDA build of torch, and open with device='cuda'"
        return [Finding("gpu", "advice", f"{found}, but no engine here has CUDA", change)]
    return [Finding("gpu", "ok", found)]


def efficient_from(timings: Sequence[dict[str, float]]) -> int | None:
    """The smallest batch from which on a column costs at most ``WITHIN`` of what it costs at best."""
    costs = {int(row["columns"]): row["seconds"] / row["columns"] for row in timings}
    limit = WITHIN * min(costs.values(), default=0.0)
    good = None
    for columns in sorted(costs, reverse=True):
        if costs[columns] > limit:
            break
        good = columns
    return good


def check_batch(timings: Sequence[dict[str, float]], columns: int | None) -> list[Finding]:
    """Say from which number of columns on a run is efficient; ``columns``: what the host passes, if it is known."""
    if not timings:
        return []
    costs = {int(row["columns"]): row["seconds"] / row["columns"] * 1e6 for row in timings}
    good = efficient_from(timings)
    found = "; ".join(f"{count} columns: {cost:.3g} us each" for count, cost in sorted(costs.items()))
    found += f"; within 20 % of the best from {good} on"
    if columns is not None and good is not None and columns < good:
        change = f"pass {good} columns or more to each run instead of {columns}: whole blocks, or several of them"
        return [Finding("batch", "advice", found, change)]
    return [Finding("batch", "ok", found)]


def check_layout(timings: Sequence[dict[str, float]]) -> list[Finding]:
    """Compare arrays as most hosts have them with arrays that the engine takes as they are."""
    if not timings:
        return []
    row = max(timings, key=lambda row: row["columns"])
    ratio = row["host_seconds"] / row["seconds"]
    found = (
        f"real64 arrays (column, level) cost {ratio:.2f} times what arrays of the emulator's own type with adjacent levels "
        f"cost, at {int(row['columns'])} columns"
    )
    if ratio > LAYOUT_COST:
        change = "if the host can choose: arrays (level, column) with level_dim=1, of the kind that 'pyemu info' shows"
        return [Finding("layout", "advice", found, change)]
    return [Finding("layout", "ok", found)]


def check_opens(opens: Opens | None, processors: int) -> list[Finding]:
    """Judge how often a host opened its emulator: once for each rank, and each thread that has its own."""
    if opens is None:
        return []
    found = f"opened at least {opens.count} times in {opens.seconds:.1f} s"
    if opens.returncode != 0:
        found += f"; the command ended with status {opens.returncode}"
    if opens.count == 0:
        return [Finding("opens", "problem", found, "check that the command uses this very file")]
    if opens.count > 2 * processors:
        change = "open once before the time loop and keep the handle: opening costs far more than a run"
        return [Finding("opens", "problem", found, change)]
    return [Finding("opens", "ok" if opens.returncode == 0 else "advice", found, "" if opens.returncode == 0 else
                    "run the command to its end")]  # fmt: skip
