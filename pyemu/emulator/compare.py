"""Differences of outputs between two libraries, judged by the tolerance on the card."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pyemu.emulator.card import Budget, Card, LinearBudget, Term

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class OutputDifference:
    """Largest difference of one output from the recorded one, in its own units."""

    name: str
    units: str
    max_abs_difference: float
    max_abs_reference: float
    tolerance: float

    @property
    def relative_difference(self) -> float:
        """Largest difference over the largest recorded value; 0 when both are 0."""
        if self.max_abs_difference == 0.0:
            return 0.0
        return self.max_abs_difference / self.max_abs_reference if self.max_abs_reference else np.inf

    @property
    def passed(self) -> bool:
        """False too when the difference is not a number."""
        return self.max_abs_difference <= self.tolerance


@dataclass(frozen=True)
class BudgetResidual:
    """Largest residual of a declared budget over the columns, in its units."""

    name: str
    units: str
    max_abs_residual: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """False too when the residual is not a number."""
        return self.max_abs_residual <= self.tolerance


def compare_outputs(card: Card, recorded: Arrays, found: Arrays) -> list[OutputDifference]:
    """One row per output of the card: ``found`` against ``recorded``, both by name."""
    return [
        difference(
            card,
            variable.name,
            _max_abs(found[variable.name].astype(np.float64) - recorded[variable.name]),  # whole numbers may overflow
            _max_abs(recorded[variable.name]),
        )
        for variable in card.outputs
    ]


def difference(card: Card, name: str, max_abs_difference: float, max_abs_reference: float) -> OutputDifference:
    """A row with the tolerance of the card. Whole numbers are equal or wrong, unless the card names them."""
    variable = next(variable for variable in card.outputs if variable.name == name)
    is_exact = variable.dtype == "int32" and name not in card.tolerance.by_output
    tolerance = 0.0 if is_exact else card.tolerance.of(name) * max_abs_reference
    return OutputDifference(name, variable.units, max_abs_difference, max_abs_reference, tolerance)


def budget_residuals(card: Card, values: Arrays) -> list[BudgetResidual]:
    """Evaluate every budget of the card in double precision; ``values`` holds inputs and outputs."""
    return [
        BudgetResidual(
            budget.name, budget.units, _max_abs(_residual(budget, values, card.vertical_order)), budget.tolerance
        )
        for budget in card.budgets
    ]


def _residual(budget: Budget | LinearBudget, values: Arrays, vertical_order: str) -> np.ndarray:
    """The sum of the terms, (column), in the budget's units."""
    found = [term.factor * _at(term, budget, values, vertical_order) for term in budget.terms]
    return np.sum(found, axis=0)


def _at(term: Term, budget: Budget | LinearBudget, values: Arrays, vertical_order: str) -> np.ndarray:
    """The value of a term in every column, (column)."""
    value = values[term.variable].astype(np.float64)
    if term.where == "layers":
        mass = np.abs(np.diff(values[str(budget.pressure)].astype(np.float64), axis=-1)) / (budget.gravity or np.nan)
        return np.asarray((value * mass).sum(axis=-1))  # mass: (column, layer) [kg m-2]
    if term.where == "column":
        return value
    return np.asarray(value[:, 0 if (term.where == "top") == (vertical_order == "top_first") else -1])


def _max_abs(array: np.ndarray) -> float:
    """NaN if any element is."""
    return float(np.max(np.abs(array.astype(np.float64))))
