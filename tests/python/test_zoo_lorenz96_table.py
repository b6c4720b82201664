"""The table of closures of Lorenz '96: how it scores ensembles and answers, and that the committed one agrees with itself."""

import csv
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
N_SEEDS = 5
TABLE = ROOT / "docs" / "explanations" / "lorenz96-gans.csv"


@pytest.fixture(scope="module")
def table() -> ModuleType:
    specification = importlib.util.spec_from_file_location("lorenz96_gans", ROOT / "benchmarks" / "lorenz96_gans.py")
    module = importlib.util.module_from_spec(specification)
    sys.modules["lorenz96_gans"] = module  # dataclasses look their module up
    specification.loader.exec_module(module)
    return module


def rows(kind: str = "") -> list[dict[str, str]]:
    with TABLE.with_name(f"lorenz96-gans{kind}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_truth_among_its_like_has_flat_ranks_and_as_much_spread_as_error(table: ModuleType) -> None:
    values = np.random.default_rng(0).normal(size=(11, 40_000, 8))
    found = table.of_ensemble(values[:10], values[10])
    assert sum(found["ranks"]) == pytest.approx(1)
    np.testing.assert_allclose(found["ranks"], 1 / 11, atol=0.003)
    assert found["rank_ends"] == pytest.approx(1 / 11, abs=0.002)
    assert found["spread"] == pytest.approx(found["rmse"], rel=0.01)
    assert found["crps"] == pytest.approx(1 / np.sqrt(np.pi), rel=0.01)


def test_too_little_spread_shows_at_both_ends(table: ModuleType) -> None:
    values = np.random.default_rng(1).normal(size=(11, 5000, 8))
    found = table.of_ensemble(0.3 * values[:10], values[10])
    assert found["rank_ends"] > 0.3 and found["spread"] < 0.4 * found["rmse"]


@pytest.mark.parametrize(("shift", "answer"), [(0.5, "better"), (1.0, "undecided"), (2.0, "worse")])
def test_answers_follow_the_interval(table: ModuleType, shift: float, answer: str) -> None:
    values = 1 + 0.1 * np.random.default_rng(2).random(7)
    tables = {"a": values, "d": shift * values[::-1]}
    found = table.ratio("crps_1", "d", ["d"], "a", ["a"], tables)
    assert found["answer"] == answer
    assert float(found["low"]) <= float(found["ratio"]) <= float(found["high"])
    assert float(found["ratio"]) == pytest.approx(shift, rel=1e-3)
    assert table.ratio("crps_1", "few", ["d"], "a", ["a"], {"a": np.ones(2), "d": np.ones(2)}) == {}


def test_the_best_of_a_group_is_named_and_judged_on_seeds_that_did_not_choose_it(table: ModuleType) -> None:
    tables = {"a": np.full(5, 4.0), "b": np.full(5, 2.0), "lucky": np.array([5.0, 5, 1, 1, 1]), "d": np.full(5, 1.0)}
    found = table.ratio("crps_1", "d", ["d"], "best GAN", ["a", "b", "lucky"], tables)
    assert found["against"] == "best GAN: lucky" and found["ratio"] == "1.000"
    assert float(found["low"]) == pytest.approx(0.5)
    assert table.left_out(["d"], ["a", "b", "lucky"], tables) == [0.2, 0.2, 0.5, 0.5, 0.5]


def test_a_run_that_failed_is_the_worst(table: ModuleType) -> None:
    values = table.values_of({1: {"crps_1": 0.5}, 2: {"weather_failed": "blow-up"}}, "crps_1")
    assert values.tolist() == [0.5, np.inf]


def test_every_network_is_in_the_committed_table_with_its_seeds(table: ModuleType) -> None:
    found = {row["scheme"]: row for row in rows()}
    expected = {*table.BASELINES, *table.schemes(), "truth"}
    assert set(found) == expected
    for name in table.schemes():
        assert int(found[name]["seeds"]) >= N_SEEDS and found[name]["parameters"] == str(table.parameters(name))


def test_the_committed_table_is_the_median_and_range_of_its_seeds(table: ModuleType) -> None:
    seeds = rows("-seeds")
    for row in rows():
        own = [seed for seed in seeds if seed["scheme"] == row["scheme"]]
        for score in (*table.SCORES, *table.WEATHER_SCORES):
            values = [float(seed[score]) for seed in own if seed[score]]
            if values:
                found = [float(row[f"{score}_{kind}"]) for kind in ("median", "min", "max")]
                np.testing.assert_allclose(found, [np.median(values), min(values), max(values)], rtol=2e-3)


def test_the_committed_answers_follow_from_the_seeds(table: ModuleType) -> None:
    found: dict[str, dict[int, dict[str, object]]] = {}
    for row in rows("-seeds"):
        found.setdefault(row["scheme"], {})[int(row["seed"])] = {
            key: float(row[key]) for key in ("climate_h2_x",) if row[key]
        }
    recomputed = {(row["scheme"], row["against"]): row for row in table.claims(found) if row["score"] == "climate_h2_x"}
    committed = [row for row in rows("-claims") if row["score"] == "climate_h2_x"]
    assert N_SEEDS < 5 or len(recomputed) > 5
    assert committed and {(row["scheme"], row["against"]) for row in committed} <= set(recomputed)
    for row in committed:
        again = recomputed[row["scheme"], row["against"]]
        assert float(again["ratio"]) == pytest.approx(float(row["ratio"]), rel=5e-3)
        assert again["answer"] == row["answer"]
