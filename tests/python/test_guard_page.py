"""The page on the guard is true: its blocks run, and Fortran and Python have the same columns flagged and the same bits."""

from pathlib import Path

import numpy as np
import pytest
from pages import blocks, run_fortran, run_python

PAGE = "how-to/guard-a-run.md"


def test_the_page_runs_and_fortran_has_the_bits_of_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    *python, fades, strange = blocks(PAGE, "python")
    names = run_python(PAGE, python)
    (program,) = blocks(PAGE, "fortran")
    program = program.replace("open('closure.onnx')", "open('closure.onnx', engine='native')")
    novel, *numbers = run_fortran(tmp_path, program).splitlines()
    assert [int(n) for n in novel.split()[1:]] == names["novel"].tolist()
    assert 0 < names["novel"].sum() < 3 * names["state"].size
    np.testing.assert_array_equal(np.array(numbers, float).reshape(8, 100).T, names["state"])
    assert names["budget"].columns > 0 and names["budget"].rms > 0
    faded = run_python(PAGE, [*python, fades])
    own, emulated = -0.1 * faded["state"], faded["tendency"]
    is_own = (emulated == own).all(axis=1)
    assert 0 < is_own.sum() < len(own)  # some columns are beyond the limit, not all
    torn = run_python(PAGE, [*python, strange])
    low, high = np.array(torn["seen"].minimum), np.array(torn["seen"].maximum)
    assert ((torn["torn"] >= low) & (torn["torn"] <= high)).all()
    assert torn["novel_columns"].tolist() == [3]
