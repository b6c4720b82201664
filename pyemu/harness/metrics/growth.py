"""Growth of small errors."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from pydantic import Field

from pyemu.harness.metrics.metric import N_DRAWS, NAN, Drawing, Finding, Metric, Number
from pyemu.harness.metrics.style import legend, panels, styles
from pyemu.harness.results import Results
from pyemu.harness.statistics.growth import growth_rate
from pyemu.harness.statistics.resampling import Summary, mean_over_blocks, resampled


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
        logs = {case: [self._logs(one) for one in found] for case, found in curves.items()}
        rates = {case: tuple(self._rate(mean_over_blocks(one)) for one in found) for case, found in logs.items()}
        truth = float(np.median(rates[results.reference])) if rates[results.reference] else NAN
        floor = self._floor(logs[results.reference])
        numbers = [
            number for case in results.titles for number in self._numbers(case, logs[case], rates[case], truth, floor)
        ]
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

    def _logs(self, distances: xr.DataArray) -> Summary:
        """What a rate is made of, by pair; the saturated distance is the mean over the last tenth."""
        values = distances.values
        time = np.broadcast_to(distances["time"].values.astype(float), values.shape)
        late = values[:, -max(1, values.shape[1] // 10) :].mean(axis=1)
        return {"log": np.log(np.where(values > 0.0, values, np.nan)), "time": time, "saturation": late}

    def _rate(self, mean: Summary) -> float:
        return growth_rate(mean["time"], mean["log"], float(mean["saturation"]), self.share)

    def _floor(self, truth: Sequence[Summary]) -> float:
        """Difference of the rates of one half of the truth's pairs and the other; NaN for a single pair."""
        pairs = (
            {name: np.concatenate([one[name] for one in truth]) for name in truth[0]} if truth else {"log": np.empty(0)}
        )
        half = len(pairs["log"]) // 2
        if not half:
            return NAN
        rates = [
            self._rate({name: values[part].mean(axis=0) for name, values in pairs.items()})
            for part in (slice(half), slice(half, None))
        ]
        return abs(rates[0] - rates[1])

    def _numbers(
        self, case: str, logs: Sequence[Summary], rates: tuple[float, ...], truth: float, floor: float
    ) -> list[Number]:
        """The rate with the interval over pairs drawn anew, and what it differs by from the truth's."""
        low, high = resampled(logs, lambda mean: {"rate": self._rate(mean)}, N_DRAWS)["rate"] if logs else (NAN, NAN)
        name, unit = f"of_{self.variable}", "per unit of time"
        return [
            Number(self.label(f"error_growth_{name}"), case, f"growth rate of small errors in {self.variable}", unit, rates,
                   low, high),
            Number(self.label(f"error_growth_difference_{name}"), case,
                   f"growth rate of small errors in {self.variable} minus the truth's", unit,
                   tuple(rate - truth for rate in rates), low - truth, high - truth, floor),
        ]  # fmt: skip


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
