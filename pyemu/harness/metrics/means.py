"""Mean and standard deviation of a variable over time and places."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import xarray as xr
from pydantic import Field

from pyemu.harness.metrics.metric import BlockMetric, Finding
from pyemu.harness.results import Results
from pyemu.harness.statistics.area import mean_over
from pyemu.harness.statistics.resampling import Summary


class Means(BlockMetric):
    """Mean and standard deviation against the truth's, everything pooled.

    With ``window`` also the difference of the means in units of the spread (standard deviation) that means over windows
    of this length have in the truth: of years, for instance.
    """

    metric: Literal["means"]
    variable: str
    window: float | None = Field(default=None, gt=0.0, description="length in time")

    @property
    def variables(self) -> tuple[str, ...]:
        """The variable."""
        return (self.variable,)

    def prepared(self, truth: Sequence[xr.Dataset]) -> xr.Dataset:
        """Unit, and the spread of means over windows."""
        values = truth[0][self.variable]
        shared = xr.Dataset({"spread": float("nan")}, attrs={"units": values.attrs.get("units", "1")})
        if self.window:
            shared["spread"] = float(np.std([mean for one in truth for mean in self._window_means(one)], ddof=1))
        return shared

    def _window_means(self, run: xr.Dataset) -> list[float]:
        time = run["time"].values
        n = int((time[-1] - time[0] + (time[1] - time[0])) // self.window) if self.window and len(time) > 1 else 0
        if n < 2:
            raise ValueError(f"metric means of {self.variable}: the truth is shorter than two windows of {self.window}")
        length = len(time) // n
        pieces = [run[self.variable][i * length : (i + 1) * length] for i in range(n)]
        return [float(mean_over(piece, piece.dims)) for piece in pieces]

    def summary(self, piece: xr.Dataset, shared: xr.Dataset) -> Summary:
        """Mean and mean square."""
        values = piece[self.variable].astype(float)
        return {"mean": mean_over(values, values.dims).values, "square": mean_over(values**2, values.dims).values}

    def compared(self, summary: Summary, truth: Summary, shared: xr.Dataset) -> dict[str, float]:
        """Mean, standard deviation, and what they differ by."""
        mean, true_mean = float(summary["mean"]), float(truth["mean"])
        deviation, true_deviation = _deviation(summary), _deviation(truth)
        found = {
            "mean": mean,
            "mean_difference": mean - true_mean,
            "absolute_mean_difference": abs(mean - true_mean),
            "standard_deviation": deviation,
            "standard_deviation_ratio": deviation / true_deviation if true_deviation else float("nan"),
        }
        if self.window:
            found["mean_difference_in_spreads"] = abs(mean - true_mean) / float(shared["spread"])
        return {f"{name}_of_{self.variable}": value for name, value in found.items()}

    def titles(self) -> Mapping[str, tuple[str, str]]:
        """Titles of the numbers."""
        texts = {
            "mean": "mean",
            "mean_difference": "mean minus truth's mean",
            "absolute_mean_difference": "|mean minus truth's mean|",
            "standard_deviation": "standard deviation",
            "standard_deviation_ratio": "standard deviation over truth's",
        }
        if self.window:
            texts["mean_difference_in_spreads"] = (
                f"|mean - truth's| in spreads of the truth's means over {self.window:g},"
            )
        units = {"standard_deviation_ratio": "1", "mean_difference_in_spreads": "1"}
        return {
            f"{name}_of_{self.variable}": (f"{text} of {self.variable}", units.get(name, ""))
            for name, text in texts.items()
        }

    def shown(self, means: Mapping[str, Summary], shared: xr.Dataset, results: Results) -> Finding:
        """The truth's own numbers; there is no figure."""
        truth = means[results.reference]
        prefix = self.label(f"truth_of_{self.variable}")
        data = xr.Dataset(
            {
                f"{prefix}_mean": float(truth["mean"]),
                f"{prefix}_standard_deviation": _deviation(truth),
                f"{prefix}_spread": shared["spread"],
            }
        )
        return Finding(f"Mean of {self.variable}", (), data)


def _deviation(summary: Summary) -> float:
    return float(np.sqrt(max(float(summary["square"]) - float(summary["mean"]) ** 2, 0.0)))
