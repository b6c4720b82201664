"""Ensemble forecasts from many starts, judged at named leads."""

from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from pyemu.harness.metrics.ensembles import EnsembleMetric, named
from pyemu.harness.metrics.metric import Drawing, Finding
from pyemu.harness.metrics.style import legend, panels, styles
from pyemu.harness.results import Results
from pyemu.harness.statistics import forecasts
from pyemu.harness.statistics.resampling import Summary

CURVES = {
    "rmse": ("rms error of the ensemble mean", ""),
    "spread": ("spread, sqrt((M + 1) / M) times the standard deviation", ""),
    "crps": ("CRPS", ""),
    "crps_fair": ("fair CRPS", ""),
    "outliers": ("share of truths outside the ensemble (2 / (M + 1) if reliable)", "1"),
    "rank_chi_squared": ("chi squared of the rank histogram per degree of freedom (1 if flat and independent)", "1"),
    "rpss": ("ranked probability skill of terciles against climate", "1"),
    "spread_skill_slope": ("slope of error on spread (1 if reliable and large: see the floor)", "1"),
}
N_CATEGORIES = 3


class Forecast(EnsembleMetric):
    """Error, spread, CRPS, ranks and skill of ensembles. Chi squared has no interval: resampled counts are rougher."""

    metric: Literal["forecast"]

    def evaluate(self, results: Results) -> Finding:
        """Numbers at the leads, curves over all leads."""
        summaries: dict[str, list[xr.Dataset]] = {case: [] for case in results.others}
        perfect: dict[str, list[xr.Dataset]] = {case: [] for case in results.others}
        for case in results.others:
            for forecast, truth in self.pairs(results, case):
                summaries[case].append(_summary(forecast, truth))
                perfect[case] += [_summary(*pair) for pair in self.perfect_pair(forecast)]
        numbers = [
            number
            for case in results.others
            for number in self._numbers_at_leads(case, summaries[case], perfect[case], CURVES, ("rank_chi_squared",))
        ]
        curves = {case: _curves(found) for case, found in summaries.items() if found}
        name = self.label(f"forecast_of_{self.variable}")
        arrays = {f"{name}_{case}_{key}": one[key] for case, one in curves.items() for key in one}
        data = xr.Dataset({key: named(values, key) for key, values in arrays.items()})
        drawings = [
            Drawing(name, f"Forecasts of {self.variable}: error of the mean (full), spread (dashed); CRPS.",
                    lambda: self._figure(curves, results)),
            Drawing(f"{name}_ranks", f"Ranks of the truth among the members at lead {self.leads[-1]:g}; grey: flat.",
                    lambda: self._rank_figure(curves, results)),
            Drawing(f"{name}_spread_skill", f"Rms error by spread at lead {self.leads[-1]:g}, in ten bins; grey: reliable.",
                    lambda: self._spread_figure(curves, results)),
        ]  # fmt: skip
        return Finding(f"Forecasts of {self.variable}", numbers, data, drawings)

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
                f"rank_chi_squared_{lead:g}": forecasts.chi_squared_of_ranks(ranks),
                f"rpss_{lead:g}": 1.0 - float(mean["rps"][i] / mean["rps_climate"][i]),
                f"spread_skill_slope_{lead:g}": forecasts.slope_of_bins(mean["spread_skill"][i]),
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


def _summary(values: xr.DataArray, truth: xr.DataArray) -> xr.Dataset:
    """Means over places by start and lead; ``ranks`` are counts times the number of starts, so that their mean counts all."""
    places = [str(dim) for dim in truth.dims if dim not in ("time", "start")]
    climate = np.arange(1, N_CATEGORIES) / N_CATEGORIES
    edges = np.quantile(truth.values, climate)
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
            "ranks": forecasts.rank_histogram(values, truth, places) * truth.sizes["start"],
            "spread_skill": _spread_skill(error, spread),
        }
    )
    return found.drop_vars("start", errors="ignore").transpose("start", ...)


def _spread_skill(error: xr.DataArray, spread: xr.DataArray) -> xr.DataArray:
    """Sums over bins by spread, one set of bins for each lead: (start, time, sum, bin)."""
    x, y = (one.transpose("time", "start", ...).values for one in (spread, error))
    x, y = (one.reshape(*one.shape[:2], -1) for one in (x, y))
    sums = [forecasts.spread_skill_bins(errors, spreads) for spreads, errors in zip(x, y, strict=True)]
    return xr.DataArray(sums, dims=("time", "start", "sum", "bin"), coords={"time": error["time"].values})


def _curves(found: list[xr.Dataset]) -> xr.Dataset:
    """Means over all starts and seeds by lead; ``spread_skill`` becomes spread and error by bin."""
    means = xr.concat(found, "start").mean("start")
    count, spread, error = (means["spread_skill"].isel(sum=i) for i in range(3))
    pairs = xr.concat([(one / count.where(count > 0)) ** 0.5 for one in (spread, error)], "axis")
    return means.drop_vars("spread_skill").assign(spread_skill=pairs.transpose("time", "axis", "bin"))
