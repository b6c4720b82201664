"""ONNX's own operator vectors through libpyemu in raw mode: it must pass exactly those that ONNX Runtime itself passes."""

from collections.abc import Sequence

import numpy as np
import onnxruntime
from onnx_cases import Arrays, by_libpyemu, cases, passes


def by_onnxruntime(model: bytes, inputs: Arrays, names: Sequence[str]) -> Arrays:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    found: Arrays = session.run(None, {name: np.asarray(array) for name, array in zip(names, inputs, strict=True)})
    return found


def test_libpyemu_passes_what_onnx_runtime_passes() -> None:
    taken = cases()
    expected = {case.name for case in taken if passes(case, by_onnxruntime)}
    found = {case.name for case in taken if passes(case, by_libpyemu)}
    assert found == expected, sorted(found ^ expected)
    print(f"{len(found)} of {len(taken)} node tests pass")
    assert len(expected) > 300
