"""Predictions with errors that are known: scores by level and region, spectra of errors, tails."""

import numpy as np
import pytest
import xarray as xr
from metric_results import draw_all, number, results, series
from scipy.stats import norm
from scores import continuous

from pyemu.harness.metrics import ErrorSpectrum, Scores, Tails
from pyemu.harness.statistics import distances

N = 2000


@pytest.fixture(scope="module")
def samples() -> dict[str, xr.Dataset]:
    """Truth of sd 1 to 4 by level; prediction with bias 0.5, noise of sd 1, worse to the right of x = 3."""
    random = np.random.default_rng(1)
    truth = 300.0 + np.arange(1.0, 5.0)[:, None] * random.normal(size=(N, 4, 6))
    noise = np.where(np.arange(6) > 3, 3.0, 1.0) * random.normal(size=truth.shape)
    coords = {"y": ("y", [1.0, 2.0, 3.0, 4.0]), "x": ("x", np.arange(6.0)), "cloud": ("x", [0, 0, 1, 1, 0, 0])}
    predicted = truth + 0.5 + noise
    return {
        "truth": series(t=truth).assign_coords(coords),
        "net": series(t=predicted).assign_coords(coords),
        "both": series(t=predicted, t_true=truth).assign_coords(coords),
    }


REGIONS = (
    {"name": "left", "bounds": {"x": (0, 3)}},
    {"name": "cloudy_top", "bounds": {"cloud": (1, 1), "y": (4, 9)}},
    {"name": "nowhere", "bounds": {"x": (77, 99)}},
)


def test_scores_are_those_that_were_put_in_and_those_of_another_library(samples):
    metric = Scores(metric="scores", variable="t", along="y", regions=REGIONS)
    found = metric.evaluate(results({"truth": [samples["truth"]], "net": [samples["net"]]}))
    p, t = samples["net"]["t"], samples["truth"]["t"]
    for name, theirs in (
        ("rmse", continuous.rmse(p, t)), ("bias", continuous.additive_bias(p, t)),
        ("correlation", continuous.correlation.pearsonr(p, t)), ("r2", continuous.nse(p, t)),
    ):  # fmt: skip
        assert number(found, f"{name}_of_t", "net").value == pytest.approx(float(theirs), rel=1e-9)
    inside = p.sel(x=slice(0, 3)), t.sel(x=slice(0, 3))
    assert number(found, "r2_of_t_in_left", "net").value == pytest.approx(float(continuous.nse(*inside)), rel=1e-9)
    rmse = number(found, "rmse_of_t_in_left", "net")
    assert rmse.low < np.sqrt(1.25) < rmse.high and rmse.unit == "m"
    assert np.isnan(number(found, "rmse_of_t_in_nowhere", "net").value)
    of_cloud = number(found, "correlation_of_t_in_cloudy_top", "net").value
    assert of_cloud == pytest.approx(4.0 / np.sqrt(17.0), abs=0.005)
    profile = found.data["scores_of_t_along_y_r2"].sel(case="net")
    expected = [float(continuous.nse(p.sel(y=y), t.sel(y=y))) for y in (1, 2, 3, 4)]
    np.testing.assert_allclose(profile, expected, rtol=1e-9)
    draw_all(found)


def test_truth_may_be_in_the_same_file(samples):
    metric = Scores(metric="scores", variable="t", truth_variable="t_true")
    found = metric.evaluate(results({"both": [samples["both"]]}))
    direct = Scores(metric="scores", variable="t").evaluate(
        results({"truth": [samples["truth"]], "net": [samples["net"]]})
    )
    assert number(found, "rmse_of_t", "both").value == number(direct, "rmse_of_t", "net").value


def test_only_times_that_both_have_are_compared(samples):
    late = samples["net"].isel(time=slice(100, None))
    metric = Scores(metric="scores", variable="t")
    found = metric.evaluate(results({"truth": [samples["truth"]], "net": [late]}))
    theirs = continuous.rmse(late["t"], samples["truth"]["t"].isel(time=slice(100, None)))
    assert number(found, "rmse_of_t", "net").value == pytest.approx(float(theirs), rel=1e-9)


@pytest.mark.parametrize(
    ("change", "settings", "message"),
    [
        ({"time": np.arange(N) + 0.5}, {}, "0 times in common"),
        ({}, {"along": "z"}, "t has no dimension z, only time, y, x"),
        ({}, {"regions": [{"name": "a", "bounds": {"lat": (0, 1)}}]}, "case net has no variable lat"),
    ],
)
def test_what_cannot_be_compared_is_told(samples, change, settings, message):
    metric = Scores(metric="scores", variable="t", **settings)
    with pytest.raises((ValueError, KeyError), match=message):
        metric.evaluate(results({"truth": [samples["truth"]], "net": [samples["net"].assign_coords(change)]}))


def test_other_places_are_refused(samples):
    metric = Scores(metric="scores", variable="t")
    with pytest.raises(ValueError, match="case net has {'time': 2000, 'y': 4, 'x': 5}, its truth {'time': 2000, 'y'"):
        metric.evaluate(results({"truth": [samples["truth"]], "net": [samples["net"].isel(x=slice(5))]}))


def test_constant_truth_has_no_r2():
    constant, off = series(t=np.full((50, 3), 2.0)), series(t=np.full((50, 3), 2.5))
    found = Scores(metric="scores", variable="t").evaluate(results({"truth": [constant], "net": [off]}))
    assert number(found, "rmse_of_t", "net").value == number(found, "bias_of_t", "net").value == 0.5
    assert np.isnan(number(found, "r2_of_t", "net").value) and np.isnan(number(found, "unexplained_of_t", "net").value)


def test_spectrum_of_the_error_of_missing_waves():
    random = np.random.default_rng(3)
    k, waves = np.arange(64), np.arange(1, 32)
    phases = random.uniform(0.0, 2 * np.pi, size=(100, 31, 1))
    parts = np.cos(2 * np.pi * waves[:, None] * k / 64 + phases) / waves[:, None]
    truth, smooth = parts.sum(axis=1), parts[:, :8].sum(axis=1) * 0.9
    metric = ErrorSpectrum(metric="error_spectrum", variable="t", dims=("x",))
    found = metric.evaluate(results({"truth": [series(t=truth)], "smooth": [series(t=smooth)]}))
    assert number(found, "resolved_wave_number_of_t", "smooth").value == 8.0
    power = 0.5 / waves**2.0
    expected = (0.01 * power[:8].sum() + power[8:].sum()) / power.sum()
    assert number(found, "error_power_ratio_of_t", "smooth").value == pytest.approx(expected, rel=1e-9)
    np.testing.assert_allclose(found.data["error_spectrum_of_t"].sel(case="smooth")[:8], 0.01 * power[:8], rtol=1e-9)
    draw_all(found)


def test_isotropic_spectrum_of_an_error_of_one_wave():
    x = np.arange(32.0)
    field = np.random.default_rng(0).normal(size=(40, 32, 32))
    wave = np.cos(2 * np.pi * 8 * x / 32)
    coords = {"y": x, "x": x}
    truth, net = (series(t=one).assign_coords(coords) for one in (field, field + 0.7 * wave))
    metric = ErrorSpectrum(metric="error_spectrum", variable="t", dims=("y", "x"))
    found = metric.evaluate(results({"truth": [truth], "net": [net]}))
    error = found.data["error_spectrum_of_t"].sel(case="net")
    assert float(error["error_spectrum_of_t_wave_number"][int(error.argmax())]) == pytest.approx(0.25, abs=0.03)
    assert number(found, "resolved_wave_number_of_t", "net").value < 0.25
    draw_all(found)


def test_quantiles_of_a_histogram():
    edges = np.linspace(0.0, 10.0, 11)
    counts = np.zeros(11 - 1)
    counts[[3, 6]] = 3.0, 1.0
    assert distances.quantile_of_histogram(counts, edges, 0.375) == pytest.approx(3.5)
    assert distances.quantile_of_histogram(counts, edges, 0.875) == pytest.approx(6.5)
    assert distances.quantile_of_histogram(counts, edges, 0.0) == 3.0
    assert distances.share_above(counts, edges, 3.5) == pytest.approx(0.625)
    assert np.isnan(distances.quantile_of_histogram(np.zeros(3), np.arange(4.0), 0.5))


def test_tails_of_a_wider_normal_distribution():
    random = np.random.default_rng(5)
    truth, other, wide = (random.normal(size=(4000, 50)) * sd + 7.0 for sd in (1.0, 1.0, 1.3))
    metric = Tails(metric="tails", variable="t")
    runs = {name: [series(t=one)] for name, one in (("truth", truth), ("other", other), ("wide", wide))}
    found = metric.evaluate(results(runs))
    for quantile in (0.001, 0.01, 0.99, 0.999):
        ratio = number(found, f"tail_ratio_of_t_at_{quantile:g}", "wide")
        assert ratio.value == pytest.approx(1.3, rel=0.03) and 1.0 < ratio.low < ratio.value < ratio.high
        expected = norm.sf(abs(norm.ppf(quantile)) / 1.3) / min(quantile, 1.0 - quantile)
        assert number(found, f"exceedance_ratio_of_t_at_{quantile:g}", "wide").value == pytest.approx(
            expected, rel=0.12
        )
        same = number(found, f"tail_ratio_of_t_at_{quantile:g}", "other")
        assert same.value == pytest.approx(1.0, abs=0.04) and same.floor == pytest.approx(1.0, abs=0.04)
    exact = np.quantile(wide, 0.999) - np.median(truth)
    ratio = exact / (np.quantile(truth, 0.999) - np.median(truth))
    assert number(found, "tail_ratio_of_t_at_0.999", "wide").value == pytest.approx(ratio, abs=2e-3)
    draw_all(found)
