"""Differences of outputs between two libraries, judged by the tolerance on the card."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pyemu.emulator.card import Budget, Card

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
    """Largest residual of a declared budget over the columns [W m-2]."""

    name: str
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
        BudgetResidual(budget.name, _max_abs(_residual(budget, values, card.vertical_order)), budget.tolerance)
        for budget in card.budgets
    ]


def _residual(budget: Budget, values: Arrays, vertical_order: str) -> np.ndarray:
    """Heat stored in the column minus net flux that stays in it, (column) [W m-2]."""
    pressure = values[budget.pressure].astype(np.float64)
    mass = np.abs(np.diff(pressure, axis=-1)) / budget.gravity  # (column, layer) [kg m-2]
    stored = (values[budget.tendency].astype(np.float64) * mass).sum(axis=-1) * budget.heat_capacity
    net_down = values[budget.downwelling].astype(np.float64) - values[budget.upwelling]  # (column, interface) [W m-2]
    top, surface = (0, -1) if vertical_order == "top_first" else (-1, 0)
    return stored - (net_down[:, top] - net_down[:, surface])


def _max_abs(array: np.ndarray) -> float:
    """NaN if any element is."""
    return float(np.max(np.abs(array.astype(np.float64))))
