"""Verification can fail: each test breaks one thing and looks for it in the verdict."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from toy_emulator import DOWNWELLING, HEATING, UPWELLING, ToyLongwave, toy_card

from pyemu.emulator import EmulatorFile, legs
from pyemu.emulator.compare import budget_residuals, compare_outputs
from pyemu.emulator.verify import verify


def with_reference(file: EmulatorFile, name: str, values: np.ndarray) -> EmulatorFile:
    return dataclasses.replace(file, reference=file.reference | {name: values})


def test_untouched_file_passes_and_the_verdict_is_json(toy_path: Path) -> None:
    verdict = verify(EmulatorFile.open(toy_path), legs=["onnxruntime"]).to_dict()
    assert verdict["pass"] is True
    row = json.loads(json.dumps(verdict))["legs"]["onnxruntime"]["outputs"][UPWELLING]
    assert row["tolerance"] == pytest.approx(2e-5 * row["max_abs_reference"])
    assert row["max_abs_difference"] <= row["tolerance"]


def test_torch_recomputed_gives_the_recorded_bits(toy_path: Path) -> None:
    torch_leg, _ = verify(EmulatorFile.open(toy_path), legs=["onnxruntime"], module=ToyLongwave()).legs
    assert torch_leg.leg == "torch"
    assert [row.max_abs_difference for row in torch_leg.outputs] == [0.0, 0.0, 0.0]


def test_other_weights_fail(toy_path: Path) -> None:
    module = ToyLongwave()
    module.network[0].weight.data *= 1.001
    torch_leg, ort_leg = verify(EmulatorFile.open(toy_path), legs=["onnxruntime"], module=module).legs
    assert not torch_leg.passed
    assert ort_leg.passed


def test_one_changed_value_in_the_record_fails(toy_path: Path) -> None:
    file = EmulatorFile.open(toy_path)
    recorded = file.reference[HEATING].copy()
    recorded[4, 2] += 1e-4 * np.abs(recorded).max()
    verdict = verify(with_reference(file, HEATING, recorded), legs=["onnxruntime"])
    assert not verdict.passed
    assert [row.passed for row in verdict.legs[0].outputs] == [True, True, False]


def test_nan_in_an_output_fails() -> None:
    card = toy_card()
    recorded = {variable.name: np.ones(card.shape(variable, 3)) for variable in card.outputs}
    found = recorded | {DOWNWELLING: np.full_like(recorded[DOWNWELLING], np.nan)}
    assert [row.passed for row in compare_outputs(card, recorded, found)] == [True, False, True]


def test_budget_residual_is_a_column_sum_in_watts(toy_path: Path) -> None:
    file = EmulatorFile.open(toy_path)
    heating = file.reference[HEATING].copy()
    pressure = file.reference["air_pressure_at_interfaces"]
    heating[3, -1] += 1.0 * 9.80665 / 1004.64 / (pressure[3, -1] - pressure[3, -2])  # one more W m-2 in one layer
    (row,) = budget_residuals(file.card, file.reference | {HEATING: heating})
    assert row.max_abs_residual == pytest.approx(1.0, abs=1e-9)
    assert not row.passed


def test_budget_is_the_same_in_either_vertical_order(toy_path: Path) -> None:
    file = EmulatorFile.open(toy_path)
    flipped = {name: values[:, ::-1] if values.ndim == 2 else values for name, values in file.reference.items()}
    (row,) = budget_residuals(toy_card(vertical_order="bottom_first"), flipped)
    assert row.max_abs_residual < 1e-11


def test_leg_that_cannot_run_fails_with_its_reason(toy_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*arguments: object) -> list:
        raise legs.LegError("pyemu_verify is in none of ['somewhere']: build the library")

    monkeypatch.setattr(legs, "fortran", absent)
    verdict = verify(EmulatorFile.open(toy_path), legs=["onnxruntime", "fortran"])
    assert not verdict.passed
    assert verdict.to_dict()["legs"]["fortran"] == {
        "pass": False,
        "problem": "pyemu_verify is in none of ['somewhere']: build the library",
    }


def test_unknown_leg_lists_the_known_ones(toy_path: Path) -> None:
    with pytest.raises(ValueError, match="unknown leg 'matlab'; known legs: torch, onnxruntime, aoti"):
        verify(EmulatorFile.open(toy_path), legs=["matlab"])


def test_torch_leg_without_module_asks_for_the_checkpoint(toy_path: Path) -> None:
    with pytest.raises(ValueError, match="--checkpoint"):
        verify(EmulatorFile.open(toy_path), legs=["torch"])


@pytest.mark.parametrize("text", ["", "segmentation fault", '{"name": "other"}', "[]"])
def test_output_of_the_fortran_program_is_not_trusted(text: str) -> None:
    with pytest.raises(legs.LegError, match="expected one JSON object per output"):
        legs._rows(toy_card(), text)
