"""PlaSim with its moist physics by an emulator: short runs, with weights that have learned nothing."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from pyemu.data.from_record import from_record
from pyemu.emulator.from_checkpoint import export_checkpoint
from pyemu.hosts.plasim import run
from pyemu.hosts.plasim_build import PlasimError
from pyemu.train.plasim_moist.dataset import load
from pyemu.train.plasim_moist.scores import dried_below_zero, residuals_of
from pyemu.zoo.checkpoint import Checkpoint
from pyemu.zoo.plasim_moist import INPUTS, PLASIM_MOIST

pytestmark = pytest.mark.skipif(importlib.util.find_spec("exoplasim") is None, reason="PlaSim comes with exoplasim")

BEGIN = {
    "n_run_days": 1,
    "output_interval_days": 0.25,
    "scheme": "own",
    "kick": 3,
}  # 1 would take its seed from the clock


def untrained(name: str, folder: Path) -> Path:
    """An emulator file: sizes and names are right, weights are random."""
    torch.manual_seed(3)
    random = np.random.default_rng(3)
    pressure = 1e5 * np.linspace(0.0, 1.0, 11)[None] * np.ones((32, 1))
    profile = np.linspace(210.0, 290.0, 10)[None] + random.normal(0.0, 3.0, (32, 10))
    values = (
        profile, np.geomspace(1e-6, 1e-2, 10)[None] * random.uniform(0.5, 1.0, (32, 1)), np.zeros((32, 10)),
        np.zeros((32, 10)), np.zeros((32, 10)), pressure, profile[:, -1], np.full(32, 0.011), np.full(32, 5400.0),
    )  # fmt: skip
    inputs = {key: torch.from_numpy(np.ascontiguousarray(value)) for key, value in zip(INPUTS, values, strict=True)}
    ranges = {
        k: (torch.atleast_1d(v.amin(0)).tolist(), torch.atleast_1d(v.amax(0)).tolist()) for k, v in inputs.items()
    }
    state = PLASIM_MOIST.build(name).state_dict()
    checkpoint = Checkpoint("plasim_moist", name, state, {}, "0" * 64, ranges, inputs).save(folder / f"{name}.ckpt")
    return export_checkpoint(checkpoint, folder / f"{name}.onnx")


def test_every_column_closes_whatever_the_weights(tmp_path: Path) -> None:
    emulator = untrained("conserving", tmp_path)
    for engine in ("native", "onnxruntime"):
        entries = {
            "moist": "emulator",
            "moist_file": str(emulator),
            "moist_engine": engine,
            "moist_output_file": "moist.nc",
        }
        run(tmp_path / engine, BEGIN | entries)
        with xr.open_dataset(tmp_path / engine / "moist.nc", decode_times=False) as found:
            assert found.sizes["time"] == 4
            assert float(found.largest_moist_water_residual.max()) < 1e-17  # kg m-2 s-1
            assert float(found.largest_moist_energy_residual.max()) < 1e-10  # W m-2
            assert float(found.lowest_specific_humidity_made.min()) > -1e-18
            assert float(found.negative_humidity_fraction.max()) == 0.0
            assert float(found.convective_precipitation_flux.min()) >= 0.0
            assert float(found.stratiform_precipitation_flux.max()) > 0.0


def test_recording_changes_nothing_and_keeps_what_was_done(tmp_path: Path) -> None:
    emulator = untrained("conserving", tmp_path)
    run(tmp_path / "plain", BEGIN)
    record = {
        "moist_file": str(emulator),
        "moist_record": "record.nc",
        "moist_record_every": 4,
        "moist_record_columns": 5,
    }
    run(tmp_path / "recorded", BEGIN | record | {"moist_output_file": "moist.nc"})
    with (
        xr.open_dataset(tmp_path / "plain" / "plasim.nc", decode_times=False) as plain,
        xr.open_dataset(tmp_path / "recorded" / "plasim.nc", decode_times=False) as recorded,
    ):
        quiet = [name for name in plain if not str(name).endswith("seconds")]
        xr.testing.assert_identical(plain[quiet].drop_attrs(), recorded[quiet].drop_attrs())
    merged = from_record([tmp_path / "recorded" / "record.nc"], tmp_path / "columns.nc")
    assert merged.written == merged.recorded > 2000
    columns = load(tmp_path / "columns.nc")["train"]
    water, energy = residuals_of(columns.truth, columns.step)
    assert water.abs().max() < 1e-9  # PlaSim's own closes water; the file is in single precision
    assert 1e-3 < energy.abs().max() < 10.0  # energy it does not: dry mixing forgets that vapour has heat
    assert columns.truth.convective_fall.max() > 0.0
    assert dried_below_zero(columns.truth, columns.step).double().mean() < 1e-3
    with xr.open_dataset(tmp_path / "recorded" / "moist.nc", decode_times=False) as found:
        assert float(found.largest_moist_water_residual.max()) < 1e-17


def test_what_cannot_be_is_said(tmp_path: Path) -> None:
    with pytest.raises(PlasimError, match="moist is 'forest', expected one of 'own' 'emulator'"):
        run(tmp_path / "word", BEGIN | {"moist": "forest"})
    with pytest.raises(PlasimError, match=r"emulator \(moist physics\).*none.onnx"):
        run(tmp_path / "file", BEGIN | {"moist": "emulator", "moist_file": "none.onnx"})
