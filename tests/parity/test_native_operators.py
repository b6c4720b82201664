"""ONNX's own operator vectors through the engine ``native``: it passes each, or refuses it when it is opened."""

import copy
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx_cases import Arrays, by_libpyemu, cases, is_whole

from pyemu.runtime import EmulatorError


def with_constants(case: Any, inputs: Arrays, kept: Sequence[str]) -> bytes:
    """The model of a case with all inputs but those ``kept`` as constants, as weights are in the graph of an emulator."""
    model = copy.deepcopy(case.model)
    for value, array in list(zip(model.graph.input, inputs, strict=True)):
        if value.name not in kept:
            model.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(array), value.name))
            model.graph.input.remove(value)
    return bytes(model.SerializeToString())


def verdict(model: bytes, inputs: Arrays, names: Sequence[str], outputs: Arrays, case: Any) -> str:
    """``passes``, ``refused`` or ``differs``."""
    try:
        found = by_libpyemu(model, inputs, names, engine="native")
    except EmulatorError as error:
        return "refused" if error.status_name == "PYEMU_ERR_UNSUPPORTED" else f"differs: {error}"
    try:
        for one, expected in zip(found, outputs, strict=True):
            np.testing.assert_allclose(one, expected, rtol=case.rtol, atol=case.atol)
            assert np.shape(one) == np.shape(expected)
    except AssertionError as error:
        return f"differs: {error}"
    return "passes"


def judge(case: Any) -> str:
    """The verdict on the first data set: whole numbers are constants; all but the first input if it is refused."""
    inputs, outputs = case.data_sets[0]
    given = {value.name: array for value, array in zip(case.model.graph.input, inputs, strict=True)}
    names = [name for name, array in given.items() if not is_whole(array)]
    found = "refused"
    for kept in (names, names[:1]):
        if found == "refused":
            model = with_constants(case, inputs, kept)
            found = verdict(model, [given[name] for name in kept], kept, outputs, case)
    return found


def test_a_vector_passes_or_is_refused() -> None:
    taken = [case for case in cases(known=True) if case.data_sets[0][0]]
    verdicts = {case.name: judge(case) for case in taken}
    wrong = {name: found for name, found in verdicts.items() if found not in ("passes", "refused")}
    counts = Counter(verdicts.values())
    print(f"native: {counts['passes']} of {len(taken)} node tests pass, {counts['refused']} are refused")
    assert not wrong, wrong
    assert counts["passes"] > 680
