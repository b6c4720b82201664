"""An emulator file with derivatives for the native tests, whole and damaged: y = tanh(x A) B, written by hand."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from make_emulators import N_LAYER, N_REFERENCE, Arrays, Card, make_card, make_model, make_reference, variable, write
from onnx import TensorProto, helper

WIDTH = 7
PROFILE = ["column", "layer"]
KEY = "pyemu.derivative."
node = helper.make_node


def weights() -> Arrays:
    """The two matrices."""
    random = np.random.default_rng(5)
    return {
        "first": random.standard_normal((N_LAYER, WIDTH)).astype(np.float32) / 2,
        "second": random.standard_normal((WIDTH, N_LAYER)).astype(np.float32) / 2,
    }


def inputs() -> Arrays:
    """Recorded columns."""
    return {"x": np.random.default_rng(6).standard_normal((N_REFERENCE, N_LAYER)).astype(np.float32)}


def emulator() -> tuple[Card, onnx.ModelProto, Arrays]:
    """The emulator itself."""
    card = make_card(
        "derivable", [variable("x", "K", PROFILE, "float32")], [variable("y", "W m-2", PROFILE, "float32")]
    )
    nodes = [node("MatMul", ["x", "first"], ["a"]), node("Tanh", ["a"], ["h"]), node("MatMul", ["h", "second"], ["y"])]
    values = inputs()
    return (
        card,
        make_model(card, nodes, weights()),
        values | {"y": np.tanh(values["x"] @ weights()["first"]) @ weights()["second"]},
    )


def derivative(kind: str) -> onnx.ModelProto:
    """The tangent linear or the adjoint, with card and reference columns, but without weights."""
    names = {
        "jvp": ("tangent_of_x", "K", "tangent_of_y", "W m-2"),
        "vjp": ("adjoint_of_y", "W-1 m2", "adjoint_of_x", "K-1"),
    }
    direction, its_units, result, units = names[kind]
    card = make_card(
        "derivable",
        [variable("x", "K", PROFILE, "float32"), variable(direction, its_units, PROFILE, "float32")],
        [variable(result, units, PROFILE, "float32")],
    )
    for entry in (card["inputs"][1], card["outputs"][0]):
        del entry["standard_name"]
    first, second = weights().values()
    values = inputs()
    values[direction] = np.random.default_rng(7).standard_normal((N_REFERENCE, N_LAYER)).astype(np.float32)
    slope = 1 - np.tanh(values["x"] @ first) ** 2
    nodes = [node("MatMul", ["x", "first"], ["a"]), node("Tanh", ["a"], ["h"]), node("Mul", ["h", "h"], ["h2"])]
    nodes += [node("Sub", ["one", "h2"], ["slope"])]
    if kind == "jvp":
        nodes += [node("MatMul", [direction, "first"], ["b"]), node("Mul", ["b", "slope"], ["c"])]
        nodes += [node("MatMul", ["c", "second"], [result])]
        values[result] = ((values[direction] @ first) * slope) @ second
    else:
        nodes += [node("Transpose", ["second"], ["second_t"]), node("Transpose", ["first"], ["first_t"])]
        nodes += [node("MatMul", [direction, "second_t"], ["b"]), node("Mul", ["b", "slope"], ["c"])]
        nodes += [node("MatMul", ["c", "first_t"], [result])]
        values[result] = ((values[direction] @ second.T) * slope) @ first.T
    model = make_model(card, nodes, {"one": np.array(1, np.float32)})
    for name, value in weights().items():
        model.graph.initializer.append(shared(name, value.shape))
    helper.set_model_props(
        model, {"pyemu": json.dumps(card), "pyemu_reference": json.dumps(make_reference(card, values))}
    )
    return model


def shared(name: str, shape: tuple[int, ...]) -> TensorProto:
    """A tensor whose data are in the emulator's graph."""
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="the emulator's graph")
    return tensor


def text(model: onnx.ModelProto) -> str:
    """A derivative as it stands in the metadata."""
    return base64.b64encode(model.SerializeToString(deterministic=True)).decode()


def changed(kind: str, change: Callable[[onnx.ModelProto], Any]) -> str:
    """The text of a derivative that ``change`` has damaged."""
    model = derivative(kind)
    change(model)
    return text(model)


def damaged() -> dict[str, list[tuple[str, str]]]:
    """Entries of the metadata of damaged files, by the name of the file."""
    whole = text(derivative("vjp"))
    cut = base64.b64encode(base64.b64decode(whole)[:-7]).decode()
    two_graphs = base64.b64encode(base64.b64decode(whole) + b"\x3a\x00").decode()
    texts = {
        "not_base64": "?" + whole[1:],
        "uneven": whole[:-1],
        "empty": "",
        "cut": cut,
        "two_graphs": two_graphs,
        "no_card": changed("vjp", lambda m: m.ClearField("metadata_props")),
        "unknown_weight": changed("vjp", lambda m: m.graph.initializer.append(shared("third", (1,)))),
        "weight_twice": changed("vjp", lambda m: m.graph.initializer.append(shared("first", (1,)))),
        "still_outside": changed(
            "vjp", lambda m: m.graph.node[4].attribute.append(helper.make_attribute("value", shared("first", (1,))))
        ),
        "graph_of_other_card": changed("vjp", lambda m: m.graph.ClearField("output")),
        "is_archive": base64.b64encode(b"PK\x03\x04").decode(),
    }
    files = {f"derivative_{name}": [("vjp", value)] for name, value in texts.items()}
    return files | {
        "derivative_twice": [("vjp", whole), ("vjp", whole)],
        "derivative_jvp_only": [("jvp", text(derivative("jvp")))],
    }


def write_derivatives(directory: Path) -> None:
    """Write ``derivable.onnx`` and the damaged files."""
    card, model, values = emulator()
    files = {"derivable": [(kind, text(derivative(kind))) for kind in ("vjp", "jvp")]} | damaged()
    for name, entries in files.items():
        full = copy.deepcopy(model)
        for kind, value in entries:
            full.metadata_props.add(key=KEY + kind, value=value)
        write(directory / f"{name}.onnx", full, card, make_reference(card, values))
