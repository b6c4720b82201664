"""The guard: which columns are flagged, what becomes of them, and that it stays in the column."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from toy_emulator import HEATING, LAYERS, UPWELLING, toy_inputs

from pyemu.runtime import Emulator, EmulatorError

COLUMNS = 67
TEMPERATURE, SURFACE, HUMIDITY = "air_temperature", "surface_temperature", "specific_humidity"
NOT_FINITE, INVALID, NOVEL = 1, 2, 4
UNTOUCHED = -999.0
Arrays = dict[str, np.ndarray]


def bound(emulator: Emulator, order: str = "F", dtype: type = np.float64) -> Arrays:
    """Bind plausible columns and outputs that show whether they were written."""
    arrays = {}
    inputs = toy_inputs(COLUMNS)
    inputs[TEMPERATURE] = inputs[TEMPERATURE].clip(205.0, 305.0)
    for variable in emulator.variables:
        shape = (COLUMNS, *variable.shape)
        values = inputs[variable.name] if variable.is_input else np.full(shape, UNTOUCHED)
        arrays[variable.name] = np.array(values, dtype=dtype, order=order)
        emulator.bind(variable.name, arrays[variable.name], variable.units)
    return arrays


@pytest.fixture(params=["native", "onnxruntime"])
def toy(toy_path: Path, request: pytest.FixtureRequest) -> Iterator[Emulator]:
    with Emulator.open(toy_path, request.param, threads=2) as emulator:
        yield emulator


def outputs(emulator: Emulator, arrays: Arrays) -> Arrays:
    """What the outputs are now."""
    return {variable.name: arrays[variable.name].copy() for variable in emulator.variables if not variable.is_input}


def plain(emulator: Emulator, arrays: Arrays) -> Arrays:
    """The outputs of a run without a guard."""
    emulator.set_guard("off")
    emulator.run()
    return outputs(emulator, arrays)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("mode", ["count", "clip", "fallback", "stop"])
def test_nothing_changes_where_all_is_well(toy: Emulator, mode: str, dtype: type, order: str) -> None:
    arrays = bound(toy, order, dtype)
    expected = plain(toy, arrays)
    toy.set_guard(mode)
    toy.run()
    for name, values in expected.items():
        np.testing.assert_array_equal(arrays[name], values)
    assert not toy.reasons().any()
    assert toy.fallback().size == 0


def test_a_nan_stays_in_its_column_and_is_counted(toy: Emulator) -> None:
    arrays = bound(toy)
    expected = plain(toy, arrays)
    arrays[TEMPERATURE][11, 2] = np.nan
    with pytest.raises(EmulatorError) as refused:
        toy.run()
    assert refused.value.status_name == "PYEMU_ERR_NOT_FINITE"
    toy.set_guard("count")
    for _ in range(3):
        toy.run()
    others = np.arange(COLUMNS) != 11
    for name, values in expected.items():
        np.testing.assert_array_equal(arrays[name][others], values[others])
    assert np.isnan(arrays[UPWELLING][11]).all()
    assert list(np.nonzero(toy.reasons())[0]) == [11]
    assert toy.guard_counts(TEMPERATURE, "not_finite").tolist() == [0, 0, 3, 0, 0, 0]
    assert toy.guard_counts(UPWELLING, "not_finite").sum() == 3 * (LAYERS + 1)
    assert np.isnan(arrays[TEMPERATURE][11, 2])


def test_fallback_leaves_the_outputs_of_flagged_columns(toy: Emulator) -> None:
    arrays = bound(toy)
    expected = plain(toy, arrays)
    for name in expected:
        arrays[name][:] = UNTOUCHED
    arrays[TEMPERATURE][3, 0] = 310.5
    arrays[SURFACE][40] = -np.inf
    arrays[HUMIDITY][66, 1] = -1e-3
    toy.set_guard("fallback")
    toy.run()
    flagged = np.isin(np.arange(COLUMNS), [3, 40, 66])
    assert toy.fallback().tolist() == [3, 40, 66]
    assert toy.reasons()[[3, 40, 66]].tolist() == [NOVEL, NOT_FINITE, INVALID]
    for name, values in expected.items():
        np.testing.assert_array_equal(arrays[name][~flagged], values[~flagged])
        assert (arrays[name][flagged] == UNTOUCHED).all()
    assert toy.guard_counts(HUMIDITY, "invalid").tolist() == [0, 1, 0, 0, 0, 0]
    assert int(toy.guard_counts(SURFACE, "not_finite")) == 1


def test_outputs_are_judged_too(toy: Emulator) -> None:
    arrays = bound(toy)
    arrays["air_pressure_at_interfaces"][5, 1] = arrays["air_pressure_at_interfaces"][5, 0]  # a layer without mass
    toy.set_guard("fallback")
    toy.run()
    assert toy.fallback().tolist() == [5]
    assert (arrays[UPWELLING][5] == UNTOUCHED).all()
    assert toy.guard_counts(HEATING, "not_finite")[0] == 1


def test_clip_moves_inputs_to_the_nearest_bound_in_a_copy(toy: Emulator) -> None:
    arrays = bound(toy)
    arrays[TEMPERATURE][7, 4] = 310.0
    expected = plain(toy, arrays)
    arrays[TEMPERATURE][7, 4] = 345.0
    toy.set_guard("clip")
    toy.run()
    for name, values in expected.items():
        np.testing.assert_array_equal(arrays[name], values)
    assert arrays[TEMPERATURE][7, 4] == 345.0
    assert toy.fallback().size == 0
    assert np.nonzero(toy.reasons())[0].tolist() == [7]


def test_clip_cannot_move_nan(toy: Emulator) -> None:
    arrays = bound(toy)
    arrays[SURFACE][0] = np.nan
    toy.set_guard("clip")
    toy.run()
    assert toy.fallback().tolist() == [0]
    assert (arrays[UPWELLING][0] == UNTOUCHED).all()


def test_stop_names_the_place_and_touches_no_output(toy: Emulator) -> None:
    arrays = bound(toy)
    arrays[TEMPERATURE][9, 3] = 330.0
    toy.set_guard("stop")
    with pytest.raises(EmulatorError, match=r"'air_temperature' is 330 in column 10, layer 4 .*200 to 310") as stopped:
        toy.run()
    assert stopped.value.status_name == "PYEMU_ERR_GUARD"
    assert all((values == UNTOUCHED).all() for values in outputs(toy, arrays).values())


def test_only_the_reasons_that_are_asked_for_count(toy: Emulator) -> None:
    arrays = bound(toy)
    arrays[TEMPERATURE][2, 0] = 320.0
    arrays[HUMIDITY][4, 0] = -0.01
    toy.set_guard("fallback", reasons=["invalid"])
    toy.run()
    assert toy.fallback().tolist() == [4]
    toy.set_guard("fallback", reasons=["novel"])
    toy.run()
    assert toy.fallback().tolist() == [2]


def test_the_limit_widens_the_range(toy: Emulator) -> None:
    arrays = bound(toy)
    arrays[TEMPERATURE][1, 5] = 321.0  # 66 K from the middle of 200 to 310 K: 1.2 half widths
    for limit, flagged in ((1.19, [1]), (1.21, [])):
        toy.set_guard("fallback", reasons=["novel"], limit=limit)
        toy.run()
        assert toy.fallback().tolist() == flagged


def test_a_taper_fades_into_the_hosts_outputs(toy: Emulator) -> None:
    arrays = bound(toy)
    arrays[SURFACE][8] = 255.0 + 55.0 * 1.25
    expected = plain(toy, arrays)
    for name in expected:
        arrays[name][:] = UNTOUCHED
    toy.set_guard("fallback", reasons=["novel"], limit=1.5, taper=1.0)
    toy.run()
    others = np.arange(COLUMNS) != 8
    for name, values in expected.items():
        np.testing.assert_array_equal(arrays[name][others], values[others])
        np.testing.assert_allclose(arrays[name][8], 0.5 * (UNTOUCHED + values[8]), rtol=1e-6)
    assert toy.fallback().size == 0


def test_columns_are_judged_alike_in_every_block(toy: Emulator) -> None:
    rng = np.random.default_rng(5)
    arrays = bound(toy)
    arrays[TEMPERATURE][rng.random((COLUMNS, LAYERS)) < 0.01] = 400.0
    toy.set_guard("fallback")
    toy.run()
    whole, reasons = outputs(toy, arrays), toy.reasons()
    assert reasons.any() and not reasons.all()
    for first in range(0, COLUMNS, 7):
        toy.unbind()
        part = slice(first, first + 7)
        pieces = {name: values[part].copy() for name, values in arrays.items()}
        for name in whole:
            pieces[name][:] = UNTOUCHED
        for name, values in pieces.items():
            toy.bind(name, values)
        toy.run()
        np.testing.assert_array_equal(toy.reasons(), reasons[part])
        for name, values in whole.items():
            np.testing.assert_array_equal(pieces[name], values[part])


def test_runs_on_some_columns_look_at_no_others(toy: Emulator) -> None:
    arrays = bound(toy)
    arrays[TEMPERATURE][20:] = np.nan
    toy.set_guard("stop")
    toy.run(columns=20)
    assert toy.reasons().shape == (20,)
    toy.run(columns=0)
    assert toy.reasons().shape == (0,)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mode": "maybe"}, "'maybe' is not known; expected 'off', 'count'"),
        ({"mode": "count", "reasons": []}, "reasons are 0"),
        ({"mode": "count", "reasons": ["odd"]}, "'odd' is not known"),
        ({"mode": "count", "limit": 0.0}, "limit of novelty is 0"),
        ({"mode": "count", "limit": float("nan")}, "limit of novelty is nan"),
        ({"mode": "fallback", "taper": 1.5}, "taper begins at novelty 1.5; expected 0 .* to the limit, 1"),
        ({"mode": "clip", "taper": 0.5}, "taper, which goes with mode PYEMU_GUARD_FALLBACK only"),
    ],
)
def test_impossible_settings_are_refused(toy: Emulator, settings: dict[str, object], message: str) -> None:
    with pytest.raises(EmulatorError, match=message):
        toy.set_guard(**settings)  # type: ignore[arg-type]


def test_questions_without_a_guard_are_refused(toy: Emulator) -> None:
    for question in (toy.reasons, toy.fallback, lambda: toy.guard_counts(TEMPERATURE, "novel")):
        with pytest.raises(EmulatorError, match="no guard"):
            question()
