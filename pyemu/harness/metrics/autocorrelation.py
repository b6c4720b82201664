"""Correlations in time, and around a cyclic dimension."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pydantic import Field

from pyemu.harness.metrics.metric import BlockMetric, Drawing, Finding, by_case
from pyemu.harness.metrics.style import legend, panels, styles
from pyemu.harness.results import Results
from pyemu.harness.statistics.correlations import cyclic_products, lagged_products
from pyemu.harness.statistics.resampling import Summary


class _Correlation(BlockMetric):
    """Products of anomalies, about the mean of the truth, at several distances."""

    variable: str

    @property
    def variables(self) -> tuple[str, ...]:
        """The variable."""
        return (self.variable,)

    def _rms(self, summary: Summary, truth: Summary) -> float:
        return float(np.sqrt(((_correlation(summary) - _correlation(truth)) ** 2).mean()))

    def _figure(self, curves: xr.DataArray, results: Results, label: str) -> Figure:
        figure, (axis,) = panels()
        dim = next(str(dim) for dim in curves.dims if dim != "case")
        for case, style in styles(results.titles, results.reference).items():
            if case in curves["case"]:
                axis.plot(curves[dim], curves.sel(case=case), **style)
        axis.axhline(0.0, color="0.8", lw=0.8, zorder=0)
        axis.set_xlabel(label)
        axis.set_ylabel(f"correlation of {self.variable}")
        legend(axis)
        return figure


class Autocorrelation(_Correlation):
    """Autocorrelation in time, mean over places: rms difference from the truth's up to the longest lag.

    A block has to be longer than the longest lag.
    """

    metric: Literal["autocorrelation"]
    longest: float = Field(gt=0.0, description="longest lag, in time")
    n_lags: int = Field(default=40, ge=2)

    def prepared(self, truth: Sequence[xr.Dataset]) -> xr.Dataset:
        """Lags in records, and the truth's mean."""
        time = truth[0]["time"].values
        step = float(time[1] - time[0])
        lags = np.unique(np.round(np.linspace(0.0, self.longest / step, self.n_lags)).astype(int))
        mean = np.mean([float(one[self.variable].mean()) for one in truth])
        return xr.Dataset({"lags": ("lag", lags), "mean": mean, "step": step})

    def summary(self, piece: xr.Dataset, shared: xr.Dataset) -> Summary:
        """Products at the lags."""
        lags = shared["lags"].values
        if piece.sizes["time"] <= lags[-1]:
            raise ValueError(
                f"metric autocorrelation of {self.variable}: a block of {piece.sizes['time']} records is no longer than the "
                f"longest lag, {lags[-1]} records; give a longer block"
            )
        anomalies = piece[self.variable].astype(float) - float(shared["mean"])
        return {"product": lagged_products(anomalies, lags).values}

    def compared(self, summary: Summary, truth: Summary, shared: xr.Dataset) -> dict[str, float]:
        """Difference of the curves, and the first crossing of 1/e."""
        curve = _correlation(summary)
        below = np.flatnonzero(curve < np.exp(-1.0))
        time = float(shared["step"]) * float(shared["lags"][below[0]]) if below.size else float("nan")
        return {
            f"autocorrelation_rmse_of_{self.variable}": self._rms(summary, truth),
            f"decorrelation_time_of_{self.variable}": time,
        }

    def titles(self) -> Mapping[str, tuple[str, str]]:
        """Titles of the numbers."""
        return {
            f"autocorrelation_rmse_of_{self.variable}": (
                f"rms difference of the autocorrelation of {self.variable}",
                "1",
            ),
            f"decorrelation_time_of_{self.variable}": (
                f"first lag with an autocorrelation of {self.variable} below 1/e",
                "",
            ),
        }

    def shown(self, means: Mapping[str, Summary], shared: xr.Dataset, results: Results) -> Finding:
        """The curves."""
        name = self.label(f"autocorrelation_of_{self.variable}")
        products = by_case(means, "product", ["lag"])
        curves = (products / products[:, :1].values).assign_coords(lag=shared["lags"].values * float(shared["step"]))
        caption = f"Autocorrelation of {self.variable} in time, mean over all places."
        drawing = Drawing(name, caption, lambda: self._figure(curves, results, "lag in time"))
        return Finding(
            f"Autocorrelation of {self.variable}", (), xr.Dataset({name: curves.rename(lag=f"{name}_lag")}), [drawing]
        )


class SpatialCorrelation(_Correlation):
    """Correlation between places around a cyclic dimension: rms difference from the truth's."""

    metric: Literal["spatial_correlation"]
    dim: str

    def prepared(self, truth: Sequence[xr.Dataset]) -> xr.Dataset:
        """Distances, and the truth's mean."""
        mean = np.mean([float(one[self.variable].mean()) for one in truth])
        return xr.Dataset({"distances": ("distance", np.arange(truth[0].sizes[self.dim] // 2 + 1)), "mean": mean})

    def summary(self, piece: xr.Dataset, shared: xr.Dataset) -> Summary:
        """Products at the distances."""
        anomalies = piece[self.variable].astype(float) - float(shared["mean"])
        return {"product": cyclic_products(anomalies, self.dim, shared["distances"].values).values}

    def compared(self, summary: Summary, truth: Summary, shared: xr.Dataset) -> dict[str, float]:
        """Difference of the curves."""
        return {f"spatial_correlation_rmse_of_{self.variable}": self._rms(summary, truth)}

    def titles(self) -> Mapping[str, tuple[str, str]]:
        """Title of the number."""
        text = f"rms difference of the correlation of {self.variable} along {self.dim}"
        return {f"spatial_correlation_rmse_of_{self.variable}": (text, "1")}

    def shown(self, means: Mapping[str, Summary], shared: xr.Dataset, results: Results) -> Finding:
        """The curves."""
        name = self.label(f"spatial_correlation_of_{self.variable}")
        products = by_case(means, "product", ["distance"])
        curves = products / products[:, :1].values
        caption = f"Correlation of {self.variable} with itself at a distance along {self.dim}."
        drawing = Drawing(name, caption, lambda: self._figure(curves, results, f"distance along {self.dim}"))
        data = xr.Dataset({name: curves.rename(distance=f"{name}_distance")})
        return Finding(f"Spatial correlation of {self.variable}", (), data, [drawing])


def _correlation(summary: Summary) -> NDArray[np.float64]:
    return summary["product"] / summary["product"][0]
