"""PlaSim without a run: what the builder, the namelists and the harness's adapter refuse, and what they write."""

import json
from pathlib import Path

import pytest

from pyemu.harness.hosts import find_host
from pyemu.hosts import plasim, plasim_build
from pyemu.hosts.plasim_build import PlasimError, build
from pyemu.hosts.plasim_namelist import COUPLING, EARTH, namelists


def test_without_exoplasim_the_package_is_named(monkeypatch):
    monkeypatch.setattr(plasim_build.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(PlasimError, match="exoplasim is not installed.*pip install exoplasim==3.4.2"):
        build()


def test_an_exoplasim_without_sources_is_told(monkeypatch, tmp_path):
    spec = type("Spec", (), {"submodule_search_locations": [str(tmp_path)]})
    monkeypatch.setattr(plasim_build.importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(PlasimError, match=f"no sources of PlaSim in {tmp_path}/plasim"):
        build()


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"resolution": "T63"}, "resolution 'T63' is none of T21, T31, T42"),
        ({"layers": 3}, "layers is 3, expected a whole number from 5 to 100"),
        ({"layers": "ten"}, "layers is ten"),
        ({"ranks": 3}, "ranks is 3, expected a power of two"),
        ({"ranks": 32}, "ranks is 32, .* 32 latitudes of T21"),
        ({"ranks": 0}, "ranks is 0"),
    ],
)
def test_what_cannot_be_built_is_refused(arguments, words):
    with pytest.raises(PlasimError, match=words):
        build(**arguments)


def test_without_the_coupling_its_place_is_asked_for(monkeypatch, tmp_path):
    monkeypatch.setattr(plasim_build, "plasim_directory", lambda: tmp_path)
    monkeypatch.setenv("PYEMU_PLASIM_COUPLING", str(tmp_path / "nowhere"))
    with pytest.raises(PlasimError, match="nowhere.*set PYEMU_PLASIM_COUPLING to its folder fortran/hosts/plasim"):
        build()


def test_what_the_compiler_says_is_kept(monkeypatch, tmp_path):
    (tmp_path / "src").mkdir()
    monkeypatch.setattr(plasim_build, "plasim_directory", lambda: tmp_path)
    monkeypatch.setattr(plasim_build, "_digest", lambda source: "digest")
    with pytest.raises(PlasimError, match="(?s)does not build.*no plasim.f90 is") as caught:
        build(cache_dir=tmp_path / "cache")
    assert (tmp_path / "cache" / "T21L10-1-digest" / "build.log").read_text().endswith(str(caught.value)[-100:])


def test_unknown_entries_are_named_with_those_there_are(tmp_path, monkeypatch):
    with pytest.raises(KeyError, match="unknown entry colour, schema of PlaSim; known: .*co2.*scheme"):
        namelists({"schema": "own", "colour": 1}, 32)
    monkeypatch.setattr(plasim, "build", lambda *arguments: tmp_path / "program")
    with pytest.raises(PlasimError, match="unknown entry schema"):
        plasim.run(tmp_path, {"schema": "own"})


def test_entries_go_to_their_files():
    files = namelists({"co2": 720.0, "scheme": "rrtmg", "n_run_days": 5}, 48)
    assert set(files) == {*EARTH, COUPLING}
    assert "co2 = 720.0" in files["radmod_namelist"] and "no3 = 1" in files["radmod_namelist"]
    assert "n_run_days = 5" in files["plasim_namelist"] and "mpstep = 30.0" in files["plasim_namelist"]
    assert "scheme = 'rrtmg'" in files[COUPLING] and "co2" not in files[COUPLING]
    assert "sidereal_year = 31104000.0" in files["planet_namelist"], "the sun's year is that of the calendar"


def test_a_missing_restart_file_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(plasim, "build", lambda *arguments: tmp_path / "program")
    with pytest.raises(PlasimError, match=f"no restart file {tmp_path}/plasim_status: .*reached its end"):
        plasim.run(tmp_path / "run", {"restart_in": tmp_path / "plasim.nc"})


def test_the_adapter_asks_for_a_run_with_its_seed(tmp_path, monkeypatch):
    program = tmp_path / "program"
    monkeypatch.setattr("pyemu.harness.hosts.plasim.build", lambda *arguments: program)
    host = find_host("plasim", tmp_path)
    entries = {"scheme": "emulator", "longwave_file": Path("/files/longwave.onnx"), "n_run_days": 5}
    launch = host.launch(entries, 7, 2)
    request = json.loads(launch.files["request.json"])
    assert request["ranks"] == 2 and request["entries"]["perturbation_seed"] == 7
    assert request["entries"]["longwave_file"] == "/files/longwave.onnx"
    assert launch.command[-2:] == ("pyemu.hosts.plasim", "request.json") and launch.depends_on == (program,)
    assert "OMPI_ALLOW_RUN_AS_ROOT" in launch.environment and not host.launch(entries, 7, 1).environment
    assert {"longwave_file", "shortwave_file", "restart_in"} <= set(host.file_entries)


def test_the_adapter_knows_the_entries_and_says_what_is_missing(tmp_path, monkeypatch):
    host = find_host("plasim", tmp_path)
    host.check({"scheme": "own", "co2": 360.0, "resolution": "T21", "restart_in": "x", "perturbation": 0.1})
    for entry in ("perturbation_seed", "output_file", "schema"):
        with pytest.raises(ValueError, match=f"unknown entry {entry} of the host plasim; known: .*scheme"):
            host.check({entry: 1})
    monkeypatch.setattr(plasim_build.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(OSError, match="pip install exoplasim"):
        host.launch({}, 1, 1)
