"""Training sets from records: which columns are taken, what they are labelled with, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from test_record import COLUMNS, TEMPERATURE, bind, noisy, run_cli
from toy_emulator import HEATING, UPWELLING

from pyemu.data.from_record import from_record
from pyemu.fields import FIELDS
from pyemu.runtime import Emulator
from pyemu.runtime.record_file import RecordError, RecordFile


def host_record(toy_path: Path, path: Path, seed: int = 3, columns: int = COLUMNS, **settings: object) -> Path:
    """A rank of a host: two steps, of which the second has the columns of the first but two, and one that is not finite."""
    with Emulator.open(toy_path, "native") as emulator:
        arrays = bind(emulator, columns, seed=seed)
        arrays[TEMPERATURE][0, 1] = 311.0
        emulator.set_guard("count")
        emulator.bind_ids(np.arange(columns) + 1000 * seed)
        emulator.set_record(path, source="host", **settings)
        for step in range(2):
            emulator.run(step)
            arrays[UPWELLING][:] = 100.0 * seed + np.arange(columns)[:, None]
            emulator.record_host(step)
            arrays[TEMPERATURE][[5, 6], 0] += 1.0
            arrays[TEMPERATURE][7, 0] = np.nan
    return path


@pytest.fixture
def ranks(toy_path: Path, tmp_path: Path) -> list[Path]:
    return [host_record(toy_path, tmp_path / f"rank{seed}.nc", seed) for seed in (3, 4)]


def read(path: Path) -> xr.Dataset:
    with xr.open_dataset(path, mask_and_scale=False) as found:
        return found.load()


def test_ranks_are_merged_without_duplicates(ranks: list[Path], tmp_path: Path) -> None:
    merged = from_record(ranks, tmp_path / "train.nc")
    assert merged.recorded == 4 * COLUMNS
    assert merged.not_finite == 2
    assert merged.duplicates == 2 * (COLUMNS - 3)
    assert merged.written == 2 * (COLUMNS + 2)
    assert merged.not_flagged == merged.not_chosen == merged.not_labelled == 0
    found = read(tmp_path / "train.nc")
    assert found.sizes["column"] == merged.written
    assert found["global_id"].values.tolist() == [
        id_ for rank in (3, 4) for id_ in [*range(1000 * rank, 1000 * rank + COLUMNS), 1000 * rank + 5, 1000 * rank + 6]
    ]
    labels = found[UPWELLING].values
    assert labels[:COLUMNS, 0].tolist() == [300.0 + i for i in range(COLUMNS)]
    assert labels[-2:, 3].tolist() == [405.0, 406.0]
    assert found.attrs["source"] == "the host's own scheme, as recorded"
    assert found.attrs["records"] == f"rank3.nc, {2 * COLUMNS} columns; rank4.nc, {2 * COLUMNS} columns"


def test_the_schema_is_that_of_generated_columns(ranks: list[Path], tmp_path: Path) -> None:
    """Names, dimensions, types and attributes as ``pyemu.data.radiation`` writes them."""
    from pyemu.data.radiation import as_stored, stored_variable

    from_record(ranks, tmp_path / "train.nc")
    found = read(tmp_path / "train.nc")
    for name in (TEMPERATURE, "air_pressure_at_interfaces", "surface_temperature", UPWELLING, HEATING):
        dims, values, attributes = stored_variable(name, as_stored(name, found[name].values.astype(np.float64)))
        assert found[name].dims == dims == ("column", *FIELDS[name].dims)
        assert found[name].dtype == values.dtype
        assert {key: text for key, text in found[name].attrs.items() if key != "_FillValue"} == attributes
    assert found.attrs["vertical_order"] == "top first"


def test_a_fixed_share_and_a_fixed_draw(ranks: list[Path], tmp_path: Path) -> None:
    whole, part, drawn, again = (tmp_path / f"{name}.nc" for name in ("whole", "part", "drawn", "again"))
    n = from_record(ranks, whole).written
    merged = from_record(ranks, part, every=10)
    assert (merged.written, merged.not_chosen) == (-(-n // 10), n - -(-n // 10))
    np.testing.assert_array_equal(read(part)[HEATING], read(whole)[HEATING][::10])
    assert from_record(ranks, drawn, sample=20, seed=1).written == 20
    from_record(ranks, again, sample=20, seed=1)
    assert read(drawn).identical(read(again))
    from_record(ranks, again, sample=20, seed=2)
    assert not read(drawn).identical(read(again))
    ids = list(zip(read(drawn)["step"].values, read(drawn)["global_id"].values, strict=True))
    assert len(set(ids)) == 20
    assert from_record(ranks, again, sample=10**6).written == n


def test_flagged_columns_alone(ranks: list[Path], tmp_path: Path) -> None:
    """Column 0 of every rank, at both steps the same."""
    merged = from_record(ranks, tmp_path / "train.nc", flagged=True)
    assert merged.written == 2
    assert read(tmp_path / "train.nc")["global_id"].values.tolist() == [3000, 4000]
    assert read(tmp_path / "train.nc")["guard_reasons"].values.tolist() == [4, 4]


def test_labels_that_are_not_finite_are_left_out(toy_path: Path, tmp_path: Path) -> None:
    with Emulator.open(toy_path, "native") as emulator:
        arrays = bind(emulator)
        arrays[HEATING][9, 2] = np.inf
        emulator.set_record(tmp_path / "a.nc", source="host")
        emulator.record_host(1)
    merged = from_record([tmp_path / "a.nc"], tmp_path / "train.nc")
    assert (merged.written, merged.not_labelled) == (COLUMNS - 1, 1)


def test_what_an_emulator_said_is_a_label_only_if_asked_for(toy_path: Path, tmp_path: Path) -> None:
    with Emulator.open(toy_path, "native") as emulator:
        arrays = bind(emulator)
        emulator.set_record(tmp_path / "a.nc")
        emulator.run(1)
    with pytest.raises(RecordError, match="from which it learns nothing new"):
        from_record([tmp_path / "a.nc"], tmp_path / "train.nc")
    from_record([tmp_path / "a.nc"], tmp_path / "train.nc", label="emulator")
    np.testing.assert_array_equal(read(tmp_path / "train.nc")[UPWELLING], arrays[UPWELLING].astype(np.float32))
    assert read(tmp_path / "train.nc").attrs["source"] == "the emulator toy_longwave 1, as recorded"
    with pytest.raises(RecordError, match="cannot be labelled by RRTMG: it lacks mole_fraction_of_ozone_in_air"):
        from_record([tmp_path / "a.nc"], tmp_path / "train.nc", label="rrtmg")


def test_variables_that_the_vocabulary_does_not_know_keep_their_own(tmp_path: Path) -> None:
    with Emulator.open(noisy(tmp_path / "closure.onnx"), "native") as emulator:
        arrays = {"state": np.eye(3, 4, dtype=np.float32), "tendency": np.ones((3, 4), np.float32)}
        arrays |= {"kick": np.zeros((3, 4), np.float32), "scale": np.array(2.0, np.float32)}
        for name, values in arrays.items():
            emulator.bind(name, values)
        emulator.set_record(tmp_path / "a.nc", source="host")
        emulator.record_host(1)
    from_record([tmp_path / "a.nc"], tmp_path / "train.nc")
    found = read(tmp_path / "train.nc")
    assert found["state"].dims == ("column", "layer")
    assert found["state"].attrs.items() >= {"standard_name": "state", "units": "1", "long_name": "state"}.items()
    assert found["scale"].values.tolist() == [2.0, 2.0, 2.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"every": 0}, "'every' is 0; expected 1 or more"),
        ({"sample": -1}, "'sample' is -1; expected 1 or more"),
        ({"every": 2, "sample": 2}, "exclude each other"),
        ({"label": "oracle"}, "no label 'oracle'; choose one of: host, rrtmg, emulator"),
        ({"label": "emulator"}, "are those of the host's scheme"),
    ],
)
def test_impossible_arguments_are_refused(
    ranks: list[Path], tmp_path: Path, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        from_record(ranks, tmp_path / "train.nc", **arguments)
    assert not (tmp_path / "train.nc").exists()


def test_records_that_do_not_fit_together_are_refused(ranks: list[Path], tmp_path: Path) -> None:
    with Emulator.open(noisy(tmp_path / "closure.onnx"), "native") as emulator:
        emulator.set_record(tmp_path / "other.nc", source="host")
    with pytest.raises(RecordError, match="other.nc and .*rank3.nc have other variables: .*state"):
        from_record([*ranks, tmp_path / "other.nc"], tmp_path / "train.nc")
    with pytest.raises(RecordError, match="no column is left of 0: the records are empty"):
        from_record([tmp_path / "other.nc"], tmp_path / "train.nc")
    with pytest.raises(ValueError, match="no record is given"):
        from_record([], tmp_path / "train.nc")


def test_no_flagged_column_is_said(toy_path: Path, tmp_path: Path) -> None:
    with Emulator.open(toy_path, "native") as emulator:
        bind(emulator)
        emulator.set_record(tmp_path / "a.nc", source="host")
        emulator.record_host(1)
    with pytest.raises(RecordError, match=f"no column is left of {COLUMNS}: {COLUMNS} were not flagged"):
        from_record([tmp_path / "a.nc"], tmp_path / "train.nc", flagged=True)


def test_a_cut_record_is_refused(ranks: list[Path], tmp_path: Path) -> None:
    ranks[1].write_bytes(ranks[1].read_bytes()[:-1])
    with pytest.raises(RecordError, match="rank4.nc is damaged"):
        from_record(ranks, tmp_path / "train.nc")


def test_the_command_tells_what_became_of_the_columns(ranks: list[Path], tmp_path: Path) -> None:
    answer = run_cli("data", "from-record", *ranks, "-o", tmp_path / "train.nc", "--json")
    assert answer.exit_code == 0, answer.output
    document = json.loads(answer.stdout)
    assert document["columns"]["written"] == 2 * (COLUMNS + 2)
    assert document["file"] == str(tmp_path / "train.nc")
    answer = run_cli("data", "from-record", *ranks, "-o", tmp_path / "train.nc")
    assert "duplicates" in answer.output
    assert run_cli("data", "from-record", tmp_path / "none.nc", "-o", tmp_path / "t.nc").exit_code == 1


def test_stretches_do_not_change_what_is_read(ranks: list[Path]) -> None:
    with RecordFile(ranks[0]) as found:
        parts = [found.read(TEMPERATURE, stretch) for stretch in found.stretches(10)]
        np.testing.assert_array_equal(np.concatenate(parts), found.read(TEMPERATURE))
