"""Maps of the mean and the variability of a variable."""

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
from pyemu.harness.statistics.area import share_of_places
from pyemu.harness.statistics.correlations import pattern_correlation
from pyemu.harness.statistics.resampling import Summary


class Climate(BlockMetric):
    """Mean and standard deviation in time at every place: rms differences from the truth and pattern correlations.

    ``pooled`` names dimensions that are no places, such as members.
    """

    metric: Literal["climate"]
    variable: str
    pooled: tuple[str, ...] = Field(
        default=("member",), description="dimensions that are averaged over, where they exist"
    )

    @property
    def variables(self) -> tuple[str, ...]:
        """The variable."""
        return (self.variable,)

    def prepared(self, truth: Sequence[xr.Dataset]) -> xr.Dataset:
        """The unit, and the dimensions that are places."""
        values = truth[0][self.variable]
        places = [str(dim) for dim in values.dims if dim not in ("time", *self.pooled)]
        return xr.Dataset(
            {"share": share_of_places(values, places)},
            attrs={"units": values.attrs.get("units", "1"), "places": places},
        )

    def summary(self, piece: xr.Dataset, shared: xr.Dataset) -> Summary:
        """Mean and mean square at every place."""
        values = piece[self.variable].astype(float)
        over = ["time", *(dim for dim in self.pooled if dim in values.dims)]
        return {"mean": values.mean(over).values, "square": (values**2).mean(over).values}

    def compared(self, summary: Summary, truth: Summary, shared: xr.Dataset) -> dict[str, float]:
        """Root mean squares of the differences over places, and correlations of the patterns."""
        deviation, true_deviation = _deviation(summary), _deviation(truth)
        share = shared["share"].values
        found = {
            "mean_map_rmse": float(np.sqrt(((summary["mean"] - truth["mean"]) ** 2 * share).sum())),
            "mean_map_correlation": pattern_correlation(summary["mean"], truth["mean"], share),
            "variability_map_rmse": float(np.sqrt(((deviation - true_deviation) ** 2 * share).sum())),
            "variability_map_correlation": pattern_correlation(deviation, true_deviation, share),
        }
        return {f"{name}_of_{self.variable}": value for name, value in found.items()}

    def titles(self) -> Mapping[str, tuple[str, str]]:
        """Titles of the numbers."""
        texts = {
            "mean_map_rmse": ("rms difference of the mean map", ""),
            "mean_map_correlation": ("pattern correlation of the mean map", "1"),
            "variability_map_rmse": ("rms difference of the map of standard deviations", ""),
            "variability_map_correlation": ("pattern correlation of the map of standard deviations", "1"),
        }
        return {
            f"{name}_of_{self.variable}": (f"{text}, {self.variable}", unit) for name, (text, unit) in texts.items()
        }

    def shown(self, means: Mapping[str, Summary], shared: xr.Dataset, results: Results) -> Finding:
        """Maps for two dimensions, lines for one."""
        name = self.label(f"climate_of_{self.variable}")
        places = {dim: shared["share"][dim] for dim in shared.attrs["places"] if dim in shared["share"].coords}
        every = {key: by_case(means, key, shared.attrs["places"]).assign_coords(places) for key in ("mean", "square")}
        deviation = (every["square"] - every["mean"] ** 2).clip(min=0.0) ** 0.5
        maps = xr.Dataset({f"{name}_mean": every["mean"], f"{name}_deviation": deviation})
        label = f"{self.variable} / {shared.attrs['units']}"
        drawings = []
        if every["mean"].ndim == 3:
            caption = f"Mean of {self.variable} in time: the truth, and what the other cases differ by from it."
            drawings.append(Drawing(name, caption, lambda: draw_maps(every["mean"], results, label)))
        elif every["mean"].ndim == 2:
            caption = f"Mean (left) and standard deviation (right) of {self.variable} in time at every place."
            drawings.append(Drawing(name, caption, lambda: _lines(maps, results, label)))
        return Finding(f"Climate of {self.variable}", (), maps, drawings)


def _deviation(summary: Summary) -> NDArray[np.float64]:
    return np.sqrt(np.maximum(summary["square"] - summary["mean"] ** 2, 0.0))


def draw_maps(mean: xr.DataArray, results: Results, label: str) -> Figure:
    """A field of two dimensions: of the truth, and what the other cases differ by; layers from the top down."""
    cases = [case for case in results.others if case in mean["case"]]
    shown = {} if results.reference not in mean["case"] else {results.reference: mean.sel(case=results.reference)}
    shown |= {case: mean.sel(case=case) - shown.get(results.reference, 0.0) for case in cases}
    n_columns = min(3, len(shown))
    figure, axes = panels(n_columns, -(-len(shown) // n_columns), height=2.9)
    for axis, (case, field) in zip(axes, shown.items(), strict=False):
        top = float(np.nanmax(np.abs(field))) or 1.0
        has_one_sign = float(np.nanmin(field)) > 0.0
        colours = {"cmap": "viridis"} if has_one_sign else {"cmap": "RdBu_r", "vmin": -top, "vmax": top}
        rows, columns = field.dims
        x, y = (field[dim] if dim in field.coords else np.arange(field.sizes[dim]) + 0.5 for dim in (columns, rows))
        image = axis.pcolormesh(x, y, field.values, shading="nearest", **colours)
        axis.set_xlabel(str(columns))
        axis.set_ylabel(str(rows))
        if rows == "lev":
            axis.invert_yaxis()
        difference = "" if case == results.reference else " minus truth"
        axis.set_title(results.titles[case] + difference, loc="left", fontsize=9)
        figure.colorbar(image, ax=axis, label=label if case == results.reference else None)
    for axis in axes[len(shown) :]:
        axis.set_visible(False)
    return figure


def _lines(maps: xr.Dataset, results: Results, label: str) -> Figure:
    figure, axes = panels(2)
    for axis, (name, values) in zip(axes, maps.data_vars.items(), strict=True):
        for case, style in styles(results.titles, results.reference).items():
            if case in values["case"]:
                axis.plot(values.sel(case=case), marker="o", ms=3, **style)
        axis.set_ylabel(f"{'mean' if str(name).endswith('mean') else 'standard deviation'}, {label}")
    legend(axes[0])
    return figure
