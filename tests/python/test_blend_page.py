"""The page on blending is true: its blocks run, and Fortran and Python have the same bits."""

from pathlib import Path

import numpy as np
import pytest
from pages import blocks, run_fortran, run_python

PAGE = "how-to/blend-a-run.md"


def test_the_page_runs_and_fortran_has_the_bits_of_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    export, *_ = blocks("how-to/guard-a-run.md", "python")
    run_python(PAGE, [export])
    names = run_python(PAGE, blocks(PAGE, "python"))
    (program,) = blocks(PAGE, "fortran")
    program = program.replace("open('closure.onnx')", "open('closure.onnx', engine='native')")
    *numbers, distance = run_fortran(tmp_path, program).splitlines()
    np.testing.assert_array_equal(np.array(numbers, float).reshape(8, 100).T, names["state"])
    assert float(distance) == names["distance"] > 0
