"""``make gpu-check`` without a GPU: on this machine, and with a driver and an ONNX Runtime that pretend."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "benchmarks" / "gpu" / "gpu_check.py"
BUILD = ROOT / "build" / "gpu-test"


def check(*arguments: object, path: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the script; ``path`` is a directory of programs to be found first."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYEMU_")}
    clean["PATH"] = f"{path}:{clean['PATH']}" if path else clean["PATH"]
    command = [sys.executable, SCRIPT, *arguments]
    return subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=False, env={**clean, **environment}, timeout=600
    )


@pytest.fixture
def smi(tmp_path: Path) -> Path:
    """A directory with an nvidia-smi that lists one card."""
    program = tmp_path / "programs" / "nvidia-smi"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'NVIDIA H200, 143771, 580.0'\n")
    program.chmod(0o755)
    return program.parent


@pytest.fixture(scope="module")
def fakes() -> Path:
    """The fake driver and ONNX Runtime of the C tests."""
    options = [f"-DPYEMU_PYTHON={sys.executable}", "-DCMAKE_BUILD_TYPE=Release"]
    options += [f"-DPYEMU_BUILD_{part}=OFF" for part in ("TORCH", "MPI", "HOSTS", "BENCHMARKS")]
    for command in (
        ["cmake", "-S", ROOT, "-B", BUILD, *options],
        ["cmake", "--build", BUILD, "--target", "fake_cuda_ort", "fake_cuda_driver"],
    ):
        subprocess.run(list(map(str, command)), check=True, capture_output=True)
    return BUILD / "tests" / "c" / "fake_cuda"


@pytest.mark.skipif(shutil.which("nvidia-smi") is not None, reason="this machine has a GPU")
def test_without_a_gpu_it_says_so_and_succeeds() -> None:
    done = check()
    assert done.returncode == 0
    assert "No NVIDIA GPU on this machine" in done.stdout


def test_what_is_missing_is_named(smi: Path, tmp_path: Path) -> None:
    done = check(path=smi)
    assert done.returncode == 1
    assert "NVIDIA H200 is there, but the check cannot run: no ONNX Runtime with CUDA" in done.stdout
    done = check(path=smi, PYEMU_GPU_WHEELS=str(tmp_path))
    assert done.returncode == 1
    assert "holds no onnxruntime_gpu-*.whl" in done.stdout


def test_the_check_runs_on_a_fake_card(smi: Path, fakes: Path, tmp_path: Path) -> None:
    import onnxruntime

    installed = Path(onnxruntime.__file__).parent / "capi"
    # The wheel comes in pieces; what is in it is the fake.
    whole = tmp_path / "whole.whl"
    with zipfile.ZipFile(whole, "w") as archive:
        archive.write(next(fakes.glob("libfake_cuda_ort.so")), "onnxruntime/capi/libonnxruntime.so.1.99.0")
        archive.writestr("onnxruntime/capi/libonnxruntime_providers_tensorrt.so", "not wanted")
    content = whole.read_bytes()
    for i, start in enumerate(range(0, len(content), 4096)):
        (tmp_path / f"onnxruntime_gpu-1.99-none-any.whl.{i:03d}").write_bytes(content[start : start + 4096])
    environment = {
        "PYEMU_GPU_WHEELS": str(tmp_path),
        "PYEMU_TEST_ORT": str(installed),
        "LD_LIBRARY_PATH": str(fakes),
    }
    arguments = ["--output", tmp_path / "result", "--bundle", tmp_path / "bundle", "--columns", 10, 1_000_000_000]
    done = check(*arguments, path=smi, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All recorded values are met" in done.stdout
    record = json.loads((tmp_path / "result" / "gpu.json").read_text())
    assert record["passed"]
    rows = record["rows"]
    kinds = {"real64 (ncol,nlay)", "real32 (nlay,ncol)", "device"}
    for net in ("mlp64", "rad", "unet"):
        mine = [row for row in rows if row["net"] == net]
        assert {row["arrays"] for row in mine if row.get("ok")} == kinds
        times = [row for row in mine if "us" in row]
        assert {row["arrays"] for row in times} == kinds
        assert all(row["us"] >= row["best_us"] > 0 and row["card_floor_us"] > 0 for row in times)
        assert all((row["transfer_floor_us"] == 0) == (row["arrays"] == "device") for row in times)
        assert [row["columns"] for row in mine if "failed" in row] == [1_000_000_000] * 3
    table = (tmp_path / "result" / "gpu.md").read_text()
    assert "NVIDIA H200, 143771 MiB, driver 580.0" in table
    assert "nominal, data sheet of H200" in table
    assert "| rad | 10 | device |" in table


def test_a_wrong_result_fails_the_check(smi: Path, fakes: Path, tmp_path: Path) -> None:
    """A bundle that is carried, with tolerances that rounding cannot meet."""
    import onnxruntime

    environment = {"PYEMU_TEST_ORT": str(Path(onnxruntime.__file__).parent / "capi"), "LD_LIBRARY_PATH": str(fakes)}
    arguments = ["--output", tmp_path, "--bundle", tmp_path / "bundle", "--columns", 10]
    assert check("prepare", *arguments).returncode == 0
    nets = tmp_path / "bundle" / "nets.json"
    strict = [{**net, "tolerance": {"y": 1e-30}} for net in json.loads(nets.read_text())]
    nets.write_text(json.dumps(strict))
    # Without CMake in the path.
    without = {**environment, "PATH": f"{smi}:/nowhere"}
    done = check(*arguments, "--runtime", fakes / "libfake_cuda_ort.so", **without)
    assert "is used as it is" in done.stdout
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAILED" in done.stdout
    assert not json.loads((tmp_path / "gpu.json").read_text())["passed"]
