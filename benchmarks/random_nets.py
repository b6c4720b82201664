"""Random networks of the engine ``native`` as emulator files: number N is the same network wherever it is made.

A network is a chain of operators with branches, on columns, profiles or fields, in float32 or float64 and in one of the
opsets from 8 to 24. Network N holds operator N modulo their number (``random_operators.py``) besides others that are drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from pyemu.emulator import Card, Variable, reference
from pyemu.emulator.card import Provenance
from pyemu.emulator.kinds import CARD_KEY, REFERENCE_KEY

SEED = 20261121
OPSETS = (9, 11, 13, 17, 18, 20, 21, 23, 24)
OLDEST = 8  # only for what no later opset has
TYPES = {
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "int32": TensorProto.INT32,
    "bool": TensorProto.BOOL,
}

# Elements of a tensor of one column, and the operations of all its nodes that a thousand columns may have: networks that
# do more get fewer columns.
MOST_ELEMENTS = 480
COLUMNS = ((12_000, 1003), (30_000, 515), (90_000, 131), (math.inf, 37))

SPECIAL = {
    "float32": (0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-40, 1.17549435e-38, 3.4e38, -3.4e38, 1e30, -1e-30, 1, -1),
    "float64": (0, -0.0, np.inf, -np.inf, np.nan, 5e-324, -1e-310, 2.3e-308, 1.7e308, -1.7e308, 1e200, -1e-200, 1, -1),
}


@dataclass(frozen=True)
class Value:
    """A tensor of the graph; its shape is that of one column, which the graph has in front."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def size(self) -> int:
        """Elements of one column."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Port:
    """An input or output; without a batch it holds for all columns."""

    value: Value
    has_batch: bool = True


@cache
def is_available(operator: str, opset: int) -> bool:
    """Whether ONNX has the operator in an opset."""
    try:
        return not onnx.defs.get_schema(operator, opset, "").deprecated
    except onnx.defs.SchemaError:
        return False


class Net:
    """A network that is being drawn: its nodes and constants, and the values that later nodes may read."""

    def __init__(self, case: int, opset: int | None = None) -> None:
        self.case = case
        self.rng = np.random.default_rng((SEED, case))
        self.opset = self.pick(OPSETS) if opset is None else opset
        self.real = "float64" if self.chance(0.15) else "float32"
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}
        self.inputs: list[Port] = []
        self.outputs: list[Port] = []
        self.values: list[Value] = []
        self.work = 0
        self.count = 0

    # --- Chance ---

    def chance(self, probability: float) -> bool:
        """Whether something happens."""
        return bool(self.rng.random() < probability)

    def integer(self, low: int, high: int) -> int:
        """A whole number, both ends included."""
        return int(self.rng.integers(low, high + 1))

    def pick(self, items: Sequence[Any]) -> Any:
        """One of them."""
        return items[int(self.rng.integers(len(items)))]

    # --- Nodes ---

    def name(self) -> str:
        """A new name."""
        self.count += 1
        return f"v{self.count}"

    def nodes_of(
        self, operator: str, inputs: Sequence[Value | str], shapes: Sequence[Sequence[int]], **attributes: Any
    ) -> list[Value]:
        """The outputs of a new node, of the type of the first input if ``dtype`` does not say another."""
        first = next((value.dtype for value in inputs if isinstance(value, Value)), self.real)
        dtype, cost = attributes.pop("dtype", first), attributes.pop("work", 0)
        made = [Value(self.name(), tuple(map(int, shape)), dtype) for shape in shapes]
        names = [value.name if isinstance(value, Value) else value for value in inputs]
        self.nodes.append(helper.make_node(operator, names, [value.name for value in made], **attributes))
        self.work += cost or sum(value.size for value in made)
        return made

    def node(self, operator: str, inputs: Sequence[Value | str], shape: Sequence[int], **attributes: Any) -> Value:
        """The output of a new node that has one."""
        return self.nodes_of(operator, inputs, [shape], **attributes)[0]

    def constant(self, array: Any, is_node: bool = False) -> str:
        """The name of a constant: of the graph's list, or of a node."""
        array, name = np.asarray(array), self.name()
        if is_node or (self.opset >= 9 and self.chance(0.1)):
            self.nodes.append(helper.make_node("Constant", [], [name], **self.attribute_of(array)))
        else:
            self.constants[name] = array
        return name

    def attribute_of(self, array: np.ndarray) -> dict[str, Any]:
        """How a node of type Constant holds an array."""
        kind = {"float32": "value_float", "int64": "value_int"}.get(str(array.dtype))
        if self.opset >= 12 and kind and array.ndim <= 1 and self.chance(0.5):
            return {kind + "s" * array.ndim: array.tolist()}
        return {"value": numpy_helper.from_array(array)}

    def numbers(self, *shape: int, scale: float = 1, offset: float = 0, dtype: str | None = None) -> str:
        """Constant normal numbers."""
        return self.constant(np.asarray(self.rng.standard_normal(shape) * scale + offset, dtype or self.real))

    def whole(self, *numbers: int) -> str:
        """Constant whole numbers."""
        return self.constant(np.array(numbers, np.int64))

    def number(self, value: float, dtype: str | None = None) -> str:
        """One constant number."""
        return self.constant(np.asarray(value, dtype or self.real))

    # --- Ports ---

    def add_input(self, shape: Sequence[int], dtype: str, has_batch: bool = True) -> Value:
        """A new input."""
        value = Value(f"x{len(self.inputs)}", tuple(shape), dtype)
        self.inputs.append(Port(value, has_batch))
        return value

    def add_output(self, value: Value) -> None:
        """A new output: another name of a value, or another value that is the same."""
        made = Value(f"y{len(self.outputs)}", value.shape, value.dtype)
        self.outputs.append(Port(made))
        if value.name.startswith("v") and self.chance(0.5):
            self.rename(value.name, made.name)
        else:
            self.nodes.append(helper.make_node("Identity", [value.name], [made.name]))

    def rename(self, name: str, other: str) -> None:
        """Give a value another name."""
        for node in self.nodes:
            for names in (node.input, node.output):
                names[:] = [other if found == name else found for found in names]
        self.values = [Value(other, v.shape, v.dtype) if v.name == name else v for v in self.values]

    @property
    def ports(self) -> list[Port]:
        """All inputs, then all outputs."""
        return [*self.inputs, *self.outputs]

    @property
    def columns(self) -> int:
        """Columns that the network is tried with."""
        return next(columns for work, columns in COLUMNS if self.work <= work)

    @property
    def is_field(self) -> bool:
        """Whether a value has more dimensions than those of columns."""
        return any(len(port.value.shape) > (1 if port.has_batch else 0) for port in self.ports)

    @property
    def operators(self) -> set[str]:
        """Types of its nodes."""
        return {node.op_type for node in self.nodes}

    def card(self) -> Card:
        """The card of the file."""
        kind, batch = ("field", "sample") if self.is_field else ("column", "column")

        def variable(port: Port) -> Variable:
            dims = [f"d{size}" for size in port.value.shape]
            return Variable.model_validate(
                {
                    "name": port.value.name,
                    "standard_name": port.value.name,
                    "units": "1",
                    "dims": [batch, *dims] if port.has_batch else dims,
                    "dtype": port.value.dtype,
                }
            )

        sizes = {f"d{size}": size for port in self.ports for size in port.value.shape}
        return Card(
            name=f"net_{self.case}",
            version="1",
            kind=kind,  # type: ignore[arg-type]
            summary="A random network",
            licence="Apache-2.0",
            vertical_order="top_first",
            dimensions=sizes or {"none": 1},
            inputs=tuple(map(variable, self.inputs)),
            outputs=tuple(map(variable, self.outputs)),
            provenance=Provenance(data_sha256="", code_version="", created=""),
        )

    def model(self) -> onnx.ModelProto:
        """The graph alone."""

        def info(port: Port) -> onnx.ValueInfoProto:
            shape = ["column", *port.value.shape] if port.has_batch else port.value.shape
            return helper.make_tensor_value_info(port.value.name, TYPES[port.value.dtype], shape)

        constants = [numpy_helper.from_array(array, name) for name, array in self.constants.items()]
        graph = helper.make_graph(
            self.nodes, "net", list(map(info, self.inputs)), list(map(info, self.outputs)), constants
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=10)

    def file(self) -> bytes:
        """The emulator file, with one column of zeros as reference."""
        model, card = self.model(), self.card()
        zeros = {v.name: np.zeros(card.shape(v, 1), v.dtype) for v in card.variables}
        helper.set_model_props(model, {CARD_KEY: card.to_json(), REFERENCE_KEY: reference.encode(card, zeros)})
        return bytes(model.SerializeToString())

    def draw_inputs(self, columns: int) -> list[np.ndarray]:
        """Values of all inputs: ordinary ones, now and then tiny or huge ones, and in some columns special ones."""
        rng = np.random.default_rng((SEED, self.case, 1))
        scale = rng.choice([1, 1, 1, 1, 1, 1, 30, 1e-3, 1e-39, 1e30])
        share = rng.choice([0, 0, 0.05, 0.3])
        return [_drawn(rng, port, columns, float(scale), float(share)) for port in self.inputs]


def _drawn(rng: np.random.Generator, port: Port, columns: int, scale: float, share: float) -> np.ndarray:
    """Values of one input; a share of the columns holds special numbers at some places."""
    shape = (columns, *port.value.shape) if port.has_batch else port.value.shape
    if port.value.dtype == "int32":
        return np.asarray(rng.integers(-(2**31), 2**31, shape) >> rng.integers(0, 31, shape), np.int32)
    values = np.asarray(rng.standard_normal(shape) * scale).astype(port.value.dtype)
    if not port.has_batch:
        return values
    chosen = (rng.random(columns) < share).reshape(-1, *[1] * len(port.value.shape)) & (rng.random(shape) < 0.3)
    return np.where(chosen, rng.choice(np.array(SPECIAL[port.value.dtype], values.dtype), shape), values)
