"""Flux of kinetic energy or enstrophy through scales."""

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
from pyemu.harness.statistics import transfer
from pyemu.harness.statistics.resampling import Summary

UNITS = {"kinetic_energy": "m2 s-3", "enstrophy": "s-3"}


class SpectralFlux(BlockMetric):
    """What small scales gain by advection from large ones, by wave number: relative rms difference from the truth's.

    Positive fluxes go to smaller scales. The velocities have the dimensions y and x last, whatever their names, with
    coordinates of equal distance in m; on a C grid ``x_velocity`` is on east faces and ``y_velocity`` on south faces. Between
    walls a flow is continued by its mirror image.
    """

    metric: Literal["spectral_flux"]
    x_velocity: str
    y_velocity: str
    of: Literal["kinetic_energy", "enstrophy"] = "kinetic_energy"
    boundary: Literal["closed", "channel", "periodic"] = Field(description="walls: all around, north and south, none")
    grid: Literal["c_grid", "middles"] = "c_grid"

    @property
    def variables(self) -> tuple[str, ...]:
        """Both velocities."""
        return (self.x_velocity, self.y_velocity)

    def prepared(self, truth: Sequence[xr.Dataset]) -> xr.Dataset:
        """Wave numbers and the size of a cell. Raises ``ValueError`` for velocities on other places than those of a grid."""
        u, v = (truth[0][name] for name in self.variables)
        if u.dims[:1] != ("time",) or u.ndim != 3 or u.shape != v.shape:
            raise ValueError(
                f"metric spectral_flux: {self.x_velocity} {dict(u.sizes)} and {self.y_velocity} {dict(v.sizes)} must be "
                "(time, y, x) of one size"
            )
        dy, dx = (_distance(u, dim) for dim in u.dims[1:])
        waves = transfer.wave_numbers(u.shape[1], u.shape[2], dy, dx, self.boundary)
        return xr.Dataset({"wave_number": ("k", waves)}, attrs={"dy": dy, "dx": dx})

    def summary(self, piece: xr.Dataset, shared: xr.Dataset) -> Summary:
        """The flux, mean over time."""
        u, v = (piece[name].values.astype(float) for name in self.variables)
        if self.grid == "c_grid":
            u, v = transfer.at_middles(u, v, self.boundary)
        flux = transfer.spectral_flux(u, v, shared.attrs["dy"], shared.attrs["dx"], self.boundary, self.of)
        return {"flux": flux.mean(axis=0)}

    def compared(self, summary: Summary, truth: Summary, shared: xr.Dataset) -> dict[str, float]:
        """Difference of the curves over the rms of the truth's; the largest fluxes to either side."""
        flux, true = summary["flux"], truth["flux"]
        return {
            self._name("spectral_flux_rmse"): _rms(flux - true) / _rms(true) if _rms(true) else float("nan"),
            self._name("flux_to_small_scales"): float(max(0.0, flux.max())),
            self._name("flux_to_large_scales"): float(max(0.0, (-flux).max())),
        }

    def titles(self) -> Mapping[str, tuple[str, str]]:
        """Titles of the numbers."""
        text = self.of.replace("_", " ")
        return {
            self._name("spectral_flux_rmse"): (f"rms difference of the spectral flux of {text} over its rms", "1"),
            self._name("flux_to_small_scales"): (f"largest flux of {text} to smaller scales", UNITS[self.of]),
            self._name("flux_to_large_scales"): (f"largest flux of {text} to larger scales", UNITS[self.of]),
        }

    def _name(self, text: str) -> str:
        return f"{text}_of_{self.of}"

    def shown(self, means: Mapping[str, Summary], shared: xr.Dataset, results: Results) -> Finding:
        """The fluxes."""
        name = self.label(f"spectral_flux_of_{self.of}")
        waves = shared["wave_number"].values
        flux = by_case(means, "flux", [f"{name}_wave_number"]).assign_coords({f"{name}_wave_number": waves})

        def draw() -> Figure:
            figure, (axis,) = panels()
            for case, style in styles(results.titles, results.reference).items():
                if case in means:
                    axis.plot(waves, flux.sel(case=case), **style)
            axis.axhline(0.0, color="0.8", lw=0.8, zorder=0)
            axis.set_xscale("log")
            axis.set_xlabel("wave number / cycles per m")
            axis.set_ylabel(f"flux of {self.of.replace('_', ' ')} / {UNITS[self.of]}")
            legend(axis)
            return figure

        text = self.of.replace("_", " ")
        caption = f"Flux of {text} through wave numbers by advection, mean over time; positive: to smaller scales."
        data = xr.Dataset({name: flux})
        return Finding(f"Spectral flux of {text}", (), data, [Drawing(name, caption, draw)])


def _distance(values: xr.DataArray, dim: object) -> float:
    places = values[str(dim)].values.astype(float)
    steps = np.diff(places)
    if str(dim) not in values.coords or not np.allclose(steps, steps[0], rtol=1e-6):
        raise ValueError(f"metric spectral_flux: the dimension {dim} needs a coordinate of equal distance in m")
    return float(steps[0])


def _rms(values: NDArray[np.float64]) -> float:
    return float(np.sqrt((values**2).mean()))
