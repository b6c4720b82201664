"""The engine ``native`` beside ``onnxruntime`` on graphs with an open number of columns: the same results, and the same
bits whatever the number of columns and the kind of processor."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from pyemu.runtime import Emulator, EmulatorError

BATCHES = (40, 1, 5)
OPSET = 20
IR_VERSION = 9

Constants = Mapping[str, np.ndarray]


def graph(
    nodes: Sequence[onnx.NodeProto],
    shape: Sequence[int],
    constants: Constants,
    opset: int = OPSET,
    y_shape: Sequence[int] | None = None,
) -> bytes:
    """A graph from ``x`` (column, ...) to ``y``, whose shape is found by inference if it is not given."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["column", *shape])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None if y_shape is None else ["column", *y_shape])
    initializers = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    model = helper.make_model(
        helper.make_graph(nodes, "graph", [x], [y], initializers),
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=IR_VERSION,
    )
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    return bytes(inferred.SerializeToString())


def of_node(
    operator: str,
    shape: Sequence[int],
    /,
    *inputs: np.ndarray | None,
    opset: int = OPSET,
    outputs: Sequence[str] = ("y",),
    **attributes: Any,
) -> bytes:
    """A graph of one node; all its inputs but the first are constants, or left out."""
    names = ["x", *("" if array is None else f"constant{i}" for i, array in enumerate(inputs))]
    constants = {name: array for name, array in zip(names[1:], inputs, strict=True) if array is not None}
    return graph([helper.make_node(operator, names, list(outputs), **attributes)], shape, constants, opset)


def run(model: bytes, x: np.ndarray, engine: str) -> np.ndarray:
    with Emulator.from_bytes(model, raw=True, engine=engine, check_finite=False) as emulator:
        y = next(v for v in emulator.variables if not v.is_input)
        found = np.full((len(x), *y.shape), np.nan, np.float32)
        emulator.bind("x", x)
        emulator.bind("y", found)
        emulator.run()
    return found


@contextmanager
def kernels(name: str | None) -> Iterator[None]:
    """Open emulators with the kernels of one kind of processor."""
    before = os.environ.pop("PYEMU_NATIVE_KERNELS", None)
    if name is not None:
        os.environ["PYEMU_NATIVE_KERNELS"] = name
    try:
        yield
    finally:
        os.environ.pop("PYEMU_NATIVE_KERNELS", None)
        if before is not None:
            os.environ["PYEMU_NATIVE_KERNELS"] = before


def known_kernels() -> list[str]:
    """Those that this machine can run."""
    model = of_node("Neg", (2,))
    found = []
    for name in ("avx512", "avx2", "neon", "scalar"):
        with kernels(name):
            try:
                run(model, np.ones((1, 2), np.float32), "native")
            except EmulatorError:
                continue
        found.append(name)
    assert "scalar" in found
    return found


KERNELS = known_kernels()


def check(model: bytes, shape: Sequence[int], seed: int = 0, rtol: float = 1e-5) -> None:
    """Columns as ONNX Runtime computes them; the same bits alone, among others, and with all kernels."""
    x = np.random.default_rng(seed).standard_normal((BATCHES[0], *shape)).astype(np.float32)
    expected = run(model, x, "onnxruntime")
    with kernels(KERNELS[0]):
        whole = run(model, x, "native")
    atol = rtol * float(np.abs(expected[np.isfinite(expected)]).max(initial=0))
    np.testing.assert_allclose(whole, expected, rtol=rtol, atol=atol)
    for name in KERNELS:
        for n in BATCHES:
            with kernels(name):
                found = run(model, x[-n:], "native")
            np.testing.assert_array_equal(found.view(np.int32), whole[-n:].view(np.int32), f"{name}, {n} columns")


def refused(model: bytes) -> str:
    """Why the engine does not open a graph."""
    with pytest.raises(EmulatorError) as error:
        Emulator.from_bytes(model, raw=True, engine="native").close()
    assert error.value.status_name == "PYEMU_ERR_UNSUPPORTED"
    return str(error.value)


def floats(*shape: int, seed: int = 1) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(shape) / 2).astype(np.float32)


def whole(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


# --- Pooling ---


@st.composite
def pools(draw: st.DrawFn) -> tuple[tuple[int, ...], dict[str, Any]]:
    """Sizes of a field and a window that fits it, in one to three dimensions."""
    n = draw(st.integers(1, 3))
    each = st.lists(st.integers(1, 3), min_size=n, max_size=n)
    kernel, strides, dilations = draw(each), draw(each), draw(each)
    pads = [draw(st.integers(0, k - 1)) for _ in range(2) for k in kernel]
    space = [draw(st.integers((k - 1) * d + 1, (k - 1) * d + 12)) for k, d in zip(kernel, dilations, strict=True)]
    attributes: dict[str, Any] = {"kernel_shape": kernel, "strides": strides}
    kind = draw(st.sampled_from(["auto_pad", "ceil_mode", "pads"]))
    if kind != "pads":  # ONNX Runtime fails if windows lie apart
        attributes["strides"] = [min(k, s) for k, s in zip(kernel, strides, strict=True)]
    if kind == "ceil_mode":  # nor does it leave a window out that begins behind the tensor
        pads[n:] = [0] * n
    if kind == "auto_pad":
        attributes["auto_pad"] = draw(st.sampled_from(["SAME_UPPER", "SAME_LOWER", "VALID"]))
    else:
        attributes |= {"pads": pads, "dilations": dilations, "ceil_mode": int(kind == "ceil_mode")}
    return (draw(st.integers(1, 3)), *space), attributes


@settings(max_examples=40, deadline=None)
@given(pools())
def test_max_pool(pool: tuple[tuple[int, ...], dict[str, Any]]) -> None:
    shape, attributes = pool
    check(of_node("MaxPool", shape, **attributes), shape)


@settings(max_examples=40, deadline=None)
@given(pools(), st.booleans())
def test_average_pool(pool: tuple[tuple[int, ...], dict[str, Any]], count_include_pad: bool) -> None:
    shape, attributes = pool
    model = of_node("AveragePool", shape, **attributes, count_include_pad=int(count_include_pad))
    check(model, shape, rtol=2e-6)


@settings(max_examples=20, deadline=None)
@given(pools(), st.integers(1, 3))
def test_lp_pool(pool: tuple[tuple[int, ...], dict[str, Any]], p: int) -> None:
    shape, attributes = pool
    check(of_node("LpPool", shape, **attributes, p=p), shape)


def test_wide_windows() -> None:
    check(of_node("MaxPool", (2, 40), kernel_shape=[20], strides=[2]), (2, 40))
    check(of_node("AveragePool", (2, 9, 40), kernel_shape=[9, 17], strides=[9, 3]), (2, 9, 40))
    check(of_node("GlobalAveragePool", (3, 17, 33)), (3, 17, 33))
    check(of_node("GlobalMaxPool", (3, 5, 33)), (3, 5, 33))


# --- Padding ---


@settings(max_examples=40, deadline=None)
@given(st.data(), st.sampled_from(["constant", "reflect", "edge", "wrap"]))
def test_pad(data: st.DataObject, mode: str) -> None:
    space = data.draw(st.lists(st.integers(3, 9), min_size=1, max_size=3))
    low = -1 if mode == "constant" else 0
    ends = [data.draw(st.integers(low, size - 1)) for _ in range(2) for size in space]
    axes = whole(*range(1, 1 + len(space)))
    check(of_node("Pad", space, whole(*ends), np.float32(0.5), axes, mode=mode), space)


def test_longitude_wraps() -> None:
    """As a convolution on the sphere has it: longitude goes round, latitude ends."""
    nodes = [
        helper.make_node("Pad", ["x", "round", "", "longitude"], ["a"], mode="wrap"),
        helper.make_node("Pad", ["a", "ends", "", "latitude"], ["b"], mode="edge"),
        helper.make_node("Conv", ["b", "weights"], ["y"]),
    ]
    constants = {
        "round": whole(1, 1),
        "longitude": whole(3),
        "ends": whole(1, 1),
        "latitude": whole(-2),
        "weights": floats(4, 2, 3, 3),
    }
    model = graph(nodes, (2, 8, 16), constants)
    check(model, (2, 8, 16))
    x = np.random.default_rng(0).standard_normal((1, 2, 8, 16)).astype(np.float32)
    turned = run(model, np.ascontiguousarray(np.roll(x, 5, axis=-1)), "native")
    np.testing.assert_array_equal(turned, np.roll(run(model, x, "native"), 5, axis=-1))


def test_columns_are_not_padded() -> None:
    assert "pads columns" in refused(of_node("Pad", (3,), whole(1, 0, 0, 0)))


# --- Resizing ---

COORDINATES = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(["nearest", "linear", "cubic"]), st.sampled_from(COORDINATES))
def test_resize_to_sizes(data: st.DataObject, mode: str, coordinates: str) -> None:
    n = 2 if mode == "cubic" else data.draw(st.integers(1, 3))
    space = data.draw(st.lists(st.integers(2, 9), min_size=n, max_size=n))
    sizes = data.draw(st.lists(st.integers(1, 20), min_size=n, max_size=n))
    attributes: dict[str, Any] = {"mode": mode, "coordinate_transformation_mode": coordinates}
    if mode == "nearest":
        kinds = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]
        attributes["nearest_mode"] = data.draw(st.sampled_from(kinds))
    axes = [*range(2, 2 + n)]
    check(of_node("Resize", (2, *space), None, None, whole(*sizes), axes=axes, **attributes), (2, *space))


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("scale", [2.0, 3.0, 1.5, 0.5])
def test_resize_by_scales(mode: str, scale: float) -> None:
    shape = (3, 6, 8)
    scales = np.array([1, 1, scale, scale], np.float32)
    check(of_node("Resize", shape, None, scales, mode=mode), shape)


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_upsample(mode: str) -> None:
    scales = np.array([1, 1, 2, 3], np.float32)
    check(of_node("Upsample", (2, 4, 5), scales, opset=9, mode=mode), (2, 4, 5))


def test_antialias_is_refused() -> None:
    sizes = whole(2, 2)
    model = of_node("Resize", (2, 4, 4), None, None, sizes, axes=[2, 3], mode="linear", antialias=1)
    assert "antialias" in refused(model)


# --- Depth and space ---


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_depth_to_space(mode: str) -> None:
    nodes = [
        helper.make_node("DepthToSpace", ["x"], ["a"], blocksize=2, mode=mode),
        helper.make_node("MaxPool", ["a"], ["b"], kernel_shape=[2, 2]),  # on what is not dense in memory
        helper.make_node("Relu", ["b"], ["y"]),
    ]
    check(graph(nodes, (8, 3, 4), {}), (8, 3, 4))


def test_convolution_of_joined_dimensions() -> None:
    """What DepthToSpace joins lies in several parts, which a window with strides cannot walk over."""
    nodes = [
        helper.make_node("DepthToSpace", ["x"], ["a"], blocksize=2),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "weights"], ["y"], strides=[1, 3]),
    ]
    check(graph(nodes, (8, 3, 4), {"weights": floats(3, 2, 1, 2)}), (8, 3, 4))


def test_space_to_depth() -> None:
    check(of_node("SpaceToDepth", (3, 4, 6), blocksize=2), (3, 4, 6))


# --- Normalisation ---


def test_instance_normalization() -> None:
    check(of_node("InstanceNormalization", (3, 5, 9), floats(3), floats(3)), (3, 5, 9))


@pytest.mark.parametrize(("opset", "n"), [(18, 2), (21, 6)])
def test_group_normalization(opset: int, n: int) -> None:
    """One scale per group, later one per channel."""
    node = helper.make_node("GroupNormalization", ["x", "scale", "bias"], ["y"], num_groups=2)
    constants = {"scale": floats(n), "bias": floats(n, seed=2)}
    check(graph([node], (6, 5, 9), constants, opset, y_shape=(6, 5, 9)), (6, 5, 9))


@pytest.mark.parametrize("output", [0, 1, 2])
def test_layer_normalization(output: int) -> None:
    outputs = [["y"], ["a", "y"], ["a", "", "y"]][output]
    model = of_node("LayerNormalization", (5, 9), floats(9), floats(9), outputs=outputs)
    check(model, (5, 9))


# --- Recurrence ---

SEQUENCE, WIDTH, HIDDEN = 6, 5, 7


def recurrent(operator: str, gates: int, **attributes: Any) -> bytes:
    """A recurrent layer on (column, sequence, width)."""
    n = 2 if attributes.get("direction") == "bidirectional" else 1
    constants = {
        "w": floats(n, gates * HIDDEN, WIDTH),
        "r": floats(n, gates * HIDDEN, HIDDEN, seed=2),
        "b": floats(n, 2 * gates * HIDDEN, seed=3),
        "p": floats(n, 3 * HIDDEN, seed=4),
    }
    with_peepholes = attributes.pop("peepholes", False)
    inputs = ["a", "w", "r", "b", *(["", "", "", "p"] if with_peepholes else [])]
    nodes = [
        helper.make_node("Transpose", ["x"], ["a"], perm=[1, 0, 2]),
        helper.make_node(operator, inputs, ["c"], hidden_size=HIDDEN, **attributes),
        helper.make_node("Transpose", ["c"], ["y"], perm=[2, 0, 1, 3]),
    ]
    return graph(nodes, (SEQUENCE, WIDTH), constants)


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize(("operator", "gates"), [("RNN", 1), ("GRU", 3), ("LSTM", 4)])
def test_recurrent_layers(operator: str, gates: int, direction: str) -> None:
    check(recurrent(operator, gates, direction=direction), (SEQUENCE, WIDTH))


@pytest.mark.parametrize(
    ("operator", "gates", "activations"),
    [("RNN", 1, ["Relu"]), ("GRU", 3, ["Sigmoid", "Softplus"]), ("LSTM", 4, ["Sigmoid", "Relu", "Tanh"])],
)
def test_other_activations(operator: str, gates: int, activations: list[str]) -> None:
    check(recurrent(operator, gates, activations=activations), (SEQUENCE, WIDTH))


def test_peepholes() -> None:
    check(recurrent("LSTM", 4, peepholes=True, direction="bidirectional"), (SEQUENCE, WIDTH))


def test_columns_before_the_sequence() -> None:
    """Layout 1, which ONNX Runtime does not know: as layout 0 between two transpositions."""
    n = 3
    weights = [floats(1, n * HIDDEN, WIDTH), floats(1, n * HIDDEN, HIDDEN, seed=2)]
    model = of_node("GRU", (SEQUENCE, WIDTH), *weights, floats(1, 2 * n * HIDDEN, seed=3), hidden_size=HIDDEN, layout=1)
    x = floats(9, SEQUENCE, WIDTH)
    np.testing.assert_array_equal(run(model, x, "native"), run(recurrent("GRU", n), x, "native"))


# --- Elements, shapes ---


@pytest.mark.parametrize(
    ("operator", "attributes"),
    [("ThresholdedRelu", {"alpha": 0.3}), ("Celu", {"alpha": 0.7}), ("Shrink", {"lambd": 0.4, "bias": 0.2})],
)
def test_activations(operator: str, attributes: dict[str, float]) -> None:
    check(of_node(operator, (17,), **attributes), (17,))


def test_modulo() -> None:
    divisors = np.array([0.3, -0.3, 1e-3, 7, np.inf, 0.1, 1], np.float32)
    model = of_node("Mod", (7,), divisors, fmod=1)
    check(model, (7,))
    x = 1000 * floats(4, 7)
    np.testing.assert_array_equal(run(model, x, "native"), np.fmod(x, divisors))


def test_tile_and_triangle() -> None:
    check(of_node("Tile", (3, 4), whole(1, 2, 3)), (3, 4))
    check(of_node("Trilu", (4, 5), np.array(1, np.int64), upper=1), (4, 5))
    check(of_node("Trilu", (4, 5), np.array(-1, np.int64), upper=0), (4, 5))


def test_arithmetic_of_shapes() -> None:
    """Sizes are compared and chosen while the graph is opened, as exporters write Expand."""
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Equal", ["shape", "minus"], ["is_open"]),
        helper.make_node("Where", ["is_open", "minus", "shape"], ["chosen"]),
        helper.make_node("Reshape", ["x", "chosen"], ["a"]),
        helper.make_node("Range", ["zero", "five", "one"], ["places"]),
        helper.make_node("Gather", ["a", "places"], ["b"], axis=1),
        helper.make_node("Range", ["start", "end", "delta"], ["c"]),
        helper.make_node("Add", ["b", "c"], ["y"]),
    ]
    numbers = {"zero": 0, "five": 5, "one": 1, "minus": -1}
    constants = {name: np.array(n, np.int64) for name, n in numbers.items()}
    constants |= {name: np.float32(n) for name, n in (("start", 1), ("end", 2), ("delta", 0.25))}
    constants["end"] = np.float32(2.25)
    check(graph(nodes, (6,), constants), (6,))


def test_integers_are_not_convolved() -> None:
    x = helper.make_tensor_value_info("x", TensorProto.INT32, ["column", 1, 4, 4])
    y = helper.make_tensor_value_info("y", TensorProto.INT32, ["column", 1, 2, 2])
    weights = numpy_helper.from_array(np.ones((1, 1, 3, 3), np.int32), "w")
    node = helper.make_node("Conv", ["x", "w"], ["y"])
    model = helper.make_model(helper.make_graph([node], "graph", [x], [y], [weights]), ir_version=IR_VERSION)
    assert "do not fit the tensor" in refused(model.SerializeToString())


# --- Networks from torch ---


def exported(module: Any, shape: Sequence[int], directory: Path) -> bytes:
    """The file of a module that takes and returns fields (sample, ...)."""
    import torch

    from pyemu.emulator.card import Card, Provenance, Variable
    from pyemu.emulator.export import export_onnx

    class Tuple(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = module

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor]:
            return (self.module(x),)

    def variable(name: str, dims: list[str]) -> Variable:
        entry = {"name": name, "standard_name": name, "units": "1", "dims": dims, "dtype": "float32"}
        return Variable.model_validate(entry)

    x = torch.randn(4, *shape)
    with torch.no_grad():
        sizes = {"x": shape, "y": tuple(module.eval()(x).shape[1:])}
    dims = {name: [f"{name}_{i}" for i in range(len(size))] for name, size in sizes.items()}
    card = Card(
        name="network",
        version="1",
        kind="field",
        summary="Random weights",
        licence="Apache-2.0",
        vertical_order="top_first",
        dimensions={dim: n for name, size in sizes.items() for dim, n in zip(dims[name], size, strict=True)},
        inputs=(variable("x", ["sample", *dims["x"]]),),
        outputs=(variable("y", ["sample", *dims["y"]]),),
        provenance=Provenance(data_sha256="", code_version="", created=""),
    )
    return export_onnx(Tuple(), card, {"x": x}, directory / "network.onnx").read_bytes()


def networks() -> dict[str, Callable[[], tuple[Any, tuple[int, ...]]]]:
    from torch import nn

    def normalised() -> Any:
        return nn.Sequential(
            nn.Conv2d(2, 8, 3, padding=1, padding_mode="circular"),
            nn.GroupNorm(2, 8),
            nn.SiLU(),
            nn.Conv2d(8, 8, 3, stride=2, padding=1),
            nn.InstanceNorm2d(8, affine=True),
            nn.GELU(),
            nn.ConvTranspose2d(8, 4, 4, stride=2, padding=1),
            nn.BatchNorm2d(4),
            nn.CELU(),
        )

    def resized() -> Any:
        return nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(2, 4, 3),
            nn.MaxPool2d(3, stride=2, padding=1),
            nn.Upsample(scale_factor=2, mode="bilinear"),
            nn.AvgPool2d(2, ceil_mode=True),
            nn.Upsample(size=(9, 13), mode="nearest"),
            nn.ReplicationPad2d((1, 0, 2, 1)),
            nn.AdaptiveAvgPool2d(1),
        )

    def pixels() -> Any:
        return nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(8, 8, 1),
            nn.PixelShuffle(2),
            nn.Upsample(scale_factor=2, mode="bicubic"),
            nn.Hardshrink(),
            nn.Softshrink(),
        )

    def column() -> Any:
        return nn.Sequential(
            nn.Conv1d(3, 6, 5, padding=2, padding_mode="replicate"),
            nn.LeakyReLU(),
            nn.AvgPool1d(3, stride=2, padding=1),
            nn.Upsample(scale_factor=2, mode="linear", align_corners=True),
            nn.LayerNorm(12),
        )

    class Unet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.before = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
            self.below = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(4, 8, 3, padding=1), nn.GroupNorm(4, 8), nn.SiLU())
            self.up = nn.ConvTranspose2d(8, 4, 2, 2)
            self.after = nn.Conv2d(8, 3, 1)

        def forward(self, x: Any) -> Any:
            import torch

            kept = self.before(x)
            below = self.below(kept)
            resized = nn.functional.interpolate(below, scale_factor=2, mode="bilinear")
            return self.after(torch.cat([kept, self.up(below) + resized[:, :4]], dim=1))

    fields = (2, 12, 16)
    return {
        "unet": lambda: (Unet(), fields),
        "normalised": lambda: (normalised(), fields),
        "resized": lambda: (resized(), fields),
        "pixels": lambda: (pixels(), fields),
        "column": lambda: (column(), (3, 12)),
    }


@pytest.mark.parametrize("name", ["unet", "normalised", "resized", "pixels", "column"])
def test_networks_from_torch(name: str, tmp_path: Path) -> None:
    import torch

    torch.manual_seed(3)
    module, shape = networks()[name]()
    check(exported(module, shape, tmp_path), shape)
