"""The wheel alone, without the source tree: a C and a Fortran host are built against what pip has installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import pyemu

ROOT = Path(__file__).parents[2]
CONSUMER = ROOT / "tests" / "consumer"


def run(*command: object, **environment: str) -> str:
    """Run a command; fail with what it printed."""
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout[-8000:]}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an interpreter that has the wheel, and no editable install."""
    directory = tmp_path_factory.mktemp("wheel")
    options = ["-C", f"build-dir={ROOT / 'build' / 'wheel'}", "-C", "cmake.define.PYEMU_BUILD_HOSTS=OFF"]
    build = ["wheel", "-q", "--no-deps", "--no-build-isolation", *options, "-w", directory, ROOT]
    run(sys.executable, "-m", "pip", *build)
    run(sys.executable, "-m", "venv", "--without-pip", directory / "venv")
    interpreter = directory / "venv" / "bin" / "python"
    (wheel,) = directory.glob("*.whl")
    run(sys.executable, "-m", "pip", "--python", interpreter, "install", "-q", "--no-deps", "--no-index", wheel)
    return interpreter


def test_hosts_build_against_the_wheel(python: Path, tmp_path: Path, files: Path) -> None:
    project = shutil.copytree(CONSUMER / "wheel", tmp_path / "project")
    for host in ("host.c", "host.f90"):
        shutil.copy(CONSUMER / host, project)
    # The dependencies come from this environment; on PYTHONPATH its editable install of pyemu is not active.
    path = {"PYTHONPATH": sysconfig.get_path("purelib"), "PYTHONSAFEPATH": "1"}
    where = run(python, "-c", "import pyemu; print(pyemu.get_cmake_dir())", **path)
    assert str(python.parents[1]) in where
    run("cmake", "-S", project, "-B", tmp_path / "build", f"-DPYTHON={python}", **path)
    run("cmake", "--build", tmp_path / "build", **path)
    for host in ("host_c", "host_fortran"):
        assert run(tmp_path / "build" / host, files / "scale_float32.onnx", PYEMU_ORT=ort_directory())


def ort_directory() -> str:
    """Return where this environment keeps ONNX Runtime."""
    return str(Path(sysconfig.get_path("purelib")) / "onnxruntime" / "capi")


def test_the_installed_package_says_where_its_files_are() -> None:
    assert (Path(pyemu.get_include()) / "pyemu.h").is_file()
    assert (Path(pyemu.get_cmake_dir()) / "pyemuConfig.cmake").is_file()
