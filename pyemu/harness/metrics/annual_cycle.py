"""The cycle of a year, or of a day."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pydantic import Field

from pyemu.harness.metrics.climate import draw_maps
from pyemu.harness.metrics.metric import BlockMetric, Drawing, Finding, by_case
from pyemu.harness.metrics.style import labelled, legend, panels, styles
from pyemu.harness.results import Results
from pyemu.harness.statistics.area import mean_over, share_of_places
from pyemu.harness.statistics.resampling import Summary


class AnnualCycle(BlockMetric):
    """Mean over years of each part of a year, minus the mean of the year: rms differences from the truth, and amplitudes.

    Records are means over intervals that end at their time; an interval belongs to the part its middle lies in. Whole
    periods are compared, at least two of the truth.
    """

    metric: Literal["annual_cycle"]
    variable: str
    period: float = Field(gt=0.0, description="length of the year in time")
    parts: int = Field(default=12, ge=2, description="of a year")

    @property
    def variables(self) -> tuple[str, ...]:
        """The variable."""
        return (self.variable,)

    def _length(self, run: xr.Dataset) -> int:
        """A block is a period."""
        time = run["time"].values
        return max(1, round(self.period / float(time[1] - time[0]))) if len(time) > 1 else 1

    def prepared(self, truth: Sequence[xr.Dataset]) -> xr.Dataset:
        """Unit, places and what each counts. Raises ``ValueError`` if the truth has no two periods."""
        if not any(one.sizes["time"] >= 2 * self._length(one) for one in truth if one.sizes["time"] > 1):
            raise ValueError(f"of {self.variable}: the truth is shorter than two periods of {self.period:g}")
        values = truth[0][self.variable]
        places = [str(dim) for dim in values.dims if dim != "time"]
        attributes = {"units": values.attrs.get("units", "1"), "places": places}
        return xr.Dataset({"share": share_of_places(values, places)}, attrs=attributes)

    def summary(self, piece: xr.Dataset, shared: xr.Dataset) -> Summary:
        """Departures of the parts of one period from its mean, (part, place...)."""
        values = piece[self.variable].astype(float).transpose("time", ...)
        time = piece["time"].values
        phase = ((time - 0.5 * (time[1] - time[0])) % self.period) / self.period
        part = np.minimum((phase * self.parts).astype(int), self.parts - 1)
        if len(set(part)) < self.parts:
            raise ValueError(f"of {self.variable}: {len(time)} records of a period do not fill {self.parts} parts")
        cycle = np.stack([values.values[part == i].mean(axis=0) for i in range(self.parts)])
        return {"cycle": cycle - cycle.mean(axis=0)}

    def compared(self, summary: Summary, truth: Summary, shared: xr.Dataset) -> dict[str, float]:
        """Of the cycle at all places, and of that of the mean over places."""
        share = shared["share"].values
        difference = summary["cycle"] - truth["cycle"]
        true = _root_mean_square(truth["cycle"], share)
        found = {
            "annual_cycle_rmse": _root_mean_square(difference, share),
            "annual_cycle_amplitude_ratio": _root_mean_square(summary["cycle"], share) / true if true else float("nan"),
            "annual_cycle_of_mean_rmse": float(np.sqrt((_mean(difference, share) ** 2).mean())),
        }
        return {f"{name}_of_{self.variable}": value for name, value in found.items()}

    def titles(self) -> Mapping[str, tuple[str, str]]:
        """Titles of the numbers."""
        texts = {
            "annual_cycle_rmse": ("rms difference of the annual cycle over places", ""),
            "annual_cycle_amplitude_ratio": ("rms of the annual cycle over truth's", "1"),
            "annual_cycle_of_mean_rmse": ("rms difference of the annual cycle of the mean over places", ""),
        }
        return {
            f"{name}_of_{self.variable}": (f"{text}, {self.variable}", unit) for name, (text, unit) in texts.items()
        }

    def shown(self, means: Mapping[str, Summary], shared: xr.Dataset, results: Results) -> Finding:
        """The cycle of the mean over places, and that along latitude if there is one."""
        name = self.label(f"annual_cycle_of_{self.variable}")
        places = shared.attrs["places"]
        cycle = by_case(means, "cycle", ["part", *places]).assign_coords(
            {dim: shared["share"][dim] for dim in places if dim in shared["share"].coords}
        )
        label = labelled(self.variable, shared.attrs["units"])
        mean = mean_over(cycle, places)
        caption = f"Annual cycle of {self.variable}: departure of the parts of a year from its mean, mean over places."
        drawings = [Drawing(name, caption, lambda: self._lines(mean, results, label))]
        found = {f"{name}_of_mean": mean}
        if "lat" in places:
            rows = mean_over(cycle, [dim for dim in places if dim != "lat"]).transpose("case", "lat", "part")
            found[name] = rows
            text = (
                f"Annual cycle of {self.variable} by latitude: the truth, and what the other cases differ by from it."
            )
            drawings.append(Drawing(f"{name}_by_latitude", text, lambda: draw_maps(rows, results, label)))
        return Finding(f"Annual cycle of {self.variable}", (), xr.Dataset(found), drawings)

    def _lines(self, mean: xr.DataArray, results: Results, label: str) -> Figure:
        figure, (axis,) = panels(height=3.0)
        for case, style in styles(results.titles, results.reference).items():
            if case in mean["case"]:
                axis.plot(np.arange(1, self.parts + 1), mean.sel(case=case), **style)
        axis.set_xlabel("part of the year")
        axis.set_ylabel(label)
        legend(axis)
        return figure


def _mean(cycle: NDArray[np.float64], share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over places, (part,)."""
    return (cycle * share).reshape(len(cycle), -1).sum(axis=1)


def _root_mean_square(cycle: NDArray[np.float64], share: NDArray[np.float64]) -> float:
    return float(np.sqrt(_mean(cycle**2, share).mean()))
