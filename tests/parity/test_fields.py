"""An emulator of fields, with one input that holds for all samples: the same by every route, in every format."""

from pathlib import Path

import numpy as np
import pytest
import torch
from toy_emulator import toy_card

from pyemu.emulator import Card, EmulatorFile, Variable
from pyemu.emulator.export import export_onnx
from pyemu.emulator.export_python import export_python
from pyemu.emulator.export_torch import export_pt2, export_torchscript, signature
from pyemu.emulator.verify import verify
from pyemu.runtime import Emulator

NY, NX = 4, 5
MODULE = """import numpy as np


def f(height, drag):
    padded = np.pad(height, ((0, 0), (0, 0), (1, 1)), mode="wrap")
    slope = (padded[:, :, 2:] - padded[:, :, :-2]) * drag[:, None]
    return {"slope": slope.astype(np.float32), "energy": (slope.astype(np.float64) ** 2).sum(axis=(1, 2))}
"""


class Slope(torch.nn.Module):
    """A periodic difference along x, weighted by row; and one number for each sample."""

    def forward(self, height: torch.Tensor, drag: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        slope = (torch.roll(height, -1, 2) - torch.roll(height, 1, 2)) * drag[:, None]
        return slope, (slope.double() ** 2).sum((1, 2))


def card() -> Card:
    def variable(name: str, dims: tuple[str, ...], dtype: str) -> Variable:
        return Variable(name=name, standard_name=name, units="1", dims=dims, dtype=dtype)  # type: ignore[arg-type]

    field = ("sample", "y", "x")
    return toy_card(
        kind="field",
        dimensions={"y": NY, "x": NX},
        inputs=(variable("height", field, "float32"), variable("drag", ("y",), "float32")),
        outputs=(variable("slope", field, "float32"), variable("energy", ("sample",), "float64")),
        budgets=(),
    )


def inputs(samples: int = 9) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(4)
    return {
        "height": rng.normal(size=(samples, NY, NX)).astype(np.float32),
        "drag": np.linspace(0.5, 2.0, NY, dtype=np.float32),
    }


def exported(suffix: str, folder: Path) -> Path:
    path = folder / f"slope.{suffix}"
    if suffix == "py":
        (folder / "source.txt").write_text(MODULE)
        return export_python(folder / "source.txt", card(), inputs(), path)
    if suffix == "pt2":
        return export_pt2(Slope(), card(), inputs(), path, freezing=True)
    return (export_onnx if suffix == "onnx" else export_torchscript)(Slope(), card(), inputs(), path)


@pytest.mark.parametrize("suffix", ["onnx", "pt", "pt2", "py"])
def test_every_format_gives_the_numbers_of_torch_by_every_route(suffix: str, tmp_path: Path) -> None:
    path = exported(suffix, tmp_path)
    verdict = verify(EmulatorFile.open(path), module=Slope(), allow_code=True)
    assert verdict.passed, verdict.to_dict()
    assert len(verdict.legs) == (6 if path.suffix == ".onnx" else 4)
    with Emulator.open(path, allow_code=True) as emulator:
        for samples in (3, 1, 20):  # another number of samples; the input for all of them moves on its own
            values = inputs(samples)
            slope, energy = np.full((samples, NY, NX), np.nan), np.full(samples, np.nan)
            emulator.unbind()
            for name, array in (values | {"slope": slope, "energy": energy}).items():
                emulator.bind(name, array)
            for factor in (1.0, 3.0):
                values["drag"] *= np.float32(factor)
                emulator.run()
                with torch.no_grad():
                    expected = Slope()(*(torch.from_numpy(array) for array in values.values()))
                np.testing.assert_allclose(slope, expected[0].numpy(), rtol=1e-6, atol=1e-6)
                np.testing.assert_allclose(energy, expected[1].numpy(), rtol=1e-6)


def test_signature_tells_what_has_samples() -> None:
    assert signature(card()) == "float32[n,4,5] float32[4] -> float32[n,4,5] float64[n]"
