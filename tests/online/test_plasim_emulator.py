"""PlaSim with radiation by emulator files: the grey stand-ins of the example, whose physics is known."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import xarray as xr
from filelock import FileLock
from plasim_runs import different, global_mean, made, needs_plasim

from pyemu.hosts.plasim_build import PlasimError

pytestmark = needs_plasim
SOURCE = Path(__file__).parents[2] / "examples/plasim/grey.py"
THREE_HOURLY = {"interval_hours": 3.0, "n_run_days": 1}
BANDS = ("longwave", "shortwave")


def write_grey(folder: Path) -> dict[str, Path]:
    """Files of the bands, as entries of a run."""
    spec = importlib.util.spec_from_file_location("grey", SOURCE)
    grey = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(grey)
    return {f"{band}_file": grey.write(band, folder / f"{band}.onnx") for band in BANDS}


def with_range(files: dict[str, Path], folder: Path, name: str, low: float, high: float) -> dict[str, Path]:
    """The same emulators with a training range of one input, on all levels."""
    folder.mkdir()
    found = dict(files)
    for entry, path in files.items():
        model = onnx.load(path)
        card = {prop.key: prop for prop in model.metadata_props}["pyemu"]
        values = json.loads(card.value)
        for one in values["inputs"]:
            if one["name"] == name:
                n = values["dimensions"][one["dims"][1]] if len(one["dims"]) > 1 else 1
                one["training_range"] = {"minimum": [low] * n, "maximum": [high] * n}
        card.value = json.dumps(values)
        found[entry] = folder / path.name
        onnx.save(model, found[entry])
    return found


@pytest.fixture(scope="session")
def grey(tmp_path_factory, worker_id) -> dict[str, Path]:
    """Written once for all workers: an export takes seconds."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "grey"
    with FileLock(folder.with_suffix(".lock")):
        if not folder.exists():
            folder.with_suffix(".new").mkdir()
            write_grey(folder.with_suffix(".new"))
            folder.with_suffix(".new").rename(folder)
    return {f"{band}_file": folder / f"{band}.onnx" for band in BANDS}


@pytest.fixture(scope="session")
def native(tmp_path_factory, grey):
    """A day with the emulators, engine native, six-hourly means."""
    folder = tmp_path_factory.mktemp("plasim") / "native"
    return made(folder, scheme="emulator", engine="native", output_interval_days=0.25, **grey, **THREE_HOURLY)


def test_emulators_heat_by_the_divergence_of_their_fluxes(native):
    assert native.attrs["scheme"] == "emulator" and float(native["fallback_fraction"].max()) == 0.0
    assert float(native["radiation_column_residual"].max()) < 1e-11
    assert 150.0 < float(global_mean(native["toa_outgoing_longwave_flux"])[-1]) < 320.0
    assert 20.0 < float(global_mean(native["toa_outgoing_shortwave_flux"])[-1]) < 150.0
    np.testing.assert_allclose(global_mean(native["toa_incoming_shortwave_flux"]), 351.7, atol=1.5)


def test_engines_agree_to_rounding(tmp_path, grey, native):
    """The fluxes are float32; a step of the model is what they may grow in."""
    other = made(tmp_path, scheme="emulator", engine="onnxruntime", output_interval_days=0.25, **grey, **THREE_HOURLY)
    for name, tolerance in (("air_temperature", 1e-4), ("toa_outgoing_longwave_flux", 0.05)):
        np.testing.assert_allclose(other[name][0], native[name][0], rtol=0.0, atol=tolerance, err_msg=name)


def test_two_ranks_agree_to_rounding(tmp_path, grey, native):
    two = made(tmp_path, ranks=2, scheme="emulator", engine="native", output_interval_days=0.25, **grey, **THREE_HOURLY)
    for name, tolerance in (("air_temperature", 1e-4), ("toa_outgoing_longwave_flux", 0.05)):
        np.testing.assert_allclose(two[name][0], native[name][0], rtol=0.0, atol=tolerance, err_msg=name)


def test_a_scheme_beside_changes_no_bit_and_is_compared(tmp_path, grey):
    alone = made(tmp_path / "alone", scheme="rrtmg", **THREE_HOURLY)
    both = made(tmp_path / "both", scheme="rrtmg", beside="emulator", **grey, **THREE_HOURLY)
    compared = ["beside_longwave_rmse", "beside_shortwave_rmse"]
    assert different(alone, both) == compared
    assert all(float(alone[name].max()) == 0.0 for name in compared)
    assert all(1.0 < float(both[name].min()) < 300.0 for name in compared), both[compared]
    two = made(tmp_path / "two", ranks=2, scheme="rrtmg", beside="emulator", **grey, **THREE_HOURLY)
    for name in compared:
        np.testing.assert_allclose(two[name], both[name], rtol=1e-3, err_msg="the rmse is that of all ranks")


def test_the_scheme_is_recorded_and_not_the_one_beside(tmp_path, grey):
    records = {"longwave_record": "longwave.nc", "shortwave_record": "shortwave.nc", "record_columns": 16}
    for name, beside in (("alone", "none"), ("both", "emulator")):
        made(
            tmp_path / name,
            scheme="rrtmg",
            beside=beside,
            **records,
            **grey,
            **(THREE_HOURLY | {"interval_hours": 12.0}),
        )
    for band in BANDS:
        alone, both = (xr.open_dataset(tmp_path / name / f"{band}.nc") for name in ("alone", "both"))
        flux = f"upwelling_{band}_flux_in_air_at_interfaces"
        np.testing.assert_array_equal(both[flux], alone[flux])


def test_columns_beyond_the_training_range_fall_back_to_rrtmg(tmp_path, grey):
    """The range ends in the middle latitudes; with one that nothing is in, the run has the bits of RRTMG."""
    part = with_range(grey, tmp_path / "warm", "surface_temperature", 285.0, 330.0)
    guarded = made(tmp_path / "part", scheme="emulator", guard="fallback", guard_limit=1.0, **part, **THREE_HOURLY)
    assert 0.2 < float(guarded["fallback_fraction"][-1]) < 0.6
    none = with_range(grey, tmp_path / "cold", "air_temperature", 160.0, 161.0)
    left = made(tmp_path / "none", scheme="emulator", guard="fallback", **none, **THREE_HOURLY)
    rrtmg = made(tmp_path / "rrtmg", scheme="rrtmg", **THREE_HOURLY)
    assert float(left["fallback_fraction"][-1]) == 1.0
    assert different(left, rrtmg) == ["fallback_fraction"]


@pytest.mark.parametrize(
    "entries, words",
    [
        ({"longwave_file": "missing.onnx"}, "emulator .longwave.: cannot open '.*missing.onnx'"),
        ({"engine": "abacus"}, "emulator .longwave.: .*abacus"),
    ],
)
def test_an_emulator_that_cannot_be_opened_is_named(tmp_path, grey, entries, words):
    with pytest.raises(PlasimError, match=f"status 2: {words}"):
        made(tmp_path, scheme="emulator", n_run_days=1, **{**grey, **entries})


def test_an_emulator_of_the_other_band_is_refused(tmp_path, grey):
    files = {"longwave_file": grey["shortwave_file"], "shortwave_file": grey["longwave_file"]}
    with pytest.raises(PlasimError, match=r"status 2: emulator .longwave.: .*surface_temperature"):
        made(tmp_path, scheme="emulator", n_run_days=1, **files)
