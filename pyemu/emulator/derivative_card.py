"""The card of a derivative: what its inputs and outputs are called, and their units."""

import re

import numpy as np
from pydantic import ValidationError

from pyemu.emulator.card import Card, Tolerance, Variable
from pyemu.emulator.errors import ExportError

DERIVATIVES = ("vjp", "jvp")
TITLES = {"vjp": "Adjoint (vector-Jacobian product)", "jvp": "Tangent linear (Jacobian-vector product)"}
SHARE_OF_TOLERANCE = (
    5.0  # a derivative takes two to three times the operations, and terms that cancel in the value do not
)
TOLERANCE_REASON = "derivatives: five times the emulator's own tolerance, which is for this reason: "
MAX_NAME = 255  # characters of a variable's name
_FACTOR = re.compile(r"(.*?)\^?([+-]?\d+)?")


def real_inputs(card: Card) -> tuple[Variable, ...]:
    """The inputs that one can differentiate by."""
    return tuple(variable for variable in card.inputs if variable.dtype != "int32")


def real_outputs(card: Card) -> tuple[Variable, ...]:
    """The outputs that have a derivative."""
    return tuple(variable for variable in card.outputs if variable.dtype != "int32")


def inverse_units(units: str) -> str:
    """Units of one over a quantity, as UDUNITS writes them: ``W-1 m2`` for ``W m-2``."""
    if units == "1":
        return units
    return " ".join(_inverse_factor(factor) for factor in units.split(" "))


def _inverse_factor(factor: str) -> str:
    symbol, power = _FACTOR.fullmatch(factor).groups()  # type: ignore[union-attr]
    inverse = -int(power or 1)
    return symbol if inverse == 1 else f"{symbol}{inverse}"


def derivative_card(card: Card, kind: str) -> Card:
    """The card of the derivative ``kind`` of an emulator, which has the emulator's name and version.

    Raises:
        ExportError: the emulator has no such derivative.
    """
    if kind not in DERIVATIVES:
        raise ExportError(f"unknown derivative '{kind}'; expected {' or '.join(map(repr, DERIVATIVES))}")
    inputs, outputs = real_inputs(card), real_outputs(card)
    if not inputs or not outputs:
        what, found = ("input", card.inputs) if not inputs else ("output", card.outputs)
        names = ", ".join(f"'{variable.name}'" for variable in found)
        raise ExportError(f"no derivative '{kind}': every {what} is of whole numbers ({names})")
    if kind == "vjp":
        _check_batches(inputs, outputs)
        directions = [_direction(variable, "adjoint") for variable in outputs]
        results = [_direction(variable, "adjoint") for variable in inputs]
    else:
        directions = [_direction(variable, "tangent") for variable in inputs]
        results = [_direction(variable, "tangent") for variable in outputs]
    changes = {
        "summary": f"{TITLES[kind]} of: {card.summary}",
        "inputs": (*card.inputs, *directions),
        "outputs": tuple(results),
        "state": (),
        "budgets": (),
        "tolerance": _tolerance(card, kind),
    }
    try:
        return Card.model_validate(card.to_dict() | changes)
    except ValidationError as error:
        raise ExportError(f"no derivative '{kind}': {error.errors(include_url=False)[0]['msg']}") from error


def _check_batches(inputs: tuple[Variable, ...], outputs: tuple[Variable, ...]) -> None:
    """The adjoint of what holds for all columns is a sum over the columns of a call: no emulator gives that."""
    shared = [variable for variable in inputs if not variable.has_batch]
    if shared and any(variable.has_batch for variable in outputs):
        raise ExportError(
            f"no derivative 'vjp': input '{shared[0].name}' holds for all columns, so its adjoint would be a sum over the "
            "columns of a call. Give the input a value for every column (dims that begin with 'column' or 'sample'), or "
            "export 'jvp' alone"
        )


def _direction(variable: Variable, word: str) -> Variable:
    """The tangent of a variable, in its units, or its adjoint, in one over its units: CF has no names for these."""
    name = f"{word}_of_{variable.name}"
    if len(name) > MAX_NAME:
        raise ExportError(f"no derivative: '{name}' has {len(name)} characters, expected up to {MAX_NAME}")
    units = variable.units if word == "tangent" else inverse_units(variable.units)
    return Variable(name=name, units=units, dims=variable.dims, dtype=variable.dtype)


def _tolerance(card: Card, kind: str) -> Tolerance:
    """That of the emulator: every output's own for its tangent, the largest of all for adjoints."""
    if kind == "jvp":
        relative = card.tolerance.relative
        by_output = {
            f"tangent_of_{name}": _wider(value)
            for name, value in card.tolerance.by_output.items()
            if name in {variable.name for variable in real_outputs(card)}
        }
    else:
        relative = max(card.tolerance.of(variable.name) for variable in real_outputs(card))
        by_output = {}
    return Tolerance(relative=_wider(relative), reason=TOLERANCE_REASON + card.tolerance.reason, by_output=by_output)


def _wider(relative: float) -> float:
    return min(SHARE_OF_TOLERANCE * relative, 0.5)


def directions(card: Card, kind: str, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Directions for the reference columns: normal numbers, for ``jvp`` of the size that the inputs vary, for ``vjp`` of
    one over the size that the outputs vary, so that no variable drowns the others.

    Main arguments: ``card`` is the emulator's, ``values`` holds its reference inputs and outputs.
    """
    random = np.random.default_rng(20)
    variables = real_inputs(card) if kind == "jvp" else real_outputs(card)
    word = "tangent" if kind == "jvp" else "adjoint"
    found = {}
    for variable in variables:
        array = values[variable.name].astype(np.float64)
        size = float(array.std()) or float(np.abs(array).max()) or 1.0
        drawn = random.standard_normal(array.shape) * (size if kind == "jvp" else 1.0 / size)
        found[f"{word}_of_{variable.name}"] = np.asarray(drawn, variable.dtype, order="C")
    return found
