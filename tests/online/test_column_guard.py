"""The guard in the column host: flagged columns go to RRTMG, faults stay where they are, all is counted in the output."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from host_emulators import train

from pyemu.constants import SPECIFIC_HEAT_OF_DRY_AIR, STANDARD_GRAVITY
from pyemu.hosts import executable, rrtmg_directory
from pyemu.hosts.column import ColumnError, ColumnModel
from pyemu.hosts.column_namelist import GROUPS
from pyemu.hosts.namelist import write_namelist

BANDS = ("longwave", "shortwave")
PUSH = {"push_share": 0.02, "push_seed": 1, "push_co2_factor": 16.0, "push_sst_offset": 12.0}
NAN = {"nan_column": 7, "nan_layer": 30, "nan_call": 2}
NCOL = 100
CALLS = 3  # of a run of one day with 12 h between calls, that of the last record included


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """Make runs of one day; ``host(name, **entries)`` returns status, message and output."""
    folder = tmp_path_factory.mktemp("guard")
    files = {f"{band}_file": train(band, folder) for band in BANDS}
    made = {}

    def run(name: str, **entries):
        if name not in made:
            common = {"ncol": NCOL, "n_days": 1.0, "interval": 43200.0, "output_file": f"{name}.nc"}
            if entries.get("scheme") != "rrtmg":
                # So little training leaves fluxes of -2 W m-2 here and there, beyond their valid range.
                common |= {"scheme": "emulator", "engine": "native", "guard_reasons": "not_finite novel budget"} | files
            path = write_namelist(folder / f"{name}.nml", GROUPS, common | entries)
            environment = {**os.environ, "PYEMU_RRTMG": str(rrtmg_directory())}
            done = subprocess.run(
                [executable("column"), path.name],
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            data = xr.open_dataset(folder / f"{name}.nc", decode_times=False)
            made[name] = done.returncode, done.stdout + done.stderr, data.load()
        return made[name]

    run.files = files
    return run


def mean_temperature(data: xr.Dataset) -> np.ndarray:
    """By mass, of every column at the end [K]."""
    pressure = data["air_pressure_at_interfaces"]
    mass = (pressure[:, -1] - pressure[:, 0]) / STANDARD_GRAVITY
    return (data["atmosphere_enthalpy_content"][-1] / (SPECIFIC_HEAT_OF_DRY_AIR * mass)).values


def test_fallback_keeps_a_run_with_pushed_columns_near_rrtmg(host):
    _, _, rrtmg = host("rrtmg", scheme="rrtmg", **PUSH)
    status, text, guarded = host("fallback", guard="fallback", **PUSH)
    assert status == 0, text
    _, _, free = host("count", guard="count", **PUSH)
    pushed = rrtmg["pushed"].values > 0
    assert pushed.sum() == 2
    with_guard, without = (np.abs(mean_temperature(run) - mean_temperature(rrtmg)) for run in (guarded, free))
    assert with_guard.max() < 0.1
    assert without[pushed].max() > 2 * with_guard.max()
    # Columns that RRTMG computed in every call have its bits: a column does not see the others.
    assert np.array_equal(guarded["air_temperature"][-1, pushed], rrtmg["air_temperature"][-1, pushed])
    assert np.array_equal(guarded["air_temperature"][-1, ~pushed], free["air_temperature"][-1, ~pushed])
    for band in BANDS:
        assert guarded[f"{band}_rrtmg_columns"].values.tolist() == [2.0] * CALLS
        assert free[f"{band}_rrtmg_columns"].values.tolist() == [0.0] * CALLS
        assert f"guard of the {band}: of {CALLS * NCOL} columns {2 * CALLS} flagged, {2 * CALLS} computed" in text


def test_what_is_counted_agrees_with_itself(host):
    _, _, data = host("fallback", guard="fallback", **PUSH)
    pushed = data["pushed"].values > 0
    for band in BANDS:
        assert data["radiation_call_time"].values.tolist() == [0.0, 0.5, 1.0]
        assert data[f"{band}_flagged_columns"].sum() == data[f"{band}_flagged_calls"][-1].sum() == 2 * CALLS
        assert np.array_equal(data[f"{band}_flagged_calls"][-1], np.where(pushed, CALLS, 0))
        assert np.array_equal(data[f"{band}_rrtmg_calls"][-1], np.where(pushed, CALLS, 0))
        counts = {str(n): v for n, v in data.data_vars.items() if str(n).startswith(f"{band}_guard_count_of_")}
        assert len(counts) == (9 if band == "longwave" else 10) + 3
        dioxide = counts[f"{band}_guard_count_of_mole_fraction_of_carbon_dioxide_in_air"]
        assert dioxide.sel(guard_reason=[1, 2, 4]).values.tolist() == [0, 0, 2 * CALLS]
        assert counts[f"{band}_guard_count_of_air_temperature"].dims == ("guard_reason", "layer")
        assert data[f"{band}_budget_columns"][-1, 0] == CALLS * (NCOL - 2)
        assert data[f"{band}_budget_exceeded"][-1, 0] == 0
    assert data.attrs["guard"] == "fallback" and data.attrs["push_share"] == 0.02


def test_budgets_of_emulators_in_flux_form_close_in_every_call(host):
    _, _, data = host("plain", guard="count")
    for band in BANDS:
        largest = float(data[f"{band}_budget_largest"][-1, 0])
        assert 0.0 < abs(largest) <= 1e-4
        assert float(data[f"{band}_budget_rms"][-1, 0]) <= abs(largest)
        assert float(data[f"{band}_energy_residual"].max()) <= 1e-4
        assert data[f"{band}_budget_columns"][-1, 0] == CALLS * NCOL


def test_an_emulator_without_the_flux_form_is_found_by_the_audit(host, tmp_path):
    file = train("longwave", tmp_path, "unconstrained")
    _, _, data = host("unconstrained", guard="count", longwave_file=file)
    largest = abs(float(data["longwave_budget_largest"][-1, 0]))
    assert largest > 0.1
    host_largest = float(data["longwave_energy_residual"].max())
    assert largest == pytest.approx(host_largest, rel=1e-6)
    assert abs(float(data["shortwave_budget_largest"][-1, 0])) <= 1e-4


def test_a_nan_stays_in_its_column_and_the_run_goes_on(host):
    _, _, clean = host("clean", guard="fallback")
    status, text, spoiled = host("spoiled", guard="fallback", **NAN)
    assert status == 0, text
    others = np.arange(NCOL) != NAN["nan_column"] - 1
    for name in (
        "air_temperature",
        "specific_humidity",
        "toa_outgoing_longwave_flux",
        "surface_upward_latent_heat_flux",
    ):
        here, there = (np.moveaxis(data[name].values, 1, 0)[others] for data in (clean, spoiled))
        assert here.tobytes() == there.tobytes(), name
    assert np.isfinite(spoiled["air_temperature"].dropna("time")).all()
    assert not np.array_equal(clean["air_temperature"][-1, 6], spoiled["air_temperature"][-1, 6])
    for band in BANDS:
        counts = spoiled[f"{band}_guard_count_of_air_temperature"]
        assert counts.sum() == counts.sel(guard_reason=1)[NAN["nan_layer"] - 1] == 1
        assert spoiled[f"{band}_rrtmg_columns"].values.tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    ("guard", "status", "words"),
    [
        ("off", 2, "air_temperature' is nan in column 7, layer 30"),
        ("count", 3, "NaN K in column 7"),
        ("stop", 2, "column 7"),
    ],
)
def test_without_fallback_a_nan_ends_the_run(host, guard: str, status: int, words: str):
    found, text, _ = host(f"nan_{guard}", guard=guard, **NAN)
    assert found == status and words in text


def test_a_taper_fades_into_rrtmg(host):
    """Without cloud a column lies at an end of the range, novelty 0.714 with the margin: in between, but where pushed."""
    _, _, rrtmg = host("rrtmg_start", scheme="rrtmg", n_days=0.0, **PUSH)
    _, _, free = host("free_start", n_days=0.0, **PUSH)
    status, text, tapered = host("tapered", n_days=0.0, guard="fallback", guard_limit=0.75, guard_taper=0.7, **PUSH)
    assert status == 0, text
    pushed = tapered["pushed"].values > 0
    assert (tapered["longwave_rrtmg_calls"][-1] == 1).all()
    assert np.array_equal(tapered["longwave_flagged_calls"][-1] == 1, pushed)
    assert tapered["longwave_held_back_columns"].values.tolist() == [2.0]
    by_rrtmg, by_emulator, found = (run["toa_outgoing_longwave_flux"][-1].values for run in (rrtmg, free, tapered))
    assert np.array_equal(found[pushed], by_rrtmg[pushed])
    share = ((found - by_emulator) / (by_rrtmg - by_emulator))[~pushed & (np.abs(by_rrtmg - by_emulator) > 0.1)]
    t = (1 / 1.4 - 0.7) / 0.05
    np.testing.assert_allclose(share, t * t * (3 - 2 * t), atol=1e-3)


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"guard": "maybe"}, "guard is 'maybe'.*'fallback'"),
        ({"guard_limit": 0.0}, "guard_limit is 0"),
        ({"guard": "count", "guard_taper": 1.0}, "guard_taper is 1.*fallback"),
        ({"guard_reasons": "novel odd"}, "guard_reasons is 'odd'.*'not_finite'"),
        ({"guard_reasons": " "}, "guard_reasons is empty"),
        ({"push_share": 2.0}, "push_share is 2"),
        ({"push_co2_factor": 100.0}, "push_co2_factor"),
        ({"nan_layer": 61}, "nan_layer is 61"),
    ],
)
def test_settings_that_cannot_work_are_refused(entries, words: str):
    with pytest.raises(ColumnError, match=words) as failure:
        ColumnModel(ncol=2, **entries)
    assert failure.value.status == 1


def test_a_guarded_run_restarts_to_the_bit(host, tmp_path: Path):
    folder = {"restart_out": str(tmp_path / "half.rst"), "n_days": 0.5}
    assert host("first_half", guard="fallback", **PUSH, **folder)[0] == 0
    again = {"restart_in": folder["restart_out"], "n_days": 0.5}
    status, text, second = host("second_half", guard="fallback", **PUSH, **again)
    assert status == 0, text
    _, _, whole = host("fallback", guard="fallback", **PUSH)
    assert whole["air_temperature"][-1].values.tobytes() == second["air_temperature"][-1].values.tobytes()
    assert second["longwave_rrtmg_columns"].values.tolist() == [2.0, 2.0]  # counts are of this run


def test_fallback_needs_rrtmg(host):
    with pytest.raises(ColumnError, match="RRTMG|rrtmg") as failure:
        ColumnModel(ncol=2, scheme="emulator", guard="fallback", rrtmg_directory="/nowhere", **host.files)
    assert failure.value.status == 2


def test_python_sees_the_guard(host):
    entries = {"scheme": "emulator", "rrtmg_directory": str(rrtmg_directory()), **host.files}
    with ColumnModel(ncol=10, guard="count", guard_reasons="novel", **entries) as model:
        model.set("mole_fraction_of_carbon_dioxide_in_air", np.where(np.arange(10) == 4, 6e-3, 4e-4))
        model.radiate()
        assert model.get("longwave_flagged_calls").tolist() == [0.0] * 4 + [1.0] + [0.0] * 5
    with ColumnModel(ncol=10, **entries) as model, pytest.raises(ColumnError, match="longwave_flagged_calls"):
        model.get("longwave_flagged_calls")


def test_pushed_columns_follow_from_their_numbers(tmp_path: Path):
    with ColumnModel(ncol=400, **PUSH) as whole, ColumnModel(ncol=100, first_column=201, **PUSH) as part:
        dioxide = whole.get("mole_fraction_of_carbon_dioxide_in_air")
        assert (dioxide > 1e-3).sum() == 8
        assert np.array_equal(dioxide[200:300], part.get("mole_fraction_of_carbon_dioxide_in_air"))
        warm = whole.get("surface_temperature")
    with ColumnModel(ncol=400) as plain:
        difference = warm - plain.get("surface_temperature")
        np.testing.assert_allclose(difference, np.where(dioxide > 1e-3, 12.0, 0.0), atol=1e-12)
