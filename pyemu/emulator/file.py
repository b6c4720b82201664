"""An emulator file, opened for reading from Python: card, reference columns and the bytes of the file."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import onnx
from pydantic import ValidationError

from pyemu.emulator import reference
from pyemu.emulator.card import SCHEMA, Card, Variable
from pyemu.emulator.derivative import compose, derivatives_in
from pyemu.emulator.errors import EmulatorFileError
from pyemu.emulator.kinds import CARD_KEY, ONNX, REFERENCE_KEY, Kind, kind_of, parse_onnx, read_texts

TENSOR_DTYPES = {
    "float32": onnx.TensorProto.FLOAT,
    "float64": onnx.TensorProto.DOUBLE,
    "int32": onnx.TensorProto.INT32,
}


@dataclass(frozen=True)
class EmulatorFile:
    """A file that has been read and checked: ``card``, ``reference`` arrays by name, its ``kind``, bytes and path."""

    path: Path
    card: Card
    reference: dict[str, np.ndarray]
    kind: Kind
    data: bytes

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Read an emulator file whole and check it. Code that a file carries is not run.

        Raises:
            EmulatorFileError: missing, truncated, no card, newer schema, or an ONNX graph that contradicts the card.
        """
        path = Path(path)
        data = _read(path)
        kind = kind_of(path, data)
        texts = read_texts(path, data, kind)
        card = read_card(path, texts, kind)
        columns = reference.decode(card, texts.get(REFERENCE_KEY) or _fail_no_reference(path))
        if kind is ONNX:
            check_graph(parse_onnx(path, data), card, str(path))
        return cls(path=path, card=card, reference=columns, kind=kind, data=data)

    @property
    def columns(self) -> int:
        """Number of reference columns."""
        return self.card.columns(self.reference)

    @cached_property
    def sha256(self) -> str:
        """Digest of the whole file."""
        return hashlib.sha256(self.data).hexdigest()

    @cached_property
    def opset(self) -> int | None:
        """ONNX operator set of the graph; None for a file of another kind."""
        if self.kind is not ONNX:
            return None
        model = parse_onnx(self.path, self.data)
        return next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))

    @cached_property
    def parameters(self) -> int | None:
        """Number of weights and other constants in an ONNX graph; None for a file of another kind."""
        if self.kind is not ONNX:
            return None
        model = parse_onnx(self.path, self.data)
        return int(sum(np.prod(tensor.dims, dtype=np.int64) for tensor in model.graph.initializer))

    @cached_property
    def derivatives(self) -> tuple[str, ...]:
        """The derivatives that the file carries: of ``"vjp"`` and ``"jvp"``."""
        return derivatives_in(parse_onnx(self.path, self.data)) if self.kind is ONNX else ()

    def derivative(self, kind: str) -> "EmulatorFile":
        """A derivative that the file carries, as a file of its own, whose path is that of this file.

        Raises:
            EmulatorFileError: there is none of this kind, or it is damaged.
        """
        if self.kind is not ONNX:
            raise EmulatorFileError(
                f"{self.path} is {self.kind.description}, which carries no derivatives: export the emulator as .onnx"
            )
        try:
            model = compose(parse_onnx(self.path, self.data), kind)
        except EmulatorFileError as error:
            raise EmulatorFileError(f"{self.path}: {error}") from error
        texts = {entry.key: entry.value for entry in model.metadata_props}
        card = read_card(self.path, texts)
        columns = reference.decode(card, texts.get(REFERENCE_KEY) or _fail_no_reference(self.path))
        check_graph(model, card, f"the derivative '{kind}' in {self.path}")
        return EmulatorFile(self.path, card, columns, ONNX, model.SerializeToString(deterministic=True))

    def inputs(self) -> dict[str, np.ndarray]:
        """Reference inputs by name, in card order."""
        return {variable.name: self.reference[variable.name] for variable in self.card.inputs}

    def outputs(self) -> dict[str, np.ndarray]:
        """Reference outputs by name, as torch gave them at export, in card order."""
        return {variable.name: self.reference[variable.name] for variable in self.card.outputs}

    def describe(self) -> dict[str, Any]:
        """Facts of the file and its card, as plain JSON values."""
        return {
            "file": str(self.path),
            "bytes": len(self.data),
            "format": self.kind.suffix,
            "engine": self.kind.engine,
            "carries_code": self.kind.carries_code,
            "sha256": self.sha256,
            "opset": self.opset,
            "parameters": self.parameters,
            "reference_columns": self.columns,
            "derivatives": list(self.derivatives),
            "card": self.card.to_dict(),
        }


def read_card(path: Path, metadata: dict[str, str], kind: Kind = ONNX) -> Card:
    """The card from the texts of a file; raises ``EmulatorFileError``."""
    if CARD_KEY not in metadata:
        what = "an ONNX model" if kind is ONNX else kind.description
        raise EmulatorFileError(
            f"{path} is {what} without an emulator card (no '{CARD_KEY}' in its metadata): write it with 'pyemu export'"
        )
    try:
        values = json.loads(metadata[CARD_KEY])
    except ValueError as error:
        raise EmulatorFileError(f"the card of {path} is not JSON ({error}): export the emulator again") from error
    _check_schema(path, values)
    try:
        return Card.model_validate_json(metadata[CARD_KEY])
    except ValidationError as error:
        raise EmulatorFileError(f"the card of {path} breaks the schema: {first_error(error)}") from error


def first_error(error: ValidationError) -> str:
    """The first of pydantic's findings, in one line, with its place."""
    finding = error.errors(include_url=False)[0]
    place = ".".join(str(part) for part in finding["loc"]) or "card"
    return f"{place}: {finding['msg'].removeprefix('Value error, ')}"


def check_graph(model: onnx.ModelProto, card: Card, what: str) -> None:
    """Compare names, order, types and sizes of the graph with the card; raises ``EmulatorFileError``."""
    for kind, found, expected in (
        ("inputs", model.graph.input, card.inputs),
        ("outputs", model.graph.output, card.outputs),
    ):
        names, wanted = [value.name for value in found], [variable.name for variable in expected]
        if names != wanted:
            raise EmulatorFileError(f"the graph of {what} has {kind} {names}, its card says {wanted}: export it again")
        for value, variable in zip(found, expected, strict=True):
            _check_tensor(value.type.tensor_type, variable, card, what)


def _check_tensor(tensor: onnx.TypeProto.Tensor, variable: Variable, card: Card, what: str) -> None:
    if tensor.elem_type != TENSOR_DTYPES[variable.dtype]:
        found = onnx.TensorProto.DataType.Name(tensor.elem_type)
        raise EmulatorFileError(f"'{variable.name}' in the graph of {what} is {found}, its card says {variable.dtype}")
    dims = tensor.shape.dim
    sizes = [dim.dim_value if dim.HasField("dim_value") else None for dim in dims]
    expected = [None if axis == 0 and variable.has_batch else size for axis, size in enumerate(card.shape(variable, 1))]
    if sizes != expected:
        raise EmulatorFileError(
            f"'{variable.name}' in the graph of {what} has sizes {sizes}, expected {expected} (None: any number of "
            "columns)"
        )


def _check_schema(path: Path, values: Any) -> None:
    found = values.get("schema") if isinstance(values, dict) else None
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise EmulatorFileError(f"the card of {path} has schema {found!r}, expected a whole number from 1")
    if found > SCHEMA:
        raise EmulatorFileError(
            f"{path}: card schema {found} found, this library reads up to {SCHEMA}: update libpyemu"
        )


def _read(path: Path) -> bytes:
    if not path.exists():
        raise EmulatorFileError(f"emulator file {path} does not exist: check the path, or make it with 'pyemu export'")
    if path.is_dir():
        raise EmulatorFileError(f"{path} is a directory, expected an emulator file such as NAME.onnx")
    try:
        return path.read_bytes()
    except OSError as error:
        raise EmulatorFileError(f"{path} cannot be read: {error.strerror}") from error


def _fail_no_reference(path: Path) -> str:
    raise EmulatorFileError(f"{path} has a card but no reference columns: it is damaged, export the emulator again")
