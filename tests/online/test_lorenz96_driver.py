"""The driver of the Lorenz '96 host: files in, files out, restart to the bit, exit status."""

import re
import subprocess
from pathlib import Path

import netCDF4
import numpy as np
import pytest
from lorenz96_reference import FAST, SLOW, TENDENCY, recurrent, resolved, stochastic

from pyemu.hosts import executable
from pyemu.hosts.lorenz96 import Lorenz96Model
from pyemu.hosts.lorenz96_namelist import GROUPS
from pyemu.hosts.namelist import write_namelist

README = Path(__file__).parents[2] / "fortran/hosts/lorenz96/README.md"
AR1 = {
    "model": "one_scale", "scheme": "polynomial", "coefficients": (0.334, 1.302, -0.01272, -0.00241),
    "noise": "ar1", "residual_sd": 2.0, "residual_phi": 0.98, "seed": 5,
}  # fmt: skip


def run(folder: Path, text: str = "", **entries) -> subprocess.CompletedProcess:
    """Run the driver in a folder with a namelist of the given entries, or with this text."""
    path = write_namelist(folder / f"{entries.get('output_file', 'lorenz96.nc')}.nml", GROUPS, entries)
    if text:
        path.write_text(text)
    return subprocess.run([executable("lorenz96"), path.name], cwd=folder, capture_output=True, text=True, check=False)


def run_well(folder: Path, **entries) -> dict[str, np.ndarray]:
    result = run(folder, **entries)
    assert result.returncode == 0, result.stderr
    return variables(folder / entries.get("output_file", "lorenz96.nc"))


def variables(path: Path) -> dict[str, np.ndarray]:
    with netCDF4.Dataset(path) as data:
        return {name: variable[:] for name, variable in data.variables.items()}


@pytest.fixture(scope="module")
def emulators(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """Entries of schemes with emulators."""
    folder = tmp_path_factory.mktemp("emulators")
    paths = {"stochastic": stochastic(folder), "recurrent": recurrent(folder)}
    return {
        name: {"model": "one_scale", "scheme": "emulator", "emulator_file": path, "engine": "native", "seed": 3}
        for name, path in paths.items()
    }


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of the two-scale model, with fast variables."""
    folder = tmp_path_factory.mktemp("truth")
    run_well(folder, n_steps=1000, burn_in=3000, output_fast=True, output_file="truth.nc")
    return folder / "truth.nc"


# --- Output ---


def test_records_are_the_states_of_the_model_and_the_diagnosed_tendency(truth):
    found = variables(truth)
    assert found[SLOW].shape == (200, 1, 8) and found[FAST].shape == (200, 1, 256)
    np.testing.assert_allclose(found["time"], 3.0 + 0.005 * np.arange(200), rtol=1e-13)
    with Lorenz96Model() as model:
        model.step(3000)
        for record in (0, 1, 2):
            np.testing.assert_array_equal(found[SLOW][record], model.get(SLOW))
            np.testing.assert_array_equal(found[FAST][record], model.get(FAST))
            model.step(5)
    x = np.asarray(found[SLOW])
    expected = resolved(x[:-1]) - (x[1:] - x[:-1]) / (5 * 0.001)
    np.testing.assert_array_equal(found[TENDENCY][:-1], expected)
    assert np.isfinite(found[TENDENCY][-1]).all() and np.abs(found[TENDENCY]).max() > 1.0


def test_a_tendency_over_another_interval(tmp_path, truth):
    found = run_well(tmp_path, n_steps=1000, burn_in=3000, output_interval=100, tendency_interval=10)
    x = np.asarray(variables(truth)[SLOW])
    expected = resolved(x[::20]) - (x[2::20] - x[::20]) / (10 * 0.001)
    np.testing.assert_array_equal(found[SLOW], x[::20])
    np.testing.assert_array_equal(found[TENDENCY], expected)


def test_many_small_writes_and_few_large_ones_give_the_same_file(tmp_path):
    """9,000 records of one member are written 8,192 at once, those of 2,000 members 32 at once."""
    whole = run_well(tmp_path, n_steps=9000, output_interval=1, **AR1)
    assert whole["time"].shape == (9000,)
    with Lorenz96Model(**AR1) as model:
        for record in (0, 8191, 8192, 8999):
            model.step(record - round(model.time / 0.005))
            np.testing.assert_array_equal(whole[SLOW][record], model.get(SLOW))
    many = run_well(tmp_path, n_steps=40, output_interval=1, n_members=2000, output_file="many.nc", **AR1)
    np.testing.assert_array_equal(many[SLOW][:, :1], whole[SLOW][:40])
    np.testing.assert_array_equal(many[TENDENCY][:, :1], whole[TENDENCY][:40])


def test_single_precision_is_that_of_the_file_alone(tmp_path):
    double = run_well(tmp_path, n_steps=100, **AR1)
    single = run_well(tmp_path, n_steps=100, output_precision="single", output_file="single.nc", **AR1)
    for name in (SLOW, TENDENCY):
        assert single[name].dtype == np.float32
        np.testing.assert_array_equal(single[name], double[name].astype(np.float32))
    np.testing.assert_array_equal(single["time"], double["time"])


def test_every_namelist_entry_is_in_the_readme_and_in_the_output(tmp_path):
    run_well(tmp_path, n_steps=10, output_interval=5, **AR1)
    documented = README.read_text()
    with netCDF4.Dataset(tmp_path / "lorenz96.nc") as data:
        assert data.Conventions == "CF-1.10"
        np.testing.assert_array_equal(data.coefficients, AR1["coefficients"])
        for group, entries in GROUPS.items():
            assert f"`&{group}`" in documented
            for entry in entries:
                assert f"| `{entry}` |" in documented, entry
                assert entry in data.ncattrs(), entry
        for name, variable in data.variables.items():
            assert variable.units and variable.long_name, name
            assert f"`{name}`" in documented, name


# --- Starts and members ---


def test_forecasts_start_from_records_and_members_have_their_own_noise(tmp_path, truth):
    entries = {"initial_file": truth, "initial_record": 20, "record_interval": 50, "n_starts": 3, "n_members": 2, **AR1}
    found = run_well(tmp_path, n_steps=10, output_interval=1, **entries)
    known = variables(truth)
    assert found[SLOW].shape == (10, 3, 2, 8)
    np.testing.assert_array_equal(found[SLOW][0], np.repeat(known[SLOW][[20, 70, 120]], 2, axis=1))
    np.testing.assert_array_equal(found["start"], [20, 70, 120])
    np.testing.assert_array_equal(found["start_time"], known["time"][[20, 70, 120]])
    np.testing.assert_array_equal(found["time"], 0.005 * np.arange(10))
    assert np.abs(np.diff(found[SLOW][5], axis=1)).min() > 0.0
    residual = found[TENDENCY][0] - found[TENDENCY][0].mean(axis=1, keepdims=True)
    assert np.unique(residual).size == residual.size


@pytest.mark.parametrize("scheme", ["polynomial", "stochastic"])
def test_starts_and_members_do_not_know_in_which_run_they_are(tmp_path, truth, emulators, scheme):
    entries = {"n_steps": 20, "initial_file": truth, **(AR1 if scheme == "polynomial" else emulators[scheme])}
    whole = run_well(tmp_path, initial_record=10, record_interval=7, n_starts=4, n_members=8, **entries)
    part = run_well(
        tmp_path, initial_record=17, record_interval=14, n_starts=2, n_members=4, first_member=5, output_file="part.nc",
        **entries,
    )  # fmt: skip
    for name in (SLOW, TENDENCY):
        np.testing.assert_array_equal(part[name], whole[name][:, 1::2, 4:])
    np.testing.assert_array_equal(part["member"], [5, 6, 7, 8])


def test_the_tendency_before_comes_from_the_record_before(tmp_path, truth, emulators):
    entries = {"n_steps": 5, "output_interval": 5, "initial_file": truth, **emulators["stochastic"]}
    first, second = (run_well(tmp_path, initial_record=record, **entries) for record in (0, 30))
    known = variables(truth)
    for found, record, before in ((first, 0, 0), (second, 30, 29)):
        with Lorenz96Model(initial_record=record, **emulators["stochastic"]) as model:
            model.set(SLOW, known[SLOW][record])
            model.set("lorenz96_previous_subgrid_tendency", known[TENDENCY][before])
            model.step()
            np.testing.assert_array_equal(found[TENDENCY][0, 0], model.get(TENDENCY))


def test_truth_goes_on_from_a_record_with_fast_variables(tmp_path, truth):
    found = run_well(tmp_path, n_steps=100, initial_file=truth, initial_record=120)
    np.testing.assert_array_equal(found[SLOW][:, 0], variables(truth)[SLOW][120:140])


def test_initial_files_that_do_not_fit_are_refused(tmp_path, truth):
    for entries, message in (
        ({"initial_record": 200}, "has 200 records, expected at least 201"),
        ({"n_starts": 5, "record_interval": 50}, "has 200 records, expected at least 201"),
        ({"n_slow": 9}, "has n_slow = 8, the namelist 9"),
    ):
        result = run(tmp_path, initial_file=truth, n_steps=5, **entries, **AR1)
        assert result.returncode == 4 and message in result.stderr, result.stderr
    run_well(tmp_path, n_steps=5, output_file="short.nc")
    for file, message in (("none.nc", "cannot open"), ("short.nc", "lorenz96_fast_variable")):
        result = run(tmp_path, initial_file=file, n_steps=5)
        assert result.returncode == 4 and message in result.stderr, result.stderr


# --- Restart ---


@pytest.mark.parametrize("kind", ["two_scale", "polynomial", "stochastic", "recurrent"])
def test_a_continued_run_gives_the_bits_of_an_unbroken_one(tmp_path, truth, emulators, kind):
    scheme = {"two_scale": {"perturbation": 0.1}, "polynomial": AR1}.get(kind) or emulators[kind]
    starts = {"initial_file": truth, "initial_record": 3, "record_interval": 40, "n_starts": 3}
    entries = {"n_members": 2, **starts, **scheme}
    whole = run_well(tmp_path, n_steps=60, output_file="whole.nc", restart_out="whole.rst", **entries)
    first = run_well(tmp_path, n_steps=25, output_file="first.nc", restart_out="half.rst", **entries)
    second = run_well(
        tmp_path, n_steps=35, output_file="second.nc", restart_in="half.rst", restart_out="twice.rst", **entries
    )
    for name in ("time", SLOW, TENDENCY):
        np.testing.assert_array_equal(np.concatenate([first[name], second[name]]), whole[name])
    np.testing.assert_array_equal(second["start_time"], whole["start_time"])
    expected, found = variables(tmp_path / "whole.rst"), variables(tmp_path / "twice.rst")
    for name, values in expected.items():
        assert values.tobytes() == found[name].tobytes(), name


def test_a_restart_of_another_run_is_refused(tmp_path, emulators):
    run_well(tmp_path, n_steps=5, restart_out="two.rst", n_members=2, **AR1)
    for changes, message in (
        ({"n_members": 3}, "n_members = 2"),
        ({"first_member": 2}, "first_member = 1"),
        ({"time_step": 0.01}, "time_step = 0.5"),
        ({"noise": "white"}, "noise = 'ar1', the namelist 'white'"),
        ({"seed": 6}, "seed = 5"),
    ):
        result = run(tmp_path, n_steps=5, restart_in="two.rst", **{"n_members": 2, **AR1, **changes})
        assert result.returncode == 4 and message in result.stderr, result.stderr
    result = run(tmp_path, n_steps=5, restart_in="two.rst", n_members=2)
    assert result.returncode == 4 and "model = 'one_scale', the namelist 'two_scale'" in result.stderr
    run_well(tmp_path, n_steps=5, restart_out="emulator.rst", **emulators["stochastic"])
    other = {**emulators["stochastic"], "emulator_file": emulators["recurrent"]["emulator_file"]}
    result = run(tmp_path, n_steps=5, restart_in="emulator.rst", **other)
    assert result.returncode == 2 and "emulator (state)" in result.stderr, result.stderr


# --- Exit status ---


@pytest.mark.parametrize(
    "entries, message",
    [
        ({"model": "three_scale"}, "model is 'three_scale', expected one of 'two_scale' 'one_scale'"),
        ({"n_steps": 7}, "n_steps is 7"),
        ({"n_steps": -5}, "n_steps is -5"),
        ({"burn_in": -1}, "burn_in is -1"),
        ({"burn_in": 2**30, "n_steps": 5}, "burn_in is .* together with n_steps"),
        ({"time_step": -0.1}, "time_step is -0.1"),
        ({"time_step": 0.2}, "time_step is 0.2"),
        ({"output_interval": 0}, "output_interval is 0"),
        ({"tendency_interval": 6}, "tendency_interval is 6.*1 to output_interval"),
        ({"tendency_interval": 0}, "tendency_interval is 0"),
        ({"output_precision": "half"}, "output_precision is 'half'"),
        ({"model": "one_scale", "output_fast": True}, "output_fast"),
        ({"n_members": 0}, "n_members is 0"),
        ({"first_member": 0}, "first_member is 0"),
        ({"first_member": 2**20, "n_members": 2}, "last member of at most 1048576"),
        ({"n_slow": 3}, "n_slow is 3"),
        ({"n_fast": 0}, "n_fast is 0"),
        ({"h": float("inf")}, "h is .*finite"),
        ({"b": 0.0}, "b is 0"),
        ({"c": -1.0}, "c is -1"),
        ({"forcing": float("nan")}, "forcing is NaN"),
        ({"initial_record": -1}, "initial_record is -1"),
        ({"record_interval": 0}, "record_interval is 0"),
        ({"n_starts": 0}, "n_starts is 0"),
        ({"n_starts": 2}, "n_starts is 2.*without an initial_file"),
        ({"n_starts": 2**20, "n_members": 2**10, "initial_file": "x"}, "starts x members x n_slow"),
        ({"n_starts": 2**15, "record_interval": 2**20, "initial_file": "x"}, "record_interval is"),
        ({"perturbation": -0.1}, "perturbation is -0.1"),
        ({"scheme": "network"}, "scheme is 'network'"),
        ({"scheme": "polynomial", "coefficients": (1.0,)}, "scheme is 'polynomial', expected 'none' with model"),
        ({"model": "one_scale", "noise": "pink"}, "noise is 'pink'"),
        ({"model": "one_scale", "noise": "white"}, "noise is 'white', expected 'none' with scheme = 'none'"),
        ({"model": "one_scale", "scheme": "polynomial"}, "coefficients.*1 to 8 numbers"),
        ({"coefficients": (1.0, float("nan"))}, "coefficients.*finite numbers"),
        ({"residual_sd": -1.0}, "residual_sd is -1"),
        ({"residual_phi": 1.0}, "residual_phi is 1"),
        ({"threads": 0}, "threads is 0"),
        ({"previous_tendency": "never"}, "previous_tendency is 'never'"),
    ],
)
def test_bad_entries_are_refused_by_name(tmp_path, entries, message):
    result = run(tmp_path, **entries)
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert re.search(f"pyemu_lorenz96: namelist entr.*{message}", result.stderr), result.stderr
    assert not (tmp_path / "lorenz96.nc").exists()


@pytest.mark.parametrize(
    "text, message",
    [
        ("&run_nml\n n_step = 5 /\n", "namelist &run_nml: .*n_step.*README of the Lorenz '96 host"),
        ("&run_nml\n n_steps = many /\n", "namelist &run_nml"),
        ("&parameterization_nml coefficients = 1, 2, 3, 4, 5, 6, 7, 8, 9 /\n", "namelist &parameterization_nml"),
        ("&radiation_nml /\n", "unknown group '&radiation_nml'.*known: &run_nml &model_nml"),
        ("nothing\n", "no namelist group"),
    ],
)
def test_bad_namelists_are_refused(tmp_path, text, message):
    result = run(tmp_path, text=text)
    assert result.returncode == 1 and re.search(message, result.stderr), result.stderr


def test_a_blow_up_ends_the_run_with_the_records_before_it(tmp_path):
    explosive = {"model": "one_scale", "scheme": "polynomial", "coefficients": (0.0, -20.0), "n_members": 2}
    result = run(tmp_path, n_steps=1000, output_interval=1, perturbation=0.1, **explosive)
    assert result.returncode == 3
    assert "lorenz96_slow_variable is" in result.stderr and "blown up" in result.stderr
    assert "of member" in result.stderr and "at time" in result.stderr
    found = variables(tmp_path / "lorenz96.nc")
    assert 10 < found["time"].size < 1000
    assert np.isfinite(found[SLOW]).all() and 100.0 < np.abs(found[SLOW][-1]).max() <= 1000.0
    step = int(result.stderr.split("(step ")[1].split(")")[0])
    assert found["time"].size - step in (0, 1)  # it may be the middle of the next step that blows up


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    result = run(tmp_path, text="&run_nml n_steps = 5, output_file = 'nowhere/file.nc' /\n")
    assert result.returncode == 4 and "nowhere/file.nc" in result.stderr


def test_one_argument_is_needed():
    result = subprocess.run([executable("lorenz96")], capture_output=True, text=True, check=False)
    assert result.returncode == 1 and "usage: pyemu_lorenz96 NAMELIST" in result.stderr
