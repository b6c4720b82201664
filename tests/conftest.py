"""Files that many tests share."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "python"))  # helpers of the tests


@pytest.fixture(scope="session")
def toy_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An emulator file written by ``pyemu.emulator.export`` from a small untrained network."""
    from toy_emulator import ToyLongwave, toy_card, toy_inputs

    from pyemu.emulator.export import export_onnx

    return export_onnx(ToyLongwave(), toy_card(), toy_inputs(), tmp_path_factory.mktemp("toy") / "toy_longwave.onnx")
