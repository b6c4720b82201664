"""The Python face of libpyemu: the same binary that Fortran hosts link."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch.export.pt2_archive._package import package_pt2

from pyemu.runtime import Emulator, EmulatorError, library_directory, program, version

DATA = Path(__file__).parents[1] / "data"
TEMPERATURE, PRESSURE, SURFACE = "air_temperature", "air_pressure_at_interfaces", "surface_temperature"
FLUX = "upwelling_longwave_flux_in_air_at_interfaces"
TENDENCY = "tendency_of_air_temperature_due_to_longwave_heating"
OUTGOING = "toa_outgoing_longwave_flux"


@pytest.fixture
def toy(files: Path) -> Iterator[Emulator]:
    with Emulator.open(files / "toy.onnx") as emulator:
        yield emulator


def bind_reference(emulator: Emulator, dtype: type = np.float64, order: str = "C") -> dict[str, np.ndarray]:
    """Bind the recorded inputs and empty outputs; return all arrays by name."""
    arrays = {}
    for variable in emulator.variables:
        values = np.array(emulator.reference(variable.name), dtype=dtype, order=order)
        arrays[variable.name] = values if variable.is_input else np.full_like(values, -999)
        emulator.bind(variable.name, arrays[variable.name], variable.units)
    return arrays


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_run_gives_the_recorded_outputs(toy: Emulator, dtype: type, order: str) -> None:
    arrays = bind_reference(toy, dtype, order)
    toy.run(step=3)
    # Inputs recorded in float64 lose half their digits in float32 arrays.
    tolerance = 1e-15 if dtype is np.float64 else 4 * np.finfo(np.float32).eps
    for name in (FLUX, TENDENCY, OUTGOING):
        np.testing.assert_allclose(arrays[name], toy.reference(name), rtol=tolerance)


def test_run_follows_the_arrays_in_place(toy: Emulator) -> None:
    arrays = bind_reference(toy)
    toy.run()
    before = arrays[FLUX].copy()
    arrays[SURFACE] += 0.25
    toy.run()
    np.testing.assert_allclose(arrays[FLUX] - before, 0.25, atol=1e-9)


def test_the_vertical_may_be_any_dimension_turned_round(toy: Emulator) -> None:
    shape = (2, 2)
    arrays = {}
    for variable in toy.variables:
        values = toy.reference(variable.name).astype(np.float64)
        if variable.level is None:
            arrays[variable.name] = np.array(values.reshape(shape, order="F"))
            toy.bind(variable.name, arrays[variable.name])
        else:
            blocks = np.array(values.reshape((*shape, variable.size), order="F").transpose(0, 2, 1)[:, ::-1])
            arrays[variable.name] = blocks if variable.is_input else np.zeros_like(blocks)
            toy.bind(variable.name, arrays[variable.name][:, ::-1], level_dim=-2)
    toy.run()
    expected = toy.reference(TENDENCY).reshape((*shape, 5), order="F").transpose(0, 2, 1)[:, ::-1]
    np.testing.assert_allclose(arrays[TENDENCY], expected, rtol=1e-15)


def test_queries(toy: Emulator) -> None:
    assert toy.engine == "onnxruntime"
    assert toy.card["name"] == "toy" and toy.card["dimensions"] == {"layer": 5, "interface": 6}
    assert toy.reference_columns == 4 and toy.columns is None
    by_name = {variable.name: variable for variable in toy.variables}
    assert list(by_name) == [TEMPERATURE, PRESSURE, SURFACE, FLUX, TENDENCY, OUTGOING]
    pressure, surface = by_name[PRESSURE], by_name[SURFACE]
    assert (pressure.level, pressure.size, pressure.dtype, pressure.units) == ("interface", 6, np.float64, "Pa")
    assert (surface.level, surface.size, surface.is_input, surface.is_bound) == (None, 1, True, False)
    bind_reference(toy)
    assert toy.columns == 4 and all(variable.is_bound for variable in toy.variables)
    toy.unbind()
    assert toy.columns is None
    assert version().count(".") == 2


def test_the_stub_replays_reference_columns_in_turn(files: Path) -> None:
    with Emulator.open(files / "toy.onnx", engine="stub") as emulator:
        arrays = {v.name: np.ones((10,) if v.level is None else (10, v.size)) for v in emulator.variables}
        for name, array in arrays.items():
            emulator.bind(name, array)
        emulator.run()
        np.testing.assert_array_equal(arrays[OUTGOING], emulator.reference(OUTGOING)[np.arange(10) % 4])


def test_open_from_bytes(files: Path) -> None:
    with Emulator.from_bytes((files / "toy.onnx").read_bytes(), engine="stub") as emulator:
        assert emulator.reference(TEMPERATURE).shape == (4, 5)


def status_name(data: bytes, **options: object) -> str:
    """Open bytes with the stub engine; return the name of the status."""
    try:
        Emulator.from_bytes(data, engine="stub", **options).close()  # type: ignore[arg-type]
    except EmulatorError as error:
        return error.status_name
    return "PYEMU_OK"


def test_the_digest_is_that_of_hashlib(files: Path) -> None:
    rng = np.random.default_rng(1)
    sizes = [*range(130), *rng.integers(130, 100_000, 30)]
    for size in sizes:
        data = rng.bytes(int(size))
        digest = hashlib.sha256(data).hexdigest()
        # Random bytes are no emulator file, but of the right digest, which is compared first.
        assert status_name(data, sha256=digest) == "PYEMU_ERR_FORMAT"
        assert status_name(data + b" ", sha256=digest) == "PYEMU_ERR_CODE"


def torch_archives(directory: Path, card: str, reference: str) -> list[Path]:
    """Write a TorchScript archive and an AOTInductor package (whose library is no library) with torch's own writers."""
    extra = {"pyemu": card, "pyemu_reference": reference}
    script, package, library = directory / "script.any", directory / "package.any", directory / "model.wrapper.so"
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 3)), str(script), _extra_files=dict(extra))
    library.write_bytes(b"\x7fELF")
    with package.open("wb") as stream:
        package_pt2(stream, aoti_files={"model": [str(library)]}, extra_files=dict(extra))
    return [script, package]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_archives_of_torch_are_told_by_their_content(files: Path, tmp_path: Path) -> None:
    model = onnx.load(files / "toy.onnx")
    texts = {entry.key: entry.value for entry in model.metadata_props}
    for path in torch_archives(tmp_path, texts["pyemu"], texts["pyemu_reference"]):
        with Emulator.open(path, engine="stub") as emulator:
            assert emulator.card["name"] == "toy" and emulator.reference_columns == 4
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        with pytest.raises(EmulatorError, match=digest) as caught:
            Emulator.open(path)
        assert caught.value.status_name == "PYEMU_ERR_CODE"
        engine = "torchscript" if path.stem == "script" else "aoti"
        with pytest.raises(EmulatorError, match=engine) as caught:
            Emulator.open(path, engine="onnxruntime", allow_code=True)
        assert caught.value.status_name == "PYEMU_ERR_ARGUMENT"


@pytest.mark.parametrize(
    ("file", "name", "piece"),
    [
        ("no_such_file.onnx", "PYEMU_ERR_FILE", "cannot open"),
        ("truncated.onnx", "PYEMU_ERR_FORMAT", "truncated"),
        ("no_card.onnx", "PYEMU_ERR_NO_CARD", "pyemu export"),
        ("newer_schema.onnx", "PYEMU_ERR_SCHEMA", "update libpyemu"),
        ("graph_other_size.onnx", "PYEMU_ERR_GRAPH", "size 5 in dimension 2 of the graph but 6 on the card"),
    ],
)
def test_a_bad_file_is_an_error_with_a_status(files: Path, file: str, name: str, piece: str) -> None:
    with pytest.raises(EmulatorError, match=piece) as caught:
        Emulator.open(files / file)
    assert caught.value.status_name == name and caught.value.status > 0


def test_a_bad_binding_is_an_error_with_a_status(toy: Emulator) -> None:
    good = np.zeros((4, 5))
    cases: list[tuple[str, object, dict[str, object], str, str]] = [
        ("nothing", good, {}, "PYEMU_ERR_NAME", "its inputs are 'air_temperature'"),
        (TEMPERATURE, good, {"units": "degC"}, "PYEMU_ERR_UNITS", "needs 'K'"),
        (TEMPERATURE, np.zeros((4, 6)), {}, "PYEMU_ERR_SIZE", "has 5 layers"),
        (TEMPERATURE, good, {"level_dim": 2}, "PYEMU_ERR_ARGUMENT", "one of its 2 dimensions"),
        (TEMPERATURE, good, {"level_dim": -3}, "PYEMU_ERR_ARGUMENT", "one of its 2 dimensions"),
        (TEMPERATURE, good.astype(np.int64), {}, "PYEMU_ERR_KIND", "is int64"),
        (TEMPERATURE, good.astype(">f8"), {}, "PYEMU_ERR_KIND", "bind a NumPy array"),
        (TEMPERATURE, good.tolist(), {}, "PYEMU_ERR_KIND", "is list"),
        (TEMPERATURE, np.zeros((1,) * 7 + (5,)), {}, "PYEMU_ERR_SIZE", "rank 8"),
        (TENDENCY, np.broadcast_to(good[0], (4, 5)), {}, "PYEMU_ERR_ARGUMENT", "read-only"),
    ]
    for name, array, options, status_name, piece in cases:
        with pytest.raises(EmulatorError, match=piece) as caught:
            toy.bind(name, array, **options)  # type: ignore[arg-type]
        assert caught.value.status_name == status_name
    assert toy.columns is None


def test_not_a_number_is_an_error_and_outputs_stay(toy: Emulator) -> None:
    arrays = bind_reference(toy)
    arrays[TEMPERATURE][2, 3] = np.nan
    with pytest.raises(EmulatorError, match="'air_temperature' is nan in column 3, layer 4") as caught:
        toy.run()
    assert caught.value.status_name == "PYEMU_ERR_NOT_FINITE"
    assert (arrays[FLUX] == -999).all()


def test_run_before_bind_and_use_after_close(files: Path) -> None:
    emulator = Emulator.open(files / "toy.onnx", engine="stub")
    with pytest.raises(EmulatorError, match="missing: input 'air_temperature'"):
        emulator.run()
    emulator.close()
    for use in (emulator.run, emulator.close, lambda: emulator.card, lambda: emulator.reference(SURFACE)):
        with pytest.raises(EmulatorError, match="not open") as caught:
            use()
        assert caught.value.status_name == "PYEMU_ERR_CLOSED"


def test_bound_arrays_are_kept_alive_until_unbind(toy: Emulator) -> None:
    array = np.zeros((4, 5))
    watch = weakref.ref(array)
    toy.bind(TEMPERATURE, array)
    del array
    assert watch() is not None
    toy.unbind()
    assert watch() is None


def test_emulators_in_threads_are_independent(files: Path) -> None:
    errors: list[float] = []

    def work() -> None:
        with Emulator.open(files / "toy.onnx") as emulator:
            arrays = bind_reference(emulator)
            for _ in range(50):
                emulator.run()
            errors.append(float(np.abs(arrays[FLUX] - emulator.reference(FLUX)).max()))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == [0.0] * 4


@pytest.mark.parametrize(
    ("options", "name", "piece"),
    [
        ({"device": "tpu"}, "PYEMU_ERR_UNSUPPORTED", "device 'tpu' is not supported"),
        ({"device": "cuda:x"}, "PYEMU_ERR_ARGUMENT", "device 'cuda:x' is not understood"),
        ({"device": "cuda:0"}, "PYEMU_ERR_UNSUPPORTED", "CPUExecutionProvider; install onnxruntime-gpu"),
        ({"device": "cuda", "engine": "stub"}, "PYEMU_ERR_UNSUPPORTED", "engine 'stub' does not run on"),
    ],
)
def test_a_device_that_is_not_there_is_an_error(files: Path, options: dict[str, str], name: str, piece: str) -> None:
    with pytest.raises(EmulatorError, match=re.escape(piece)) as caught:
        Emulator.open(files / "toy.onnx", **options)
    assert caught.value.status_name == name


def test_the_cpu_takes_over_where_that_was_allowed(files: Path) -> None:
    with Emulator.open(files / "toy.onnx", device="cuda:0,cpu") as emulator:
        assert emulator.device == "cpu"


def test_importing_the_runtime_imports_no_torch() -> None:
    code = "import sys, pyemu.runtime; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_installed_package_has_what_a_fortran_host_needs(files: Path) -> None:
    root = library_directory().parent
    assert (root / "include" / "pyemu.h").is_file()
    assert list((root / "include" / "pyemu").glob("*/pyemu.mod"))
    assert (root / "lib" / "cmake" / "pyemu" / "pyemuConfig.cmake").is_file()
    done = subprocess.run([program("pyemu_verify"), files / "toy.onnx"], check=True, capture_output=True, text=True)
    assert done.stdout.count('"max_abs_difference":  0.0') == 3
