"""The command that writes and replays every network: it judges, says what it found, and can fail."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from columns import small_columns
from toy_emulator import spoil_record

from pyemu.zoo.checkpoint import Checkpoint
from pyemu.zoo.radiation import SYSTEMS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "parity.md"
NETWORKS = ("mlp64", "rad", "unet", *SYSTEMS)
ROW = re.compile(r"^\| (\w+) \| (\.\w+) \| (\w+) \| (\S+) \| (\S+) \| (\S+) \| (\S+) \|", re.MULTILINE)


def parity(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "benchmarks" / "parity.py", *arguments]
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A checkpoint of the longwave emulator, untrained."""
    torch.manual_seed(0)
    name = "rrtmg_longwave"
    system = SYSTEMS[name]
    columns = small_columns(3)
    inputs = {item.name: columns[item.name] for item in system.inputs}
    rows = {key: values.reshape(3, -1) for key, values in inputs.items()}
    ranges = {key: (values.amin(0).tolist(), values.amax(0).tolist()) for key, values in rows.items()}
    Checkpoint(
        system=name,
        network=system.default_network,
        state=system.build(system.default_network).state_dict(),
        training={"budget": {"name": "none"}},
        data_sha256="0" * 64,
        training_range=ranges,
        reference_inputs=inputs,
    ).save(tmp_path / f"{name}-{system.default_network}.ckpt")
    return tmp_path


def test_it_writes_and_replays_files_and_the_page(runs: Path) -> None:
    page = runs / "page.md"
    chosen = ["--only", "mlp64", "rrtmg_longwave", "--formats", "pt", "py"]
    done = parity("--runs", runs, "--directory", runs / "files", *chosen, "--page", page)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = ROW.findall(page.read_text())
    expected = [(name, f".{suffix}") for name in ("mlp64", "rrtmg_longwave") for suffix in ("pt", "py")]
    assert [row[:2] for row in rows] == expected
    assert [row[2] for row in rows] == ["torchscript", "python"] * 2
    assert all(float(value) < 1 for row in rows for value in row[3:])
    for text in (
        "pyemu train rrtmg_longwave --budget none",
        "ONNX Runtime 1.",
        "2e-03",
        "python benchmarks/parity.py --runs",
    ):
        assert text in page.read_text()


def test_it_fails_where_a_record_is_wrong_and_where_a_checkpoint_is_missing(tmp_path: Path) -> None:
    command = ["--directory", tmp_path, "--only", "mlp64", "--formats", "onnx", "--runs", tmp_path]
    assert parity(*command).returncode == 0
    spoil_record(tmp_path / "mlp64.onnx", "y", 1e-3)
    done = parity(*command, "--reuse")
    assert done.returncode == 1
    assert all(float(value) > 1 for value in ROW.findall(done.stdout)[0][3:])

    done = parity("--directory", tmp_path, "--only", "rrtmg_shortwave", "--runs", tmp_path)
    assert done.returncode == 2
    assert "make it with 'pyemu train rrtmg_shortwave --budget small" in done.stderr


def test_the_page_has_every_network_in_every_format() -> None:
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))
    assert [row[:2] for row in rows] == [
        (name, suffix) for name in NETWORKS for suffix in (".onnx", ".pt2", ".pt", ".py")
    ]
    assert all(float(value) < 1 for row in rows for value in row[3:])
