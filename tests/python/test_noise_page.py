"""The page on noise is true: its blocks run, one after the other, and Fortran and Python give the same bits."""

import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyemu.runtime import library_directory

PAGE = (Path(__file__).parents[2] / "docs/how-to/add-noise.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The blocks of one language."""
    return [str(block) for block in re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)]


def run_fortran(folder: Path, source: str) -> np.ndarray:
    """Compile and run a program; return the numbers it prints."""
    (folder / "host.f90").write_text(source)
    libraries = library_directory()
    modules = next(libraries.parent.rglob("pyemu.mod")).parent
    command = ["gfortran", "host.f90", f"-I{modules}", f"-L{libraries}", "-lpyemu_fortran", "-lpyemu"]
    subprocess.run([*command, f"-Wl,-rpath,{libraries}", "-o", "host"], check=True, cwd=folder)
    done = subprocess.run(["./host"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return np.array(done.stdout.split(), float)


def test_the_page_runs_and_fortran_has_the_bits_of_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in blocks("python"):
        exec(compile(block, "add-noise.md", "exec"), names)
    (program,) = blocks("fortran")
    found = run_fortran(tmp_path, program).reshape(8, 100).T
    np.testing.assert_array_equal(found, names["state"])
    assert np.abs(found).min() > 0 and names["noise"].std() == pytest.approx(1, abs=0.2)
    other = run_fortran(tmp_path, program.replace("nproma = 16", "nproma = 7")).reshape(8, 100).T
    np.testing.assert_array_equal(other, found)
