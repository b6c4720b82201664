"""The engine ``native``: the numbers of torch, and the same bits for a column wherever and with whatever it is run."""

import os
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from columns import small_columns
from toy_emulator import ToyLongwave, toy_card, toy_inputs

from pyemu.emulator import Card, EmulatorFile, Provenance, Variable
from pyemu.emulator.export import export_onnx
from pyemu.emulator.from_checkpoint import export_checkpoint
from pyemu.runtime import Emulator, EmulatorError
from pyemu.zoo.checkpoint import Checkpoint
from pyemu.zoo.radiation import SYSTEMS

Arrays = dict[str, np.ndarray]
CANDIDATES = (
    ("rrtmg_longwave", "spectral"),
    ("rrtmg_longwave", "recurrent"),
    ("rrtmg_shortwave", "convolution"),
    ("rrtmg_shortwave", "dense"),
)
SPLITS = (1, 7, 16, 33, 128)
COLUMNS = 131


def untrained(name: str, network: str, folder: Path) -> Path:
    """The emulator file of a radiation network with its first weights."""
    torch.manual_seed(3)
    system, columns = SYSTEMS[name], small_columns(24)
    wanted = {item.name: columns[item.name] for item in system.inputs}
    limits = {key: (v.amin(0).reshape(-1).tolist(), v.amax(0).reshape(-1).tolist()) for key, v in wanted.items()}
    state = system.build(network).state_dict()
    checkpoint = Checkpoint(name, network, state, {}, "0" * 64, limits, wanted)
    path = checkpoint.save(folder / f"{name}-{network}.ckpt")
    return export_checkpoint(path, path.with_suffix(".onnx"))


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Untrained radiation emulators of every kind of network, and the toy."""
    folder = tmp_path_factory.mktemp("native")
    toy = export_onnx(ToyLongwave(), toy_card(), toy_inputs(), folder / "toy.onnx")
    return {"toy": toy} | {f"{name}-{network}": untrained(name, network, folder) for name, network in CANDIDATES}


def drawn(path: Path, columns: int) -> Arrays:
    """Columns like the recorded ones, slightly changed; outputs hold NaN."""
    file = EmulatorFile.open(path)
    generator = np.random.default_rng(5)
    arrays = {}
    for variable in (*file.card.inputs, *file.card.outputs):
        record = file.reference[variable.name]
        rows = record[generator.integers(0, len(record), columns)]
        factor = 1 + 1e-4 * generator.standard_normal((columns, *[1] * (record.ndim - 1)))
        is_input = variable in file.card.inputs
        arrays[variable.name] = (rows * factor).astype(record.dtype) if is_input else np.full_like(rows, np.nan)
    return arrays


def outputs(path: Path, arrays: Arrays, **options: object) -> Arrays:
    """Run the native engine on arrays with columns fastest, as a Fortran host has them."""
    bound = {name: np.asfortranarray(array) for name, array in arrays.items()}
    with Emulator.open(path, engine="native", **options) as emulator:
        for name, array in bound.items():
            emulator.bind(name, array)
        emulator.run()
        return {v.name: bound[v.name] for v in emulator.variables if not v.is_input}


def split(arrays: Arrays, at: slice | np.ndarray) -> Arrays:
    return {name: array[at].copy() for name, array in arrays.items()}


def assert_same_bits(found: Arrays, expected: Arrays) -> None:
    for name in expected:
        assert np.ascontiguousarray(found[name]).tobytes() == np.ascontiguousarray(expected[name]).tobytes(), name


@contextmanager
def kernels(name: str) -> Iterator[None]:
    """Ask for the kernels of another kind of processor."""
    before = os.environ.get("PYEMU_NATIVE_KERNELS")
    os.environ["PYEMU_NATIVE_KERNELS"] = name
    try:
        yield
    finally:
        os.environ.pop("PYEMU_NATIVE_KERNELS")
        if before is not None:
            os.environ["PYEMU_NATIVE_KERNELS"] = before


def kinds_of_this_processor() -> set[str]:
    """The kernels that must be there, from what the system says of the processor."""
    if platform.machine() == "aarch64":
        return {"neon", "scalar"}
    info = Path("/proc/cpuinfo").read_text().split()
    wide = {"avx512f", "avx512dq", "avx512bw", "avx512vl"} <= set(info)
    return {"scalar"} | ({"avx2"} if {"avx2", "fma"} <= set(info) else set()) | ({"avx512"} if wide else set())


def names() -> list[str]:
    return ["toy", *(f"{name}-{network}" for name, network in CANDIDATES)]


@pytest.mark.parametrize("name", names())
def test_recorded_columns_give_the_numbers_of_torch(name: str, files: dict[str, Path]) -> None:
    file = EmulatorFile.open(files[name])
    inputs = {v.name: file.reference[v.name] for v in file.card.inputs}
    empty = {v.name: np.full_like(file.reference[v.name], np.nan) for v in file.card.outputs}
    found = outputs(files[name], inputs | empty)
    for variable in file.card.outputs:
        expected = file.reference[variable.name]
        tolerance = 2e-3 if "tendency" in variable.name else 2e-5
        np.testing.assert_allclose(found[variable.name], expected, rtol=0, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize("name", names())
def test_bits_do_not_depend_on_how_columns_are_split_and_ordered(name: str, files: dict[str, Path]) -> None:
    arrays = drawn(files[name], COLUMNS)
    whole = outputs(files[name], arrays)
    for size in SPLITS:
        for first in range(0, COLUMNS, size):
            at = slice(first, first + size)
            assert_same_bits(split(outputs(files[name], split(arrays, at)), slice(None)), split(whole, at))
            if size == 1 and first > 5:
                break
    order = np.random.default_rng(6).permutation(COLUMNS)
    assert_same_bits(outputs(files[name], split(arrays, order)), split(whole, order))


@pytest.mark.parametrize("name", names())
def test_bits_do_not_depend_on_threads_and_kernels(name: str, files: dict[str, Path]) -> None:
    arrays = drawn(files[name], COLUMNS)
    whole = outputs(files[name], arrays)
    for threads in (2, 3, 4):
        assert_same_bits(outputs(files[name], arrays, threads=threads), whole)
    possible = kinds_of_this_processor()
    for kind in ("avx512", "avx2", "neon", "scalar"):
        with kernels(kind):
            if kind in possible:
                assert_same_bits(outputs(files[name], arrays), whole)
            else:
                with pytest.raises(EmulatorError, match="names no kernels that this processor can run"):
                    outputs(files[name], arrays)


def test_bits_do_not_depend_on_the_layout(files: dict[str, Path]) -> None:
    arrays = drawn(files["toy"], 50)
    whole = outputs(files["toy"], arrays)
    strided = {name: np.repeat(array, 3, axis=0)[::3] for name, array in arrays.items()}
    with Emulator.open(files["toy"], engine="native") as emulator:
        for name, array in strided.items():
            emulator.bind(name, array)
        emulator.run()
        found = {v.name: strided[v.name].copy() for v in emulator.variables if not v.is_input}
    assert_same_bits(found, {name: np.ascontiguousarray(array) for name, array in whole.items()})


def test_an_output_over_an_input_is_written_when_all_inputs_are_read(tmp_path: Path) -> None:
    """The next tile's input must not be the last tile's output: the array of the output starts one column later."""
    card_dims = ["column", "layer"]
    module = torch.nn.Sequential(torch.nn.Linear(4, 4))

    def variable(name: str) -> Variable:
        entry = {"name": name, "standard_name": name, "units": "1", "dims": card_dims, "dtype": "float32"}
        return Variable.model_validate(entry)

    card = Card(
        name="shift", version="1", kind="column", summary="", licence="Apache-2.0", vertical_order="top_first",
        dimensions={"layer": 4}, inputs=(variable("x"),), outputs=(variable("y"),),
        provenance=Provenance(data_sha256="", code_version="", created=""),
    )  # fmt: skip
    path = export_onnx(Tupled(module), card, {"x": torch.randn(8, 4)}, tmp_path / "shift.onnx")
    memory = np.random.default_rng(1).standard_normal((301, 4)).astype(np.float32)
    expected = outputs(path, {"x": memory[:300], "y": np.zeros((300, 4), np.float32)})["y"]
    with Emulator.open(path, engine="native") as emulator:
        emulator.bind("x", memory[:300])
        emulator.bind("y", memory[1:])
        emulator.run()
    np.testing.assert_array_equal(memory[1:], expected)


class Tupled(torch.nn.Module):
    """A module that returns a tuple of one tensor."""

    def __init__(self, module: torch.nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor]:
        return (self.module(x),)


def test_a_value_that_is_not_finite_is_refused_before_any_output_is_written(files: dict[str, Path]) -> None:
    arrays = {name: np.asfortranarray(array) for name, array in drawn(files["toy"], 200).items()}
    first = next(iter(arrays))
    arrays[first][190, 2] = np.inf
    with Emulator.open(files["toy"], engine="native") as emulator:
        for name, array in arrays.items():
            emulator.bind(name, array)
        with pytest.raises(EmulatorError, match=r"in column 191"):
            emulator.run()
        assert all(np.isnan(arrays[v.name]).all() for v in emulator.variables if not v.is_input)


def test_handles_in_threads_are_independent(files: dict[str, Path]) -> None:
    arrays = drawn(files["toy"], 64)
    expected = outputs(files["toy"], arrays)
    wrong = []

    def work() -> None:
        for _ in range(20):
            found = outputs(files["toy"], arrays)
            wrong.extend(name for name in expected if not np.array_equal(found[name], expected[name]))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_kernels_that_do_not_exist_are_an_error(files: dict[str, Path]) -> None:
    with kernels("abacus"), pytest.raises(EmulatorError, match="expected 'avx512', 'avx2', 'neon' or 'scalar'"):
        Emulator.open(files["toy"], engine="native")
