"""The page on derivatives is true: its blocks run in Python, Fortran and C, and find the same numbers."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from pages import blocks, run_fortran, run_python

from pyemu.runtime import Emulator, get_include, library_directory

PAGE = "how-to/take-derivatives.md"


def run_c(folder: Path, source: str) -> str:
    """Compile and run a program in a folder; return what it prints."""
    (folder / "host.c").write_text(source)
    libraries = library_directory()
    command = ["gcc", "-std=c11", "-Wall", "-Werror", "host.c", f"-I{get_include()}", f"-L{libraries}", "-lpyemu"]
    subprocess.run([*command, f"-Wl,-rpath,{libraries}", "-o", "host_c"], check=True, cwd=folder)
    return subprocess.run(["./host_c"], cwd=folder, capture_output=True, text=True, check=True).stdout


def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = run_python(PAGE, blocks(PAGE, "python"))
    assert abs(names["left"] - names["right"]) <= 1e-12 * abs(names["left"])
    assert abs(names["order"] - 2) < 0.05
    (fortran,), (c,) = blocks(PAGE, "fortran"), blocks(PAGE, "c")
    costs = [float(line.split()[-1]) for line in run_fortran(tmp_path, fortran).splitlines()]
    assert len(costs) == 5 and costs == sorted(costs, reverse=True)
    assert costs[-1] < 0.2 * costs[0]
    x, u = np.full((1, 8), 250.0, np.float32), np.eye(8, dtype=np.float32)[3:4]
    y = np.empty((1, 3), np.float32)
    with Emulator.open("radiances.onnx", "native", derivative="jvp") as tangent:
        for name, array in (("air_temperature", x), ("tangent_of_air_temperature", u), ("tangent_of_radiance", y)):
            tangent.bind(name, array)
        tangent.run()
    np.testing.assert_allclose(np.array(run_c(tmp_path, c).split(), float), y[0], rtol=1e-6)
