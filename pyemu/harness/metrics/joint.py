"""Joint distribution of two variables."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from pydantic import Field

from pyemu.harness.metrics.distribution import Bins, automatic_edges
from pyemu.harness.metrics.metric import BlockMetric, Drawing, Finding, by_case
from pyemu.harness.metrics.style import TRUTH, labelled, panels
from pyemu.harness.results import Results
from pyemu.harness.statistics.distances import hellinger_squared
from pyemu.harness.statistics.resampling import Summary

SHARES = (0.999, 0.99, 0.9, 0.5)  # of the truth inside its contours
DECADES = 5.0  # of density that are shown


class JointDistribution(BlockMetric):
    """Hellinger distance, squared and not, of the histogram of two variables at the same places and times."""

    metric: Literal["joint_distribution"]
    x: str
    y: str
    x_bins: Bins | None = Field(default=None, description="default: 60 over the range of the truth and a tenth more")
    y_bins: Bins | None = None

    @property
    def variables(self) -> tuple[str, ...]:
        """Both variables."""
        return (self.x, self.y)

    def prepared(self, truth: Sequence[xr.Dataset]) -> xr.Dataset:
        """Edges of the bins."""
        found = xr.Dataset()
        for axis, name, bins in (("x", self.x, self.x_bins), ("y", self.y, self.y_bins)):
            edges = bins.edges() if bins else automatic_edges([one[name] for one in truth], 60)
            found[f"{axis}_edges"] = (f"{axis}_edge", edges, {"units": truth[0][name].attrs.get("units", "1")})
        return found

    def summary(self, piece: xr.Dataset, shared: xr.Dataset) -> Summary:
        """Counts, (x_bin, y_bin)."""
        both = xr.broadcast(piece[self.x], piece[self.y])
        edges = shared["x_edges"].values, shared["y_edges"].values
        inside = [np.clip(one.values.ravel(), edge[0], edge[-1]) for one, edge in zip(both, edges, strict=True)]
        return {"count": np.histogram2d(inside[0], inside[1], bins=list(edges))[0]}

    def compared(self, summary: Summary, truth: Summary, shared: xr.Dataset) -> dict[str, float]:
        """The distances."""
        squared = hellinger_squared(summary["count"], truth["count"])
        return {f"joint_hellinger_squared_of_{self._pair}": squared, f"joint_hellinger_of_{self._pair}": squared**0.5}

    def titles(self) -> Mapping[str, tuple[str, str]]:
        """Titles of the distances."""
        return {
            f"joint_hellinger_squared_of_{self._pair}": (f"squared Hellinger distance of {self.x} and {self.y}", "1"),
            f"joint_hellinger_of_{self._pair}": (f"Hellinger distance of {self.x} and {self.y}", "1"),
        }

    @property
    def _pair(self) -> str:
        return f"{self.x}_and_{self.y}"

    def shown(self, means: Mapping[str, Summary], shared: xr.Dataset, results: Results) -> Finding:
        """Densities with the contours of the truth."""
        counts = by_case(means, "count", ["x_bin", "y_bin"])
        edges = shared["x_edges"].values, shared["y_edges"].values
        area = np.diff(edges[0])[:, None] * np.diff(edges[1])[None, :]
        density = counts / counts.sum(("x_bin", "y_bin")) / area
        centres = [0.5 * (one[1:] + one[:-1]) for one in edges]

        def draw() -> Figure:
            cases = [case for case in results.others if case in means] or list(means)
            n_columns = min(3, len(cases))
            figure, axes = panels(n_columns, -(-len(cases) // n_columns), height=3.0)
            top = float(np.log10(density.max()))
            for axis, case in zip(axes, cases, strict=False):
                shade = density.sel(case=case).values.T
                shade = np.log10(shade, out=np.full_like(shade, np.nan), where=shade > 0.0)
                axis.pcolormesh(*edges, shade, cmap="Blues", vmin=top - DECADES, vmax=top)
                if results.reference in means:
                    true = density.sel(case=results.reference).values.T
                    axis.contour(
                        *centres, true, levels=levels_around(true * area.T, true), colors=TRUTH, linewidths=0.8
                    )
                axis.set_title(results.titles[case], loc="left", fontsize=9)
                axis.set_xlabel(labelled(self.x, shared["x_edges"].attrs["units"]))
            for axis in axes[len(cases) :]:
                axis.set_visible(False)
            axes[0].set_ylabel(labelled(self.y, shared["y_edges"].attrs["units"]))
            return figure

        name = self.label(f"joint_distribution_of_{self.x}_and_{self.y}")
        data = xr.Dataset(
            {
                name: density.rename(x_bin=f"{name}_x", y_bin=f"{name}_y").assign_coords(
                    {f"{name}_x": centres[0], f"{name}_y": centres[1]}
                )
            }
        )
        shares = ", ".join(f"{100 * share:g}" for share in reversed(SHARES))
        caption = f"Density of {self.x} and {self.y} (shades, logarithmic); contours around {shares} % of the truth."
        return Finding(f"{self.x} and {self.y}", (), data, [Drawing(name, caption, draw)])


def levels_around(shares: np.ndarray, density: np.ndarray) -> np.ndarray:
    """Densities above which lie at least the ``SHARES``, rising and all different, from the share of each bin."""
    order = np.argsort(-density, axis=None)
    inside = np.cumsum(shares.ravel()[order])
    at = np.minimum(np.searchsorted(inside, np.array(SHARES) * inside[-1]), len(inside) - 1)
    return np.unique(density.ravel()[order][at])
