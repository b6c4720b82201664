"""Trace of the largest magnitude of a variable: how near a run comes to a limit, such as that of the time step."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from pydantic import Field

from pyemu.harness.metrics.metric import BlockMetric, Drawing, Finding, Number
from pyemu.harness.metrics.style import labelled, legend, panels, styles
from pyemu.harness.metrics.times import time_label, unit_of_time
from pyemu.harness.results import Results
from pyemu.harness.statistics.resampling import Summary
from pyemu.harness.statistics.trends import first_above


class Trace(BlockMetric):
    """Largest |value| over all places: of the run with its time, and of blocks against the truth's.

    For the state itself, its speed, or a Courant number that the host writes. The run is looked at from its start, without
    its spin-up only where blocks are compared.
    """

    metric: Literal["trace"]
    variable: str
    limit: float | None = Field(default=None, gt=0.0, description="that is not to be passed, in the variable's unit")

    @property
    def variables(self) -> tuple[str, ...]:
        """The variable."""
        return (self.variable,)

    def prepared(self, truth: Sequence[xr.Dataset]) -> xr.Dataset:
        """Nothing but the unit."""
        return xr.Dataset(attrs={"units": truth[0][self.variable].attrs.get("units", "1")})

    def summary(self, piece: xr.Dataset, shared: xr.Dataset) -> Summary:
        """The largest magnitude of a block."""
        return {"largest": np.array(float(abs(piece[self.variable].astype(float)).max()))}

    def compared(self, summary: Summary, truth: Summary, shared: xr.Dataset) -> dict[str, float]:
        """Mean of the blocks' maxima, over the truth's."""
        true = float(truth["largest"])
        return {self._name("largest_magnitude_ratio"): float(summary["largest"]) / true if true else float("nan")}

    def titles(self) -> Mapping[str, tuple[str, str]]:
        """Title of the ratio."""
        text = f"largest |{self.variable}| of a block, mean over blocks, over the truth's"
        return {self._name("largest_magnitude_ratio"): (text, "1")}

    def _name(self, text: str) -> str:
        return f"{text}_of_{self.variable}"

    def evaluate(self, results: Results) -> Finding:
        """Also the largest of whole runs, the reference's too."""
        found = super().evaluate(results)
        traces = {
            case: [_trace(one[self.variable]) for one in results.data(case, self.kind, [self.variable], spinup=True)]
            for case in results.titles
        }
        numbers = [number for case, runs in traces.items() for number in self._extremes(case, runs)]
        name = self.label(f"trace_of_{self.variable}")
        data = {f"{name}_{case}": runs[0].rename(time=f"{name}_{case}_time") for case, runs in traces.items() if runs}
        caption = f"Largest |{self.variable}| over all places in time, one line per run" + (
            f"; dotted: the limit {self.limit:g}." if self.limit is not None else "."
        )
        drawing = Drawing(name, caption, lambda: self._figure(traces, results))
        return Finding(f"Trace of {self.variable}", [*found.numbers, *numbers], xr.Dataset(data), [drawing])

    def shown(self, means: Mapping[str, Summary], shared: xr.Dataset, results: Results) -> Finding:
        """Nothing: ``evaluate`` shows whole runs."""
        return Finding(f"Trace of {self.variable}")

    def _extremes(self, case: str, runs: Sequence[xr.DataArray]) -> list[Number]:
        unit = str(runs[0].attrs.get("units", "1")) if runs else ""
        of_time = unit_of_time(runs[0]["time"]) if runs else ""
        numbers = [
            Number(self.label(self._name("largest_magnitude")), case, f"largest |{self.variable}| of a run", unit,
                   tuple(float(one.max()) for one in runs)),
            Number(self.label(self._name("time_of_largest_magnitude")), case, f"time of the largest |{self.variable}|", of_time,
                   tuple(float(one["time"][int(one.values.argmax())]) for one in runs)),
        ]  # fmt: skip
        if self.limit is not None:
            times = tuple(first_above(one["time"].values.astype(float), one.values, self.limit) for one in runs)
            title = f"time until |{self.variable}| is above {self.limit:g} {unit} (none: never)"
            numbers.append(Number(self.label(self._name("time_above_limit")), case, title, of_time, times))
        return numbers

    def _figure(self, traces: dict[str, list[xr.DataArray]], results: Results) -> Figure:
        figure, (axis,) = panels(height=3.2)
        for case, style in styles(results.titles, results.reference).items():
            for i, one in enumerate(traces[case]):
                axis.plot(one["time"], one, **(style | ({"label": None} if i else {})))
        runs = [one for found in traces.values() for one in found]
        largest = max((float(one.max()) for one in runs), default=1.0)
        smallest = min((float(one.min()) for one in runs), default=1.0)
        if smallest > 0.0 and largest > 30.0 * smallest:
            axis.set_yscale("log")
        if self.limit is not None:
            axis.axhline(self.limit, color="0.5", ls=":", lw=1.0)
        axis.set_xlabel(time_label([one["time"] for one in runs]))
        axis.set_ylabel(labelled(f"largest |{self.variable}|", runs[0].attrs.get("units") if runs else None))
        legend(axis)
        return figure


def _trace(values: xr.DataArray) -> xr.DataArray:
    return abs(values.astype(float)).max([dim for dim in values.dims if dim != "time"], keep_attrs=True)
