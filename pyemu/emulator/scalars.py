"""Keep the digits of float64 constants in exported graphs.

The exporter writes the Python number in ``x * 9.80665`` as a float32 constant even when ``x`` is float64, which leaves
2e-8 of every flux unaccounted for in an energy budget. The table below replaces that one translation.

Numbers in ``torch.full``, ``full_like``, ``masked_fill``, ``number ** x`` and ``alpha=`` are still rounded: write them
as float64 tensors or buffers where the digits matter. Export checks the budgets of the card either way.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from onnxscript import ir
from onnxscript import opset20 as op

_UNSPECIFIED = -1


def _scalar_tensor(
    s: float, dtype: int = _UNSPECIFIED, layout: str = "", device: str = "", pin_memory: bool = False
) -> Any:
    """The constant ``s`` in its own type; the signature is that of ``aten::scalar_tensor``."""
    kind = ir.DataType.FLOAT if dtype == _UNSPECIFIED else ir.DataType(dtype)
    return op.Constant(value=ir.serde.serialize_tensor(ir.tensor(np.array(s, kind.numpy()))))


EXACT_SCALARS: dict[Callable, Callable] = {torch.ops.aten.scalar_tensor.default: _scalar_tensor}
