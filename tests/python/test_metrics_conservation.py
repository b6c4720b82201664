"""Budgets that close or do not, totals that round or leak, and traces of extremes."""

import numpy as np
import pytest
import xarray as xr
from metric_results import HOURS, draw_all, number, results, series

from pyemu.harness.metrics import Budget, Conserved, Trace
from pyemu.harness.metrics.times import seconds_in
from pyemu.harness.statistics import trends

N = 2001


def column(leak: float = 0.0, interval: float = 0.01) -> xr.Dataset:
    """Content of 3 layers and 4 columns in time [h] that follows two fluxes per second and ``leak``, which none tells."""
    time = interval * np.arange(N)
    size = 1.0 + np.arange(4.0)
    flux_in, flux_out = 3.0 * size * np.cos(time)[:, None], size * np.sin(2.0 * time)[:, None]
    exact = 3600.0 * (3.0 * size * np.sin(time)[:, None] - size * (1.0 - np.cos(2.0 * time)[:, None]) / 2.0)
    content = exact + 3600.0 * leak * time[:, None]
    mass = np.array([0.2, 0.3, 0.5])
    layers = np.broadcast_to(content[:, None, :], (N, 3, 4))  # in every layer the same: mass weights add up to 1
    return xr.Dataset(
        {
            "q": (("time", "layer", "column"), layers), "mass": ("layer", mass),
            "rain": (("time", "column"), flux_in), "runoff": (("time", "column"), flux_out),
        },
        coords={"time": ("time", time, HOURS)},
    )  # fmt: skip


WATER = {
    "metric": "budget", "name": "water", "unit": "kg m-2 s-1",
    "content": {"variable": "q", "weights": "mass", "over": ["layer"]},
    "terms": [{"variable": "rain"}, {"variable": "runoff", "factor": -1.0}],
}  # fmt: skip


def test_a_budget_that_closes_leaves_what_trapezoids_leave_and_a_leak_is_found():
    found = Budget(**WATER).evaluate(results({"truth": [column()], "leaky": [column(leak=0.5)]}))
    for name, expected in (("rms", 0.5), ("mean", 0.5), ("largest", 0.5)):
        residual = number(found, f"{name}_residual_of_water", "leaky")
        assert residual.value == pytest.approx(expected, abs=2e-3) and residual.floor < 2e-3
    assert number(found, "largest_residual_of_water", "truth").value < 2e-3
    mean = number(found, "mean_residual_of_water", "leaky")
    assert mean.low <= 0.5 <= mean.high
    largest_part = 3.0 * np.sqrt(7.5 * 0.5)  # rain: 3 size cos, mean size squared 7.5
    relative = number(found, "relative_residual_of_water", "leaky").value
    assert relative == pytest.approx(0.5 / largest_part, rel=0.1)
    draw_all(found)


def test_trapezoids_are_of_second_order():
    coarse, fine = (
        number(
            Budget(**WATER).evaluate(results({"truth": [column(interval=h)]})), "rms_residual_of_water", "truth"
        ).value
        for h in (0.02, 0.01)
    )
    assert coarse / fine == pytest.approx(4.0, rel=0.05)


def test_means_over_intervals_close_exactly():
    content = np.array([1.0, 3.0, 4.0, 4.0])
    mean_flux = np.array([np.nan, 2.0, 1.0, 0.0]) / 60.0
    run = xr.Dataset(
        {"c": ("time", content), "f": ("time", mean_flux)},
        coords={"time": ("time", np.arange(4.0), {"units": "minutes since 2000-01-01"})},
    )
    budget = Budget(metric="budget", name="c", content={"variable": "c"}, terms=[{"variable": "f"}], terms_are="means")
    assert number(budget.evaluate(results({"a": [run]})), "largest_residual_of_c", "a").value < 1e-15


def test_a_constraint_of_every_sample_does_not_cancel_over_places():
    random = np.random.default_rng(0)
    flux = random.normal(size=(50, 4))
    other = flux + np.array([0.1, -0.1, 0.1, -0.1])
    terms = [{"variable": "a"}, {"variable": "b", "factor": -1.0}]
    found = Budget(metric="budget", name="ab", terms=terms).evaluate(results({"net": [series(a=flux, b=other)]}))
    assert number(found, "rms_residual_of_ab", "net").value == pytest.approx(0.1, rel=1e-12)
    assert abs(number(found, "mean_residual_of_ab", "net").value) < 1e-15


def test_budgets_that_cannot_be_computed_say_why():
    runs = results({"truth": [column()]})
    with pytest.raises(ValueError, match="neither content nor terms"):
        Budget(metric="budget", name="x").evaluate(runs)
    with pytest.raises(ValueError, match="term rain has no dimension layer, only time, column"):
        Budget(metric="budget", name="x", terms=[{"variable": "rain", "over": ["layer"]}]).evaluate(runs)


def test_round_off_is_told_from_a_leak_that_is_as_small():
    random = np.random.default_rng(1)
    eps = np.finfo(float).eps
    rounded = 100.0 * (1.0 + eps * np.cumsum(random.choice([-1.0, 1.0], size=N)))
    leaking = 100.0 * (1.0 + eps * np.arange(N))
    metric = Conserved(metric="conserved", variable="m")
    found = metric.evaluate(results({"rounded": [series(m=rounded)], "leaking": [series(m=leaking)]}))
    assert number(found, "roundings_of_m", "leaking").value == pytest.approx(N - 1, rel=0.02)
    assert number(found, "leak_significance_of_m", "leaking").value > 30.0
    assert number(found, "leak_significance_of_m", "rounded").value < 4.0
    assert number(found, "roundings_of_m", "rounded").value < 200.0
    draw_all(found)


def test_a_total_of_zero_needs_its_scale_and_constant_bits_are_zero_roundings():
    zero = results({"a": [series(m=np.zeros(50))]})
    with pytest.raises(ValueError, match="m starts with 0: give the scale"):
        Conserved(metric="conserved", variable="m").evaluate(zero)
    found = Conserved(metric="conserved", variable="m", scale=500.0).evaluate(zero)
    assert number(found, "roundings_of_m", "a").value == number(found, "leak_significance_of_m", "a").value == 0.0


def test_single_precision_has_larger_roundings():
    run = results({"a": [series(m=1.0 + np.linspace(0.0, 1e-5, 50))]})
    found = Conserved(metric="conserved", variable="m", precision="float32").evaluate(run)
    assert number(found, "roundings_of_m", "a").value == pytest.approx(1e-5 / np.finfo("float32").eps)


def test_leak_significance_of_independent_steps_is_one():
    steps = np.random.default_rng(2).normal(size=(400, 3000))
    assert trends.leak_significance(np.cumsum(steps, axis=0)) == pytest.approx(1.0, abs=0.05)
    assert trends.leak_significance(np.arange(101.0)) == pytest.approx(10.0)


def test_trace_finds_the_largest_and_when_a_limit_is_passed():
    truth = np.random.default_rng(3).uniform(-1.0, 1.0, size=(N, 200))
    other = 0.5 * truth
    other[1700, 7] = -8.0
    found = Trace(metric="trace", variable="v", limit=3.0).evaluate(
        results({"truth": [series(v=truth)], "other": [series(v=other)]})
    )
    assert number(found, "largest_magnitude_of_v", "other").value == 8.0
    assert number(found, "time_of_largest_magnitude_of_v", "other").value == 1700.0
    assert number(found, "time_above_limit_of_v", "other").value == 1700.0
    assert np.isnan(number(found, "time_above_limit_of_v", "truth").value)
    ratio = number(found, "largest_magnitude_ratio_of_v", "other")
    assert ratio.value == pytest.approx((19 * 0.5 + 8.0) / 20, rel=1e-3), "one of twenty blocks has the extreme"
    assert ratio.floor == pytest.approx(1.0, abs=1e-3) and ratio.low < ratio.value < ratio.high
    draw_all(found)


@pytest.mark.parametrize(
    ("unit", "seconds"),
    [("days since 2000-01-01", 86400.0), ("h", 3600.0), ("seconds since 2000-01-01", 1.0), ("s", 1.0), ("minutes", 60.0),
     ("1", 1.0), ("model time unit", 1.0)],
)  # fmt: skip
def test_seconds_in_units_of_time(unit, seconds):
    assert seconds_in(xr.DataArray(0.0, attrs={"units": unit})) == seconds
