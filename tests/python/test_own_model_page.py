"""The page on bringing one's own model is true: its model is built, its experiment run, and the bad emulator found."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import xarray as xr
from pages import blocks, run_python

from pyemu.runtime import library_directory

PAGE = "how-to/bring-your-own-model.md"

pytestmark = pytest.mark.skipif(not shutil.which("pkg-config"), reason="pkg-config is not installed")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the page, the program built with the commands of the page."""
    folder = tmp_path_factory.mktemp("zones")
    (program,) = blocks(PAGE, "fortran")
    emulators, adapter = blocks(PAGE, "python")
    (experiment,) = blocks(PAGE, "yaml")
    for name, text in (("zones.f90", program), ("host.py", adapter), ("experiment.yaml", experiment)):
        (folder / name).write_text(text)
    build, couple = (line.removeprefix("$ ") for line in blocks(PAGE, "console")[0].splitlines())
    libraries = library_directory()
    path = os.pathsep.join([str(libraries / "pkgconfig"), os.environ.get("PKG_CONFIG_PATH", "")])
    environment = os.environ | {"PKG_CONFIG_PATH": path}
    subprocess.run(f"{build} -Wl,-rpath,{libraries}", shell=True, check=True, cwd=folder, env=environment)
    before = Path.cwd()
    os.chdir(folder)
    try:
        run_python(PAGE, [emulators])
    finally:
        os.chdir(before)
    assert couple == "pyemu couple experiment.yaml"
    return folder


def couple(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pyemu.cli", "couple", "experiment.yaml", "--json"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_bad_emulator_is_found_and_the_good_one_passes(folder: Path) -> None:
    done = couple(folder)
    assert done.returncode == 1, done.stderr
    gates = json.loads(done.stdout)
    failed = {name for name, gate in gates.items() if not gate["pass"]}
    assert failed == {
        "bad_mean_map_rmse_of_surface_temperature",
        "bad_wasserstein_of_surface_temperature_against_other_weather",
    }
    with xr.open_dataset(folder / "report/report.nc", decode_times=False) as report:
        maps = report["mean_map_rmse_of_surface_temperature"].median("mean_map_rmse_of_surface_temperature_run")
        assert float(maps.sel(case="bad")) > 5.0 > 1.0 > float(maps.sel(case="good"))
    assert "Bad emulator" in (folder / "report/report.html").read_text()


def test_blow_up_of_the_program_is_told(folder: Path) -> None:
    text = (folder / "experiment.yaml").read_text()
    hot = text.replace("{n_days: 7200}", "{n_days: 7200, weather: 40000.0}").replace(
        "output_dir: report", "output_dir: hot"
    )
    (folder / "hot.yaml").write_text(hot)
    command = [sys.executable, "-m", "pyemu.cli", "couple", "hot.yaml", "--json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout)["formula_runs_completed"]["pass"] is False
    assert "a zone left 150 to 400 K on day" in (folder / "hot/report.html").read_text()
