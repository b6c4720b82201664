"""Operators of random networks: each is put behind a value with random shapes, weights and attributes.

``OPERATORS`` has all operators that the engine ``native`` knows. Its functions take the network and a real value, and return
the value behind the operator, of the same type, which nodes before and behind may help to fit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from onnx import numpy_helper
from random_nets import MOST_ELEMENTS, OLDEST, OPSETS, TYPES, Net, Value, is_available

Make = Callable[[Net, Value], Value]
OPERATORS: dict[str, Make] = {}


def operator(*names: str) -> Callable[[Callable[..., Value]], Callable[..., Value]]:
    """Register a function under the names of operators; with several it takes the name as third argument."""

    def register(function: Callable[..., Value]) -> Callable[..., Value]:
        for name in names:
            OPERATORS[name] = function if len(names) == 1 else (lambda net, x, n=name: function(net, x, n))
        return function

    return register


# --- Shapes ---


def reshape(net: Net, x: Value, shape: Sequence[int]) -> Value:
    """The same elements in another shape, written in one of ONNX's ways."""
    shape = tuple(shape)
    if shape == x.shape:
        return x
    sizes = [0, *shape] if net.chance(0.5) else [-1, *shape]
    if sizes[0] == 0 and net.chance(0.3) and shape:
        sizes[net.integer(1, len(shape))] = -1
    return net.node("Reshape", [x, net.whole(*sizes)], shape)


def flat(net: Net, x: Value) -> Value:
    """All elements of a column in one dimension."""
    return reshape(net, x, (x.size,))


def resized(net: Net, x: Value, size: int) -> Value:
    """So many elements: weighted sums of all, a part of them, or some twice."""
    x = flat(net, x)
    if x.size == size:
        return x
    if net.chance(0.5):
        weights = net.numbers(x.size, size, scale=1 / math.sqrt(x.size))
        return net.node("MatMul", [x, weights], (size,), work=x.size * size)
    places = net.constant(net.rng.integers(0, x.size, size))
    return net.node("Gather", [x, places], (size,), axis=1)


def shaped(net: Net, x: Value, shape: Sequence[int]) -> Value:
    """A shape of any size."""
    return reshape(net, resized(net, x, math.prod(shape)), shape)


def of_rank(net: Net, x: Value, low: int, high: int) -> Value:
    """A value of so many dimensions."""
    if low <= len(x.shape) <= high:
        return x
    rank = net.integer(low, high)
    return shaped(net, x, [net.integer(2, {1: 40, 2: 9, 3: 6}.get(rank, 3)) for _ in range(rank)])


def field(net: Net, x: Value, dims: int | None = None) -> Value:
    """Channels and one to three dimensions of space."""
    if dims is None and 2 <= len(x.shape) <= 4 and min(x.shape[1:]) >= 2:
        return x
    dims = net.pick((1, 1, 2, 2, 2, 3)) if dims is None else dims
    if len(x.shape) == dims + 1 and min(x.shape[1:]) >= 2:
        return x
    high = {1: 24, 2: 8, 3: 4}[dims]
    return shaped(net, x, [net.pick((1, 2, 3, 4)), *(net.integer(3, high) for _ in range(dims))])


def smaller(net: Net, x: Value, most: int) -> Value:
    """A part of a value that is too large."""
    return x if x.size <= most else resized(net, x, net.integer(most // 2, most))


def transposed(net: Net, x: Value, *order: int) -> Value:
    """Other order of all dimensions, the columns' included, of which the shape then says nothing."""
    sizes = (-1, *x.shape)
    shape = [sizes[i] for i in order]
    return net.node("Transpose", [x], shape[1:] if shape[0] == -1 else shape, perm=list(order))


def axis_of(net: Net, x: Value) -> int:
    """One of a column's dimensions as ONNX counts them, from either end."""
    axis = net.integer(1, len(x.shape))
    return axis if net.chance(0.5) else axis - len(x.shape) - 1


def replaced(x: Value, axis: int, size: int) -> list[int]:
    """The shape with another size along an axis as ONNX counts it."""
    shape = [0, *x.shape]
    shape[axis] = size
    return shape[1:]


def given(net: Net, name: str, numbers: Sequence[int], since: int) -> tuple[list[str], dict[str, Any]]:
    """Whole numbers as an input, or as an attribute before an opset."""
    return ([net.whole(*numbers)], {}) if net.opset >= since else ([], {name: list(numbers)})


# --- Types and ranges ---


def cast(net: Net, x: Value, dtype: str) -> Value:
    """Another type."""
    return x if x.dtype == dtype else net.node("Cast", [x], x.shape, to=TYPES[dtype], dtype=dtype)


def single(make: Callable[[Net, Value], Value]) -> Callable[[Net, Value], Value]:
    """In float32, whatever the network has."""
    return lambda net, x: cast(net, make(net, cast(net, x, "float32")), x.dtype)


def positive(net: Net, x: Value) -> Value:
    """Numbers of 0.1 and more."""
    return net.node("Add", [net.node("Abs", [x], x.shape), net.number(0.1, x.dtype)], x.shape)


def small(net: Net, x: Value) -> Value:
    """Numbers between -1 and 1."""
    return net.node(net.pick(("Tanh", "Softsign", "Sin")), [x], x.shape)


def above_one(net: Net, x: Value) -> Value:
    """Numbers of one and more."""
    return net.node("Add", [net.node("Abs", [x], x.shape), net.number(1, x.dtype)], x.shape)


def operand(net: Net, x: Value, dtype: str | None = None) -> Value | str:
    """What can be combined with a value: an earlier one, or constants that are repeated along some dimensions."""
    dtype = dtype or x.dtype
    found = [v for v in net.values if v.shape == x.shape and v.dtype == dtype]
    if found and net.chance(0.4):
        return net.pick(found)  # type: ignore[no-any-return]
    shape = [1 if net.chance(0.3) else size for size in x.shape]
    return net.numbers(*shape[net.integer(0, len(shape)) :], dtype=dtype)


def number_of(net: Net, condition: Value, x: Value) -> Value:
    """A real value of a logical one: 0 and 1, or a choice between others."""
    if net.opset >= 9 and net.chance(0.5):
        other = operand(net, x)
        pair = [x, other] if net.chance(0.5) else [other, x]
        return net.node("Where", [condition, *pair], x.shape, dtype=x.dtype)
    return cast(net, condition, x.dtype)


# --- Functions of one element ---

SIMPLE = """
    Neg Abs Floor Ceil Round Sign Relu Sigmoid Tanh Softplus Erf Sin Cos Atan Asinh Softsign Identity HardSwish Mish
"""


@operator(*SIMPLE.split())
def unary(net: Net, x: Value, name: str) -> Value:
    return net.node(name, [x], x.shape)


@operator("Exp", "Sinh", "Cosh", "Tan", "Asin", "Acos", "Atanh", "Sqrt", "Log", "Reciprocal", "Acosh")
def limited(net: Net, x: Value, name: str) -> Value:
    """Functions that are not defined everywhere, or soon infinite, mostly where they are ordinary."""
    tame = {"Sqrt": positive, "Log": positive, "Reciprocal": positive, "Acosh": above_one}.get(name, small)
    return net.node(name, [tame(net, x) if net.chance(0.8) else x], x.shape)


ATTRIBUTES = {
    "LeakyRelu": {"alpha": (0.01, 0.3)},
    "Elu": {"alpha": (0.5, 2)},
    "Selu": {"alpha": (1.2, 1.9), "gamma": (0.9, 1.2)},
    "HardSigmoid": {"alpha": (0.1, 0.4), "beta": (0.3, 0.7)},
    "ThresholdedRelu": {"alpha": (-0.5, 1)},
    "Shrink": {"lambd": (0.1, 1), "bias": (-0.5, 0.5)},
    "Swish": {"alpha": (0.5, 2)},
}


@operator(*ATTRIBUTES)
def with_attributes(net: Net, x: Value, name: str) -> Value:
    drawn = {key: float(net.rng.uniform(*ends)) for key, ends in ATTRIBUTES[name].items() if net.chance(0.7)}
    return net.node(name, [x], x.shape, **drawn)


@operator("Celu")
def celu(net: Net, x: Value) -> Value:
    alpha = float(net.rng.uniform(0.3, 2))
    return single(lambda net, x: net.node("Celu", [x], x.shape, alpha=alpha))(net, x)


@operator("Gelu")
def gelu(net: Net, x: Value) -> Value:
    return net.node("Gelu", [x], x.shape, approximate=net.pick(("none", "tanh")))


@operator("PRelu")
def parametric_relu(net: Net, x: Value) -> Value:
    shape = [1 if net.chance(0.3) else size for size in x.shape]
    return net.node("PRelu", [x, net.numbers(*shape, dtype=x.dtype)], x.shape)


@operator("Dropout")
def dropout(net: Net, x: Value) -> Value:
    if net.opset < 12:
        return net.node("Dropout", [x], x.shape, ratio=0.3)
    more = [net.number(0.3, "float32"), net.constant(np.array(False))][: net.integer(0, 2)]
    return net.node("Dropout", [x, *more], x.shape)


@operator("Clip")
def clip(net: Net, x: Value) -> Value:
    low, high = -float(net.rng.uniform(0.1, 2)), float(net.rng.uniform(0.1, 2))
    if net.opset < 11:
        return net.node("Clip", [x], x.shape, min=low, max=high)
    ends = [net.number(low, x.dtype), net.number(high, x.dtype)]
    return net.node("Clip", [x, *net.pick(([], ends[:1], ["", ends[1]], ends))], x.shape)


@operator("Cast")
def through_cast(net: Net, x: Value) -> Value:
    """To another type and back: truth is whether a number is not zero."""
    other = net.pick(("bool", "float64" if x.dtype == "float32" else "float32"))
    return cast(net, cast(net, x, other), x.dtype)


@operator("CastLike")
def cast_like(net: Net, x: Value) -> Value:
    other = "float64" if x.dtype == "float32" else "float32"
    made = net.node("CastLike", [x, net.number(1, other)], x.shape, dtype=other)
    return cast(net, net.node("Sin", [made], x.shape), x.dtype)


# --- Functions of several elements ---


@operator("Add", "Sub", "Mul", "Div")
def binary(net: Net, x: Value, name: str) -> Value:
    other = operand(net, x)
    pair = [other, x] if net.chance(0.3) else [x, other]
    return net.node(name, pair, x.shape, dtype=x.dtype)


@operator("Pow")
def power(net: Net, x: Value) -> Value:
    base = positive(net, x) if net.chance(0.8) else x
    if net.chance(0.5):
        exponent: Value | str = net.number(net.pick((2, 3, 0.5, -1, 1, 1.7, -0.25)), x.dtype)
    else:
        exponent = operand(net, x)
    return net.node("Pow", [base, exponent], x.shape)


@operator("Mod")
def modulo(net: Net, x: Value) -> Value:
    return single(lambda net, x: net.node("Mod", [x, operand(net, x)], x.shape, fmod=1))(net, x)


@operator("Min", "Max", "Sum", "Mean")
def many(net: Net, x: Value, name: str) -> Value:
    others = [operand(net, x) for _ in range(net.integer(0, 3))]
    return net.node(name, [x, *others], x.shape)


COMPARISONS = ("Less", "Greater", "LessOrEqual", "GreaterOrEqual", "Equal")


def compare(net: Net, x: Value, name: str | None = None) -> Value:
    """A logical value."""
    name = name or net.pick([n for n in ("Less", "Greater") if is_available(n, net.opset)])
    if name == "Equal" and net.chance(0.8):
        x = net.node("Floor", [x], x.shape)
        return net.node(name, [x, net.number(net.integer(-1, 1), x.dtype)], x.shape, dtype="bool")
    return net.node(name, [x, operand(net, x)], x.shape, dtype="bool")


@operator(*COMPARISONS)
def comparison(net: Net, x: Value, name: str) -> Value:
    if name in ("Equal", "LessOrEqual", "GreaterOrEqual") and net.opset < 16:
        return single(lambda net, x: number_of(net, compare(net, x, name), x))(net, x)
    return number_of(net, compare(net, x, name), x)


@operator("And", "Or", "Xor")
def logical(net: Net, x: Value, name: str) -> Value:
    made = net.node(name, [compare(net, x), compare(net, x)], x.shape)
    return number_of(net, made, x)


@operator("Not")
def negation(net: Net, x: Value) -> Value:
    return number_of(net, net.node("Not", [compare(net, x)], x.shape), x)


@operator("IsNaN")
def is_nan(net: Net, x: Value) -> Value:
    found = net.node("IsNaN", [net.node("Log", [x], x.shape)], x.shape, dtype="bool")
    return number_of(net, found, x)


@operator("Where")
def where(net: Net, x: Value) -> Value:
    return net.node("Where", [compare(net, x), x, operand(net, x)], x.shape, dtype=x.dtype)


# --- Shapes ---


@operator("Reshape")
def other_shape(net: Net, x: Value) -> Value:
    """Other dimensions; or columns and a dimension as one, an operator, and back."""
    x = of_rank(net, x, 2, 4)
    if net.chance(0.5):
        first = net.pick([n for n in range(1, x.size + 1) if x.size % n == 0])
        shape = (first, x.size // first)
        return reshape(net, x, (1, *shape) if x.shape == shape else shape)
    joined = net.node("Reshape", [x, net.whole(-1, x.shape[-1])], x.shape)
    weights = net.numbers(x.shape[-1], 5, scale=0.5)
    made = net.node("MatMul", [joined, weights], [*x.shape[:-1], 5], work=5 * x.size)
    return net.node("Reshape", [made, net.whole(-1, *x.shape[:-1], 5)], made.shape)


@operator("Flatten")
def flatten(net: Net, x: Value) -> Value:
    x = of_rank(net, x, 1, 4)
    if len(x.shape) == 1 or net.chance(0.6):
        return net.node("Flatten", [x], (x.size,), axis=1)
    axis = net.integer(2, len(x.shape))
    joined = net.node("Flatten", [x], x.shape, axis=axis)
    made = net.node("Softmax" if net.opset >= 13 else "Relu", [joined], x.shape)
    return net.node("Reshape", [made, net.whole(-1, *x.shape)], x.shape)


@operator("Transpose")
def transpose(net: Net, x: Value) -> Value:
    """Columns first, or behind others for the time of an operator."""
    x = of_rank(net, x, 2, 4)
    axes = [int(i) + 1 for i in net.rng.permutation(len(x.shape))]
    if net.chance(0.6):
        return transposed(net, x, 0, *axes)
    at = net.integer(1, len(axes))
    order = [*axes[:at], 0, *axes[at:]]
    moved = net.node("Transpose", [x], x.shape, perm=order)
    made = net.node(net.pick(("Tanh", "Neg", "Relu", "Identity")), [moved], x.shape)
    return net.node("Transpose", [made], x.shape, perm=[order.index(i) for i in range(len(order))])


@operator("Squeeze")
def squeeze(net: Net, x: Value) -> Value:
    x = of_rank(net, x, 1, 3)
    place = net.integer(0, len(x.shape))
    one = reshape(net, x, [*x.shape[:place], 1, *x.shape[place:]])
    inputs, attributes = given(net, "axes", [place + 1], 13)
    return net.node("Squeeze", [one, *inputs], x.shape, **attributes)


@operator("Unsqueeze")
def unsqueeze(net: Net, x: Value) -> Value:
    x = of_rank(net, x, 1, 3)
    place = net.integer(0, len(x.shape))
    inputs, attributes = given(net, "axes", [place + 1], 13)
    return net.node("Unsqueeze", [x, *inputs], [*x.shape[:place], 1, *x.shape[place:]], **attributes)


@operator("Expand")
def expand(net: Net, x: Value) -> Value:
    x = smaller(net, of_rank(net, x, 1, 3), MOST_ELEMENTS // 4)
    place, times = net.integer(0, len(x.shape)), net.integer(2, 4)
    one = reshape(net, x, [*x.shape[:place], 1, *x.shape[place:]])
    sizes = [1, *(size if net.chance(0.5) else 1 for size in one.shape)]
    sizes[place + 1] = times
    return net.node("Expand", [one, net.whole(*sizes)], [*x.shape[:place], times, *x.shape[place:]])


@operator("Slice")
def part(net: Net, x: Value) -> Value:
    x = of_rank(net, x, 1, 4)
    axis = axis_of(net, x)
    size = ([0, *x.shape])[axis]
    start, step = net.integer(0, size - 1), net.pick((1, 1, 2, 3, -1, -2)) if net.opset >= 10 else 1
    end = (
        net.integer(start + 1, size + 2) if step > 0 else net.pick((-(2**40), start - size - 1 - net.integer(0, start)))
    )
    if net.chance(0.2) and step > 0:
        end = 2**63 - 1
    count = len(range(size)[start:end:step])
    if count == 0:
        return part(net, x)
    if net.opset < 10:
        return net.node("Slice", [x], replaced(x, axis, count), starts=[start], ends=[end], axes=[axis])
    inputs = [net.whole(start), net.whole(end), net.whole(axis), *([net.whole(step)] if step != 1 else [])]
    return net.node("Slice", [x, *inputs], replaced(x, axis, count))


def parts_of(size: int, net: Net, n: int) -> list[int]:
    """A size as a sum."""
    cuts = sorted(int(i) + 1 for i in net.rng.permutation(size - 1)[: n - 1])
    return [b - a for a, b in zip([0, *cuts], [*cuts, size], strict=True)]


@operator("Split")
def split(net: Net, x: Value) -> Value:
    """Parts, of which one is taken, or all joined in another order."""
    x = of_rank(net, x, 1, 3)
    axis = axis_of(net, x)
    size = ([0, *x.shape])[axis]
    if size < 2:
        return split(net, shaped(net, x, (net.integer(4, 20),)))
    sizes = parts_of(size, net, net.integer(2, min(size, 4)))
    inputs, attributes = given(net, "split", sizes, 13)
    shapes = [replaced(x, axis, n) for n in sizes]
    made = net.nodes_of("Split", [x, *inputs], shapes, axis=axis, **attributes)
    if net.chance(0.4):
        return net.pick(made)  # type: ignore[no-any-return]
    made[0] = net.node("Sigmoid", [made[0]], made[0].shape)
    return net.node("Concat", made[::-1], x.shape, axis=axis)


@operator("Concat")
def concat(net: Net, x: Value) -> Value:
    x = smaller(net, of_rank(net, x, 1, 3), MOST_ELEMENTS // 3)
    x = of_rank(net, x, 1, 3)
    axis = axis_of(net, x)
    items = [x, net.node(net.pick(("Tanh", "Neg", "Abs")), [x], x.shape)]
    if net.chance(0.5):
        items.append(net.node("Add", [x, operand(net, x)], x.shape))
    if net.chance(0.3):
        items.append(x)
    size = ([0, *x.shape])[axis] * len(items)
    return net.node("Concat", items, replaced(x, axis, size), axis=axis)


@operator("Gather")
def gather(net: Net, x: Value) -> Value:
    """Places in any order, from either end, in a list, a table or alone."""
    x = of_rank(net, x, 1, 3)
    axis = axis_of(net, x)
    size = ([0, *x.shape])[axis]
    shape = net.pick(((), (1,), (3,), (size,), (2, 2)))
    if x.size // size * math.prod(shape) > MOST_ELEMENTS:
        shape = ()
    places = net.constant(net.rng.integers(-size, size, shape))
    place = axis % (len(x.shape) + 1)
    return net.node("Gather", [x, places], [*x.shape[: place - 1], *shape, *x.shape[place:]], axis=axis)


@operator("GatherND")
def gather_nd(net: Net, x: Value) -> Value:
    """Along the first dimension, which that of columns is not meanwhile."""
    x = of_rank(net, x, 1, 3)
    order = [1, 0, *range(2, len(x.shape) + 1)]
    count = net.integer(1, 6)
    places = net.constant(net.rng.integers(0, x.shape[0], (count, 1)))
    moved = net.node("Transpose", [x], x.shape, perm=order)
    made = net.node("GatherND", [moved, places], [count, *x.shape[1:]])
    return net.node("Transpose", [made], made.shape, perm=order)


@operator("Tile")
def tile(net: Net, x: Value) -> Value:
    x = of_rank(net, smaller(net, x, MOST_ELEMENTS // 4), 1, 3)
    times = [1] * len(x.shape)
    times[net.integer(0, len(times) - 1)] = net.integer(2, 4)
    shape = [size * n for size, n in zip(x.shape, times, strict=True)]
    return net.node("Tile", [x, net.whole(1, *times)], shape)


@operator("Trilu")
def triangle(net: Net, x: Value) -> Value:
    x = of_rank(net, x, 2, 3)
    diagonal = [net.constant(np.array(net.integer(-3, 3)))] if net.chance(0.6) else []
    return net.node("Trilu", [x, *diagonal], x.shape, upper=net.integer(0, 1))


@operator("Range")
def numbers_in_steps(net: Net, x: Value) -> Value:
    """A ramp of numbers, or places to take elements from."""
    x = of_rank(net, x, 1, 3)
    size = x.shape[-1]
    if net.chance(0.5):
        step = net.integer(1, 3)
        places = net.node("Range", [net.constant(np.array(n, np.int64)) for n in (0, size, step)], (), dtype="int64")
        return net.node("Gather", [x, places], [*x.shape[:-1], len(range(0, size, step))], axis=len(x.shape))
    ends = [net.number(n, x.dtype) for n in (0, size, 1)]
    ramp = net.node("Range", ends, (size,), dtype=x.dtype)
    return net.node("Mul", [x, ramp], x.shape)


@operator("Constant")
def constant(net: Net, x: Value) -> Value:
    """A number that a node holds."""
    numbers = np.asarray(net.rng.standard_normal(x.shape[-1:] if net.chance(0.5) else ()), x.dtype)
    return net.node("Add", [x, net.constant(numbers, is_node=True)], x.shape)


@operator("ConstantOfShape")
def constant_of_shape(net: Net, x: Value) -> Value:
    """One number everywhere, in the shape of a column or of all of them."""
    number = np.asarray(net.rng.standard_normal(1), x.dtype)
    shape = net.node("Shape", [x], (), dtype="int64") if net.chance(0.5) else net.whole(*x.shape)
    made = net.node("ConstantOfShape", [shape], x.shape, value=numpy_helper.from_array(number), dtype=x.dtype)
    return net.node("Mul", [x, made], x.shape)


@operator("Shape")
def shape_of(net: Net, x: Value) -> Value:
    """Columns are counted by the graph itself, and the other sizes are joined to one."""
    x = of_rank(net, x, 1, 4)
    shape = net.node("Shape", [x], (), dtype="int64")
    columns = net.node("Gather", [shape, net.whole(0)], (), axis=0, dtype="int64")
    sizes = net.node("Concat", [columns, net.whole(x.size)], (), axis=0, dtype="int64")
    return net.node("Reshape", [x, sizes], (x.size,))


@operator("Size")
def size_of(net: Net, x: Value) -> Value:
    """All columns in one row, and back."""
    count = net.node("Size", [x], (), dtype="int64")
    row = net.node("Reshape", [x, net.node("Reshape", [count, net.whole(1)], (), dtype="int64")], x.shape)
    made = net.node("Tanh", [row], x.shape)
    return net.node("Reshape", [made, net.whole(-1, *x.shape)], x.shape)


# --- Sums ---

REDUCTIONS = [f"Reduce{name}" for name in ("Sum", "Mean", "Min", "Max", "Prod", "SumSquare", "L1", "L2", "LogSum")]


@operator(*REDUCTIONS)
def reduction(net: Net, x: Value, name: str) -> Value:
    """Along some dimensions; the result is added to the value, or taken alone."""
    x = of_rank(net, x, 1, 4)
    if name == "ReduceLogSum":
        x = positive(net, x)
    if name == "ReduceProd":
        x = small(net, x)
    axes = sorted({net.integer(1, len(x.shape)) for _ in range(net.integer(1, len(x.shape)))})
    keeps = net.integer(0, 1)
    signed = [axis - len(x.shape) - 1 if net.chance(0.3) else axis for axis in axes]
    inputs, attributes = given(net, "axes", signed, 13 if name == "ReduceSum" else 18)
    with_ones = [1 if i + 1 in axes else size for i, size in enumerate(x.shape)]
    shape = with_ones if keeps else [size for i, size in enumerate(x.shape) if i + 1 not in axes]
    made = net.node(name, [x, *inputs], shape, keepdims=keeps, work=x.size, **attributes)
    if net.chance(0.4):
        return made
    return net.node("Add", [x, reshape(net, made, with_ones)], x.shape)


@operator("CumSum")
def cumulative_sum(net: Net, x: Value) -> Value:
    x = of_rank(net, smaller(net, x, 200), 1, 3)
    axis = net.constant(np.array(axis_of(net, x), np.int64))
    return net.node("CumSum", [x, axis], x.shape, exclusive=net.integer(0, 1), reverse=net.integer(0, 1))


@operator("Softmax", "LogSoftmax")
def softmax(net: Net, x: Value, name: str) -> Value:
    x = of_rank(net, x, 1, 4)
    return net.node(name, [x], x.shape, axis=net.integer(1, len(x.shape)) if net.opset < 11 else axis_of(net, x))


@operator("GlobalAveragePool", "GlobalMaxPool")
def global_pool(net: Net, x: Value, name: str) -> Value:
    x = field(net, x)
    made = net.node(name, [x], [x.shape[0], *[1] * (len(x.shape) - 1)], work=x.size)
    return made if net.chance(0.3) else net.node("Sub", [x, made], x.shape)


# --- Normalisation ---


@operator("LayerNormalization", "RMSNormalization")
def layer_normalization(net: Net, x: Value, name: str) -> Value:
    x = of_rank(net, x, 1, 4)
    axis = axis_of(net, x)
    shape = x.shape[axis % (len(x.shape) + 1) - 1 :]
    inputs = [x, net.numbers(*shape, dtype=x.dtype)]
    if name == "RMSNormalization":
        return net.node(name, inputs, x.shape, axis=axis)
    if net.chance(0.6):
        inputs.append(net.numbers(*shape, dtype=x.dtype))
    kept = [*x.shape[: len(x.shape) - len(shape)], *[1] * len(shape)]
    if x.dtype == "float64" or net.chance(0.6):  # what else it gives is float32
        return net.node(name, inputs, x.shape, axis=axis, epsilon=1e-4)
    made = net.nodes_of(name, inputs, [x.shape, kept, kept], axis=axis)
    return net.node("Add", [made[0], made[net.integer(1, 2)]], x.shape)


@operator("BatchNormalization")
def batch_normalization(net: Net, x: Value) -> Value:
    x = of_rank(net, x, 1, 4)
    n = x.shape[0]
    numbers = [net.numbers(n, dtype=x.dtype) for _ in range(3)]
    variance = net.constant(np.asarray(net.rng.uniform(0.3, 2, n), x.dtype))
    return net.node("BatchNormalization", [x, *numbers, variance], x.shape, epsilon=1e-3)


@operator("InstanceNormalization")
def instance_normalization(net: Net, x: Value) -> Value:
    x = field(net, x)
    n = x.shape[0]
    return net.node("InstanceNormalization", [x, net.numbers(n, dtype=x.dtype), net.numbers(n, dtype=x.dtype)], x.shape)


@operator("GroupNormalization")
def group_normalization(net: Net, x: Value) -> Value:
    x = field(net, x)
    groups = net.pick([n for n in range(1, x.shape[0] + 1) if x.shape[0] % n == 0])
    n = groups if net.opset < 21 else x.shape[0]
    inputs = [x, net.numbers(n, dtype=x.dtype), net.numbers(n, dtype=x.dtype)]
    return net.node("GroupNormalization", inputs, x.shape, num_groups=groups)


# --- Products ---


def width(net: Net) -> int:
    """Outputs of a layer: some have more than the 128 that the engine computes together for one column."""
    return net.integer(1, 40) if net.chance(0.9) else net.integer(120, 300)


@operator("MatMul")
def matrix_product(net: Net, x: Value) -> Value:
    """Weights on the right, on the left, a vector, a table of them; or two tensors."""
    kind = net.pick(("right", "right", "left", "vector", "table", "tensors"))
    if kind in ("right", "vector"):
        x = of_rank(net, x, 1, 4)
        inputs, outputs = x.shape[-1], width(net)
        if x.size // inputs * outputs > MOST_ELEMENTS:
            outputs = 2
        if kind == "vector":
            return net.node("MatMul", [x, net.numbers(inputs, scale=inputs**-0.5)], x.shape[:-1], work=x.size)
        weights = net.numbers(inputs, outputs, scale=inputs**-0.5)
        return net.node("MatMul", [x, weights], [*x.shape[:-1], outputs], work=x.size * outputs)
    x = of_rank(net, x, 2, 3)
    if kind == "left":
        inputs, outputs = x.shape[-2], net.integer(1, 12)
        weights = net.numbers(outputs, inputs, scale=inputs**-0.5)
        shape = [*x.shape[:-2], outputs, x.shape[-1]]
        return net.node("MatMul", [weights, x], shape, work=x.size * outputs, dtype=x.dtype)
    x = shaped(net, x, [net.integer(2, 4) for _ in range(3)])
    c, rows, inputs = x.shape
    if kind == "table":
        weights = net.numbers(c, inputs, 3, scale=inputs**-0.5)
        return net.node("MatMul", [x, weights], [c, rows, 3], work=3 * x.size)
    other = transposed(net, x, 0, 1, 3, 2)
    return net.node("MatMul", [x, other], [c, rows, rows], work=x.size * rows)


@operator("Gemm")
def gemm(net: Net, x: Value) -> Value:
    x = smaller(net, flat(net, x), 120)
    x = flat(net, x)
    inputs, outputs, attributes = x.size, width(net), {}
    first: Value = x
    if net.chance(0.2):
        first, attributes["transA"] = net.node("Transpose", [x], x.shape, perm=[1, 0]), 1
    shape, scale = [inputs, outputs], inputs**-0.5
    if net.chance(0.5):
        shape, attributes["transB"] = shape[::-1], 1
    for name in ("alpha", "beta"):
        if net.chance(0.3):
            attributes[name] = float(net.rng.uniform(0.3, 2))
    bias = net.pick(([], [(outputs,)], [(outputs,)], [(1, outputs)], [(1,)], [()]))
    if net.opset < 11 and not bias:
        bias = [(outputs,)]
    weights = net.numbers(*shape, scale=scale)
    more = [net.numbers(*size) for size in bias]
    made = net.node("Gemm", [first, weights, *more], (outputs,), work=inputs * outputs, **attributes)
    return net.node("Relu", [made], made.shape) if net.chance(0.3) else made


def window(
    net: Net, space: Sequence[int], dilates: bool = True, most: int = 4
) -> tuple[list[int], dict[str, Any], list[int]]:
    """A kernel that fits, its attributes, and the number of places it has along each dimension."""
    n = len(space)
    kernel = [net.integer(1, min(most, size)) for size in space]
    strides = [net.pick((1, 1, 2, 3)) for _ in space]
    dilations = [net.pick((1, 1, 2)) if dilates and (k - 1) * 2 < s else 1 for k, s in zip(kernel, space, strict=True)]
    pads = [net.integer(0, k - 1) if net.chance(0.5) else 0 for _ in range(2) for k in kernel]
    automatic = net.pick(("NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"))
    attributes: dict[str, Any] = {"strides": strides, **({"dilations": dilations} if dilates else {})}
    if automatic == "NOTSET":
        attributes["pads"] = pads
    else:
        attributes["auto_pad"], pads = automatic, [0] * 2 * n
    if automatic.startswith("SAME"):
        return kernel, attributes, [-(-size // step) for size, step in zip(space, strides, strict=True)]
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    places = [(space[i] + pads[i] + pads[i + n] - spans[i]) // strides[i] + 1 for i in range(n)]
    return kernel, attributes, places


@operator("Conv")
def convolution(net: Net, x: Value) -> Value:
    x = field(net, x)
    channels, groups = x.shape[0], net.pick([n for n in range(1, x.shape[0] + 1) if x.shape[0] % n == 0])
    kernel, attributes, places = window(net, x.shape[1:], most=4 if len(x.shape) < 4 else 3)
    each = channels // groups * math.prod(kernel)
    outputs = groups * net.integer(1, max(1, min(8, MOST_ELEMENTS // math.prod(places)) // groups))
    inputs = [x, net.numbers(outputs, channels // groups, *kernel, scale=each**-0.5)]
    if net.chance(0.6):
        inputs.append(net.numbers(outputs))
    shape = [outputs, *places]
    made = net.node("Conv", inputs, shape, group=groups, work=math.prod(shape) * each, **attributes)
    return net.node("Relu", [made], shape) if net.chance(0.3) else made


@operator("ConvTranspose")
def transposed_convolution(net: Net, x: Value) -> Value:
    x = field(net, smaller(net, x, 60))
    space = x.shape[1:]
    channels, groups = x.shape[0], net.pick([n for n in range(1, x.shape[0] + 1) if x.shape[0] % n == 0])
    most = 3 if len(space) < 3 else 2
    kernel, strides = [net.integer(1, most) for _ in space], [net.integer(1, most) for _ in space]
    dilations = [net.pick((1, 1, 2)) for _ in space]
    extra = [net.integer(0, s - 1) if net.chance(0.5) else 0 for s in strides]
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    pads = [net.integer(0, (k - 1) // 2) for _ in range(2) for k in kernel]
    attributes: dict[str, Any] = {"strides": strides, "dilations": dilations, "output_padding": extra}
    places = [
        (size - 1) * strides[i] + extra[i] + spans[i] - pads[i] - pads[i + len(space)] for i, size in enumerate(space)
    ]
    outputs = groups * net.integer(1, 2)
    shape, each = [outputs, *places], channels // groups * math.prod(kernel)
    inputs = [x, net.numbers(channels, outputs // groups, *kernel, scale=each**-0.5)]
    if net.chance(0.6):
        inputs.append(net.numbers(outputs))
    work = math.prod(shape) * each
    return net.node("ConvTranspose", inputs, shape, group=groups, pads=pads, work=work, **attributes)


# --- Recurrence ---

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
ACTIVATIONS = {"RNN": 1, "GRU": 2, "LSTM": 3}


@operator(*GATES)
def recurrence(net: Net, x: Value, name: str) -> Value:
    """Along the first dimension of a profile; all states, or the last ones."""
    if len(x.shape) != 2 or x.shape[0] > 8:
        x = shaped(net, x, (net.integer(2, 7), net.integer(1, 8)))
    (length, inputs_of_level), gates = x.shape, GATES[name]
    hidden = net.integer(1, 20) if net.chance(0.95) else net.integer(30, 50)
    direction = net.pick(("forward", "reverse", "bidirectional"))
    n = 2 if direction == "bidirectional" else 1
    attributes: dict[str, Any] = {"hidden_size": hidden, "direction": direction}
    if name == "GRU":
        attributes["linear_before_reset"] = net.integer(0, 1)
    if net.chance(0.3):
        kinds = [net.pick(("Sigmoid", "Tanh", "Relu", "Softplus")) for _ in range(n * ACTIVATIONS[name])]
        attributes["activations"] = kinds
    is_first = net.opset >= 14 and net.chance(0.3)
    if is_first:
        attributes["layout"] = 1
    inputs = [x if is_first else net.node("Transpose", [x], x.shape, perm=[1, 0, 2])]
    inputs += [
        net.numbers(n, gates * hidden, inputs_of_level, scale=0.5),
        net.numbers(n, gates * hidden, hidden, scale=0.3),
    ]
    inputs += [net.numbers(n, 2 * gates * hidden) if net.chance(0.7) else ""]
    states = [first_state(net, x, n, hidden, is_first) for _ in range(gates // 4 + 1)] if net.chance(0.3) else []
    peepholes = [net.numbers(n, 3 * hidden)] if name == "LSTM" and net.chance(0.3) else []
    if states or peepholes:
        inputs += ["", *(states or ["", ""]), *peepholes]
    work = length * n * gates * hidden * (inputs_of_level + hidden + 8)
    which = net.integer(0, 2 if name == "LSTM" else 1)
    shapes = [[length, n, hidden], *[[n, hidden]] * which]
    made = net.nodes_of(name, inputs, shapes, work=work, **attributes)[which]
    if is_first:
        return made
    return net.node("Transpose", [made], made.shape, perm=[1, 0, 2] if which else [2, 0, 1, 3])


def first_state(net: Net, x: Value, n: int, hidden: int, is_first: bool) -> Value:
    """A state before the sequence that the column itself gives."""
    made = reshape(net, resized(net, x, n * hidden), (n, hidden))
    return made if is_first else net.node("Transpose", [made], made.shape, perm=[1, 0, 2])


# --- Space ---


@operator("MaxPool", "AveragePool", "LpPool")
def pool(net: Net, x: Value, name: str) -> Value:
    x = field(net, x)
    dilates = net.opset >= {"MaxPool": 10, "AveragePool": 19, "LpPool": 18}[name]
    kernel, attributes, places = window(net, x.shape[1:], dilates)
    may_ceil = net.opset >= {"MaxPool": 10, "AveragePool": 10, "LpPool": 18}[name]
    ceiling = ceiled(x.shape[1:], kernel, attributes) if may_ceil and "pads" in attributes else []
    if ceiling and net.chance(0.6):
        attributes["ceil_mode"], places = 1, ceiling
    if name == "AveragePool":
        attributes["count_include_pad"] = net.integer(0, 1)
    if name == "LpPool":
        attributes["p"] = net.integer(1, 3)
    return net.node(name, [x], [x.shape[0], *places], kernel_shape=kernel, work=4 * x.size, **attributes)


def ceiled(space: Sequence[int], kernel: Sequence[int], attributes: dict[str, Any]) -> list[int]:
    """Places of a window that may stand over the end; none if it would begin behind it, which readers of ONNX count or not."""
    n, found = len(space), []
    for i, size in enumerate(space):
        before, after, step = attributes["pads"][i], attributes["pads"][i + n], attributes["strides"][i]
        span = (kernel[i] - 1) * attributes.get("dilations", [1] * n)[i] + 1
        steps = -(-(before + size + after - span) // step)
        if steps * step >= before + size:
            return []
        found.append(steps + 1)
    return found


@operator("Pad")
def pad(net: Net, x: Value) -> Value:
    x = of_rank(net, smaller(net, x, MOST_ELEMENTS // 3), 1, 3)
    modes = ["constant", "reflect", "edge", *(["wrap"] if net.opset >= 19 else [])]
    mode = net.pick(modes)
    low = -1 if mode == "constant" else 0
    ends = [net.integer(low if size > 2 else 0, min(2, size - 1)) for _ in range(2) for size in x.shape]
    n = len(x.shape)
    shape = [size + ends[i] + ends[i + n] for i, size in enumerate(x.shape)]
    all_ends = [0, *ends[:n], 0, *ends[n:]]
    if net.opset < 11:
        return net.node("Pad", [x], shape, mode=mode, pads=all_ends, **({"value": 0.5} if mode == "constant" else {}))
    value = [net.number(0.5, x.dtype)] if mode == "constant" and net.chance(0.7) else []
    if net.opset >= 18 and net.chance(0.4):
        axes = net.whole(*range(1, n + 1))
        return net.node("Pad", [x, net.whole(*ends), *(value or [""]), axes], shape, mode=mode)
    return net.node("Pad", [x, net.whole(*all_ends), *value], shape, mode=mode)


@operator("DepthToSpace")
def depth_to_space(net: Net, x: Value) -> Value:
    block, depth, rows, places = net.integer(1, 3), net.integer(1, 2), net.integer(1, 4), net.integer(1, 5)
    x = shaped(net, x, (depth * block**2, rows, places))
    mode = {"mode": net.pick(("DCR", "CRD"))} if net.opset >= 11 else {}
    return net.node("DepthToSpace", [x], (depth, rows * block, places * block), blocksize=block, **mode)


@operator("SpaceToDepth")
def space_to_depth(net: Net, x: Value) -> Value:
    block, depth, rows, places = net.integer(1, 3), net.integer(1, 2), net.integer(1, 3), net.integer(1, 3)
    x = shaped(net, x, (depth, rows * block, places * block))
    return net.node("SpaceToDepth", [x], (depth * block**2, rows, places), blocksize=block)


COORDINATES = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_crop_and_resize")


@operator("Resize")
def resize(net: Net, x: Value) -> Value:
    x = field(net, smaller(net, x, 150))
    n = len(x.shape) - 1
    if net.opset < 11:
        return by_scales(net, x, "Resize")
    modes = ("nearest", "linear", "cubic") if n < 3 else ("nearest", "linear")
    attributes: dict[str, Any] = {"mode": net.pick(modes), "coordinate_transformation_mode": net.pick(COORDINATES)}
    if attributes["mode"] == "nearest":
        attributes["nearest_mode"] = net.pick(("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"))
    if attributes["mode"] == "cubic":
        attributes |= {"exclude_outside": net.integer(0, 1), "cubic_coeff_a": net.pick((-0.75, -0.5))}
    region = ""
    if attributes["coordinate_transformation_mode"] == "tf_crop_and_resize":
        attributes["extrapolation_value"] = 0.25
        region = net.constant(np.array([0, 0, *[0.2] * n, 1, 1, *[1.1] * n], np.float32))
    elif net.opset < 13:
        region = net.constant(np.zeros(0, np.float32)) if net.opset < 13 else ""
    places = [net.integer(1, min(2 * size, {1: 40, 2: 12, 3: 6}[n])) for size in x.shape[1:]]
    shape = [x.shape[0], *places]
    if not region and net.opset >= 18 and net.chance(0.5):
        attributes["axes"] = list(range(2, 2 + n))
        return net.node("Resize", [x, "", "", net.whole(*places)], shape, work=8 * math.prod(shape), **attributes)
    if net.opset >= 13 and not region and attributes["coordinate_transformation_mode"] != "align_corners":
        return by_scales(net, x, "Resize", attributes)
    scales = net.constant(np.array([1, 1, *[2.0] * n], np.float32))
    shape = [x.shape[0], *(2 * size for size in x.shape[1:])]
    return net.node("Resize", [x, region, scales], shape, work=8 * math.prod(shape), **attributes)


def by_scales(net: Net, x: Value, name: str, attributes: dict[str, Any] | None = None) -> Value:
    """Larger or smaller by factors."""
    scales = [net.pick((1.0, 2.0, 1.5, 0.5)) for _ in x.shape[1:]]
    scales = [2.0 if int(s * size) < 1 else s for s, size in zip(scales, x.shape[1:], strict=True)]
    shape = [x.shape[0], *(int(s * size) for s, size in zip(scales, x.shape[1:], strict=True))]
    work = 8 * math.prod(shape)
    if net.opset < 9:
        return net.node(name, [x], shape, scales=[1.0, 1.0, *scales], mode="nearest", work=work)
    factors = net.constant(np.array([1, 1, *scales], np.float32))
    if attributes is None:
        return net.node(name, [x, factors], shape, mode=net.pick(("nearest", "linear")), work=work)
    return net.node(name, [x, "", factors], shape, work=work, **attributes)


@operator("Upsample")
def upsample(net: Net, x: Value) -> Value:
    x = field(net, smaller(net, x, 100))
    return by_scales(net, x, "Upsample")


# --- Networks ---

NAMES = sorted(OPERATORS)
LARGE = 149  # every so many networks one begins with a large field


def is_known(name: str, opset: int) -> bool:
    """Whether an opset has an operator for real numbers."""
    return is_available(name, opset) and not (name == "Equal" and opset < 11)


def theme(number: int) -> str:
    """The operator that a network must hold."""
    return NAMES[number % len(NAMES)]


def draw(number: int) -> Net:
    """Network ``number``: it holds operator ``number`` modulo their count."""
    name = theme(number)
    possible = [opset for opset in OPSETS if is_known(name, opset)]
    if name == "Upsample" and number // len(NAMES) % 2:
        possible = [OLDEST]
    net = Net(number, None if len(possible) == len(OPSETS) else possible[number // len(NAMES) % len(possible)])
    x = large_field(net) if number % LARGE == 0 else first_values(net)
    depth = net.integer(1, 7)
    at = net.integer(0, depth - 1)
    others = [other for other in NAMES if is_known(other, net.opset)]
    for i in range(depth):
        x = OPERATORS[name if i == at else net.pick(others)](net, x)
        net.values.append(x)
        if x.size > MOST_ELEMENTS:
            x = smaller(net, x, MOST_ELEMENTS)
    finish(net, x)
    return net


def first_values(net: Net) -> Value:
    """The inputs, joined to one value."""
    shapes = {
        "column": lambda: (net.integer(1, 40),),
        "profile": lambda: (net.integer(2, 8), net.integer(1, 6)),
        "field": lambda: (net.integer(1, 3), net.integer(2, 8), net.integer(2, 8)),
        "volume": lambda: (net.integer(1, 2), *(net.integer(2, 4) for _ in range(3))),
    }
    shape = shapes[net.pick(("column", "column", "profile", "profile", "field", "field", "volume"))]()
    x = net.add_input(shape, net.pick((net.real, net.real, net.real, "float64", "float32")))
    net.values.append(cast(net, x, net.real))
    return second_value(net, net.values[0])


def large_field(net: Net) -> Value:
    """A field that a tile of columns would not fit the caches with, through a convolution to a small one."""
    rows, places, channels = net.integer(20, 100), net.integer(20, 100), net.integer(1, 3)
    x = cast(net, net.add_input((channels, rows, places), net.real), net.real)
    weights, shape = net.numbers(5, channels, 3, 3, scale=0.3), (5, rows, places)
    x = net.node("Conv", [x, weights], shape, pads=[1] * 4, work=45 * channels * rows * places)
    x = net.node(net.pick(("Relu", "Sigmoid", "Elu")), [x], shape)
    x = net.node("Add", [x, net.numbers(1, 1, places)], shape)
    if net.chance(0.5):
        return net.node("GlobalAveragePool", [x], (5, 1, 1), work=x.size)
    shape = (5, (rows - 8) // 8 + 1, (places - 8) // 8 + 1)
    x = net.node("MaxPool", [x], shape, kernel_shape=[8, 8], strides=[8, 8], work=16 * rows * places)
    return smaller(net, x, MOST_ELEMENTS)


def second_value(net: Net, x: Value) -> Value:
    """Now and then another input: whole numbers, one number of every column, numbers that hold for all columns."""
    kind = net.pick((None, None, None, "same", "whole", "one", "all"))
    if kind is None:
        return x
    if kind == "all":
        other = net.add_input(() if len(x.shape) == 1 else x.shape[-1:], net.real, has_batch=False)
        return net.node("Mul", [x, other], x.shape)
    shape = () if kind == "one" else x.shape
    other = cast(net, net.add_input(shape, "int32" if kind == "whole" else net.real), net.real)
    if kind == "one":
        other = reshape(net, other, [1] * len(x.shape))
    if kind == "whole":
        other = net.node("Mul", [other, net.number(1e-6)], x.shape)
    return net.node(net.pick(("Add", "Mul")), [x, other], x.shape)


def finish(net: Net, x: Value) -> None:
    """Outputs: the last value, now and then one from before."""
    other = "float64" if net.real == "float32" else "float32"
    net.add_output(cast(net, x, other) if net.chance(0.15) else x)
    if net.chance(0.3):
        net.add_output(net.pick(net.values))
