"""The C, Fortran and consumer tests, built and run through CTest: once as released, once with sanitizers."""

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


def run(*command: object, timeout: int = 600) -> None:
    """Run a command; fail with what it printed."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout[-8000:]}\n{done.stderr[-4000:]}"


@pytest.mark.parametrize("variant", VARIANTS)
def test_native_tests_pass(variant: str) -> None:
    build = ROOT / "build" / variant
    options = [f"-DPYEMU_PYTHON={sys.executable}", "-DPYEMU_BUILD_HOSTS=OFF", *VARIANTS[variant]]
    run("cmake", "-S", ROOT, "-B", build, *options)
    run("cmake", "--build", build, "--parallel", "2")
    run("ctest", "--test-dir", build, "--output-on-failure", "--parallel", "2", "--no-tests=error")
