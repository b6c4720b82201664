"""Growth of small errors."""

from typing import Literal

import xarray as xr
from matplotlib.figure import Figure
from pydantic import Field

from pyemu.harness.metrics.metric import Drawing, Finding, Metric, Number
from pyemu.harness.metrics.style import legend, panels, styles
from pyemu.harness.results import Results
from pyemu.harness.statistics.growth import growth_rate


class ErrorGrowth(Metric):
    """Exponential growth of the distance between members that start almost alike: the leading Lyapunov exponent.

    Runs have a dimension ``member``: members 2, 4, ... are slightly disturbed copies of members 1, 3, ...
    """

    metric: Literal["error_growth"]
    variable: str
    share: float = Field(
        default=0.1, gt=0.0, lt=1.0, description="of the saturated distance, up to which growth is linear"
    )

    def evaluate(self, results: Results) -> Finding:
        """Rates, and the mean distance in time."""
        curves = {
            case: [self._distances(one) for one in results.data(case, self.kind, [self.variable])]
            for case in results.titles
        }
        numbers = [
            Number(self.label(f"error_growth_of_{self.variable}"), case, f"growth rate of small errors in {self.variable}",
                   "per unit of time", tuple(self._rate(one) for one in found))
            for case, found in curves.items()
        ]  # fmt: skip
        name = self.label(f"error_growth_of_{self.variable}")
        means = {case: _mean(found[0]) for case, found in curves.items() if found}
        data = xr.Dataset({f"{name}_{case}": one.rename(time=f"{name}_{case}_time") for case, one in means.items()})
        caption = f"Distance of {self.variable} between members that start almost alike, geometric mean over pairs."
        return Finding(
            "Growth of small errors", numbers, data, [Drawing(name, caption, lambda: _figure(means, results))]
        )

    def _distances(self, run: xr.Dataset) -> xr.DataArray:
        values = run[self.variable].astype(float)
        first, second = values.isel(member=slice(0, None, 2)), values.isel(member=slice(1, None, 2))
        difference = first.drop_vars("member", errors="ignore") - second.drop_vars("member", errors="ignore")
        over = [dim for dim in difference.dims if dim not in ("time", "member")]
        return ((difference**2).mean(over) ** 0.5).transpose("member", "time")

    def _rate(self, distances: xr.DataArray) -> float:
        saturation = float(distances.isel(time=slice(-max(1, distances.sizes["time"] // 10), None)).mean())
        return growth_rate(distances["time"].values.astype(float), distances.values, saturation, self.share)


def _mean(distances: xr.DataArray) -> xr.DataArray:
    return xr.ufuncs.exp(xr.ufuncs.log(distances.where(distances > 0.0)).mean("member"))


def _figure(means: dict[str, xr.DataArray], results: Results) -> Figure:
    figure, (axis,) = panels()
    for case, style in styles(results.titles, results.reference).items():
        if case in means:
            axis.semilogy(means[case]["time"], means[case], **style)
    axis.set_xlabel("time")
    axis.set_ylabel("distance")
    legend(axis)
    return figure
