"""Fields, and inputs that hold for all columns, from torch to file to libpyemu in Python and Fortran."""

from pathlib import Path

import numpy as np
import pytest
import torch
from toy_emulator import toy_card

from pyemu.emulator import Card
from pyemu.emulator.errors import ExportError
from pyemu.emulator.export import export_onnx
from pyemu.emulator.file import EmulatorFile
from pyemu.emulator.verify import verify


class Smoother(torch.nn.Module):
    """Smooth a field by a circular convolution, keep it on a mask, add a number."""

    def forward(self, field: torch.Tensor, mask: torch.Tensor, offset: torch.Tensor) -> tuple[torch.Tensor]:
        around = torch.nn.functional.pad(field, (1, 1, 0, 0), mode="circular")
        return (mask * (around[..., :-2] + field + around[..., 2:]) / 3.0 + offset,)


def field_card(**changes: object) -> Card:
    entry = {"standard_name": "sea_surface_height", "units": "m", "dtype": "float32"}
    names = {"field": ["sample", "channel", "y", "x"], "mask": ["y", "x"], "offset": []}
    values = toy_card().to_dict() | {
        "kind": "field",
        "dimensions": {"channel": 2, "y": 3, "x": 4},
        "inputs": [{"name": name, "dims": dims} | entry for name, dims in names.items()],
        "outputs": [{"name": "smooth", "dims": names["field"]} | entry],
        "budgets": [],
        "tolerance": {},
    }
    return Card.model_validate(values | changes)


def field_inputs(samples: int = 9) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    mask = (rng.uniform(size=(3, 4)) > 0.3).astype(np.float32)
    return {"field": rng.normal(size=(samples, 2, 3, 4)), "mask": mask, "offset": np.float32(0.5)}


def test_every_route_gives_the_same_fields(tmp_path: Path) -> None:
    path = export_onnx(Smoother(), field_card(), field_inputs(), tmp_path / "smoother.onnx")
    file = EmulatorFile.open(path)
    assert file.columns == 9
    assert file.reference["mask"].shape == (3, 4) and file.reference["offset"].shape == ()
    result = verify(file)
    assert result.passed, result.to_dict()
    assert {leg.leg for leg in result.legs} == {"onnxruntime", "libpyemu", "fortran", "native", "native_fortran"}


def test_a_card_that_forgets_the_batch_is_refused(tmp_path: Path) -> None:
    inputs, outputs = (list(field_card().to_dict()[key]) for key in ("inputs", "outputs"))
    outputs[0]["dims"] = ["channel", "y", "x"]
    with pytest.raises(ExportError, match="'smooth' is float32.*its card says float32"):
        export_onnx(Smoother(), field_card(inputs=inputs, outputs=outputs), field_inputs(), tmp_path / "x.onnx")
    assert not list(tmp_path.iterdir())
