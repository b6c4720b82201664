"""Drift of a series that should stay where it is, such as total mass or energy."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from pydantic import Field

from pyemu.harness.metrics.metric import NAN, Drawing, Finding, Metric, Number
from pyemu.harness.metrics.style import labelled, legend, panels, styles
from pyemu.harness.metrics.times import per_unit_of_time, time_label, unit_of_time
from pyemu.harness.results import Results
from pyemu.harness.statistics.area import mean_over
from pyemu.harness.statistics.trends import first_beyond, slope, slope_interval


class Drift(Metric):
    """Largest departure from the first record, linear trend, and the time until ``limit`` is passed, of a mean over places.

    A series that is conserved departs by round-off only. The trend is per unit of the host's time.
    """

    metric: Literal["drift"]
    variable: str
    limit: float | None = Field(
        default=None, gt=0.0, description="departure that counts as drifted, in the variable's unit"
    )

    def evaluate(self, results: Results) -> Finding:
        """The numbers of every case, the reference's too."""
        series = {case: self._series(results, case) for case in results.titles}
        numbers = [number for case, found in series.items() for number in self._numbers(case, found)]
        name = self.label(f"series_of_{self.variable}")
        arrays = {f"{name}_{case}": _stacked(found, f"{name}_{case}") for case, found in series.items() if found}
        caption = f"{self.variable}, mean over places, in time: one line per run."
        drawing = Drawing(name, caption, lambda: self._figure(series, results))
        return Finding(f"Drift of {self.variable}", numbers, xr.Dataset(arrays), [drawing])

    def _series(self, results: Results, case: str) -> list[xr.DataArray]:
        found = results.data(case, self.kind, [self.variable])
        return [
            mean_over(one[self.variable], [dim for dim in one[self.variable].dims if dim != "time"]) for one in found
        ]

    def _numbers(self, case: str, found: Sequence[xr.DataArray]) -> list[Number]:
        pairs = [(one["time"].values.astype(float), one.values.astype(float)) for one in found]
        unit = str(found[0].attrs.get("units", "1")) if found else ""
        of_time = unit_of_time(found[0]["time"]) if found else ""
        per_time = per_unit_of_time(unit, found[0]["time"]) if found else ""
        departures = tuple(float(np.abs(values - values[0]).max()) for _, values in pairs)
        intervals = [slope_interval(*pair) for pair in pairs]
        low, high = (float(np.median([pair[i] for pair in intervals])) if intervals else NAN for i in (0, 1))
        numbers = [
            Number(self.label(f"largest_departure_of_{self.variable}"), case,
                   f"largest departure of {self.variable} from its start", unit, departures),
            Number(self.label(f"trend_of_{self.variable}"), case, f"trend of {self.variable}", per_time,
                   tuple(slope(*pair) for pair in pairs), low, high),
        ]  # fmt: skip
        if self.limit is not None:
            times = tuple(first_beyond(*pair, self.limit) for pair in pairs)
            title = f"time until {self.variable} is more than {self.limit:g} {unit} from its start (none: never)"
            numbers.append(Number(self.label(f"drift_time_of_{self.variable}"), case, title, of_time, times))
        return numbers

    def _figure(self, series: dict[str, list[xr.DataArray]], results: Results) -> Figure:
        figure, (axis,) = panels(height=3.2)
        for case, style in styles(results.titles, results.reference).items():
            for i, one in enumerate(series[case]):
                axis.plot(one["time"], one, **(style | ({"label": None} if i else {})))
        if self.limit is not None and series[results.reference]:
            start = float(series[results.reference][0][0])
            axis.axhspan(start - self.limit, start + self.limit, color="0.94", zorder=0)
        runs = [one for found in series.values() for one in found]
        axis.set_xlabel(time_label([one["time"] for one in runs]))
        axis.set_ylabel(labelled(self.variable, runs[0].attrs.get("units") if runs else None))
        legend(axis)
        return figure


def _stacked(found: Sequence[xr.DataArray], prefix: str) -> xr.DataArray:
    """Series of all seeds on the times of the longest; NaN behind the end of a run."""
    whole = xr.concat([one.drop_attrs() for one in found], "seed", join="outer")
    return whole.rename(time=f"{prefix}_time", seed=f"{prefix}_run")
