"""Novelty of columns as a whole: the distance on the card, by the guard, and who is flagged for it."""

from pathlib import Path

import numpy as np
import pytest
from torch import Tensor, nn

from pyemu.emulator import Card, Novelty, Provenance, TrainingRange, Variable
from pyemu.emulator.export import export_onnx
from pyemu.emulator.novelty import fit_novelty, robust_range
from pyemu.runtime import Emulator, EmulatorError

LAYERS, COLUMNS, NOVEL = 12, 500, 4


def profiles(columns: int, seed: int) -> dict[str, np.ndarray]:
    """Temperatures that hang together over the levels, and a surface that follows them."""
    random = np.random.default_rng(seed)
    surface = random.normal(290.0, 8.0, columns)
    lapse = random.normal(6.0, 0.5, (columns, 1)) * np.linspace(10.0, 0.5, LAYERS)
    temperature = surface[:, None] - lapse + random.normal(0, 0.3, (columns, LAYERS))
    return {"air_temperature": temperature.astype(np.float32), "surface_temperature": surface.astype(np.float64)}


class Sum(nn.Module):
    def forward(self, temperature: Tensor, surface: Tensor) -> tuple[Tensor]:
        return (temperature.double().sum(dim=1) + surface,)


TRAINING = profiles(4000, 1)


def make_card(novelty: Novelty | None) -> Card:
    temperature = TRAINING["air_temperature"]
    seen = TrainingRange(minimum=tuple(temperature.min(axis=0)), maximum=tuple(temperature.max(axis=0)))
    return Card(
        name="sum",
        version="1",
        summary="a sum",
        licence="Apache-2.0",
        vertical_order="top_first",
        dimensions={"layer": LAYERS},
        inputs=(
            Variable.of("air_temperature", dtype="float32", training_range=seen),
            Variable.of("surface_temperature", dtype="float64"),
        ),
        outputs=(Variable(name="total", standard_name="total", units="K", dims=("column",), dtype="float64"),),
        novelty=novelty,
        provenance=Provenance(data_sha256="0" * 64, code_version="1", created="2026-01-01T00:00:00+00:00"),
    )


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("novelty") / "sum.onnx"
    recorded = {name: values[:32] for name, values in TRAINING.items()}
    export_onnx(Sum(), make_card(fit_novelty(TRAINING, rank=3)), recorded, path)
    return path


def distance(novelty: Novelty, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """The distance by its definition: a full covariance matrix, inverted."""
    rows = np.concatenate([inputs[n].reshape(len(inputs[n]), -1).astype(np.float64) for n in novelty.inputs], axis=1)
    z = (rows - novelty.center) / novelty.scale
    vectors = np.array(novelty.vectors)
    across = np.eye(z.shape[1]) - vectors.T @ vectors
    covariance = vectors.T @ np.diag(novelty.variances) @ vectors + novelty.residual_variance * across
    return np.sqrt(np.einsum("ci,ij,cj->c", z, np.linalg.inv(covariance), z)) / novelty.distance


def flagged(path: Path, inputs: dict[str, np.ndarray], order: str = "F", **settings: object) -> np.ndarray:
    columns = len(inputs["surface_temperature"])
    with Emulator.open(path, "native") as emulator:
        for name, values in inputs.items():
            emulator.bind(name, np.asarray(values, order=order))
        emulator.bind("total", np.zeros(columns))
        emulator.set_guard("count", **({"reasons": ["novel"]} | settings))
        emulator.run()
        return emulator.reasons()


def warmed(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Every number is one that training has seen, but not with its neighbours."""
    changed = {name: values.copy() for name, values in inputs.items()}
    changed["air_temperature"][::10, 5] += 8.0
    return changed


def range_novelty(inputs: dict[str, np.ndarray]) -> np.ndarray:
    """That of the temperature which is farthest from the middle of its range."""
    low, high = TRAINING["air_temperature"].min(axis=0), TRAINING["air_temperature"].max(axis=0)
    middle, half = (low.astype(np.float64) + high) / 2, (high.astype(np.float64) - low) / 2
    return (np.abs(inputs["air_temperature"] - middle) / half).max(axis=1)


@pytest.mark.parametrize("limit", [0.7, 1.0, 1.6])
def test_distance_is_that_of_the_matrix(path: Path, limit: float) -> None:
    novelty = fit_novelty(TRAINING, rank=3)
    inputs = warmed(profiles(COLUMNS, 2))
    wanted = np.maximum(distance(novelty, inputs), range_novelty(inputs))
    clear = np.abs(wanted - limit) > 1e-4
    found = flagged(path, inputs, limit=limit)
    np.testing.assert_array_equal((found == NOVEL)[clear], (wanted > limit)[clear])
    assert 0 < (found == NOVEL).sum() < COLUMNS


def test_a_combination_never_seen_is_flagged_though_every_number_is_in_range(path: Path) -> None:
    ordinary = profiles(COLUMNS, 2)
    strange = warmed(ordinary)
    low, high = (TRAINING["air_temperature"].min(axis=0), TRAINING["air_temperature"].max(axis=0))
    inside = ((strange["air_temperature"] >= low) & (strange["air_temperature"] <= high)).all(axis=1)
    is_strange = np.arange(COLUMNS) % 10 == 0
    assert inside[is_strange].mean() > 0.9
    found = flagged(path, strange)
    assert (found[is_strange] == NOVEL).all()
    assert (found[~is_strange] == NOVEL).mean() < 0.02


@pytest.mark.parametrize("order", ["C", "F"])
def test_blocks_layouts_and_kinds_do_not_change_who_is_flagged(path: Path, order: str) -> None:
    inputs = warmed(profiles(COLUMNS, 3))
    whole = flagged(path, inputs)
    parts = [{n: v[i : i + 77].astype(np.float64) for n, v in inputs.items()} for i in range(0, COLUMNS, 77)]
    np.testing.assert_array_equal(np.concatenate([flagged(path, part, order) for part in parts]), whole)


def test_it_is_counted_where_it_is_farthest_out(path: Path) -> None:
    with Emulator.open(path, "native") as emulator:
        inputs = profiles(20, 2)
        inputs["air_temperature"][3, 7] += 15.0
        for name, values in inputs.items():
            emulator.bind(name, values)
        total = np.full(20, -1.0)
        emulator.bind("total", total)
        emulator.set_guard("clip")
        emulator.run()
        assert emulator.guard_counts("air_temperature", "novel").sum() == (emulator.reasons() == NOVEL).sum()
        assert emulator.reasons()[3] == NOVEL and total[3] == -1.0  # it cannot be clipped: it falls back
        emulator.set_guard("stop")
        with pytest.raises(
            EmulatorError, match="column 4 has novelty .* all inputs taken together; expected at most 1. Farthest"
        ):
            emulator.run()
        emulator.set_guard("fallback", taper=0.05)
        emulator.run()
        assert total[3] == -1.0 and (total != -1.0).sum() == 20 - len(emulator.fallback())


def test_robust_ranges_do_not_grow_with_outliers() -> None:
    values = np.random.default_rng(1).normal(3.0, 2.0, (5000, 4))
    values[:, 3] = 7.0
    clean = robust_range(values)
    values[:20, 0] = 1e6
    spoilt = robust_range(values)
    np.testing.assert_allclose(clean.maximum[:3], 3.0 + 5 * 2.0, rtol=0.05)
    np.testing.assert_allclose(spoilt.maximum[0], clean.maximum[0], rtol=0.02)
    assert spoilt.minimum[3] < 7.0 < spoilt.maximum[3] < 7.001


def test_what_is_wrong_with_a_novelty_is_said() -> None:
    novelty = fit_novelty(TRAINING, rank=3)
    values = novelty.model_dump()
    with pytest.raises(ValueError, match="lists of .* elements and 3 variances"):
        Novelty.model_validate(values | {"center": values["center"][1:]})
    with pytest.raises(ValueError, match="expected real inputs of every column, each once"):
        make_card(Novelty.model_validate(values | {"inputs": ("air_temperature", "total")}))
    with pytest.raises(ValueError, match="novelty has 13 elements, its inputs have 12"):
        make_card(Novelty.model_validate(values | {"inputs": ("air_temperature",)}))
    with pytest.raises(ValueError, match="rank is 13; expected 0 to less than 13"):
        fit_novelty(TRAINING, rank=13)


class Doubtful(nn.Module):
    """A sum, and what a second network would say its error is."""

    def forward(self, temperature: Tensor, surface: Tensor) -> tuple[Tensor, Tensor]:
        return temperature.double().sum(dim=1) + surface, (surface - 290.0).abs() / 10.0


def test_the_emulators_own_estimate_of_its_error_is_a_reason(tmp_path: Path) -> None:
    values = make_card(None).model_dump(by_alias=True)
    error = {"name": "error_of_total", "standard_name": "error_of_total", "units": "K", "dims": ("column",)}
    values["outputs"] = (*values["outputs"], error | {"dtype": "float64", "valid_range": (0.0, 1.0)})
    recorded = {name: array[:32] for name, array in TRAINING.items()}
    export_onnx(Doubtful(), Card.model_validate(values), recorded, tmp_path / "doubtful.onnx")
    inputs = profiles(COLUMNS, 2)
    total, doubt = np.full(COLUMNS, -1.0), np.zeros(COLUMNS)
    with Emulator.open(tmp_path / "doubtful.onnx", "native") as emulator:
        for name, array in (inputs | {"total": total, "error_of_total": doubt}).items():
            emulator.bind(name, array)
        emulator.set_guard("fallback", reasons=["invalid"])
        emulator.run()
        is_doubtful = np.abs(inputs["surface_temperature"] - 290.0) > 10.0
        np.testing.assert_array_equal(emulator.fallback(), np.flatnonzero(is_doubtful))
    assert (total[is_doubtful] == -1.0).all() and (total[~is_doubtful] > 0).all()
