"""The guard: which columns are flagged, what becomes of them, and that it stays in the column."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from toy_emulator import DOWNWELLING, HEATING, LAYERS, UPWELLING, ToyLongwave, toy_budget, toy_card, toy_inputs

from pyemu.emulator import LinearBudget, Term
from pyemu.emulator.export import export_onnx
from pyemu.runtime import Emulator, EmulatorError

COLUMNS = 67
TEMPERATURE, SURFACE, HUMIDITY = "air_temperature", "surface_temperature", "specific_humidity"
PRESSURE = "air_pressure_at_interfaces"
NOT_FINITE, INVALID, NOVEL, BUDGET = 1, 2, 4, 8
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
    arrays[PRESSURE][5, 1] = arrays[PRESSURE][5, 0]  # a layer without mass
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
    arrays[TEMPERATURE][4, 1] = np.nan
    with pytest.raises(EmulatorError, match=r"'air_temperature' is -?nan in column 5, layer 2 .*finite number"):
        toy.run()


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


def test_the_guard_reads_and_writes_float64_tensors(toy_path: Path) -> None:
    with Emulator.open(toy_path, "native", precision="real64") as toy:
        arrays = bound(toy)
        expected = plain(toy, arrays)
        for name in expected:
            arrays[name][:] = UNTOUCHED
        arrays[TEMPERATURE][3, 0] = 310.0 + 1e-9  # float32 has no such number
        toy.set_guard("fallback")
        toy.run()
        assert toy.fallback().tolist() == [3]
        for name, values in expected.items():
            np.testing.assert_array_equal(np.delete(arrays[name], 3, 0), np.delete(values, 3, 0))
            assert (arrays[name][3] == UNTOUCHED).all()
        assert abs(toy.budgets()[0].largest) < 1e-9


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


def budget_file(directory: Path, order: str = "top_first") -> Path:
    """The toy with a budget that closes and one that does not."""
    leaves = LinearBudget(
        name="outgoing",
        description="what leaves at the top, less a constant share of what is emitted",
        terms=(
            Term(variable=UPWELLING, factor=1.0, where="top"),
            Term(variable=DOWNWELLING, factor=-0.5, where="bottom"),
            Term(variable=HEATING, factor=-1004.0, where="layers"),
            Term(variable=SURFACE, factor=-0.25, where="column"),
        ),
        units="W m-2",
        pressure=PRESSURE,
        gravity=9.80665,
        tolerance=60.0,
    )
    closes = (toy_budget(),) if order == "top_first" else ()  # the toy's own heating is derived from the top down
    card = toy_card(budgets=(*closes, leaves), vertical_order=order)
    return export_onnx(ToyLongwave(), card, toy_inputs(), directory / "budgets.onnx")


def residuals(arrays: Arrays, order: str) -> np.ndarray:
    """The second budget by hand."""
    top, bottom = (0, -1) if order == "top_first" else (-1, 0)
    mass = np.abs(np.diff(arrays[PRESSURE])) / 9.80665
    heating = (arrays[HEATING] * mass).sum(axis=1)
    return np.asarray(
        arrays[UPWELLING][:, top] - 0.5 * arrays[DOWNWELLING][:, bottom] - 1004.0 * heating - 0.25 * arrays[SURFACE]
    )


@pytest.mark.parametrize("order", ["top_first", "bottom_first"])
@pytest.mark.parametrize("engine", ["native", "onnxruntime"])
def test_budgets_are_summed_over_every_column(tmp_path: Path, engine: str, order: str) -> None:
    with Emulator.open(budget_file(tmp_path, order), engine) as toy:
        arrays = bound(toy)
        arrays[SURFACE][::3] += 60.0
        toy.set_guard("count", reasons=["budget"])
        toy.run(step=4)
        expected = residuals(arrays, order)
        *closed, second = toy.budgets()
        assert all(abs(budget.largest) < 1e-9 and budget.exceeded == 0 for budget in closed)
        assert (second.columns, second.tolerance, second.units) == (COLUMNS, 60.0, "W m-2")
        assert 0 < second.exceeded == int((np.abs(expected) > 60.0).sum()) < COLUMNS
        np.testing.assert_allclose(
            [second.mean, second.rms, second.largest],
            [expected.mean(), np.sqrt((expected**2).mean()), expected[np.abs(expected).argmax()]],
            rtol=1e-6,
        )
        assert (second.at_step, second.at_column) == (4, int(np.abs(expected).argmax()))
        np.testing.assert_array_equal(toy.reasons() == BUDGET, np.abs(expected) > 60.0)


def test_a_budget_that_does_not_close_falls_back(tmp_path: Path) -> None:
    with Emulator.open(budget_file(tmp_path), "native") as toy:
        arrays = bound(toy)
        arrays[SURFACE][::3] += 60.0
        expected = plain(toy, arrays)
        open_columns = np.abs(residuals(arrays, "top_first")) > 60.0
        for name in expected:
            arrays[name][:] = UNTOUCHED
        toy.set_guard("fallback", reasons=["budget"])
        toy.run()
        np.testing.assert_array_equal(toy.fallback(), np.nonzero(open_columns)[0])
        for name, values in expected.items():
            np.testing.assert_array_equal(arrays[name], np.where(open_columns[:, None], UNTOUCHED, values))
        toy.set_guard("stop", reasons=["budget"])
        column = int(open_columns.argmax()) + 1
        with pytest.raises(EmulatorError, match=rf"budget 'outgoing' is .* W m-2 in column {column} .*at most 60"):
            toy.run()


def test_budgets_need_a_guard_that_looks_at_them(toy: Emulator) -> None:
    bound(toy)
    with pytest.raises(EmulatorError, match="no guard looks at budgets"):
        toy.budgets()
    toy.set_guard("count", reasons=["novel"])
    with pytest.raises(EmulatorError, match="no guard looks at budgets"):
        toy.budgets()


def test_residuals_that_are_not_finite_are_left_out(toy: Emulator) -> None:
    arrays = bound(toy)
    arrays[TEMPERATURE][11, 2] = np.nan
    toy.set_guard("count")
    toy.run()
    (budget,) = toy.budgets()
    assert budget.columns == COLUMNS - 1
    assert np.isfinite([budget.mean, budget.rms, budget.largest]).all()
