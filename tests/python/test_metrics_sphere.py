"""Metrics of fields on a sphere: means by area, the cycle of a year, the response to a change."""

import numpy as np
import pytest
import xarray as xr
from metric_results import draw_all, number, results

from pyemu.harness.metrics import AnnualCycle, Climate, Drift, Means, Response, Survival
from pyemu.harness.results import Result, Results
from pyemu.harness.statistics.area import area_weights, mean_over, share_of_places

N_LAT, N_LON, YEAR = 16, 8, 360.0
GAUSSIAN = np.degrees(np.arcsin(np.polynomial.legendre.leggauss(N_LAT)[0][::-1]))


def field(values: np.ndarray, latitudes: np.ndarray = GAUSSIAN, step: float = 30.0) -> xr.Dataset:
    """(time, lat, lon), means over intervals of ``step`` days that end at their time."""
    time = step * np.arange(1, len(values) + 1)
    coords = {
        "time": ("time", time, {"units": "days since 0000-01-01"}),
        "lat": ("lat", latitudes, {"units": "degrees_north"}),
        "lon": ("lon", 45.0 * np.arange(N_LON), {"units": "degrees_east"}),
    }
    return xr.Dataset({"t": (("time", "lat", "lon"), values, {"units": "K"})}, coords=coords)


def square_of_sine(n: int, latitudes: np.ndarray = GAUSSIAN) -> np.ndarray:
    """Its mean over a sphere is a third."""
    return np.broadcast_to((np.sin(np.radians(latitudes)) ** 2)[:, None], (n, len(latitudes), N_LON)).copy()


def test_gaussian_rows_have_gaussian_weights_and_others_their_area():
    exact = field(square_of_sine(1))["t"][0]
    assert float(mean_over(exact, ["lat", "lon"])) == pytest.approx(1.0 / 3.0, abs=1e-14)
    assert float(mean_over(exact[::-1], ["lat", "lon"])) == pytest.approx(1.0 / 3.0, abs=1e-14)
    regular = np.linspace(87.5, -87.5, 36)
    other = field(square_of_sine(1, regular), regular)["t"][0]
    assert float(area_weights(other).sum()) == pytest.approx(1.0, abs=1e-14)
    assert float(mean_over(other, ["lat", "lon"])) == pytest.approx(1.0 / 3.0, abs=1e-3)
    assert area_weights(xr.DataArray(np.ones(3), dims="lat")) is None, "a dimension without degrees is no latitude"
    share = share_of_places(field(square_of_sine(2))["t"], ["lat", "lon"])
    assert share.shape == (N_LAT, N_LON) and float(share.sum()) == pytest.approx(1.0)


def test_means_drift_survival_and_climate_weigh_by_area():
    truth, warm = field(square_of_sine(40)), field(2.0 * square_of_sine(40))
    runs = results({"truth": [truth], "warm": [warm]})
    means = Means(metric="means", variable="t").evaluate(runs)
    assert number(means, "mean_of_t", "warm").value == pytest.approx(2.0 / 3.0, abs=1e-12)
    assert number(means, "mean_difference_of_t", "warm").value == pytest.approx(1.0 / 3.0, abs=1e-12)
    cold = Means(metric="means", variable="t").evaluate(results({"truth": [warm], "cold": [truth]}))
    assert number(cold, "absolute_mean_difference_of_t", "cold").value == pytest.approx(1.0 / 3.0, abs=1e-12)
    drift = Drift(metric="drift", variable="t").evaluate(runs)
    np.testing.assert_allclose(drift.data["series_of_t_warm"], 2.0 / 3.0)
    band = {"variable": "t", "low": 0.3, "high": 0.36}  # without weights the mean is a half
    alive = Survival(metric="survival", criteria=[band]).evaluate(runs)
    assert number(alive, "share_of_runs_alive_at_the_end", "truth").value == 1.0
    assert number(alive, "share_of_runs_alive_at_the_end", "warm").value == 0.0
    climate = Climate(metric="climate", variable="t").evaluate(runs)
    # The difference is sin(latitude)^2, whose mean square over the sphere is 1/5.
    assert number(climate, "mean_map_rmse_of_t", "warm").value == pytest.approx(0.2**0.5, abs=1e-12)
    assert number(climate, "mean_map_correlation_of_t", "warm").value == pytest.approx(1.0)
    draw_all(climate)


def seasons(years: int, amplitude: float, seed: int, shift: int = 0) -> xr.Dataset:
    """A cycle that is opposite in the hemispheres, with noise."""
    months = 2.0 * np.pi * (np.arange(12 * years) - shift) / 12
    values = amplitude * np.cos(months)[:, None, None] * np.sin(np.radians(GAUSSIAN))[:, None] + np.zeros(N_LON)
    return field(280.0 + values + 0.01 * np.random.default_rng(seed).normal(size=values.shape))


def test_the_annual_cycle_is_compared_by_whole_years():
    runs = results({"truth": [seasons(4, 10.0, 1)], "same": [seasons(4, 10.0, 2)], "weak": [seasons(3, 5.0, 3)],
                    "late": [seasons(4, 10.0, 4, shift=3)]})  # fmt: skip
    found = AnnualCycle(metric="annual_cycle", variable="t", period=YEAR).evaluate(runs)
    rms = 10.0 / np.sqrt(2.0) / np.sqrt(3.0)  # over the months and over the sphere
    assert number(found, "annual_cycle_amplitude_ratio_of_t", "same").value == pytest.approx(1.0, abs=1e-3)
    assert number(found, "annual_cycle_amplitude_ratio_of_t", "weak").value == pytest.approx(0.5, abs=1e-3)
    same = number(found, "annual_cycle_rmse_of_t", "same")
    assert same.value < 0.02 and same.floor < 0.02
    assert number(found, "annual_cycle_rmse_of_t", "weak").value == pytest.approx(0.5 * rms, rel=1e-2)
    assert number(found, "annual_cycle_rmse_of_t", "late").value == pytest.approx(np.sqrt(2.0) * rms, rel=1e-2)
    assert number(found, "annual_cycle_of_mean_rmse_of_t", "weak").value < 0.01, "the hemispheres cancel"
    assert found.data["annual_cycle_of_t"].dims == ("case", "lat", "part")
    assert len(found.drawings) == 2
    draw_all(found)


def test_less_than_two_years_are_no_annual_cycle():
    runs = results({"truth": [seasons(1, 10.0, 1)], "same": [seasons(4, 10.0, 2)]})
    with pytest.raises(ValueError, match="of t: the truth is shorter than two periods of 360"):
        AnnualCycle(metric="annual_cycle", variable="t", period=YEAR).evaluate(runs)


def test_records_that_do_not_fill_the_parts_are_told():
    runs = results({"truth": [field(np.zeros((12, N_LAT, N_LON)), step=90.0)]})
    with pytest.raises(ValueError, match="4 records of a period do not fill 12 parts"):
        AnnualCycle(metric="annual_cycle", variable="t", period=YEAR).evaluate(runs)


def warmed(by: float, seed: int) -> xr.Dataset:
    noise = 0.1 * np.random.default_rng(seed).normal(size=(40, N_LAT, N_LON))
    return field(280.0 + by * (1.0 + square_of_sine(40)) + noise)


def test_responses_are_those_of_kinds_and_compared_with_the_truths():
    changes = {"truth": (0.0, 3.0), "same": (0.5, 3.5), "dull": (0.0, 1.5)}  # control and doubled, per mean of 4/3
    runs = [
        Result(case, kind, seed, warmed(by, 10 * seed + i), 1200.0, False, "", 1.0)
        for i, (case, pair) in enumerate(changes.items())
        for kind, by in zip(("control", "double"), pair, strict=True)
        for seed in ((1, 2) if kind == "control" else (1,))
    ]
    all_runs = Results(runs, {case: case for case in changes}, "truth", {"control": 0.0, "double": 300.0})
    found = Response(metric="response", variable="t", kind="double", control="control").evaluate(all_runs)
    name = "response_of_t_double"
    assert number(found, name, "truth").value == pytest.approx(4.0, abs=0.02)
    assert number(found, name, "dull").value == pytest.approx(2.0, abs=0.02)
    difference = number(found, "response_difference_of_t_double", "same")
    assert difference.low <= difference.value <= difference.high and abs(difference.value) < 0.02
    dull = number(found, "response_difference_of_t_double", "dull")
    assert dull.value == pytest.approx(-2.0, abs=0.02) and dull.floor < 0.05
    rms = 1.5 * np.sqrt(1.0 + 2.0 / 3.0 + 1.0 / 5.0)
    assert number(found, "response_map_rmse_of_t_double", "dull").value == pytest.approx(rms, rel=0.01)
    draw_all(found)
    with pytest.raises(KeyError, match="no kind 'past', there are control, double"):
        Response(metric="response", variable="t", kind="double", control="past").evaluate(all_runs)
