"""Power spectrum of the error of predictions: at which scales they are right."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pydantic import Field

from pyemu.harness.metrics.metric import Drawing, Finding, by_case
from pyemu.harness.metrics.pairs import PREDICTION, TRUTH, PairMetric
from pyemu.harness.metrics.style import legend, panels, styles
from pyemu.harness.results import Results
from pyemu.harness.statistics.resampling import Summary
from pyemu.harness.statistics.spectra import power_spectrum


class ErrorSpectrum(PairMetric):
    """Power of prediction minus truth by wave number, over that of the truth: R² at a scale is 1 minus this ratio.

    With one dimension it is cyclic and waves are counted around it; with two the spectrum is isotropic.
    """

    metric: Literal["error_spectrum"]
    dims: tuple[str, ...] = Field(min_length=1, max_length=2)

    def summary(self, piece: xr.Dataset) -> Summary:
        """Mean power of error and truth, and the wave numbers."""
        powers = [power_spectrum(one, self.dims) for one in (piece[PREDICTION] - piece[TRUTH], piece[TRUTH])]
        error, truth = (one.mean([dim for dim in one.dims if dim != "freq"]) for one in powers)
        return {"error": error.values, "truth": truth.values, "wave_number": truth["freq"].values.astype(float)}

    def scores(self, summary: Summary) -> dict[str, float]:
        """The ratio of the sums, and the last wave number up to which every error is below half of the truth."""
        good = ratio_of(summary) < 0.5
        n = len(good) if good.all() else int(np.argmin(good))
        waves = summary["wave_number"]
        return {
            self._name("error_power_ratio"): float(summary["error"].sum() / summary["truth"].sum()),
            self._name("resolved_wave_number"): float(waves[n - 1]) if n else 0.0,
        }

    def titles(self) -> Mapping[str, tuple[str, str]]:
        """Titles of the numbers."""
        unit = "1" if len(self.dims) == 1 else f"cycles per unit of {self.dims[-1]}"
        return {
            self._name("error_power_ratio"): (f"power of the error of {self.variable} over that of the truth", "1"),
            self._name("resolved_wave_number"): (
                f"wave number of {self.variable} up to which the error has less than half the power of the truth (0: none)",
                unit,
            ),
        }

    def _name(self, text: str) -> str:
        return f"{text}_of_{self.variable}"

    def shown(self, means: Mapping[str, Summary], shared: xr.Dataset, results: Results) -> Finding:
        """The spectra, and their ratio."""
        name = self.label(f"error_spectrum_of_{self.variable}")
        waves = next(iter(means.values()))["wave_number"]
        error, truth = (by_case(means, key, ["freq"]).rename(freq=f"{name}_wave_number") for key in ("error", "truth"))
        data = xr.Dataset({name: error, f"{name}_truth": truth}, {f"{name}_wave_number": waves})

        def draw() -> Figure:
            figure, axes = panels(2)
            for case, style in styles(results.titles, results.reference).items():
                if case in means:
                    axes[0].plot(waves, np.maximum(error.sel(case=case), 1e-300), **style)
                    axes[1].plot(waves, ratio_of(means[case]), **style)
            first = next(iter(means))
            axes[0].plot(waves, truth.sel(case=first), color="0.6", lw=2.0, label="truth", zorder=0)
            axes[1].axhline(0.5, color="0.7", lw=1.0, zorder=0)
            axes[0].set_ylabel("power of the error")
            axes[1].set_ylabel("error over truth")
            for axis in axes:
                axis.set_yscale("log")
                axis.set_xlabel("wave number")
                if len(self.dims) == 2:
                    axis.set_xscale("log")
            legend(axes[0])
            return figure

        caption = (
            f"Power of the error of {self.variable} by wave number (left), and over the truth's (right; grey: a half)."
        )
        return Finding(f"Spectrum of the error of {self.variable}", (), data, [Drawing(name, caption, draw)])


def ratio_of(summary: Summary) -> NDArray[np.float64]:
    """Error over truth by wave number; infinite where the truth has no power."""
    error, truth = summary["error"], summary["truth"]
    return np.divide(error, truth, out=np.full_like(error, np.inf), where=truth > 0.0)
