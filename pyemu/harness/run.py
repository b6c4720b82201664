"""Runs of the column host: one namelist, one process, one NetCDF file each, kept while their inputs are the same."""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from pyemu.harness.settings import ClimateConfig, CoupleConfig
from pyemu.hosts import executable, rrtmg_directory
from pyemu.hosts.column_namelist import GROUPS
from pyemu.hosts.namelist import namelist_text

SCHEMES = ("rrtmg", "emulator")
OUTPUT = "column.nc"
BLOW_UP = 3  # exit status of the host
POLL = 0.2  # s between looks whether a run is to be stopped
SINGLE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # a run owns one core


class HostError(RuntimeError):
    """The host could not be started or refused its input: nothing to judge."""


@dataclass(frozen=True)
class Run:
    """A run to be made: ``folder`` receives namelist, log, NetCDF and stamp."""

    climate: str
    scheme: str
    folder: Path
    namelist: str
    fingerprint: str

    @property
    def output(self) -> Path:
        """The NetCDF file."""
        return self.folder / OUTPUT


@dataclass(frozen=True)
class Outcome:
    """A run that ended: by itself (``status`` 0), by a blow-up or a crash (``message`` says which)."""

    run: Run
    status: int
    message: str
    reused: bool


def plan(config: CoupleConfig) -> list[Run]:
    """Every climate with every scheme; slow ones first, so that two processes end at about the same time.

    Raises:
        HostError: the executable, RRTMG or an emulator file is missing.
    """
    try:
        digests = [_sha256(path) for path in (executable("column"), config.longwave_file, config.shortwave_file)]
    except OSError as error:
        raise HostError(str(error)) from error
    return [_plan_one(config, climate, scheme, digests) for scheme in SCHEMES for climate in config.climates]


def execute_all(runs: list[Run], processes: int, *, progress: bool = True) -> list[Outcome]:
    """Make the runs, so many at a time; a finished run whose inputs are unchanged is kept.

    Raises:
        HostError: the host refused its input.
    """
    shown = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=Console(stderr=True), disable=not progress,
    )  # fmt: skip
    stop = threading.Event()
    with _termination_is_an_exception(), shown, ThreadPoolExecutor(processes) as pool:
        task = shown.add_task("coupled runs", total=len(runs))
        futures = [pool.submit(execute, run, stop) for run in runs]
        try:
            for future in as_completed(futures):
                outcome = future.result()
                shown.update(task, advance=1, description=f"{outcome.run.climate}, {outcome.run.scheme}")
        except BaseException:
            stop.set()  # no host is left running behind
            pool.shutdown(wait=True, cancel_futures=True)
            raise
    return [future.result() for future in futures]


def execute(run: Run, stop: threading.Event | None = None) -> Outcome:
    """Make one run in its folder, or find it there; ``stop`` set from outside ends it with ``InterruptedError``."""
    kept = _kept(run)
    if kept:
        return kept
    run.folder.mkdir(parents=True, exist_ok=True)
    for old in (run.output, _stamp(run)):
        old.unlink(missing_ok=True)
    (run.folder / "run.nml").write_text(run.namelist)
    done = _run_host(run, stop or threading.Event())
    (run.folder / "run.log").write_text(done.stdout + done.stderr)
    outcome = Outcome(run, done.returncode, _message(done), reused=False)
    _refuse_bad_input(outcome)
    if outcome.status >= 0:  # a signal may come from outside: such a run is made again next time
        stamp = {"fingerprint": run.fingerprint, "status": outcome.status, "message": outcome.message}
        _stamp(run).write_text(json.dumps(stamp))
    return outcome


def _run_host(run: Run, stop: threading.Event) -> subprocess.CompletedProcess[str]:
    """Run the host in the run's folder; raises ``InterruptedError`` once ``stop`` is set and the host has ended."""
    command = [str(executable("column")), "run.nml"]
    with subprocess.Popen(
        command, cwd=run.folder, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while True:
            try:
                output, errors = process.communicate(timeout=POLL)
            except subprocess.TimeoutExpired:
                if stop.is_set():
                    process.terminate()
                continue
            if stop.is_set():
                raise InterruptedError(f"run '{run.climate}' with {run.scheme} was interrupted")
            return subprocess.CompletedProcess(command, process.returncode, output, errors)


@contextlib.contextmanager
def _termination_is_an_exception() -> Iterator[None]:
    """While runs are under way SIGTERM unwinds like Ctrl-C, so that the hosts are ended too."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def unwind(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, unwind)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _plan_one(config: CoupleConfig, climate: ClimateConfig, scheme: str, digests: Iterable[str]) -> Run:
    entries: dict[str, Any] = {
        **config.host, **climate.host, "n_days": config.days, "output_file": OUTPUT, "scheme": scheme,
    }  # fmt: skip
    if scheme == "emulator":
        entries |= {"longwave_file": config.longwave_file.resolve(), "shortwave_file": config.shortwave_file.resolve()}
        entries |= config.guard.entries() if config.guard else {}
    text = namelist_text(GROUPS, entries)
    host, *files = digests
    fingerprint = _fingerprint(entries, host, files if scheme == "emulator" else ())
    return Run(climate.name, scheme, config.output_dir / "runs" / f"{climate.name}_{scheme}", text, fingerprint)


def _fingerprint(entries: dict[str, Any], host: str, files: Iterable[str]) -> str:
    """Digest of what decides the numbers: namelist, executable and the content, not the place, of emulator files."""
    content = {name: value for name, value in entries.items() if not isinstance(value, Path)}
    return hashlib.sha256(json.dumps([content, host, *files], sort_keys=True).encode()).hexdigest()


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _stamp(run: Run) -> Path:
    return run.folder / "run.json"


def _kept(run: Run) -> Outcome | None:
    try:
        stamp = json.loads(_stamp(run).read_text())
        same = stamp["fingerprint"] == run.fingerprint and run.output.exists()
        return Outcome(run, stamp["status"], stamp["message"], reused=True) if same else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _environment() -> dict[str, str]:
    """The caller's, with the place of RRTMG added where climt is installed; the host itself says if it is not."""
    environment = dict(os.environ) | SINGLE_THREAD
    if "PYEMU_RRTMG" not in environment:
        with contextlib.suppress(FileNotFoundError):
            environment["PYEMU_RRTMG"] = str(rrtmg_directory())
    return environment


def _message(done: subprocess.CompletedProcess[str]) -> str:
    lines = done.stderr.strip().splitlines()
    if done.returncode < 0:
        return f"killed by signal {-done.returncode}" + (f": {lines[-1]}" if lines else "")
    return lines[-1] if done.returncode and lines else ""


def _refuse_bad_input(outcome: Outcome) -> None:
    """A blow-up or a crash is a result; a refused namelist or file, or no output at all, is a mistake of the set-up."""
    run, refused = outcome.run, outcome.status > 0 and outcome.status != BLOW_UP
    if refused or not run.output.exists():
        message = outcome.message or "no message, no output"
        raise HostError(
            f"run '{run.climate}' with {run.scheme} stopped with status {outcome.status}: {message} "
            f"(see {run.folder / 'run.log'})"
        )
