"""Metrics and gates on files whose answers are known."""

import math
from pathlib import Path

import numpy as np
import pytest
import synthetic_runs
import xarray as xr
from synthetic_runs import write_run

from pyemu.harness.gates import Gate, all_passed, summary
from pyemu.harness.radiation.gates import coupled_gates
from pyemu.harness.radiation.metrics import BANDS_HPA, combine, read
from pyemu.harness.radiation.plan import SCHEMES
from pyemu.harness.run import HostError, Outcome

RRTMG = {"microseconds": 500.0}
EMULATOR = {"warmer": 0.2, "olr": 240.4, "residual": 2e-11, "microseconds": 20.0}


def combined(folder: Path, **emulator: float) -> xr.Dataset:
    """Runs of both climates, the emulator changed as told."""
    config = synthetic_runs.config(folder)
    outcomes = []
    for climate in config.climates:
        for scheme, numbers in zip(SCHEMES, (RRTMG, EMULATOR | emulator), strict=True):
            run = synthetic_runs.run_of(climate.name, scheme, folder / f"{climate.name}_{scheme}")
            write_run(run.output, **numbers)
            outcomes.append(Outcome(run, 0, "", reused=False))
    return combine(outcomes, config)


def gates(folder: Path, **emulator: float) -> dict[str, Gate]:
    found = coupled_gates(combined(folder, **emulator), synthetic_runs.config(folder))
    return {gate.name: gate for gate in found}


def test_equilibrium_differences_are_found(tmp_path: Path) -> None:
    data = combined(tmp_path)
    np.testing.assert_allclose(data["temperature_difference"], 0.2, atol=1e-12)
    np.testing.assert_allclose(data["temperature_rms_difference"], 0.2, atol=1e-12)
    np.testing.assert_allclose(data["olr_difference"], 0.4, atol=1e-12)
    np.testing.assert_allclose(data["layer_temperature_difference"], 0.2, atol=1e-12)
    assert data["temperature_difference"].units == "K"
    assert data["olr_difference"].units == "W m-2"


def test_mass_weighted_mean_is_that_of_the_profile(tmp_path: Path) -> None:
    one = combined(tmp_path).sel(climate="control", scheme="rrtmg")
    weights = one["air_pressure_thickness"]
    expected = (one["air_temperature_of_column"] * weights).sum("layer") / weights.sum("layer")
    np.testing.assert_allclose(one["mass_weighted_air_temperature_of_column"], expected, rtol=1e-12)


def test_bands_with_layers_hold_the_difference_and_empty_ones_nothing(tmp_path: Path) -> None:
    bands = combined(tmp_path)["band_temperature_difference"].sel(climate="control")
    assert list(bands["band"].values) == list(BANDS_HPA)
    np.testing.assert_allclose(bands.values[:3], 0.2, atol=1e-12)
    assert np.isnan(bands.values[-1])


def test_heating_is_per_day(tmp_path: Path) -> None:
    data = combined(tmp_path)
    np.testing.assert_allclose(data["longwave_heating_profile"], -2.0)
    np.testing.assert_allclose(data["shortwave_heating_profile"], 1.0)


def test_trend_is_per_hundred_days(tmp_path: Path) -> None:
    data = combined(tmp_path, trend=0.3)["mass_weighted_air_temperature_trend"].sel(climate="control")
    np.testing.assert_allclose(data.values, [0.0, 0.3], atol=1e-9)


def test_cost_is_per_column_and_call(tmp_path: Path) -> None:
    data = combined(tmp_path).sel(climate="control")
    np.testing.assert_allclose(data["radiation_time_per_column"], [500e-6, 20e-6])
    np.testing.assert_allclose(data["shortwave_time_per_column"].sel(scheme="rrtmg"), 375e-6)
    assert float(data["cost_ratio"]) == pytest.approx(25.0)


def test_good_runs_pass_every_gate_of_the_climate_inside(tmp_path: Path) -> None:
    found = gates(tmp_path)
    assert {name.removeprefix("coupled_control_") for name in found} == {
        "days_completed", "temperature_difference", "olr_difference", "column_energy_residual", "coupled_cost_ratio",
    }  # fmt: skip
    assert all(gate.passed for gate in found.values())


@pytest.mark.parametrize(
    ("change", "gate"),
    [
        ({"warmer": 0.51}, "coupled_control_temperature_difference"),
        ({"warmer": -0.51}, "coupled_control_temperature_difference"),
        ({"olr": 238.9}, "coupled_control_olr_difference"),
        ({"residual": 1.1e-4}, "coupled_control_column_energy_residual"),
        ({"residual": math.nan}, "coupled_control_column_energy_residual"),
        ({"microseconds": 26.0}, "coupled_cost_ratio"),
    ],
)
def test_each_gate_can_fail_alone(tmp_path: Path, change: dict, gate: str) -> None:
    assert [name for name, found in gates(tmp_path, **change).items() if not found.passed] == [gate]


def test_early_stop_fails_and_leaves_no_equilibrium(tmp_path: Path) -> None:
    failed = {name for name, found in gates(tmp_path, days=12).items() if not found.passed}
    assert failed == {
        "coupled_control_days_completed", "coupled_control_temperature_difference", "coupled_control_olr_difference",
    }  # fmt: skip


def test_nan_in_one_column_is_not_averaged_away(tmp_path: Path) -> None:
    config = synthetic_runs.config(tmp_path)
    folder = tmp_path / "one"
    path = write_run(folder / "column.nc")
    with xr.open_dataset(path) as data:
        broken = data.load()
    broken["toa_outgoing_longwave_flux"][18, 2] = np.nan
    broken.to_netcdf(path)
    runs = [synthetic_runs.run_of(climate.name, scheme, folder) for climate in config.climates for scheme in SCHEMES]
    outcomes = [Outcome(run, 0, "", reused=False) for run in runs]
    data = combine(outcomes, config)
    assert np.isnan(data["toa_outgoing_longwave_flux"].sel(climate="control", scheme="rrtmg")[18])


def test_damaged_file_of_a_run_is_named(tmp_path: Path) -> None:
    path = tmp_path / "column.nc"
    path.write_bytes(b"CDF half a file")
    with pytest.raises(HostError, match=r"column\.nc cannot be read"):
        read(path)


def test_summary_has_four_keys_and_null_for_what_is_not_finite() -> None:
    gate = Gate("a", math.nan, 1.0, "K", "A")
    assert summary([gate]) == {"a": {"value": None, "limit": 1.0, "pass": False, "unit": "K"}}


def test_number_without_limit_is_not_in_the_summary() -> None:
    assert summary([Gate("a", 1.0, None, "K", "A")]) == {}


def test_two_gates_of_one_name_are_refused() -> None:
    gate = Gate("a", 1.0, 1.0, "K", "A")
    with pytest.raises(ValueError, match="share a name"):
        summary([gate, gate])


def test_no_gate_at_all_is_not_a_pass() -> None:
    assert not all_passed([Gate("a", 1.0, None, "K", "A")])
    assert all_passed([Gate("a", 1.0, None, "K", "A"), Gate("b", 1.0, 2.0, "K", "B")])
