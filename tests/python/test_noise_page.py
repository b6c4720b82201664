"""The page on noise is true: its blocks run, one after the other, and Fortran and Python give the same bits."""

from pathlib import Path

import numpy as np
import pytest
from pages import blocks, run_fortran, run_python

PAGE = "how-to/add-noise.md"


def test_the_page_runs_and_fortran_has_the_bits_of_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def numbers(source: str) -> np.ndarray:
        return np.array(run_fortran(tmp_path, source).split(), float).reshape(8, 100).T

    monkeypatch.chdir(tmp_path)
    names = run_python(PAGE, blocks(PAGE, "python"))
    (program,) = blocks(PAGE, "fortran")
    found = numbers(program)
    np.testing.assert_array_equal(found, names["state"])
    assert np.abs(found).min() > 0 and names["noise"].std() == pytest.approx(1, abs=0.2)
    np.testing.assert_array_equal(numbers(program.replace("nproma = 16", "nproma = 7")), found)
