"""Make the small emulator files of the native tests: ``make_emulators.py DIRECTORY``.

The networks are not trained. Each output is a formula that a test can repeat by hand, with another weight in
every level, so that a transposed, shifted or broadcast array cannot give the right answer.
"""

from __future__ import annotations

import base64
import copy
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from archives import write_archives, write_modules
from onnx import TensorProto, helper, numpy_helper

N_LAYER = 5
N_REFERENCE = 4
BATCH = ("column", "sample")
ONNX_TYPES = {"float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE, "int32": TensorProto.INT32}
Arrays = dict[str, np.ndarray]
Card = dict[str, Any]


def variable(name: str, units: str, dims: list[str], dtype: str) -> Card:
    """Return the card's entry for one variable."""
    return {"name": name, "standard_name": name, "units": units, "dims": dims, "dtype": dtype}


def make_card(name: str, inputs: list[Card], outputs: list[Card], n_layer: int = N_LAYER) -> Card:
    """Return a card of schema 1."""
    return {
        "schema": 1,
        "name": name,
        "version": "1",
        "kind": "column",
        "summary": "Formula for the native tests \u2014 not a trained network",
        "licence": "Apache-2.0",
        "vertical_order": "top_first",
        "dimensions": {"layer": n_layer, "interface": n_layer + 1},
        "inputs": inputs,
        "outputs": outputs,
        "time_step": None,
        "noise": None,
        "state": [],
        "budgets": [],
        "provenance": {"created": "2026-01-01T00:00:00Z"},
    }


def graph_value(card: Card, entry: Card, columns: int | str = "column") -> onnx.ValueInfoProto:
    """Declare one graph input or output as the card says."""
    shape = [columns if dim in BATCH else card["dimensions"][dim] for dim in entry["dims"]]
    return helper.make_tensor_value_info(entry["name"], ONNX_TYPES[entry["dtype"]], shape)


def make_model(
    card: Card, nodes: list[onnx.NodeProto], constants: Arrays, columns: int | str = "column"
) -> onnx.ModelProto:
    """Assemble a model whose graph inputs and outputs are the card's."""
    graph = helper.make_graph(
        nodes,
        card["name"],
        [graph_value(card, entry, columns) for entry in card["inputs"]],
        [graph_value(card, entry, columns) for entry in card["outputs"]],
        [numpy_helper.from_array(value, key) for key, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def make_reference(card: Card, values: Arrays) -> dict[str, Any]:
    """Encode recorded columns as the file format wants them."""
    entries = card["inputs"] + card["outputs"]
    encoded = {
        entry["name"]: base64.b64encode(
            np.ascontiguousarray(values[entry["name"]], np.dtype(entry["dtype"]).newbyteorder("<")).tobytes()
        ).decode()
        for entry in entries
    }
    return {"columns": len(next(iter(values.values()))), "encoding": "base64-le", "values": encoded}


def write(path: Path, model: onnx.ModelProto, card: Any = None, reference: Any = None) -> None:
    """Write the model with card and reference columns, each as it is given: a text, or something to dump."""
    model = copy.deepcopy(model)
    for key, value in (("pyemu", card), ("pyemu_reference", reference)):
        if value is not None:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            model.metadata_props.add(key=key, value=text)
    path.write_bytes(model.SerializeToString())


def toy_card() -> Card:
    """Return the card of the toy: mixed precision, three inputs, three outputs."""
    inputs = [
        variable("air_temperature", "K", ["column", "layer"], "float32"),
        variable("air_pressure_at_interfaces", "Pa", ["column", "interface"], "float64"),
        variable("surface_temperature", "K", ["column"], "float32"),
    ]
    outputs = [
        variable("upwelling_longwave_flux_in_air_at_interfaces", "W m-2", ["column", "interface"], "float64"),
        variable("tendency_of_air_temperature_due_to_longwave_heating", "K s-1", ["column", "layer"], "float64"),
        variable("toa_outgoing_longwave_flux", "W m-2", ["column"], "float32"),
    ]
    return make_card("toy", inputs, outputs)


def ranged_card() -> Card:
    """Return the card of the toy with what a guard compares numbers with."""
    card = toy_card()
    seen = {"minimum": [180.0 + level for level in range(N_LAYER)], "maximum": [260.0] * N_LAYER}
    card["inputs"][0].update(valid_range=[100.0, 400.0], training_range=seen)
    card["outputs"][2].update(valid_range=[-1e4, 1e4])
    terms = [("upwelling_longwave_flux_in_air_at_interfaces", 1.0, "top"), ("surface_temperature", -1.0, "column")]
    card["budgets"] = [
        {
            "name": "flux_at_the_top",
            "description": "a hundredth of the pressure there, which no tolerance allows for",
            "kind": "linear",
            "terms": [dict(zip(("variable", "factor", "where"), term, strict=True)) for term in terms],
            "units": "W m-2",
            "tolerance": 1.1025,
        }
    ]
    return card


def toy_constants() -> Arrays:
    """Return the weights: level l (from 1) has weight l, or l / 100 for pressure."""
    layer = np.arange(1, N_LAYER + 1, dtype=np.float64)
    interface = np.arange(1, N_LAYER + 2, dtype=np.float64) / 100
    return {"layer": layer, "interface": interface, "axis": np.array([1], np.int64)}


def toy_nodes() -> list[onnx.NodeProto]:
    """Return the graph of :func:`toy_formula`."""
    flux, tendency, outgoing = (entry["name"] for entry in toy_card()["outputs"])
    node = helper.make_node
    return [
        node("Cast", ["air_temperature"], ["t"], to=TensorProto.DOUBLE),
        node("Cast", ["surface_temperature"], ["ts"], to=TensorProto.DOUBLE),
        node("Unsqueeze", ["ts", "axis"], ["ts_column"]),
        node("Mul", ["air_pressure_at_interfaces", "interface"], ["weighted_pressure"]),
        node("Add", ["weighted_pressure", "ts_column"], [flux]),
        node("Sub", ["t", "ts_column"], ["difference"]),
        node("Mul", ["difference", "layer"], [tendency]),
        node("Mul", ["t", "layer"], ["weighted"]),
        node("ReduceSum", ["weighted", "axis"], ["sum"], keepdims=0),
        node("Cast", ["sum"], [outgoing], to=TensorProto.FLOAT),
    ]


def toy_formula(values: Arrays) -> Arrays:
    """Return the outputs of the toy for (column, level) inputs."""
    weights = toy_constants()
    t = values["air_temperature"].astype(np.float64)
    ts = values["surface_temperature"].astype(np.float64)[:, None]
    results = (
        values["air_pressure_at_interfaces"] * weights["interface"] + ts,
        (t - ts) * weights["layer"],
        (t * weights["layer"]).sum(1).astype(np.float32),
    )
    return dict(zip((entry["name"] for entry in toy_card()["outputs"]), results, strict=True))


def toy_values() -> Arrays:
    """Return the recorded columns of the toy."""
    random = np.random.default_rng(2026)
    values: Arrays = {
        "air_temperature": random.uniform(200, 300, (N_REFERENCE, N_LAYER)).astype(np.float32),
        "air_pressure_at_interfaces": np.sort(random.uniform(0, 1e5, (N_REFERENCE, N_LAYER + 1))),
        "surface_temperature": random.uniform(270, 310, N_REFERENCE).astype(np.float32),
    }
    return values | toy_formula(values)


def scale_emulator(name: str, dtype: str, rank: int = 2, factor: int = 1) -> tuple[Card, onnx.ModelProto, Arrays]:
    """Return an emulator y = x * factor * (1, 2, 3, ...) of one element type: it can be run without any copy."""
    dims = ["column", "layer"][:rank]
    card = make_card(name, [variable("x", "1", dims, dtype)], [variable("y", "1", dims, dtype)])
    weight = factor * (np.arange(1, N_LAYER + 1, dtype=dtype) if rank == 2 else np.array([2], dtype))
    x = np.arange(N_REFERENCE * N_LAYER).reshape(N_REFERENCE, N_LAYER).astype(dtype)
    x = x if rank == 2 else x[:, 0]
    model = make_model(card, [helper.make_node("Mul", ["x", "weight"], ["y"])], {"weight": weight})
    return card, model, {"x": x, "y": x * weight}


def mlp_emulator(n_layer: int = 60, width: int = 64) -> tuple[Card, onnx.ModelProto, Arrays]:
    """Return a multilayer perceptron from five profiles to one, for timing."""
    names = [f"profile_{i}" for i in range(5)]
    profile = ["column", "layer"]
    card = make_card(
        "mlp",
        [variable(name, "1", profile, "float32") for name in names],
        [variable("result", "1", profile, "float32")],
        n_layer,
    )
    random = np.random.default_rng(7)
    sizes = [(5 * n_layer, width), (width, width), (width, n_layer)]
    constants = {f"w{i}": (random.normal(size=s) / np.sqrt(s[0])).astype(np.float32) for i, s in enumerate(sizes)}
    constants |= {f"b{i}": random.normal(size=s[1]).astype(np.float32) for i, s in enumerate(sizes)}
    nodes = [helper.make_node("Concat", names, ["h0"], axis=1)]
    for i in range(3):
        nodes.append(helper.make_node("Gemm", [f"h{i}", f"w{i}", f"b{i}"], ["result" if i == 2 else f"g{i}"]))
        if i < 2:
            nodes.append(helper.make_node("Relu", [f"g{i}"], [f"h{i + 1}"]))
    values: Arrays = {name: random.normal(size=(N_REFERENCE, n_layer)).astype(np.float32) for name in names}
    h = np.concatenate([values[name] for name in names], 1)
    for i in range(3):
        h = h @ constants[f"w{i}"] + constants[f"b{i}"]
        h = np.maximum(h, 0) if i < 2 else h
    return card, make_model(card, nodes, constants), values | {"result": h}


def failing_emulator() -> tuple[Card, onnx.ModelProto, Arrays]:
    """Return an emulator that may fail in run: column i gets the column whose number is its first value."""
    profile = ["column", "layer"]
    card = make_card("fails", [variable("x", "1", profile, "float32")], [variable("y", "1", profile, "float32")])
    nodes = [
        helper.make_node("Gather", ["x", "first"], ["number"], axis=1),
        helper.make_node("Cast", ["number"], ["index"], to=TensorProto.INT64),
        helper.make_node("Gather", ["x", "index"], ["y"], axis=0),
    ]
    model = make_model(card, nodes, {"first": np.array(0, np.int64)})
    x = np.zeros((1, N_LAYER), np.float32)
    return card, model, {"x": x, "y": x}


def field_emulator() -> tuple[Card, onnx.ModelProto, Arrays]:
    """Return an emulator of fields: ``factor * field * weight + mask``, weight 1 to 24 over (channel, y, x)."""
    dims = ["sample", "channel", "y", "x"]
    inputs = [
        variable("field", "1", dims, "float32"),
        variable("mask", "1", ["y", "x"], "float32"),
        variable("factor", "1", [], "float32"),
    ]
    card = make_card("field", inputs, [variable("result", "1", dims, "float32")])
    card |= {"kind": "field", "dimensions": {"channel": 2, "y": 3, "x": 4}}
    weight = np.arange(1, 25, dtype=np.float32).reshape(2, 3, 4)
    nodes = [
        helper.make_node("Mul", ["field", "weight"], ["weighted"]),
        helper.make_node("Mul", ["weighted", "factor"], ["scaled"]),
        helper.make_node("Add", ["scaled", "mask"], ["result"]),
    ]
    model = make_model(card, nodes, {"weight": weight}, columns="sample")
    field = np.linspace(0, 1, 2 * 24, dtype=np.float32).reshape(2, 2, 3, 4)
    mask, factor = np.arange(12, dtype=np.float32).reshape(3, 4), np.float32(3)
    return card, model, {"field": field, "mask": mask, "factor": factor, "result": factor * field * weight + mask}


def global_emulator() -> tuple[Card, onnx.ModelProto, Arrays]:
    """Return an emulator of columns with one number for all of them: ``y = x * factor``."""
    profile = ["column", "layer"]
    inputs = [variable("x", "1", profile, "float32"), variable("factor", "1", [], "float32")]
    card = make_card("global", inputs, [variable("y", "1", profile, "float32")])
    model = make_model(card, [helper.make_node("Mul", ["x", "factor"], ["y"])], {})
    x = np.arange(2 * N_LAYER, dtype=np.float32).reshape(2, N_LAYER)
    return card, model, {"x": x, "factor": np.float32(2), "y": 2 * x}


def noisy_emulator(suffix: str = "") -> tuple[Card, onnx.ModelProto, Arrays]:
    """Return an emulator that shows its noise: ``shown = x + noise`` for each of three kinds, so with x = 0 the noise itself.

    The inputs that are noise, and their shapes: ``memory`` float32 (column, layer), an AR(1) process; ``kick`` float64
    (column, layer); ``coin`` float32 (column), uniform.
    """
    profile, numbers = ["column", "layer"], ["column"]
    kinds = {
        "memory": (profile, "float32", {"distribution": "normal", "ar1": 0.9}),
        "kick": (profile, "float64", {"distribution": "normal"}),
        "coin": (numbers, "float32", {"distribution": "uniform", "ar1": 0}),
    }
    inputs = [variable("x", "1", numbers, "float64")]
    inputs += [variable(name, "1", dims, dtype) | {"noise": noise} for name, (dims, dtype, noise) in kinds.items()]
    outputs = [variable(f"shown_{name}", "1", dims, dtype) for name, (dims, dtype, _) in kinds.items()]
    card = make_card(f"noisy{suffix}", inputs, outputs) | {"schema": 2}
    node = helper.make_node
    nodes = [
        node("Unsqueeze", ["x", "axis"], ["x_column"]),
        node("Cast", ["x_column"], ["x_single"], to=TensorProto.FLOAT),
        node("Cast", ["x"], ["x_number"], to=TensorProto.FLOAT),
        node("Add", ["memory", "x_single"], ["shown_memory"]),
        node("Add", ["kick", "x_column"], ["shown_kick"]),
        node("Add", ["coin", "x_number"], ["shown_coin"]),
    ]
    random = np.random.default_rng(11)
    values: Arrays = {
        name: random.uniform(0, 1, (N_REFERENCE, N_LAYER)[: len(dims)]).astype(dtype)
        for name, (dims, dtype, _) in kinds.items()
    }
    shown = {f"shown_{name}": value for name, value in values.items()}
    model = make_model(card, nodes, {"axis": np.array([1], np.int64)})
    return card, model, {"x": np.zeros(N_REFERENCE)} | values | shown


def carrying_emulator() -> tuple[Card, onnx.ModelProto, Arrays]:
    """Return an emulator with memory of two kinds: ``hidden_next = hidden / 2 + x + kick`` is the next ``hidden``.

    ``kick`` is an AR(1) process, ``seen = hidden - x`` shows what was carried.
    """
    profile = ["column", "layer"]
    kick = variable("kick", "1", profile, "float32") | {"noise": {"distribution": "normal", "ar1": 0.5}}
    inputs = [variable("x", "1", profile, "float32"), variable("hidden", "1", profile, "float32"), kick]
    outputs = [variable("hidden_next", "1", profile, "float32"), variable("seen", "1", profile, "float32")]
    state = [{"input": "hidden", "output": "hidden_next"}]
    card = make_card("carrying", inputs, outputs) | {"schema": 2, "state": state}
    nodes = [
        helper.make_node("Mul", ["hidden", "half"], ["halved"]),
        helper.make_node("Add", ["halved", "x"], ["forced"]),
        helper.make_node("Add", ["forced", "kick"], ["hidden_next"]),
        helper.make_node("Sub", ["hidden", "x"], ["seen"]),
    ]
    random = np.random.default_rng(12)
    x, hidden, noise = random.integers(0, 9, (3, N_REFERENCE, N_LAYER)).astype(np.float32)
    values = {"x": x, "hidden": hidden, "kick": noise, "hidden_next": hidden / 2 + x + noise, "seen": hidden - x}
    return card, make_model(card, nodes, {"half": np.float32(0.5)}), values


def bad_states() -> dict[str, Any]:
    """Return cards whose state open must refuse, by file name."""
    card = carrying_emulator()[0]
    carried = {"input": "hidden", "output": "hidden_next"}
    changes: dict[str, Callable[[Card], None]] = {
        "state_text": set_path("state", "hidden"),
        "state_list": set_path("state", ["hidden"]),
        "state_without_output": set_path("state", 0, {"input": "hidden"}),
        "state_unknown": set_path("state", 0, carried | {"input": "hid"}),
        "state_turned": set_path("state", 0, {"input": "hidden_next", "output": "hidden"}),
        "state_twice": set_path("state", [carried, carried]),
        "state_noise": set_path("state", 0, carried | {"input": "kick"}),
        "state_dtype": set_path("outputs", 0, "dtype", "float64"),
    }
    return {name: changed(card, change) for name, change in changes.items()}


def bad_noise() -> dict[str, Any]:
    """Return cards whose noise open must refuse, by file name."""
    card = noisy_emulator()[0]
    memory, kick, coin = 1, 2, 3
    changes: dict[str, Callable[[Card], None]] = {
        "noise_schema": set_path("schema", 1),
        "noise_output": set_path("outputs", 0, "noise", {"distribution": "normal"}),
        "noise_without_batch": set_path("inputs", coin, "dims", []),
        "noise_dtype": set_path("inputs", coin, "dtype", "int32"),
        "noise_number": set_path("inputs", kick, "noise", 1),
        "noise_no_distribution": set_path("inputs", kick, "noise", {"ar1": 0.5}),
        "noise_distribution": set_path("inputs", kick, "noise", "distribution", "gamma"),
        "noise_ar1_one": set_path("inputs", memory, "noise", "ar1", 1),
        "noise_ar1_negative": set_path("inputs", memory, "noise", "ar1", -0.1),
        "noise_ar1_text": set_path("inputs", memory, "noise", "ar1", "0.5"),
        "noise_ar1_uniform": set_path("inputs", coin, "noise", "ar1", 0.5),
        "noise_unknown_member": set_path("inputs", kick, "noise", "scale", 2),
        "noise_without_name": lambda c: c.pop("name"),
    }
    return {name: changed(card, change) for name, change in changes.items()}


def difference_emulator() -> tuple[Card, onnx.ModelProto, Arrays]:
    """Return an emulator whose graph has inputs and outputs of one shape in another order than the card."""
    names = ("minuend", "subtrahend", "difference", "mean")
    entries = [variable(name, "1", ["column", "layer"], "float32") for name in names]
    card = make_card("difference", entries[:2], entries[2:])
    nodes = [
        helper.make_node("Sub", ["minuend", "subtrahend"], ["difference"]),
        helper.make_node("Mean", ["minuend", "subtrahend"], ["mean"]),
    ]
    graph_order = make_card("difference", entries[1::-1], entries[:1:-1])
    x = np.arange(2 * N_LAYER, dtype=np.float32).reshape(2, N_LAYER)
    values = {"minuend": x, "subtrahend": 3 * x, "difference": -2 * x, "mean": 2 * x}
    return card, make_model(graph_order, nodes, {}), values


def changed(card: Card, change: Callable[[Card], None]) -> Card:
    """Return a copy of the card with one change made to it."""
    card = copy.deepcopy(card)
    change(card)
    return card


def set_path(*path: Any) -> Callable[[Card], None]:
    """Return a change that sets card[path[0]][path[1]]... to the last argument."""

    def change(card: Card) -> None:
        *keys, last, value = path
        at: Any = card
        for key in keys:
            at = at[key]
        at[last] = value

    return change


NOVELTY = {
    "inputs": ["surface_temperature"],
    "center": [280.0],
    "scale": [10.0],
    "vectors": [],
    "variances": [],
    "residual_variance": 1.0,
    "distance": 3.0,
}
BAD_NOVELTIES: dict[str, Any] = {
    "unknown": {"inputs": ["humidity"]},
    "output": {"inputs": ["outgoing_longwave_flux"]},
    "twice": {"inputs": ["surface_temperature"] * 2, "center": [280.0] * 2, "scale": [10.0] * 2},
    "short": {"center": []},
    "scale": {"scale": [0.0]},
    "vectors": {"vectors": [[1.0, 0.0]], "variances": [1.0]},
    "variances": {"vectors": [[1.0]], "variances": [-1.0]},
    "rest": {"residual_variance": 0.0},
    "distance": {"distance": "far"},
}


def bad_cards(card: Card) -> dict[str, Any]:
    """Return cards that open must refuse, by file name."""
    changes: dict[str, Callable[[Card], None]] = {
        "newer_schema": set_path("schema", 3),
        "schema_text": set_path("schema", "one"),
        "kind_other": set_path("kind", "mesh"),
        "field_batch_not_first": lambda c: (
            c.update(kind="field") or set_path("inputs", 0, "dims", ["layer", "sample"])(c)
        ),
        "output_without_column": set_path("outputs", 2, "dims", []),
        "three_dims": set_path("inputs", 0, "dims", ["column", "layer", "interface"]),
        "with_noise": set_path("noise", {"distribution": "normal", "size": 8}),
        **{f"novelty_{name}": set_path("novelty", NOVELTY | change) for name, change in BAD_NOVELTIES.items()},
        "no_inputs": set_path("inputs", []),
        "name_twice": set_path("inputs", 1, "name", "air_temperature"),
        "name_number": set_path("inputs", 1, "name", 3),
        "dtype_unknown": set_path("inputs", 0, "dtype", "float16"),
        "dims_without_column": set_path("inputs", 0, "dims", ["layer"]),
        "size_zero": set_path("dimensions", "layer", 0),
        "size_huge": set_path("dimensions", "layer", 10**30),
        "size_missing": set_path("dimensions", {"layer": N_LAYER}),
        "valid_range_turned": set_path("inputs", 0, "valid_range", [400.0, 100.0]),
        "valid_range_short": set_path("inputs", 0, "valid_range", [100.0]),
        "training_range_short": set_path("inputs", 0, "training_range", {"minimum": [1.0], "maximum": [2.0]}),
        "training_range_text": set_path("inputs", 2, "training_range", {"minimum": ["cold"], "maximum": [2.0]}),
        "training_range_turned": set_path("inputs", 2, "training_range", {"minimum": [3.0], "maximum": [2.0]}),
        "training_range_half": set_path("inputs", 2, "training_range", {"minimum": [3.0]}),
        "graph_other_name": set_path("inputs", 2, "name", "skin_temperature"),
        "graph_other_dtype": set_path("inputs", 1, "dtype", "float32"),
        "graph_other_size": set_path("dimensions", "layer", N_LAYER + 1),
        "graph_other_rank": set_path("inputs", 2, "dims", ["column", "layer"]),
        "graph_lacks_output": lambda c: c["outputs"].append(variable("extra", "1", ["column"], "float32")),
        "graph_has_output": lambda c: c["outputs"].pop(),
    }
    cards: dict[str, Any] = {name: changed(card, change) for name, change in changes.items()}
    cards["card_is_list"] = "[1, 2]"
    cards["card_is_deep"] = "[" * 100000
    cards["card_is_cut"] = json.dumps(card)[:-20]
    return cards


def reference_for(card: Any, values: Arrays) -> Any:
    """Return reference columns that fit a changed card, so that only the change can be what is refused."""
    if not isinstance(card, dict) or not card["inputs"]:
        return {}
    fitting: Arrays = {}
    for entry in card["inputs"] + card["outputs"]:
        known = isinstance(entry["name"], str) and entry["dtype"] in ONNX_TYPES
        level = card["dimensions"].get(entry["dims"][-1], 1) if entry["dims"] else 1
        if not known or not 0 < level < 100:
            return {}
        value = values.get(entry["name"], np.zeros(N_REFERENCE))
        shape = (N_REFERENCE, level) if len(entry["dims"]) == 2 else (N_REFERENCE,)
        fitting[entry["name"]] = value if value.shape == shape else np.zeros(shape)
    return make_reference(card, fitting)


def write_bad_references(directory: Path, model: onnx.ModelProto, card: Card, good: dict[str, Any]) -> None:
    """Write files whose reference columns are damaged, each in one way."""
    changes = {
        "reference_short": set_path("values", "air_temperature", "AAAA"),
        "reference_not_base64": set_path("values", "surface_temperature", "!" * 24),
        "reference_missing": set_path("values", {}),
        "reference_no_columns": set_path("columns", 0),
        "reference_many_columns": set_path("columns", 2**62),
        "reference_encoding": set_path("encoding", "hex"),
    }
    for name, change in changes.items():
        write(directory / f"{name}.onnx", model, card, changed(good, change))
    write(directory / "no_reference.onnx", model, card)
    write(directory / "no_card.onnx", model)


def write_toy(directory: Path) -> None:
    """Write the toy and everything that can be wrong with it."""
    card, values = toy_card(), toy_values()
    model = make_model(card, toy_nodes(), toy_constants())
    reference = make_reference(card, values)
    write(directory / "toy.onnx", model, card, reference)
    for name, bad in bad_cards(card).items():
        write(directory / f"{name}.onnx", model, bad, reference_for(bad, values))
    write(directory / "ranged.onnx", model, ranged_card(), reference)
    write_bad_references(directory, model, card, reference)
    whole = (directory / "toy.onnx").read_bytes()
    (directory / "truncated.onnx").write_bytes(whole[: len(whole) // 2])
    (directory / "empty.onnx").write_bytes(b"")
    (directory / "text.onnx").write_text("This is no emulator.\n")
    (directory / "archive.pt2").write_bytes(b"PK\x03\x04" + bytes(100))
    write_archives(directory, json.dumps(card), json.dumps(reference))
    write_modules(directory, json.dumps(card), json.dumps(reference))
    fixed = make_model(card, toy_nodes(), toy_constants(), columns=7)
    write(directory / "fixed_columns.onnx", fixed, card, reference)
    broken = helper.make_model(
        helper.make_graph([helper.make_node("NoSuchOperator", ["x"], ["y"])], "broken", [], []), ir_version=9
    )
    write(directory / "graph_broken.onnx", broken, card, reference)


def main() -> None:
    """Write all files."""
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    write_toy(directory)
    others = {
        "scale_float32": scale_emulator("scale_float32", "float32"),
        "scale_float64": scale_emulator("scale_float64", "float64"),
        "scale_int32": scale_emulator("scale_int32", "int32"),
        "scale_scalar": scale_emulator("scale_scalar", "float32", rank=1),
        "tenfold": scale_emulator("tenfold", "float32", factor=10),
        "difference": difference_emulator(),
        "mlp": mlp_emulator(),
        "fails": failing_emulator(),
        "field": field_emulator(),
        "global": global_emulator(),
        "noisy": noisy_emulator(),
        "noisy_other": noisy_emulator("_other"),
        "carrying": carrying_emulator(),
    }
    for name, (card, model, values) in others.items():
        write(directory / f"{name}.onnx", model, card, make_reference(card, values))
    _, model, values = others["noisy"]
    for name, bad in bad_noise().items():
        write(directory / f"{name}.onnx", model, bad, reference_for(bad, values))
    _, model, values = others["carrying"]
    for name, bad in bad_states().items():
        write(directory / f"{name}.onnx", model, bad, reference_for(bad, values))
    from derivatives import write_derivatives  # which takes from here what it needs

    write_derivatives(directory)


if __name__ == "__main__":
    main()
