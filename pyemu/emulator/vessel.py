"""An emulator file that computes nothing: what a host opens to record its own scheme before there is any emulator of it.

libpyemu records the arrays that are bound to the variables of a file. This file has the variables on its card, and zeros
for outputs.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from pyemu.emulator.card import Card, Provenance, Variable
from pyemu.emulator.export import export_onnx
from pyemu.emulator.version import code_version
from pyemu.fields import Field

N_REFERENCE = 2


def write_vessel(
    path: Path,
    name: str,
    inputs: Sequence[Field],
    outputs: Sequence[Field],
    sizes: Mapping[str, int],
    *,
    dtype: Literal["float32", "float64"] = "float32",
) -> Path:
    """Write the file: inputs and outputs (column, ...), with the ``sizes`` of their dimensions, recorded in ``dtype``."""
    card = Card(
        name=name,
        version="0",
        summary="Variables without an emulator, to record a host's own scheme; all outputs are zero",
        licence="Apache-2.0",
        vertical_order="top_first",
        dimensions=dict(sizes),
        inputs=tuple(_variable(item, dtype) for item in inputs),
        outputs=tuple(_variable(item, dtype) for item in outputs),
        provenance=Provenance(data_sha256="0" * 64, code_version=code_version(), created=""),
    )
    columns = {item.name: np.full((N_REFERENCE, *_shape(item, sizes)), _middle(item), dtype) for item in inputs}
    return export_onnx(Zeros([_shape(item, sizes) for item in outputs]).to(getattr(torch, dtype)), card, columns, path)


class Zeros(nn.Module):
    """Zeros of given shapes for every column; the inputs enter, so that the graph has them, and do not count."""

    def __init__(self, shapes: Sequence[tuple[int, ...]]):
        super().__init__()
        self.zeros = nn.ParameterList(nn.Parameter(torch.zeros(1, *shape), requires_grad=False) for shape in shapes)

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """(column, ...) for each shape."""
        nothing = 0.0 * sum(values.flatten(1).sum(dim=1) if values.ndim > 1 else values for values in inputs)
        assert isinstance(nothing, Tensor)
        return tuple(nothing.reshape(-1, *[1] * (zero.ndim - 1)) + zero for zero in self.zeros)


def _variable(item: Field, dtype: Literal["float32", "float64"]) -> Variable:
    return Variable(
        name=item.name,
        standard_name=item.standard_name,
        units=item.units,
        dims=("column", *item.dims),
        dtype=dtype,
        valid_range=item.valid_range,
    )


def _shape(item: Field, sizes: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(sizes[name] for name in item.dims)


def _middle(item: Field) -> float:
    return 0.5 * (item.valid_range[0] + item.valid_range[1])
