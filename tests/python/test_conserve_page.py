"""The page on conservation is true: its block runs, and the layer closes the budget that is open without it."""

import re
from pathlib import Path

import pytest
from pages import blocks, run_python

PAGE = "how-to/conserve.md"


def test_the_layer_closes_the_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = run_python(PAGE, blocks(PAGE, "python"))
    assert re.search(r"'column_integral' does not close .* residual \d\.\d+e\+03 kg m-2 s-1", names["refusal"])
    assert names["audit"].columns == 32 and names["audit"].exceeded == 0
    assert names["audit"].rms < 1e-3
