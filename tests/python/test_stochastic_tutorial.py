"""The tutorial on stochastic parameterizations runs, and what it says about its figures is so."""

import json
from pathlib import Path

import pytest
import tutorials
import xarray as xr

X = "lorenz96_slow_variable"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lorenz96")
    done = tutorials.run("tutorials/stochastic-parameterization.md", folder)
    for one in done:
        assert one.returncode == 0, [*one.args, one.stdout, one.stderr]
    return folder / "report"


def test_gates_pass_and_figures_are_there(report: Path) -> None:
    gates = json.loads((report / "summary.json").read_text())
    assert len(gates) == 9 and all(gate["pass"] for gate in gates.values())
    figures = {path.stem for path in (report / "figures").glob("*.png")}
    assert {f"forecast_of_{X}_weather", f"forecast_of_{X}_weather_ranks", f"distribution_of_{X}"} <= figures


def test_noise_gives_spread_and_better_forecasts(report: Path) -> None:
    with xr.open_dataset(report / "report.nc", decode_times=False) as data:

        def at(name: str, case: str) -> float:
            return float(data[f"{name}_of_{X}_at_1_weather"].sel(case=case).median())

        assert at("spread", "deterministic") == 0.0
        assert 0.7 < at("spread", "red") / at("rmse", "red") < 1.4
        assert at("crps", "red") < 0.9 * at("crps", "deterministic")
        assert at("outliers", "red") < 0.3 * at("outliers", "deterministic")
