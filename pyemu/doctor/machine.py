"""What this process may use: cores, ranks of MPI, environment, graphics processors."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

# Ranks on this node, as the launchers tell them: Open MPI, MPICH and Intel MPI, Slurm.
LOCAL_RANKS = ("OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS", "MPI_LOCAL_SIZE", "SLURM_TASKS_PER_NODE")
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
VARIABLES = (*LOCAL_RANKS, *THREAD_VARIABLES, "OMP_WAIT_POLICY", "CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID", "LD_PRELOAD")


@dataclass(frozen=True)
class Machine:
    """Facts the checks judge.

    Attributes:
        processors: hardware threads that are switched on.
        affinity: those of them that this process may use.
        cores: physical cores behind ``affinity``.
        quota: processors' worth of time that a container allows, ``None`` if it sets no limit.
        environment: the variables in ``VARIABLES`` that are set.
        gpus: names of the graphics processors that can be seen.
    """

    processors: int
    affinity: frozenset[int]
    cores: int
    quota: float | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    gpus: tuple[str, ...] = ()

    @property
    def usable(self) -> int:
        """Threads that can run at once in this process, at least one."""
        limit = len(self.affinity) if self.quota is None else min(len(self.affinity), int(self.quota))
        return max(1, limit)

    @property
    def local_ranks(self) -> int:
        """Ranks of MPI on this node, 1 if the process was not started by a launcher of MPI."""
        for name in LOCAL_RANKS:
            match = re.match(r"\d+", self.environment.get(name, ""))
            if match:
                return int(match.group())
        return 1


def examine(root: Path = Path("/")) -> Machine:
    """Gather the facts of this process; ``root`` is where ``proc``, ``sys`` and ``dev`` lie."""
    affinity = frozenset(os.sched_getaffinity(0))
    return Machine(
        processors=os.cpu_count() or len(affinity),
        affinity=affinity,
        cores=_cores(affinity, root),
        quota=_quota(root),
        environment={name: os.environ[name] for name in VARIABLES if name in os.environ},
        gpus=_gpus(root),
    )


def _cores(affinity: frozenset[int], root: Path) -> int:
    """Hardware threads of one core list the same siblings."""
    cores = set()
    for processor in affinity:
        path = root / f"sys/devices/system/cpu/cpu{processor}/topology/thread_siblings_list"
        cores.add(path.read_text().strip() if path.is_file() else str(processor))
    return len(cores)


def _quota(root: Path) -> float | None:
    """The limit of a control group, version 2 or 1."""
    limit = root / "sys/fs/cgroup/cpu.max"
    old = [root / f"sys/fs/cgroup/cpu/cpu.cfs_{name}_us" for name in ("quota", "period")]
    if limit.is_file():
        words = limit.read_text().split()
    elif all(path.is_file() for path in old):
        words = [path.read_text().strip() for path in old]
    else:
        return None
    return None if words[0] in ("max", "-1") else int(words[0]) / int(words[1])


def _gpus(root: Path) -> tuple[str, ...]:
    """What nvidia-smi lists, or else the devices that the driver made."""
    tool = shutil.which("nvidia-smi")
    if tool:
        try:
            done = subprocess.run([tool, "-L"], capture_output=True, text=True, timeout=20, check=False)
        except (OSError, subprocess.TimeoutExpired):
            done = None
        names = re.findall(r"^GPU \d+: (.*?)(?: \(UUID.*)?$", done.stdout, re.MULTILINE) if done else []
        if names:
            return tuple(names)
    devices = (root / "dev").glob("nvidia[0-9]*")
    return tuple(f"/dev/{device.name}" for device in sorted(devices))
