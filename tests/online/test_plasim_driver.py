"""PlaSim with its own radiation and with RRTMG: sane, restarted to the bit, on one rank and two; what it says when it fails."""

import re
from pathlib import Path

import numpy as np
import pytest
from plasim_runs import different, global_mean, made, needs_plasim, opened, status_of

from pyemu.hosts.plasim import OUTPUT, known_entries, run
from pyemu.hosts.plasim_build import PlasimError

pytestmark = needs_plasim
README = Path(__file__).parents[2] / "fortran/hosts/plasim/README.md"
SCHEMES = {"own": {}, "rrtmg": {"scheme": "rrtmg", "interval_hours": 3.0}}


@pytest.fixture(scope="session")
def first_day(tmp_path_factory) -> Path:
    """Folder of a day from a new start, with PlaSim's own radiation."""
    folder = tmp_path_factory.mktemp("plasim") / "first"
    run(folder, {"n_run_days": 1, "output_interval_days": 1.0})
    return folder


@pytest.mark.parametrize("scheme", SCHEMES)
def test_two_days_are_sane_and_a_continued_run_has_their_bits(tmp_path, first_day, scheme):
    whole = made(tmp_path / "whole", n_run_days=2, restart_in=status_of(first_day), **SCHEMES[scheme])
    made(tmp_path / "half", n_run_days=1, restart_in=status_of(first_day), **SCHEMES[scheme])
    rest = made(tmp_path / "rest", n_run_days=1, restart_in=tmp_path / "half" / OUTPUT, **SCHEMES[scheme])
    assert different(whole.isel(time=[1]), rest) == []
    assert list(whole["time"].values) == [362.0, 363.0] and list(rest["time"].values) == [363.0]

    means = {name: global_mean(values).values for name, values in whole.data_vars.items() if "lat" in values.dims}
    assert whole.attrs["scheme"] == scheme
    # Early January: the orbit brings 3 % more than the mean of 340.2 W m-2.
    np.testing.assert_allclose(means["toa_incoming_shortwave_flux"], 351.7, atol=1.0)
    bounds = {"toa_outgoing_longwave_flux": (200, 310), "toa_outgoing_shortwave_flux": (50, 140),
              "surface_temperature": (278, 292), "air_temperature": (240, 256), "cloud_area_fraction": (0.05, 0.9),
              "surface_air_pressure": (98000, 99500), "precipitation_flux": (1e-6, 1e-4)}  # fmt: skip
    for name, (low, high) in bounds.items():
        assert np.all((means[name] > low) & (means[name] < high)), (name, means[name])
    net = means["toa_incoming_shortwave_flux"] - means["toa_outgoing_shortwave_flux"]
    np.testing.assert_allclose(means["toa_net_downward_shortwave_flux"], net, atol=1e-3)
    balance = net - means["toa_outgoing_longwave_flux"]
    np.testing.assert_allclose(means["toa_net_downward_radiative_flux"], balance, atol=1e-3)
    assert float(whole["radiation_column_residual"].max()) < 1e-11, "heating is the divergence of the fluxes"


def test_every_variable_has_a_unit_and_is_in_the_readme(first_day):
    data, text = opened(first_day / OUTPUT), README.read_text()
    assert data.attrs["Conventions"].startswith("CF-") and data["time"].attrs["calendar"] == "360_day"
    assert np.all(np.diff(data["lat"]) < 0.0) and np.allclose(np.sin(np.radians(data["lat"])).sum(), 0.0)
    for name, values in data.data_vars.items():
        assert values.attrs["units"] and values.attrs["long_name"] and f"`{name}`" in text, name
        assert np.all(np.isfinite(values)), name


def test_every_entry_is_in_the_readme():
    text = README.read_text() + README.with_name("MOIST.md").read_text()
    assert [name for name in known_entries() if f"`{name}`" not in text] == []


def test_perturbed_runs_part_and_the_same_seed_gives_the_same_bits(tmp_path, first_day):
    runs = [made(tmp_path / f"{i}", n_run_days=1, restart_in=status_of(first_day), perturbation=0.1, perturbation_seed=seed)
            for i, seed in enumerate((1, 1, 2))]  # fmt: skip
    assert different(runs[0], runs[1]) == []
    apart = abs(runs[0]["air_temperature"] - runs[2]["air_temperature"]).max()
    assert 1e-6 < float(apart) < 2.0


@pytest.mark.parametrize("scheme", SCHEMES)
def test_two_ranks_agree_with_one_to_rounding(tmp_path, scheme):
    """Not to the bit, in PlaSim itself: its spectral sums are in the order of ranks."""
    entries = {"n_run_days": 1, "output_interval_days": 0.25, **SCHEMES[scheme]}
    one, two = (made(tmp_path / f"{n}", ranks=n, **entries) for n in (1, 2))
    for name, tolerance in (("air_temperature", 1e-8), ("eastward_wind", 1e-8), ("specific_humidity", 1e-12),
                            ("toa_outgoing_longwave_flux", 1e-4), ("surface_net_downward_shortwave_flux", 1e-3)):  # fmt: skip
        np.testing.assert_allclose(two[name][0], one[name][0], rtol=0.0, atol=tolerance, err_msg=name)


@pytest.mark.parametrize(
    "entries, words",
    [
        ({"scheme": "grey"}, "entry scheme is 'grey', expected one of 'own' 'rrtmg' 'emulator'"),
        ({"guard": "maybe"}, "entry guard is 'maybe'"),
        ({"beside": "rrtmg"}, "entry beside is .* expected another scheme"),
        ({"interval_hours": 1.0}, "entry interval_hours is 1.0.*whole number of time steps, 32 a day"),
        ({"interval_hours": 9.0}, "entry interval_hours is 9.0.*a day a multiple of it"),
        ({"output_interval_days": 0.3}, "entry output_interval_days is 0.3.*whole number of time steps"),
        ({"perturbation": -1.0}, "entry perturbation is -1.0.*0 K or more"),
        ({"record_every": 0}, "entry record_every is 0"),
        ({"record_every": 0.5}, "&emulator_nml"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_expected(tmp_path, entries, words):
    with pytest.raises(PlasimError, match=f"status 1: .*{words}"):
        made(tmp_path, n_run_days=1, **entries)


def test_a_restart_file_of_another_number_of_ranks_is_refused(tmp_path, first_day):
    with pytest.raises(PlasimError, match="status 2: Fortran runtime error"):
        made(tmp_path, ranks=2, n_run_days=1, restart_in=status_of(first_day))


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_blow_up_is_told_and_keeps_the_records(tmp_path, ranks):
    with pytest.raises(PlasimError, match="status 3") as caught:
        made(tmp_path, ranks=ranks, n_run_days=3, output_interval_days=0.03125, gsol0=3e5)
    told = re.search(r"air_temperature has blown up: (\S+) K in layer \d+ at latitude -?[\d.]+, longitude [\d.]+ on day "
                     r"([\d.]+)", str(caught.value))  # fmt: skip
    assert told, str(caught.value)
    data = opened(tmp_path / OUTPUT)
    assert data.sizes["time"] >= 1 and float(data["time"][-1]) <= float(told[2]) + 0.04
    assert np.all(np.isfinite(data["air_temperature"]))
