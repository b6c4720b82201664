"""State: what is carried from step to step, and runs that are stopped, saved, loaded and continued without a bit changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from toy_emulator import LAYERS as TOY_LAYERS
from toy_emulator import toy_inputs

from pyemu.emulator import Card, Carried
from pyemu.runtime import Emulator, EmulatorError

COLUMNS, LAYERS, STEPS = 300, 5, 9
SEED = 20261121
ENGINES = ("native", "onnxruntime")
IDS = np.random.default_rng(4).permutation(5 * COLUMNS)[:COLUMNS].astype(np.int64)
FORCING = np.random.default_rng(2).normal(size=(STEPS, COLUMNS, LAYERS)).astype(np.float32)


@pytest.fixture(scope="session")
def carrying(files: Path) -> Path:
    return files / "carrying.onnx"


def opened(path: Path, engine: str = "native", **options: object) -> Emulator:
    emulator = Emulator.open(path, engine, **options)
    emulator.set_noise(SEED, member=1)
    return emulator


def step(emulator: Emulator, number: int, columns: np.ndarray, block: int = COLUMNS) -> np.ndarray:
    """Run some columns in blocks; return what they saw of their memory."""
    seen = np.empty((len(columns), LAYERS), np.float32)
    for first in range(0, len(columns), block):
        part = columns[first : first + block]
        arrays = FORCING[number][part], np.empty((len(part), LAYERS), np.float32), IDS[part]
        emulator.unbind()
        emulator.bind("x", arrays[0])
        emulator.bind("seen", arrays[1])
        emulator.bind_ids(arrays[2])
        emulator.run(number)
        seen[first : first + block] = arrays[1]
    return seen


def whole(path: Path, engine: str = "native") -> list[np.ndarray]:
    """What all columns see in all steps of a run that is not stopped."""
    with opened(path, engine) as emulator:
        return [step(emulator, number, np.arange(COLUMNS)) for number in range(STEPS)]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_library_carries_as_a_host_would(carrying: Path, engine: str) -> None:
    hidden, after = np.zeros((2, COLUMNS, LAYERS), np.float32)
    with opened(carrying, engine) as host:
        assert [v.name for v in host.variables if v.is_carried] == ["hidden", "hidden_next"]
        for number, seen in enumerate(whole(carrying, engine)):
            np.testing.assert_array_equal(seen, hidden - FORCING[number])
            host.unbind()
            host.bind_ids(IDS)
            for name, values in {
                "x": FORCING[number],
                "hidden": hidden,
                "hidden_next": after,
                "seen": seen.copy(),
            }.items():
                host.bind(name, values)
            host.run(number)
            hidden[...] = after
    assert hidden.std() > 0.5


@pytest.mark.parametrize("engine", ENGINES)
def test_blocks_order_and_repeated_steps_do_not_matter(carrying: Path, engine: str) -> None:
    expected = whole(carrying, engine)
    shuffled = np.random.default_rng(9).permutation(COLUMNS)
    with opened(carrying, engine) as emulator:
        for number in range(STEPS):
            for _ in range(2):  # a step that is tried again
                seen = step(emulator, number, shuffled, block=7)
                assert seen.tobytes() == expected[number][shuffled].tobytes()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("through_file", [True, False])
def test_a_run_that_was_stopped_goes_on_to_the_bit(
    carrying: Path, engine: str, through_file: bool, tmp_path: Path
) -> None:
    expected = whole(carrying, engine)
    with opened(carrying, engine) as emulator:
        for number in range(5):
            step(emulator, number, np.arange(COLUMNS), block=128)
        emulator.save_state(tmp_path / "state")
        state = emulator.state()
    assert state == (tmp_path / "state").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["state"]
    with Emulator.open(carrying, engine) as emulator:  # the seed comes with the state
        if through_file:
            emulator.load_state(tmp_path / "state")
        else:
            emulator.load_state_bytes(state + b"more of the host's own")
        again = step(emulator, 4, np.arange(COLUMNS))
        assert again.tobytes() == expected[4].tobytes()
        for number in range(5, STEPS):
            assert step(emulator, number, np.arange(COLUMNS), 7).tobytes() == expected[number].tobytes()
        emulator.load_state_bytes(state)  # and back
        assert step(emulator, 5, np.arange(COLUMNS)).tobytes() == expected[5].tobytes()


@pytest.mark.parametrize("before, after", [(1, 4), (4, 1), (3, 2)])
def test_columns_find_their_state_on_other_ranks(carrying: Path, before: int, after: int, tmp_path: Path) -> None:
    expected = whole(carrying)
    for rank in range(before):
        with opened(carrying) as emulator:
            emulator.set_guard("count")
            for number in range(4):
                step(emulator, number, np.arange(rank, COLUMNS, before))
            emulator.save_state(tmp_path / str(rank))
    for rank in range(after):
        with opened(carrying) as emulator:
            for old in range(before):
                emulator.load_state(tmp_path / str(old), counts=False, more=old > 0)
            columns = np.arange(COLUMNS * rank // after, COLUMNS * (rank + 1) // after)
            for number in range(4, STEPS):
                assert step(emulator, number, columns).tobytes() == expected[number][columns].tobytes()


def test_of_two_rows_of_a_column_the_later_stays(carrying: Path) -> None:
    expected = whole(carrying)
    with opened(carrying) as emulator:
        states = []
        for number in range(4):
            step(emulator, number, np.arange(COLUMNS))
            states.append(emulator.state())
    for first, second in ((states[3], states[1]), (states[1], states[3])):
        with Emulator.open(carrying, "native") as emulator:
            emulator.load_state_bytes(first)
            emulator.load_state_bytes(second, more=True)
            assert step(emulator, 4, np.arange(COLUMNS)).tobytes() == expected[4].tobytes()


def test_a_column_that_falls_back_keeps_its_memory(carrying: Path) -> None:
    with opened(carrying) as emulator:
        emulator.set_guard("fallback")
        step(emulator, 0, np.arange(COLUMNS))
        kept = step(emulator, 1, np.arange(COLUMNS)) + FORCING[1]
        broken = FORCING[1].copy()
        broken[17] = np.nan
        emulator.bind("x", broken)
        emulator.run(1)
        assert emulator.fallback().tolist() == [17]
        carried = step(emulator, 2, np.arange(COLUMNS)) + FORCING[2]
    np.testing.assert_allclose(carried[17], kept[17], atol=1e-6)
    assert np.isfinite(carried).all() and (np.abs(carried - kept).max(axis=1) > 1e-3).sum() == COLUMNS - 1


def test_a_blend_does_not_touch_what_is_carried(carrying: Path) -> None:
    expected = whole(carrying)
    with opened(carrying) as emulator:
        for number in range(3):
            emulator.set_blend(0.0 if number < 2 else 1.0)
            seen = step(emulator, number, np.arange(COLUMNS))
    assert seen.tobytes() == expected[2].tobytes()


def guarded(path: Path) -> Emulator:
    emulator = Emulator.open(path, "native")
    inputs = toy_inputs(40)
    inputs["air_temperature"][7, 2] = np.nan
    for variable in emulator.variables:
        values = inputs[variable.name] if variable.is_input else np.zeros((40, *variable.shape))
        emulator.bind(variable.name, values)
    emulator.set_guard("count")
    return emulator


def test_counts_and_budgets_go_on(toy_path: Path) -> None:
    with guarded(toy_path) as emulator:
        emulator.run(1)
        state = emulator.state()
        emulator.run(2)
        counts, budgets = emulator.guard_counts("air_temperature", "not_finite"), emulator.budgets()
    assert counts.tolist() == [0, 0, 2, 0, 0, 0][:TOY_LAYERS] and budgets[0].columns == 2 * 39
    with guarded(toy_path) as emulator:
        emulator.load_state_bytes(state)
        emulator.run(2)
        assert emulator.guard_counts("air_temperature", "not_finite").tolist() == counts.tolist()
        assert emulator.budgets() == budgets
        emulator.load_state_bytes(state, columns=False, more=True)
        assert emulator.budgets()[0].columns == 3 * 39
        emulator.load_state_bytes(state, counts=False)
        assert emulator.budgets()[0].columns == 3 * 39
    with (
        Emulator.open(toy_path, "native") as emulator,
        pytest.raises(EmulatorError, match="counts of a guard, but none"),
    ):
        emulator.load_state_bytes(state)


def test_a_state_of_something_else_is_refused(carrying: Path, files: Path, tmp_path: Path) -> None:
    with opened(carrying) as emulator:
        step(emulator, 0, np.arange(COLUMNS))
        state = emulator.state()
        emulator.set_noise(SEED, member=2)
        with pytest.raises(EmulatorError, match=f"seed {SEED} and member 1, but {SEED} and 2 are set"):
            emulator.load_state_bytes(state)
        with pytest.raises(EmulatorError, match="'what' is 0; expected"):
            emulator.load_state_bytes(state, columns=False, counts=False)
        with pytest.raises(EmulatorError, match="cannot open"):
            emulator.load_state(tmp_path / "missing")
        with pytest.raises(EmulatorError, match="cannot write the state to"):
            emulator.save_state(tmp_path / "missing" / "state")
        (tmp_path / "text").write_text("not a state")
        with pytest.raises(EmulatorError, match="text': this is not the state of an emulator"):
            emulator.load_state(tmp_path / "text")
    other = "of another emulator file, with SHA-256 [0-9a-f]{64}; this one has"
    with Emulator.open(files / "noisy.onnx", "native") as emulator, pytest.raises(EmulatorError, match=other):
        emulator.load_state_bytes(state)
    wider = "numbers of 4 bytes, this emulator has such of 8"
    with Emulator.open(carrying, "native", precision="real64") as emulator, pytest.raises(EmulatorError, match=wider):
        emulator.load_state_bytes(state)


def test_a_damaged_state_is_refused_and_nothing_changes(carrying: Path) -> None:
    expected = whole(carrying)
    with opened(carrying) as emulator:
        for number in range(2):
            step(emulator, number, np.arange(COLUMNS))
        state = emulator.state()
        for size in (0, 7, 8, 15, 79, 80, 500, len(state) - 1):
            with pytest.raises(EmulatorError, match="truncated|not the state"):
                emulator.load_state_bytes(state[:size])
        for at in np.random.default_rng(3).integers(16, len(state), 50):
            with pytest.raises(EmulatorError, match="damaged"):
                emulator.load_state_bytes(state[:at] + bytes([state[at] ^ 1]) + state[at + 1 :])
        assert step(emulator, 2, np.arange(COLUMNS)).tobytes() == expected[2].tobytes()


def test_what_cannot_be_carried_is_said(carrying: Path) -> None:
    with opened(carrying) as emulator:
        seen = np.empty((COLUMNS, LAYERS), np.float32)
        emulator.bind("x", FORCING[0])
        emulator.bind("seen", seen)
        with pytest.raises(EmulatorError, match="'kick' is noise, but the columns' numbers"):
            emulator.run(1)
        emulator.bind("kick", seen.copy())
        with pytest.raises(EmulatorError, match="'hidden' is carried from step to step, but the columns' numbers"):
            emulator.run(1)
        emulator.bind_ids(IDS)
        with pytest.raises(EmulatorError, match="'hidden' is carried from step to step: give run the step"):
            emulator.run()
        emulator.bind("hidden", seen.copy())
        with pytest.raises(EmulatorError, match="'hidden_next' is carried to 'hidden' at the next step, but only one"):
            emulator.run(1)


def test_a_card_says_what_is_carried(carrying: Path) -> None:
    provenance = {"data_sha256": "0" * 64, "code_version": "1", "created": "2026-01-01T00:00:00+00:00"}
    with Emulator.open(carrying) as emulator:
        values = emulator.card | {"provenance": provenance}
    assert Card.model_validate(values).state == (Carried(input="hidden", output="hidden_next"),)
    for state, words in (
        ([{"input": "hidden", "output": "seen"}, {"input": "x", "output": "seen"}], "every variable at most once"),
        ([{"input": "hidden", "output": "x"}], "expected an output and an input"),
        ([{"input": "kick", "output": "seen"}], "expected an output and an input"),
    ):
        with pytest.raises(ValueError, match=words):
            Card.model_validate(values | {"state": state})
