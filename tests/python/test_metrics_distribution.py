"""Histograms of one and of two variables."""

import numpy as np
import pytest
from metric_results import draw_all, number, results, series

from pyemu.harness.metrics import Distribution, JointDistribution
from pyemu.harness.metrics.joint import SHARES, levels_around
from pyemu.harness.statistics.distances import hellinger_squared


def test_wider_bins_show_what_comes_of_few_samples():
    random = np.random.default_rng(0)
    truth, same = (series(x=random.normal(size=(200, 5))) for _ in range(2))
    wide = series(x=2.0 * random.normal(size=(200, 5)))
    bins = {"start": -8.0, "stop": 8.0, "width": 0.1}
    found = Distribution(metric="distribution", variable="x", bins=bins).evaluate(
        results({"truth": [truth], "same": [same], "wide": [wide]})
    )
    narrow, wider = (
        {case: number(found, f"hellinger_squared{name}_of_x", case).value for case in ("same", "wide")}
        for name in ("", "_in_wider_bins")
    )
    assert wider["same"] < 0.65 * narrow["same"], "between samples of one distribution it goes with the number of bins"
    assert wider["wide"] > 0.8 * narrow["wide"]
    p, q = (np.histogram(one["x"], np.linspace(-8.0, 8.0, 81))[0].astype(float) for one in (wide, truth))
    assert wider["wide"] == pytest.approx(hellinger_squared(p, q), rel=1e-9)
    draw_all(found)


def test_both_distances_of_two_variables():
    random = np.random.default_rng(1)
    x = random.normal(size=(2000, 20))
    y = 0.8 * x + 0.6 * random.normal(size=x.shape)
    loose = random.normal(size=x.shape)
    found = JointDistribution(metric="joint_distribution", x="x", y="y").evaluate(
        results({"truth": [series(x=x, y=y)], "loose": [series(x=x, y=loose)]})
    )
    squared = number(found, "joint_hellinger_squared_of_x_and_y", "loose")
    root = number(found, "joint_hellinger_of_x_and_y", "loose")
    exact = 1.0 - (1.0 - 0.8**2) ** 0.25 / (1.0 - 0.4**2) ** 0.5  # of two normals with correlations 0.8 and 0
    assert squared.value == pytest.approx(exact, rel=0.1) and root.value == pytest.approx(squared.value**0.5)
    draw_all(found)


def test_contours_lie_around_given_shares_of_a_normal_distribution():
    centres = np.linspace(-6.0, 6.0, 601)
    density = np.exp(-0.5 * (centres[:, None] ** 2 + centres[None, :] ** 2)) / (2.0 * np.pi)
    levels = levels_around(density * (centres[1] - centres[0]) ** 2, density)
    np.testing.assert_allclose(levels, (1.0 - np.array(SHARES)) / (2.0 * np.pi), rtol=5e-3)
