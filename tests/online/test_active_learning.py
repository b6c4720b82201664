"""The experiment on active learning runs, in small; its statistics are right."""

import csv
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "active_learning.py"


@pytest.fixture(scope="module")
def experiment():
    spec = importlib.util.spec_from_file_location("active_learning", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["active_learning"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["active_learning"]


def test_smoke_run_labels_flagged_columns_and_lowers_the_flagged_share(experiment, tmp_path, monkeypatch):
    monkeypatch.setattr(
        sys, "argv", ["active_learning.py", "--smoke", "--work", str(tmp_path), "--output", str(tmp_path)]
    )
    experiment.main()
    with (tmp_path / "active-learning-seeds.csv").open() as file:
        rows = {(row["strategy"], int(row["labels"])): row for row in csv.DictReader(file)}
    plan = experiment.SMOKE
    assert set(rows) == {("none", 0)} | {("active", n) for n in plan.active} | {("random", n) for n in plan.random}
    before, after = rows["none", 0], rows["active", plan.exported]
    assert float(before["stream_outside_share"]) == pytest.approx(plan.share, abs=0.02)
    assert float(before["flagged_share_outside"]) == 1.0
    assert float(after["flagged_share_outside"]) < 1.0
    assert float(after["error_outside_K_day-1"]) < float(before["error_outside_K_day-1"])
    with (tmp_path / "active-learning.csv").open() as file:
        summary = {(row["strategy"], int(row["labels"])): row for row in csv.DictReader(file)}
    assert float(summary["active", plan.exported]["label_ratio"]) > 0.0
    assert (tmp_path / "active-learning.png").stat().st_size > 10_000


def test_sets_of_a_seed_share_no_column(experiment):
    plan = experiment.Plan(known_columns=20, outside_columns=30, days=(0, 1), share=0.2)
    shape = (2, 20)
    known = [{name: np.full(shape, 100.0 * i) + np.arange(20) for name in experiment.NAMES} for i in range(3)]
    outside = {name: np.full((2, 30), 1000.0) + np.arange(30) for name in experiment.NAMES}
    sets = experiment.split(known, outside, plan, np.random.default_rng(1))
    parts = [sets.first, sets.stream, sets.test_known, sets.test_outside]
    values = [set(part["air_temperature"].tolist()) for part in parts]
    assert all(not (a & b) for i, a in enumerate(values) for b in values[:i])
    assert sets.is_outside.mean() == pytest.approx(0.2, abs=0.02)
    assert (sets.stream["air_temperature"][sets.is_outside] >= 1000.0).all()


def test_labels_needed_lie_between_points_and_are_infinite_if_never_reached(experiment):
    labels, errors = np.array([10.0, 100.0, 1000.0]), np.array([1.0, 2.0, 0.25])
    assert experiment.labels_needed(labels, errors, 1.5) == 10.0
    assert experiment.labels_needed(labels, errors, 0.5) == pytest.approx(np.sqrt(1e5))
    assert experiment.labels_needed(labels, errors, 0.25) == pytest.approx(1000.0)
    assert experiment.labels_needed(labels, errors, 0.2) == np.inf


def test_interval_holds_the_median(experiment):
    median, low, high = experiment.interval(np.arange(11.0))
    assert median == 5.0 and 1.0 <= low < 5.0 < high <= 9.0
    assert experiment.interval(np.full(4, 2.0)) == (2.0, 2.0, 2.0)
