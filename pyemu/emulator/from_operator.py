"""From an operator on the fields of the shallow-water host to an emulator file."""

import hashlib
from pathlib import Path

import xarray as xr

from pyemu.data.shallow_water import STATE, THICKNESS_TENDENCY, TRANSPORTS, with_halo
from pyemu.emulator.card import Card, Provenance, Variable
from pyemu.emulator.export import export_onnx
from pyemu.emulator.version import code_version
from pyemu.fields import FIELDS
from pyemu.nn.stencil_operator import StencilOperator


def write_operator(operator: StencilOperator, data: xr.Dataset, path: Path) -> Path:
    """An emulator file, in double precision, of whole fields with a halo of one cell: of the tendency, or of transports."""
    outputs = TRANSPORTS if len(operator.weights) == 2 else (THICKNESS_TENDENCY,)
    ny, nx = data.sizes["y"], data.sizes["x"]
    options = {"walls": data.attrs["walls"], "domain": data.attrs["domain"]}
    card = Card(
        name="shallow_water_thickness", version="1", summary="Tendency of the thickness, fitted with noise",
        licence="Apache-2.0", vertical_order="top_first", kind="field",
        dimensions={"y_wide": ny + 2, "x_wide": nx + 2, "y": ny, "x": nx},
        inputs=tuple(_variable(name, ("sample", "y_wide", "x_wide")) for name in STATE),
        outputs=tuple(_variable(name, ("sample", "y", "x")) for name in outputs),
        provenance=Provenance(data_sha256=_digest(data), code_version=code_version(), created=""),
    )  # fmt: skip
    fields = {name: with_halo(name, data[name].values[:2], **options) for name in STATE}
    return export_onnx(operator, card, fields, path)


def _variable(name: str, dims: tuple[str, ...]) -> Variable:
    known = FIELDS[name]
    return Variable(name=name, standard_name=known.standard_name, units=known.units, dims=dims, dtype="float64")


def _digest(data: xr.Dataset) -> str:
    return hashlib.sha256(b"".join(data[name].values.tobytes() for name in (*STATE, THICKNESS_TENDENCY))).hexdigest()
