"""Derivatives of emulators: those of torch, adjoint to each other, of second order, by every engine; what is refused."""

import base64
import functools
import math
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from differentiable import CASES, COLUMNS, LEVELS, card_of, profile

from pyemu.emulator import Card, Carried, EmulatorFile, EmulatorFileError, ExportError, Noise, Variable
from pyemu.emulator.compare import compare_outputs
from pyemu.emulator.derivative import key_of
from pyemu.emulator.derivative_card import inverse_units
from pyemu.emulator.export import export_onnx
from pyemu.emulator.verify import verify
from pyemu.runtime import Emulator, EmulatorError, library_directory

Arrays = dict[str, np.ndarray]
RUNS = [("onnxruntime", None, 1e-5), ("native", None, 1e-5), ("native", "real64", 1e-12)]
FOLDED = {"batch_norm": 1e-9}  # export folds a batch norm's scale, in float32: it is then so far from the norm itself
# Weights folded into norms; gates in another order, and their input weights once for each level; very few weights.
OWN = {"batch_norm": 1.2, "recurrent": 10.0, "recurrent_longwave": 10.0, "convolutions": 0.3}
SOURCES = Path(__file__).parents[1] / "fortran"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The file of a case, written when it is first asked for."""
    folder = tmp_path_factory.mktemp("derivatives")

    @functools.cache
    def export(name: str) -> Path:
        case = CASES[name]()
        return export_onnx(case.module, case.card, case.inputs, folder / f"{name}.onnx", derivatives=("vjp", "jvp"))

    return export


def run(
    path: Path, inputs: Arrays, derivative: str | None, engine: str = "native", precision: str | None = None
) -> Arrays:
    """Outputs by name; in real64 from arrays of float64, else from arrays of the graph's own types."""
    outputs = {}
    columns = len(next(iter(inputs.values())))
    with Emulator.open(path, engine, derivative=derivative, precision=precision) as emulator:
        for variable in emulator.variables:
            dtype = variable.dtype if precision is None else np.float64
            if variable.is_input:
                array = np.array(inputs[variable.name], dtype)
            else:
                array = outputs[variable.name] = np.full((columns, *variable.shape), np.nan, dtype)
            emulator.bind(variable.name, array, units=variable.units)
        emulator.run(1)
    return outputs


def tangents(inputs: Arrays) -> Arrays:
    """Directions of a tenth of the inputs, which float32 holds: a profile spans decades, and its logarithm is taken."""
    random = np.random.default_rng(4)
    found = {}
    for name, x in inputs.items():
        size = np.where(x == 0, 0.01 * x.std(), 0.1 * np.abs(x))
        found[f"tangent_of_{name}"] = (random.standard_normal(x.shape) * size).astype(np.float32)
    return found


def dot(a: Arrays, b: Arrays) -> float:
    """Sum of products over variables, which are called alike but for the first word."""
    other = {name.split("_of_", 1)[1]: values for name, values in b.items()}
    return math.fsum(
        float(np.sum(values.astype(np.float64) * other[name.split("_of_", 1)[1]])) for name, values in a.items()
    )


@pytest.mark.parametrize(("engine", "precision", "tolerance"), RUNS)
@pytest.mark.parametrize("name", CASES)
def test_dot_product(exported: Callable, name: str, engine: str, precision: str | None, tolerance: float) -> None:
    """<J u, v> = <u, J* v>; with v along J u no sum cancels."""
    path = exported(name)
    inputs = EmulatorFile.open(path).inputs()
    u = tangents(inputs)
    forward = run(path, inputs | u, "jvp", engine, precision)
    v = {
        f"adjoint_of_{key.removeprefix('tangent_of_')}": (y / np.square(y.astype(np.float64)).mean()).astype(np.float32)
        for key, y in forward.items()
    }
    backward = run(path, inputs | v, "vjp", engine, precision)
    left, right = dot(forward, v), dot(u, backward)
    assert left > 0
    assert abs(left - right) <= max(tolerance, FOLDED.get(name, 0.0)) * left


@pytest.mark.parametrize("name", CASES)
def test_taylor(exported: Callable, name: str) -> None:
    """f(x + e u) - f(x) - e J u falls with the square of e, for every output."""
    path = exported(name)
    inputs = {key: x.astype(np.float64) for key, x in EmulatorFile.open(path).inputs().items()}
    u = tangents(inputs)
    slope = run(path, inputs | u, "jvp", precision="real64")
    start = run(path, inputs, None, precision="real64")
    steps = [1e-2 / 4**k for k in range(2, 6)]
    remainders = []
    for e in steps:
        moved = run(path, {key: x + e * u[f"tangent_of_{key}"] for key, x in inputs.items()}, None, precision="real64")
        remainders.append([np.linalg.norm(moved[key] - y - e * slope[f"tangent_of_{key}"]) for key, y in start.items()])
    order, _ = np.polyfit(np.log(steps), np.log(remainders), 1)
    np.testing.assert_allclose(order, 2, atol=0.1)


@pytest.mark.parametrize("name", CASES)
def test_autograd_and_both_engines_agree(exported: Callable, name: str) -> None:
    """What is in the file is checked against forward differentiation, and gradients of a scalar, of torch itself."""
    path, case = exported(name), CASES[name]()
    file = EmulatorFile.open(path)
    jvp, vjp = file.derivative("jvp"), file.derivative("vjp")
    at = tuple(torch.from_numpy(x) for x in file.inputs().values())
    with torch.no_grad():
        _, expected = torch.func.jvp(
            case.module, at, tuple(map(torch.from_numpy, list(jvp.inputs().values())[len(at) :]))
        )
    expected_jvp = {variable.name: y.numpy() for variable, y in zip(jvp.card.outputs, expected, strict=True)}
    leaves = [x.clone().requires_grad_(True) for x in at]
    weights = [torch.from_numpy(v) for v in list(vjp.inputs().values())[len(at) :]]
    scalar = sum((y * v).sum().double() for y, v in zip(case.module(*leaves), weights, strict=True))
    gradients = torch.autograd.grad(scalar, leaves)
    expected_vjp = {variable.name: g.numpy() for variable, g in zip(vjp.card.outputs, gradients, strict=True)}
    for derivative, known in ((jvp, expected_jvp), (vjp, expected_vjp)):
        kind = "jvp" if derivative is jvp else "vjp"
        for found in (
            derivative.outputs(),
            *(run(path, derivative.inputs(), kind, e) for e in ("native", "onnxruntime")),
        ):
            assert all(row.passed for row in compare_outputs(derivative.card, known, found))


@pytest.mark.parametrize("kind", ["vjp", "jvp"])
def test_columns_do_not_know_of_each_other(exported: Callable, kind: str) -> None:
    path = exported("attention")
    inputs = EmulatorFile.open(path).derivative(kind).inputs()
    together = run(path, inputs, kind)
    alone = run(path, {name: x[3:4] for name, x in inputs.items()}, kind)
    for name, values in alone.items():
        np.testing.assert_array_equal(values[0], together[name][3])


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Fortran test, linked with the library as it is installed."""
    folder, libraries = tmp_path_factory.mktemp("fortran"), library_directory()
    modules = next(libraries.parent.rglob("pyemu.mod")).parent
    command = ["gfortran", SOURCES / "checks.f90", SOURCES / "derivatives.f90", f"-I{modules}", f"-L{libraries}"]
    command += ["-lpyemu_fortran", "-lpyemu", f"-Wl,-rpath,{libraries}", "-o", folder / "derivatives"]
    subprocess.run(command, check=True, cwd=folder)
    return folder / "derivatives"


@pytest.mark.parametrize("name", sorted(CASES.keys() - {"field", "batch_norm"}))
def test_fortran_finds_the_same(exported: Callable, program: Path, name: str) -> None:
    done = subprocess.run([program, ".", exported(name)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("dot products with") == 3 and "Taylor remainder of order" in done.stdout


@pytest.mark.parametrize("name", CASES)
def test_weights_are_in_the_file_once(exported: Callable, name: str) -> None:
    """What a derivative keeps of its own is small numbers of its formulas, and what ONNX has in another order or folded."""
    model = onnx.load(exported(name), load_external_data=False)
    weights = sum(math.prod(tensor.dims) for tensor in model.graph.initializer)
    for kind in ("vjp", "jvp"):
        (text,) = (entry.value for entry in model.metadata_props if entry.key == key_of(kind))
        bare = onnx.ModelProto.FromString(base64.b64decode(text))
        own = [tensor for tensor in bare.graph.initializer if tensor.data_location == onnx.TensorProto.DEFAULT]
        assert sum(math.prod(tensor.dims) for tensor in own) < OWN.get(name, 0.1) * weights
        assert not any(tensor.HasField("raw_data") for tensor in bare.graph.initializer if tensor not in own)


def test_the_emulator_itself_is_the_same_with_and_without(exported: Callable, tmp_path: Path) -> None:
    case = CASES["mlp"]()
    plain = onnx.load(export_onnx(case.module, case.card, case.inputs, tmp_path / "plain.onnx"))
    full = onnx.load(exported("mlp"))
    assert full.graph == plain.graph
    assert [entry.key for entry in full.metadata_props][len(plain.metadata_props) :] == [key_of("vjp"), key_of("jvp")]


def test_cards_say_names_and_units(exported: Callable) -> None:
    file = EmulatorFile.open(exported("mlp"))
    assert file.derivatives == ("vjp", "jvp")
    assert file.describe()["derivatives"] == ["vjp", "jvp"]
    vjp, jvp = file.derivative("vjp").card, file.derivative("jvp").card
    assert vjp.name == jvp.name == file.card.name  # so that noise is the same
    names = {variable.name: variable.units for variable in vjp.variables}
    assert names == {
        "state": "K",
        "forcing": "W m-2",
        "adjoint_of_next_state": "K-1",
        "adjoint_of_energy": "kg-1 s2",
        "adjoint_of_state": "K-1",
        "adjoint_of_forcing": "W-1 m2",
    }
    assert [(variable.name, variable.units) for variable in jvp.outputs] == [
        ("tangent_of_next_state", "K"),
        ("tangent_of_energy", "kg s-2"),
    ]
    assert vjp.outputs[0].standard_name is None and "standard_name" not in vjp.to_dict()["outputs"][0]
    with Emulator.open(exported("mlp"), "native", derivative="vjp") as emulator:
        assert [variable.name for variable in emulator.variables] == list(names)
        assert emulator.variables[-1].standard_name == ""


@pytest.mark.parametrize(
    ("units", "inverse"),
    [("1", "1"), ("K", "K-1"), ("W m-2", "W-1 m2"), ("kg kg-1", "kg-1 kg"), ("m2 s-2", "m-2 s2"), ("m^2", "m-2")],
)
def test_units_of_adjoints(units: str, inverse: str) -> None:
    assert inverse_units(units) == inverse


def test_verify_takes_derivatives_by_every_route(exported: Callable) -> None:
    file = EmulatorFile.open(exported("mlp"))
    result = verify(file, module=CASES["mlp"]().module)
    assert result.passed and [found.derivative for found in result.derivatives] == ["vjp", "jvp"]
    routes = {"torch", "onnxruntime", "libpyemu", "fortran", "native", "native_fortran"}
    for found in result.derivatives:
        assert {leg.leg for leg in found.legs} == routes
    assert set(result.to_dict()["derivatives"]) == {"vjp", "jvp"}


def test_verify_fails_if_a_derivative_is_wrong(exported: Callable, tmp_path: Path) -> None:

    model = onnx.load(exported("mlp"))
    (entry,) = (entry for entry in model.metadata_props if entry.key == key_of("vjp"))
    bare = onnx.ModelProto.FromString(base64.b64decode(entry.value))
    (change,) = (node for node in bare.graph.node if node.op_type == "Tanh")
    change.op_type = "Sin"
    entry.value = base64.b64encode(bare.SerializeToString()).decode()
    onnx.save(model, tmp_path / "wrong.onnx")
    result = verify(EmulatorFile.open(tmp_path / "wrong.onnx"), legs=["onnxruntime", "native", "fortran"])
    assert not result.passed and all(leg.passed for leg in result.legs)
    assert [found.passed for found in result.derivatives] == [False, True]


def test_compiled_derivative_is_c(exported: Callable, tmp_path: Path) -> None:
    from pyemu.emulator.compile import compile_to_c

    made = compile_to_c(exported("mlp"), tmp_path / "adjoint.c", derivative="vjp")
    assert made.function == "differentiable_vjp"
    assert "adjoint_of_next_state" in made.fortran.read_text()
    subprocess.run(["gcc", "-std=c11", "-Wall", "-Werror", "-c", made.source, "-o", tmp_path / "a.o"], check=True)
    with pytest.raises(EmulatorFileError, match="has no derivative 'hessian'"):
        compile_to_c(exported("mlp"), derivative="hessian")


class _Noisy(torch.nn.Module):
    def forward(self, x: torch.Tensor, noise: torch.Tensor) -> tuple[torch.Tensor]:
        return (torch.sin(x) * (1 + 0.1 * noise),)


class Remembering(torch.nn.Module):
    def forward(self, x: torch.Tensor, memory: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x * memory, torch.tanh(x + memory)


def test_a_derivative_carries_nothing_from_step_to_step(tmp_path: Path) -> None:
    inputs, outputs = (profile("x"), profile("memory")), (profile("y"), profile("next_memory"))
    card = card_of(inputs, outputs, state=(Carried(input="memory", output="next_memory"),))
    recorded = {name: np.random.default_rng(8).normal(size=(COLUMNS, LEVELS)) for name in ("x", "memory")}
    path = export_onnx(Remembering(), card, recorded, tmp_path / "remembering.onnx", derivatives=["vjp"])
    with Emulator.open(path, "native", derivative="vjp") as adjoint:
        assert adjoint.card["state"] == [] and not any(variable.is_carried for variable in adjoint.variables)
        arrays = {name: recorded.get(name, np.ones((COLUMNS, LEVELS))) for name in (v.name for v in adjoint.variables)}
        for name, array in arrays.items():
            arrays[name] = np.array(array, np.float32)
            adjoint.bind(name, arrays[name])
        adjoint.run()
    x, memory = arrays["x"], arrays["memory"]
    slope = 1 - np.tanh(x + memory) ** 2
    np.testing.assert_allclose(arrays["adjoint_of_x"], memory + slope, atol=1e-6)
    np.testing.assert_allclose(arrays["adjoint_of_memory"], x + slope, atol=1e-6)


def test_noise_is_an_input_like_any_other(tmp_path: Path) -> None:
    """The library makes it, the same as for the emulator, and its tangent is an input."""
    random = np.random.default_rng(1)
    noise = Variable(
        name="noise", units="1", dims=("column", "layer"), dtype="float32", noise=Noise(distribution="normal")
    )
    card = card_of((profile("x", "K"), noise), (profile("y", "K"),))
    inputs = {name: random.normal(size=(COLUMNS, LEVELS)) for name in ("x", "noise")}
    path = export_onnx(_Noisy(), card, inputs, tmp_path / "noisy.onnx", derivatives=["jvp"])
    x = random.normal(size=(COLUMNS, LEVELS)).astype(np.float32)
    found = {}
    for kind in (None, "jvp"):
        with Emulator.open(path, "native", derivative=kind) as emulator:
            ids = np.arange(1, COLUMNS + 1)
            emulator.set_noise(seed=3)
            emulator.bind_ids(ids)
            result = found[kind] = np.empty_like(x)
            arrays = {"x": x, "y": result, "tangent_of_y": result, "tangent_of_x": np.ones_like(x)}
            arrays["tangent_of_noise"] = np.zeros_like(x)
            for variable in emulator.variables:
                if not variable.noise:
                    emulator.bind(variable.name, arrays[variable.name])
            emulator.run(7)
    np.testing.assert_allclose(found["jvp"] / np.cos(x), found[None] / np.sin(x), rtol=2e-5)


# --- What is refused ---


class _Plain(torch.nn.Module):
    def __init__(self, function: Callable[..., torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (self.function(*tensors),)


def refused(
    tmp_path: Path, function: Callable[..., torch.Tensor], card: Card, inputs: Arrays, derivatives: list[str]
) -> str:
    """The message of a refused export, after a look that nothing was written."""
    with pytest.raises(ExportError) as caught:
        export_onnx(_Plain(function), card, inputs, tmp_path / "refused.onnx", derivatives=derivatives)
    assert list(tmp_path.iterdir()) == []
    return str(caught.value)


X = {"x": np.random.default_rng(2).normal(size=(COLUMNS, LEVELS))}


def test_an_unknown_derivative_is_refused(tmp_path: Path) -> None:
    card = card_of((profile("x"),), (profile("y"),))
    assert "unknown derivative 'hessian'; expected 'vjp' or 'jvp'" in refused(tmp_path, torch.sin, card, X, ["hessian"])


def test_whole_numbers_have_no_derivative(tmp_path: Path) -> None:
    whole = card_of((profile("x", dtype="int32"),), (profile("y", dtype="int32"),))
    inputs = {"x": np.arange(COLUMNS * LEVELS).reshape(COLUMNS, LEVELS)}
    message = refused(tmp_path, lambda x: x + 1, whole, inputs, ["vjp"])
    assert "no derivative 'vjp': every input is of whole numbers ('x')" in message
    to_whole = card_of((profile("x"),), (profile("y", dtype="int32"),))
    message = refused(tmp_path, lambda x: x.int(), to_whole, X, ["jvp"])
    assert "no derivative 'jvp': every output is of whole numbers ('y')" in message


def test_whole_numbers_beside_real_ones_are_passed_on(tmp_path: Path) -> None:
    card = card_of((profile("x"), profile("n", dtype="int32")), (profile("y"),))
    inputs = X | {"n": np.arange(COLUMNS * LEVELS).reshape(COLUMNS, LEVELS)}
    path = export_onnx(_Plain(lambda x, n: x * x * n), card, inputs, tmp_path / "n.onnx", derivatives=["vjp"])
    vjp = EmulatorFile.open(path).derivative("vjp")
    assert [variable.name for variable in vjp.card.inputs] == ["x", "n", "adjoint_of_y"]
    assert [variable.name for variable in vjp.card.outputs] == ["adjoint_of_x"]
    given = vjp.inputs()
    expected = 2 * given["x"] * given["n"] * given["adjoint_of_y"]
    np.testing.assert_allclose(run(path, given, "vjp")["adjoint_of_x"], expected, rtol=1e-6)


def test_the_adjoint_of_what_holds_for_all_columns_is_refused(tmp_path: Path) -> None:
    card = card_of((profile("x"), profile("factor", dims=())), (profile("y"),))
    inputs = X | {"factor": np.array(2.0)}
    message = refused(tmp_path, lambda x, f: torch.sin(f * x), card, inputs, ["jvp", "vjp"])
    assert "input 'factor' holds for all columns, so its adjoint would be a sum over the columns" in message
    path = export_onnx(_Plain(lambda x, f: torch.sin(f * x)), card, inputs, tmp_path / "j.onnx", derivatives=["jvp"])
    assert EmulatorFile.open(path).derivatives == ("jvp",)


def test_an_operator_without_a_derivative_is_named(tmp_path: Path) -> None:
    card = card_of((profile("x"),), (profile("y"),))

    def resampled(x: torch.Tensor) -> torch.Tensor:
        places = torch.stack([torch.tanh(x), 0 * x], dim=-1)[:, None]
        return torch.nn.functional.grid_sample(x[:, None, None], places, align_corners=False)[:, 0, 0]

    message = refused(tmp_path, resampled, card, X, ["vjp"])
    assert message.startswith("derivative 'vjp': ") and "grid_sampler_2d_backward" in message


def test_a_module_that_stops_gradients_is_refused(tmp_path: Path) -> None:
    card = card_of((profile("x"),), (profile("y"),))

    class Stubborn(torch.autograd.Function):
        @staticmethod
        def forward(context: object, x: torch.Tensor) -> torch.Tensor:
            return x.clone()

        @staticmethod
        def backward(context: object, gradient: torch.Tensor) -> torch.Tensor:
            raise NotImplementedError("no gradient")

    message = refused(tmp_path, Stubborn.apply, card, X, ["vjp"])
    assert "derivative 'vjp': torch cannot differentiate _Plain (vjp)" in message


def test_a_name_that_is_taken_or_too_long_is_refused(tmp_path: Path) -> None:
    taken = card_of((profile("x"), profile("tangent_of_x")), (profile("y"),))
    inputs = X | {"tangent_of_x": X["x"]}
    assert "named twice: tangent_of_x" in refused(tmp_path, torch.add, taken, inputs, ["jvp"])
    long = "x" * 250
    card = card_of((profile(long),), (profile("y"),))
    message = refused(tmp_path, torch.sin, card, {long: X["x"]}, ["jvp"])
    assert "has 261 characters, expected up to 255" in message


def test_derivatives_need_onnx(tmp_path: Path) -> None:
    from pyemu.emulator.from_checkpoint import export_checkpoint

    with pytest.raises(ValueError, match="they need the format onnx, found pt"):
        export_checkpoint(tmp_path / "no.ckpt", tmp_path / "x.pt", "pt", derivatives=["vjp"])


def test_a_file_without_says_which_there_are(exported: Callable, toy_path: Path, toy_pt: Path, tmp_path: Path) -> None:
    for path, found in ((toy_path, "none"), (tmp_path / "jvp.onnx", "jvp")):
        if found == "jvp":
            model = onnx.load(exported("mlp"))
            texts = {entry.key: entry.value for entry in model.metadata_props if entry.key != key_of("vjp")}
            onnx.helper.set_model_props(model, texts)
            onnx.save(model, path)
        with pytest.raises(EmulatorFileError, match=f"has no derivative 'vjp'; it has: {found}"):
            EmulatorFile.open(path).derivative("vjp")
        with pytest.raises(EmulatorError, match=f"has no derivative 'vjp'; it has '?{found}"):
            Emulator.open(path, derivative="vjp")
    with pytest.raises(EmulatorFileError, match="a TorchScript archive, which carries no derivatives"):
        EmulatorFile.open(toy_pt).derivative("vjp")
    with pytest.raises(EmulatorError, match="a TorchScript archive, which carries none") as caught:
        Emulator.open(toy_pt, derivative="vjp", allow_code=True)
    assert caught.value.status_name == "PYEMU_ERR_UNSUPPORTED"
    with pytest.raises(EmulatorError, match="derivative is 'hessian'; expected 'vjp' or 'jvp'"):
        Emulator.open(toy_path, derivative="hessian")
    with pytest.raises(EmulatorError, match="opened raw"):
        Emulator.open(toy_path, "native", derivative="vjp", raw=True)


@pytest.mark.parametrize("damage", ["?", "weights"])
def test_a_damaged_derivative_is_refused(exported: Callable, tmp_path: Path, damage: str) -> None:
    model, path = onnx.load(exported("mlp")), tmp_path / "damaged.onnx"
    if damage == "?":
        (entry,) = (entry for entry in model.metadata_props if entry.key == key_of("vjp"))
        entry.value = "?" + entry.value
    else:
        name = max(model.graph.initializer, key=lambda tensor: math.prod(tensor.dims)).name
        for node in model.graph.node:
            node.input[:] = [f"other.{name}" if value == name else value for value in node.input]
        next(tensor for tensor in model.graph.initializer if tensor.name == name).name = f"other.{name}"
    onnx.save(model, path)
    with pytest.raises(EmulatorFileError, match=r"is damaged|wants tensor '.*', which the emulator's graph lacks"):
        EmulatorFile.open(path).derivative("vjp")
    with pytest.raises(
        EmulatorError, match=r"it is not base64|takes tensor '.*' from the emulator's graph, which has none"
    ):
        Emulator.open(path, "native", derivative="vjp")


def test_a_digest_is_that_of_the_whole_file(exported: Callable) -> None:
    path = exported("mlp")
    Emulator.open(path, "native", derivative="vjp", sha256=EmulatorFile.open(path).sha256).close()
    with pytest.raises(EmulatorError, match="it is another file, or was changed"):
        Emulator.open(path, "native", derivative="vjp", sha256="0" * 64)
