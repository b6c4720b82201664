"""Distribution of one variable: distances of its histogram to that of the truth."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from pydantic import Field

from pyemu.config import Config
from pyemu.harness.metrics.metric import BlockMetric, Drawing, Finding, by_case
from pyemu.harness.metrics.style import legend, panels, styles
from pyemu.harness.results import Results
from pyemu.harness.statistics import distances
from pyemu.harness.statistics.resampling import Summary
from pyemu.harness.statistics.similarity import similarity


class Bins(Config):
    """Bins of equal width; samples beyond the ends are counted in the outermost ones."""

    start: float
    stop: float
    width: float = Field(gt=0.0)

    def edges(self) -> np.ndarray:
        """Edges of the bins."""
        return np.linspace(self.start, self.stop, round((self.stop - self.start) / self.width) + 1)


def automatic_edges(truth: Sequence[xr.DataArray], n: int = 100) -> np.ndarray:
    """Edges of ``n`` bins over the range of the truth and a tenth more on either side."""
    low, high = min(float(one.min()) for one in truth), max(float(one.max()) for one in truth)
    margin = 0.1 * (high - low) or 1.0
    return np.linspace(low - margin, high + margin, n + 1)


def histogram(values: xr.DataArray, edges: np.ndarray) -> np.ndarray:
    """Counts of all values; those beyond the ends are in the outermost bins."""
    inside = np.clip(values.values.ravel(), edges[0], edges[-1])
    return np.histogram(inside, edges)[0].astype(float)


class Distribution(BlockMetric):
    """Hellinger distance, squared and not, Wasserstein-1, Kullback-Leibler and Kolmogorov-Smirnov against the truth.

    All values of the variable are pooled: places, members, times. The Hellinger distances depend on the width of the bins, so
    that the squared one is there in bins of twice the width, too: where both differ by much, samples are too few for the bins.
    With ``baseline``, also the similarity by the Wasserstein distance: 1 - d(case, truth) / d(baseline, truth).
    """

    metric: Literal["distribution"]
    variable: str
    bins: Bins | None = Field(default=None, description="default: 100 over the range of the truth and a tenth more")
    baseline: str | None = None

    @property
    def variables(self) -> tuple[str, ...]:
        """The variable."""
        return (self.variable,)

    def prepared(self, truth: Sequence[xr.Dataset]) -> xr.Dataset:
        """Edges of the bins."""
        edges = self.bins.edges() if self.bins else automatic_edges([one[self.variable] for one in truth])
        units = truth[0][self.variable].attrs.get("units", "1")
        return xr.Dataset({"edges": ("edge", edges, {"units": units})})

    def summary(self, piece: xr.Dataset, shared: xr.Dataset) -> Summary:
        """Counts."""
        return {"count": histogram(piece[self.variable], shared["edges"].values)}

    def compared(self, summary: Summary, truth: Summary, shared: xr.Dataset) -> dict[str, float]:
        """The distances."""
        p, q = summary["count"], truth["count"]
        found = {
            "hellinger_squared": distances.hellinger_squared(p, q),
            "hellinger": distances.hellinger(p, q),
            "hellinger_squared_in_wider_bins": distances.hellinger_squared(_in_pairs(p), _in_pairs(q)),
            "wasserstein": distances.wasserstein(p, q, _centres(shared)),
            "kullback_leibler": distances.kullback_leibler(p, q),
            "kolmogorov_smirnov": distances.kolmogorov_smirnov(p, q),
        }
        return {f"{name}_of_{self.variable}": value for name, value in found.items()}

    def titles(self) -> Mapping[str, tuple[str, str]]:
        """Titles of the distances."""
        texts = {
            "hellinger_squared": ("squared Hellinger distance", "1"),
            "hellinger": ("Hellinger distance", "1"),
            "hellinger_squared_in_wider_bins": ("squared Hellinger distance, in bins twice as wide,", "1"),
            "wasserstein": ("Wasserstein-1 distance", ""),
            "kullback_leibler": ("Kullback-Leibler divergence from truth", "nat"),
            "kolmogorov_smirnov": ("Kolmogorov-Smirnov distance", "1"),
        }
        return {
            f"{name}_of_{self.variable}": (f"{text} of {self.variable}", unit) for name, (text, unit) in texts.items()
        }

    def evaluate(self, results: Results) -> Finding:
        """Also the similarity, if there is a baseline."""
        found = super().evaluate(results)
        if self.baseline is None:
            return found
        name = self.label(f"wasserstein_of_{self.variable}")
        distance = {number.case: number for number in found.numbers if number.name == name}
        if self.baseline not in distance:
            raise KeyError(f"metric distribution: the baseline '{self.baseline}' is no case beside the reference")
        against = distance[self.baseline].value
        added = [
            type(number)(
                self.label(f"similarity_of_{self.variable}"), case, f"similarity of {self.variable} to the truth", "1",
                tuple(similarity(value, against) for value in number.values),
                similarity(number.high, against), similarity(number.low, against),
            )
            for case, number in distance.items()
        ]  # fmt: skip
        return Finding(found.title, [*found.numbers, *added], found.data, found.drawings)

    def shown(self, means: Mapping[str, Summary], shared: xr.Dataset, results: Results) -> Finding:
        """Densities, linear and logarithmic."""
        density = by_case(means, "count", ["bin"])
        density = density / density.sum("bin") / np.diff(shared["edges"].values)
        centres = _centres(shared)

        def draw() -> Figure:
            figure, axes = panels(2)
            for case, style in styles(results.titles, results.reference).items():
                if case in means:
                    for axis in axes:
                        axis.plot(centres, density.sel(case=case), **style)
            for axis in axes:
                axis.set_xlabel(f"{self.variable} / {shared['edges'].attrs['units']}")
            axes[0].set_ylabel("probability density")
            axes[1].set_yscale("log")
            legend(axes[0])
            return figure

        name = self.label(f"distribution_of_{self.variable}")
        data = xr.Dataset({name: density.assign_coords(bin=centres).rename(bin=f"{name}_bin")})
        caption = f"Probability density of {self.variable}, all places and times pooled; on the right with its tails."
        return Finding(f"Distribution of {self.variable}", (), data, [Drawing(name, caption, draw)])


def _centres(shared: xr.Dataset) -> np.ndarray:
    edges = shared["edges"].values
    return 0.5 * (edges[1:] + edges[:-1])


def _in_pairs(counts: np.ndarray) -> np.ndarray:
    """Counts of neighbouring bins together."""
    return np.append(counts, np.zeros(len(counts) % 2)).reshape(-1, 2).sum(axis=1)
