"""The node tests of the package ``onnx`` that fit the library's raw mode: float32 tensors of fixed size."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx

from pyemu.runtime import Emulator

Arrays = list[np.ndarray]

# Types of inputs that can only be constants.
WHOLE = (onnx.TensorProto.INT64, onnx.TensorProto.BOOL)


def cases(*, known: bool = False) -> list[Any]:
    """All node tests that fit; with ``known`` those too whose whole numbers can be constants of the graph."""
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the vectors' own arithmetic
        return [case for case in load_model_tests(kind="node") if fits(case, known=known)]


def fits(case: Any, *, known: bool = False) -> bool:
    """Only float32 tensors, with elements, of a size that the graph declares, all graph inputs given.

    With ``known``, inputs may be whole numbers too, as ``pads`` and ``axes`` are, if one is not.
    """
    graph = case.model.graph
    given = [array for inputs, outputs in case.data_sets for array in (*inputs, *outputs)]
    if known:
        given = [array for array in given if not is_whole(array)]
    tensors = all(isinstance(array, (np.ndarray, np.float32)) and array.dtype == np.float32 for array in given)
    complete = all(len(inputs) == len(graph.input) for inputs, _ in case.data_sets)
    values = [value for value in graph.input if not (known and value.type.tensor_type.elem_type in WHOLE)]
    known_outputs = all(is_fixed(value) for value in graph.output)
    return tensors and complete and len(values) > 0 and known_outputs and all(is_fixed(value) for value in values)


def is_whole(array: Any) -> bool:
    return isinstance(array, (np.ndarray, np.generic)) and array.dtype in (np.int64, np.bool_)


def is_fixed(value: onnx.ValueInfoProto) -> bool:
    tensor = value.type.tensor_type
    return tensor.elem_type == onnx.TensorProto.FLOAT and all(dim.dim_value > 0 for dim in tensor.shape.dim)


def by_libpyemu(model: bytes, inputs: Arrays, names: Sequence[str], engine: str = "onnxruntime") -> Arrays:
    with Emulator.from_bytes(model, raw=True, engine=engine, check_finite=False) as emulator:
        for name, array in zip(names, inputs, strict=True):
            emulator.bind(name, np.asarray(array))
        outputs = [np.full(v.shape, np.nan, v.dtype) for v in emulator.variables if not v.is_input]
        for variable, array in zip((v for v in emulator.variables if not v.is_input), outputs, strict=True):
            emulator.bind(variable.name, array)
        emulator.run()
    return outputs


def passes(case: Any, run: Callable[[bytes, Arrays, Sequence[str]], Arrays]) -> bool:
    """Whether every data set of the case gives the recorded outputs within the case's own tolerance."""
    model, names = case.model.SerializeToString(), [value.name for value in case.model.graph.input]
    try:
        for inputs, outputs in case.data_sets:
            for found, expected in zip(run(model, inputs, names), outputs, strict=True):
                np.testing.assert_allclose(found, expected, rtol=case.rtol, atol=case.atol)
                assert np.shape(found) == np.shape(expected)
    except Exception:  # the two report their refusals in different ways
        return False
    return True
