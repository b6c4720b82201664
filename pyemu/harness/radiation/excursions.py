"""How far the emulator's inputs left its training range in the coupled runs, variable by variable."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from pyemu.emulator import Card, EmulatorFile, Variable
from pyemu.harness.run import Outcome

SLACK = 1e-6  # of the width of the range: files keep float32, hosts float64


@dataclass(frozen=True)
class Excursion:
    """Share of values outside the training range of one input in one climate [1], and the largest distance from it."""

    climate: str
    variable: str
    units: str
    share: float
    largest: float


def excursions(outcomes: Sequence[Outcome], files: Sequence[Path]) -> list[Excursion] | None:
    """One row per climate and input that has a training range and left it; None if no card holds a training range."""
    inputs = _inputs([EmulatorFile.open(path).card for path in files])
    if not inputs:
        return None
    rows = []
    for outcome in outcomes:
        if outcome.run.labels["scheme"] == "emulator":
            with xr.open_dataset(outcome.run.output, decode_times=False) as run:
                rows += [
                    _excursion(outcome.run.labels["climate"], variable, run[variable.name])
                    for variable in inputs
                    if variable.name in run
                ]
    return [row for row in rows if row.share > 0.0]


def _inputs(cards: Sequence[Card]) -> list[Variable]:
    """Inputs with a training range, each once: a variable that two emulators share has the same training data."""
    found = {variable.name: variable for card in cards for variable in card.inputs if variable.training_range}
    return list(found.values())


def _excursion(climate: str, variable: Variable, values: xr.DataArray) -> Excursion:
    assert variable.training_range is not None
    low, high = (np.array(side) for side in (variable.training_range.minimum, variable.training_range.maximum))
    if variable.level:
        values = values.transpose(..., variable.level)
    else:
        low, high = low[0], high[0]
    data = values.values
    beyond = np.maximum(low - data, data - high) - SLACK * (high - low)
    beyond = beyond[np.isfinite(data)]
    share = float((beyond > 0.0).mean()) if beyond.size else 0.0
    largest = float(beyond.max()) if beyond.size else 0.0
    return Excursion(climate, variable.name, variable.units, share, largest)
