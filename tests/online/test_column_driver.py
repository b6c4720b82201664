"""The driver of the column host: files in, files out, restart to the bit, exit status."""

import os
import re
import subprocess
from pathlib import Path

import cftime
import netCDF4
import numpy as np
import pytest

from pyemu.hosts import executable, rrtmg_directory
from pyemu.hosts.column_namelist import GROUPS
from pyemu.hosts.namelist import write_namelist

README = Path(__file__).parents[2] / "fortran/hosts/column/README.md"


def run(folder: Path, **entries) -> subprocess.CompletedProcess:
    """Run the driver in a folder with a namelist of the given entries."""
    path = write_namelist(folder / f"{entries.get('output_file', 'column.nc')}.nml", GROUPS, {"ncol": 6, **entries})
    environment = {**os.environ, "PYEMU_RRTMG": str(rrtmg_directory())}
    return subprocess.run(
        [executable("column"), path.name], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def run_well(folder: Path, **entries) -> None:
    result = run(folder, **entries)
    assert result.returncode == 0, result.stderr


def variables(path: Path) -> dict[str, np.ndarray]:
    with netCDF4.Dataset(path) as data:
        data.set_auto_mask(False)
        return {name: variable[:] for name, variable in data.variables.items()}


@pytest.mark.parametrize(
    "half, extra",
    [
        (5.0, {}),
        (0.75, {"interval": 43200.0, "kind": "moist"}),
        (1.0, {"surface": "slab", "output_interval_days": 0.75}),
    ],
    ids=["fixed", "between radiation calls", "slab between records"],
)
def test_a_continued_run_gives_the_bits_of_an_unbroken_one(tmp_path, half, extra):
    run_well(tmp_path, n_days=2 * half, restart_out="whole.rst", output_file="whole.nc", **extra)
    run_well(tmp_path, n_days=half, restart_out="half.rst", output_file="first.nc", **extra)
    run_well(tmp_path, n_days=half, restart_in="half.rst", restart_out="twice.rst", output_file="second.nc", **extra)
    whole, twice = variables(tmp_path / "whole.rst"), variables(tmp_path / "twice.rst")
    assert set(whole) == set(twice)
    for name, values in whole.items():
        if not name.endswith("_residual"):
            assert values.tobytes() == twice[name].tobytes(), name
    last, continued = variables(tmp_path / "whole.nc"), variables(tmp_path / "second.nc")
    for name in ("time", "air_temperature", "specific_humidity", "toa_outgoing_longwave_flux", "ocean_heat_flux"):
        assert last[name][-1].tobytes() == continued[name][-1].tobytes(), name


def test_a_restart_of_other_columns_is_refused(tmp_path):
    run_well(tmp_path, n_days=0.25, restart_out="six.rst")
    result = run(tmp_path, n_days=0.25, restart_in="six.rst", ncol=5)
    assert result.returncode == 4
    assert "ncol = 6" in result.stderr and "namelist 5" in result.stderr


def test_output_follows_cf_and_the_readme(tmp_path):
    run_well(tmp_path, n_days=3.0, output_interval_days=0.5, profile_interval_days=2.0, scheme="rrtmg")
    documented = README.read_text()
    with netCDF4.Dataset(tmp_path / "column.nc") as data:
        assert data.Conventions == "CF-1.10" and data.scheme == "rrtmg" and data.ncol == 6
        time = data["time"]
        dates = cftime.num2date(time[:], time.units, time.calendar)
        assert dates[-1].day == 4 and len(dates) == 7
        profiles = data["air_temperature"][:]
        assert [not np.ma.is_masked(record) for record in profiles] == [True, False, False, False, True, False, True]
        for name, variable in data.variables.items():
            assert variable.units, name
            family = re.sub("downwelling|upwelling", "upwelling", re.sub("shortwave", "longwave", name))
            internal = name in ("layer", "hybrid_ap", "hybrid_b")
            assert internal or name in documented or family in documented, f"{name} is not in the README"
        assert data["air_pressure_at_interfaces"].dimensions == ("column", "interface")
        assert np.all(np.diff(data["air_pressure"][:], axis=1) > 0.0)
        closure = (
            data["air_temperature"][-1] * np.diff(data["air_pressure_at_interfaces"][:], axis=1) * 1004.64 / 9.80665
        )
        np.testing.assert_allclose(closure.sum(axis=1), data["atmosphere_enthalpy_content"][-1], rtol=1e-13)


def test_every_namelist_entry_is_in_the_readme_and_in_the_output(tmp_path):

    run_well(tmp_path, n_days=0.25)
    documented = README.read_text()
    with netCDF4.Dataset(tmp_path / "column.nc") as data:
        for group, entries in GROUPS.items():
            assert f"`&{group}`" in documented
            for entry in entries:
                assert f"`{entry}`" in documented, entry
                assert entry in data.ncattrs(), entry


def test_columns_settle_towards_equilibrium_over_a_fixed_surface(tmp_path):
    run_well(tmp_path, ncol=10, n_days=20.0, profile_interval_days=5.0, sst_offset=2.0)
    result = variables(tmp_path / "column.nc")
    temperature = result["air_temperature"][::5]
    change = np.abs(np.diff(temperature, axis=0)).mean(axis=(1, 2))
    assert np.all(np.diff(change) < 0.0), change
    heat_flux = result["surface_upward_sensible_heat_flux"] + result["surface_upward_latent_heat_flux"]
    cooling = (
        sum(
            result[f"{place}_net_downward_{band}_flux"][-1] * sign
            for place, band, sign in (("surface", "longwave", 1), ("surface", "shortwave", 1), ("toa", "shortwave", -1))
        )
        + result["toa_outgoing_longwave_flux"][-1]
    )
    np.testing.assert_allclose(heat_flux[-1].mean(), cooling.mean(), atol=5.0)


def test_the_climate_does_not_depend_on_the_length_of_the_step(tmp_path):
    """The flux at the surface is implicit; what is left is the explicit radiation of a slow approach to equilibrium."""
    for hours in (6, 2):
        step = 3600.0 * hours
        run_well(tmp_path, ncol=5, n_days=40.0, time_step=step, interval=step, output_file=f"{hours}.nc")
    long, short = (variables(tmp_path / f"{hours}.nc") for hours in (6, 2))
    np.testing.assert_allclose(long["air_temperature"][-1], short["air_temperature"][-1], rtol=0.0, atol=0.05)
    outgoing = "toa_outgoing_longwave_flux"
    np.testing.assert_allclose(long[outgoing][-1], short[outgoing][-1], rtol=0.0, atol=0.05)


def test_a_blow_up_keeps_the_records_before_it(tmp_path):
    """Air that the surface does not warm and convection does not mix cools at its cloud tops until it leaves 100-400 K."""
    result = run(
        tmp_path,
        ncol=5,
        n_days=400.0,
        kind="none",
        wind_speed=0.0,
        sst_offset=-20.0,
        output_interval_days=1.0,
        emissivity=0.01,
    )
    assert result.returncode == 3, result.stderr
    assert re.search(r"air_temperature is .* K in column \d+, layer \d+ from the top, on day", result.stderr)
    day = float(re.search(r"on day\s+([\d.]+)", result.stderr).group(1))
    assert variables(tmp_path / "column.nc")["time"][-1] == np.floor(day - 1e-9)


@pytest.mark.parametrize(
    "text, status, message",
    [
        ("&run_nml ncol = 4, n_dayz = 3 /", 1, "n_dayz"),
        ("&run_nml ncol = 4 /\n&radiative_nml scheme = 'rrtmg' /", 1, "unknown group '&radiative_nml'"),
        ("ncol = 4", 1, "no namelist group"),
        ("&run_nml ncol = four /", 1, "&run_nml"),
        ("&run_nml n_days = -1 /", 1, "n_days is -1"),
        ("&run_nml output_interval_days = 0.1 /", 1, "whole number of steps"),
        ("&radiation_nml interval = 10000.0 /", 1, "multiple of time_step"),
        ("&run_nml ncol=1 /\n&radiation_nml scheme = 'emulator', longwave_file = 'no.onnx', shortwave_file = 'no.onnx' /",
         2, "no.onnx"),
        ("&run_nml ncol=1 /\n&radiation_nml rrtmg_directory = 'nowhere' /", 2, "RRTMG not found"),
        ("&run_nml ncol=1, restart_in = 'none.nc' /", 4, "none.nc"),
        ("&run_nml ncol=1, n_days=0, output_file = 'no/folder/here.nc' /", 4, "no/folder/here.nc"),
    ],
)  # fmt: skip
def test_bad_input_ends_with_a_status_and_a_message(tmp_path, text, status, message):
    (tmp_path / "bad.nml").write_text(text + "\n")
    environment = {**os.environ, "PYEMU_RRTMG": str(rrtmg_directory())}
    command = [executable("column"), "bad.nml"]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == status, result.stderr
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_missing_namelist_and_missing_rrtmg_are_named(tmp_path):
    result = subprocess.run(
        [executable("column"), "none.nml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 1 and "none.nml" in result.stderr
    (tmp_path / "run.nml").write_text("&run_nml ncol = 1 /\n")
    environment = {name: value for name, value in os.environ.items() if name != "PYEMU_RRTMG"}
    result = subprocess.run(
        [executable("column"), "run.nml"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 2 and "PYEMU_RRTMG" in result.stderr
