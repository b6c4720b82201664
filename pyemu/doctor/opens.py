"""Count how often a file is opened while a command runs."""

import ctypes
import os
import select
import struct
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Of <sys/inotify.h>. The kernel merges equal events that follow one another unread, so closing is watched as well.
IN_CLOSE_NOWRITE, IN_OPEN = 0x10, 0x20
EVENT = struct.Struct("iIII")


@dataclass(frozen=True)
class Opens:
    """A lower bound of the number of times a file was opened, in so many seconds, and how the command ended."""

    count: int
    seconds: float
    returncode: int


def count_opens(file: Path, command: Sequence[str]) -> Opens:
    """Run ``command`` and count how often any process opens ``file`` meanwhile.

    Raises:
        OSError: the file cannot be watched, or the command cannot be started.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
    if descriptor < 0 or libc.inotify_add_watch(descriptor, os.fsencode(file), IN_OPEN | IN_CLOSE_NOWRITE) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(file))
    counter = _Counter(descriptor)
    start = time.monotonic()
    try:
        done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
        seconds = time.monotonic() - start
    finally:
        counter.stop()
        os.close(descriptor)
    return Opens(counter.count, seconds, done.returncode)


class _Counter:
    """Reads events in a thread, so that they do not pile up and merge."""

    def __init__(self, descriptor: int) -> None:
        self.count = 0
        self._descriptor = descriptor
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._is_over.is_set():
            select.select([self._descriptor], [], [], 0.05)
            self._drain()

    def _drain(self) -> None:
        """Count what is there now."""
        try:
            data = os.read(self._descriptor, 1 << 16)
        except BlockingIOError:
            return
        at = 0
        while at < len(data):
            _, mask, _, length = EVENT.unpack_from(data, at)
            self.count += bool(mask & IN_OPEN)
            at += EVENT.size + length

    def stop(self) -> None:
        """End the thread, then take what came last."""
        self._is_over.set()
        self._thread.join()
        self._drain()
