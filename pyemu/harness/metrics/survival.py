"""How long runs live."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from pydantic import Field
from scipy.stats import binomtest

from pyemu.config import Config
from pyemu.harness.metrics.metric import NAN, Drawing, Finding, Metric, Number
from pyemu.harness.metrics.style import legend, panels, styles
from pyemu.harness.metrics.times import time_label
from pyemu.harness.results import Result, Results
from pyemu.harness.statistics.area import mean_over
from pyemu.harness.statistics.survival import SurvivalCurve, survival

STOPPED = "a_stop"  # a blow-up or crash of the host, or a number that is not finite


class Criterion(Config):
    """A band that a variable has to stay in; its mean over places is meant, unless it is the ``largest`` magnitude.

    ``of_truth`` are factors on the smallest and largest value of the truth, in place of ``low`` and ``high``; ``window`` is
    the length in time of a running mean.
    """

    variable: str
    name: str = Field(default="", pattern=r"^[a-z0-9_]*$", description="in the names of numbers; default: the variable")
    low: float = -np.inf
    high: float = np.inf
    of_truth: tuple[float, float] | None = None
    from_start: bool = Field(default=False, description="the departure from the first record is meant")
    largest: bool = False
    window: float | None = Field(default=None, gt=0.0)


@dataclass(frozen=True)
class Life:
    """When a run ended, and the name of the criterion that it died of; empty for one that reached its end."""

    end: float
    cause: str


class Survival(Metric):
    """Kaplan-Meier curves: a run dies when it stops before its end, is not finite, or leaves a band of ``criteria``.

    What ended runs is counted by criterion: by the one that was met first.
    """

    metric: Literal["survival"]
    criteria: tuple[Criterion, ...] = ()

    def evaluate(self, results: Results) -> Finding:
        """Share of runs that reach their end, lifetimes, and the curves."""
        bands = [self._band(one, results) for one in self.criteria]
        lives = {
            case: [self._life(run, bands) for run in results.of(case, self.kind) if np.isfinite(run.end)]
            for case in results.titles
        }
        curves = {case: _curve(found) for case, found in lives.items() if found}
        numbers = [number for case, found in lives.items() for number in self._numbers(case, found)]
        name = self.label("survival")
        data = {
            f"{name}_{case}": xr.DataArray(
                curve.alive, dims=f"{name}_{case}_time", coords={f"{name}_{case}_time": curve.time}
            )
            for case, curve in curves.items()
        }
        caption = "Share of runs alive (Kaplan-Meier), with 95 % intervals; runs that reached their end are censored."
        return Finding(
            "Survival", numbers, xr.Dataset(data), [Drawing(name, caption, lambda: _figure(curves, results, self.kind))]
        )

    def _numbers(self, case: str, lives: Sequence[Life]) -> list[Number]:
        n, alive = len(lives), sum(not life.cause for life in lives)
        ends = tuple(life.end for life in lives)
        median = (_curve(lives).median,) if lives else ()
        band = binomtest(alive, n).proportion_ci(method="wilson") if lives else None
        causes = [STOPPED, *self._names()] if lives else []
        return [
            Number(self.label("share_of_runs_alive_at_the_end"), case, "share of runs alive at the end", "1",
                   (alive / n,) if lives else (), band.low if band else NAN, band.high if band else NAN),
            Number(self.label("lifetime"), case, "lifetime of runs (of those that survive: their length)", "", ends),
            Number(self.label("median_lifetime"), case, "time at which half of the runs are alive (none: more than half live on)",
                   "", median),
            *(Number(self.label(f"share_of_runs_ended_by_{cause}"), case, f"share of runs ended by {cause}", "1",
                     (sum(life.cause == cause for life in lives) / n,)) for cause in causes),
        ]  # fmt: skip

    def _names(self) -> list[str]:
        """Names of the criteria; those that share one are counted."""
        names = [one.name or one.variable for one in self.criteria]
        return [f"{name}_{names[:i].count(name) + 1}" if name in names[:i] else name for i, name in enumerate(names)]

    def _band(self, one: Criterion, results: Results) -> Criterion:
        """The criterion with its ends in the variable's unit."""
        if one.of_truth is None:
            return one
        truth = [_series(run.data, one) for run in results.of(results.reference, self.kind) if run.data is not None]
        low, high = min(float(values.min()) for values in truth), max(float(values.max()) for values in truth)
        return one.model_copy(update={"low": one.of_truth[0] * low, "high": one.of_truth[1] * high})

    def _life(self, run: Result, bands: Sequence[Criterion]) -> Life:
        """How long the run lived, and what it died of."""
        deaths = [Life(run.length, STOPPED)] if run.stopped else []
        if run.data is not None:
            for name, band in zip(self._names(), bands, strict=True):
                values = _series(run.data, band)
                outside = ~((values >= band.low) & (values <= band.high)).values
                if outside.any():
                    deaths.append(Life(float(values["time"][outside.argmax()] - run.data["time"][0]), name))
        return min(deaths, key=lambda life: life.end) if deaths else Life(run.length, "")


def _series(data: xr.Dataset, one: Criterion) -> xr.DataArray:
    """What a criterion is about, in time; windows end at their time."""
    values = data[one.variable].astype(float)
    over = [dim for dim in values.dims if dim != "time"]
    values = abs(values).max(over) if one.largest else mean_over(values, over)
    if one.from_start:
        values = values - values[0]
    if one.window is not None and values.sizes["time"] > 1:
        length = max(1, round(one.window / float(values["time"][1] - values["time"][0])))
        values = values.rolling(time=length, min_periods=length).mean().dropna("time")
    return values


def _curve(lives: Sequence[Life]) -> SurvivalCurve:
    return survival(np.array([life.end for life in lives]), np.array([bool(life.cause) for life in lives]))


def _figure(curves: dict[str, SurvivalCurve], results: Results, kind: str) -> Figure:
    figure, (axis,) = panels(height=3.2)
    for case, style in styles(results.titles, results.reference).items():
        if case in curves:
            curve = curves[case]
            axis.step(curve.time, curve.alive, where="post", **style)
            axis.fill_between(curve.time, curve.low, curve.high, step="post", color=style["color"], alpha=0.12, lw=0)
    axis.set_ylim(-0.02, 1.05)
    times = [run.data["time"] for case in curves for run in results.of(case, kind) if run.data is not None]
    axis.set_xlabel(time_label(times))
    axis.set_ylabel("share of runs alive")
    legend(axis)
    return figure
