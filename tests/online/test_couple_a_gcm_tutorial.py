"""The tutorial on coupling a GCM runs, and the lines it shows are those of the sources."""

import importlib.util
import sys
from pathlib import Path

import pytest
import xarray as xr

sys.path.insert(0, str(Path(__file__).parents[1] / "python"))
import tutorials
from pages import DOCS, blocks

PAGE = "tutorials/couple-a-gcm.md"
SOURCES = Path(__file__).parents[2] / "fortran" / "hosts" / "plasim"


def test_the_lines_are_those_of_the_sources() -> None:
    sources = [path.read_text() for path in SOURCES.glob("*.f90")]
    for block in blocks(PAGE, "fortran"):
        assert any(block in source for source in sources), block
    build = (SOURCES / "CMakeLists.txt").read_text()
    assert all(block in build for block in blocks(PAGE, "cmake"))
    assert (DOCS / "explanations" / "plasim-radiation.md").is_file()


@pytest.mark.skipif(not importlib.util.find_spec("exoplasim"), reason="exoplasim is not installed")
def test_an_emulator_is_recorded_trained_and_run(tmp_path: Path) -> None:
    for one in tutorials.run(PAGE, tmp_path):
        assert one.returncode == 0, [*one.args, one.stdout, one.stderr]
    with xr.open_dataset(tmp_path / "emulated" / "plasim.nc", decode_times=False) as data:
        assert data.attrs["scheme"] == "emulator"
        assert float(data.radiation_column_residual.max()) < 1e-9
        assert 50.0 < float(data.toa_outgoing_longwave_flux.mean()) < 400.0
    with xr.open_dataset(tmp_path / "beside" / "plasim.nc", decode_times=False) as data:
        assert 0.0 < float(data.beside_longwave_rmse[-1]) < 200.0
