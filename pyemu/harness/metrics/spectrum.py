"""Power spectrum in space."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from pydantic import Field

from pyemu.harness.metrics.metric import BlockMetric, Drawing, Finding, by_case
from pyemu.harness.metrics.style import legend, panels, styles
from pyemu.harness.results import Results
from pyemu.harness.statistics.resampling import Summary
from pyemu.harness.statistics.spectra import log_distance, power_spectrum


class Spectrum(BlockMetric):
    """Mean power by wave number: rms difference of its logarithm to base 10 from the truth's.

    With one dimension it is cyclic and waves are counted around it; with two the spectrum is isotropic.
    """

    metric: Literal["spectrum"]
    variable: str
    dims: tuple[str, ...] = Field(min_length=1, max_length=2)

    @property
    def variables(self) -> tuple[str, ...]:
        """The variable."""
        return (self.variable,)

    def prepared(self, truth: Sequence[xr.Dataset]) -> xr.Dataset:
        """Wave numbers."""
        return xr.Dataset({"freq": self._power(truth[0].isel(time=slice(0, 1)))["freq"].drop_vars("freq")})

    def summary(self, piece: xr.Dataset, shared: xr.Dataset) -> Summary:
        """Mean power."""
        power = self._power(piece)
        return {"power": power.mean([dim for dim in power.dims if dim != "freq"]).values}

    def _power(self, piece: xr.Dataset) -> xr.DataArray:
        return power_spectrum(piece[self.variable].astype(float), self.dims)

    def compared(self, summary: Summary, truth: Summary, shared: xr.Dataset) -> dict[str, float]:
        """The distance."""
        return {self._name: log_distance(summary["power"], truth["power"])}

    def titles(self) -> Mapping[str, tuple[str, str]]:
        """Title of the distance."""
        return {self._name: (f"rms difference of log10 of the spectrum of {self.variable}", "1")}

    @property
    def _name(self) -> str:
        return f"log_spectrum_rmse_of_{self.variable}"

    def shown(self, means: Mapping[str, Summary], shared: xr.Dataset, results: Results) -> Finding:
        """The spectra."""
        name = self.label(f"spectrum_of_{self.variable}")
        power = by_case(means, "power", ["freq"]).assign_coords(freq=shared["freq"].values)

        def draw() -> Figure:
            figure, (axis,) = panels()
            for case, style in styles(results.titles, results.reference).items():
                if case in power["case"]:
                    axis.plot(power["freq"], np.maximum(power.sel(case=case), 1e-300), **style)
            axis.set_yscale("log")
            if len(self.dims) == 2:
                axis.set_xscale("log")
            axis.set_xlabel(
                "wave number" if len(self.dims) == 1 else f"wave number / cycles per unit of {self.dims[-1]}"
            )
            axis.set_ylabel(f"power of {self.variable}")
            legend(axis)
            return figure

        caption = f"Power spectrum of {self.variable} along {' and '.join(self.dims)}, mean over time."
        data = xr.Dataset({name: power.rename(freq=f"{name}_wave_number")})
        return Finding(f"Spectrum of {self.variable}", (), data, [Drawing(name, caption, draw)])
