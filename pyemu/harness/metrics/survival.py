"""How long runs live."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from pydantic import Field

from pyemu.config import Config
from pyemu.harness.metrics.metric import Drawing, Finding, Metric, Number
from pyemu.harness.metrics.style import legend, panels, styles
from pyemu.harness.results import Result, Results
from pyemu.harness.statistics.survival import SurvivalCurve, survival


class Criterion(Config):
    """A band that a variable has to stay in; its mean over places is meant, unless it is the ``largest`` magnitude.

    ``of_truth`` are factors on the smallest and largest value of the truth, in place of ``low`` and ``high``; ``window`` is
    the length in time of a running mean.
    """

    variable: str
    low: float = -np.inf
    high: float = np.inf
    of_truth: tuple[float, float] | None = None
    from_start: bool = Field(default=False, description="the departure from the first record is meant")
    largest: bool = False
    window: float | None = Field(default=None, gt=0.0)


class Survival(Metric):
    """Kaplan-Meier curves: a run dies when it stops before its end, is not finite, or leaves a band of ``criteria``."""

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
            "Survival", numbers, xr.Dataset(data), [Drawing(name, caption, lambda: _figure(curves, results))]
        )

    def _numbers(self, case: str, lives: Sequence[tuple[float, bool]]) -> list[Number]:
        ends = tuple(end for end, _ in lives)
        share = (float(np.mean([not died for _, died in lives])),) if lives else ()
        return [
            Number(self.label("share_of_runs_alive_at_the_end"), case, "share of runs alive at the end", "1", share),
            Number(self.label("lifetime"), case, "lifetime of runs (of those that survive: their length)", "", ends),
        ]

    def _band(self, one: Criterion, results: Results) -> Criterion:
        """The criterion with its ends in the variable's unit."""
        if one.of_truth is None:
            return one
        truth = [_series(run.data, one) for run in results.of(results.reference, self.kind) if run.data is not None]
        low, high = min(float(values.min()) for values in truth), max(float(values.max()) for values in truth)
        return one.model_copy(update={"low": one.of_truth[0] * low, "high": one.of_truth[1] * high})

    def _life(self, run: Result, bands: Sequence[Criterion]) -> tuple[float, bool]:
        """How long the run lived, and whether it died."""
        deaths = [run.length] if run.stopped else []
        if run.data is not None:
            for band in bands:
                values = _series(run.data, band)
                outside = ~((values >= band.low) & (values <= band.high)).values
                if outside.any():
                    deaths.append(float(values["time"][outside.argmax()] - run.data["time"][0]))
        return (min(deaths), True) if deaths else (run.length, False)


def _series(data: xr.Dataset, one: Criterion) -> xr.DataArray:
    """What a criterion is about, in time; windows end at their time."""
    values = data[one.variable].astype(float)
    over = [dim for dim in values.dims if dim != "time"]
    values = abs(values).max(over) if one.largest else values.mean(over)
    if one.from_start:
        values = values - values[0]
    if one.window is not None and values.sizes["time"] > 1:
        length = max(1, round(one.window / float(values["time"][1] - values["time"][0])))
        values = values.rolling(time=length, min_periods=length).mean().dropna("time")
    return values


def _curve(lives: Sequence[tuple[float, bool]]) -> SurvivalCurve:
    return survival(np.array([end for end, _ in lives]), np.array([died for _, died in lives]))


def _figure(curves: dict[str, SurvivalCurve], results: Results) -> Figure:
    figure, (axis,) = panels(height=3.2)
    for case, style in styles(results.titles, results.reference).items():
        if case in curves:
            curve = curves[case]
            axis.step(curve.time, curve.alive, where="post", **style)
            axis.fill_between(curve.time, curve.low, curve.high, step="post", color=style["color"], alpha=0.12, lw=0)
    axis.set_ylim(-0.02, 1.05)
    axis.set_xlabel("time")
    axis.set_ylabel("share of runs alive")
    legend(axis)
    return figure
