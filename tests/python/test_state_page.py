"""The page on state is true: Fortran that stops and goes on has the bits of Python that does not stop."""

from pathlib import Path

import numpy as np
import pytest
from pages import blocks, run_fortran, run_python

PAGE = "how-to/save-and-restart.md"


def test_the_page_runs_and_a_stop_changes_no_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = run_python(PAGE, blocks(PAGE, "python"))
    (program,) = blocks(PAGE, "fortran")
    numbers = run_fortran(tmp_path, program).split()
    np.testing.assert_array_equal(np.array(numbers, float).reshape(8, 100).T, names["state"])
    assert names["state"].std() > 0.1
