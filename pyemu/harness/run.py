"""Runs of hosts: a folder and a process each, kept while what decides their numbers is the same."""

import contextlib
import fcntl
import hashlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

BLOW_UP = 3  # exit status of a host whose model blew up: a result, not a mistake
POLL, SHORTEST_POLL = 0.2, 0.005  # s between looks whether a run has ended or is to be stopped
ERRORS = "run.err"  # what the host says on standard error, while it runs
SINGLE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # a run owns one core


class HostError(RuntimeError):
    """The host could not be started or refused its input: nothing to judge."""


@dataclass(frozen=True)
class Run:
    """A run to be made: ``folder`` receives what the host reads, its log, its NetCDF file and a stamp.

    ``labels`` say what it is among the others, such as its climate and its scheme; ``files`` are texts by name, written
    before ``command`` starts in the folder; ``fingerprint`` is a digest of what decides the numbers.
    """

    labels: Mapping[str, str]
    folder: Path
    command: tuple[str, ...]
    files: Mapping[str, str]
    output_name: str
    fingerprint: str
    environment: Mapping[str, str] = field(default_factory=dict)
    further_outputs: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The run in words."""
        return ", ".join(self.labels.values())

    @property
    def output(self) -> Path:
        """The NetCDF file."""
        return self.folder / self.output_name


@dataclass(frozen=True)
class Outcome:
    """A run that ended: by itself (``status`` 0), by a blow-up or a crash (``message`` says which)."""

    run: Run
    status: int
    message: str
    reused: bool
    processor_time: float = float("nan")  # s, of the host and all its processes

    @property
    def was_refused(self) -> bool:
        """Whether the host did not take its input, or left no output: a mistake of the set-up.

        A blow-up or a crash is a result.
        """
        return (self.status > 0 and self.status != BLOW_UP) or not self.run.output.exists()

    def accept(self) -> "Outcome":
        """This outcome. Raises ``HostError`` if the run was refused."""
        if self.was_refused:
            raise HostError(
                f"run '{self.run.title}' stopped with status {self.status}: {self.message or 'no message, no output'} "
                f"(see {self.run.folder / 'run.log'})"
            )
        return self


def execute_all(
    runs: Sequence[Run], processes: int, *, progress: bool = True, all_must_start: bool = True
) -> list[Outcome]:
    """Make the runs, so many at a time; a finished run whose inputs are unchanged is kept.

    Raises:
        HostError: a host refused its input; with ``all_must_start=False`` that is an outcome like others.
    """
    shown = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        console=Console(stderr=True), disable=not progress,
    )  # fmt: skip
    stop = threading.Event()
    with _signals_end(stop) as interrupted, shown, ThreadPoolExecutor(processes) as pool:
        task = shown.add_task("runs", total=len(runs))
        futures = [pool.submit(execute, run, stop) for run in runs]
        try:
            for future in as_completed(futures):
                outcome = future.result().accept() if all_must_start else future.result()
                shown.update(task, advance=1, description=outcome.run.title)
        except BaseException:
            stop.set()  # no host is left running behind
            pool.shutdown(wait=True, cancel_futures=True)
            if interrupted:
                raise interrupted[0] from None
            raise
    return [future.result() for future in futures]


def execute(run: Run, stop: threading.Event | None = None) -> Outcome:
    """Make one run in its folder, or find it there; ``stop`` set from outside ends it with ``InterruptedError``."""
    kept = _kept(run)
    if kept:
        return kept
    run.folder.mkdir(parents=True, exist_ok=True)
    with _alone(run) as lock:
        for old in (run.output, _stamp(run), *(run.folder / name for name in run.further_outputs)):
            old.unlink(missing_ok=True)
        for name, text in run.files.items():
            (run.folder / name).write_text(text)
        status, seconds = _run_host(run, stop or threading.Event(), lock)
    outcome = Outcome(run, status, _message(run, status), reused=False, processor_time=seconds)
    if outcome.status >= 0 and not outcome.was_refused:  # a signal may come from outside: such a run is made again
        stamp = {"fingerprint": run.fingerprint, "status": status, "message": outcome.message, "seconds": seconds}
        _stamp(run).write_text(json.dumps(stamp))
    return outcome


def fingerprint(content: Any, files: Sequence[Path]) -> str:
    """Digest of settings and of the content, not the place, of files. Raises ``HostError`` if one cannot be read."""
    try:
        digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
    except OSError as error:
        raise HostError(str(error)) from error
    return hashlib.sha256(json.dumps([content, *digests], sort_keys=True).encode()).hexdigest()


def _run_host(run: Run, stop: threading.Event, lock: TextIO) -> tuple[int, float]:
    """Run the host in the run's folder: exit status (minus a signal's number) and processor time [s].

    Raises ``InterruptedError`` once ``stop`` is set and the host has ended, ``HostError`` if it cannot be started.
    """
    environment = dict(os.environ) | SINGLE_THREAD | dict(run.environment)
    with _log(run).open("w") as log, (run.folder / ERRORS).open("w") as errors:
        try:
            process = subprocess.Popen(
                run.command, cwd=run.folder, env=environment, stdout=log, stderr=errors, pass_fds=[lock.fileno()]
            )
        except OSError as error:
            raise HostError(f"run '{run.title}' cannot be started: {error}") from error
        lock.write(f"{process.pid}\n")
        lock.flush()
        pause = SHORTEST_POLL
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            if stop.is_set():
                process.terminate()
            time.sleep(pause)
            pause = min(POLL, 2.0 * pause)
        process.returncode = os.waitstatus_to_exitcode(status)
    if stop.is_set():
        raise InterruptedError(f"run '{run.title}' was interrupted")
    return process.returncode, usage.ru_utime + usage.ru_stime


@contextlib.contextmanager
def _alone(run: Run) -> Iterator[TextIO]:
    """A lock on the folder that the host holds too: it outlives a harness that is killed, as the host then does.

    Raises ``HostError`` if another run is under way in the folder.
    """
    path = run.folder / "run.lock"
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise HostError(
                f"run '{run.title}' is under way in {run.folder} as process {path.read_text().strip() or 'unknown'}, "
                "perhaps left behind by a harness that was killed: wait for it, or end it"
            ) from error
        lock.truncate(0)
        yield lock


@contextlib.contextmanager
def _signals_end(stop: threading.Event) -> Iterator[list[BaseException]]:
    """While runs are under way SIGTERM and Ctrl-C set ``stop``, so that the hosts are ended too, and unwind.

    What was raised is in the list that is given: Python loses an exception that a signal raises within a finaliser, but not
    the event.
    """
    interrupted: list[BaseException] = []
    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return

    def unwind(number: int, frame: object) -> None:
        interrupted.append(KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number))
        stop.set()
        raise interrupted[0]

    before = {number: signal.signal(number, unwind) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stamp(run: Run) -> Path:
    return run.folder / "run.json"


def _kept(run: Run) -> Outcome | None:
    try:
        stamp = json.loads(_stamp(run).read_text())
        same = stamp["fingerprint"] == run.fingerprint and run.output.exists()
        return Outcome(run, stamp["status"], stamp["message"], True, stamp["seconds"]) if same else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _log(run: Run) -> Path:
    return run.folder / "run.log"


def _message(run: Run, status: int) -> str:
    """The last line on standard error of a run that did not end well; the log gets all of it, too."""
    text = (run.folder / ERRORS).read_text(errors="replace")
    with _log(run).open("a") as log:
        log.write(text)
    (run.folder / ERRORS).unlink()
    lines = text.strip().splitlines()
    if status < 0:
        return f"killed by signal {-status}" + (f": {lines[-1]}" if lines else "")
    return lines[-1] if status and lines else ""
