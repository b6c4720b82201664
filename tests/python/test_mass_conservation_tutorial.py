"""The tutorial on mass conservation runs, and what it says about its runs is so."""

import json
from pathlib import Path

import pytest
import tutorials
import xarray as xr

H = "mean_layer_thickness_anomaly"
DAYS = 200.0


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("thickness")
    for one in tutorials.run("tutorials/mass-conservation.md", folder):
        assert one.returncode == 0, [*one.args, one.stdout, one.stderr]
    return folder / "report"


def test_gates_pass_and_figures_are_there(report: Path) -> None:
    gates = json.loads((report / "summary.json").read_text())
    assert len(gates) == 4 and all(gate["pass"] for gate in gates.values())
    figures = {path.stem for path in (report / "figures").glob("*.png")}
    assert {f"series_of_{H}", "series_of_kinetic_energy", "survival"} <= figures


def test_projection_cures_the_drift_and_not_the_waves(report: Path) -> None:
    with xr.open_dataset(report / "report.nc", decode_times=False) as data:

        def of(name: str, case: str) -> tuple[float, float]:
            first, second = data[name].sel(case=case).values
            return float(first), float(second)

        with_waves, drifting = of("lifetime", "free")
        assert with_waves < 30.0 and drifting == DAYS
        assert of("lifetime", "projection")[0] < 30.0 and of("lifetime", "projection")[1] == DAYS
        assert of("lifetime", "flux") == (DAYS, DAYS)
        assert of(f"drift_time_of_{H}", "free")[1] < DAYS
        assert of(f"largest_departure_of_{H}", "free")[1] > 1.0
