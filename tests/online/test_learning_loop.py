"""The loop of active learning: a run of the host is recorded, RRTMG labels its columns, and training takes them in."""

import json

import numpy as np
import pytest
import xarray as xr
from grey_emulators import export, inputs_of, outputs_of
from typer.testing import CliRunner

from pyemu.cli import app
from pyemu.data import radiation, rrtmg
from pyemu.data.from_record import NEUTRAL, from_record
from pyemu.hosts.column import ColumnModel
from pyemu.runtime.record_file import RecordError, RecordFile
from pyemu.train import fit
from pyemu.train.radiation.dataset import ColumnDataset
from pyemu.zoo import load_checkpoint, system

BANDS = ("longwave", "shortwave")


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    """Two bands of a run, and what was recorded."""
    folder = tmp_path_factory.mktemp("loop")
    inputs = sorted({name for band in BANDS for name in inputs_of(band)})
    with ColumnModel(ncol=8) as model:
        fields = {name: model.get(name) for name in inputs}
    files = {f"{band}_file": export(band, fields, folder) for band in BANDS}
    paths = {f"{band}_record": folder / f"{band}.nc" for band in BANDS}
    with ColumnModel(ncol=8, scheme="emulator", engine="native", **files, **paths) as model:
        model.step(2)
    return {band: paths[f"{band}_record"] for band in BANDS}


@pytest.mark.parametrize("band", BANDS)
def test_rrtmg_labels_what_was_recorded(band, records, tmp_path):
    answer = CliRunner().invoke(
        app, ["data", "from-record", str(records[band]), "--label", "rrtmg", "-o", str(tmp_path / "more.nc"), "--json"]
    )
    assert answer.exit_code == 0, answer.output
    n = json.loads(answer.stdout)["columns"]["written"]
    found = radiation.load(tmp_path / "more.nc")
    inputs = {name: found[name].values for name in inputs_of(band)}
    neutral = {name: np.full(n, value) for name, value in NEUTRAL.items()}
    expected = rrtmg.radiation(neutral | inputs)
    for name in outputs_of(band):
        scale = np.abs(expected[name]).max()
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=2e-6 * scale, err_msg=name)
    assert found.attrs["source"].startswith("RRTMG")
    assert len(ColumnDataset(found, system(f"rrtmg_{band}"))) == n == 2 * 8


def test_training_takes_in_what_was_recorded(records, tmp_path):
    """The recorded columns widen the range that the card will give, and are part of its digest of the data."""
    more = tmp_path / "more.nc"
    from_record([records["longwave"]], more, label="rrtmg")
    with xr.open_dataset(more) as opened:
        hotter = opened.load()
    hotter["air_temperature"] = hotter["air_temperature"] + 60.0
    hotter.to_netcdf(tmp_path / "hotter.nc")
    options = {"budget_name": "smoke", "cache_dir": tmp_path, "epoch_share": 0.1, "progress": False}
    plain = load_checkpoint(fit("rrtmg_longwave", output_dir=tmp_path / "plain", **options))
    taught = load_checkpoint(
        fit("rrtmg_longwave", output_dir=tmp_path / "taught", more=[more, tmp_path / "hotter.nc"], **options)
    )
    assert taught.training["columns"] == plain.training["columns"] + 2 * hotter.sizes["column"]
    assert taught.data_sha256 != plain.data_sha256
    assert "on recorded columns" in str(taught.training["source"])
    ranges = [item.training_range["air_temperature"][1] for item in (plain, taught)]
    assert (np.array(ranges[1]) >= np.array(ranges[0])).all()
    assert max(np.array(ranges[1]) - np.array(ranges[0])) > 10.0
    with pytest.raises(KeyError, match="has no .*surface_albedo.*rrtmg_shortwave is trained on"):
        fit("rrtmg_shortwave", output_dir=tmp_path, more=[more], **options)


def test_a_scheme_that_stops_its_process_is_an_error(records, tmp_path, monkeypatch):
    """RRTMG stops the process that calls it when it is given nonsense: never this one."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\nif 'spawn_main' in ' '.join(sys.orig_argv):\n    os._exit(1)\n"
    )
    with pytest.raises(RecordError, match="RRTMG stopped its process"):
        from_record([records["longwave"]], tmp_path / "more.nc", label="rrtmg")


def test_the_host_records_flagged_columns_alone(tmp_path):
    """One column of an impossible humidity, without a guard in the namelist."""
    inputs = sorted({name for band in BANDS for name in inputs_of(band)})
    with ColumnModel(ncol=3) as model:
        fields = {name: model.get(name) for name in inputs}
    files = {f"{band}_file": export(band, fields, tmp_path) for band in BANDS}
    path = tmp_path / "longwave.nc"
    with ColumnModel(ncol=3, scheme="emulator", longwave_record=path, record_only="flagged", **files) as model:
        model.set("specific_humidity", np.where(np.arange(3)[:, None] == 1, 0.5, model.get("specific_humidity")))
        model.radiate()
    with RecordFile(path) as found:
        assert found.read("column_in_call").tolist() == [1]
        assert (found.read("guard_reasons") > 0).all()
