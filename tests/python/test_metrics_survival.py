"""How runs end, and how fast they part."""

import numpy as np
import pytest
import xarray as xr
from metric_results import HOURS, draw_all, number, results, series
from scipy.stats import binomtest

from pyemu.harness.metrics import Drift, ErrorGrowth, Survival
from pyemu.harness.results import Result, Results

N = 101
CRITERIA = (
    {"variable": "t", "name": "heat", "high": 30.0},
    {"variable": "v", "largest": True, "high": 4.0},
    {"variable": "v", "low": -0.5},
)


def run(t_grows: float = 0.0, v_jumps_at: int = N) -> xr.Dataset:
    time = np.arange(N)
    v = np.zeros((N, 3))
    v[v_jumps_at:, 1] = 6.0
    return series(t=20.0 + t_grows * time, v=v)


def test_every_death_has_its_cause_and_the_first_one_counts():
    both = run(t_grows=0.2, v_jumps_at=80)  # 30 is passed at record 51
    low = run(v_jumps_at=20)
    low["v"] = -0.2 * low["v"]  # its mean is -0.4, its largest magnitude 1.2: nothing happens
    lives = {"truth": [run(), run()], "net": [both, run(v_jumps_at=40), run(), low, run(t_grows=1.0)]}
    found = Survival(metric="survival", criteria=CRITERIA).evaluate(results(lives))
    shares = {
        cause: number(found, f"share_of_runs_ended_by_{cause}", "net").value for cause in ("heat", "v", "v_2", "a_stop")
    }
    assert shares == {"heat": 0.4, "v": 0.2, "v_2": 0.0, "a_stop": 0.0}
    assert sorted(number(found, "lifetime", "net").values) == [11.0, 40.0, 51.0, 100.0, 100.0]
    alive = number(found, "share_of_runs_alive_at_the_end", "net")
    interval = binomtest(2, 5).proportion_ci(method="wilson")
    assert (alive.value, alive.low, alive.high) == (0.4, interval.low, interval.high)
    assert number(found, "median_lifetime", "net").value == 51.0
    assert np.isnan(number(found, "median_lifetime", "truth").value)
    draw_all(found)


def test_a_run_that_stopped_died_of_that_unless_it_had_left_a_band_before():
    hot, cold = run(t_grows=0.2), run()
    runs = [Result("net", "run", i, one, 100.0, True, "v blew up", 1.0) for i, one in enumerate((hot, cold))]
    found = Survival(metric="survival", criteria=CRITERIA[:1]).evaluate(
        Results(runs, {"net": "Net"}, "net", {"run": 0.0})
    )
    assert number(found, "share_of_runs_ended_by_heat", "net").value == 0.5
    assert number(found, "share_of_runs_ended_by_a_stop", "net").value == 0.5


def pairs(rate: float, seed: int, n_pairs: int = 20) -> xr.Dataset:
    """Pairs of members whose distance grows at rates about ``rate`` until it saturates."""
    random = np.random.default_rng(seed)
    time = np.linspace(0.0, 30.0, 301)
    rates = rate + 0.1 * random.normal(size=n_pairs)
    distance = 1.0 / (1.0 + 1e5 * np.exp(-rates * time[:, None]))
    x = np.zeros((301, 2 * n_pairs, 5))
    x[:, 1::2] = distance[..., None] * np.ones(5)
    return xr.Dataset({"x": (("time", "member", "place"), x)}, coords={"time": ("time", time, HOURS)})


def test_growth_of_errors_has_an_interval_from_its_pairs_and_a_floor_from_those_of_the_truth():
    runs = {"truth": [pairs(1.0, 1)], "same": [pairs(1.0, 2)], "fast": [pairs(1.5, 3)]}
    found = ErrorGrowth(metric="error_growth", variable="x").evaluate(results(runs))
    rate = number(found, "error_growth_of_x", "truth")
    assert rate.low <= 1.0 <= rate.high and 0.02 < rate.high - rate.low < 0.3
    same, fast = (number(found, "error_growth_difference_of_x", case) for case in ("same", "fast"))
    assert same.low <= 0.0 <= same.high and same.floor < 0.15
    assert fast.low > 3.0 * fast.floor and fast.value == pytest.approx(0.5, abs=0.1)
    draw_all(found)


def test_one_pair_has_a_rate_and_no_floor():
    found = ErrorGrowth(metric="error_growth", variable="x").evaluate(results({"truth": [pairs(1.0, 1, n_pairs=1)]}))
    assert np.isfinite(number(found, "error_growth_of_x", "truth").value)
    assert np.isnan(number(found, "error_growth_difference_of_x", "truth").floor)


def test_axes_have_the_units_of_what_they_show():
    rng = np.random.default_rng(0)
    runs = results({"truth": [series(x=rng.normal(size=(40, 4)))], "model": [series(x=rng.normal(size=(40, 4)))]})
    drift = Drift(metric="drift", variable="x").evaluate(runs).drawings[0].draw().axes[0]
    alive = Survival(metric="survival").evaluate(runs).drawings[0].draw().axes[0]
    assert (drift.get_xlabel(), drift.get_ylabel()) == ("time / hours", "x / m")
    assert alive.get_xlabel() == "time / hours"
