"""RRTMG in PlaSim is RRTMG."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from pyemu.data import rrtmg
from pyemu.data.from_record import NEUTRAL
from pyemu.emulator.vessel import write_vessel
from pyemu.hosts.plasim import run
from pyemu.zoo.plasim_radiation import N_LAYERS, SYSTEMS

pytestmark = pytest.mark.skipif(not importlib.util.find_spec("exoplasim"), reason="exoplasim is not installed")
SIZES = {"layer": N_LAYERS, "interface": N_LAYERS + 1}
BANDS = ("longwave", "shortwave")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two days of PlaSim with RRTMG, columns of every sixteenth step in double precision."""
    folder = tmp_path_factory.mktemp("recorded")
    entries = {}
    for band in BANDS:
        system = SYSTEMS[f"plasim_{band}"]
        path = write_vessel(folder / f"{band}.onnx", system.name, system.inputs, system.outputs, SIZES, dtype="float64")
        entries |= {f"{band}_file": path, f"{band}_record": f"{band}_{{rank}}.nc"}
    options = {"scheme": "rrtmg", "interval_hours": 3.0, "n_run_days": 2, "record_every": 16, "record_columns": 11}
    run(folder, entries | options)
    return folder


@pytest.mark.parametrize("band", BANDS)
def test_rrtmg_in_plasim_is_that_of_climt(recorded: Path, band: str) -> None:
    with xr.open_dataset(recorded / f"{band}_0000.nc") as data:
        columns = {str(name): values.values for name, values in data.items()}
    n = len(columns["air_temperature"])
    assert n > 300
    assert columns["cloud_area_fraction"].max() > 0.5
    neutral = {name: np.full(n, value) for name, value in NEUTRAL.items()}
    found = rrtmg.cloudy_radiation(neutral | columns, (band,))
    for name in (item.name for item in SYSTEMS[f"plasim_{band}"].outputs):
        scale = np.abs(columns[name]).max(axis=1, keepdims=True)
        assert np.max(np.abs(found[name] - columns[name]) / scale) < 1e-11  # asked for: 1e-6
