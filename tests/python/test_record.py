"""Records: what is in them, that they replay bit for bit, what ends them, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import netCDF4
import numpy as np
import onnx
import pytest
import xarray as xr
from toy_emulator import HEATING, LAYERS, UPWELLING, ToyLongwave, toy_card, toy_inputs
from typer.testing import CliRunner, Result

from pyemu.cli import app
from pyemu.emulator import Card, Provenance, Variable
from pyemu.emulator.export import export_onnx
from pyemu.runtime import Emulator, EmulatorError
from pyemu.runtime.record import netcdf_library
from pyemu.runtime.record_file import RecordError, RecordFile
from pyemu.runtime.replay import replay

COLUMNS = 67
TEMPERATURE = "air_temperature"
ENGINES = ("native", "onnxruntime")
Arrays = dict[str, np.ndarray]


def run_cli(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def bind(
    emulator: Emulator, columns: int = COLUMNS, dtype: type = np.float64, order: str = "F", seed: int = 3
) -> Arrays:
    """Bind plausible columns."""
    inputs = toy_inputs(columns, seed)
    inputs[TEMPERATURE] = inputs[TEMPERATURE].clip(205.0, 305.0)
    arrays = {}
    for variable in emulator.variables:
        values = inputs[variable.name] if variable.is_input else np.zeros((columns, *variable.shape))
        arrays[variable.name] = np.array(values, dtype=dtype, order=order)
        emulator.bind(variable.name, arrays[variable.name], variable.units)
    return arrays


@pytest.fixture(params=ENGINES)
def toy(toy_path: Path, request: pytest.FixtureRequest) -> Iterator[Emulator]:
    with Emulator.open(toy_path, request.param) as emulator:
        yield emulator


@pytest.fixture
def record(toy_path: Path, tmp_path: Path) -> Path:
    """Three steps of the native engine, with ids, the temperature different in each."""
    path = tmp_path / "toy.nc"
    with Emulator.open(toy_path, "native") as emulator:
        arrays = bind(emulator)
        emulator.bind_ids(np.arange(COLUMNS) * 2)
        emulator.set_record(path, buffer=50)
        for step in range(3):
            emulator.run(step)
            arrays[TEMPERATURE] += 0.25
    return path


# --- What is in a record ---


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("buffer", [0, 1, 13])
def test_a_record_holds_what_went_in_and_came_out(
    toy: Emulator, tmp_path: Path, dtype: type, order: str, buffer: int
) -> None:
    """In the engine's types: narrower arrays of the host lose nothing in the record."""
    arrays = bind(toy, dtype=dtype, order=order)
    toy.run(0)
    plain = {name: values.copy() for name, values in arrays.items()}
    toy.set_record(tmp_path / "a.nc", buffer=buffer)
    toy.run(5)
    done = toy.end_record()
    assert (done.calls, done.columns, done.status, done.stopped) == (1, COLUMNS, 0, "")
    assert done.bytes == (tmp_path / "a.nc").stat().st_size
    assert done.seconds > 0
    with RecordFile(tmp_path / "a.nc") as found:
        for variable in toy.variables:
            np.testing.assert_array_equal(arrays[variable.name], plain[variable.name])
            recorded = found.read(variable.name)
            assert recorded.dtype == variable.dtype
            expected = arrays[variable.name]
            np.testing.assert_array_equal(recorded.astype(dtype) if not variable.is_input else recorded, expected.astype(
                recorded.dtype if variable.is_input else dtype))  # fmt: skip
        assert set(found.read("step")) == {5}
        assert found.read("column_in_call").tolist() == list(range(COLUMNS))
        assert set(found.read("global_id")) == set(found.read("guard_reasons")) == {-1}


def test_the_file_follows_cf_and_tells_where_it_comes_from(record: Path, toy_path: Path) -> None:
    with xr.open_dataset(record, mask_and_scale=False) as found:
        assert found.attrs["Conventions"] == "CF-1.11"
        heating = found[HEATING]
        assert heating.dims == ("column", "layer")
        assert heating.attrs["units"] == "K s-1"
        assert heating.attrs["standard_name"] == HEATING
        assert heating.attrs["long_name"] == HEATING.replace("_", " ")
        assert found.attrs["pyemu_engine"] == "native"
        assert found.attrs["pyemu_precision"] == "real32"
        assert json.loads(found.attrs["pyemu_card"])["name"] == "toy_longwave"
        assert found["global_id"].values.tolist() == [2 * i for i in range(COLUMNS)] * 3
        assert found["step"].values.tolist() == [step for step in range(3) for _ in range(COLUMNS)]
        assert found["call"].values.tolist() == found["step"].values.tolist()
    with netCDF4.Dataset(record) as opened:
        assert opened.data_model == "NETCDF3_64BIT_DATA"


def test_outputs_over_inputs_do_not_spoil_the_record(toy: Emulator, tmp_path: Path) -> None:
    """A host that steps in place: the heating lies over the temperature."""
    arrays = bind(toy, order="C")
    temperature = arrays[TEMPERATURE].copy()
    toy.bind(HEATING, arrays[TEMPERATURE])
    toy.set_record(tmp_path / "a.nc")
    toy.run()
    toy.end_record()
    with RecordFile(tmp_path / "a.nc") as found:
        np.testing.assert_array_equal(found.read(TEMPERATURE), temperature.astype(np.float32))
        np.testing.assert_array_equal(found.read(HEATING), arrays[TEMPERATURE])


def test_steps_and_columns_are_chosen(toy: Emulator, tmp_path: Path) -> None:
    bind(toy)
    toy.bind_ids(np.arange(COLUMNS)[::-1].copy())
    toy.set_record(tmp_path / "a.nc", first_step=10, last_step=20, every=4, every_column=10)
    for step in range(30):
        toy.run(step, columns=COLUMNS - step)
    toy.end_record()
    with RecordFile(tmp_path / "a.nc") as found:
        assert sorted(set(found.read("step"))) == [10, 14, 18]
        assert sorted(set(found.read("call"))) == [0, 1, 2]
        assert all(found.read("global_id") % 10 == 0)
        assert found.read("global_id")[found.read("step") == 18].tolist() == [60, 50, 40, 30, 20]


def test_without_steps_and_ids_runs_and_places_are_counted(toy: Emulator, tmp_path: Path) -> None:
    bind(toy)
    toy.set_record(tmp_path / "a.nc", every=3, every_column=30)
    for _ in range(7):
        toy.run()
    toy.end_record()
    with RecordFile(tmp_path / "a.nc") as found:
        assert found.read("column_in_call").tolist() == [0, 30, 60] * 3
        assert set(found.read("step")) == {-(2**63)}


def test_runs_that_fail_are_not_recorded(toy: Emulator, tmp_path: Path) -> None:
    arrays = bind(toy)
    toy.set_record(tmp_path / "a.nc")
    arrays[TEMPERATURE][3, 2] = np.nan
    with pytest.raises(EmulatorError):
        toy.run(0)
    toy.set_guard("stop")
    with pytest.raises(EmulatorError):
        toy.run(1)
    assert toy.end_record().columns == 0


def test_flagged_columns_alone(toy: Emulator, tmp_path: Path) -> None:
    arrays = bind(toy)
    arrays[TEMPERATURE][[4, 40], 1] = 311.0
    toy.set_guard("fallback")
    toy.set_record(tmp_path / "a.nc", only="flagged")
    toy.run(1)
    toy.end_record()
    with RecordFile(tmp_path / "a.nc") as found:
        assert found.read("column_in_call").tolist() == [4, 40]
        assert found.read("guard_reasons").tolist() == toy.reasons()[[4, 40]].tolist() == [4, 4]
        assert (found.read(UPWELLING) > 0).all()  # what the engine said, although the host's arrays were left alone
    assert (arrays[UPWELLING][[4, 40]] == 0).all()


def test_flagged_columns_with_the_labels_of_the_host(toy: Emulator, tmp_path: Path) -> None:
    """The active-learning host: the guard flags, its own scheme computes, and that is recorded."""
    arrays = bind(toy)
    arrays[TEMPERATURE][[4, 40], 1] = 311.0
    toy.set_guard("fallback")
    toy.set_record(tmp_path / "a.nc", source="host", only="flagged")
    for step in range(2):
        toy.run(step)
        arrays[UPWELLING][toy.fallback()] = 123.0
        toy.record_host(step)
    assert toy.end_record().calls == 2
    with RecordFile(tmp_path / "a.nc") as found:
        assert found.is_of_host
        assert found.read("column_in_call").tolist() == [4, 40, 4, 40]
        assert (found.read(UPWELLING) == 123.0).all()


def test_a_guard_that_is_taken_away_ends_the_record_of_flagged_columns(toy: Emulator, tmp_path: Path) -> None:
    bind(toy)
    toy.set_guard("count")
    toy.set_record(tmp_path / "a.nc", only="flagged")
    toy.set_guard("off")
    toy.run()
    report = toy.record_report()
    assert not report.is_on
    assert report.status != 0
    assert "taken away" in report.stopped


def test_a_new_record_ends_the_old_one_and_a_refused_one_does_not(toy: Emulator, tmp_path: Path) -> None:
    bind(toy)
    toy.set_record(tmp_path / "a.nc")
    toy.run()
    with pytest.raises(EmulatorError, match="is there already; remove it, choose another path, or ask for 'replace'"):
        toy.set_record(tmp_path / "a.nc")
    toy.run()
    assert toy.record_report().calls == 2
    toy.set_record(tmp_path / "b.nc")
    toy.run()
    with RecordFile(tmp_path / "a.nc") as old:
        assert old.columns == 2 * COLUMNS
    toy.set_record(tmp_path / "a.nc", replace=True)
    toy.run()
    toy.end_record()
    for name in ("a.nc", "b.nc"):
        with RecordFile(tmp_path / name) as found:
            assert found.columns == COLUMNS


def test_a_run_that_is_killed_leaves_what_was_written(toy_path: Path, tmp_path: Path) -> None:
    program = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_record import *
emulator = Emulator.open({str(toy_path)!r}, "native")
bind(emulator)
emulator.set_record({str(tmp_path / "a.nc")!r}, buffer=60)
emulator.run(1)
emulator.run(2)
os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 9
    with RecordFile(tmp_path / "a.nc") as found:
        assert found.columns == 120
    assert replay(tmp_path / "a.nc", toy_path).passed


# --- Replay ---


def test_a_record_of_native_replays_bit_for_bit(record: Path, toy_path: Path) -> None:
    result = replay(record, toy_path)
    assert result.passed
    assert result.engine == "native"
    assert result.columns == 3 * COLUMNS
    assert [row.differing for row in result.differences] == [0, 0, 0]
    assert [row.values for row in result.differences] == [3 * COLUMNS * n for n in (LAYERS + 1, LAYERS + 1, LAYERS)]
    assert {row.tolerance for row in result.differences} == {0.0}


def test_another_engine_is_within_the_tolerance_of_the_card(record: Path, toy_path: Path) -> None:
    result = replay(record, toy_path, engine="onnxruntime")
    assert result.passed
    assert sum(row.differing for row in result.differences) > 0
    for row in result.differences:
        assert row.tolerance == toy_card().tolerance.of(row.name) * row.max_abs_recorded


def test_torch_is_within_the_tolerance_of_the_card(record: Path, toy_pt: Path) -> None:
    with pytest.raises(RecordError, match="compare with --any-model"):
        replay(record, toy_pt, allow_code=True)
    result = replay(record, toy_pt, any_model=True, allow_code=True)
    assert result.engine == "torchscript"
    assert result.passed, result.to_dict()


def test_real64_replays_bit_for_bit(toy_path: Path, tmp_path: Path) -> None:
    with Emulator.open(toy_path, "native", precision="real64") as emulator:
        bind(emulator)
        emulator.set_record(tmp_path / "a.nc")
        emulator.run()
    with RecordFile(tmp_path / "a.nc") as found:
        assert found.variables[TEMPERATURE].dtype == np.float64
        assert found.attribute("pyemu_precision") == "real64"
    result = replay(tmp_path / "a.nc", toy_path)
    assert result.passed
    assert {row.tolerance for row in result.differences} == {0.0}


def test_one_value_that_changed_is_found_where_it_is(record: Path, toy_path: Path) -> None:
    with netCDF4.Dataset(record, "a") as opened:
        opened.set_auto_maskandscale(False)
        opened[UPWELLING][COLUMNS + 7, 3] += 0.5
    result = replay(record, toy_path)
    assert not result.passed
    row = next(row for row in result.differences if row.name == UPWELLING)
    assert (row.differing, row.index, row.step, row.global_id, row.place) == (1, COLUMNS + 7, 1, 14, (3,))
    assert row.max_abs == pytest.approx(0.5)
    assert row.rms == pytest.approx(0.5 / row.values**0.5)
    assert [other.passed for other in result.differences if other is not row] == [True, True]
    answer = run_cli("replay", record, toy_path)
    assert answer.exit_code == 1
    assert "column 74, step 1, id 14, place 3" in answer.output
    assert "FAIL" in answer.output


def test_nan_equals_nan_and_nothing_else(record: Path, toy_path: Path, tmp_path: Path) -> None:
    with Emulator.open(toy_path, "native") as emulator:
        arrays = bind(emulator)
        arrays[TEMPERATURE][3, 2] = np.nan
        emulator.set_guard("count")
        emulator.set_record(tmp_path / "a.nc")
        emulator.run(0)
    assert replay(tmp_path / "a.nc", toy_path).passed
    with netCDF4.Dataset(tmp_path / "a.nc", "a") as opened:
        opened.set_auto_maskandscale(False)
        opened[UPWELLING][3, 1] = 1.0
    row = replay(tmp_path / "a.nc", toy_path).differences[0]
    assert row.max_abs == np.inf
    assert row.index == 3


def test_blocks_of_columns_and_clipped_inputs_replay(toy: Emulator, toy_path: Path, tmp_path: Path) -> None:
    arrays = bind(toy)
    arrays[TEMPERATURE][5, 2] = 320.0
    toy.set_guard("clip")
    toy.set_record(tmp_path / "a.nc")
    whole = {variable.name: arrays[variable.name] for variable in toy.variables}
    for first in range(0, COLUMNS, 16):
        toy.unbind()
        block = slice(first, min(first + 16, COLUMNS))
        for name, values in whole.items():
            toy.bind(name, values[block])
        toy.bind_ids(np.arange(COLUMNS)[block])
        toy.run(1)
    toy.end_record()
    result = replay(tmp_path / "a.nc", toy_path)
    assert result.passed
    assert result.engine == toy.engine
    with RecordFile(tmp_path / "a.nc") as found:
        assert found.read("global_id").tolist() == list(range(COLUMNS))
        assert found.read(TEMPERATURE)[5, 2] == 310.0


def noisy(path: Path) -> Path:
    """A closure with noise of a memory, and a constant that holds for all columns."""
    import torch

    class Closure(torch.nn.Module):
        def forward(self, state: torch.Tensor, kick: torch.Tensor, scale: torch.Tensor) -> tuple[torch.Tensor]:
            return (torch.tanh(state * scale) + 0.1 * kick,)

    def variable(name: str, *dims: str, **more: object) -> Variable:
        fields = {"name": name, "standard_name": name, "units": "1", "dims": dims, "dtype": "float32"}
        return Variable.model_validate(fields | more)

    card = Card(
        name="closure",
        version="3",
        summary="With noise",
        licence="Apache-2.0",
        vertical_order="top_first",
        dimensions={"layer": 4},
        inputs=(
            variable("state", "column", "layer"),
            variable("kick", "column", "layer", noise={"distribution": "normal", "ar1": 0.5}),
            variable("scale"),
        ),
        outputs=(variable("tendency", "column", "layer"),),
        provenance=Provenance(data_sha256="0" * 64, code_version="1", created="2026-01-01T00:00:00+00:00"),
    )
    rng = np.random.default_rng(1)
    inputs = {"state": rng.normal(size=(8, 4)), "kick": rng.normal(size=(8, 4)), "scale": np.array(0.5)}
    return export_onnx(Closure(), card, inputs, path)


@pytest.mark.parametrize("engine", ENGINES)
def test_noise_and_values_of_all_columns_replay(engine: str, tmp_path: Path) -> None:
    path = noisy(tmp_path / "closure.onnx")
    state, tendency, scale = np.ones((9, 4), np.float32), np.zeros((9, 4), np.float32), np.array(0.5, np.float32)
    with Emulator.open(path, engine) as emulator:
        emulator.set_noise(7, 3)
        emulator.bind("state", state)
        emulator.bind("tendency", tendency)
        emulator.bind("scale", scale)
        emulator.bind_ids(np.arange(9))
        emulator.set_record(tmp_path / "a.nc")
        for step in range(4):
            scale[...] = 0.5 + step
            emulator.run(step)
    with RecordFile(tmp_path / "a.nc") as found:
        kick = found.read("kick").reshape(4, 9, 4)
        assert np.abs(kick).max() > 1.0
        assert (kick[0] != kick[1]).all()
        assert found.read("scale").tolist() == [0.5] * 9 + [1.5] * 9 + [2.5] * 9 + [3.5] * 9
        assert (found.attribute("pyemu_seed"), found.attribute("pyemu_member")) == (7, 3)
        np.testing.assert_array_equal(found.read("tendency")[-9:], tendency)
    result = replay(tmp_path / "a.nc", path)
    assert result.passed
    assert engine != "native" or result.differences[0].differing == 0


def test_a_graph_without_a_card_replays(toy_path: Path, tmp_path: Path) -> None:
    model = onnx.load(toy_path)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "raw.onnx")
    with Emulator.open(tmp_path / "raw.onnx", "native", raw=True) as emulator:
        bind(emulator)
        emulator.set_record(tmp_path / "a.nc")
        emulator.run()
    assert replay(tmp_path / "a.nc", tmp_path / "raw.onnx").passed
    with pytest.raises(RecordError, match="a graph without a card"):
        replay(tmp_path / "a.nc", toy_path)


# --- A wrong model ---


def test_a_wrong_model_is_named(record: Path, toy_path: Path, tmp_path: Path) -> None:
    other = export_onnx(ToyLongwave(hidden=8), toy_card(version="2"), toy_inputs(), tmp_path / "other.onnx")
    answer = run_cli("replay", record, other)
    assert answer.exit_code == 1
    for text in (
        "'toy_longwave', version 1",
        "'toy_longwave', version 2",
        digest(toy_path),
        digest(other),
        "--any-model",
    ):
        assert text in answer.output
    answer = run_cli("replay", record, other, "--any-model", "--json")
    document = json.loads(answer.stdout)
    assert answer.exit_code == 1
    assert document["is_same_model"] is False
    assert not any(row["passed"] for row in document["outputs"])
    assert run_cli("replay", record, other, "--any-model", "--tolerance", 10).exit_code == 0


def test_a_model_of_other_variables_is_named(record: Path, tmp_path: Path) -> None:
    other = noisy(tmp_path / "closure.onnx")
    for options in ({}, {"any_model": True}):
        with pytest.raises(RecordError) as refused:
            replay(record, other, **options)
        for text in (
            "'toy_longwave', version 1",
            "'closure', version 3",
            "its 'state' is not in the record",
            f"no '{HEATING}'",
        ):
            assert text in str(refused.value)


def digest(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


# --- What ends a record, and what is refused ---


@pytest.mark.parametrize("max_bytes", [1, 9000, 20_000, 20_001, 30_000])
def test_the_file_stays_below_its_limit(toy: Emulator, tmp_path: Path, max_bytes: int) -> None:
    arrays = bind(toy)
    toy.set_record(tmp_path / "a.nc", max_bytes=max_bytes, buffer=9)
    for step in range(20):
        toy.run(step)
    report = toy.record_report()
    size = (tmp_path / "a.nc").stat().st_size
    assert not report.is_on
    assert report.status == 0
    assert report.stopped == f"the file would have been larger than max_bytes, {max_bytes}"
    assert report.bytes == size
    assert size <= max_bytes or report.columns == 0
    row = (size - header_size(tmp_path / "a.nc")) // max(report.columns, 1)
    assert report.columns == 0 or size + row > max_bytes
    with RecordFile(tmp_path / "a.nc") as found:
        assert found.columns == report.columns
        assert found.stopped == report.stopped
    assert np.isfinite(arrays[HEATING]).all()


def header_size(path: Path) -> int:
    """Bytes before the first column."""
    with RecordFile(path) as found:
        per_column = 5 * 8 + sum(item.dtype.itemsize * int(np.prod(item.shape)) for item in found.variables.values())
        return path.stat().st_size - found.columns * per_column


def test_a_full_disk_ends_the_record_and_not_the_run(toy_path: Path, tmp_path: Path) -> None:
    """The limit on the size of files stands for the disk: writes fail in the middle of a column."""
    program = f"""
import resource, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_record import *
emulator = Emulator.open({str(toy_path)!r}, "native")
arrays = bind(emulator)
emulator.run(0)
plain = arrays[HEATING].copy()
emulator.set_record({str(tmp_path / "a.nc")!r}, buffer=20)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
for step in range(9):
    arrays[HEATING][:] = 0
    emulator.run(step)
    assert (arrays[HEATING] == plain).all()
report = emulator.record_report()
print(report.is_on, report.status, report.stopped, report.columns, sep="|")
emulator.close()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    is_on, status, stopped, columns = done.stdout.strip().split("|")
    assert (is_on, status) == ("False", "3")
    assert stopped == "cannot write: File too large"
    assert 0 < int(columns) < 9 * COLUMNS
    with RecordFile(tmp_path / "a.nc") as found:
        assert found.columns == int(columns)
    assert replay(tmp_path / "a.nc", toy_path).passed


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nowhere/a.nc", "cannot create '.*nowhere/a.nc': No such file or directory"),
        ("", "cannot create|is there already"),
        ("http://example.org/a.nc", "is an address; expected a path"),
        ("a{rank}.nc", "has a place for the rank, but no rank is given"),
    ],
)
def test_paths_that_cannot_be_written_are_refused(toy: Emulator, tmp_path: Path, path: str, message: str) -> None:
    with pytest.raises(EmulatorError, match=message):
        toy.set_record(path if "://" in path else f"{tmp_path}/{path}")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_leave_is_refused(toy: Emulator, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(EmulatorError, match="Permission denied"):
        toy.set_record(tmp_path / "a.nc")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rank": -2}, "'rank' of the recording is -2; expected 0 or more, or -1 for none"),
        ({"every": 0}, "'every' of the recording is 0; expected 1 or more"),
        ({"every_column": -1}, "'every_column' of the recording is -1"),
        ({"max_bytes": 0}, "'max_bytes' of the recording is 0"),
        ({"buffer": -5}, "'buffer' of the recording is -5"),
        ({"buffer": 2**60}, "no memory for the recording of"),
        ({"first_step": 5, "last_step": 4}, "'last_step' of the recording is 4; expected first_step or later"),
        ({"only": "flagged"}, "no guard flags any; set it first"),
        ({"only": "some"}, "'only' of the recording is 'some'; expected 'all' or 'flagged'"),
        ({"source": "me"}, "'source' of the recording is 'me'; expected 'runs' or 'host'"),
        ({"buffer": 2**70}, "'buffer' of the recording is 1180591620717411303424"),
        ({"wrong": 1}, "'wrong' of the recording is 1"),
    ],
)
def test_impossible_settings_are_refused(
    toy: Emulator, tmp_path: Path, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(EmulatorError, match=message):
        toy.set_record(tmp_path / "a.nc", **settings)
    assert not (tmp_path / "a.nc").exists()


def test_ranks_write_files_of_their_own(toy: Emulator, tmp_path: Path) -> None:
    bind(toy)
    toy.set_record(tmp_path / "a{rank}.nc", rank=12)
    toy.run()
    assert toy.end_record().path == tmp_path / "a0012.nc"
    with RecordFile(tmp_path / "a0012.nc") as found:
        assert found.attribute("pyemu_rank") == 12


def test_ids_of_another_number_end_the_record(toy: Emulator, tmp_path: Path) -> None:
    bind(toy)
    toy.bind_ids(np.arange(5))
    toy.set_record(tmp_path / "a.nc")
    toy.run()
    assert toy.record_report().stopped == f"there are 5 ids for {COLUMNS} columns"
    assert toy.record_report().status != 0


def test_the_host_is_recorded_only_where_it_was_asked_for(toy: Emulator, tmp_path: Path) -> None:
    bind(toy)
    with pytest.raises(EmulatorError, match="no recording of the host's own scheme"):
        toy.record_host(1)
    with pytest.raises(EmulatorError, match="nothing has been recorded"):
        toy.record_report()
    toy.set_record(tmp_path / "a.nc")
    with pytest.raises(EmulatorError, match="no recording of the host's own scheme"):
        toy.record_host(1)
    toy.set_record(tmp_path / "b.nc", source="host")
    toy.run(1)
    with pytest.raises(EmulatorError, match=f"{COLUMNS + 1} columns are to be recorded; expected 0 to {COLUMNS}"):
        toy.record_host(1, COLUMNS + 1)
    toy.unbind()
    with pytest.raises(EmulatorError, match="missing: input 'air_temperature'"):
        toy.record_host(1)
    assert toy.end_record().columns == 0


def test_noise_of_the_library_is_no_record_of_a_host(tmp_path: Path) -> None:
    with Emulator.open(noisy(tmp_path / "closure.onnx"), "native") as emulator:
        emulator.set_record(tmp_path / "a.nc", source="host")
        with pytest.raises(EmulatorError, match="'kick' is filled by the library, because no array is bound to it"):
            emulator.record_host()


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("/no/such/libnetcdf.so", "cannot load netCDF, which writes records: /no/such/libnetcdf.so.*PYEMU_NETCDF"),
        ("libm.so.6", "'libm.so.6' is no netcdf-c library: it has no nc__create"),
    ],
)
def test_a_missing_netcdf_is_a_status(toy_path: Path, tmp_path: Path, variable: str, message: str) -> None:
    import re

    program = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_record import *
emulator = Emulator.open({str(toy_path)!r}, "native")
bind(emulator)
try:
    emulator.set_record({str(tmp_path / "a.nc")!r})
except EmulatorError as error:
    print(error.status_name, error)
emulator.run(1)
"""
    environment = os.environ | {"PYEMU_NETCDF": variable}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(f"PYEMU_ERR_UNSUPPORTED {message}", done.stdout), done.stdout


def test_the_netcdf_of_the_wheel_writes_records(toy_path: Path, tmp_path: Path) -> None:
    found = netcdf_library()
    assert found is not None
    assert "netcdf4.libs" in found
    program = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_record import *
emulator = Emulator.open({str(toy_path)!r}, "native")
bind(emulator)
emulator.set_record({str(tmp_path / "a.nc")!r}, library={found!r})
emulator.run(1)
assert emulator.end_record().columns == COLUMNS
print(open("/proc/self/maps").read().count({found!r}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0
    assert replay(tmp_path / "a.nc", toy_path).passed


# --- Damaged records ---


def test_damaged_records_are_refused(record: Path, toy_path: Path, tmp_path: Path) -> None:
    data = record.read_bytes()
    for size in (len(data) - 1, len(data) // 2, 3000, 100, 3, 0):
        cut = tmp_path / "cut.nc"
        cut.write_bytes(data[:size])
        answer = run_cli("replay", cut, toy_path)
        assert answer.exit_code == 1
        assert any(text in answer.output for text in ("is damaged", "cannot be read as NetCDF")), (size, answer.output)
    (tmp_path / "text.nc").write_text("This is no record")
    xr.Dataset({"x": ("column", np.zeros(3))}).to_netcdf(tmp_path / "other.nc")
    messages = {"text.nc": "cannot be read as NetCDF", "other.nc": "is no record of pyemu, or is damaged"}
    messages["none.nc"] = "does not exist"
    for name, message in messages.items():
        answer = run_cli("replay", tmp_path / name, toy_path)
        assert answer.exit_code == 1
        assert message in answer.output


def test_a_record_without_columns_is_refused(toy: Emulator, toy_path: Path, tmp_path: Path) -> None:
    bind(toy)
    toy.set_record(tmp_path / "a.nc")
    toy.end_record()
    with pytest.raises(RecordError, match="has no columns: there is nothing to replay"):
        replay(tmp_path / "a.nc", toy_path)


def test_the_record_of_a_host_has_no_limit_unless_one_is_asked_for(
    toy: Emulator, toy_path: Path, tmp_path: Path
) -> None:
    arrays = bind(toy)
    arrays[UPWELLING][:] = 300.0
    toy.set_record(tmp_path / "a.nc", source="host")
    toy.record_host(1)
    toy.end_record()
    result = replay(tmp_path / "a.nc", toy_path)
    assert result.passed
    assert result.differences[0].max_abs > 1
    assert not replay(tmp_path / "a.nc", toy_path, tolerance=1e-6).passed


def test_a_blend_does_not_reach_the_record(toy: Emulator, toy_path: Path, tmp_path: Path) -> None:
    """With weight 0 the host's own numbers stay in its arrays: both can be recorded, one after the other."""
    arrays = bind(toy)
    toy.run(0)
    emulated = arrays[UPWELLING].copy()
    toy.set_blend(0.25)
    toy.set_record(tmp_path / "runs.nc")
    arrays[UPWELLING][:] = 100.0
    toy.run(1)
    toy.set_blend(0.0)
    arrays[UPWELLING][:] = 100.0
    toy.set_record(tmp_path / "host.nc", source="host")
    toy.run(2)
    toy.record_host(2)
    toy.end_record()
    assert replay(tmp_path / "runs.nc", toy_path).passed
    with RecordFile(tmp_path / "runs.nc") as runs, RecordFile(tmp_path / "host.nc") as host:
        np.testing.assert_array_equal(runs.read(UPWELLING), emulated)
        assert (host.read(UPWELLING) == 100.0).all()


def test_emulators_in_threads_take_turns(toy_path: Path, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def work(number: int) -> None:
        with Emulator.open(toy_path, "native") as emulator:
            bind(emulator, seed=number)
            emulator.set_record(tmp_path / f"{number}.nc", buffer=3)
            for step in range(20):
                emulator.run(step)
            assert emulator.end_record().columns == 20 * COLUMNS

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    for number in range(4):
        assert replay(tmp_path / f"{number}.nc", toy_path).passed


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_carried_from_step_to_step_replays(engine: str, files: Path, tmp_path: Path) -> None:
    with Emulator.open(files / "carrying.onnx", engine) as emulator:
        emulator.set_noise(1)
        arrays = {
            variable.name: np.ones((9, *variable.shape), variable.dtype)
            for variable in emulator.variables
            if not variable.is_carried and variable.noise is None
        }
        for name, values in arrays.items():
            emulator.bind(name, values)
        emulator.bind_ids(np.arange(9))
        emulator.set_record(tmp_path / "a.nc")
        for step in range(4):
            emulator.run(step)
        emulator.set_record(tmp_path / "host.nc", source="host")
        with pytest.raises(EmulatorError, match="'.*' is filled by the library, because no array is bound to it"):
            emulator.record_host(4)
    with RecordFile(tmp_path / "a.nc") as found:
        before, after = found.read("hidden").reshape(4, 9, -1), found.read("hidden_next").reshape(4, 9, -1)
        np.testing.assert_array_equal(before[1:], after[:-1])
        assert (before[0] == 0).all()
        assert (before[1] != 0).any()
    result = replay(tmp_path / "a.nc", files / "carrying.onnx")
    assert result.passed
    assert engine != "native" or all(row.differing == 0 for row in result.differences)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "name",
    ["carrying", "difference", "field", "global", "mlp", "noisy", "ranged", "scale_float64", "scale_int32", "toy"],
)
def test_every_kind_of_emulator_replays(name: str, engine: str, files: Path, tmp_path: Path) -> None:
    """Columns and fields, values of all columns, whole numbers, noise and state that a host has bound."""
    if (name, engine) == ("scale_int32", "native"):
        pytest.skip("the native engine does not multiply whole numbers")
    with Emulator.open(files / f"{name}.onnx", engine) as emulator:
        for variable in emulator.variables:
            emulator.bind(variable.name, emulator.reference(variable.name))
        emulator.set_record(tmp_path / "a.nc")
        emulator.run(1)
        emulator.run(2)
        assert emulator.end_record().columns == 2 * emulator.reference_columns
    result = replay(tmp_path / "a.nc", files / f"{name}.onnx")
    assert result.passed
    assert [row.differing for row in result.differences] == [0] * len(result.differences)
