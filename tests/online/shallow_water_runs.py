"""Runs of the shallow-water driver for tests: on any number of ranks, and what they have written."""

import os
import shutil
import subprocess
from pathlib import Path

import netCDF4
import numpy as np

from pyemu.hosts import executable
from pyemu.hosts.namelist import write_namelist
from pyemu.hosts.shallow_water_namelist import GROUPS

# What Open MPI needs to run more ranks than there are cores, as root in a container; others ignore it.
MPI_ENVIRONMENT = {
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "OMPI_MCA_mpi_yield_when_idle": "1",
    "OMPI_MCA_hwloc_base_binding_policy": "none",
    "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
}


def run(folder: Path, ranks: int = 1, **entries) -> subprocess.CompletedProcess:
    """Run the driver in a folder, under mpirun if there are many ranks."""
    path = write_namelist(folder / "run.nml", GROUPS, entries)
    return run_file(folder, path.name, ranks)


def run_file(folder: Path, namelist: str, ranks: int = 1) -> subprocess.CompletedProcess:
    """Run the driver on a namelist file that is there."""
    command = [str(executable("shallow_water")), namelist]
    if ranks > 1:
        command = [shutil.which("mpirun") or "mpirun", "-n", str(ranks), *command]
    environment = {**os.environ, **MPI_ENVIRONMENT}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def run_well(folder: Path, ranks: int = 1, **entries) -> None:
    """Run the driver; it must succeed."""
    result = run(folder, ranks, **entries)
    assert result.returncode == 0, result.stderr


def variables(*paths: Path) -> dict[tuple[str, str], np.ndarray]:
    """All variables of files but wall times, by names of file and variable."""
    found = {}
    for path in paths:
        with netCDF4.Dataset(path) as data:
            data.set_auto_mask(False)
            found |= {(path.name, name): values[:] for name, values in data.variables.items() if name != "wall_time"}
    return found


def different(one: dict, other: dict) -> list:
    """Names of what is not the same to the bit."""
    assert set(one) == set(other)
    return [name for name in one if one[name].tobytes() != other[name].tobytes()]
