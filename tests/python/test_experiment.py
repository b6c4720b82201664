"""Experiments with a host whose statistics are known: numbers, gates, failures, resuming, the report."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import yaml

from pyemu.config import ConfigError
from pyemu.harness import CoupledResult, couple, load_couple_config
from pyemu.harness.experiment.judge import evaluated
from pyemu.harness.experiment.plan import plan
from pyemu.harness.hosts import NamelistHost, find_host
from pyemu.harness.hosts.namelist import program_at
from pyemu.harness.metrics import Autocorrelation, Metric
from pyemu.harness.results import Result, Results
from pyemu.harness.run import HostError

TOY = Path(__file__).with_name("toy_host.py")
CASES = [
    {"name": "truth", "title": "Truth"},
    {"name": "same", "title": "Other seeds", "seeds": [11, 12]},
    {"name": "again", "title": "The truth again"},
    {"name": "wide", "title": "Too wide", "entries": {"sd": 1.5}},
    {"name": "leaks", "title": "Leaks", "entries": {"leak": 0.01}, "seeds": [1]},
    {
        "name": "nan",
        "title": "Not finite",
        "entries": {"fails_at": 1000, "failure": "nan"},
        "may_stop": True,
        "seeds": [1],
    },
    {"name": "blows_up", "title": "Blows up", "entries": {"fails_at": 500, "failure": "raise"}, "seeds": [1]},
    {"name": "dies", "title": "Dies", "entries": {"fails_at": 1500, "failure": "kill"}, "seeds": [1]},
    {"name": "silent", "title": "Leaves nothing", "entries": {"phi": 2.0}, "seeds": [1]},
]
METRICS = [
    {"metric": "distribution", "variable": "x", "bins": {"start": -8, "stop": 8, "width": 0.25}, "baseline": "wide"},
    {"metric": "joint_distribution", "x": "x", "y": "y"},
    {"metric": "means", "variable": "x", "window": 100},
    {"metric": "climate", "variable": "x"},
    {"metric": "autocorrelation", "variable": "x", "longest": 10},
    {"metric": "spatial_correlation", "variable": "x", "dim": "place"},
    {"metric": "spectrum", "variable": "x", "dims": ["place"]},
    {"metric": "drift", "variable": "total", "limit": 10},
    {"metric": "survival", "criteria": [{"variable": "total", "from_start": True, "high": 15}]},
    {"metric": "hovmoller", "variable": "x", "dim": "place", "length": 50},
    {"metric": "cost"},
    {"metric": "identical", "case": "again", "other": "truth"},
    {"metric": "identical", "case": "same", "other": "truth"},
    {"metric": "means", "variable": "nothing"},
]
GATES = [
    {"number": "hellinger_squared_of_x", "cases": ["same"], "at_most": 0.01},
    {"number": "hellinger_squared_of_x", "cases": ["wide"], "no_more_than": "same", "times": 2},
    {"number": "largest_departure_of_total", "cases": ["same", "leaks"], "at_most": 1e-9},
    {"number": "values_that_differ_from_truth", "cases": ["again"], "at_most": 0},
]


def write_config(folder: Path, **changes: object) -> Path:
    values: dict[str, object] = {
        "title": "A ring",
        "host": str(TOY),
        "output_dir": "out",
        "entries": {"n_steps": 4000, "output_interval": 2},
        "kinds": {"run": {"spinup": 10.0}},
        "reference": "truth",
        "seeds": [1, 2],
        "cases": CASES,
        "metrics": METRICS,
        "gates": GATES,
    }
    path = folder / "ring.yaml"
    path.write_text(yaml.safe_dump(values | changes))
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CoupledResult, xr.Dataset]:
    path = write_config(tmp_path_factory.mktemp("experiment"))
    result = couple(load_couple_config(path), progress=False)
    return path, result, xr.load_dataset(result.folder / "report.nc")


def test_numbers_are_those_of_the_processes(made):
    _, _, data = made
    squared = 1.0 - np.sqrt(2.0 * 1.5 / (1.0 + 1.5**2))
    wide = data.sel(case="wide")
    assert float(wide["hellinger_squared_of_x"].median()) == pytest.approx(squared, rel=0.1)
    assert float(wide["standard_deviation_ratio_of_x"].median()) == pytest.approx(1.5, rel=0.03)
    assert float(data["decorrelation_time_of_x"].sel(case="same").median()) == pytest.approx(
        -0.5 / np.log(0.9), abs=0.6
    )
    assert float(data["trend_of_total"].sel(case="leaks").median()) == pytest.approx(0.02, rel=1e-9)
    assert float(data["drift_time_of_total"].sel(case="leaks").median()) == pytest.approx(500.0, abs=1.0)
    assert float(data["lifetime"].sel(case="leaks").median()) == pytest.approx(751.0, abs=1.0)
    assert float(data["similarity_of_x"].sel(case="wide").median()) == pytest.approx(0.0, abs=1e-12)
    assert float(data["similarity_of_x"].sel(case="same").median()) > 0.8


def test_intervals_hold_the_value_and_floors_lie_below_what_is_wrong(made):
    _, _, data = made
    wide = data.sel(case="wide")
    for name in ("hellinger_squared_of_x", "wasserstein_of_x", "autocorrelation_rmse_of_x"):
        assert float(wide[f"{name}_low"]) <= float(wide[name].median()) <= float(wide[f"{name}_high"])
    assert float(wide["hellinger_squared_of_x_floor"]) < 0.05 * float(wide["hellinger_squared_of_x"].median())


def test_a_floor_is_the_truth_against_itself(made):
    _, _, data = made
    same, floor = (
        float(data[name].sel(case="same").median()) for name in ("wasserstein_of_x", "wasserstein_of_x_floor")
    )
    assert 0.0 < same < 5.0 * floor


def test_gates(made):
    _, result, _ = made
    verdicts = {gate.name: gate.passed for gate in result.gates}
    assert not result.passed
    assert verdicts == {
        "truth_runs_completed": True, "same_runs_completed": True, "again_runs_completed": True, "wide_runs_completed": True,
        "leaks_runs_completed": True, "blows_up_runs_completed": False,
        "dies_runs_completed": False, "silent_runs_completed": False,
        "same_hellinger_squared_of_x": True, "wide_hellinger_squared_of_x_against_same": False,
        "same_largest_departure_of_total": True, "leaks_largest_departure_of_total": False,
        "again_values_that_differ_from_truth": True,
    }  # fmt: skip


def test_bits_are_compared(made):
    _, _, data = made
    assert float(data["values_that_differ_from_truth"].sel(case="again").max()) == 0.0
    assert float(data["values_that_differ_from_truth"].sel(case="same").min()) > 100.0


@pytest.mark.parametrize(
    ("case", "end", "message"),
    [
        ("nan", 499.0, "x is not finite from time 500 on"),
        ("blows_up", 249.0, "x blew up at step 500"),
        ("dies", 700.0, "killed by signal 9"),
        ("silent", 0.0, "phi is 2.0, expected 0 to 1"),
    ],
)
def test_what_stopped_is_told_and_what_was_before_is_kept(made, case, end, message):
    _, result, data = made
    page = (result.folder / "report.html").read_text()
    assert message in page
    life = data["lifetime"].sel(case=case)
    assert float(life.min()) >= end - 51.0 and (end > 0.0 or float(life.max()) == 0.0)


def test_metric_that_cannot_be_computed_says_why_and_the_others_are_there(made):
    _, result, _ = made
    page = (result.folder / "report.html").read_text()
    assert "means: not computed, case truth has no variable nothing; it has total, x, y" in page


class Broken(Metric):
    """A metric with a mistake in it."""

    metric: str = "broken"

    def evaluate(self, results):
        return [][3]


def test_mistake_in_a_metric_loses_no_other(made, capsys):
    config = load_couple_config(made[0])
    found = evaluated(config.model_copy(update={"metrics": (Broken(), config.metrics[2])}), stored(made[1].folder))
    assert found[0].title == "broken: not computed, IndexError: list index out of range" and not found[0].is_complete
    assert "return [][3]" in capsys.readouterr().err
    assert found[1].numbers


def stored(folder: Path) -> Results:
    """Results of the first two cases, read again."""
    runs = [
        Result(case, "run", 1, xr.load_dataset(folder / f"runs/{case}/run_{seed}/output.nc", decode_times=False), 2000.0,
               False, "", 1.0)
        for case, seed in (("truth", 1), ("same", 11))
    ]  # fmt: skip
    return Results(runs, {"truth": "Truth", "same": "Same"}, "truth", {"run": 10.0})


def test_run_that_ended_early_keeps_no_other_from_being_judged(made):
    results = stored(made[1].folder)
    short = replace(results.runs[1], case="short", data=results.runs[1].data.isel(time=slice(0, 60)))
    results = replace(results, runs=(*results.runs, short), titles=results.titles | {"short": "Short"})
    found = Autocorrelation(metric="autocorrelation", variable="x", longest=10).evaluate(results)
    values = {one.case: one.values for one in found.numbers if one.name == "autocorrelation_rmse_of_x"}
    assert len(values["same"]) == 1 and values["short"] == ()
    with pytest.raises(ValueError, match="is no longer than the longest lag"):
        Autocorrelation(metric="autocorrelation", variable="x", longest=500).evaluate(results)


def test_figures_and_summary_are_written(made):
    _, result, _ = made
    names = {path.stem for path in (result.folder / "figures").glob("*.png")}
    assert {"distribution_of_x", "joint_distribution_of_x_and_y", "climate_of_x", "survival", "hovmoller_of_x"} <= names
    summary = json.loads((result.folder / "summary.json").read_text())
    assert summary["leaks_largest_departure_of_total"]["pass"] is False


def test_finished_runs_are_kept_and_only_what_changed_is_made_again(made):
    path, result, _ = made
    runs = result.folder / "runs"
    before = {one: one.stat().st_mtime_ns for one in runs.rglob("output.nc")}
    (runs / "wide" / "run_2" / "output.nc").unlink()
    couple(load_couple_config(write_config(path.parent, metrics=[], gates=[])), progress=False)
    after = {one: one.stat().st_mtime_ns for one in runs.rglob("output.nc")}
    changed = {one.relative_to(runs).parts[0] for one, stamp in after.items() if before[one] != stamp}
    assert changed == {"wide", "dies", "silent"} - {"silent"}, "a killed run is made again, and one whose file is gone"


def test_command_fails_with_the_gate_named_and_as_json(made):
    path = write_config(made[0].parent, metrics=[METRICS[7]], gates=[GATES[2]])
    done = subprocess.run(
        [sys.executable, "-m", "pyemu.cli", "couple", str(path), "--json"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert json.loads(done.stdout)["leaks_largest_departure_of_total"]["pass"] is False


def test_killed_harness_resumes(tmp_path):
    cases = [{"name": "truth", "title": "Truth"}, {"name": "long", "title": "Long", "entries": {"n_steps": 40_000_000}}]
    path = write_config(tmp_path, cases=cases, metrics=[], gates=[], seeds=[1], processes=1)
    command = [sys.executable, "-m", "pyemu.cli", "couple", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    stamp, running = tmp_path / "out/runs/truth/run_1/run.json", tmp_path / "out/runs/long/run_1/output.nc"
    while not (stamp.exists() and running.exists()):
        time.sleep(0.05)
        assert process.poll() is None, process.stdout.read().decode()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with pytest.raises(
        HostError, match="'long, run, seed 1' is under way in .* as process [0-9]+, perhaps left behind"
    ):
        couple(load_couple_config(path), progress=False)
    os.kill(int((running.parent / "run.lock").read_text()), signal.SIGKILL)
    made = stamp.stat().st_mtime_ns
    shorter = write_config(tmp_path, cases=cases[:1], metrics=[], gates=[], seeds=[1])
    assert couple(load_couple_config(shorter), progress=False).passed
    assert stamp.stat().st_mtime_ns == made


def test_run_that_needs_another_comes_after_it_and_follows_it(tmp_path):
    follower = {"name": "follower", "title": "Follower", "entries": {"emulator_file": "@truth/run"}}
    path = write_config(tmp_path, cases=[follower, CASES[0]], metrics=[], gates=[])
    found = plan(load_couple_config(path))
    assert [sorted({key[0] for key in stage}) for stage in found.stages] == [["truth"], ["follower"]]
    request = json.loads(found.runs["follower", "run", 2].files["run.json"])
    assert request["entries"]["emulator_file"] == str(tmp_path / "out/runs/truth/run_1/output.nc")
    longer = write_config(tmp_path, cases=[follower, CASES[0] | {"entries": {"mean": 1.0}}], metrics=[], gates=[])
    again = plan(load_couple_config(longer)).runs["follower", "run", 2]
    assert again.fingerprint != found.runs["follower", "run", 2].fingerprint


def test_content_not_place_of_a_file_decides_whether_a_run_is_the_same(tmp_path):
    prints = []
    for name, content in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "net.onnx").write_bytes(content)
        path = write_config(
            folder, entries={"n_steps": 10, "output_interval": 1, "emulator_file": "net.onnx"}, metrics=[], gates=[]
        )
        prints.append(plan(load_couple_config(path)).runs["truth", "run", 1].fingerprint)
    assert prints[0] == prints[1] != prints[2]


def test_a_file_that_is_there_already_is_a_run(tmp_path, made):
    _, result, _ = made
    there = {
        "name": "stored",
        "title": "Stored",
        "files": {"run": str(result.folder / "runs/same/run_11/output.nc")},
        "seeds": [1],
    }
    path = write_config(tmp_path, cases=[CASES[0], there], metrics=[METRICS[2]], gates=[])
    data = xr.load_dataset(couple(load_couple_config(path), progress=False).folder / "report.nc")
    assert np.isfinite(data["mean_of_x"].sel(case="stored").values[0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reference": "nobody"}, "reference is 'nobody', which is none of the cases truth, same"),
        ({"cases": [CASES[0], CASES[0]]}, "names of cases must differ"),
        ({"host": "gcm"}, "host 'gcm' is none of .*column.*, nor a Python file"),
        ({"entries": {"n_steps": 5}}, "needs the entries output_interval"),
        ({"metrics": [{"metric": "charm", "variable": "x"}]}, "charm"),
        (
            {"metrics": [{"metric": "drift", "variable": "x", "kind": "weather"}]},
            "metric drift: unknown weather; known: run",
        ),
        ({"gates": [{"number": "x", "cases": ["nobody"], "at_most": 1}]}, "gate on x: unknown nobody"),
        (
            {"gates": [{"number": "x", "cases": ["same"]}]},
            "give one of at_most, at_least, no_more_than and no_less_than",
        ),
        ({"ranks": 4}, "cannot have 4 ranks"),
    ],
)
def test_wrong_configurations_are_refused_with_the_place(tmp_path, changes, message):
    with pytest.raises((ConfigError, ValueError), match=message):
        plan(load_couple_config(write_config(tmp_path, **changes)))


def test_gate_on_an_unknown_number_lists_those_there_are(tmp_path):
    gate = {"number": "charm", "cases": ["truth"], "at_most": 1}
    entries = {"n_steps": 100, "output_interval": 2}
    path = write_config(tmp_path, cases=CASES[:1], metrics=[METRICS[7]], gates=[gate], seeds=[1], entries=entries)
    with pytest.raises(
        ConfigError, match="on 'charm', which no metric of this experiment makes; there are: drift_time_of_total"
    ):
        couple(load_couple_config(path), progress=False)


def test_reference_to_no_run_is_refused(tmp_path):
    case = {"name": "lost", "title": "Lost", "entries": {"emulator_file": "@nobody/run"}}
    path = write_config(tmp_path, cases=[CASES[0], case], metrics=[], gates=[])
    with pytest.raises(ConfigError, match="'@nobody/run' is no run: give @case/kind"):
        plan(load_couple_config(path))


def test_adapter_file_without_an_adapter_is_refused(tmp_path):
    (tmp_path / "empty.py").write_text("HOST = 3\n")
    with pytest.raises(ConfigError, match="has no HOST that is a HostAdapter, found int"):
        find_host("empty.py", tmp_path)


def test_program_with_a_namelist(tmp_path):
    program = tmp_path / "model"
    host = NamelistHost(program_at(program), {"run_nml": ("output_file", "seed", "n")}, seed_entry="seed")
    with pytest.raises(FileNotFoundError, match="no program"):
        host.launch({}, 1, 1)
    program.write_text("#!/bin/sh\n")
    launch = host.launch({"n": 3}, 7, 4)
    assert launch.command == ("mpirun", "-n", "4", str(program), "run.nml")
    assert "seed = 7" in launch.files["run.nml"] and "output_file = 'output.nc'" in launch.files["run.nml"]
    with pytest.raises(ValueError, match="unknown entry charm of the host; known: n, seed"):
        host.check({"charm": 1})


def test_program_that_is_missing_is_told_before_anything_runs(tmp_path):
    (tmp_path / "host.py").write_text(
        "from pyemu.harness.hosts import NamelistHost\nfrom pyemu.harness.hosts.namelist import program_at\n"
        "HOST = NamelistHost(program_at('nowhere'), {'run_nml': ('output_file',)})\n"
    )
    path = write_config(tmp_path, host="host.py", entries={}, cases=CASES[:1], metrics=[], gates=[])
    with pytest.raises(HostError, match="no program .*nowhere: build it first"):
        plan(load_couple_config(path))
