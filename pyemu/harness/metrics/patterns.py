"""Leading patterns of variability (empirical orthogonal functions) of a variable over all its places."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pydantic import Field

from pyemu.harness.metrics.metric import BlockMetric, Drawing, Finding
from pyemu.harness.metrics.style import legend, panels, styles
from pyemu.harness.results import Results
from pyemu.harness.statistics.regimes import leading_patterns
from pyemu.harness.statistics.resampling import Summary

Array = NDArray[np.float64]
MOST_SAMPLES = 1000  # records from which patterns of the truth are computed


class Patterns(BlockMetric):
    """How much of the variability of a case lies in the leading patterns of the truth, and how alike both subspaces are.

    Patterns of cases are sought in the space of the truth's ``kept`` leading ones. Places count alike: on a grid whose cells
    differ in size choose a variable that is weighted. Places behind the dimensions ``pooled`` are samples.
    """

    metric: Literal["patterns"]
    variable: str
    n_leading: int = Field(default=4, ge=1, description="patterns that are compared")
    kept: int = Field(default=40, ge=2)
    pooled: tuple[str, ...] = Field(default=("member",), description="dimensions that are no places, where they exist")

    @property
    def variables(self) -> tuple[str, ...]:
        """The variable."""
        return (self.variable,)

    def prepared(self, truth: Sequence[xr.Dataset]) -> xr.Dataset:
        """Mean and patterns of the truth, (pattern, place)."""
        samples = np.concatenate([self._samples(one) for one in truth])
        mean = samples.mean(axis=0)
        every = max(1, len(samples) // MOST_SAMPLES)
        found = leading_patterns(samples[::every] - mean, self.kept)
        if len(found) < self.n_leading:
            raise ValueError(
                f"metric patterns of {self.variable}: the truth has {len(found)} patterns, fewer than {self.n_leading}"
            )
        values = truth[0][self.variable]
        places = [dim for dim in values.dims if dim != "time" and dim not in self.pooled]
        shape = [values.sizes[dim] for dim in places]
        return xr.Dataset({"mean": ("place", mean), "patterns": (("pattern", "place"), found)}, attrs={"shape": shape})

    def _samples(self, piece: xr.Dataset) -> Array:
        """(sample, place)."""
        values = piece[self.variable].astype(float)
        over = [dim for dim in values.dims if dim == "time" or dim in self.pooled]
        n = int(np.prod([values.sizes[dim] for dim in over]))
        return values.transpose(*over, ...).values.reshape(n, -1)

    def summary(self, piece: xr.Dataset, shared: xr.Dataset) -> Summary:
        """Means of amplitudes of the truth's patterns and of their products, and of the square of everything."""
        anomalies = self._samples(piece) - shared["mean"].values
        amplitudes = anomalies @ shared["patterns"].values.T
        products = amplitudes.T @ amplitudes / len(amplitudes)
        means = anomalies.mean(axis=0)
        return {
            "amplitude": amplitudes.mean(axis=0),
            "product": products,
            "square": (anomalies**2).mean(axis=0),
            "mean": means,
        }

    def compared(self, summary: Summary, truth: Summary, shared: xr.Dataset) -> dict[str, float]:
        """Overlap of the subspaces, and variances in the truth's."""
        mine, true = _Eigen(summary), _Eigen(truth)
        n = self.n_leading
        overlap = float(((mine.vectors[:, :n].T @ true.vectors[:, :n]) ** 2).sum() / n)
        within = np.einsum("ij,ik,kj->j", true.vectors[:, :n], mine.covariance, true.vectors[:, :n])
        return {
            self._name("pattern_overlap"): overlap,
            self._name("pattern_variance_ratio"): float(within.sum() / true.values[:n].sum()),
            self._name("pattern_variance_share"): float(within.sum() / mine.total),
        }

    def titles(self) -> Mapping[str, tuple[str, str]]:
        """Titles of the numbers."""
        n, variable = self.n_leading, self.variable
        return {
            self._name(name): (f"{text} of {variable}, {n} leading", "1")
            for name, text in (
                ("pattern_overlap", "overlap of patterns with the truth's (1: same)"),
                ("pattern_variance_ratio", "variance in the truth's patterns over the truth's"),
                ("pattern_variance_share", "share of the variance in the truth's patterns"),
            )
        }

    def _name(self, text: str) -> str:
        return f"{text}_of_{self.variable}"

    def shown(self, means: Mapping[str, Summary], shared: xr.Dataset, results: Results) -> Finding:
        """Variances of the patterns of every case, and the first two patterns of the truth and the first other case."""
        name = self.label(f"patterns_of_{self.variable}")
        found = {case: _Eigen(one) for case, one in means.items()}
        variances = xr.DataArray(
            [one.values for one in found.values()], dims=("case", f"{name}_number"), coords={"case": list(found)}
        )
        fields = {
            case: (one.vectors[:, : self.n_leading].T @ shared["patterns"].values).reshape(-1, *shared.attrs["shape"])
            for case, one in found.items()
        }
        drawings = [Drawing(name, f"Variance of {self.variable} by pattern, each case in its own.",
                            lambda: _spectrum(found, results, self.variable))]  # fmt: skip
        if len(shared.attrs["shape"]) == 2:
            caption = (
                f"The leading pattern of {self.variable} in every case; its sign means nothing and is the truth's."
            )
            drawings.append(Drawing(f"{name}_maps", caption, lambda: _maps(fields, results)))
        return Finding(f"Patterns of {self.variable}", (), xr.Dataset({f"{name}_variance": variances}), drawings)


class _Eigen:
    """Variances and patterns, in the space of the truth's, of a mean summary; ``total`` is the variance of everything."""

    def __init__(self, summary: Summary) -> None:
        mean = summary["amplitude"]
        self.covariance: Array = summary["product"] - np.outer(mean, mean)
        values, vectors = np.linalg.eigh(self.covariance)
        self.values: Array = np.maximum(values[::-1], 0.0)
        self.vectors: Array = vectors[:, ::-1]
        self.total = float((summary["square"] - summary["mean"] ** 2).sum())


def _spectrum(found: Mapping[str, _Eigen], results: Results, variable: str) -> Figure:
    figure, (axis,) = panels()
    for case, style in styles(results.titles, results.reference).items():
        if case in found:
            values = found[case].values
            axis.plot(np.arange(1, len(values) + 1), values / found[case].total, marker="o", ms=3, **style)
    axis.set_yscale("log")
    axis.set_xlabel("pattern")
    axis.set_ylabel(f"share of the variance of {variable}")
    legend(axis)
    return figure


def _maps(fields: Mapping[str, Array], results: Results) -> Figure:
    n_columns = min(3, len(fields))
    figure, axes = panels(n_columns, -(-len(fields) // n_columns), height=2.9)
    truth = fields.get(results.reference, next(iter(fields.values())))[0]
    top = float(np.abs(truth).max()) or 1.0
    for axis, (case, patterns) in zip(axes, fields.items(), strict=False):
        sign = 1.0 if float((patterns[0] * truth).sum()) >= 0.0 else -1.0
        axis.pcolormesh(sign * patterns[0], cmap="RdBu_r", vmin=-top, vmax=top)
        axis.set_title(results.titles[case], loc="left", fontsize=9)
    for axis in axes[len(fields) :]:
        axis.set_visible(False)
    return figure
