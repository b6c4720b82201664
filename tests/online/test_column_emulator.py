"""The column host with emulators in place of RRTMG: every array reaches its input, fluxes come back, errors are told."""

import os
import re
import subprocess

import netCDF4
import numpy as np
import pytest
from grey_emulators import evaluate, export, inputs_of, outputs_of

from pyemu.hosts import executable
from pyemu.hosts.column import ColumnError, ColumnModel
from pyemu.hosts.column_namelist import GROUPS
from pyemu.hosts.namelist import write_namelist
from pyemu.runtime.record_file import RecordFile
from pyemu.runtime.replay import replay

BANDS = ("longwave", "shortwave")
INPUTS = sorted({name for band in BANDS for name in inputs_of(band)})


@pytest.fixture(scope="module")
def grey(tmp_path_factory):
    """Entries of a namelist that runs the grey emulators."""
    folder = tmp_path_factory.mktemp("grey")
    with ColumnModel(ncol=8) as model:
        fields = {name: model.get(name) for name in INPUTS}
    return {"scheme": "emulator"} | {f"{band}_file": export(band, fields, folder) for band in BANDS}


def test_the_host_gets_what_torch_gives_on_its_own_arrays(grey):
    """1e-6: inputs are rounded to single precision on both sides, sums over layers may be ordered otherwise."""
    with ColumnModel(ncol=13, **grey) as model:
        model.step(3)
        model.radiate()
        fields = {name: model.get(name) for name in INPUTS}
        for band in BANDS:
            expected = evaluate(band, fields)
            for name in outputs_of(band):
                scale = np.abs(expected[name]).max()
                np.testing.assert_allclose(model.get(name), expected[name], rtol=0.0, atol=1e-6 * scale, err_msg=name)


def test_an_emulated_step_warms_by_the_emulated_heating_and_keeps_energy(grey):
    with ColumnModel(ncol=6, kind="none", wind_speed=0.0, **grey) as model:
        before = model.get("air_temperature")
        model.step()
        heating = sum(model.get(outputs_of(band)[2]) for band in BANDS)
        np.testing.assert_allclose(model.get("air_temperature") - before, 21600.0 * heating, atol=1e-9)
        for name in ("longwave_energy_residual", "shortwave_energy_residual", "column_energy_residual"):
            assert model.get(name).max() < 1e-9, name


def test_driver_restarts_an_emulated_run_to_the_bit(grey, tmp_path):
    def run(**entries):
        path = write_namelist(tmp_path / "run.nml", GROUPS, {"ncol": 6, **grey, **entries})
        environment = {name: value for name, value in os.environ.items() if name != "PYEMU_RRTMG"}
        command = [executable("column"), path]
        result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr

    run(n_days=2.0, restart_out="whole.rst")
    run(n_days=1.0, restart_out="half.rst")
    run(n_days=1.0, restart_in="half.rst", restart_out="twice.rst")
    with netCDF4.Dataset(tmp_path / "whole.rst") as whole, netCDF4.Dataset(tmp_path / "twice.rst") as twice:
        for name in ("air_temperature", "specific_humidity", "longwave_up", "shortwave_heating", "latent"):
            assert whole[name][:].tobytes() == twice[name][:].tobytes(), name
    with netCDF4.Dataset(tmp_path / "column.nc") as output:
        assert output.scheme == "emulator" and output.longwave_file.endswith("grey_longwave.onnx")
        assert output["radiation_column_calls"][-1] == 6 * 5
        assert 0.0 < output["longwave_wall_time"][-1] < output["total_wall_time"][-1]


def test_swapped_files_are_refused_by_name(grey):
    swapped = {**grey, "longwave_file": grey["shortwave_file"], "shortwave_file": grey["longwave_file"]}
    with pytest.raises(ColumnError, match=re.escape("surface_temperature")) as failure:
        ColumnModel(ncol=2, **swapped)
    assert failure.value.status == 2


def test_a_missing_file_and_an_unknown_engine_are_named(grey):
    with pytest.raises(ColumnError, match="longwave_file.*nowhere.onnx"):
        ColumnModel(ncol=2, **{**grey, "longwave_file": "nowhere.onnx"})
    with pytest.raises(ColumnError, match="abacus"):
        ColumnModel(ncol=2, engine="abacus", **grey)


def test_the_calls_of_both_emulators_are_recorded_and_replay(grey, tmp_path):
    records = {f"{band}_record": str(tmp_path / f"{band}.nc") for band in BANDS}
    with ColumnModel(ncol=5, engine="native", **grey, **records) as model:
        model.step(3)
        model.radiate()
        fluxes = {band: model.get(outputs_of(band)[0]) for band in BANDS}
    for band in BANDS:
        result = replay(records[f"{band}_record"], grey[f"{band}_file"])
        assert result.passed
        assert all(row.differing == 0 for row in result.differences)
        with RecordFile(records[f"{band}_record"]) as found:
            np.testing.assert_array_equal(found.read(outputs_of(band)[0])[-5:], fluxes[band])
    with pytest.raises(ColumnError, match="'only' of the recording is 'some'"):
        ColumnModel(ncol=2, **grey, **records, record_only="some")
    with pytest.raises(ColumnError, match="cannot create"):
        ColumnModel(ncol=2, **grey, longwave_record="/no/such/folder/a.nc")
