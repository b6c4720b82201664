"""Runs: what is started, what is kept, what is a result and what a mistake. The host here is a small shell script."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest
import synthetic_runs

from pyemu.harness.radiation import plan as plans
from pyemu.harness.radiation.plan import plan
from pyemu.harness.radiation.settings import CoupleConfig
from pyemu.harness.run import HostError, execute, execute_all

COUNTING = 'echo started >> "$0.count"\ncp run.nml column.nc\n'


@pytest.fixture
def config(tmp_path: Path) -> CoupleConfig:
    config = synthetic_runs.config(tmp_path, host={"ncol": 3, "kind": "moist"})
    config.longwave_file.write_bytes(b"longwave")
    config.shortwave_file.write_bytes(b"shortwave")
    return config


def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    path = tmp_path / "pyemu_column"
    path.write_text(f"#!/bin/sh\n{script}")
    path.chmod(0o755)
    monkeypatch.setattr(plans, "executable", lambda host: path)
    return path


def starts(path: Path) -> int:
    count = Path(f"{path}.count")
    return len(count.read_text().splitlines()) if count.exists() else 0


def test_plan_is_every_climate_with_every_scheme(
    config: CoupleConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host(tmp_path, monkeypatch, COUNTING)
    planned = {(run.labels["climate"], run.labels["scheme"]): run.files["run.nml"] for run in plan(config)}
    assert set(planned) == {(c, s) for c in ("control", "hothouse") for s in ("rrtmg", "emulator")}
    hot = planned["hothouse", "emulator"]
    assert "sst_offset = 8.0" in hot and "n_days = 20.0" in hot and "kind = 'moist'" in hot and "ncol = 3" in hot
    assert f"longwave_file = '{config.longwave_file.resolve()}'" in hot
    assert "longwave_file" not in planned["control", "rrtmg"]


def test_finished_runs_are_kept_until_an_input_changes(
    config: CoupleConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = host(tmp_path, monkeypatch, COUNTING)
    first = execute_all(plan(config), 2, progress=False)
    assert starts(path) == 4 and not any(outcome.reused for outcome in first)
    assert all(outcome.reused for outcome in execute_all(plan(config), 2, progress=False))
    assert starts(path) == 4
    config.longwave_file.write_bytes(b"retrained")
    again = execute_all(plan(config), 2, progress=False)
    assert {outcome.run.labels["scheme"] for outcome in again if not outcome.reused} == {"emulator"}
    assert starts(path) == 6


def test_run_without_its_file_is_made_again(
    config: CoupleConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = host(tmp_path, monkeypatch, COUNTING)
    one = plan(config)[0]
    execute(one)
    one.output.unlink()
    assert not execute(one).reused
    assert starts(path) == 2


def test_blow_up_is_a_result(config: CoupleConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host(tmp_path, monkeypatch, "cp run.nml column.nc\necho 'column 2, layer 5, day 3: 401 K' >&2\nexit 3\n")
    outcome = execute(plan(config)[0])
    assert (outcome.status, outcome.message) == (3, "column 2, layer 5, day 3: 401 K")


def test_crash_is_a_result(config: CoupleConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    host(tmp_path, monkeypatch, "cp run.nml column.nc\nkill -9 $$\n")
    assert execute(plan(config)[0]).message == "killed by signal 9"
    assert not execute(plan(config)[0]).reused, "a signal may come from outside, so such a run is not kept"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_to_the_harness_ends_the_hosts_too(
    config: CoupleConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    host(tmp_path, monkeypatch, "echo $$ > pid\ncp run.nml column.nc\nexec sleep 60\n")
    planned = plan(config)[:1]

    def send_when_started() -> None:
        while not (planned[0].folder / "column.nc").exists():
            time.sleep(0.02)
        os.kill(os.getpid(), number)

    threading.Thread(target=send_when_started, daemon=True).start()
    with pytest.raises((SystemExit, KeyboardInterrupt)):
        execute_all(planned, 1, progress=False)
    with pytest.raises(ProcessLookupError):
        os.kill(int((planned[0].folder / "pid").read_text()), 0)
    assert not (planned[0].folder / "run.json").exists()


def test_crash_without_output_is_an_error(
    config: CoupleConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host(tmp_path, monkeypatch, "kill -11 $$\n")
    with pytest.raises(HostError, match="killed by signal 11"):
        execute(plan(config)[0]).accept()


@pytest.mark.parametrize("status", [1, 2, 4, 127])
def test_refused_input_is_an_error_with_the_message_of_the_host(
    config: CoupleConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    host(tmp_path, monkeypatch, f"echo 'cannot read it' >&2\nexit {status}\n")
    with pytest.raises(HostError, match=f"'control, rrtmg' stopped with status {status}: cannot read it"):
        execute_all(plan(config), 1, progress=False)


def test_missing_emulator_file_is_found_before_anything_runs(
    config: CoupleConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host(tmp_path, monkeypatch, COUNTING)
    config.shortwave_file.unlink()
    with pytest.raises(HostError, match=r"shortwave\.onnx"):
        plan(config)
