"""The driver of the shallow-water host: files in, files out, restart to the bit, exit status."""

import re
from pathlib import Path

import cftime
import netCDF4
import numpy as np
import pytest
from shallow_water_runs import different, run, run_file, run_well, variables

from pyemu.hosts.shallow_water_namelist import GROUPS

README = Path(__file__).parents[2] / "fortran/hosts/shallow_water/README.md"
SMALL = {"nx": 12, "ny": 14, "perturbation": 1.0}


def test_a_continued_run_gives_the_bits_of_an_unbroken_one_on_other_ranks(tmp_path):
    files = {"snapshot_file": "snapshots.nc", "snapshot_interval_days": 1.0}
    run_well(tmp_path, n_days=6.0, restart_out="whole.nc", output_file="whole_series.nc", **files, **SMALL)
    whole = variables(tmp_path / "whole.nc")
    whole_series = variables(tmp_path / "whole_series.nc", tmp_path / "snapshots.nc")
    run_well(tmp_path, ranks=2, n_days=2.0, restart_out="part.nc", **SMALL)
    again = {**SMALL, "perturbation": 0.0}
    run_well(
        tmp_path,
        n_days=4.0,
        restart_in="part.nc",
        restart_out="whole.nc",
        output_file="whole_series.nc",
        **files,
        **again,
    )
    assert different(whole, variables(tmp_path / "whole.nc")) == []
    series = variables(tmp_path / "whole_series.nc", tmp_path / "snapshots.nc")
    for name, values in series.items():
        rows = values if "time" not in dimensions(tmp_path / name[0], name[1]) else values[-5:]
        expected = whole_series[name] if rows is values else whole_series[name][-5:]
        assert rows.tobytes() == expected.tobytes(), name


def dimensions(path: Path, name: str) -> tuple[str, ...]:
    with netCDF4.Dataset(path) as data:
        return data[name].dimensions


def test_a_restart_of_another_grid_or_step_is_refused(tmp_path):
    run_well(tmp_path, n_days=1.0, restart_out="one.nc", **SMALL)
    result = run(tmp_path, n_days=1.0, restart_in="one.nc", **{**SMALL, "nx": 13})
    assert result.returncode == 4 and "nx = 12" in result.stderr and "namelist 13" in result.stderr
    result = run(tmp_path, n_days=1.0, restart_in="one.nc", time_step=900.0, **SMALL)
    assert result.returncode == 4 and "time_step" in result.stderr


def test_output_follows_cf_and_the_readme(tmp_path):
    run_well(
        tmp_path, n_days=3.0, output_interval_days=0.5, snapshot_file="snapshots.nc", snapshot_interval_days=2.0,
        pair_file="pairs.nc", pair_interval_steps=48, **SMALL,
    )  # fmt: skip
    documented = README.read_text()
    records = {"shallow_water.nc": [0, 0.5, 1, 1.5, 2, 2.5, 3], "snapshots.nc": [0, 2, 3], "pairs.nc": [0, 1, 2]}
    for name, days in records.items():
        with netCDF4.Dataset(tmp_path / name) as data:
            assert data.Conventions == "CF-1.10" and data.data_model == "NETCDF3_64BIT_DATA"
            assert data.dimensions["time"].isunlimited()
            np.testing.assert_array_equal(data["time"][:], days)
            assert cftime.num2date(data["time"][-1], data["time"].units, data["time"].calendar).year == 1
            for variable in data.variables.values():
                assert variable.units
                assert f"`{variable.name.removesuffix('_at_next_step')}`" in documented, variable.name
                assert "_FillValue" not in variable.ncattrs()
            for group, entries in GROUPS.items():
                assert f"`&{group}`" in documented
                for entry in entries:
                    assert entry in data.ncattrs() and f"`{entry}`" in documented, entry
    with netCDF4.Dataset(tmp_path / "pairs.nc") as data:
        assert data["sea_water_x_velocity"].dimensions == ("time", "y", "x_face")
        assert data["sea_water_y_velocity"].dimensions == ("time", "y_face", "x")
        assert data["x_face"][-1] == 12 * 2e4 and data["x"][0] == 1e4 and data["y_face"][0] == 0.0
        tendency, after = (
            data["tendency_of_layer_thickness_anomaly"][0],
            data["layer_thickness_anomaly_at_next_step"][0],
        )
        # The first step is a forward step: both states and the tendency between them are known.
        np.testing.assert_allclose(data["layer_thickness_anomaly"][0] + 1800.0 * tendency, after, rtol=0.0, atol=1e-12)
        assert not np.array_equal(data["layer_thickness_anomaly"][1], data["layer_thickness_anomaly_at_next_step"][1])


def test_a_blow_up_is_named_alike_on_any_ranks_and_keeps_the_records_before_it(tmp_path):
    """With the correct kinetic energy and the published wind the layer outcrops."""
    entries = {
        "n_days": 3600.0,
        "output_interval_days": 30.0,
        "preset": "published",
        "ke_factor": 0.5,
        "nx": 40,
        "ny": 40,
    }
    messages = []
    for ranks in (1, 4):
        result = run(tmp_path, ranks, dx=40e3, dy=40e3, time_step=3600.0, **entries)
        assert result.returncode == 3, result.stderr
        messages.append(result.stderr.splitlines()[0])
    assert messages[0] == messages[1]
    assert re.search(r"layer_thickness_anomaly is -5\d\d\.\d+ in cell \(\d+, \d+\) of 40 x 40, on day", messages[0])
    day = float(messages[0].split("on day")[1])
    series = variables(tmp_path / "shallow_water.nc")
    assert series["shallow_water.nc", "time"][-1] == 30.0 * np.floor((day - 1e-9) / 30.0)
    assert all(np.all(np.isfinite(values)) for values in series.values())


@pytest.mark.parametrize(
    "text, status, message",
    [
        ("&run_nml n_dayz = 3 /", 1, "n_dayz"),
        ("&wind_nml tau = 3 /", 1, "unknown group '&wind_nml'"),
        ("nx = 4", 1, "no namelist group"),
        ("&grid_nml nx = four /", 1, "&grid_nml"),
        ("&grid_nml nx = 2 /", 1, "nx is 2"),
        ("&grid_nml nx = 5000, ny = 5000 /", 1, "at most 4194304 cells"),
        ("&grid_nml domain = 'open' /", 1, "'closed' 'channel' 'periodic'"),
        ("&grid_nml domain = 'periodic' /", 1, "beta"),
        ("&physics_nml preset = 'best' /", 1, "'stable' 'published'"),
        ("&physics_nml time_step = 1700 /", 1, "a divisor of 86400 s"),
        ("&physics_nml robert_asselin = 0.5 /", 1, "in 0 to 0.5"),
        ("&physics_nml vorticity = 'none' /", 1, "'product_of_means' 'enstrophy' 'energy'"),
        ("&run_nml n_days = 0.01 /", 1, "whole number of steps"),
        ("&run_nml kernels = 'sse' /", 1, "'baseline' 'avx2'"),
        ("&run_nml ranks_x = 2 /", 1, "do not make up the 1 ranks"),
        ("&forcing_nml momentum = 'emulator' /", 2, "momentum_file is empty"),
        ("&forcing_nml momentum = 'emulator', momentum_file = 'none.onnx' /", 2, "none.onnx"),
        ("&run_nml restart_in = 'none.nc' /", 4, "none.nc"),
        ("&run_nml n_days = 0, output_file = 'no/folder/here.nc' /", 4, "no/folder/here.nc"),
    ],
)
def test_bad_input_ends_with_a_status_and_a_message(tmp_path, text, status, message):
    (tmp_path / "bad.nml").write_text(text + "\n")
    result = run_file(tmp_path, "bad.nml")
    assert result.returncode == status, result.stderr
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_ranks_that_do_not_fit_are_refused(tmp_path):
    result = run(tmp_path, ranks=4, nx=3, ny=80, ranks_x=4)
    assert result.returncode == 1 and "each needs at least 2 each way" in result.stderr
    result = run(tmp_path, ranks=2, ranks_x=3)
    assert result.returncode == 1 and "do not make up the 2 ranks" in result.stderr
