"""Ensemble forecasts whose reliability is known."""

import numpy as np
import pytest
import xarray as xr
import xskillscore
from metric_results import HOURS, draw_all, number, results
from scores.probability import brier_score_for_ensemble

from pyemu.harness.metrics import Forecast, Reliability
from pyemu.harness.metrics.reliability import _points
from pyemu.harness.statistics import forecasts

N_STARTS, N_LEADS, N_PLACES, N_MEMBERS = 300, 3, 6, 19
DIMS = ("time", "start", "member", "x")


def ensembles(spread: float = 1.0, seed: int = 0, n_members: int = N_MEMBERS) -> tuple[xr.Dataset, xr.Dataset]:
    """Truth and members about a common mean that is known, by errors whose sd varies: members' times ``spread``."""
    random = np.random.default_rng(seed)
    centre = random.normal(size=(N_LEADS, N_STARTS, 1, N_PLACES))
    sd = random.uniform(0.4, 2.0, size=centre.shape)
    truth = centre + sd * random.normal(size=centre.shape)
    members = centre + spread * sd * random.normal(size=(N_LEADS, N_STARTS, n_members, N_PLACES))
    return dataset(truth), dataset(members)


def dataset(values: np.ndarray) -> xr.Dataset:
    coords = {"time": ("time", np.arange(N_LEADS) * 6.0, HOURS), "start_time": ("start", np.arange(N_STARTS) * 24.0)}
    found = xr.Dataset({"h": (DIMS, values, {"units": "m"})}, coords=coords)
    return found.reset_coords("start_time")


@pytest.fixture(scope="module")
def judged():
    truth, good = ensembles()
    _, narrow = ensembles(spread=0.4)
    metric = Forecast(metric="forecast", variable="h", leads=(0.0, 12.0))
    return metric.evaluate(results({"truth": [truth], "good": [good], "narrow": [narrow]}))


def test_a_reliable_ensemble_has_the_slope_of_a_perfect_one_flat_ranks_and_outliers_by_chance(judged):
    good = number(judged, "spread_skill_slope_of_h_at_12", "good")
    assert good.low <= good.floor <= good.high and good.high - good.low < 0.4
    assert good.value < 0.9, "the spread of few members is noisy, which flattens the slope of a perfect ensemble, too"
    assert number(judged, "rank_chi_squared_of_h_at_12", "good").value < 38.6 / 19  # 99.5 % of chi squared
    assert number(judged, "outliers_of_h_at_12", "good").value == pytest.approx(2 / (N_MEMBERS + 1), abs=0.02)
    ratio = number(judged, "spread_of_h_at_12", "good").value / number(judged, "rmse_of_h_at_12", "good").value
    assert ratio == pytest.approx(1.0, abs=0.04)


def test_a_narrow_ensemble_is_told_from_a_perfect_one(judged):
    for name in ("rank_chi_squared_of_h_at_12", "outliers_of_h_at_12"):
        narrow, good = number(judged, name, "narrow"), number(judged, name, "good")
        assert narrow.value > 3.0 * narrow.floor and good.value < 2.0 * good.floor
    assert number(judged, "spread_skill_slope_of_h_at_12", "narrow").low > 1.5


def test_floors_are_those_of_a_perfect_ensemble_of_this_spread(judged):
    crps = number(judged, "crps_fair_of_h_at_12", "good")
    assert crps.value == pytest.approx(crps.floor, rel=0.08)
    narrow = number(judged, "crps_fair_of_h_at_12", "narrow")
    assert narrow.floor == pytest.approx(0.4 * crps.floor, rel=0.08)


def test_figures_can_be_drawn(judged):
    draw_all(judged)
    assert judged.data["forecast_of_h_good_spread_skill"].shape == (N_LEADS, 2, 10)


def test_one_member_has_no_floor_and_no_slope():
    truth, single = ensembles(n_members=1)
    metric = Forecast(metric="forecast", variable="h", leads=(6.0,))
    found = metric.evaluate(results({"truth": [truth], "single": [single]}))
    assert np.isnan(number(found, "rmse_of_h_at_6", "single").floor)
    assert np.isnan(number(found, "spread_skill_slope_of_h_at_6", "single").value)
    crps, rmse = (number(found, f"{name}_of_h_at_6", "single").value for name in ("crps", "rmse"))
    assert crps == pytest.approx(rmse * np.sqrt(2 / np.pi), rel=0.1), "of a single number it is the absolute error"


def test_chi_squared_of_ranks():
    assert forecasts.chi_squared_of_ranks(np.full(10, 7.0)) == 0.0
    assert forecasts.chi_squared_of_ranks(np.array([30.0, 10.0, 20.0])) == pytest.approx((100 + 100 + 0) / 20 / 2)
    assert np.isnan(forecasts.chi_squared_of_ranks(np.zeros(4)))


def test_brier_score_and_its_parts_are_the_closed_forms():
    always_a_quarter = np.zeros((2, 5))
    always_a_quarter[:, 1] = 1000.0, 400.0
    found = forecasts.brier(always_a_quarter)
    assert found.reliability == pytest.approx((0.25 - 0.4) ** 2) and found.resolution == 0.0
    assert found.score == pytest.approx(0.4 * 0.75**2 + 0.6 * 0.25**2)
    sure = forecasts.brier(np.array([[600.0, 0.0, 400.0], [0.0, 0.0, 400.0]]))
    assert sure.score == pytest.approx(0.0, abs=1e-15) and sure.skill == pytest.approx(1.0)
    assert sure.resolution == pytest.approx(sure.uncertainty) == pytest.approx(0.24)
    assert np.isnan(forecasts.brier(np.array([[5.0, 3.0], [0.0, 0.0]])).skill), "an event that never happens"


def test_brier_score_and_frequencies_are_those_of_other_libraries():
    truth, members = (one["h"].isel(time=1) for one in ensembles(seed=4, n_members=4))
    counts = forecasts.event_counts(members, truth.isel(member=0), 0.5).sum("start")
    counts = counts.transpose("sum", "category").values
    other = brier_score_for_ensemble(members, truth.isel(member=0), "member", 0.5, fair_correction=False)
    assert forecasts.brier(counts).score == pytest.approx(float(other.squeeze()), rel=1e-12)
    edges = np.linspace(-0.125, 1.125, 6)
    event, probability = truth.isel(member=0) > 0.5, (members > 0.5).mean("member")
    theirs = xskillscore.reliability(event, probability, dim=["start", "x"], probability_bin_edges=edges)
    np.testing.assert_allclose(counts[1] / counts[0], theirs, rtol=1e-12)
    np.testing.assert_array_equal(counts[0], theirs["samples"])


def test_probabilities_of_a_narrow_ensemble_are_not_frequencies():
    truth, good = ensembles(seed=2)
    _, narrow = ensembles(spread=0.3, seed=2)
    metric = Reliability(metric="reliability", variable="h", leads=(6.0,), threshold=0.5)
    found = metric.evaluate(results({"truth": [truth], "good": [good], "narrow": [narrow]}))
    parts = {case: number(found, "brier_reliability_of_h_at_6", case) for case in ("good", "narrow")}
    assert parts["good"].value < 2.0 * parts["good"].floor
    assert parts["narrow"].low > 3.0 * parts["narrow"].floor
    draw_all(found)


def test_points_of_the_diagram_are_even_where_forecasts_are():
    counts = np.stack([np.full(20, 5.0), np.arange(20) / 19 * 5.0])
    probability, frequency, share = _points(counts)
    assert len(probability) == 10
    np.testing.assert_allclose(frequency, probability)
    np.testing.assert_allclose(share, 0.05)


def test_truth_is_looked_up_in_a_long_run_and_what_is_not_recorded_is_told():
    truth, members = ensembles()
    metric = Forecast(metric="forecast", variable="h", leads=(0.0,))
    time = np.arange(0.0, 24.0 * N_STARTS + 12.0, 6.0)
    values = np.zeros((len(time), 1, N_PLACES))
    for lead in range(N_LEADS):
        values[4 * np.arange(N_STARTS) + lead] = truth["h"].values[lead]
    long = xr.Dataset({"h": (("time", "member", "x"), values, {"units": "m"})}, {"time": ("time", time, HOURS)})
    direct = metric.evaluate(results({"truth": [truth], "good": [members]}))
    looked_up = metric.evaluate(results({"truth": [long], "good": [members]}))
    assert number(looked_up, "rmse_of_h_at_0", "good").value == number(direct, "rmse_of_h_at_0", "good").value
    with pytest.raises(ValueError, match="metric forecast: the truth has no record within"):
        metric.evaluate(results({"truth": [long.isel(time=slice(0, 900))], "good": [members]}))
