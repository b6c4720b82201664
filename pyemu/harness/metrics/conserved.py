"""Whether a total is kept to machine precision."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from pydantic import Field

from pyemu.harness.metrics.metric import Drawing, Finding, Metric, Number
from pyemu.harness.metrics.style import legend, panels, styles
from pyemu.harness.metrics.times import unit_of_time
from pyemu.harness.results import Results
from pyemu.harness.statistics.trends import leak_significance


class Conserved(Metric):
    """Departure of a total from its first record in roundings: units of epsilon times its scale, from the start of the run.

    A scheme that conserves departs by round-off, some roundings times the square root of the number of records; a leak grows
    with the time itself, however small it is. So a total that has drifted by little only, because it leaks little or the run
    is short, is told from one that is kept. Of a variable with places every place is meant.
    """

    metric: Literal["conserved"]
    variable: str
    scale: float | None = Field(
        default=None,
        gt=0.0,
        description="magnitude that is rounded, in the variable's unit; default: of the first record",
    )
    precision: Literal["float64", "float32"] = "float64"

    def evaluate(self, results: Results) -> Finding:
        """The numbers of every case, the reference's too."""
        found = {
            case: [self._departure(one) for one in results.data(case, self.kind, [self.variable], spinup=True)]
            for case in results.titles
        }
        numbers = [number for case, runs in found.items() for number in self._numbers(case, runs)]
        name = self.label(f"roundings_of_{self.variable}")
        largest = {case: [_largest(one) for one in runs] for case, runs in found.items()}
        data = {f"{name}_{case}": runs[0].rename(time=f"{name}_{case}_time") for case, runs in largest.items() if runs}
        caption = f"Departure of {self.variable} from its start in roundings; the dotted line grows as round-off may."
        drawing = Drawing(name, caption, lambda: self._figure(largest, results))
        return Finding(f"Conservation of {self.variable}", numbers, xr.Dataset(data), [drawing])

    def _departure(self, run: xr.Dataset) -> xr.DataArray:
        """In roundings, (time, ...). Raises ``ValueError`` for a total of zero without a scale."""
        values = run[self.variable].astype(float)
        scale = self.scale if self.scale is not None else float(abs(values.isel(time=0)).max())
        if not scale > 0.0:
            raise ValueError(f"metric conserved: {self.variable} starts with {scale:g}: give the scale that is rounded")
        return (values - values.isel(time=0)) / (float(np.finfo(self.precision).eps) * scale)

    def _numbers(self, case: str, runs: Sequence[xr.DataArray]) -> list[Number]:
        departures = tuple(float(_largest(one).max(skipna=False)) for one in runs)
        leaks = tuple(leak_significance(one.transpose("time", ...).values) for one in runs)
        return [
            Number(self.label(f"roundings_of_{self.variable}"), case,
                   f"largest departure of {self.variable} from its start in roundings of {self.precision}", "1", departures),
            Number(self.label(f"leak_significance_of_{self.variable}"), case,
                   f"departure of {self.variable} at the end over that of round-off (about 1; more than 4 is a leak)", "1",
                   leaks),
        ]  # fmt: skip

    def _figure(self, largest: dict[str, list[xr.DataArray]], results: Results) -> Figure:
        figure, (axis,) = panels(height=3.2)
        for case, style in styles(results.titles, results.reference).items():
            for i, one in enumerate(largest[case]):
                axis.plot(one["time"], one.where(one > 0.0), **(style | ({"label": None} if i else {})))
        runs = [one for found in largest.values() for one in found]
        if runs:
            longest = max(runs, key=lambda one: one.sizes["time"])
            axis.plot(longest["time"], np.sqrt(np.arange(longest.sizes["time"])), ls=":", color="0.5", lw=1.0)
            axis.set_xlabel(f"time / {unit_of_time(longest['time'])}")
        axis.set_yscale("log")
        axis.set_ylabel(f"roundings of {self.variable}")
        legend(axis)
        return figure


def _largest(departure: xr.DataArray) -> xr.DataArray:
    return abs(departure).max([dim for dim in departure.dims if dim != "time"], skipna=False)
