"""Whether probabilities of ensembles are frequencies: the reliability diagram and the Brier score with its parts."""

from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from pydantic import Field

from pyemu.harness.metrics.ensembles import EnsembleMetric, named
from pyemu.harness.metrics.metric import Drawing, Finding
from pyemu.harness.metrics.style import legend, panels, styles
from pyemu.harness.results import Results
from pyemu.harness.statistics.forecasts import brier, event_counts
from pyemu.harness.statistics.resampling import Summary

POINTS = 11  # of the diagram, at most
TITLES = {
    "brier_score": "Brier score of the event",
    "brier_reliability": "reliability part of the Brier score (0 if probabilities are frequencies)",
    "brier_resolution": "resolution part of the Brier score",
    "brier_uncertainty": "uncertainty part of the Brier score",
    "brier_skill": "Brier skill against the mean frequency",
}


class Reliability(EnsembleMetric):
    """Probabilities that the variable is above a threshold, against how often the truth then was."""

    metric: Literal["reliability"]
    threshold: float | None = Field(default=None, description="in the variable's unit; default: the quantile")
    quantile: float = Field(default=0.5, gt=0.0, lt=1.0, description="of the truth of the forecasts, that is the event")

    def evaluate(self, results: Results) -> Finding:
        """Brier scores with their parts at the leads, and the diagram."""
        counts: dict[str, list[xr.Dataset]] = {case: [] for case in results.others}
        perfect: dict[str, list[xr.Dataset]] = {case: [] for case in results.others}
        for case in results.others:
            for forecast, truth in self.pairs(results, case):
                counts[case].append(self._counts(forecast, truth))
                perfect[case] += [self._counts(*pair) for pair in self.perfect_pair(forecast)]
        titles = {key: (title, "1") for key, title in TITLES.items()}
        numbers = [
            number
            for case in results.others
            for number in self._numbers_at_leads(case, counts[case], perfect[case], titles)
        ]
        sums = {case: xr.concat(found, "start").sum("start")["counts"] for case, found in counts.items() if found}
        name = self.label(f"reliability_of_{self.variable}")
        data = xr.Dataset({f"{name}_{case}": named(one, f"{name}_{case}") for case, one in sums.items()})
        event = f"above {self.threshold:g}" if self.threshold is not None else f"above its quantile {self.quantile:g}"
        caption = (
            f"Frequency of {self.variable} {event} by forecast probability at lead {self.leads[-1]:g} (left; grey: reliable) "
            "and how often each probability was given (right)."
        )
        drawing = Drawing(name, caption, lambda: self._figure(sums, results))
        return Finding(f"Reliability of {self.variable}", numbers, data, [drawing])

    def _counts(self, forecast: xr.DataArray, truth: xr.DataArray) -> xr.Dataset:
        threshold = self.threshold if self.threshold is not None else float(np.quantile(truth.values, self.quantile))
        counts = event_counts(forecast, truth, threshold)
        return xr.Dataset({"counts": counts.drop_vars("start", errors="ignore").transpose("start", "time", ...)})

    def _at_leads(self, mean: Summary) -> dict[str, float]:
        found: dict[str, float] = {}
        for i, lead in enumerate(self.leads):
            one = brier(mean["counts"][i])
            values = (one.score, one.reliability, one.resolution, one.uncertainty, one.skill)
            found |= {f"{key}_{lead:g}": value for key, value in zip(TITLES, values, strict=True)}
        return found

    def _figure(self, sums: dict[str, xr.DataArray], results: Results) -> Figure:
        figure, axes = panels(2, height=3.8)
        for case, style in styles(results.titles, results.reference).items():
            if case in sums:
                counts = sums[case].sel(time=self.leads[-1], method="nearest").transpose("sum", "category").values
                probability, frequency, share = _points(counts)
                axes[0].plot(probability, frequency, marker="o", ms=3, **style)
                axes[1].plot(probability, share, marker="o", ms=3, **style)
        axes[0].plot([0.0, 1.0], [0.0, 1.0], color="0.7", lw=1.0, zorder=0)
        axes[0].set_ylabel("observed frequency")
        axes[1].set_ylabel("share of forecasts")
        axes[1].set_ylim(bottom=0.0)
        for axis in axes:
            axis.set_xlabel("forecast probability")
        legend(axes[0])
        return figure


def _points(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean probability, frequency and mean share of forecasts of neighbouring categories taken together."""
    n = counts.shape[1]
    probability = np.arange(n) / (n - 1)
    group = np.arange(n) // -(-n // POINTS)
    given, events, weighted = (np.bincount(group, part) for part in (*counts, counts[0] * probability))
    good = given > 0.0
    share = given / given.sum() / np.bincount(group)
    return weighted[good] / given[good], events[good] / given[good], share[good]
