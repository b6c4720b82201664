"""The blend: whose numbers the host gets, to the bit at both ends, and what is between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from toy_emulator import DOWNWELLING, HEATING, UPWELLING, toy_inputs

from pyemu.runtime import Emulator, EmulatorError

COLUMNS = 613  # more than are weighted together, and no multiple
TEMPERATURE = "air_temperature"
Arrays = dict[str, np.ndarray]


def bound(emulator: Emulator, order: str = "F", dtype: type = np.float64) -> Arrays:
    """Bind plausible columns and a host's own numbers for the outputs, a NaN with a payload among them."""
    arrays = {}
    inputs = toy_inputs(COLUMNS)
    random = np.random.default_rng(5)
    for variable in emulator.variables:
        host = random.normal(300.0, 1.0, (COLUMNS, *variable.shape))
        arrays[variable.name] = np.array(inputs[variable.name] if variable.is_input else host, dtype=dtype, order=order)
        emulator.bind(variable.name, arrays[variable.name], variable.units)
    arrays[HEATING][3] = np.frombuffer(np.uint64(0x7FF8_0000_0000_0123).tobytes(), np.float64)[0]
    return arrays


@pytest.fixture(params=["native", "onnxruntime"])
def toy(toy_path: Path, request: pytest.FixtureRequest) -> Iterator[Emulator]:
    with Emulator.open(toy_path, request.param, threads=2) as emulator:
        yield emulator


def run(emulator: Emulator, arrays: Arrays, step: int = 0) -> Arrays:
    """What the outputs are after a run on the host's numbers, which come back."""
    names = [variable.name for variable in emulator.variables if not variable.is_input]
    host = {name: arrays[name].copy("K") for name in names}
    emulator.run(step)
    after = {name: arrays[name].copy("K") for name in names}
    for name in names:
        arrays[name][...] = host[name]
    return after


def expected(host: np.ndarray, emulated: np.ndarray, weight: float | np.ndarray) -> np.ndarray:
    host = host.astype(np.float64)
    weight = np.reshape(weight, (-1, *[1] * (host.ndim - 1)))
    return host + weight * (emulated.astype(np.float64) - host)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_ends_are_exact_and_between_is_the_mix(toy: Emulator, dtype: type, order: str) -> None:
    arrays = bound(toy, order, dtype)
    emulated = run(toy, arrays)
    toy.set_blend(0.0)
    for name, after in run(toy, arrays).items():
        assert after.tobytes() == arrays[name].tobytes()
    toy.set_blend(1.0)
    for name, after in run(toy, arrays).items():
        assert after.tobytes() == emulated[name].tobytes()
    toy.set_blend(0.3)
    own = {name: np.zeros(values.shape) for name, values in emulated.items()}
    for name, values in own.items():
        toy.bind_aside(name, values)
    for name, after in run(toy, arrays).items():
        np.testing.assert_array_equal(after, expected(arrays[name], own[name], 0.3).astype(dtype))


def test_a_ramp_goes_from_one_step_to_the_other(toy: Emulator) -> None:
    arrays = bound(toy)
    emulated = run(toy, arrays)[UPWELLING]
    toy.set_blend(0.25, to=1.0, first_step=10, last_step=14)
    weights = {-3: 0.25, 9: 0.25, 10: 0.25, 11: 0.4375, 12: 0.625, 13: 0.8125, 14: 1.0, 999: 1.0}
    for step, weight in weights.items():
        after = run(toy, arrays, step)[UPWELLING]
        want = expected(arrays[UPWELLING], emulated, weight) if weight < 1 else emulated
        np.testing.assert_array_equal(after, want)


def test_spin_up_is_a_step(toy: Emulator) -> None:
    arrays = bound(toy)
    emulated = run(toy, arrays)
    toy.set_blend(0.0, to=1.0, first_step=5)
    for step, want in ((4, arrays), (5, emulated)):
        for name, after in run(toy, arrays, step).items():
            assert after.tobytes() == want[name].tobytes()


def test_each_output_has_its_own_weight(toy: Emulator) -> None:
    arrays = bound(toy)
    emulated = run(toy, arrays)
    toy.set_blend(0.0, name=UPWELLING)
    after = run(toy, arrays)
    assert after[UPWELLING].tobytes() == arrays[UPWELLING].tobytes()
    assert after[DOWNWELLING].tobytes() == emulated[DOWNWELLING].tobytes()


@pytest.mark.parametrize("order", ["C", "F"])
def test_each_column_has_its_own_weight(toy: Emulator, order: str) -> None:
    arrays = bound(toy, order)
    emulated = run(toy, arrays)
    weights = np.random.default_rng(1).uniform(0, 1, COLUMNS).astype(np.float32)
    weights[::3], weights[1::7] = 0, 1
    toy.bind_weight(weights)
    for name, after in run(toy, arrays).items():
        want = expected(arrays[name], emulated[name], weights)
        want[weights == 0], want[weights == 1] = arrays[name][weights == 0], emulated[name][weights == 1]
        assert after.tobytes() == want.tobytes() or np.array_equal(after, want, equal_nan=True)
        assert after[weights == 0].tobytes() == arrays[name][weights == 0].tobytes()
    toy.set_blend(0.5)
    weights[:] = 1
    np.testing.assert_array_equal(run(toy, arrays)[UPWELLING], expected(arrays[UPWELLING], emulated[UPWELLING], 0.5))
    toy.bind_weight(None)
    toy.set_blend(1.0)
    assert run(toy, arrays)[UPWELLING].tobytes() == emulated[UPWELLING].tobytes()


def test_blocks_and_threads_do_not_change_the_mix(toy_path: Path) -> None:
    def outgoing(threads: int, columns: int | None) -> bytes:
        with Emulator.open(toy_path, "native", threads=threads) as emulator:
            arrays = bound(emulator)
            emulator.set_blend(0.37)
            emulator.run(0, columns)
            return arrays[UPWELLING][:300].tobytes()

    assert len({outgoing(threads, columns) for threads in (1, 2) for columns in (None, 300)}) == 1


def test_side_by_side_the_host_keeps_its_numbers(toy: Emulator) -> None:
    arrays = bound(toy)
    emulated = run(toy, arrays)
    aside = np.zeros_like(arrays[UPWELLING], dtype=np.float32, order="C")
    toy.set_blend(0.0)
    toy.bind_aside(UPWELLING, aside)
    after = run(toy, arrays)
    assert after[UPWELLING].tobytes() == arrays[UPWELLING].tobytes()
    np.testing.assert_array_equal(aside, emulated[UPWELLING].astype(np.float32))
    aside[...] = 0
    toy.bind_aside(UPWELLING, None)
    run(toy, arrays)
    assert not aside.any()


def test_a_guard_multiplies_the_weight(toy_path: Path) -> None:
    with Emulator.open(toy_path, "native") as emulator:
        arrays = bound(emulator)
        arrays[TEMPERATURE] = arrays[TEMPERATURE].clip(205.0, 255.0)
        arrays[TEMPERATURE][17] = np.nan
        emulator.bind(TEMPERATURE, arrays[TEMPERATURE])
        aside = np.zeros_like(arrays[UPWELLING])
        emulator.bind_aside(UPWELLING, aside)
        emulator.set_guard("fallback", reasons=["not_finite"])
        emulator.set_blend(0.5)
        after = run(emulator, arrays)[UPWELLING]
    assert after[17].tobytes() == arrays[UPWELLING][17].tobytes()
    others = np.arange(COLUMNS) != 17
    np.testing.assert_array_equal(after[others], expected(arrays[UPWELLING], aside, 0.5)[others])


def test_an_output_over_an_input_is_mixed_with_it(toy: Emulator) -> None:
    arrays = bound(toy)
    emulated = run(toy, arrays)[HEATING]
    shared = arrays[TEMPERATURE].copy("K")
    toy.bind(TEMPERATURE, shared)
    toy.bind(HEATING, shared)
    toy.set_blend(0.5)
    toy.run()
    np.testing.assert_array_equal(shared, expected(arrays[TEMPERATURE], emulated, 0.5))


def refused(toy: Emulator, words: str) -> pytest.RaisesExc[EmulatorError]:
    return pytest.raises(EmulatorError, match=words)


def test_what_cannot_be_blended_is_refused(toy: Emulator) -> None:
    arrays = bound(toy)
    with refused(toy, "weights of the blend are -0.1 and -0.1; expected 0"):
        toy.set_blend(-0.1)
    with refused(toy, "are 0 and nan"):
        toy.set_blend(0.0, to=float("nan"), first_step=1)
    with refused(toy, "ends at step 3, before it begins at 4"):
        toy.set_blend(0.0, to=1.0, first_step=4, last_step=3)
    with refused(toy, "no variable 'flux'"):
        toy.set_blend(0.0, name="flux")
    with refused(toy, "'air_temperature' is an input"):
        toy.set_blend(0.0, name=TEMPERATURE)
    with refused(toy, "'air_temperature' is an input"):
        toy.bind_weight(np.ones(COLUMNS), TEMPERATURE)
    with refused(toy, "'air_temperature' is an input"):
        toy.bind_aside(TEMPERATURE, np.zeros_like(arrays[TEMPERATURE]))
    with refused(toy, "int64"):
        toy.bind_weight(np.ones(COLUMNS, np.int64))
    with refused(toy, "given in 'K'"):
        toy.bind_aside(UPWELLING, np.zeros_like(arrays[UPWELLING]), "K")
    run(toy, arrays)  # nothing of that has been kept


def test_what_a_run_cannot_blend_is_refused(toy: Emulator) -> None:
    arrays = bound(toy)
    host = {name: values.tobytes() for name, values in arrays.items()}
    toy.set_blend(0.0, to=1.0, first_step=5)
    with refused(toy, "changes with the step, but run was given none"):
        toy.run()
    toy.set_blend(0.5)
    weights = np.ones(COLUMNS)
    weights[41] = 1.5
    toy.bind_weight(weights)
    with refused(toy, r"weight of column 42 \(counted from 1\) of '\w+' is 1.5; expected 0"):
        toy.run()
    toy.bind_weight(np.ones(COLUMNS - 1))
    with refused(toy, "612 columns; expected 613"):
        toy.run()
    toy.bind_weight(None)
    toy.bind_aside(UPWELLING, np.zeros((2, *arrays[UPWELLING].shape[1:])))
    with refused(toy, "aside of '\\w+' has 2 columns; expected 613"):
        toy.run()
    toy.bind_aside(UPWELLING, arrays[DOWNWELLING])
    with refused(toy, "lies over another array"):
        toy.run()
    assert {name: values.tobytes() for name, values in arrays.items()} == host
    toy.unbind()
    run(toy, bound(toy))  # the arrays are forgotten
