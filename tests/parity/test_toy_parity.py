"""One file, four routes, one answer: torch, ONNX Runtime, libpyemu from Python and libpyemu from Fortran."""

from pathlib import Path

import numpy as np
from toy_emulator import HEATING, ToyLongwave, toy_inputs

from pyemu.emulator import EmulatorFile, legs
from pyemu.emulator.verify import verify


def test_all_routes_agree_within_a_tenth_of_the_tolerance(toy_path: Path) -> None:
    """The tolerance leaves room for wide networks; this small one must be far inside it."""
    verdict = verify(EmulatorFile.open(toy_path), module=ToyLongwave())
    assert verdict.passed, verdict.to_dict()
    routes = ["torch", "onnxruntime", "libpyemu", "fortran", "native", "native_fortran"]
    assert [leg.leg for leg in verdict.legs] == routes
    assert max(row.relative_difference for leg in verdict.legs for row in leg.outputs) < 2e-6


def test_budget_closes_to_round_off_on_every_route(toy_path: Path) -> None:
    verdict = verify(EmulatorFile.open(toy_path), legs=["onnxruntime", "libpyemu"])
    assert max(row.max_abs_residual for leg in verdict.legs for row in leg.budgets) < 1e-11


def test_libpyemu_gives_the_numbers_of_onnxruntime_on_other_columns(toy_path: Path) -> None:
    """Same engine, other columns than the recorded ones: binding must not mix up columns, levels or variables."""
    file = EmulatorFile.open(toy_path)
    inputs = toy_inputs(33, seed=21)
    bound = legs.libpyemu(toy_path, file.card, inputs)
    direct = legs.onnxruntime(file.data)(inputs)
    np.testing.assert_allclose(bound[HEATING], direct[HEATING], rtol=1e-6, atol=1e-13)
