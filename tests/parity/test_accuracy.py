"""The error of the engine ``native`` against float64 is that of ONNX Runtime, and the command that measures it can fail."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
import accuracy  # noqa: E402

PAGE = ROOT / "docs" / "reference" / "accuracy.md"
COLUMNS = 96
SMALL = ("tendency_mlp", "tendency_gru", "tendency_conv", "tendency_conv_smooth", "rrtmg_longwave-recurrent")


@pytest.mark.parametrize("name", SMALL)
def test_the_error_is_that_of_onnx_runtime(name: str, tmp_path: Path) -> None:
    rows = accuracy.measure(accuracy.subject(name, accuracy.Settings(tmp_path, columns=COLUMNS)))
    assert len(rows) >= 2
    for row in rows:
        assert 0 < row.errors["real64"] < 0.1 * row.errors["native"] or row.network.startswith("rrtmg"), row
        assert row.errors["native"] < 1e-3 * row.rms, row
        if row.network.startswith("tendency"):
            assert row.rms < 1e-7  # per second
            assert row.errors["real64"] < 1e-13 * row.rms, row
    assert max(row.ratio for row in rows) <= accuracy.LIMIT, rows


def test_a_ratio_is_one_of_errors() -> None:
    def row(native: float, other: float) -> accuracy.Row:
        return accuracy.Row("n", "random", "y", "1", 1.0, {"native": native, "onnxruntime": other, "real64": 0.0})

    assert row(3e-7, 2e-7).ratio == pytest.approx(1.5)
    assert row(0.0, 0.0).ratio == 1
    assert row(1e-9, 0.0).ratio == np.inf


def test_the_command_writes_the_page_and_fails_above_the_limit(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    program = ROOT / "benchmarks" / "accuracy.py"
    options = ["--only", "tendency_mlp", "--columns", "40", "--directory", tmp_path, "--page", page]
    done = subprocess.run(
        [sys.executable, str(program), *map(str, options)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    text = page.read_text()
    assert text.count("| tendency_mlp | random |") == 2
    assert "root-mean-square over 40 columns" in " ".join(text.split())
    refused = subprocess.run(
        [sys.executable, str(program), "--runs", str(tmp_path / "nothing")], capture_output=True, text=True, check=False
    )
    assert refused.returncode == 2
    assert "no checkpoint in" in refused.stderr
    source = program.read_text().replace("LIMIT = 1.5", "LIMIT = 1e-6")
    assert "LIMIT = 1e-6" in source
    strict = ROOT / "benchmarks" / "accuracy.py"
    changed = tmp_path / "strict.py"
    changed.write_text(source.replace("Path(__file__)", f"Path({str(strict)!r})"))
    failed = subprocess.run(
        [sys.executable, str(changed), *map(str, options), "--reuse"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={"PYTHONPATH": str(program.parent), "PATH": "/usr/bin:/bin"},
    )
    assert failed.returncode == 1, failed.stdout + failed.stderr
    assert "limit 1e-06" in failed.stdout


def test_the_page_lists_every_network() -> None:
    rows = re.findall(r"^\| (\S+) \| (trained|random) \| .* \| ([0-9.]+) \|$", PAGE.read_text(), re.MULTILINE)
    assert list(dict.fromkeys(row[0] for row in rows)) == accuracy.names()
