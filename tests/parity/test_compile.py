"""``pyemu compile``: the generated C has the bits of the engine ``native``, with any compiler, from C and from Fortran."""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from columns import small_columns
from compiled import Arrays, build, by_column, by_columns, by_engine, compiled, same_bits
from onnx_cases import cases
from test_native_operators import with_constants
from toy_emulator import toy_card
from typer.testing import CliRunner

from pyemu.cli import app
from pyemu.emulator import Card, EmulatorFile, ExportError, Variable, reference
from pyemu.emulator.compile import Compiled, compile_to_c, native_support
from pyemu.emulator.export import export_onnx
from pyemu.emulator.from_checkpoint import export_checkpoint
from pyemu.emulator.kinds import CARD_KEY, REFERENCE_KEY
from pyemu.zoo.checkpoint import Checkpoint
from pyemu.zoo.radiation import SYSTEMS

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
import nets  # noqa: E402

COMPILERS = [("gcc", ("-O2",)), ("gcc", ("-O3", "-march=native", "-std=gnu99")), ("clang", ("-O2", "-march=native"))]
COLUMNS = (1, 2, 4, 5, 15, 16, 17, 33, 50)


def variable(name: str, dims: Sequence[str], dtype: str = "float32") -> Variable:
    return Variable(name=name, standard_name=name, units="1", dims=tuple(dims), dtype=dtype)  # type: ignore[arg-type]


class Recurrent(torch.nn.Module):
    """A GRU along the levels, and a number for each of them."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.GRU(3, 10, batch_first=True, bidirectional=True)
        self.last = torch.nn.Linear(20, 1)

    def forward(self, x: torch.Tensor, scale: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        profile = torch.stack([x, x * scale[:, None], x.flip(1)], dim=2)
        found = self.last(self.layer(profile)[0]).squeeze(2)
        return found, (found.double() ** 2).sum(1)


class Convolution(torch.nn.Module):
    """Convolutions of a field, pooling, and a weight for each row that holds for all samples."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(2, 5, 3, padding=1), torch.nn.ELU(), torch.nn.MaxPool2d(2),
            torch.nn.Conv2d(5, 18, 2), torch.nn.Tanh(),
            torch.nn.ConvTranspose2d(18, 2, 3, 2), torch.nn.Softplus(),
        )  # fmt: skip

    def forward(self, x: torch.Tensor, rows: torch.Tensor) -> tuple[torch.Tensor]:
        return (self.layers(x) * rows[:, None],)


def recurrent(folder: Path) -> Path:
    column = ("column", "layer")
    card = toy_card(
        name="recurrent",
        dimensions={"layer": 12},
        inputs=(variable("x", column), variable("scale", column[:1])),
        outputs=(variable("y", column), variable("Y", column[:1], "float64")),
        budgets=(),
    )
    torch.manual_seed(1)
    inputs = {"x": torch.randn(9, 12).numpy(), "scale": torch.rand(9).numpy()}
    return export_onnx(Recurrent(), card, inputs, folder / "recurrent.onnx")


def convolution(folder: Path) -> Path:
    card = toy_card(
        name="convolution",
        kind="field",
        dimensions={"channel": 2, "y": 8, "x": 10, "row": 7, "place": 9},
        inputs=(variable("x", ("sample", "channel", "y", "x")), variable("double", ("row",))),
        outputs=(variable("stride", ("sample", "channel", "row", "place")),),
        budgets=(),
    )
    torch.manual_seed(2)
    inputs = {"x": torch.randn(6, 2, 8, 10).numpy(), "double": torch.rand(7).numpy()}
    return export_onnx(Convolution(), card, inputs, folder / "convolution.onnx")


def mlp64(folder: Path) -> Path:
    net = nets.nets()[0]
    return export_onnx(net.module, net.card, net.reference, folder / "mlp64.onnx")


def radiation(folder: Path, name: str) -> Path:
    """The emulator of the zoo with its default network, untrained."""
    torch.manual_seed(0)
    system, columns = SYSTEMS[name], small_columns(8)
    inputs = {item.name: columns[item.name] for item in system.inputs}
    rows = {key: values.reshape(8, -1) for key, values in inputs.items()}
    checkpoint = Checkpoint(
        system=name,
        network=system.default_network,
        state=system.build(system.default_network).state_dict(),
        training={},
        data_sha256="0" * 64,
        training_range={key: (values.amin(0).tolist(), values.amax(0).tolist()) for key, values in rows.items()},
        reference_inputs=inputs,
    ).save(folder / f"{name}.ckpt")
    return export_checkpoint(checkpoint, folder / f"{name}.onnx")


WRITERS = {
    "mlp64": mlp64,
    "recurrent": recurrent,
    "convolution": convolution,
    "rrtmg_longwave": lambda folder: radiation(folder, "rrtmg_longwave"),
    "rrtmg_shortwave": lambda folder: radiation(folder, "rrtmg_shortwave"),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, toy_path: Path) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("emulators")
    return {"toy": toy_path, **{name: write(folder) for name, write in WRITERS.items()}}


def more_columns(file: EmulatorFile, columns: int) -> Arrays:
    """The reference columns, again and again with small changes."""
    rng = np.random.default_rng(columns)
    inputs = {}
    for v in file.card.inputs:
        values = file.reference[v.name]
        if v.has_batch:
            values = np.resize(values, (columns, *values.shape[1:]))
            values = (values * rng.uniform(0.99, 1.01, values.shape)).astype(v.dtype)
        inputs[v.name] = values
    return inputs


@pytest.mark.parametrize(("compiler", "flags"), COMPILERS, ids=["gcc", "gcc-native", "clang"])
@pytest.mark.parametrize("name", ["toy", *WRITERS])
def test_c_has_the_bits_of_the_engine(
    files: dict[str, Path], name: str, compiler: str, flags: tuple[str, ...], tmp_path: Path
) -> None:
    if not shutil.which(compiler):
        pytest.skip(f"{compiler} is not installed")
    path = files[name]
    file = EmulatorFile.open(path)
    made, library = compiled(path, tmp_path, compiler, flags)
    for inputs in (file.inputs(), *(more_columns(file, columns) for columns in COLUMNS)):
        expected = by_engine(path, file.card, inputs)
        assert same_bits(by_column(library, made, file.card, inputs), expected)
        assert same_bits(by_columns(library, made, file.card, inputs), expected)


# --- Operators ---


def raw_file(
    name: str, data: bytes, inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray], path: Path
) -> EmulatorFile:
    """A graph of fixed sizes as an emulator of one field."""
    model = onnx.load_from_string(data)
    tensors = list(zip((*model.graph.input, *model.graph.output), (*inputs, *outputs), strict=True))
    sizes = {f"d{size}": size for _, array in tensors for size in np.shape(array)}
    made = [variable(value.name, [f"d{size}" for size in np.shape(array)]) for value, array in tensors]
    card = toy_card(
        name=name,
        kind="field",
        dimensions=sizes or {"none": 1},
        inputs=tuple(made[: len(inputs)]),
        outputs=tuple(made[len(inputs) :]),
        budgets=(),
    )
    values = {value.name: np.asarray(array, np.float32) for value, array in tensors}
    finite = {key: np.nan_to_num(array, posinf=0, neginf=0) for key, array in values.items()}
    texts = {CARD_KEY: card.to_json(), REFERENCE_KEY: reference.encode(card, finite)}
    onnx.helper.set_model_props(model, texts)
    path.write_bytes(model.SerializeToString())
    return EmulatorFile.open(path)


def case_file(case: Any, number: int, folder: Path) -> tuple[EmulatorFile, list[np.ndarray]] | None:
    """A node test that the engine runs as an emulator, with its inputs; with constants if it is refused without."""
    inputs, outputs = case.data_sets[0]
    tries = [(case.model.SerializeToString(), inputs)]
    if len(inputs) > 1:
        tries.append((with_constants(case, inputs, [case.model.graph.input[0].name]), inputs[:1]))
    for data, given in tries:
        file = raw_file(f"case_{number}", data, given, outputs, folder / f"case_{number}.onnx")
        if native_support(file)["runs"]:
            return file, list(given)
    return None


def test_operators_have_the_bits_of_the_engine(tmp_path: Path) -> None:
    """ONNX's own operator vectors: whatever the engine runs, C runs with the same bits."""
    taken = [case for case in cases() if all(array.dtype == np.float32 for array in case.data_sets[0][0])]
    found = [case_file(case, number, tmp_path) for number, case in enumerate(taken)]
    runs = {case.name: item for case, item in zip(taken, found, strict=True) if item}
    assert len(runs) > 250
    made = {name: compile_to_c(file.path) for name, (file, _) in runs.items()}
    library = build([item.source for item in made.values()], tmp_path / "cases.so", flags=("-O1",))
    differing = []
    for name, (file, arrays) in runs.items():
        inputs = dict(zip((v.name for v in file.card.inputs), map(np.asarray, arrays), strict=True))
        expected = by_engine(file.path, file.card, inputs)
        if not same_bits(by_column(library, made[name], file.card, inputs), expected):
            differing.append(name)
    assert not differing


FUNCTION_NAMES = """
    Neg Abs Reciprocal Sqrt Floor Ceil Round Sign Relu LeakyRelu Elu Selu HardSigmoid Exp Log Sigmoid Tanh Softplus Erf
    Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh
"""


@pytest.mark.parametrize(("compiler", "flags"), COMPILERS, ids=["gcc", "gcc-native", "clang"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_functions_have_the_bits_of_the_engine(
    dtype: str, compiler: str, flags: tuple[str, ...], tmp_path: Path
) -> None:
    """Every function of elements, on numbers of all magnitudes and on those that are none."""
    if not shutil.which(compiler):
        pytest.skip(f"{compiler} is not installed")
    kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    size = 4000
    nodes = [onnx.helper.make_node(name, ["x"], [name.lower() + "_y"]) for name in FUNCTION_NAMES.split()]
    ports = [
        onnx.helper.make_tensor_value_info(name, kind, ["n", size]) for name in ("x", *(n.output[0] for n in nodes))
    ]
    graph = onnx.helper.make_graph(nodes, "functions", ports[:1], ports[1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)], ir_version=9)
    names = [port.name for port in ports]
    card = toy_card(
        name="functions",
        dimensions={"layer": size},
        inputs=(variable("x", ("column", "layer"), dtype),),
        outputs=tuple(variable(name, ("column", "layer"), dtype) for name in names[1:]),
        budgets=(),
    )
    zeros = {name: np.zeros((2, size), dtype) for name in names}
    onnx.helper.set_model_props(model, {CARD_KEY: card.to_json(), REFERENCE_KEY: reference.encode(card, zeros)})
    path = tmp_path / "functions.onnx"
    path.write_bytes(model.SerializeToString())
    rng = np.random.default_rng(0)
    with np.errstate(all="ignore"):
        x = (rng.normal(size=(3, size)) * 10.0 ** rng.integers(-42, 39, (3, size))).astype(dtype)
        x[1] = rng.normal(0, 5, size)
    x[2, :9] = [0, -0.0, np.inf, -np.inf, np.nan, 0.5, 1.5, 2.5, -0.5]
    made, library = compiled(path, tmp_path, compiler, flags)
    expected = by_engine(path, card, {"x": x})
    assert same_bits(by_columns(library, made, card, {"x": x}), expected)


# --- Fortran ---

HOST = """
program host
  !! One column at a time in a do concurrent loop, then all at once, against what the engine gave.
  use, intrinsic :: iso_fortran_env, only: int64, real32, real64
  use toy_longwave_emulator, only: toy_longwave, toy_longwave_columns
  implicit none
  integer, parameter :: ncol = 12, nlay = 6, stride = 14
  real(real32) :: t(nlay, ncol), q(nlay, ncol), ts(ncol), t_host(stride, nlay), q_host(stride, nlay), ts_host(stride)
  real(real64) :: p(nlay + 1, ncol), p_host(stride, nlay + 1)
  real(real64), dimension(nlay + 1, ncol) :: up, down, up_engine, down_engine
  real(real64), dimension(nlay, ncol) :: heating, heating_engine
  real(real64) :: up_host(stride, nlay + 1), down_host(stride, nlay + 1), heating_host(stride, nlay)
  integer :: i, unit

  open (newunit=unit, file='columns.bin', access='stream', form='unformatted', status='old', action='read')
  read (unit) t, p, q, ts, up_engine, down_engine, heating_engine
  do concurrent(i=1:ncol)
    call toy_longwave(t(:, i), p(:, i), q(:, i), ts(i), up(:, i), down(:, i), heating(:, i))
  end do
  if (any(up /= up_engine) .or. any(down /= down_engine) .or. any(heating /= heating_engine)) error stop 'one column'
  t_host(:ncol, :) = transpose(t)
  p_host(:ncol, :) = transpose(p)
  q_host(:ncol, :) = transpose(q)
  ts_host(:ncol) = ts
  call toy_longwave_columns(int(ncol, int64), int(stride, int64), t_host, p_host, q_host, ts_host, up_host, down_host, &
                            heating_host)
  if (any(transpose(heating_host(:ncol, :)) /= heating_engine)) error stop 'all columns'
  if (any(transpose(up_host(:ncol, :)) /= up_engine) .or. all(up_engine == 0)) error stop 'fluxes'
  print '(a)', 'the same'
end program host
"""


def test_fortran_calls_it_in_a_do_concurrent_loop(toy_path: Path, tmp_path: Path) -> None:
    file = EmulatorFile.open(toy_path)
    made = compile_to_c(toy_path, tmp_path / "toy.c")
    expected = by_engine(toy_path, file.card, file.inputs())
    arrays = {**file.inputs(), **expected}
    with (tmp_path / "columns.bin").open("wb") as stream:
        for v in file.card.variables:
            stream.write(np.ascontiguousarray(arrays[v.name]).tobytes())
    (tmp_path / "host.f90").write_text(HOST)
    strict = ["-std=f2018", "-Wall", "-Wextra", "-Werror", "-Wno-compare-reals", "-fopenmp"]
    for command in (
        ["gcc", "-O2", "-std=c99", "-fopenmp", "-c", "toy.c"],
        ["gfortran", "-O2", *strict, made.fortran.name, "host.f90", "toy.o", "-lm", "-o", "host"],
    ):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    done = subprocess.run(["./host"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "the same"), done.stderr


def check_module(made: Compiled) -> None:
    """The module is standard Fortran without a warning."""
    strict = ["-std=f2018", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
    done = subprocess.run(
        ["gfortran", *strict, made.fortran], cwd=made.fortran.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", list(WRITERS))
def test_every_module_compiles(files: dict[str, Path], name: str, tmp_path: Path) -> None:
    made = compile_to_c(files[name], tmp_path / "emulator.c")
    assert made.fortran == tmp_path / "emulator.f90"
    check_module(made)


def examples_file(folder: Path) -> Path:
    """The emulator of the examples."""
    subprocess.run([sys.executable, ROOT / "examples" / "make_emulators.py", folder], check=True)
    return folder / "longwave.onnx"


def test_the_page_is_true(tmp_path: Path) -> None:
    """Its commands, typed in a folder with its program, run."""
    page = (ROOT / "docs" / "how-to" / "compile-to-c.md").read_text(encoding="utf-8")
    (commands,) = re.findall(r"```sh\n(.*?)```", page, flags=re.DOTALL)
    (program,) = re.findall(r"```fortran\n(.*?)```", page, flags=re.DOTALL)
    (tmp_path / "host.f90").write_text(program)
    examples_file(tmp_path)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-e", "-c", commands],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"lowest layer +-?\d+\.\d+ K day-1", done.stdout)


def test_the_files_of_the_example_are_up_to_date(tmp_path: Path) -> None:
    """They give the bits of today's engine; else write them anew with 'pyemu compile'."""
    path, folder = examples_file(tmp_path), ROOT / "examples" / "12_compiled"
    file, made = EmulatorFile.open(path), compile_to_c(path)
    library = build([folder / "longwave.c"], tmp_path / "example.so")
    inputs = more_columns(file, 50)
    assert same_bits(by_columns(library, made, file.card, inputs), by_engine(path, file.card, inputs))
    assert without_digest(made.fortran) == without_digest(folder / "longwave.f90")


def without_digest(path: Path) -> str:
    return re.sub(r"SHA-256 \w+", "", path.read_text())


# --- The text ---


def test_the_text_needs_nothing_and_keeps_nothing(files: dict[str, Path], tmp_path: Path) -> None:
    made, library = compiled(files["rrtmg_longwave"], tmp_path)
    text = made.source.read_text()
    assert re.findall(r"#include <(.*)>", text) == ["math.h", "stdint.h", "string.h"]
    kept = re.findall(r"^static (?!const |inline |void )", text, flags=re.MULTILINE)
    assert not kept
    symbols = subprocess.run(["nm", "-D", library._name], capture_output=True, text=True, check=True).stdout
    defined = re.findall(r" [TDBR] (\w+)", symbols)
    assert sorted(defined) == ["rrtmg_longwave", "rrtmg_longwave_columns"]
    needed = set(re.findall(r" U (\w+)", symbols))
    assert needed <= {"fma", "fmaf", "sqrt", "sqrtf", "exp", "expf", "pow", "powf", "sin", "cos", "sinf", "cosf", "erf", "memcpy",
                      "memset", "memmove", "__stack_chk_fail"}  # fmt: skip


def test_fast_math_is_refused(toy_path: Path, tmp_path: Path) -> None:
    made = compile_to_c(toy_path, tmp_path / "toy.c")
    for flag in ("-ffast-math", "-Ofast", "-ffinite-math-only"):
        done = subprocess.run(
            ["gcc", flag, "-c", made.source, "-o", tmp_path / "toy.o"], capture_output=True, text=True, check=False
        )
        assert done.returncode != 0 and "without -ffast-math" in done.stderr, flag


def renamed(path: Path, folder: Path, card_name: str, names: Mapping[str, str]) -> Path:
    """The file with another name, and other names of variables."""
    file, model = EmulatorFile.open(path), onnx.load(path)
    card = copy.deepcopy(file.card.to_dict())
    card["name"], card["budgets"] = card_name, []
    for entry in (*card["inputs"], *card["outputs"]):
        if entry["name"] in names:
            entry |= {"name": names[entry["name"]], "standard_name": "*/ 2\n#error é ??/ /* \\\\"}
    for value in (*model.graph.input, *model.graph.output):
        value.name = names.get(value.name, value.name)
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    made = Card.model_validate(card)
    columns = {names.get(name, name): values for name, values in file.reference.items()}
    texts = {CARD_KEY: made.to_json(), REFERENCE_KEY: reference.encode(made, columns)}
    onnx.helper.set_model_props(model, texts)
    changed = folder / "renamed.onnx"
    changed.write_bytes(model.SerializeToString())
    return changed


def test_names_become_valid_and_different(files: dict[str, Path], tmp_path: Path) -> None:
    """Reserved words, signs, names that differ in case or behind character 63, or are those of the text itself."""
    long = "tendency_of_mole_concentration_of_dissolved_inorganic_carbon_in_sea_water"
    path = renamed(
        files["recurrent"], tmp_path, "n_columns_of_it", {"x": long + "_1", "y": long + "_2", "scale": "*/ 2 #error"}
    )
    file = EmulatorFile.open(path)
    made, library = compiled(path, tmp_path)
    text = made.source.read_text()
    assert "\n#error \u00e9" not in text
    names = re.findall(r"^    (?:const )?(?:float|double) \*(\w+)", text, flags=re.MULTILINE)[:4]
    assert len({name.lower() for name in names}) == 4 and max(map(len, names)) == 63
    assert same_bits(by_columns(library, made, file.card, file.inputs()), by_engine(path, file.card, file.inputs()))
    check_module(made)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a" * 55, "has 55 characters; expected up to 54"),
        ("exp", "is a name of C"),
        ("sinf", "is a name of C"),
        ("double", "is a name of C"),
        ("quotient", "is a name of C or of the generated text"),
        ("weights_3", "is a name of C or of the generated text"),
        ("Radiation", "expected lower-case letters"),
        ("2m", "a letter first"),
    ],
)
def test_a_name_that_cannot_be_is_refused(toy_path: Path, tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(ExportError, match=said):
        compile_to_c(toy_path, tmp_path / "toy.c", name)
    assert not list(tmp_path.iterdir())


def test_what_the_engine_cannot_run_is_refused_in_its_words(tmp_path: Path, toy_pt: Path) -> None:
    node = onnx.helper.make_node("Det", ["x"], ["y"])
    ports = [onnx.helper.make_tensor_value_info(name, 1, shape) for name, shape in (("x", [4, 4]), ("y", []))]
    model = onnx.helper.make_model(
        onnx.helper.make_graph([node], "g", ports[:1], ports[1:]),
        opset_imports=[onnx.helper.make_opsetid("", 20)],
        ir_version=9,
    )
    path = tmp_path / "det.onnx"
    file = raw_file("det", model.SerializeToString(), [np.ones((4, 4))], [np.float32(0)], path)
    with pytest.raises(ExportError, match="cannot run operator 'Det'"):
        compile_to_c(path)
    assert native_support(file)["operator"] == "Det"
    assert native_support(file)["runs"] is False
    with pytest.raises(ExportError, match="a TorchScript archive; only ONNX graphs can be compiled"):
        compile_to_c(toy_pt, tmp_path / "toy.c")
    assert native_support(EmulatorFile.open(toy_pt))["runs"] is False


def test_outputs_that_cannot_be_written(toy_path: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="expected a path that ends in '.c'"):
        compile_to_c(toy_path, tmp_path / "toy.cpp")
    with pytest.raises(ExportError, match="No such file or directory"):
        compile_to_c(toy_path, tmp_path / "nowhere" / "toy.c")
    with pytest.raises(ExportError, match="No such file or directory"):
        compile_to_c(tmp_path / "nothing.onnx", tmp_path / "toy.c")


# --- The command ---


def test_command(toy_path: Path, tmp_path: Path) -> None:
    output = tmp_path / "emulator.c"
    done = CliRunner().invoke(app, ["compile", str(toy_path), "-o", str(output), "--name", "longwave", "--json"])
    document = json.loads(done.stdout)
    assert document["function"] == "longwave" and document["module"] == "longwave_emulator"
    assert document["stack_bytes"] > 0
    assert (
        "void longwave(" in output.read_text() and "module longwave_emulator" in output.with_suffix(".f90").read_text()
    )
    done = CliRunner().invoke(app, ["compile", str(toy_path), "-o", str(output)])
    assert done.exit_code == 0 and "module toy_longwave_emulator" in done.output
    done = CliRunner().invoke(app, ["compile", str(tmp_path / "none.onnx"), "-o", str(output)])
    assert done.exit_code == 1 and "none.onnx" in done.output


def test_info_says_whether_the_engine_runs_a_file(toy_path: Path) -> None:
    assert json.loads(CliRunner().invoke(app, ["info", str(toy_path), "--json"]).stdout)["native"]["runs"] is True
    assert "can be compiled to C" in CliRunner().invoke(app, ["info", str(toy_path)]).output


def test_the_same_file_gives_the_same_text(toy_path: Path, tmp_path: Path) -> None:
    made: list[Compiled] = [compile_to_c(toy_path, tmp_path / f"{name}.c") for name in "ab"]
    assert made[0].source.read_bytes() == made[1].source.read_bytes()
    assert made[0].fortran.read_bytes() == made[1].fortran.read_bytes()
