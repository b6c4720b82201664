"""Whole numbers and arrays of every rank that a host can have: replayed by every route, and a wrong one is seen."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_emulator import spoil_record, toy_card

from pyemu.emulator import Card, EmulatorFile, Variable
from pyemu.emulator.card import Tolerance
from pyemu.emulator.compare import compare_outputs
from pyemu.emulator.export import export_onnx
from pyemu.emulator.export_torch import export_pt2, export_torchscript
from pyemu.emulator.verify import Verification, verify

SIZES = {"a": 2, "b": 3, "c": 1, "d": 4, "e": 2, "f": 3, "g": 2}
MAX_RANK = len(SIZES)
ALBEDOS = (0.06, 0.15, 0.3, 0.8)


def variable(name: str, dims: tuple[str, ...], dtype: str) -> Variable:
    return Variable(name=name, standard_name=name, units="1", dims=dims, dtype=dtype)  # type: ignore[arg-type]


class Surface(torch.nn.Module):
    """An albedo from the type of the surface, and a type of cloud for each layer."""

    def forward(self, surface: torch.Tensor, water: torch.Tensor, scheme: torch.Tensor) -> tuple[torch.Tensor, ...]:
        cloud = scheme + (water > 0.3).to(torch.int32) + (water > 0.6).to(torch.int32) * surface[:, None]
        return torch.tensor(ALBEDOS)[surface.long()], cloud.to(torch.int32)


def surface_card() -> Card:
    return toy_card(
        name="surface",
        dimensions={"layer": 5},
        inputs=(
            variable("surface_type", ("column",), "int32"),
            variable("cloud_water", ("column", "layer"), "float32"),
            variable("cloud_scheme", (), "int32"),
        ),
        outputs=(
            variable("albedo", ("column",), "float32"),
            variable("cloud_type", ("column", "layer"), "int32"),
        ),
        budgets=(),
    )


def surface_inputs() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    return {
        "surface_type": rng.integers(0, len(ALBEDOS), 11, np.int32),
        "cloud_water": rng.uniform(size=(11, 5)).astype(np.float32),
        "cloud_scheme": np.int32(-3),
    }


class Ranks(torch.nn.Module):
    """Inputs of rank 0 to 7 that hold for all samples, reals and whole numbers; outputs of rank 1 to 7 with samples."""

    def forward(self, factor: torch.Tensor, count: torch.Tensor, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        reals, wholes = inputs[: MAX_RANK + 1], inputs[MAX_RANK + 1 :]
        outputs = []
        for k in range(MAX_RANK):
            spread = (-1,) + (1,) * k
            outputs += [factor.reshape(spread) * reals[k], count.reshape(spread) + wholes[k]]
        return (*outputs, reals[-1].sum(), wholes[-1] * 2)


def ranks_card() -> Card:
    dims = [tuple(SIZES)[:k] for k in range(MAX_RANK + 1)]
    outputs = [
        variable(f"{name}_out_{k}", ("sample", *dims[k]), dtype)
        for k in range(MAX_RANK)
        for name, dtype in (("real", "float32"), ("whole", "int32"))
    ]
    return toy_card(
        name="ranks",
        kind="field",
        dimensions=SIZES,
        inputs=(
            variable("factor", ("sample",), "float32"),
            variable("count", ("sample",), "int32"),
            *(variable(f"real_{k}", dims[k], "float32") for k in range(MAX_RANK + 1)),
            *(variable(f"whole_{k}", dims[k], "int32") for k in range(MAX_RANK + 1)),
        ),
        outputs=(*outputs, variable("total", (), "float32"), variable("twice", dims[MAX_RANK], "int32")),
        budgets=(),
    )


def ranks_inputs() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(6)
    card, samples = ranks_card(), 8
    return {
        item.name: rng.uniform(-9, 9, card.shape(item, samples)).astype(item.dtype)  # type: ignore[attr-defined]
        for item in card.inputs
    }


def verdict(path: Path, module: torch.nn.Module) -> Verification:
    return verify(EmulatorFile.open(path), module=module, allow_code=True)


@pytest.mark.parametrize("write", [export_onnx, export_torchscript, export_pt2])
def test_types_of_surfaces_and_clouds_are_the_same_by_every_route(write: Callable[..., Path], tmp_path: Path) -> None:
    path = write(Surface(), surface_card(), surface_inputs(), tmp_path / "surface")
    found = verdict(path, Surface())
    assert found.passed, found.to_dict()
    assert {leg.leg for leg in found.legs} >= {"torch", "libpyemu", "fortran"}
    for leg in found.legs:
        albedo, cloud = leg.outputs
        assert albedo.max_abs_reference == pytest.approx(max(ALBEDOS), rel=1e-6)
        assert (cloud.max_abs_difference, cloud.max_abs_reference) == (0.0, 3.0)


def test_arrays_of_every_rank_are_the_same_by_every_route(tmp_path: Path) -> None:
    found = verdict(export_onnx(Ranks(), ranks_card(), ranks_inputs(), tmp_path / "ranks.onnx"), Ranks())
    assert found.passed, found.to_dict()
    assert [len(leg.outputs) for leg in found.legs] == [2 * MAX_RANK + 2] * 4


@pytest.mark.parametrize("name", ["whole_out_2", "whole_out_6", "real_out_6", "twice"])
def test_one_wrong_number_in_the_record_is_seen_by_every_route(name: str, tmp_path: Path) -> None:
    path = export_onnx(Ranks(), ranks_card(), ranks_inputs(), tmp_path / "ranks.onnx")
    spoil_record(path, name, 1)
    for leg in verdict(path, Ranks()).legs:
        assert leg.problem is None
        assert [row.name for row in leg.outputs if not row.passed] == [name]
        assert [round(row.max_abs_difference, 5) for row in leg.outputs if row.name == name] == [1.0]


def test_an_array_of_rank_8_is_refused_with_the_reason(tmp_path: Path) -> None:
    class Double(torch.nn.Module):
        def forward(self, field: torch.Tensor) -> tuple[torch.Tensor]:
            return (2 * field,)

    dims = ("sample", *SIZES)
    card = toy_card(
        kind="field",
        dimensions=SIZES,
        inputs=(variable("field", dims, "float32"),),
        outputs=(variable("twice", dims, "float32"),),
        budgets=(),
    )
    values = {"field": np.ones((3, *SIZES.values()), np.float32)}
    path = export_onnx(Double(), card, values, tmp_path / "rank_8.onnx")
    problems = {leg.leg: leg.problem for leg in verdict(path, Double()).legs}
    assert problems["torch"] is None and problems["onnxruntime"] is None
    assert "rank 8; expected 0 to 7" in str(problems["libpyemu"])
    assert "needs an array of rank 8" in str(problems["fortran"])


@pytest.mark.parametrize(
    ("shift", "by_output", "passes"), [(0, {}, True), (1, {}, False), (1, {"cloud_type": 1e-3}, True)]
)
def test_whole_numbers_are_equal_or_wrong_unless_the_card_names_them(shift: int, by_output: dict, passes: bool) -> None:
    card = surface_card().model_copy(update={"tolerance": Tolerance(by_output=by_output)})
    recorded = {"albedo": np.ones(2, np.float32), "cloud_type": np.full((2, 5), 1_000_000, np.int32)}
    _, row = compare_outputs(card, recorded, recorded | {"cloud_type": recorded["cloud_type"] + np.int32(shift)})
    assert row.passed is passes


def test_the_difference_of_whole_numbers_does_not_overflow() -> None:
    card = surface_card()
    recorded = {"albedo": np.ones(2, np.float32), "cloud_type": np.full((2, 5), -2_000_000_000, np.int32)}
    _, row = compare_outputs(card, recorded, recorded | {"cloud_type": -recorded["cloud_type"]})
    assert row.max_abs_difference == 4e9 and not row.passed
