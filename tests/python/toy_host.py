"""A model whose statistics are known: a ring of places that each follow an AR(1) process about a mean."""

import os
import signal
from pathlib import Path

import numpy as np

from pyemu.harness.hosts import InProcessHost

N_PLACES = 16


class Ring:
    """x <- mean + phi (x - mean) + sd sqrt(1 - phi^2) z; total is a sum that drifts by ``leak`` a step.

    ``fails_at`` with ``failure`` of nan, raise, kill or none: what happens at that step.
    """

    def __init__(
        self,
        seed: int = 1,
        mean: float = 0.0,
        sd: float = 1.0,
        phi: float = 0.9,
        leak: float = 0.0,
        fails_at: int = -1,
        failure: str = "nan",
        emulator_file: str = "",
    ) -> None:
        if not 0.0 <= phi < 1.0:
            raise ValueError(f"phi is {phi}, expected 0 to 1")
        self.mean, self.sd, self.phi, self.leak = mean, sd, phi, leak
        self.fails_at, self.failure, self.done = fails_at, failure, 0
        self.random = np.random.default_rng(seed)
        self.x = mean + sd * self.random.normal(size=N_PLACES)
        self.total = 100.0

    def step(self, n: int) -> None:
        for _ in range(n):
            noise = self.random.normal(size=N_PLACES) * self.sd * np.sqrt(1.0 - self.phi**2)
            self.x = self.mean + self.phi * (self.x - self.mean) + noise
            self.total += self.leak
            self.done += 1
            if self.done == self.fails_at:
                self._fail()

    def _fail(self) -> None:
        if self.failure == "nan":
            self.x[3] = np.nan
        elif self.failure == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.failure == "exit":
            os._exit(0)  # ends well by its own account, and leaves nothing
        else:
            raise FloatingPointError(f"x blew up at step {self.done}")

    def get(self, name: str) -> np.ndarray:
        return {"x": self.x, "y": self.x**2, "total": np.array(self.total)}[name]


HOST = InProcessHost(
    f"{Path(__file__)}:Ring",
    {"x": (("place",), "m"), "y": (("place",), "m2"), "total": ((), "kg")},
    time_step=0.5,
    time_units="hours since 2000-01-01",
    seed_entry="seed",
    file_entries=("emulator_file",),
)
