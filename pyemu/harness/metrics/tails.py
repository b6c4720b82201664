"""Tails of the distribution of a variable: what is rare, and how much rarer or more extreme it is than in the truth."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pydantic import Field

from pyemu.harness.metrics.distribution import histogram
from pyemu.harness.metrics.metric import BlockMetric, Drawing, Finding
from pyemu.harness.metrics.style import legend, panels, styles
from pyemu.harness.results import Results
from pyemu.harness.statistics.distances import quantile_of_histogram, share_above
from pyemu.harness.statistics.resampling import Summary

N_BINS = 20_000  # over the range of the truth and twice as much on either side
TITLES = {
    "tail_ratio": "distance from the truth's median over the truth's, at quantile",
    "exceedance_ratio": "how often beyond the truth's quantile, over how often the truth is,",
}


class Tails(BlockMetric):
    """At each quantile its distance from the truth's median over the truth's, and how often values lie beyond the truth's.

    1 is perfect for both; quantiles below 0.5 are of the lower tail. All values of the variable are pooled. Values further
    out than twice the range of the truth count as there.
    """

    metric: Literal["tails"]
    variable: str
    quantiles: tuple[float, ...] = Field(default=(0.001, 0.01, 0.99, 0.999), min_length=1)

    @property
    def variables(self) -> tuple[str, ...]:
        """The variable."""
        return (self.variable,)

    def prepared(self, truth: Sequence[xr.Dataset]) -> xr.Dataset:
        """Edges of narrow bins."""
        values = [one[self.variable] for one in truth]
        low, high = min(float(one.min()) for one in values), max(float(one.max()) for one in values)
        margin = 2.0 * (high - low) or 1.0
        units = values[0].attrs.get("units", "1")
        return xr.Dataset({"edges": ("edge", np.linspace(low - margin, high + margin, N_BINS + 1), {"units": units})})

    def summary(self, piece: xr.Dataset, shared: xr.Dataset) -> Summary:
        """Counts."""
        return {"count": histogram(piece[self.variable], shared["edges"].values)}

    def compared(self, summary: Summary, truth: Summary, shared: xr.Dataset) -> dict[str, float]:
        """Both ratios at each quantile."""
        p, q, edges = summary["count"], truth["count"], shared["edges"].values
        median = quantile_of_histogram(q, edges, 0.5)
        found: dict[str, float] = {}
        for one in self.quantiles:
            there, true = (quantile_of_histogram(counts, edges, one) for counts in (p, q))
            beyond = share_above(p, edges, true)
            share, expected = (beyond, 1.0 - one) if one >= 0.5 else (1.0 - beyond, one)
            found[self._name("tail_ratio", one)] = (
                (there - median) / (true - median) if true != median else float("nan")
            )
            found[self._name("exceedance_ratio", one)] = share / expected
        return found

    def titles(self) -> Mapping[str, tuple[str, str]]:
        """Titles of the numbers."""
        return {
            self._name(key, one): (f"{text} {one:g} of {self.variable}", "1")
            for key, text in TITLES.items()
            for one in self.quantiles
        }

    def _name(self, text: str, quantile: float) -> str:
        return f"{text}_of_{self.variable}_at_{quantile:g}"

    def shown(self, means: Mapping[str, Summary], shared: xr.Dataset, results: Results) -> Finding:
        """How often values lie beyond what the truth exceeds with given probability, on both sides."""
        name = self.label(f"tails_of_{self.variable}")
        edges = shared["edges"].values
        lower, upper = {}, {}
        for case, summary in means.items():
            cumulated = _cumulated(summary["count"])
            lower[case], upper[case] = cumulated, 1.0 - cumulated
        if results.reference not in means:
            return Finding(f"Tails of {self.variable}")

        def draw() -> Figure:
            figure, axes = panels(2)
            inside = (lower[results.reference] > 0.0) & (upper[results.reference] > 0.0)
            first, last = np.flatnonzero(inside)[[0, -1]]
            for case, style in styles(results.titles, results.reference).items():
                for axis, shares in zip(axes, (lower, upper), strict=True):
                    if case in means:
                        axis.plot(edges, np.where(shares[case] > 0.0, shares[case], np.nan), **style)
            span = edges[last] - edges[first]
            axes[0].set_xlim(edges[first] - 0.3 * span, edges[first] + 0.5 * span)
            axes[1].set_xlim(edges[last] - 0.5 * span, edges[last] + 0.3 * span)
            for axis, text in zip(axes, ("below", "above"), strict=True):
                axis.set_yscale("log")
                axis.set_ylim(bottom=0.5 * max(1e-9, 1.0 / means[results.reference]["count"].sum() / 20.0))
                axis.set_xlabel(f"{self.variable} / {shared['edges'].attrs['units']}")
                axis.set_ylabel(f"share of values {text}")
            legend(axes[0])
            return figure

        caption = f"Share of values of {self.variable} below (left) and above (right) a value: the tails, logarithmic."
        return Finding(f"Tails of {self.variable}", (), xr.Dataset(), [Drawing(name, caption, draw)])


def _cumulated(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of values below each edge."""
    return np.concatenate([[0.0], np.cumsum(counts)]) / counts.sum()
