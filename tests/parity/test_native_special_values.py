"""Numbers at the ends of float32 through the engine ``native``: NaN, infinities, zeros of both signs, denormals, the largest.

Expected is what IEEE 754 and the definition of the operator in ONNX say, computed in float64 by NumPy, torch or ONNX's
reference evaluator and rounded once. Where ONNX Runtime does otherwise a comment says so.
"""

from __future__ import annotations

import ctypes
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from test_native_batches import KERNELS, floats, graph, kernels, of_node, whole

from pyemu.runtime import Emulator

NAN, INF = np.float32(np.nan), np.float32(np.inf)
TINY, LEAST, LARGEST = np.finfo(np.float32).tiny, np.float32(1e-45), np.finfo(np.float32).max
BELOW = np.nextafter(TINY, np.float32(0))  # the largest denormal
POSITIVE = [
    0,
    LEAST,
    3 * LEAST,
    5e-41,
    BELOW,
    TINY,
    2e-38,
    1e-20,
    1e-8,
    1e-3,
    0.25,
    0.5,
    1,
    1.5,
    2,
    2.5,
    3,
    7,
    10,
    17,
    20,
]
POSITIVE += [40, 87, 88.7, 89, 100, 103, 105, 1e4, 2.0**23 + 1, 2.0**31, 1e10, 1e19, 3e38, LARGEST, INF]
SPECIAL = np.array([*POSITIVE, *(-np.array(POSITIVE, np.float32)), NAN], np.float32)
COLUMNS = (1, 5, 64)
REALS = pytest.mark.parametrize("precision", ["real32", "real64"])

Function = Callable[[np.ndarray], np.ndarray]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def run(model: bytes, x: np.ndarray, precision: str = "real32", dtype: Any = None, **options: Any) -> np.ndarray:
    with Emulator.from_bytes(
        model, raw=True, engine="native", check_finite=False, precision=precision, **options
    ) as emulator:
        y = next(variable for variable in emulator.variables if not variable.is_input)
        found = np.full((len(x), *y.shape), 77, dtype or np.float32)
        emulator.bind("x", x)
        emulator.bind("y", found)
        emulator.run()
    return found


def spread(values: np.ndarray, columns: int, width: int) -> np.ndarray:
    """Every value in another column and place: (columns, width)."""
    return values[np.add.outer(7 * np.arange(columns), np.arange(width)) % len(values)]


def by_definition(model: bytes, x: np.ndarray) -> np.ndarray:
    """The output by ONNX's reference evaluator, in float64."""
    wide = onnx.load_model_from_string(model)
    for value in (*wide.graph.input, *wide.graph.output):
        value.type.tensor_type.elem_type = TensorProto.DOUBLE
    for tensor in wide.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            array = onnx.numpy_helper.to_array(tensor).astype(np.float64)
            tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
    del wide.graph.value_info[:]
    return np.asarray(ReferenceEvaluator(wide).run(None, {"x": x.astype(np.float64)})[0])


def compare(found: np.ndarray, exact: np.ndarray, ulps: float = 4, atol: float = 0.0, zeros: bool = True) -> None:
    """NaN, infinity and (with ``zeros``) the sign of zero as expected; other numbers within ``ulps``, denormals too."""
    with np.errstate(all="ignore"):
        expected = exact.astype(found.dtype)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected), "NaN")
    # What rounds to infinity, or does not, within the tolerance may do so.
    edge = np.abs(exact) >= (1 - 1e-6) * np.finfo(found.dtype).max
    infinite = np.isinf(expected) & (np.isinf(exact) | ~edge)
    np.testing.assert_array_equal(found[infinite], expected[infinite], "infinity")
    rest = ~infinite & ~np.isnan(expected) & ~np.isinf(found) & ~np.isinf(expected)
    assert (np.abs(exact)[np.isinf(found)] >= (1 - 1e-6) * np.finfo(found.dtype).max).all()
    limits = np.finfo(found.dtype)
    allowed = ulps * np.maximum(limits.eps * np.abs(expected[rest]), limits.smallest_subnormal) + atol
    difference = np.abs(found[rest].astype(np.float64) - expected[rest].astype(np.float64))
    assert (difference <= allowed).all(), (found[rest][difference > allowed], expected[rest][difference > allowed])
    if zeros:
        zero = rest & (exact == 0)
        np.testing.assert_array_equal(np.signbit(found[zero]), np.signbit(exact[zero]), "sign of zero")


def check(
    model: bytes,
    expected: Function | None,
    values: np.ndarray = SPECIAL,
    shape: Sequence[int] | None = None,
    **how: Any,
) -> None:
    """In tiles of one, of a few and of many columns, with all kernels, and in both precisions."""
    shape = shape or (len(values),)
    for columns in COLUMNS:
        x = spread(values, columns, int(np.prod(shape))).reshape(columns, *shape)
        exact = by_definition(model, x) if expected is None else expected(x.astype(np.float64))
        for kind in KERNELS:
            with kernels(kind):
                compare(run(model, x), exact, **how)
        compare(run(model, x, "real64", np.float64), exact, **how)


def of_torch(function: Callable[[torch.Tensor], torch.Tensor]) -> Function:
    return lambda x: function(torch.from_numpy(x)).numpy()


# --- Elements ---


def celu(x: np.ndarray) -> np.ndarray:
    alpha = np.float64(np.float32(0.7))
    return np.maximum(0, x) + np.minimum(0, alpha * np.expm1(x / alpha))


def elu(x: np.ndarray, alpha: float = 1.0, gamma: float = 1.0) -> np.ndarray:
    return np.where(x < 0, gamma * alpha * np.expm1(x), gamma * x)


def hard_sigmoid(x: np.ndarray, alpha: float, beta: float) -> np.ndarray:
    return np.maximum(0, np.minimum(1, alpha * x + beta))


FIFTH, TENTH, HALF = (float(np.float32(number)) for number in (0.2, 0.1, 0.5))
SELU = (1.67326319217681884765625, 1.05070102214813232421875)
SIGMOID = of_torch(torch.sigmoid)
SOFTPLUS: Function = lambda x: np.logaddexp(0, x)  # noqa: E731
UNARY: dict[str, tuple[Function, dict[str, Any], dict[str, Any]]] = {
    "Neg": (np.negative, {}, {"ulps": 0}),
    "Abs": (np.abs, {}, {"ulps": 0}),
    "Reciprocal": (np.reciprocal, {}, {"ulps": 0}),
    "Sqrt": (np.sqrt, {}, {"ulps": 0}),
    "Floor": (np.floor, {}, {"ulps": 0}),
    "Ceil": (np.ceil, {}, {"ulps": 0}),
    "Round": (np.rint, {}, {"ulps": 0}),
    "Sign": (np.sign, {}, {"ulps": 0, "zeros": False}),
    "Relu": (of_torch(torch.relu), {}, {"ulps": 0, "zeros": False}),
    "Exp": (np.exp, {}, {}),
    "Log": (np.log, {}, {}),
    "Sigmoid": (SIGMOID, {}, {}),  # ONNX Runtime has zero below -88, where it is a denormal
    "Tanh": (np.tanh, {}, {}),
    "Softplus": (SOFTPLUS, {}, {}),
    "Erf": (of_torch(torch.erf), {}, {}),
    "Sin": (np.sin, {}, {}),
    "Cos": (np.cos, {}, {}),
    "Tan": (np.tan, {}, {}),
    "Asin": (np.arcsin, {}, {}),
    "Acos": (np.arccos, {}, {}),
    "Atan": (np.arctan, {}, {}),
    "Sinh": (np.sinh, {}, {}),
    "Cosh": (np.cosh, {}, {}),
    "Asinh": (np.arcsinh, {}, {}),
    "Acosh": (np.arccosh, {}, {}),
    "Atanh": (np.arctanh, {}, {}),
    "LeakyRelu": (lambda x: np.where(x < 0, TENTH * x, x), {"alpha": 0.1}, {}),
    # exp(x) - 1, as it is defined, and as ONNX Runtime has it: less than half a unit below one is zero.
    "Elu": (elu, {}, {"atol": 1.2e-7, "zeros": False}),
    "Selu": (lambda x: elu(x, *SELU), {}, {"atol": 2.4e-7, "zeros": False}),
    "Celu": (celu, {"alpha": 0.7}, {"atol": 1.2e-7, "zeros": False}),
    "HardSigmoid": (lambda x: hard_sigmoid(x, FIFTH, HALF), {}, {"atol": 1e-7}),
    # Comparisons with NaN are false: ONNX defines zero, and ONNX Runtime has it.
    "ThresholdedRelu": (lambda x: np.where(x > 1, x, 0), {}, {"ulps": 0, "zeros": False}),
    "Shrink": (
        lambda x: np.where(x < -0.5, x + 0.25, np.where(x > 0.5, x - 0.25, 0)),
        {"lambd": 0.5, "bias": 0.25},
        {"ulps": 1, "zeros": False},
    ),
    # Products of x by definition, so that infinity times zero is not a number.
    "Gelu": (of_torch(lambda x: 0.5 * x * (1 + torch.erf(x / 2**0.5))), {}, {"atol": 3e-7, "zeros": False}),
    "Swish": (lambda x: x * SIGMOID(x), {}, {"ulps": 6, "atol": 2e-43}),
    "Mish": (lambda x: x * np.tanh(SOFTPLUS(x)), {}, {"ulps": 8, "atol": 2e-43}),
    "HardSwish": (lambda x: x * hard_sigmoid(x, 1 / 6, 0.5), {}, {"atol": 5e-7, "zeros": False}),
    "Softsign": (lambda x: x / (1 + np.abs(x)), {}, {}),
}


@pytest.mark.parametrize("operator", UNARY)
def test_functions_of_one_number(operator: str) -> None:
    expected, attributes, how = UNARY[operator]
    opset = {"Gelu": 20, "Swish": 24}.get(operator, 20)
    nodes = [helper.make_node(operator, ["x"], ["y"], **attributes)]
    model = graph(nodes, (len(SPECIAL),), {}, opset, y_shape=(len(SPECIAL),))
    check(model, expected, **how)


def test_a_number_that_is_none_is_told() -> None:
    nodes = [
        helper.make_node("IsNaN", ["x"], ["is_none"]),
        helper.make_node("Not", ["is_none"], ["is_one"]),
        helper.make_node("Cast", ["is_one"], ["y"], to=TensorProto.FLOAT),
    ]
    check(graph(nodes, (len(SPECIAL),), {}), lambda x: np.where(np.isnan(x), 0.0, 1.0), ulps=0)


def test_a_number_that_is_none_is_true() -> None:
    """Not zero, as C and NumPy have it."""
    nodes = [
        helper.make_node("Cast", ["x"], ["is_true"], to=TensorProto.BOOL),
        helper.make_node("Cast", ["is_true"], ["y"], to=TensorProto.FLOAT),
    ]
    check(graph(nodes, (len(SPECIAL),), {}), lambda x: (x != 0).astype(float), ulps=0)


SMALL = SPECIAL[::2].copy()
BINARY: dict[str, tuple[Callable[[np.ndarray, np.ndarray], np.ndarray], dict[str, Any]]] = {
    "Add": (np.add, {"ulps": 0}),
    "Sub": (np.subtract, {"ulps": 0}),
    "Mul": (np.multiply, {"ulps": 0}),
    "Div": (np.divide, {"ulps": 0}),
    "Pow": (np.power, {}),
    "Min": (np.minimum, {"ulps": 0, "zeros": False}),
    "Max": (np.maximum, {"ulps": 0, "zeros": False}),
    "Sum": (np.add, {"ulps": 0}),
    "Mean": (lambda a, b: a + b, {"ulps": 0}),
}


def pairs(operator: str, is_swapped: bool) -> bytes:
    """x (column, n, 1) beside a constant: all pairs. A mean is doubled, which is exact but where it overflows."""
    inputs = ["constant", "x"] if is_swapped else ["x", "constant"]
    nodes = [helper.make_node(operator, inputs, ["y"])]
    return graph(nodes, (len(SMALL), 1), {"constant": SMALL}, y_shape=(len(SMALL), len(SMALL)))


@pytest.mark.parametrize("is_swapped", [False, True])
@pytest.mark.parametrize("operator", BINARY)
def test_functions_of_two_numbers(operator: str, is_swapped: bool) -> None:
    function, how = BINARY[operator]
    constant = SMALL.astype(np.float64)

    def expected(x: np.ndarray) -> np.ndarray:
        # What float32 overflows in between, a mean of large numbers, does so by definition.
        found = function(constant, x) if is_swapped else function(x, constant)
        return found if operator != "Mean" else np.where(np.abs(found) > LARGEST, found * INF, found / 2)

    for columns in COLUMNS:
        x = spread(SMALL, columns, len(SMALL)).reshape(columns, len(SMALL), 1)
        for kind in KERNELS:
            with kernels(kind):
                compare(run(pairs(operator, is_swapped), x), expected(x.astype(np.float64)), **how)


def test_slopes_of_negative_numbers() -> None:
    n = len(SMALL)
    model = of_node("PRelu", (n, n), SMALL)
    for columns in COLUMNS:
        x = np.repeat(spread(SMALL, columns, n)[:, :, None], n, axis=2)
        for kind in KERNELS:
            with kernels(kind):
                compare(run(model, x), np.where(x < 0, x.astype(np.float64) * SMALL, x), ulps=0)


@pytest.mark.parametrize("exponent", [-2, -1, -0.5, 0, 0.5, 1, 2, 3, 4, 1 / 3, np.inf, -np.inf, np.nan])
def test_powers_that_are_known(exponent: float) -> None:
    """Some of them are planned as products or roots."""
    e = np.float32(exponent)
    model = of_node("Pow", (len(SPECIAL),), e)
    check(model, lambda x: np.power(x, np.full_like(x, e)))


@pytest.mark.parametrize("operator", ["Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"])
def test_comparisons(operator: str) -> None:
    function = {"Less": np.less, "LessOrEqual": np.less_equal, "Greater": np.greater, "Equal": np.equal}
    compared = function.get(operator, np.greater_equal)
    nodes = [
        helper.make_node(operator, ["x", "constant"], ["a"]),
        helper.make_node("Cast", ["a"], ["y"], to=TensorProto.FLOAT),
    ]
    model = graph(nodes, (len(SMALL), 1), {"constant": SMALL}, y_shape=(len(SMALL), len(SMALL)))
    check(model, lambda x: compared(x, SMALL.astype(float)).astype(float), SMALL, (len(SMALL), 1), ulps=0)


@pytest.mark.parametrize(
    "bounds", [(-1.0, 2.0), (-np.inf, 0.0), (LEAST, np.inf), (1.0, -1.0), (None, 3.0), (0.5, None)]
)
def test_clip(bounds: tuple[float | None, float | None]) -> None:
    """A number that is none stays so, in ONNX's definition by Min and Max; ONNX Runtime agrees."""
    low, high = (None if bound is None else np.float32(bound) for bound in bounds)
    model = of_node("Clip", (len(SPECIAL),), low, high)

    def expected(x: np.ndarray) -> np.ndarray:
        above = x if low is None else np.maximum(x, np.float64(low))
        return above if high is None else np.minimum(above, np.float64(high))

    check(model, expected, ulps=0, zeros=False)


def test_where_takes_nothing_from_the_other_branch() -> None:
    nodes = [
        helper.make_node("Greater", ["x", "zero"], ["is_positive"]),
        helper.make_node("Log", ["x"], ["log"]),
        helper.make_node("Where", ["is_positive", "log", "none"], ["a"]),
        helper.make_node("IsNaN", ["a"], ["is_none"]),
        helper.make_node("Where", ["is_none", "seven", "a"], ["y"]),
    ]
    model = graph(nodes, (len(SPECIAL),), {"zero": np.float32(0), "none": NAN, "seven": np.float32(7)})
    check(model, lambda x: np.where(x > 0, np.log(x), 7.0))


# --- Along axes ---

PLAIN = np.array([0.5, -2, 3, 1e-3, -0.25, 8, 1, -1], np.float32)
WIDTH = 6


def rows_with(*specials: float, width: int = WIDTH) -> np.ndarray:
    """Rows of plain numbers, some with one special number at every place, some with two of them: all finite ones too."""
    rows = [PLAIN[:width].copy()]
    for special in specials:
        for place in range(width):
            rows.append(PLAIN[:width].copy())
            rows[-1][place] = special
        for other in specials:
            rows.append(PLAIN[:width].copy())
            rows[-1][[1, width - 1]] = special, other
    return np.array(rows, np.float32)


ENDS = rows_with(np.nan, np.inf, -np.inf, LEAST, -LEAST, 0.0, -0.0)
REDUCTIONS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    # Max of ONNX, step by step; ONNX Runtime loses a NaN that is not the first number.
    "ReduceMax": (np.max, {"ulps": 0, "zeros": False}),
    "ReduceMin": (np.min, {"ulps": 0, "zeros": False}),
    "ReduceSum": (np.sum, {"atol": 1e-6, "zeros": False}),
    "ReduceMean": (np.mean, {"atol": 1e-6, "zeros": False}),
    "ReduceProd": (np.prod, {"zeros": False}),
    "ReduceL1": (lambda x, axis: np.abs(x).sum(axis), {"atol": 1e-6}),
    "ReduceL2": (lambda x, axis: np.sqrt((x * x).sum(axis)), {"atol": 1e-6}),
    "ReduceSumSquare": (lambda x, axis: (x * x).sum(axis), {"atol": 1e-5}),
    "ReduceLogSum": (lambda x, axis: np.log(x.sum(axis)), {"atol": 1e-5}),
}


def in_rows(operator: str, rows: np.ndarray, **attributes: Any) -> bytes:
    """A reduction of every row of (column, row, element)."""
    axes = whole(2)
    inputs, constants = ["x", "axes"], {"axes": axes}
    nodes = [helper.make_node(operator, inputs, ["y"], keepdims=0, **attributes)]
    return graph(nodes, rows.shape, constants, y_shape=rows.shape[:1])


def check_rows(model: bytes, rows: np.ndarray, expected: Function | None, **how: Any) -> None:
    for columns in COLUMNS:
        x = np.stack([np.roll(rows, 3 * column, axis=0) for column in range(columns)])
        exact = by_definition(model, x) if expected is None else expected(x.astype(np.float64))
        for kind in KERNELS:
            with kernels(kind):
                compare(run(model, x), exact, **how)


@pytest.mark.parametrize("operator", REDUCTIONS)
def test_reductions(operator: str) -> None:
    function, how = REDUCTIONS[operator]
    rows = ENDS if operator != "ReduceProd" else rows_with(np.nan, np.inf, -np.inf, 0.0)  # in float32 LEAST / 2 is zero
    check_rows(in_rows(operator, rows), rows, lambda x: function(x, 2), **how)


SOFTMAX: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "Softmax": lambda x: torch.softmax(x, 2),
    "LogSoftmax": lambda x: torch.log_softmax(x, 2),
}


@pytest.mark.parametrize("operator", SOFTMAX)
def test_softmax(operator: str) -> None:
    """Infinity less infinity is no number, so a row that holds +infinity is none; a share of -infinity is zero."""
    rows = np.concatenate([rows_with(np.nan, np.inf, -np.inf, 1e4, -1e4, LARGEST, LEAST), np.full((2, WIDTH), -np.inf)])
    rows = rows.astype(np.float32)
    model = graph([helper.make_node(operator, ["x"], ["y"], axis=2)], rows.shape, {}, y_shape=rows.shape)
    check_rows(model, rows, of_torch(SOFTMAX[operator]), ulps=8, atol=2e-7, zeros=False)


NORMALISED: dict[str, tuple[list[np.ndarray], dict[str, Any], Callable[[torch.Tensor], torch.Tensor]]] = {
    "LayerNormalization": (
        [np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)],
        {},
        lambda x: torch.nn.functional.layer_norm(x, (WIDTH,), eps=float(np.float32(1e-5))),
    ),
    "InstanceNormalization": (
        [np.ones(ENDS.shape[0], np.float32), np.zeros(ENDS.shape[0], np.float32)],
        {},
        lambda x: torch.nn.functional.layer_norm(x, (WIDTH,), eps=float(np.float32(1e-5))),
    ),
    "BatchNormalization": (
        [np.full(ENDS.shape[0], number, np.float32) for number in (2, 1, 0, 4)],
        {"epsilon": 0.0},
        lambda x: x + 1,
    ),
}


@pytest.mark.parametrize("operator", NORMALISED)
def test_normalisations(operator: str) -> None:
    """A number that is none, or infinite, spoils its row and no other."""
    constants, attributes, expected = NORMALISED[operator]
    model = of_node(operator, ENDS.shape, *constants, **attributes)
    check_rows(model, ENDS, of_torch(expected), atol=2e-6, zeros=False)


# --- Windows ---


def test_max_pool_keeps_what_is_no_number() -> None:
    """As torch does, and Max of ONNX; ONNX Runtime's MaxPool leaves NaN out, and finds -3.4e38 where there is nothing else."""
    rows = rows_with(np.nan, np.inf, -np.inf, LEAST, width=8)
    model = of_node("MaxPool", rows.shape, kernel_shape=[3], strides=[2], pads=[1, 1])
    check_rows(model, rows, of_torch(lambda x: torch.nn.functional.max_pool1d(x, 3, 2, 1)), ulps=0)


def test_a_window_of_infinities() -> None:
    """What is padded is less than all numbers, -infinity included."""
    rows = np.full((2, 4), -np.inf, np.float32)
    model = of_node("MaxPool", rows.shape, kernel_shape=[3], pads=[1, 1])
    check_rows(model, rows, of_torch(lambda x: torch.nn.functional.max_pool1d(x, 3, 1, 1)), ulps=0)


@pytest.mark.parametrize("count_include_pad", [0, 1])
def test_average_pool(count_include_pad: int) -> None:
    rows = rows_with(np.nan, np.inf, -np.inf, LEAST, width=8)
    model = of_node(
        "AveragePool", rows.shape, kernel_shape=[3], strides=[2], pads=[1, 1], count_include_pad=count_include_pad
    )
    expected = of_torch(lambda x: torch.nn.functional.avg_pool1d(x, 3, 2, 1, False, bool(count_include_pad)))
    check_rows(model, rows, expected, atol=1e-6)


@pytest.mark.parametrize("operator", ["GlobalMaxPool", "GlobalAveragePool"])
def test_global_pools(operator: str) -> None:
    reduce = np.max if operator == "GlobalMaxPool" else np.mean
    check_rows(of_node(operator, ENDS.shape), ENDS, lambda x: reduce(x, axis=2, keepdims=True), atol=1e-6, zeros=False)


# --- Products ---


def weights() -> np.ndarray:
    """Zeros of both signs, ones and plain numbers, (inputs, outputs); columns of the first kind alone, too."""
    w = floats(WIDTH, 19)
    w[:, :3] = 0
    w[:, 3] = -0.0
    w[::2, 4:9] = 0
    w[:, 9] = 1
    return w


def product(x: np.ndarray) -> np.ndarray:
    return (x[..., :, None] * weights().astype(np.float64)).sum(-2)


@pytest.mark.parametrize("operator", ["Gemm", "MatMul"])
def test_zero_times_infinity(operator: str) -> None:
    """No number, however small the weight; and the infinity of one column is not in another."""
    rows = rows_with(np.nan, np.inf, -np.inf)
    model = of_node(operator, (WIDTH,), weights())
    for columns in COLUMNS:
        for first in range(0, len(rows), columns):
            x = rows[first : first + columns]
            for kind in KERNELS:
                with kernels(kind):
                    compare(run(model, x), product(x.astype(np.float64)), atol=1e-5, zeros=False)


def test_relu_behind_a_product() -> None:
    """Which is planned as one step."""
    nodes = [helper.make_node("MatMul", ["x", "w"], ["a"]), helper.make_node("Relu", ["a"], ["y"])]
    model = graph(nodes, (WIDTH,), {"w": weights()})
    rows = rows_with(np.nan, np.inf, -np.inf)
    for kind in KERNELS:
        with kernels(kind):
            for x in (rows, rows[:1], rows[5:9]):
                compare(run(model, x), of_torch(torch.relu)(product(x.astype(float))), atol=1e-5, zeros=False)


def test_convolution() -> None:
    """What is no number reaches the windows it is in, and no others."""
    rows = rows_with(np.nan, np.inf, -np.inf, width=8)[:, None]
    w = floats(5, 1, 3)
    w[0] = 0
    model = of_node("Conv", (1, 8), w, pads=[1, 1])
    expected = of_torch(lambda x: torch.nn.functional.conv1d(x, torch.from_numpy(w).double(), padding=1))
    for kind in KERNELS:
        with kernels(kind):
            for x in (rows, rows[:1], rows[:3]):
                compare(run(model, x), expected(x.astype(np.float64)), atol=1e-5, zeros=False)


@pytest.mark.parametrize("layer", [torch.nn.RNN, torch.nn.GRU, torch.nn.LSTM])
def test_recurrent_layers_forget_no_spoiled_state(layer: Any, tmp_path: Any) -> None:
    """Steps before it are sound; infinity saturates a gate, unless a product makes it no number."""
    from test_native_batches import exported
    from test_native_precision import First

    torch.manual_seed(2)
    module = First(layer(4, 6, batch_first=True))
    model = exported(module, (7, 4), tmp_path)
    x = np.random.default_rng(4).standard_normal((40, 7, 4)).astype(np.float32)
    for column, special in enumerate((np.nan, np.inf, -np.inf, 1e30, -1e30, LARGEST)):
        x[3 * column, column % 7, 1] = special
    with torch.no_grad():
        expected = module.double()(torch.from_numpy(x).double()).numpy()
    for kind in KERNELS:
        with kernels(kind):
            compare(run(model, x), expected, atol=2e-6, zeros=False)
            compare(run(model, x[3:5].copy()), expected[3:5], atol=2e-6, zeros=False)


# --- Numbers below the normal ones, whatever the host has set ---


@contextmanager
def flushing() -> Iterator[None]:
    """As a host compiled with -ffast-math starts: results and operands below the normal numbers are zero."""
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor does not flush")
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


UPWARD = 0x800  # FE_UPWARD on x86


@contextmanager
def rounding_up() -> Iterator[None]:
    library = ctypes.CDLL("libm.so.6")
    library.fesetround(UPWARD)
    try:
        yield
    finally:
        library.fesetround(0)


def chain() -> bytes:
    """Constants that are folded at open, a product, a sum, an exponential; all below the normal numbers on the way."""
    nodes = [
        helper.make_node("Mul", ["small", "smaller"], ["folded"]),
        helper.make_node("Mul", ["x", "small"], ["a"]),
        helper.make_node("MatMul", ["a", "w"], ["b"]),
        helper.make_node("Add", ["b", "folded"], ["c"]),
        helper.make_node("Exp", ["minus"], ["d"]),
        helper.make_node("Add", ["c", "d"], ["e"]),
        helper.make_node("Mul", ["e", "large"], ["y"]),
    ]
    constants = {"small": np.float32(3e-20), "smaller": np.float32(7e-22), "minus": np.float32(-95)}
    return graph(nodes, (5,), constants | {"w": floats(5, 5), "large": np.float32(3e25)})


def overlapping(model: bytes, x: np.ndarray, dtype: Any) -> np.ndarray:
    """Run with the output over the input, which goes by way of tensors."""
    memory = np.zeros((len(x) + 1, 5), dtype)
    memory[:-1] = x
    with Emulator.from_bytes(model, raw=True, engine="native") as emulator:
        emulator.bind("x", memory[:-1])
        emulator.bind("y", memory[1:])
        emulator.run()
    return memory[1:].copy()


X86 = pytest.mark.skipif(not {"avx2", "avx512"} & set(KERNELS), reason="the modes are those of x86-64")


@X86
@REALS
@pytest.mark.parametrize("mode", [flushing, rounding_up])
@pytest.mark.parametrize("columns", [1, 5, 200])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_mode_of_the_host_changes_nothing(mode: Any, columns: int, dtype: Any, precision: str) -> None:
    """At open, where constants are folded, in run, in its threads, and on the way to and from the host's arrays."""
    model = chain()
    x = (1e-20 * np.random.default_rng(2).standard_normal((columns, 5))).astype(dtype)
    expected = run(model, x, precision, dtype)
    around = overlapping(model, x, dtype)
    assert 0 < np.abs(expected).max() < 1
    if columns > 1:
        assert len(np.unique(expected)) > columns
    for threads in (1, 3):
        with mode():
            found = run(model, x, precision, dtype, threads=threads)
            again = overlapping(model, x, dtype)
        assert found.tobytes() == expected.tobytes()
        assert again.tobytes() == around.tobytes()


@X86
@REALS
def test_outputs_below_the_normal_numbers_arrive(precision: str) -> None:
    model = of_node("Mul", (3,), np.float32(1e-20))
    x = np.array([[1e-20, -3e-25, 7e-19]], np.float32)
    exact = (x.astype(float) * float(np.float32(1e-20))).astype(np.float32)
    assert (np.abs(exact) < TINY).all()
    assert (exact != 0).all()
    with flushing():
        found = run(model, x, precision)
    assert found.tobytes() == exact.tobytes()
