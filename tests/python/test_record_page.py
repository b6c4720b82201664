"""The page on records is true: what Fortran records, Python replays bit for bit, and its commands run."""

import shlex
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from pages import blocks, run_fortran, run_python
from typer.testing import CliRunner

from pyemu.cli import app
from pyemu.runtime.replay import replay

PAGE = "how-to/record-and-replay.md"


def run_commands(block: str) -> list[str]:
    """Run the lines of a block of commands; return what they print."""
    printed = []
    for line in block.splitlines():
        program, *arguments = shlex.split(line)
        assert program == "pyemu"
        answer = CliRunner().invoke(app, arguments)
        assert answer.exit_code == 0, f"{line}\n{answer.output}"
        printed.append(answer.output)
    return printed


def test_what_fortran_records_python_replays_bit_for_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    emulator, reading = blocks(PAGE, "python")
    run_python(PAGE, [emulator])
    (program,) = blocks(PAGE, "fortran")
    told = run_fortran(tmp_path, program).split()
    assert told[0] == "300"
    assert int(told[2]) == (tmp_path / "run.nc").stat().st_size
    assert float(told[4]) > 0
    for engine in ("native", "onnxruntime"):
        result = replay("run.nc", "closure-1.onnx", engine=engine)
        assert result.passed
        assert engine != "native" or result.differences[0].differing == 0
    names = run_python(PAGE, [reading])
    assert sorted(set(names["run"]["step"].values)) == [2, 3, 4]
    assert names["run"]["global_id"].values.tolist() == list(range(1, 101)) * 3

    same, other, candidate, more, sample = (text for block in blocks(PAGE, "bash") for text in run_commands(block))
    assert "0 of 2,400" in same
    assert "onnxruntime" in other
    assert "another emulator than the recorded one" in candidate
    assert "written" in more and "written" in sample
    refused = CliRunner().invoke(app, ["replay", "run.nc", "closure-2.onnx"])
    assert refused.exit_code == 1
    assert "'closure', version 2" in refused.output

    with xr.open_dataset("more.nc") as found:
        np.testing.assert_allclose(found["tendency"], -0.1 * found["state"], rtol=1e-6)
        assert 0 < found.sizes["column"] < 300
        assert (found["guard_reasons"] == 4).all()
    with xr.open_dataset("sample.nc") as found:
        assert found.sizes["column"] == 20
