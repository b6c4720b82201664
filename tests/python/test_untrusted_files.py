"""Files that nobody has vouched for: data outside the file, formats in disguise, names that would fool a terminal."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, SparseTensorProto, TensorProto, helper

from pyemu.runtime import Emulator, EmulatorError

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> ModelProto:
    """A whole emulator."""
    directory = tmp_path_factory.mktemp("emulators")
    subprocess.run([sys.executable, DATA / "make_emulators.py", directory], check=True)
    return onnx.load(directory / "toy.onnx")


def refusal(data: bytes) -> EmulatorError:
    """Open bytes with the stub engine, which reads no graph: what refuses them is the core."""
    with pytest.raises(EmulatorError) as caught:
        Emulator.from_bytes(data, engine="stub")
    return caught.value


def outside(location: str = "../secrets.bin") -> TensorProto:
    """A tensor whose data are in another file."""
    tensor = TensorProto(name="weights", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    return tensor


def node(**attribute: object) -> NodeProto:
    """A node with one attribute."""
    return NodeProto(op_type="Constant", attribute=[AttributeProto(name="value", **attribute)])  # type: ignore[arg-type]


def deep(tensor: TensorProto, levels: int) -> GraphProto:
    """A graph that holds a tensor that many subgraphs down."""
    graph = GraphProto(initializer=[tensor])
    for _ in range(levels):
        graph = GraphProto(node=[node(g=graph)])
    return graph


PLACES: dict[str, Callable[[ModelProto, TensorProto], object]] = {
    "initializer": lambda m, t: m.graph.initializer.append(t),
    "sparse values": lambda m, t: m.graph.sparse_initializer.append(SparseTensorProto(values=t)),
    "sparse indices": lambda m, t: m.graph.sparse_initializer.append(SparseTensorProto(indices=t)),
    "tensor of a node": lambda m, t: m.graph.node.append(node(t=t)),
    "tensors of a node": lambda m, t: m.graph.node.append(node(tensors=[TensorProto(), t])),
    "sparse tensor of a node": lambda m, t: m.graph.node.append(node(sparse_tensor=SparseTensorProto(values=t))),
    "sparse tensors of a node": lambda m, t: m.graph.node.append(node(sparse_tensors=[SparseTensorProto(values=t)])),
    "subgraph": lambda m, t: m.graph.node.append(node(g=deep(t, 0))),
    "subgraph far down": lambda m, t: m.graph.node.append(node(g=deep(t, 30))),
    "subgraphs": lambda m, t: m.graph.node.append(node(graphs=[GraphProto(), deep(t, 1)])),
    "function": lambda m, t: m.functions.add(name="f").node.append(node(t=t)),
    "default of a function": lambda m, t: m.functions.add(name="f").attribute_proto.append(node(t=t).attribute[0]),
    "initialization of training": lambda m, t: m.training_info.add().initialization.initializer.append(t),
    "algorithm of training": lambda m, t: m.training_info.add().algorithm.node.append(node(t=t)),
}


@pytest.mark.parametrize("place", PLACES)
def test_data_outside_the_file_are_refused(toy: ModelProto, place: str) -> None:
    model = ModelProto.FromString(toy.SerializeToString())
    PLACES[place](model, TensorProto(name="weights", data_type=TensorProto.FLOAT, dims=[1], float_data=[1.0]))
    Emulator.from_bytes(model.SerializeToString(), engine="stub").close()
    model = ModelProto.FromString(toy.SerializeToString())
    PLACES[place](model, outside())
    error = refusal(model.SerializeToString())
    assert error.status_name == "PYEMU_ERR_UNSUPPORTED"
    assert "tensor 'weights' keeps its data outside the file, in '../secrets.bin'" in str(error)


def tensor_messages(message: type = ModelProto, seen: frozenset[str] = frozenset()) -> set[tuple[str, str]]:
    """All (message, field) of ONNX, as the installed package defines it, whose type is one of those that lead to a tensor."""
    descriptor = message.DESCRIPTOR
    reached = set()
    for field in descriptor.fields:
        child = field.message_type
        if child is None or child.name in seen | {descriptor.name}:
            continue
        below = tensor_messages(child._concrete_class, seen | {descriptor.name})
        if child.name == "TensorProto" or below:
            reached |= below | {(descriptor.name, field.name)}
    return reached


def test_no_place_for_a_tensor_is_forgotten() -> None:
    # If a newer ONNX has more, csrc/onnx.c must learn them and PLACES needs one more.
    assert tensor_messages() == {
        ("ModelProto", "graph"), ("ModelProto", "training_info"), ("ModelProto", "functions"),
        ("TrainingInfoProto", "initialization"), ("TrainingInfoProto", "algorithm"),
        ("GraphProto", "node"), ("GraphProto", "initializer"), ("GraphProto", "sparse_initializer"),
        ("NodeProto", "attribute"), ("FunctionProto", "node"), ("FunctionProto", "attribute_proto"),
        ("AttributeProto", "t"), ("AttributeProto", "tensors"), ("AttributeProto", "g"), ("AttributeProto", "graphs"),
        ("AttributeProto", "sparse_tensor"), ("AttributeProto", "sparse_tensors"),
        ("SparseTensorProto", "values"), ("SparseTensorProto", "indices"),
    }  # fmt: skip


@pytest.mark.parametrize("location", ["weights.bin", "/etc/passwd", "a/../../b", "*/_ORT_MEM_ADDR_/*", ""])
def test_no_path_is_followed(toy: ModelProto, location: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("weights.bin").write_bytes(bytes(4))
    model = ModelProto.FromString(toy.SerializeToString())
    model.graph.initializer.append(outside(location))
    Path("toy.onnx").write_bytes(model.SerializeToString())
    for engine in ("stub", "onnxruntime"):
        with pytest.raises(EmulatorError, match="in '" + location.replace("*", r"\*")) as caught:
            Emulator.open("toy.onnx", engine=engine)
        assert caught.value.status_name == "PYEMU_ERR_UNSUPPORTED"


def message(number: int, body: bytes, tag_bits: int = 0) -> bytes:
    """A field of bytes; ``tag_bits`` are set in its tag beyond the 32 that there are."""
    return varint((number << 3 | 2) | tag_bits << 32) + varint(len(body)) + body


def varint(value: int) -> bytes:
    """A number as protocol buffers write it."""
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*data, value])


def test_numbers_that_other_readers_cut_are_no_way_in(toy: ModelProto) -> None:
    good = toy.SerializeToString()
    hidden = message(7, message(5, outside().SerializeToString(), tag_bits=1))
    assert refusal(good + hidden).status_name == "PYEMU_ERR_FORMAT"
    tensor = outside()
    tensor.ClearField("data_location")
    wide = tensor.SerializeToString() + varint(14 << 3) + varint(2**32 + 1)  # 1 to a reader of 32 bits
    assert refusal(good + message(7, message(5, wide))).status_name == "PYEMU_ERR_UNSUPPORTED"
    inside = tensor.SerializeToString() + varint(14 << 3) + varint(0)
    Emulator.from_bytes(good + message(7, message(5, inside)), engine="stub").close()


def test_nesting_ends(toy: ModelProto) -> None:
    graph = b""
    for _ in range(2000):
        graph = message(1, message(5, message(6, graph)))
    error = refusal(toy.SerializeToString() + message(7, graph))
    assert error.status_name == "PYEMU_ERR_FORMAT" and "nested more than 100 deep" in str(error)


def test_the_format_of_onnx_runtime_in_disguise_is_refused(toy: ModelProto) -> None:
    disguised = message(2, b"xxORTMxx") + toy.SerializeToString()
    assert onnx.load_model_from_string(disguised).graph.output and disguised[4:8] == b"ORTM"
    assert "ONNX Runtime's own format" in str(refusal(disguised))


def test_messages_hold_no_control_characters(toy: ModelProto) -> None:
    model = ModelProto.FromString(toy.SerializeToString())
    model.graph.initializer.append(outside("\x1b[31mred\nline\x7f"))
    assert "in ' [31mred line '" in str(refusal(model.SerializeToString()))


def test_onnx_writes_what_is_refused(toy: ModelProto, tmp_path: Path) -> None:
    """The package onnx itself splits a model into two files."""
    model = ModelProto.FromString(toy.SerializeToString())
    weights = helper.make_tensor("large", TensorProto.FLOAT, [4096], bytes(4 * 4096), raw=True)
    model.graph.initializer.append(weights)
    path = tmp_path / "split.onnx"
    onnx.save(model, path, save_as_external_data=True, location="split.data")
    with pytest.raises(EmulatorError, match=r"tensor 'large' .* in 'split.data'"):
        Emulator.open(path)
    onnx.save(onnx.load(path), path)
    Emulator.open(path).close()
