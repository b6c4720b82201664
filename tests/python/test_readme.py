"""The README is true: its Python block runs, its Fortran block compiles and runs, its commands exist."""

import dataclasses
import re
import subprocess
from pathlib import Path

import pytest

from pyemu.emulator.from_checkpoint import export_checkpoint
from pyemu.runtime import library_directory
from pyemu.train import fit
from pyemu.train.radiation.budget import BUDGETS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MODEL = """
module my_model
  use, intrinsic :: iso_fortran_env, only: real64
  implicit none
  integer, parameter :: ncol = 5, nlay = 60, n_steps = 3
  integer, private :: k
  real(real64), target :: p(ncol, nlay + 1) = spread([(100 + 1650.0_real64 * k, k=0, nlay)], 1, ncol)
  real(real64), target :: t(ncol, nlay) = 250, q(ncol, nlay) = 1e-5_real64, o3(ncol, nlay) = 1e-6_real64
  real(real64), target :: co2(ncol) = 4e-4_real64, liquid(ncol, nlay) = 0, ice(ncol, nlay) = 0
  real(real64), target :: ts(ncol) = 260, emissivity(ncol) = 1
contains
  subroutine advance(heating)
    real(real64), intent(in) :: heating(:, :)
    if (any(heating /= heating) .or. all(abs(heating) < 1e-12_real64)) error stop 'no heating'
    t = t + 3600 * heating
    if (any(abs(t) < 1)) error stop 'temperature'
    if (any(p <= 0)) error stop 'pressure'
    print '(a)', 'advanced'
  end subroutine advance
end module my_model
"""


def block(language: str) -> str:
    """The only block of one language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)
    return str(found)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readme")


@pytest.fixture
def small_is_smoke(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """The same code with few columns."""
    monkeypatch.setitem(BUDGETS, "small", dataclasses.replace(BUDGETS["smoke"], name="small"))
    monkeypatch.chdir(folder)


def test_python_block_runs(small_is_smoke: None, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(block("python"), "README.md", "exec"), {})
    assert "heating_rate_rmse_below_10hPa" in capsys.readouterr().out
    assert (folder / "radiation.onnx").exists()


def test_fortran_block_compiles_and_runs(small_is_smoke: None, folder: Path) -> None:
    checkpoint = fit("rrtmg_longwave", budget_name="small", progress=False)
    export_checkpoint(checkpoint, Path("radiation.onnx"))
    (folder / "host.f90").write_text(MODEL + block("fortran"))
    libraries = library_directory()
    modules = next(libraries.parent.rglob("pyemu.mod")).parent
    command = ["gfortran", "host.f90", f"-I{modules}", f"-L{libraries}", "-lpyemu_fortran", "-lpyemu"]
    subprocess.run([*command, f"-Wl,-rpath,{libraries}", "-o", "host"], check=True, cwd=folder)
    done = subprocess.run(["./host"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["advanced"] * 3


@pytest.mark.parametrize("target", re.findall(r"^make (\w+)", README, flags=re.MULTILINE))
def test_make_targets_exist(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)


def test_folders_of_the_map_exist() -> None:
    folders = re.findall(r"^\| `(\w+)/` \|", README, flags=re.MULTILINE)
    assert len(folders) > 5
    assert all((ROOT / name).is_dir() for name in folders)
