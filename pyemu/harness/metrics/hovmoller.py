"""Hovmöller diagrams: a variable in time and one dimension."""

from typing import Literal

import xarray as xr
from matplotlib.figure import Figure
from pydantic import Field

from pyemu.harness.metrics.metric import Drawing, Finding, Metric
from pyemu.harness.metrics.style import labelled, panels
from pyemu.harness.metrics.times import time_label
from pyemu.harness.results import Results


class Hovmoller(Metric):
    """The last ``length`` of the first run of every case; other dimensions are averaged over, members take the first."""

    metric: Literal["hovmoller"]
    variable: str
    dim: str
    length: float = Field(gt=0.0, description="time shown")

    def evaluate(self, results: Results) -> Finding:
        """A figure only."""
        fields = {case: self._field(found[0]) for case in results.titles if (found := self._found(results, case))}
        name = self.label(f"hovmoller_of_{self.variable}")
        caption = f"{self.variable} along {self.dim} in time, first run of every case, the last {self.length:g}."
        return Finding(
            f"Hovmöller diagram of {self.variable}",
            drawings=[Drawing(name, caption, lambda: self._figure(fields, results))],
        )

    def _found(self, results: Results, case: str) -> list[xr.Dataset]:
        return results.data(case, self.kind, [self.variable])

    def _field(self, run: xr.Dataset) -> xr.DataArray:
        values = run[self.variable].sel(time=run["time"] >= float(run["time"][-1]) - self.length)
        if "member" in values.dims:
            values = values.isel(member=0)
        over = [dim for dim in values.dims if dim not in ("time", self.dim)]
        return values.mean(over, keep_attrs=True).transpose("time", self.dim)

    def _figure(self, fields: dict[str, xr.DataArray], results: Results) -> Figure:
        figure, axes = panels(max(1, len(fields)), height=3.6)
        low = min((float(one.min()) for one in fields.values()), default=0.0)
        high = max((float(one.max()) for one in fields.values()), default=1.0)
        for axis, (case, values) in zip(axes, fields.items(), strict=False):
            image = axis.pcolormesh(
                range(values.sizes[self.dim]),
                values["time"],
                values,
                vmin=low,
                vmax=high,
                cmap="viridis",
                shading="nearest",
            )
            axis.set_title(results.titles[case], loc="left", fontsize=8)
            axis.set_xlabel(self.dim)
        if fields:
            axes[0].set_ylabel(time_label([values["time"]]))
            figure.colorbar(image, ax=axes[-1], label=labelled(self.variable, values.attrs.get("units")))
        return figure
