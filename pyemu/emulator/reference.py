"""Reference columns: recorded inputs and outputs inside the file, as base64 of little-endian arrays."""

import base64
import binascii
import json
from collections.abc import Mapping

import numpy as np

from pyemu.emulator.card import Card, Variable
from pyemu.emulator.errors import EmulatorFileError

ENCODING = "base64-le"
Arrays = Mapping[str, np.ndarray]


def encode(card: Card, values: Arrays) -> str:
    """JSON text of the reference columns; ``values`` holds every variable of the card, each ``(column[, level])``."""
    columns = card.columns(values)
    texts = {variable.name: _to_base64(card, variable, values[variable.name], columns) for variable in card.variables}
    return json.dumps({"columns": columns, "encoding": ENCODING, "values": texts})


def decode(card: Card, text: str) -> dict[str, np.ndarray]:
    """Arrays by name, shaped as the graph's tensors.

    Raises:
        EmulatorFileError: the text is not what ``encode`` writes for this card.
    """
    document = _document(text)
    columns, values = document["columns"], document["values"]
    return {
        variable.name: _from_base64(card, variable, values.get(variable.name), columns) for variable in card.variables
    }


def _document(text: str) -> dict:
    try:
        document = json.loads(text)
        encoding, columns, values = document["encoding"], document["columns"], document["values"]
    except (ValueError, KeyError, TypeError) as error:
        raise EmulatorFileError(f"the reference columns are damaged ({error!r}): export the emulator again") from error
    if encoding != ENCODING or not isinstance(columns, int) or columns < 1 or not isinstance(values, dict):
        raise EmulatorFileError(
            f"the reference columns have encoding {encoding!r} and {columns!r} columns; expected {ENCODING!r} and at "
            "least 1"
        )
    return document


def _storage(variable: Variable) -> np.dtype:
    return np.dtype(variable.dtype).newbyteorder("<")


def _to_base64(card: Card, variable: Variable, values: np.ndarray, columns: int) -> str:
    array = np.ascontiguousarray(values, dtype=_storage(variable))
    expected = card.shape(variable, columns)
    if array.shape != expected:
        raise ValueError(f"reference columns of '{variable.name}' have shape {array.shape}, expected {expected}")
    return base64.b64encode(array.tobytes()).decode("ascii")


def _from_base64(card: Card, variable: Variable, text: str | None, columns: int) -> np.ndarray:
    if text is None:
        raise EmulatorFileError(f"the reference columns hold no '{variable.name}': export the emulator again")
    shape = card.shape(variable, columns)
    try:
        flat = np.frombuffer(base64.b64decode(text, validate=True), dtype=_storage(variable))
        return flat.reshape(shape).astype(variable.dtype)
    except (binascii.Error, ValueError) as error:
        raise EmulatorFileError(
            f"the reference columns of '{variable.name}' are not {variable.dtype} values of shape {shape} ({error}): "
            "export the emulator again"
        ) from error
