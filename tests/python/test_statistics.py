"""Statistics of runs against closed forms, brute force, and other libraries."""

import numpy as np
import properscoring
import pytest
import xarray as xr
import xskillscore

from pyemu.harness.statistics import correlations, distances, forecasts, growth, regimes, spectra, survival, trends
from pyemu.harness.statistics.resampling import blocks_of, resampled
from pyemu.harness.statistics.similarity import similarity

EDGES = np.linspace(-12.0, 12.0, 2401)
CENTRES = 0.5 * (EDGES[1:] + EDGES[:-1])


def normal(mean: float, sd: float) -> np.ndarray:
    return np.exp(-0.5 * ((CENTRES - mean) / sd) ** 2) / sd


def test_distances_of_normal_distributions_are_the_closed_forms():
    p, q, shifted = normal(0.0, 1.0), normal(0.0, 1.5), normal(0.7, 1.0)
    squared = 1.0 - np.sqrt(2.0 * 1.0 * 1.5 / (1.0 + 1.5**2))
    assert distances.hellinger_squared(p, q) == pytest.approx(squared, rel=1e-4)
    assert distances.hellinger(p, q) == pytest.approx(np.sqrt(squared), rel=1e-4)
    assert distances.wasserstein(p, shifted, CENTRES) == pytest.approx(0.7, rel=1e-4)
    assert distances.kullback_leibler(p, shifted) == pytest.approx(0.5 * 0.7**2, rel=1e-4)
    assert distances.kolmogorov_smirnov(p, shifted) == pytest.approx(0.2737, abs=2e-3)


def test_distance_to_nothing_is_not_a_number_and_to_itself_zero():
    p = normal(0.0, 1.0)
    assert np.isnan(distances.hellinger_squared(np.zeros(5), np.ones(5)))
    assert np.isnan(distances.wasserstein(np.zeros(5), np.ones(5), np.arange(5.0)))
    assert distances.hellinger_squared(p, p) == pytest.approx(0.0, abs=1e-15)
    assert distances.kullback_leibler(np.array([1.0, 1.0]), np.array([1.0, 0.0])) == np.inf


@pytest.fixture
def ensemble() -> tuple[xr.DataArray, xr.DataArray]:
    random = np.random.default_rng(3)
    centre = random.normal(size=(60, 5))
    truth = xr.DataArray(centre + random.normal(size=(60, 5)), dims=("start", "k"))
    members = xr.DataArray(centre[..., None] + random.normal(size=(60, 5, 12)), dims=("start", "k", "member"))
    return members, truth


def test_crps_is_that_of_two_other_libraries_and_of_its_definition(ensemble):
    members, truth = ensemble
    found = forecasts.crps(members, truth)
    np.testing.assert_allclose(found, properscoring.crps_ensemble(truth.values, members.values), rtol=1e-12)
    other = xskillscore.crps_ensemble(truth, members, dim=[])
    np.testing.assert_allclose(found, other, rtol=1e-12)
    pairs = np.abs(members.values[..., None] - members.values[..., None, :]).sum(axis=(-1, -2))
    error = np.abs(members.values - truth.values[..., None]).mean(axis=-1)
    np.testing.assert_allclose(forecasts.crps(members, truth, fair=True), error - pairs / (2 * 12 * 11), rtol=1e-10)


def test_a_reliable_ensemble_has_the_spread_of_its_error_and_flat_ranks(ensemble):
    members, truth = ensemble
    error, spread = forecasts.squared_error_of_mean(members, truth), forecasts.variance(members)
    assert float(error.mean() / spread.mean()) == pytest.approx(1.0, abs=0.15)
    ranks = forecasts.rank_histogram(members, truth, ["start", "k"])
    assert ranks.sizes["rank"] == 13 and int(ranks.sum()) == 300
    assert (
        float(((ranks - 300 / 13) ** 2 / (300 / 13)).sum()) < 28.3
    )  # 99.5 % of chi squared with 12 degrees of freedom


def test_spread_skill_slope_is_one_where_spread_is_error():
    random = np.random.default_rng(0)
    sd = random.uniform(0.5, 3.0, size=20000)
    rows = ((sd * random.normal(size=20000)) ** 2).reshape(10, -1), (sd**2).reshape(10, -1)
    sums = forecasts.spread_skill_bins(*rows)
    np.testing.assert_array_equal(sums[:, 0].sum(axis=0), np.full(10, 2000.0))
    assert forecasts.slope_of_bins(sums.sum(axis=0)) == pytest.approx(1.0, abs=0.06)
    assert np.isnan(forecasts.slope_of_bins(forecasts.spread_skill_bins(np.ones((4, 25)), np.ones((4, 25)))[0]))


def test_ranked_probability_score_is_that_of_xskillscore(ensemble):
    members, truth = ensemble
    edges = np.array([-0.5, 0.5])
    found = forecasts.ranked_probability_score(members, truth, edges).mean()
    other = xskillscore.rps(truth, members, category_edges=np.array([-50.0, -0.5, 0.5, 50.0]), dim=["start", "k"])
    assert float(found) == pytest.approx(float(other), rel=1e-12)


def test_survival_is_the_product_limit():
    curve = survival.survival(np.array([1.0, 2.0, 3.0, 3.0, 4.0]), np.array([True, False, True, True, False]))
    assert curve.at(0.5) == 1.0 and curve.at(1.0) == pytest.approx(0.8)
    assert curve.at(3.5) == pytest.approx(0.8 * (1.0 - 2.0 / 3.0))
    assert np.all(curve.low <= curve.alive) and np.all(curve.alive <= curve.high)


def test_slope_and_its_interval():
    time = np.arange(400.0)
    random = np.random.default_rng(5)
    inside = 0
    for _ in range(60):
        noise = np.convolve(random.normal(size=419), np.ones(20) / 4.5, mode="valid")
        low, high = trends.slope_interval(time, 0.01 * time + noise, n_blocks=8)
        inside += low <= 0.01 <= high
    assert inside >= 48, "an interval of 95 % from few blocks holds the slope in at least 80 % of cases"
    assert trends.slope(time, 3.0 - 0.5 * time) == pytest.approx(-0.5, rel=1e-12)
    assert np.isnan(trends.slope(time[:2], time[:2]))


def test_first_time_beyond_a_limit():
    time = np.array([7.0, 8.0, 9.0, 10.0])
    assert trends.first_beyond(time, np.array([5.0, 5.5, 7.0, 5.0]), 1.0) == 2.0
    assert trends.first_beyond(time, np.array([5.0, np.nan, 7.0, 5.0]), 9.0) == 1.0
    assert np.isnan(trends.first_beyond(time, np.array([5.0, 5.5, 5.0, 5.0]), 1.0))


def test_spectra_hold_the_variance_and_the_wave():
    k = np.arange(16)
    wave = xr.DataArray(3.0 * np.cos(2 * np.pi * 2 * k / 16) + 1.0, dims="k")
    power = spectra.line_spectrum(wave, "k")
    assert float(power.sum()) == pytest.approx(float(wave.var())) and float(power.sel(freq=2)) == pytest.approx(4.5)
    x = np.arange(64) * 20e3
    field = xr.DataArray(
        np.cos(2 * np.pi * 8 * x / (64 * 20e3))[None, :] * np.ones((64, 1)), dims=("y", "x"), coords={"x": x, "y": x}
    )
    found = spectra.isotropic_spectrum(field, ("y", "x"))
    assert float(found["freq_r"][int(found.argmax())]) == pytest.approx(8 / (64 * 20e3), rel=0.1)
    assert spectra.log_distance(np.array([1.0, 10.0]), np.array([10.0, 100.0])) == pytest.approx(1.0)


def test_correlations():
    random = np.random.default_rng(1)
    values = np.zeros((20000, 2))
    for i in range(1, 20000):
        values[i] = 0.8 * values[i - 1] + 0.6 * random.normal(size=2)
    series = xr.DataArray(values, dims=("time", "k"))
    products = correlations.lagged_products(series, np.array([0, 1, 5]))
    np.testing.assert_allclose(products / products[0], [1.0, 0.8, 0.8**5], atol=0.03)
    wave = xr.DataArray(np.cos(2 * np.pi * np.arange(8) / 8), dims="k")
    np.testing.assert_allclose(correlations.cyclic_products(wave, "k", np.array([0, 4])), [0.5, -0.5], atol=1e-12)
    a = np.arange(6.0).reshape(2, 3)
    assert correlations.pattern_correlation(a, 2.0 - 3.0 * a) == pytest.approx(-1.0)
    assert np.isnan(correlations.pattern_correlation(a, np.ones((2, 3))))


def test_hidden_markov_chain_is_found_again():
    random = np.random.default_rng(2)
    state, states = 0, []
    for _ in range(6000):
        state = state if random.uniform() < (0.98, 0.9)[state] else 1 - state
        states.append(state)
    samples = np.array([[0.0, 1.0], [4.0, 3.0]])[states] + random.normal(size=(6000, 2))
    found = regimes.transition_matrix(samples)
    np.testing.assert_allclose(np.diag(found), [0.98, 0.9], atol=0.02)


def test_leading_patterns_of_a_travelling_wave_are_the_wave():
    phase = 2 * np.pi * (np.arange(500)[:, None] * 0.13 + np.arange(8)[None, :] * 2 / 8)
    found = regimes.patterns(np.cos(phase), 2)
    amplitude = np.hypot(*(np.cos(phase) @ found.T).T)
    np.testing.assert_allclose(amplitude, amplitude[0], rtol=0.02)
    assert regimes.amplitudes_of_waves(np.cos(phase), 4)[0].argmax() == 1


def test_growth_rate_is_that_of_the_exponential_phase():
    time = np.linspace(0.0, 20.0, 201)
    distance = 1.0 / (1.0 + 1e4 * np.exp(-1.3 * time)) * np.array([[1.0], [1.5]])
    assert growth.growth_rate(time, np.log(distance).mean(axis=0), 1.25) == pytest.approx(1.3, rel=0.05)


def test_similarity():
    assert similarity(0.0, 2.0) == 1.0 and similarity(2.0, 2.0) == 0.0 and similarity(4.0, 2.0) == -1.0
    assert np.isnan(similarity(1.0, 0.0))


def test_interval_of_block_means_covers_the_truth():
    random = np.random.default_rng(8)
    covered = 0
    for _ in range(100):
        x = np.zeros(1200)
        for i in range(1, 1200):
            x[i] = 0.9 * x[i - 1] + random.normal()
        run = xr.Dataset({"x": ("time", x)})
        summary = {"mean": np.array([float(one["x"].mean()) for one in blocks_of(run, 60)])}
        low, high = resampled([summary], lambda mean: {"mean": float(mean["mean"])}, 200, random)["mean"]
        covered += low <= 0.0 <= high
    assert covered >= 85


def test_too_few_blocks_are_refused():
    with pytest.raises(ValueError, match="10 records hold 1 blocks of 8, and an interval needs at least 2"):
        blocks_of(xr.Dataset({"x": ("time", np.zeros(10))}), 8)
