"""The doctor: every check on invented facts, then the whole on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pyemu.cli import app
from pyemu.doctor import Finding, checks, diagnose, diagnosis, machine, opens, probe
from pyemu.doctor.machine import Machine
from pyemu.doctor.opens import Opens


def node(processors: int = 8, usable: int = 8, **changes: Any) -> Machine:
    """A node without hyperthreads; ``changes`` replace facts."""
    facts = {"affinity": frozenset(range(usable)), "cores": usable, "environment": {}}
    return Machine(processors=processors, **facts | changes)  # type: ignore[arg-type]


def only(findings: list[Finding]) -> Finding:
    """The single finding, which says what to change exactly if something is wrong."""
    (finding,) = findings
    assert bool(finding.change) == (finding.level != "ok")
    return finding


@pytest.mark.parametrize(
    ("machine", "threads", "level", "piece"),
    [
        (node(), 1, "ok", "1 thread for each run, 8 usable"),
        (node(), 8, "ok", "8 threads"),
        (node(usable=1), 4, "problem", "4 threads for each run, 1 usable"),
        (node(cores=4), 8, "advice", "on 4 cores"),
        (node(quota=2.5), 4, "problem", "2 usable"),
        (node(quota=0.5), 1, "ok", "1 usable"),
    ],
)
def test_threads_against_affinity(machine: Machine, threads: int, level: str, piece: str) -> None:
    finding = only(checks.check_threads(machine, threads))
    assert finding.level == level and piece in finding.found


def test_threads_says_how_many_to_take_and_how_to_get_more() -> None:
    change = only(checks.check_threads(node(usable=2), 4)).change
    assert "threads=2" in change and "PE=4" in change and "--cpus-per-task=4" in change


@pytest.mark.parametrize(
    ("environment", "level", "piece"),
    [
        ({}, "ok", "no variable"),
        ({"OMP_NUM_THREADS": "8"}, "ok", "no variable"),
        ({"OMP_NUM_THREADS": "9"}, "problem", "OMP_NUM_THREADS=9"),
        ({"OMP_NUM_THREADS": "16,2"}, "problem", "OMP_NUM_THREADS=16,2"),
        ({"MKL_NUM_THREADS": "64"}, "problem", "MKL_NUM_THREADS=64"),
        ({"OPENBLAS_NUM_THREADS": "many"}, "ok", "no variable"),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, "advice", "OMP_WAIT_POLICY"),
        ({"OMPI_COMM_WORLD_LOCAL_SIZE": "2"}, "problem", "2 ranks, and OMP_NUM_THREADS is not set"),
        ({"OMPI_COMM_WORLD_LOCAL_SIZE": "2", "OMP_NUM_THREADS": "1"}, "ok", "no variable"),
    ],
)
def test_environment(environment: dict[str, str], level: str, piece: str) -> None:
    finding = only(checks.check_environment(node(environment=environment)))
    assert finding.level == level and piece in finding.found


def test_bound_ranks_may_leave_omp_num_threads_unset() -> None:
    bound = node(usable=1, environment={"OMPI_COMM_WORLD_LOCAL_SIZE": "8"})
    assert only(checks.check_environment(bound)).level == "ok"


@pytest.mark.parametrize(
    ("variable", "text", "usable", "threads", "level"),
    [
        ("OMPI_COMM_WORLD_LOCAL_SIZE", "1", 8, 1, "ok"),
        ("OMPI_COMM_WORLD_LOCAL_SIZE", "8", 1, 1, "ok"),
        ("OMPI_COMM_WORLD_LOCAL_SIZE", "8", 8, 1, "advice"),
        ("MPI_LOCALNRANKS", "9", 1, 1, "problem"),
        ("SLURM_TASKS_PER_NODE", "4(x3)", 2, 2, "ok"),
        ("SLURM_TASKS_PER_NODE", "4(x3)", 4, 4, "problem"),
    ],
)
def test_ranks_per_core(variable: str, text: str, usable: int, threads: int, level: str) -> None:
    finding = only(checks.check_ranks(node(usable=usable, environment={variable: text}), threads))
    assert finding.level == level


TORCH, SYSTEM = "/venv/torch/lib", "/usr/lib/x86_64-linux-gnu"


@pytest.mark.parametrize(
    ("libraries", "level", "piece"),
    [
        ([], "ok", "no two"),
        ([f"{SYSTEM}/libgomp.so.1", f"{TORCH}/libtorch_cpu.so", f"{TORCH}/libc10.so"], "ok", "no two"),
        ([f"{SYSTEM}/libgomp.so.1", f"{TORCH}/libgomp.so.1"], "problem", "2 OpenMP libraries"),
        ([f"{SYSTEM}/libgomp.so.1", "/opt/intel/libiomp5.so"], "problem", "libiomp5"),
        ([f"{SYSTEM}/libopenblas.so.0", f"{TORCH}/libtorch_cpu.so"], "advice", "more than one BLAS"),
        ([f"{SYSTEM}/libmkl_core.so.2", f"{SYSTEM}/libmkl_gnu_thread.so.2"], "ok", "no two"),
        (["/a/libonnxruntime.so.1.29.0", "/b/libonnxruntime.so.1.31.1"], "problem", "two copies"),
        (["/a/libonnxruntime.so.1", "/a/libonnxruntime_providers_shared.so"], "ok", "no two"),
    ],
)
def test_libraries_that_clash(libraries: list[str], level: str, piece: str) -> None:
    finding = only(checks.check_libraries(libraries))
    assert finding.level == level and piece in finding.found


def test_engines_with_versions_and_the_reason_why_not() -> None:
    engines = [
        {"name": "onnxruntime", "engines": ["onnxruntime"], "path": "p", "problem": None},
        {"name": "torch", "engines": ["aoti", "torchscript"], "path": "p", "problem": None},
        {"name": "mine", "engines": ["mine"], "path": "p", "problem": "undefined symbol: x"},
    ]
    found = checks.check_engines(engines, {"onnxruntime": "1.31.1", "torch": "2.13.0"})
    assert [finding.level for finding in found] == ["ok", "ok", "problem"]
    assert found[0].found == "onnxruntime: onnxruntime 1.31.1"
    assert found[1].found == "aoti and torchscript: torch 2.13.0"
    assert "undefined symbol" in found[2].found and found[2].change
    assert only(checks.check_engines([], {})).level == "problem"


@pytest.mark.parametrize(
    ("gpus", "environment", "cuda", "level", "piece"),
    [
        ((), {}, [], "ok", "no graphics processor"),
        (("NVIDIA H200",), {}, ["/x/libonnxruntime_providers_cuda.so"], "ok", "1: NVIDIA H200"),
        (("NVIDIA H200",), {}, [], "advice", "no engine here has CUDA"),
        (("A", "B"), {"CUDA_VISIBLE_DEVICES": ""}, ["/x/libcudart.so"], "advice", "hidden"),
    ],
)
def test_gpu(gpus: tuple[str, ...], environment: dict[str, str], cuda: list[str], level: str, piece: str) -> None:
    finding = only(checks.check_gpu(node(gpus=gpus, environment=environment), cuda))
    assert finding.level == level and piece in finding.found


def timings(*microseconds_per_column: float, host: float = 1.0) -> list[dict[str, float]]:
    """Timings at 1, 16, 128 and 1024 columns."""
    costs = zip(diagnosis.COLUMNS, microseconds_per_column, strict=True)
    return [{"columns": n, "seconds": n * cost * 1e-6, "host_seconds": n * cost * 1e-6 * host} for n, cost in costs]


@pytest.mark.parametrize(
    ("costs", "expected"),
    [((9, 3, 1.19, 1), 128), ((9, 3, 1.21, 1), 1024), ((1, 1, 1, 1), 1), ((1, 2, 1, 1.1), 128), ((1, 1, 1, 2), None)],
)
def test_efficient_from(costs: tuple[float, ...], expected: int | None) -> None:
    assert checks.efficient_from(timings(*costs)) == expected


def test_a_batch_that_is_too_small() -> None:
    assert checks.check_batch([], 4) == []
    assert only(checks.check_batch(timings(9, 3, 1.1, 1), None)).level == "ok"
    assert only(checks.check_batch(timings(9, 3, 1.1, 1), 128)).level == "ok"
    small = only(checks.check_batch(timings(9, 3, 1.1, 1), 16))
    assert small.level == "advice" and "pass 128 columns or more to each run instead of 16" in small.change
    assert "16 columns: 3 us each" in small.found


def test_layout() -> None:
    assert checks.check_layout([]) == []
    assert only(checks.check_layout(timings(1, 1, 1, 1, host=1.1))).level == "ok"
    slow = only(checks.check_layout(timings(1, 1, 1, 1, host=1.5)))
    assert slow.level == "advice" and "1.50 times" in slow.found and "level_dim=1" in slow.change


@pytest.mark.parametrize(
    ("count", "returncode", "level"),
    [(1, 0, "ok"), (4, 0, "ok"), (5, 0, "problem"), (0, 0, "problem"), (1, 2, "advice")],
)
def test_opens(count: int, returncode: int, level: str) -> None:
    assert only(checks.check_opens(Opens(count, 1.0, returncode), processors=2)).level == level


def test_opens_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    code = f"import time\nfor _ in range(7): open({str(file)!r}).read(); time.sleep(0.01)"
    counted = opens.count_opens(file, [sys.executable, "-c", code])
    # Events that pile up while this process waits for a processor merge: fewer may be seen, never more.
    assert 1 <= counted.count <= 7 and counted.returncode == 0
    assert opens.count_opens(file, [sys.executable, "-c", "pass"]).count == 0
    with pytest.raises(OSError, match="missing"):
        opens.count_opens(tmp_path / "missing", ["true"])


def test_facts_are_read_from_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for processor, siblings in enumerate(("0,2", "1,3", "0,2", "1,3")):
        topology = tmp_path / f"sys/devices/system/cpu/cpu{processor}/topology"
        topology.mkdir(parents=True)
        (topology / "thread_siblings_list").write_text(f"{siblings}\n")
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/cpu.max").write_text("150000 100000\n")
    (tmp_path / "dev").mkdir()
    for name in ("nvidia0", "nvidiactl", "nvidia-uvm"):
        (tmp_path / "dev" / name).touch()
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    found = machine.examine(tmp_path)
    assert (found.cores, found.quota, found.usable, found.gpus) == (2, 1.5, 1, ("/dev/nvidia0",))
    assert found.environment["OMP_NUM_THREADS"] == "3"
    (tmp_path / "sys/fs/cgroup/cpu.max").write_text("max 100000\n")
    assert machine.examine(tmp_path).usable == 4


def test_names_of_gpus_come_from_nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'GPU 0: NVIDIA H200 (UUID: GPU-1)'\necho 'GPU 1: NVIDIA A100 (UUID: GPU-2)'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert machine.examine(tmp_path).gpus == ("NVIDIA H200", "NVIDIA A100")


def test_mapped_libraries(tmp_path: Path) -> None:
    maps = tmp_path / "maps"
    maps.write_text(
        "7f00-7f01 r-xp 00000000 08:01 1   /usr/lib/libc.so.6\n"
        "7f01-7f02 r--p 00000000 08:01 1   /usr/lib/libc.so.6\n"
        "7f02-7f03 r-xp 00000000 08:01 2   /a path/libgomp.so.1\n"
        "7f03-7f04 rw-p 00000000 00:00 0 \n"
        "7f04-7f05 rw-p 00000000 00:00 0   [heap]\n"
    )
    assert probe.mapped_libraries(maps) == ["/a path/libgomp.so.1", "/usr/lib/libc.so.6"]


def test_plugins_that_cannot_be_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "libpyemu_engine_text.so").write_text("no library")
    monkeypatch.setenv("PYEMU_ENGINE_PATH", f"/no/such/folder:{tmp_path}")
    (path,) = probe.plugins()
    loaded = probe.load_plugin(path)
    assert loaded["name"] == "text" and "libpyemu_engine_text.so" in loaded["problem"]


def test_a_crash_of_an_engine_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "crash.c"
    source.write_text("#include <stdlib.h>\n__attribute__((constructor)) static void crash(void) { abort(); }\n")
    plugin = tmp_path / "libpyemu_engine_crash.so"
    subprocess.run(["cc", "-shared", "-fPIC", source, "-o", plugin], check=True)
    monkeypatch.setenv("PYEMU_ENGINE_PATH", str(tmp_path))
    found = [finding for finding in diagnose().findings if finding.level == "problem"]
    assert [finding.check for finding in found] == ["engines"] and "status -6" in found[0].found


def test_the_whole_on_this_machine(toy_path: Path) -> None:
    result = CliRunner().invoke(app, ["doctor", str(toy_path), "--json", "--columns", "1"])
    document = json.loads(result.stdout)
    assert (result.exit_code == 0) == document["pass"]
    by_check = {finding["check"]: finding for finding in document["findings"]}
    assert by_check["file"]["found"] == "opened by engine 'onnxruntime'"
    engines = [finding["found"] for finding in document["findings"] if finding["check"] == "engines"]
    assert any(found.startswith("onnxruntime: onnxruntime 1.") for found in engines)
    assert [row["columns"] for row in document["timings"]] == list(diagnosis.COLUMNS)
    assert all(0 < row["seconds"] < 1 and 0 < row["host_seconds"] < 1 for row in document["timings"])
    # A single column always costs more than one of many: the engine's own call costs more than this small graph.
    assert by_check["batch"]["level"] == "advice"


def test_a_file_that_cannot_be_opened_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "no.onnx"
    path.write_bytes(b"no emulator")
    result = CliRunner().invoke(app, ["doctor", str(path)])
    assert result.exit_code == 1 and "PYEMU_ERR_FORMAT" in result.output


def test_code_needs_leave() -> None:
    refused = {"engine": None, "problem": "PYEMU_ERR_CODE: the file carries code", "timings": []}
    assert only(checks.check_file(refused)).change == "if you trust the file: --allow-code"
    assert checks.check_file(None) == []


def test_a_host_that_reopens_is_found(toy_path: Path) -> None:
    count = 200 + 8 * (os.cpu_count() or 1)
    code = f"import time\nfor _ in range({count}): open({str(toy_path)!r}).close(); time.sleep(0.002)"
    done = diagnose(toy_path, engine="stub", command=[sys.executable, "-c", code])
    (finding,) = [finding for finding in done.findings if finding.check == "opens"]
    assert finding.level == "problem" and "before the time loop" in finding.change
    result = CliRunner().invoke(app, ["doctor", "--run", "true"])
    assert result.exit_code == 1 and "give the file, too" in result.output
