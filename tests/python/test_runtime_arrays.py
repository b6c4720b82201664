"""Binding xarray data arrays and torch tensors, and fields in the order of the card: never a copy, never a guess."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from pyemu.runtime import Emulator, EmulatorError

TEMPERATURE, SURFACE = "air_temperature", "surface_temperature"
TENDENCY = "tendency_of_air_temperature_due_to_longwave_heating"


@pytest.fixture
def toy(files: Path) -> Iterator[Emulator]:
    with Emulator.open(files / "toy.onnx") as emulator:
        for variable in emulator.variables:
            values = emulator.reference(variable.name)
            emulator.bind(variable.name, values if variable.is_input else np.zeros_like(values))
        yield emulator


@pytest.fixture
def field(files: Path) -> Iterator[Emulator]:
    with Emulator.open(files / "field.onnx") as emulator:
        yield emulator


def labelled(emulator: Emulator, name: str, dims: tuple[str, ...], **attrs: Any) -> xr.DataArray:
    values = xr.DataArray(emulator.reference(name), dims=("column", "layer")[: emulator.reference(name).ndim])
    return values.transpose(*dims).assign_attrs({"units": "K", "standard_name": name} | attrs)


def test_a_data_array_says_itself_which_dimension_is_the_vertical(toy: Emulator) -> None:
    found = np.zeros_like(toy.reference(TENDENCY)).T
    toy.bind(TEMPERATURE, labelled(toy, TEMPERATURE, ("layer", "column")))
    toy.bind(TENDENCY, xr.DataArray(found, dims=("layer", "column"), attrs={"units": "K s-1"}))
    toy.run()
    np.testing.assert_allclose(found.T, toy.reference(TENDENCY), rtol=1e-15)


@pytest.mark.parametrize(
    ("attrs", "dims", "piece"),
    [
        ({"units": "degC"}, ("column", "layer"), "given in 'degC', but the emulator needs 'K'"),
        ({"units": None}, ("column", "layer"), "has no units"),
        ({"standard_name": "air_pressure"}, ("column", "layer"), "is 'air_pressure', but 'air_temperature' needs"),
    ],
)
def test_what_a_data_array_says_is_checked(
    toy: Emulator, attrs: dict[str, Any], dims: tuple[str, ...], piece: str
) -> None:
    with pytest.raises(EmulatorError, match=piece):
        toy.bind(TEMPERATURE, labelled(toy, TEMPERATURE, dims, **attrs))


def test_a_data_array_without_the_vertical_is_an_error(toy: Emulator) -> None:
    values = labelled(toy, TEMPERATURE, ("column", "layer")).rename(layer="height")
    with pytest.raises(EmulatorError, match=r"\('column', 'height'\), none is 'layer'"):
        toy.bind(TEMPERATURE, values)
    toy.bind(TEMPERATURE, values, level_dim=1)


def test_a_data_array_that_is_not_in_memory_is_an_error(toy: Emulator) -> None:
    lazy = SimpleNamespace(dims=("column", "layer"), attrs={"units": "K"}, data=object())
    with pytest.raises(EmulatorError, match=r"bind array\.load\(\)"):
        toy.bind(TEMPERATURE, lazy)


def test_a_tensor_is_used_in_place(toy: Emulator) -> None:
    surface = torch.from_numpy(toy.reference(SURFACE)).requires_grad_()
    heating = torch.zeros(toy.reference(TENDENCY).shape, dtype=torch.float64)
    toy.bind(SURFACE, surface)
    toy.bind(TENDENCY, heating)
    toy.run()
    np.testing.assert_allclose(heating.numpy(), toy.reference(TENDENCY), rtol=1e-15)
    with torch.no_grad():
        surface += 1.0
    toy.run()
    assert (heating.numpy() < toy.reference(TENDENCY)).all()


@pytest.mark.parametrize(
    ("tensor", "piece"),
    [
        (torch.zeros(4, device="meta"), "on meta; bind one on the CPU"),
        (torch.zeros(4).to_sparse(), "bind a dense one"),
        (torch.zeros(4, dtype=torch.bfloat16), "bfloat16"),
    ],
)
def test_a_tensor_that_cannot_be_used_in_place_is_an_error(toy: Emulator, tensor: torch.Tensor, piece: str) -> None:
    with pytest.raises(EmulatorError, match=piece):
        toy.bind(SURFACE, tensor)


def test_fields_follow_the_card(field: Emulator) -> None:
    variable = field.variables[0]
    assert (variable.dims, variable.shape, variable.has_batch) == (("channel", "y", "x"), (2, 3, 4), True)
    result = np.zeros((2, 2, 3, 4))
    turned = xr.DataArray(np.zeros((4, 2, 3, 2)), dims=("x", "sample", "y", "channel"), attrs={"units": "1"})
    for name in ("field", "mask", "factor"):
        field.bind(name, field.reference(name))
    for array in (result, turned):
        field.bind("result", array)
        field.run()
    np.testing.assert_allclose(result, field.reference("result"), rtol=1e-6)
    np.testing.assert_array_equal(turned.transpose("sample", "channel", "y", "x").values, result)


def test_a_field_with_its_dimensions_swapped_is_an_error(field: Emulator) -> None:
    with pytest.raises(EmulatorError, match="are the dimensions in another order"):
        field.bind("field", np.zeros((2, 2, 4, 3), np.float32))


def test_only_the_first_columns(toy: Emulator) -> None:
    heating = np.full_like(toy.reference(TENDENCY), -999)
    toy.bind(TENDENCY, heating)
    toy.run(columns=2)
    np.testing.assert_allclose(heating[:2], toy.reference(TENDENCY)[:2], rtol=1e-15)
    assert (heating[2:] == -999).all()


def test_the_report_counts(toy: Emulator) -> None:
    for _ in range(3):
        toy.run()
    report = toy.report()
    assert (report.engine, report.calls, report.columns) == ("onnxruntime", 3, 12)
    assert report.engine_version.count(".") >= 2
    assert report.copied_bytes == 0 and report.allocations == 0  # reference values have the graph's own types
    assert report.engine_seconds > 0 and report.open_seconds > 0
