"""The truth of Lorenz '96 and its cache, the training rows, and the polynomial baseline."""

import csv
import subprocess
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from pyemu.data import lorenz96
from pyemu.data.lorenz96 import PREVIOUS, SLOW, TENDENCY, Statistic, TruthError


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def smoke(cache: Path) -> xr.Dataset:
    return lorenz96.load(lorenz96.truth("smoke", cache_dir=cache)).load()


def synthetic(n: int = 100_000) -> xr.Dataset:
    """X and U of a known polynomial and a known process."""
    rng = np.random.default_rng(2)
    x, residual = rng.normal(3.8, 5.0, (n, 8)), np.empty((n, 8))
    residual[0] = 2.0 * rng.normal(size=8)
    for i, z in enumerate(rng.normal(size=(n - 1, 8))):
        residual[i + 1] = 0.95 * residual[i] + 2.0 * np.sqrt(1.0 - 0.95**2) * z
    u = 0.3 + 1.3 * x - 0.01 * x**2 - 0.002 * x**3 + residual
    dims = ("time", "k")
    return xr.Dataset(
        {SLOW: (dims, x), TENDENCY: (dims, u)}, coords={"time": 0.005 * np.arange(n), "k": np.arange(1, 9)}
    )


def test_the_truth_is_made_once(cache, smoke, monkeypatch):
    path = lorenz96.truth("smoke", cache_dir=cache)
    assert [path] == list(cache.iterdir())
    monkeypatch.setattr(subprocess, "run", None)
    assert lorenz96.truth("smoke", cache_dir=cache) == path
    with pytest.raises(TypeError):  # of other settings it would have to be made
        lorenz96.truth("smoke", cache_dir=cache, forcing=19.0)
    assert smoke.sizes == {"time": 99_600, "k": 8}
    np.testing.assert_allclose(smoke.time[[0, 1, -1]], [2.0, 2.005, 499.995], rtol=1e-12)


def test_what_the_host_refuses_leaves_nothing(tmp_path):
    for changes, message in (({"n_steps": 7}, "status 1 .* n_steps is 7"), ({"forcing": 1e6}, "status 3 .* blown up")):
        with pytest.raises(TruthError, match=message):
            lorenz96.truth("smoke", cache_dir=tmp_path, **changes)
    with pytest.raises(KeyError, match="unknown namelist entry colour"):
        lorenz96.truth("smoke", cache_dir=tmp_path, colour="red")
    with pytest.raises(KeyError, match="huge"):
        lorenz96.truth("huge", cache_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_tendency_is_what_a_forward_step_would_need(smoke):
    x, u = (smoke[name].values.astype(np.float64) for name in (SLOW, TENDENCY))
    resolved = np.roll(x, 1, 1) * (np.roll(x, -1, 1) - np.roll(x, 2, 1)) - x + 20.0
    np.testing.assert_allclose(u[:-1], resolved[:-1] - np.diff(x, axis=0) / lorenz96.INTERVAL, atol=2e-3)


def test_parts_are_apart_and_complete(smoke):
    training, held_out = lorenz96.training_part(smoke), lorenz96.held_out_part(smoke)
    assert training.sizes["time"] == 9_960
    xr.testing.assert_identical(xr.concat([training, held_out], "time"), smoke)


def test_rows_pair_a_state_with_the_tendencies_before_and_after(smoke):
    rows = lorenz96.training_rows(lorenz96.training_part(smoke))
    assert rows.sizes["row"] == 8 * 1992  # records 2, 7, ... 9957
    assert all(np.isfinite(rows[name]).all() for name in (SLOW, PREVIOUS, TENDENCY))
    for row in (0, 9, 8 * 1992 - 1):
        record, k = 2 + 5 * (row // 8), row % 8
        assert rows.k[row] == k + 1 and rows.time[row] == smoke.time[record]
        assert rows[SLOW][row] == smoke[SLOW][record, k]
        assert rows[PREVIOUS][row] == smoke[TENDENCY][record - 1, k]
        assert rows[TENDENCY][row] == smoke[TENDENCY][record, k]
    full = xr.Dataset({name: (("time", "k"), np.zeros((399_960, 1))) for name in (SLOW, TENDENCY)}).assign_coords(k=[1])
    assert 8 * lorenz96.training_rows(full).sizes["row"] == 639_936  # the published 640,000


def test_the_fit_finds_a_known_polynomial_and_process():
    fit = lorenz96.fit_polynomial(synthetic())
    np.testing.assert_allclose(fit.coefficients, (0.3, 1.3, -0.01, -0.002), atol=0.02)
    np.testing.assert_allclose([fit.residual_sd, fit.residual_phi], [2.0, 0.95], atol=0.01)
    x = xr.DataArray([0.0, 1.0, 2.0], dims="row")
    c = fit.coefficients
    np.testing.assert_allclose(fit(x), [c[0], sum(c), c[0] + 2 * c[1] + 4 * c[2] + 8 * c[3]])
    assert fit.entries("white") == {
        "scheme": "polynomial", "noise": "white", "coefficients": c,
        "residual_sd": fit.residual_sd, "residual_phi": fit.residual_phi,
    }  # fmt: skip


def test_statistics_of_a_short_truth_are_near_those_published(smoke):
    """Ten times the tolerances of the full truth, which is forty times as long."""
    found = lorenz96.statistics(smoke)
    compared = [item for item in found if item.agrees is not None]
    assert [item.name for item in compared] == ["residual_phi", "residual_sd", "x_mean", "x_sd"]
    for item in compared:
        assert abs(item.value - item.published) < 10.0 * item.tolerance, item


def test_the_table_and_the_command_say_what_disagrees(tmp_path, cache, smoke, monkeypatch, capsys):
    far = [Statistic("records", 5.0), Statistic("x_mean", 4.0, 3.78, 0.0378), Statistic("x_sd", 5.07, 5.07, 0.05)]
    monkeypatch.setattr(lorenz96, "statistics", lambda dataset: far)
    with pytest.raises(SystemExit) as caught:
        lorenz96.main("smoke", cache, tmp_path / "table.csv")
    assert caught.value.code == 1
    printed = capsys.readouterr().out
    assert "x_mean" in printed and "DISAGREES" in printed and "agrees" in printed
    with (tmp_path / "table.csv").open() as file:
        rows = {row["statistic"]: row for row in csv.DictReader(file)}
    assert [rows[name]["agrees"] for name in ("records", "x_mean", "x_sd")] == ["", "no", "yes"]


def test_the_committed_table_agrees_with_what_is_published():
    path = Path(__file__).parents[2] / "docs/explanations/lorenz96-truth.csv"
    with path.open() as file:
        rows = {row["statistic"]: row for row in csv.DictReader(file)}
    assert float(rows["records"]["value"]) == 3.9996e6
    for name in ("residual_phi", "residual_sd", "x_mean", "x_sd"):
        item = Statistic(name, *(float(rows[name][key]) for key in ("value", "published", "tolerance")))
        assert item.agrees and rows[name]["agrees"] == "yes"
