"""Ensemble forecasts from many starts, judged at named leads."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from pydantic import Field

from pyemu.harness.metrics.metric import N_DRAWS, NAN, Drawing, Finding, Metric, Number
from pyemu.harness.metrics.style import legend, panels, styles
from pyemu.harness.results import Results
from pyemu.harness.statistics import forecasts
from pyemu.harness.statistics.resampling import Summary, mean_over_blocks, resampled

CURVES = {
    "rmse": "rms error of the ensemble mean",
    "spread": "spread, sqrt((M + 1) / M) times the standard deviation",
    "crps": "CRPS",
    "crps_fair": "fair CRPS",
}
N_CATEGORIES = 3


class Forecast(Metric):
    """Error, spread, CRPS, ranks and reliability of runs with the dimensions ``start`` and ``member``; time is the lead.

    The truth is the reference's run of this kind if it has ``start``, too; otherwise it is looked up at ``start_time`` plus
    lead in the reference's run of ``truth_kind``. Intervals draw starts and seeds anew.
    """

    metric: Literal["forecast"]
    variable: str
    leads: tuple[float, ...] = Field(min_length=1, description="in the host's time")
    truth_kind: str = Field(
        default="", description="kind of the reference's run that holds the truth; default: this kind"
    )

    def evaluate(self, results: Results) -> Finding:
        """Numbers at the leads, curves over all leads."""
        summaries = {case: self._summaries(results, case) for case in results.others}
        kept = {case: found for case, found in summaries.items() if found}
        numbers = [number for case, found in summaries.items() for number in self._numbers(case, found)]
        curves = {case: xr.concat(found, "start").mean("start") for case, found in kept.items()}
        name = self.label(f"forecast_of_{self.variable}")
        arrays = {f"{name}_{case}_{key}": one[key] for case, one in curves.items() for key in one}
        data = xr.Dataset({key: _named(values, key) for key, values in arrays.items()})
        drawings = [
            Drawing(name, f"Forecasts of {self.variable}: error of the mean (full), spread (dashed); CRPS.",
                    lambda: self._figure(curves, results)),
            Drawing(f"{name}_ranks", f"Ranks of the truth among the members at lead {self.leads[-1]:g}; grey: flat.",
                    lambda: self._rank_figure(curves, results)),
            Drawing(f"{name}_spread_skill", f"Rms error by spread at lead {self.leads[-1]:g}, in ten bins; grey: reliable.",
                    lambda: self._spread_figure(curves, results)),
        ]  # fmt: skip
        return Finding(f"Forecasts of {self.variable}", numbers, data, drawings)

    def _summaries(self, results: Results, case: str) -> list[xr.Dataset]:
        """One dataset per seed: means over places by start and lead."""
        found = results.data(case, self.kind, [self.variable, "start_time"]) if results.of(case, self.kind) else []
        return [self._summary(one, self._truth(results, one)) for one in found]

    def _truth(self, results: Results, forecast: xr.Dataset) -> xr.DataArray:
        truth = results.data(results.reference, self.truth_kind or self.kind, [self.variable], spinup=True)
        if not truth:
            raise KeyError(f"metric forecast of {self.variable}: the reference left no data")
        values = truth[0][self.variable]
        if "member" in values.dims:
            values = values.isel(member=0, drop=True)
        if "start" in values.dims:
            return values.sel(time=forecast["time"], method="nearest").assign_coords(time=forecast["time"])
        return _at(values, forecast["start_time"] + forecast["time"])

    def _summary(self, forecast: xr.Dataset, truth: xr.DataArray) -> xr.Dataset:
        values = forecast[self.variable].astype(float)
        truth = truth.astype(float).transpose(*[dim for dim in values.dims if dim != "member"])
        places = [str(dim) for dim in truth.dims if dim not in ("time", "start")]
        edges = np.quantile(truth.values, np.arange(1, N_CATEGORIES) / N_CATEGORIES)
        climate = np.arange(1, N_CATEGORIES) / N_CATEGORIES
        at = xr.DataArray(edges, dims="edge")
        error, spread = forecasts.squared_error_of_mean(values, truth), forecasts.variance(values)
        found = xr.Dataset(
            {
                "error": error.mean(places),
                "variance": spread.mean(places),
                "crps": forecasts.crps(values, truth).mean(places),
                "crps_fair": forecasts.crps(values, truth, fair=True).mean(places),
                "rps": forecasts.ranked_probability_score(values, truth, edges).mean(places),
                "rps_climate": ((xr.DataArray(climate, dims="edge") - (truth <= at)) ** 2).sum("edge").mean(places),
                "ranks": forecasts.rank_histogram(values, truth, places),
            }
        )
        by_spread, slopes = _spread_skill(error, spread)
        found["spread_skill"] = by_spread.expand_dims(start=found.sizes["start"])
        found["slope"] = slopes.expand_dims(start=found.sizes["start"])
        return found.drop_vars("start", errors="ignore").transpose("start", ...)

    def _numbers(self, case: str, found: Sequence[xr.Dataset]) -> list[Number]:
        kept = [self._kept(one) for one in found]
        values = [self._at_leads(mean_over_blocks(one)) for one in kept]
        intervals = resampled(kept, self._at_leads, N_DRAWS) if kept else {}
        titles = CURVES | {
            "outliers": "share of truths outside the ensemble (2 / (M + 1) if reliable)",
            "rpss": "ranked probability skill of terciles against climate",
            "spread_skill_slope": "slope of error on spread (1 if reliable)",
        }
        unit = {"outliers": "1", "rpss": "1", "spread_skill_slope": "1"}
        return [
            Number(self.label(f"{key}_of_{self.variable}_at_{lead:g}"), case, f"{title}, {self.variable} at lead {lead:g}",
                   unit.get(key, ""), tuple(row[f"{key}_{lead:g}"] for row in values),
                   *(intervals.get(f"{key}_{lead:g}", (NAN, NAN)) if key != "spread_skill_slope" else (NAN, NAN)))
            for key, title in titles.items()
            for lead in self.leads
        ]  # fmt: skip

    def _kept(self, found: xr.Dataset) -> Summary:
        """What is left at the leads, arrays (start, lead, ...)."""
        at = found.sel(time=list(self.leads), method="nearest")
        return {str(name): values.transpose("start", "time", ...).values for name, values in at.data_vars.items()}

    def _at_leads(self, mean: Summary) -> dict[str, float]:
        found: dict[str, float] = {}
        for i, lead in enumerate(self.leads):
            ranks = mean["ranks"][i]
            found |= {
                f"rmse_{lead:g}": float(np.sqrt(mean["error"][i])),
                f"spread_{lead:g}": float(np.sqrt(mean["variance"][i])),
                f"crps_{lead:g}": float(mean["crps"][i]),
                f"crps_fair_{lead:g}": float(mean["crps_fair"][i]),
                f"outliers_{lead:g}": float((ranks[0] + ranks[-1]) / ranks.sum()),
                f"rpss_{lead:g}": 1.0 - float(mean["rps"][i] / mean["rps_climate"][i]),
                f"spread_skill_slope_{lead:g}": float(mean["slope"][i]),
            }
        return found

    def _figure(self, curves: dict[str, xr.Dataset], results: Results) -> Figure:
        figure, axes = panels(2)
        for case, style in styles(results.titles, results.reference).items():
            if case in curves:
                one = curves[case]
                axes[0].plot(one["time"], np.sqrt(one["error"]), **style)
                axes[0].plot(one["time"], np.sqrt(one["variance"]), **(style | {"ls": "--", "label": None, "lw": 1.0}))
                axes[1].plot(one["time"], one["crps"], **style)
        axes[0].set_ylabel(f"error and spread of {self.variable}")
        axes[1].set_ylabel(f"CRPS of {self.variable}")
        for axis in axes:
            axis.set_xlabel("lead")
        legend(axes[1])
        return figure

    def _rank_figure(self, curves: dict[str, xr.Dataset], results: Results) -> Figure:
        n_columns = min(3, max(1, len(curves)))
        figure, axes = panels(n_columns, -(-max(1, len(curves)) // n_columns), height=2.4)
        for axis, case in zip(axes, curves, strict=False):
            ranks = curves[case].sel(time=self.leads[-1], method="nearest")["ranks"].values
            axis.bar(
                np.arange(1, len(ranks) + 1),
                ranks / ranks.sum(),
                color=styles(results.titles, results.reference)[case]["color"],
            )
            axis.axhline(1.0 / len(ranks), color="0.6", lw=1.0)
            axis.set_title(results.titles[case], loc="left", fontsize=9)
        for axis in axes[len(curves) :]:
            axis.set_visible(False)
        return figure

    def _spread_figure(self, curves: dict[str, xr.Dataset], results: Results) -> Figure:
        figure, (axis,) = panels(width=4.6, height=4.2)
        top = 0.0
        for case, style in styles(results.titles, results.reference).items():
            if case in curves:
                pair = curves[case].sel(time=self.leads[-1], method="nearest")["spread_skill"].values
                axis.plot(*pair, marker="o", ms=3, **style)
                top = max(top, float(np.nanmax(pair)))
        axis.plot([0.0, top], [0.0, top], color="0.7", lw=1.0, zorder=0)
        axis.set_xlabel("spread")
        axis.set_ylabel("rms error of the mean")
        legend(axis)
        return figure


def _at(values: xr.DataArray, times: xr.DataArray) -> xr.DataArray:
    """Records nearest to ``times`` (start, time), in memory. Raises ``ValueError`` for times that are not recorded."""
    recorded = values["time"].values
    nearest = np.clip(np.searchsorted(recorded, times.values), 1, len(recorded) - 1)
    nearest -= times.values - recorded[nearest - 1] < recorded[nearest] - times.values
    gap = float(np.abs(recorded[nearest] - times.values).max())
    if gap > 0.5 * float(recorded[1] - recorded[0]):
        raise ValueError(f"metric forecast: the truth has no record within {gap:g} of a start time plus lead")
    index = xr.DataArray(nearest, dims=times.dims)
    return values.drop_vars("time").isel(time=index).assign_coords(time=times["time"])


def _spread_skill(error: xr.DataArray, spread: xr.DataArray, n_bins: int = 10) -> tuple[xr.DataArray, xr.DataArray]:
    """Spread and error of bins by spread, (time, axis, bin), and slopes, (time)."""
    x, y = (one.transpose("time", ...).values.reshape(one.sizes["time"], -1) for one in (spread, error))
    pairs, slopes = [], []
    for spreads, errors in zip(x, y, strict=True):
        groups = np.array_split(np.argsort(spreads), n_bins)
        pairs.append([[np.sqrt(one[group].mean()) for group in groups] for one in (spreads, errors)])
        slopes.append(forecasts.spread_skill_slope(errors, spreads, n_bins))
    coords = {"time": error["time"].values}
    return xr.DataArray(pairs, dims=("time", "axis", "bin"), coords=coords), xr.DataArray(
        slopes, dims="time", coords=coords
    )


def _named(values: xr.DataArray, prefix: str) -> xr.DataArray:
    """Dimensions with the prefix of their array, so that cases of different length stand side by side."""
    return values.rename({dim: f"{prefix}_{dim}" for dim in values.dims})
