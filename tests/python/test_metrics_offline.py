"""Emulators on stored samples: offline scores as an experiment."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import yaml
from toy_emulator import DOWNWELLING, HEATING, ToyLongwave, toy_card, toy_inputs

from pyemu.config import ConfigError
from pyemu.emulator import EmulatorFile
from pyemu.emulator.export import export_onnx
from pyemu.harness import couple, load_couple_config
from pyemu.hosts import offline

sys.path.insert(0, str(Path(__file__).parents[1] / "online"))
from shallow_emulators import FX, FY, U, V, export_gusts

N = 400


@pytest.fixture(scope="module")
def net(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("net") / "toy.onnx"
    export_onnx(ToyLongwave(), toy_card(), toy_inputs(N), path)
    return path


def samples(net: Path, error: float = 0.0) -> xr.Dataset:
    """What the network was exported with, by column, with a bias in the true heating rates of warm columns."""
    file = EmulatorFile.open(net)
    found = xr.Dataset()
    for variable in (*file.card.inputs, *file.card.outputs):
        found[variable.name] = (variable.dims, file.reference[variable.name].copy(), {"units": variable.units})
    found[HEATING] -= error * (found["surface_temperature"] > 290.0)
    return found


def test_scores_of_an_emulator_by_level_and_region(net, tmp_path):
    samples(net, error=1e-5).to_netcdf(tmp_path / "samples.nc")
    warm = {"name": "warm", "bounds": {"surface_temperature": [290.001, 999]}}
    cold = {"name": "cold", "bounds": {"surface_temperature": [0, 290]}}
    experiment = {
        "title": "Offline", "host": "offline", "output_dir": "out", "reference": "truth",
        "entries": {"data_file": "samples.nc"},
        "cases": [
            {"name": "truth", "title": "Truth"}, {"name": "net", "title": "Net", "entries": {"emulator_file": str(net)}}
        ],
        "metrics": [
            {"metric": "scores", "variable": HEATING, "along": "layer", "regions": [warm, cold]},
            {"metric": "tails", "variable": DOWNWELLING}, {"metric": "cost"},
        ],
        "gates": [{"number": f"r2_of_{HEATING}_in_cold", "cases": ["net"], "at_least": 0.999}],
    }  # fmt: skip
    path = tmp_path / "experiment.yaml"
    path.write_text(yaml.safe_dump(experiment))
    result = couple(load_couple_config(path), progress=False)
    assert result.passed
    data = xr.load_dataset(result.folder / "report.nc", decode_times=False).sel(case="net")
    assert float(data[f"bias_of_{HEATING}_in_warm"].squeeze()) == pytest.approx(1e-5, rel=1e-4)
    assert abs(float(data[f"bias_of_{HEATING}_in_cold"].squeeze())) < 1e-9
    assert data[f"scores_of_{HEATING}_along_layer_rmse"].shape == (6,)
    assert float(data[f"tail_ratio_of_{DOWNWELLING}_at_0.99"].squeeze()) == pytest.approx(1.0, abs=1e-4)
    unknown = "unknown entry files of the host offline; known: emulator_file, data_file"
    for entries, message in (({}, "needs the entry data_file"), ({"files": "a"}, unknown)):
        path.write_text(yaml.safe_dump(experiment | {"entries": entries}))
        with pytest.raises(ConfigError, match=message):
            load_couple_config(path)


def computed(folder: Path, emulator: Path | None, data: xr.Dataset, seed: int = 1) -> xr.Dataset:
    """What the program leaves."""
    data.to_netcdf(folder / "samples.nc")
    request = {
        "emulator_file": str(emulator or ""),
        "data_file": "samples.nc",
        "engine": "",
        "device": "cpu",
        "seed": seed,
    }
    (folder / "run.json").write_text(json.dumps(request))
    assert offline.main("run.json") == 0
    return xr.load_dataset(folder / "output.nc", decode_times=False)


def test_samples_come_in_chunks_and_what_is_not_computed_goes_along(net, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = samples(net).assign(region=("column", np.arange(N) % 7), level_weight=("layer", np.arange(6.0)))
    whole = computed(tmp_path, net, data)
    monkeypatch.setattr(offline, "CHUNK", 37)
    xr.testing.assert_identical(computed(tmp_path, net, data), whole)
    np.testing.assert_allclose(whole[HEATING], data[HEATING], atol=1e-3 * float(abs(data[HEATING]).max()))
    np.testing.assert_array_equal(whole["region"], np.arange(N) % 7)
    assert whole["region"].dims == ("time",) and whole["level_weight"].dims == ("layer",)
    assert whole[HEATING].attrs["units"] == data[HEATING].attrs["units"]
    truth = computed(tmp_path, None, data)
    np.testing.assert_array_equal(truth[HEATING], data[HEATING])
    assert truth.sizes["time"] == N


def test_noise_is_that_of_the_seed_and_what_is_carried_is_read_if_it_is_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = export_gusts(tmp_path)
    data = xr.Dataset({name: ("sample", np.zeros(50, np.float32), {"units": "m s-1"}) for name in (U, V)})
    first, again, other = (computed(tmp_path, path, data, seed)[FX] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.unique(first).size == 50 and not np.array_equal(first, other)
    assert float(abs(computed(tmp_path, path, data)[FY]).max()) == 0.0
    with_mean = computed(tmp_path, path, data.assign(mean=(("sample", "memory"), np.full((50, 1), 10.0, np.float32))))
    np.testing.assert_allclose(with_mean[FX], first + 0.9 * 10.0 * 1e-8, rtol=1e-5)
    np.testing.assert_array_equal(with_mean["mean"], 10.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda d: d.drop_vars("surface_temperature"),
            "have no surface_temperature, which the emulator reads; they have air_t",
        ),
        (
            lambda d: d.isel(layer=slice(5)),
            r"air_temperature has the shape \(5,\) for a sample, the emulator reads \(6,\)",
        ),
        (
            lambda d: d.assign(surface_temperature=d["surface_temperature"].assign_attrs(units="degC")),
            "in 'degC'.*reads 'K'",
        ),
        (lambda d: d.assign(clock=("time", np.arange(3.0))), "along column, and have another dimension time"),
        (lambda d: d[["specific_humidity"]] * np.nan, "have no air_temperature"),
    ],
)
def test_samples_that_do_not_fit_are_refused_in_one_line(net, tmp_path, monkeypatch, capsys, change, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AssertionError):
        computed(tmp_path, net, change(samples(net)))
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    with pytest.raises(ValueError, match=message):
        raise ValueError(said)
