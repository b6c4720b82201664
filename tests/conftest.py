"""Files that many tests share."""

import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

sys.path.insert(0, str(Path(__file__).parent / "python"))  # helpers of the tests


@pytest.fixture(scope="session")
def toy_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An emulator file written by ``pyemu.emulator.export`` from a small untrained network."""
    from toy_emulator import ToyLongwave, toy_card, toy_inputs

    from pyemu.emulator.export import export_onnx

    return export_onnx(ToyLongwave(), toy_card(), toy_inputs(), tmp_path_factory.mktemp("toy") / "toy_longwave.onnx")


@pytest.fixture(scope="session")
def toy_pt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a TorchScript archive."""
    from toy_emulator import ToyLongwave, toy_card, toy_inputs

    from pyemu.emulator.export_torch import export_torchscript

    return export_torchscript(ToyLongwave(), toy_card(), toy_inputs(), tmp_path_factory.mktemp("toy") / "toy.pt")


@pytest.fixture(scope="session")
def toy_pt2(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The same as an AOTInductor package. Compiling takes half a minute, so all workers share one."""
    from toy_emulator import ToyLongwave, toy_card, toy_inputs

    from pyemu.emulator.export_torch import export_pt2

    base = tmp_path_factory.getbasetemp()
    folder = base if worker_id == "master" else base.parent
    path = folder / "toy_longwave.pt2"
    with FileLock(folder / "toy_longwave.lock"):
        return path if path.exists() else export_pt2(ToyLongwave(), toy_card(), toy_inputs(), path)


@pytest.fixture(scope="session")
def openmp_host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Fortran program with OpenMP loops of its own, linked as a host is."""
    from pyemu.runtime import library_directory

    lib = library_directory()
    (module_directory,) = (found.parent for found in (lib.parent / "include" / "pyemu").glob("GNU-*/pyemu.mod"))
    program = tmp_path_factory.mktemp("openmp") / "host"
    source = Path(__file__).parent / "fortran" / "openmp_host.f90"
    command = ["gfortran", "-fopenmp", f"-I{module_directory}", source, "-o", program]
    subprocess.run(
        [*command, f"-L{lib}", "-lpyemu_fortran", "-lpyemu", f"-Wl,-rpath,{lib}"], check=True, cwd=program.parent
    )
    return program
