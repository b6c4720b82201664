"""Patterns and regimes of fields that are made of known ones."""

import numpy as np
import pytest
from metric_results import draw_all, number, results, series

from pyemu.harness.metrics import Patterns, Regimes

NY, NX, N = 6, 9, 800


def modes(seed: int) -> np.ndarray:
    """Four orthogonal patterns, (4, y, x)."""
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(NY * NX, 4)))[0].T.reshape(4, NY, NX)


def field(patterns: np.ndarray, sizes: tuple[float, ...], seed: int) -> np.ndarray:
    """Records of patterns with normal amplitudes, about 7."""
    amplitudes = np.random.default_rng(seed).normal(size=(N, 4)) * sizes
    noise = 0.05 * np.random.default_rng(seed + 1).normal(size=(N, NY, NX))
    return 7.0 + np.tensordot(amplitudes, patterns, axes=1) + noise


def test_patterns_are_found_and_others_are_told_from_them():
    patterns = modes(0)
    sizes = (4.0, 3.0, 1.0, 0.5)
    exchanged = patterns[[0, 2, 1, 3]]
    runs = {
        "truth": [series(t=field(patterns, sizes, 1))], "same": [series(t=field(patterns, sizes, 3))],
        "exchanged": [series(t=field(exchanged, sizes, 5))],
        "weak": [series(t=field(patterns, (2.0, 1.5, 1.0, 0.5), 7))],
    }  # fmt: skip
    found = Patterns(metric="patterns", variable="t", n_leading=2).evaluate(results(runs))
    overlap = {case: number(found, "pattern_overlap_of_t", case) for case in ("same", "exchanged", "weak")}
    assert overlap["same"].value > 0.99 and overlap["same"].floor > 0.99
    assert overlap["exchanged"].value == pytest.approx(0.5, abs=0.02), "one of two patterns is the truth's"
    assert overlap["exchanged"].low < 0.55 and overlap["exchanged"].high < 0.6
    ratio = {case: number(found, "pattern_variance_ratio_of_t", case) for case in ("same", "exchanged", "weak")}
    assert ratio["same"].low < 1.0 < ratio["same"].high
    assert ratio["weak"].value == pytest.approx(0.25, rel=0.15)
    assert ratio["exchanged"].value == pytest.approx((16.0 + 1.0) / 25.0, rel=0.15)
    noise = 0.05**2 * NY * NX
    share = number(found, "pattern_variance_share_of_t", "same").value
    assert share == pytest.approx(25.0 / (26.25 + noise), abs=0.02)
    draw_all(found)
    assert len(found.drawings) == 2


def test_a_shift_of_the_mean_is_no_pattern():
    patterns, sizes = modes(0), (4.0, 3.0, 1.0, 0.5)
    values = field(patterns, sizes, 1)
    found = Patterns(metric="patterns", variable="t", n_leading=4).evaluate(
        results({"truth": [series(t=values)], "shifted": [series(t=values + 100.0 * modes(9)[0])]})
    )
    assert number(found, "pattern_overlap_of_t", "shifted").value == pytest.approx(1.0, abs=1e-6)
    assert number(found, "pattern_variance_ratio_of_t", "shifted").value == pytest.approx(1.0, abs=1e-6)


def test_too_few_patterns_are_told():
    values = np.zeros((60, NY, NX))
    values[:, 0, 0] = np.arange(60.0)
    metric = Patterns(metric="patterns", variable="t", n_leading=3)
    with pytest.raises(ValueError, match="the truth has 1 patterns, fewer than 3"):
        metric.evaluate(results({"truth": [series(t=values)]}))


def ring(seed: int, size: float = 1.0, n: int = 4000) -> np.ndarray:
    """Waves 1 and 2 around a ring with amplitudes that are AR(1), and noise."""
    random = np.random.default_rng(seed)
    amplitude = np.zeros((n, 4))
    for i in range(1, n):
        amplitude[i] = 0.5 * amplitude[i - 1] + random.normal(size=4) * [2.0, 2.0, 1.0, 1.0]
    angle = 2.0 * np.pi * np.arange(8) / 8
    basis = np.array([np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)])
    return size * amplitude @ basis + 0.1 * random.normal(size=(n, 8))


def test_regimes_have_intervals_and_floors():
    runs = {"truth": [series(t=ring(1))], "same": [series(t=ring(2))], "large": [series(t=ring(3, size=1.5))]}
    metric = Regimes(metric="regimes", variable="t", dim="x", interval=2.0)
    found = metric.evaluate(results(runs))
    for pair in (1, 2):
        same, large = (number(found, f"pattern_{pair}_hellinger_squared_of_t", case) for case in ("same", "large"))
        assert same.value < 3.0 * same.floor
        assert large.low < large.value < large.high and large.low > 2.0 * same.high
        assert number(found, f"pattern_{pair}_hellinger_of_t", "large").value == pytest.approx(large.value**0.5)
    sigma = 1.5  # amplitudes are Rayleigh distributed
    expected = 1.0 - 2.0 * sigma / (1.0 + sigma**2)
    assert number(found, "pattern_1_hellinger_squared_of_t", "large").value == pytest.approx(expected, rel=0.35)
    draw_all(found)


def test_a_run_that_ended_at_once_keeps_no_other_from_being_judged():
    runs = {"truth": [series(t=ring(1, n=1000))], "short": [series(t=ring(2, n=1000)), series(t=ring(3, n=1))]}
    found = Regimes(metric="regimes", variable="t", dim="x", interval=2.0).evaluate(results(runs))
    assert len(number(found, "probability_to_stay_in_regime_1_of_t", "short").values) == 1
    assert len(number(found, "pattern_1_hellinger_squared_of_t", "short").values) == 2
