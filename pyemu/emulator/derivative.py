"""Derivatives inside an emulator file: graphs without the weights, which they share with the emulator's own graph.

A derivative is a whole ONNX model with card and reference columns of its own, stored as base64 in the metadata of the
emulator's model. Tensors that both graphs have are marked as kept elsewhere, in the way of ONNX for external data, and are
found under the same name in the emulator's graph. libpyemu puts the same model together when it opens a derivative.
"""

import base64
import binascii
from collections.abc import Iterable

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import TensorProto, helper, numpy_helper

from pyemu.emulator.derivative_card import DERIVATIVES
from pyemu.emulator.errors import EmulatorFileError

KEY = "pyemu.derivative."
SHARED = "the emulator's graph"  # the place of a shared tensor


def key_of(kind: str) -> str:
    """The key of a derivative in the metadata."""
    return KEY + kind


def derivatives_in(model: onnx.ModelProto) -> tuple[str, ...]:
    """The derivatives that an emulator's model carries."""
    keys = {entry.key for entry in model.metadata_props}
    return tuple(kind for kind in DERIVATIVES if key_of(kind) in keys)


def embed(model: onnx.ModelProto, kind: str, derivative: onnx.ModelProto) -> None:
    """Store a derivative in an emulator's model, its weights once."""
    bare = onnx.ModelProto()
    bare.CopyFrom(derivative)
    _share(bare.graph, model.graph.initializer)
    entry = model.metadata_props.add()
    entry.key = key_of(kind)
    entry.value = base64.b64encode(bare.SerializeToString(deterministic=True)).decode("ascii")


def compose(model: onnx.ModelProto, kind: str) -> onnx.ModelProto:
    """The whole model of a derivative that an emulator's model carries.

    Raises:
        EmulatorFileError: there is none of this kind, or it is damaged.
    """
    texts = {entry.key: entry.value for entry in model.metadata_props}
    if key_of(kind) not in texts:
        found = ", ".join(derivatives_in(model)) or "none"
        raise EmulatorFileError(
            f"the file has no derivative '{kind}'; it has: {found}. Export it with 'pyemu export --derivative {kind}'"
        )
    derivative = onnx.ModelProto()
    try:
        derivative.ParseFromString(base64.b64decode(texts[key_of(kind)], validate=True))
    except (binascii.Error, ValueError, DecodeError) as error:
        raise EmulatorFileError(f"the derivative '{kind}' is damaged ({error}): export the emulator again") from error
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    for tensor in derivative.graph.initializer:
        if tensor.data_location == TensorProto.EXTERNAL:
            if tensor.name not in weights:
                raise EmulatorFileError(
                    f"the derivative '{kind}' wants tensor '{tensor.name}', which the emulator's graph lacks: export the "
                    "emulator again"
                )
            tensor.CopyFrom(weights[tensor.name])
    return derivative


def _share(graph: onnx.GraphProto, weights: Iterable[TensorProto]) -> None:
    """Mark what the emulator's graph has too; what it has transposed becomes a transposition; keep the rest once."""
    known = {_contents(tensor): tensor for tensor in weights}
    turned = {
        _contents(numpy_helper.from_array(np.ascontiguousarray(numpy_helper.to_array(tensor).T))): tensor
        for tensor in known.values()
        if len(tensor.dims) == 2
    }
    names = _own_names_freed(graph, {tensor.name for tensor in known.values()})
    shared: dict[str, TensorProto] = {}
    own: dict[tuple[int, tuple[int, ...], bytes], TensorProto] = {}
    transpositions = []
    for tensor in graph.initializer:
        contents = _contents(tensor)
        if contents in known:
            names[tensor.name] = known[contents].name
            shared[known[contents].name] = known[contents]
        elif contents in turned:
            original = turned[contents]
            shared[original.name] = original
            transpositions.append(
                helper.make_node("Transpose", [original.name], [names.get(tensor.name, tensor.name)], perm=[1, 0])
            )
        elif contents in own:
            names[tensor.name] = own[contents].name
        else:
            tensor.name = names.get(tensor.name, tensor.name)
            own[contents] = tensor
    _rename(graph, names)
    marked = [_marked(tensor) for tensor in shared.values()]
    kept, nodes = [*own.values()], [*transpositions, *graph.node]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend([*marked, *kept])
    graph.node.extend(nodes)


def _own_names_freed(graph: onnx.GraphProto, taken: set[str]) -> dict[str, str]:
    """New names for values of the graph that have the name of a shared tensor."""
    values = {name for node in graph.node for name in node.output} | {tensor.name for tensor in graph.initializer}
    return {name: f"derivative.{name}" for name in values & taken}


def _rename(graph: onnx.GraphProto, names: dict[str, str]) -> None:
    for node in graph.node:
        for values in (node.input, node.output):
            values[:] = [names.get(name, name) for name in values]


def _contents(tensor: TensorProto) -> tuple[int, tuple[int, ...], bytes]:
    """What makes two tensors the same but for their names."""
    return tensor.data_type, tuple(tensor.dims), numpy_helper.to_array(tensor).tobytes()


def _marked(tensor: TensorProto) -> TensorProto:
    """A tensor without its data, which is in the emulator's graph."""
    marked = TensorProto(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
    marked.data_location = TensorProto.EXTERNAL
    marked.external_data.add(key="location", value=SHARED)
    return marked
