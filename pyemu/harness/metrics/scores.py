"""Offline scores of predictions against their truth: R², correlation, bias and rms error by level and region."""

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pydantic import Field

from pyemu.config import Config
from pyemu.harness.metrics.metric import Drawing, Finding, by_case
from pyemu.harness.metrics.pairs import PREDICTION, TRUTH, PairMetric
from pyemu.harness.metrics.style import legend, panels, styles
from pyemu.harness.results import Results
from pyemu.harness.statistics.resampling import Summary

TITLES = {
    "rmse": ("rms error", ""),
    "bias": ("mean error", ""),
    "r2": ("R², 1 - mean squared error / variance", "1"),
    "unexplained": ("1 - R²", "1"),
    "correlation": ("correlation", "1"),
}
EVERYWHERE = ""


class Region(Config):
    """Places, or places and times, where coordinates or variables of the same file are within bounds, ends included."""

    name: str = Field(pattern=r"^[a-z0-9_]+$", description="part of the names of its numbers")
    bounds: dict[str, tuple[float, float]] = Field(
        min_length=1, description="coordinate or variable -> lowest and highest value"
    )


class Scores(PairMetric):
    """Errors with all places pooled, in every region, and along a dimension such as levels."""

    metric: Literal["scores"]
    along: str = Field(default="", description="dimension whose places have scores of their own in the file and figure")
    regions: tuple[Region, ...] = ()

    @property
    def side_variables(self) -> tuple[str, ...]:
        """What regions are bounded by."""
        return tuple(sorted({name for region in self.regions for name in region.bounds}))

    def summary(self, piece: xr.Dataset) -> Summary:
        """Shares of all places, and means of the error, its square, the truth, its square and their product there.

        (region, level, 6); the first region is everywhere.
        """
        truth, error = piece[TRUTH], piece[PREDICTION] - piece[TRUTH]
        if self.along and self.along not in truth.dims:
            raise ValueError(
                f"metric scores: {self.variable} has no dimension {self.along}, only {', '.join(map(str, truth.dims))}"
            )
        products = [xr.ones_like(error), error, error**2, truth, truth**2, truth * error]
        moments = xr.concat(products, "moment", combine_attrs="drop")
        over = [dim for dim in truth.dims if dim != self.along]
        masks = [xr.DataArray(1.0), *(_mask(region, piece) for region in self.regions)]
        rows = [(moments * mask).mean(over).transpose(..., "moment").values for mask in masks]
        return {"moments": np.stack([np.atleast_2d(one) for one in rows])}

    def scores(self, summary: Summary) -> dict[str, float]:
        """All levels together, by region."""
        found: dict[str, float] = {}
        for name, rows in zip(self._names(), summary["moments"], strict=True):
            whole = _scores(rows.sum(axis=0))
            found |= {f"{key}_of_{self.variable}{name}": float(value) for key, value in whole.items()}
        return found

    def _names(self) -> list[str]:
        return [EVERYWHERE, *(f"_in_{region.name}" for region in self.regions)]

    def titles(self) -> Mapping[str, tuple[str, str]]:
        """Titles of the numbers."""
        return {
            f"{key}_of_{self.variable}{name}": (f"{text} of {self.variable}{name.replace('_', ' ')}", unit)
            for name in self._names()
            for key, (text, unit) in TITLES.items()
        }

    def shown(self, means: Mapping[str, Summary], shared: xr.Dataset, results: Results) -> Finding:
        """Profiles along the dimension."""
        title = f"Scores of {self.variable}"
        if not self.along:
            return Finding(title)
        name = self.label(f"scores_of_{self.variable}_along_{self.along}")
        moments = by_case(means, "moments", ["region", "level", "moment"]).isel(region=0)
        profiles = {key: moments.isel(moment=0).copy(data=_scores(moments.values)[key]) for key in TITLES}
        places = shared[self.along].values if self.along in shared.coords else np.arange(moments.sizes["level"])
        data = xr.Dataset({f"{name}_{key}": one.rename(level=name) for key, one in profiles.items()}, {name: places})
        unit = str(shared[TRUTH].attrs.get("units", "1"))

        def draw() -> Figure:
            figure, axes = panels(3)
            for axis, key in zip(axes, ("rmse", "bias", "unexplained"), strict=True):
                for case, style in styles(results.titles, results.reference).items():
                    if case in means:
                        axis.plot(profiles[key].sel(case=case), places, **style)
                axis.set_xlabel(TITLES[key][0] + (f" / {unit}" if not TITLES[key][1] else ""))
            axes[0].set_ylabel(self.along)
            axes[2].set_xscale("log")
            legend(axes[0])
            return figure

        caption = f"Rms error, mean error and 1 - R² of {self.variable} along {self.along}."
        return Finding(title, (), data, [Drawing(name, caption, draw)])


def _mask(region: Region, piece: xr.Dataset) -> xr.DataArray:
    inside = [(piece[name] >= low) & (piece[name] <= high) for name, (low, high) in region.bounds.items()]
    return math.prod(inside[1:], start=inside[0].astype(float))


def _scores(moments: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """From sums (..., 6) as in ``summary``. NaN where the truth, or nothing, varies."""
    with np.errstate(invalid="ignore", divide="ignore"):
        error, square, truth, truth_square, product = np.moveaxis(moments[..., 1:] / moments[..., :1], -1, 0)
        truth_variance = np.maximum(truth_square - truth**2, 0.0)
        covariance = truth_variance + product - truth * error  # of truth and prediction
        variance = np.maximum(square - error**2 + 2.0 * covariance - truth_variance, 0.0)  # of the prediction
        return {
            "rmse": np.sqrt(square),
            "bias": error,
            "r2": np.where(truth_variance > 0.0, 1.0 - square / truth_variance, np.nan),
            "unexplained": np.where(truth_variance > 0.0, square / truth_variance, np.nan),
            "correlation": np.where(
                truth_variance * variance > 0.0, covariance / np.sqrt(truth_variance * variance), np.nan
            ),
        }
