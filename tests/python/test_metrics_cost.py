"""Times of runs and sizes of emulators."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from metric_results import number, series
from test_experiment import TOY
from toy_emulator import ToyLongwave, toy_card, toy_inputs

from pyemu.emulator.export import export_onnx
from pyemu.emulator.file import EmulatorFile
from pyemu.harness import couple, load_couple_config
from pyemu.harness.metrics import Cost
from pyemu.harness.results import Result, Results


@pytest.fixture(scope="module")
def net(tmp_path_factory) -> EmulatorFile:
    path = tmp_path_factory.mktemp("net") / "toy.onnx"
    export_onnx(ToyLongwave(), toy_card(), toy_inputs(), path)
    return EmulatorFile.open(path)


def timed(case: str, seconds: float, *inputs: Path) -> Result:
    return Result(case, "run", 1, series(x=np.zeros(101)), 100.0, False, "", seconds, (), inputs)


def judged(metric: Cost, *runs: Result):
    cases = {run.case: run.case for run in runs}
    return metric.evaluate(Results(runs, cases, "truth", {"run": 0.0}))


def test_times_with_and_without_the_emulator():
    found = judged(Cost(metric="cost", without="bare"), timed("truth", 50.0), timed("bare", 2.0), timed("net", 5.0))
    time = number(found, "processor_time", "net")
    assert (time.value, time.unit) == (0.05, "s per hour")
    assert number(found, "cost_ratio", "net").value == pytest.approx(0.1)
    assert number(found, "time_of_emulator", "net").value == pytest.approx(0.03)
    with pytest.raises(KeyError, match="no case 'nobody', there are truth"):
        judged(Cost(metric="cost", without="nobody"), timed("truth", 1.0))


def test_sizes_are_those_of_emulators_once_each_and_of_nothing_else(net, tmp_path):
    restart = tmp_path / "restart.nc"
    restart.write_bytes(b"CDF\x05")
    found = judged(Cost(metric="cost"), timed("truth", 1.0, restart), timed("net", 1.0, net.path, net.path, restart))
    assert number(found, "emulator_bytes", "net").value == net.path.stat().st_size
    assert number(found, "emulator_parameters", "net").value == net.parameters > 200
    assert not [one for one in found.numbers if (one.name, one.case) == ("emulator_bytes", "truth")]


def test_an_experiment_finds_the_files_of_its_cases(net, tmp_path):
    path = tmp_path / "experiment.yaml"
    experiment = {
        "title": "Size", "host": str(TOY), "output_dir": "out", "entries": {"n_steps": 40, "output_interval": 2},
        "reference": "truth", "metrics": [{"metric": "cost"}, {"metric": "trace", "variable": "x"}],
        "cases": [
            {"name": "truth", "title": "Truth"}, {"name": "net", "title": "Net", "entries": {"emulator_file": str(net.path)}},
            {"name": "chained", "title": "Chained", "entries": {"emulator_file": "@truth/run"}},
        ],
    }  # fmt: skip
    path.write_text(yaml.safe_dump(experiment))
    result = couple(load_couple_config(path), progress=False)
    page = (result.folder / "report.html").read_text()
    assert "size of the emulator files" in page and f"{net.path.stat().st_size:.4g}" in page
