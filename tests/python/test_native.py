"""The C, Fortran and consumer tests, built and run through CTest: as released, with sanitizers, and those with threads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VARIANTS = {
    "native": ["-DCMAKE_BUILD_TYPE=Release"],
    "native-sanitized": ["-DCMAKE_BUILD_TYPE=Debug", "-DPYEMU_SANITIZE=ON"],
}
WITH_THREADS = ["-DCMAKE_BUILD_TYPE=Debug", "-DPYEMU_SANITIZE=thread", "-DPYEMU_BUILD_BENCHMARKS=OFF"]
WITH_THREADS += [f"-DPYEMU_BUILD_{part}=OFF" for part in ("TORCH", "PYTHON", "MPI")]


def run(*command: object, timeout: int = 600) -> None:
    """Run a command; fail with what it printed."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout[-8000:]}\n{done.stderr[-4000:]}"


def configure(build: Path, *options: str) -> None:
    run("cmake", "-S", ROOT, "-B", build, f"-DPYEMU_PYTHON={sys.executable}", "-DPYEMU_BUILD_HOSTS=OFF", *options)


@pytest.mark.parametrize("variant", VARIANTS)
def test_native_tests_pass(variant: str) -> None:
    build = ROOT / "build" / variant
    configure(build, *VARIANTS[variant])
    run("cmake", "--build", build, "--parallel", "2")
    run("ctest", "--test-dir", build, "--output-on-failure", "--parallel", "2", "--no-tests=error")


def test_handles_in_threads_have_no_data_race() -> None:
    """Under the thread sanitizer: handles of threads' own in C and Fortran, and one handle that two threads use."""
    build = ROOT / "build" / "native-threads"
    configure(build, *WITH_THREADS)
    run("cmake", "--build", build, "--parallel", "2", "--target", "tests_with_threads")
    tests = ["c.runs_in_threads", "fortran.runs_in_threads", "hazard.two_threads_on_one_handle"]
    run(
        "ctest",
        "--test-dir",
        build,
        "--output-on-failure",
        "--no-tests=error",
        "--tests-regex",
        f"^({'|'.join(tests)})$",
    )


def test_an_unknown_sanitizer_is_refused(tmp_path: Path) -> None:
    command = ["cmake", "-S", ROOT, "-B", tmp_path, "-DPYEMU_SANITIZE=memory"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "PYEMU_SANITIZE is 'memory': expected ON" in " ".join(done.stderr.split())
