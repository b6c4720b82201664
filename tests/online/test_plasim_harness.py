"""The harness runs PlaSim: one run starts from another, a blow-up is a result, an ended harness leaves no program behind."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from plasim_runs import needs_plasim, opened

from pyemu.harness import couple, load_couple_config

EXAMPLE = Path(__file__).parents[2] / "examples/plasim/experiments.py"


def experiments():
    spec = importlib.util.spec_from_file_location("experiments", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_experiments_of_the_example_are_valid(tmp_path):
    files = {f"{band}_file": tmp_path / f"{band}.onnx" for band in ("longwave", "shortwave")}
    whole = experiments().evaluation(
        files, tmp_path / "plasim_status", years=10.0, members=4, processes=2, spin_up_years=1.0
    )
    for name, values in (("evaluation", whole), ("smoke", experiments().smoke(files, days=10))):
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(values))
        assert load_couple_config(path).host == "plasim"
    assert len(list(load_couple_config(tmp_path / "evaluation.yaml").runs())) == (4 + 1 + 1 + 1) + 2 * 4


@needs_plasim
def test_a_run_starts_from_another_and_a_blow_up_is_told(tmp_path):
    config = {
        "title": "PlaSim",
        "host": "plasim",
        "output_dir": "report",
        "entries": {"n_run_days": 1, "output_interval_days": 0.125},
        "reference": "first",
        "cases": [
            {"name": "first", "title": "First day"},
            {"name": "second", "title": "Second day", "entries": {"restart_in": "@first/run"}},
            {"name": "hot", "title": "Too much sun", "entries": {"gsol0": 3e5}, "may_stop": True},
        ],
        "metrics": [
            {"metric": "drift", "variable": "surface_temperature"},
            {"metric": "survival"},
            {"metric": "trace", "variable": "radiation_column_residual"},
        ],
        "gates": [
            {"number": "share_of_runs_alive_at_the_end", "cases": ["first", "second"], "at_least": 1.0},
            {"number": "largest_magnitude_of_radiation_column_residual", "cases": ["second"], "at_most": 1e-11},
        ],
    }
    path = tmp_path / "experiment.yaml"
    path.write_text(yaml.safe_dump(config))
    result = couple(load_couple_config(path), progress=False)
    assert result.passed, [gate for gate in result.gates if not gate.passed]
    runs = tmp_path / "report" / "runs"
    assert opened(runs / "second/run_1/plasim.nc")["time"][-1] == 362.0
    stamp = json.loads((runs / "hot/run_1/run.json").read_text())
    assert stamp["status"] == 3 and "air_temperature has blown up" in stamp["message"]
    assert "air_temperature has blown up" in (result.folder / "report.html").read_text()
    before = (runs / "second/run_1/plasim.nc").stat().st_mtime_ns
    couple(load_couple_config(path), progress=False)
    assert (runs / "second/run_1/plasim.nc").stat().st_mtime_ns == before, "finished runs are kept"


@needs_plasim
def test_a_run_that_is_ended_takes_its_program_along(tmp_path):
    (tmp_path / "request.json").write_text(json.dumps({"entries": {"n_run_days": 3600}, "ranks": 1}))
    run = subprocess.Popen([sys.executable, "-m", "pyemu.hosts.plasim", "request.json"], cwd=tmp_path)
    children = Path(f"/proc/{run.pid}/task/{run.pid}/children")
    for _ in range(600):
        # The diagnostics are PlaSim's own first words: the program is running.
        if (tmp_path / "plasim_diag").exists() and children.read_text().split():
            break
        time.sleep(0.1)
    (child,) = children.read_text().split()
    run.send_signal(signal.SIGTERM)
    assert run.wait(timeout=30) == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(int(child), 0)
