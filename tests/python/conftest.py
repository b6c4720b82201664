"""Fixtures of more than one test file."""

import subprocess
import sys
from pathlib import Path

import pytest

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The emulator files of the native tests."""
    directory = tmp_path_factory.mktemp("emulators")
    subprocess.run([sys.executable, DATA / "make_emulators.py", directory], check=True)
    return directory
