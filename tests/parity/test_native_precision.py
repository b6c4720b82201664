"""The option ``precision``: with ``real64`` the engine ``native`` computes a float32 graph in float64, and rounds nothing."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from compiled import build, by_column, same_bits
from onnx import TensorProto, helper, numpy_helper
from test_native_batches import KERNELS, exported, floats, graph, kernels, networks
from test_native_engine import untrained
from torch import nn

from pyemu.emulator import EmulatorFile
from pyemu.emulator.compile import compile_to_c
from pyemu.runtime import Emulator, EmulatorError

COLUMNS = 70
ROUNDING = 1e-13  # of the largest value: a few hundred roundings of float64


class First(nn.Module):
    """The first output of a recurrent layer."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.layer(x)[0]
        return found


def perceptron() -> nn.Module:
    """Activations between layers, all without numbers of their own."""
    kinds = (nn.Softplus, nn.ELU, nn.Tanh, nn.Sigmoid, nn.GELU, nn.SiLU, nn.Mish, nn.ReLU, nn.Softsign)
    layers = [module for kind in kinds for module in (nn.Linear(24, 24), kind())]
    return nn.Sequential(nn.Linear(9, 24), *layers, nn.Linear(24, 33), nn.Softmax(-1))


def convolutions() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 8, 3, padding=1, padding_mode="circular"),
        nn.Tanh(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=2),
        nn.Upsample(size=(7, 9), mode="bilinear"),
        nn.ConvTranspose2d(8, 4, 4, stride=2, padding=1),
        nn.AvgPool2d(2),
        nn.Upsample(size=(11, 5), mode="bicubic"),
    )


MODULES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "perceptron": (perceptron, (9,)),
    "gru": (lambda: First(nn.GRU(5, 19, num_layers=2, batch_first=True, bidirectional=True)), (11, 5)),
    "lstm": (lambda: First(nn.LSTM(5, 7, batch_first=True)), (11, 5)),
    "rnn": (lambda: First(nn.RNN(5, 7, batch_first=True)), (11, 5)),
    "convolutions": (convolutions, (2, 12, 16)),
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[nn.Module, bytes]]:
    """The networks and their files."""
    torch.manual_seed(4)
    found = {}
    for name, (make, shape) in MODULES.items():
        module = make().eval()
        found[name] = module, exported(module, shape, tmp_path_factory.mktemp(name))
    return found


def drawn(shape: Sequence[int], columns: int = COLUMNS) -> np.ndarray:
    return np.random.default_rng(8).standard_normal((columns, *shape))


def run(model: bytes, x: np.ndarray, precision: str | None = "real64", dtype: Any = None, **options: Any) -> np.ndarray:
    """The output ``y``, in an array of the type of ``x`` if no other is given."""
    with Emulator.from_bytes(model, raw=True, engine="native", precision=precision, **options) as emulator:
        y = next(variable for variable in emulator.variables if not variable.is_input)
        found = np.full((len(x), *y.shape), np.nan, dtype or x.dtype)
        emulator.bind("x", x)
        emulator.bind("y", found)
        emulator.run()
    return found


def widened(model: bytes) -> bytes:
    """The same graph with float64 written where float32 was."""
    wide = onnx.load_model_from_string(model)
    for tensor in list(wide.graph.initializer):
        widen(tensor)
    for port in (*wide.graph.input, *wide.graph.output):
        if port.type.tensor_type.elem_type == TensorProto.FLOAT:
            port.type.tensor_type.elem_type = TensorProto.DOUBLE
    del wide.graph.value_info[:]
    for node in wide.graph.node:
        for attribute in node.attribute:
            if attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.DOUBLE
            if attribute.HasField("t"):
                widen(attribute.t)
    return bytes(wide.SerializeToString())


def widen(tensor: onnx.TensorProto) -> None:
    if tensor.data_type == TensorProto.FLOAT:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name))


def assert_same(found: np.ndarray, expected: np.ndarray) -> None:
    assert found.dtype == expected.dtype
    assert found.tobytes() == expected.tobytes()


# --- Numbers ---


@pytest.mark.parametrize("name", MODULES)
def test_the_numbers_are_those_of_torch_in_float64(name: str, models: dict[str, tuple[nn.Module, bytes]]) -> None:
    module, model = models[name]
    x = drawn(MODULES[name][1])
    with torch.no_grad():
        expected = copy.deepcopy(module).double()(torch.from_numpy(x)).numpy()
    tolerance = ROUNDING * np.abs(expected).max()
    np.testing.assert_allclose(run(model, x), expected, rtol=0, atol=tolerance)
    assert np.abs(run(model, x, "real32") - expected).max() > 1e4 * tolerance  # it is the option that does it


@pytest.mark.parametrize("name", ["unet", "normalised", "resized", "pixels", "column"])
def test_the_bits_are_those_of_a_graph_written_in_float64(name: str, tmp_path: Path) -> None:
    """Folded constants included, which differ from torch's in float64: the numbers in the file are what is widened."""
    torch.manual_seed(3)
    module, shape = networks()[name]()
    model, x = exported(module, shape, tmp_path), drawn(shape, 9)
    assert_same(run(model, x), run(widened(model), x, "real64"))
    if name not in ("unet", "column"):  # which resize to sizes: weights of neighbours are made in float32 otherwise
        assert_same(run(model, x), run(widened(model), x, None))


@pytest.mark.parametrize("network", ["spectral", "recurrent", "convolution"])
def test_a_cast_to_float32_rounds_nothing(network: str, tmp_path: Path) -> None:
    """The radiation emulators go from float32 to float64 inside: as the graph in which every cast is to float64."""
    file = EmulatorFile.open(untrained("rrtmg_longwave", network, tmp_path))
    assert any(node.op_type == "Cast" for node in onnx.load_model_from_string(file.data).graph.node)
    arrays = {v.name: file.reference[v.name].astype(np.float64) for v in file.card.inputs}
    found = []
    for data, precision in ((file.data, "real64"), (widened(file.data), None)):
        with Emulator.from_bytes(data, raw=True, engine="native", precision=precision) as emulator:
            outputs = {
                v.name: np.full((len(file.reference[v.name]), *v.shape), np.nan) for v in emulator.variables[-3:]
            }
            for name, array in {**arrays, **outputs}.items():
                emulator.bind(name, array)
            emulator.run()
        found.append(outputs)
    for name, output in found[0].items():
        assert_same(output, found[1][name])


def test_a_cast_down_and_up_again_keeps_all_digits() -> None:
    nodes = [
        helper.make_node("Cast", ["x"], ["a"], to=TensorProto.DOUBLE),
        helper.make_node("Mul", ["a", "third"], ["b"]),
        helper.make_node("Cast", ["b"], ["c"], to=TensorProto.FLOAT),
        helper.make_node("CastLike", ["c", "third"], ["d"]),
        helper.make_node("Cast", ["d"], ["y"], to=TensorProto.FLOAT),
    ]
    model = graph(nodes, (3,), {"third": np.array(1 / 3)})
    x = drawn((3,))
    assert_same(run(model, x), x * (1 / 3))
    assert_same(
        run(model, x, "real32"), np.float32(x).astype(np.float64).__mul__(1 / 3).astype(np.float32).astype(float)
    )


def test_logical_values_and_whole_numbers_stay_what_they_are() -> None:
    """Comparisons, constants of type bool, and sizes that become numbers of the graph."""
    nodes = [
        helper.make_node("Greater", ["x", "zero"], ["is_positive"]),
        helper.make_node("And", ["is_positive", "mask"], ["both"]),
        helper.make_node("Where", ["both", "x", "third"], ["a"]),
        helper.make_node("Shape", ["x"], ["shape"], start=1),
        helper.make_node("Cast", ["shape"], ["size"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["a", "size"], ["y"]),
    ]
    mask = np.array([True, True, False])
    model = graph(nodes, (3,), {"zero": np.float32(0), "third": np.float32(1 / 3), "mask": mask})
    x = drawn((3,))
    assert_same(run(model, x), np.where((x > 0) & mask, x, np.float64(np.float32(1 / 3))) / 3)


def whole_numbers() -> bytes:
    """y = 0.1 n and k = n, of a whole number n."""
    n, k = (helper.make_tensor_value_info(name, TensorProto.INT32, ["column", 2]) for name in "nk")
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["column", 2])
    nodes = [
        helper.make_node("Identity", ["n"], ["k"]),
        helper.make_node("Cast", ["n"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["real", "factor"], ["y"]),
    ]
    factor = numpy_helper.from_array(np.float32(0.1), "factor")
    model = helper.make_model(helper.make_graph(nodes, "graph", [n], [y, k], [factor]), ir_version=9)
    return bytes(model.SerializeToString())


def test_integers_stay_integers() -> None:
    n = np.array([[1, -2], [2**31 - 1, -(2**31)], [2**24 + 1, 3]], np.int32)
    k, y = np.zeros_like(n), np.zeros(n.shape)
    with Emulator.from_bytes(whole_numbers(), raw=True, engine="native", precision="real64") as emulator:
        assert [v.dtype for v in emulator.variables] == [np.int32, np.float32, np.int32]
        for name, array in (("n", n), ("k", k), ("y", y)):
            emulator.bind(name, array)
        emulator.run()
    assert_same(k, n)
    assert_same(y, n * np.float64(np.float32(0.1)))  # 2**24 + 1 and 2**31 - 1 are no numbers of float32


# --- Bits ---


@pytest.mark.parametrize("name", MODULES)
def test_bits_do_not_depend_on_columns_threads_kernels_and_layout(
    name: str, models: dict[str, tuple[nn.Module, bytes]]
) -> None:
    model, x = models[name][1], drawn(MODULES[name][1])
    whole = run(model, x)
    for first, end in ((0, 1), (3, 7), (5, 10), (20, 36), (6, 70)):
        assert_same(run(model, x[first:end].copy()), whole[first:end])
    order = np.random.default_rng(6).permutation(COLUMNS)
    assert_same(run(model, x[order]), whole[order])
    assert_same(run(model, np.asfortranarray(x)), whole)
    for threads in (2, 3):
        assert_same(run(model, x, threads=threads), whole)
    for kind in KERNELS:
        with kernels(kind):
            assert_same(run(model, x), whole)
            assert_same(run(model, x[:1].copy()), whole[:1])


def test_compiled_c_has_the_bits_of_the_engine(tmp_path: Path) -> None:
    path = untrained("rrtmg_longwave", "recurrent", tmp_path)
    file, made = EmulatorFile.open(path), compile_to_c(path, precision="real64")
    assert "precision 'real64'" in made.source.read_text()
    library = build([made.source], tmp_path / "wide.so")
    wide = [v.model_copy(update={"dtype": "float64"}) for v in file.card.inputs]
    card = file.card.model_copy(
        update={
            "inputs": tuple(wide),
            "outputs": tuple(v.model_copy(update={"dtype": "float64"}) for v in file.card.outputs),
        }
    )
    inputs = {v.name: file.reference[v.name].astype(np.float64) for v in wide}
    found = by_column(library, made, card, inputs)
    expected = {v.name: np.zeros(card.shape(v, file.columns)) for v in card.outputs}
    with Emulator.open(path, engine="native", precision="real64") as emulator:
        for name, array in {**inputs, **expected}.items():
            emulator.bind(name, array)
        emulator.run()
    assert same_bits(found, expected)
    with pytest.raises(ValueError, match="precision is 'real16'; expected 'real32' or 'real64'"):
        compile_to_c(path, precision="real16")


# --- Arrays of the host ---

SCALED = [helper.make_node("Mul", ["x", "factor"], ["y"])]


def test_what_is_too_large_for_float32_is_not_refused() -> None:
    model = graph(SCALED, (2,), {"factor": np.float32(2.0)})
    x = np.array([[1e300, -1e-300], [5e-324, 3.5e38]])
    assert_same(run(model, x), 2 * x)
    with pytest.raises(EmulatorError, match=r"'x' is 1e\+300 in column 1.*too large for float32") as error:
        run(model, x, "real32")
    assert error.value.status_name == "PYEMU_ERR_NOT_FINITE"
    with pytest.raises(EmulatorError, match=r"'x' is inf in column 2.*expected a finite number") as error:
        run(model, np.array([[1e300, 0], [0, np.inf]]))
    assert error.value.status_name == "PYEMU_ERR_NOT_FINITE"


def test_real32_arrays_are_widened_and_rounded_once() -> None:
    model = graph(SCALED, (5,), {"factor": floats(5)})
    x = drawn((5,)).astype(np.float32)
    assert_same(run(model, x), (x.astype(np.float64) * floats(5).astype(np.float64)).astype(np.float32))
    assert_same(run(model, x, dtype=np.float64), x.astype(np.float64) * floats(5).astype(np.float64))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("threads", [1, 2])
def test_an_output_over_an_input(dtype: Any, threads: int, models: dict[str, tuple[nn.Module, bytes]]) -> None:
    """By way of tensors, which then are float64, too; large enough to be packed over the team."""
    model = graph([helper.make_node("MatMul", ["x", "w"], ["y"])], (8,), {"w": floats(8, 8)})
    memory = drawn((8,), 40001).astype(dtype)
    expected = run(model, memory[:-1].copy())
    with Emulator.from_bytes(model, raw=True, engine="native", precision="real64", threads=threads) as emulator:
        emulator.bind("x", memory[:-1])
        emulator.bind("y", memory[1:])
        emulator.run()
        n_copied = 1 if dtype == np.float64 else 2  # float64 inputs are used where they lie
        assert emulator.report().copied_bytes == n_copied * 40000 * 8 * 8
    assert_same(memory[1:], expected)


def test_card_and_variables_stay_those_of_the_file(toy_path: Path) -> None:
    file = EmulatorFile.open(toy_path)
    with Emulator.open(toy_path, engine="native", precision="real64") as emulator:
        assert [v.dtype for v in emulator.variables] == [np.dtype(v.dtype) for v in file.card.variables]
        arrays = {v.name: file.reference[v.name].astype(np.float64) for v in file.card.inputs}
        outputs = {v.name: np.full(file.reference[v.name].shape, np.nan) for v in file.card.outputs}
        for name, array in {**arrays, **outputs}.items():
            emulator.bind(name, array)
        emulator.run()
    for name, found in outputs.items():
        recorded = file.reference[name]
        np.testing.assert_allclose(found, recorded, rtol=0, atol=1e-4 * np.abs(recorded).max())
        assert (found != found.astype(np.float32)).any()


# --- Refusals ---


def refusal(path_or_model: Path | bytes, **options: Any) -> EmulatorError:
    function = Emulator.open if isinstance(path_or_model, Path) else Emulator.from_bytes
    with pytest.raises(EmulatorError) as error:
        function(path_or_model, **options)  # type: ignore[arg-type]
    return error.value


@pytest.mark.parametrize("engine", [None, "onnxruntime", "stub"])
def test_other_engines_refuse_real64(engine: str | None, toy_path: Path) -> None:
    error = refusal(toy_path, engine=engine, precision="real64")
    assert error.status_name == "PYEMU_ERR_UNSUPPORTED"
    assert f"engine '{engine or 'onnxruntime'}' computes in the types of the graph" in str(error)
    Emulator.open(toy_path, engine=engine, precision="real32").close()


@pytest.mark.parametrize("precision", ["real16", "REAL64", "float64", "", "real64 "])
def test_other_words_are_refused(precision: str, toy_path: Path) -> None:
    error = refusal(toy_path, engine="native", precision=precision)
    assert error.status_name == "PYEMU_ERR_ARGUMENT"
    assert f"precision is '{precision}'; expected 'real32' or 'real64'" in str(error)


def test_an_operator_that_is_exact_in_real32_alone_is_refused() -> None:
    model = graph([helper.make_node("Mod", ["x", "d"], ["y"], fmod=1)], (3,), {"d": floats(3)})
    run(model, drawn((3,)), "real32")
    error = refusal(model, raw=True, engine="native", precision="real64")
    assert error.status_name == "PYEMU_ERR_UNSUPPORTED"
    assert "known is fmod=1 for float32, computed in real32" in str(error)
