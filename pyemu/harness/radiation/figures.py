"""Figures of the report: each takes the combined dataset and returns one figure."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pyemu.harness.radiation.settings import CoupleConfig

RRTMG, EMULATOR, DIFFERENCE = "#1b3a57", "#e07b39", "#7a3e9d"
COLOURS = {"rrtmg": RRTMG, "emulator": EMULATOR}
LABELS = {"rrtmg": "RRTMG", "emulator": "emulator"}
STYLES = {"rrtmg": "-", "emulator": "--"}
TOP_HPA = 0.1
HEATING_TICKS = (-50.0, -20.0, -10.0, -5.0, -2.0, -1.0, 0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)  # K day-1
CLIMATE_COLOURS = ("#1b3a57", "#c0392b", "#2e86ab", "#e07b39", "#6b8f3c", "#7a3e9d", "#808080")


@dataclass(frozen=True)
class FigureSpec:
    """A figure of the report: file name, caption, and the function that draws it."""

    name: str
    caption: str
    draw: Callable[[xr.Dataset, CoupleConfig], Figure]


def temperature_profiles(data: xr.Dataset, config: CoupleConfig) -> Figure:
    """Equilibrium temperature of both schemes and their difference, a row of panels per climate."""
    figure, rows = _grid(len(config.climates), 2, height=2.9)
    for (left, right), climate in zip(rows, config.climates, strict=True):
        found = data.sel(climate=climate.name)
        _draw_schemes(left, found, "air_temperature_profile")
        left.set_title(climate.title, loc="left", fontsize=10)
        left.set_xlabel("temperature / K")
        _draw_difference(right, found)
        _pressure_axis(left)
        _pressure_axis(right, label=False)
    rows[0][0].legend(loc="upper right")
    return figure


def heating_profiles(data: xr.Dataset, config: CoupleConfig) -> Figure:
    """Equilibrium heating rates, longwave and shortwave side by side, a row per climate."""
    figure, rows = _grid(len(config.climates), 2, height=2.9)
    for axes, climate in zip(rows, config.climates, strict=True):
        found = data.sel(climate=climate.name)
        for axis, band in zip(axes, ("longwave", "shortwave"), strict=True):
            _draw_schemes(axis, found, f"{band}_heating_profile")
            axis.axvline(0.0, color="0.8", lw=0.8, zorder=0)
            _heating_axis(axis)
            axis.set_xlabel(f"{band} heating / K day$^{{-1}}$")
            _pressure_axis(axis, label=band == "longwave")
        axes[0].set_title(climate.title, loc="left", fontsize=10)
    rows[0][1].legend(loc="upper left")
    return figure


def flux_series(data: xr.Dataset, config: CoupleConfig) -> Figure:
    """Outgoing longwave flux and net fluxes at top and surface in time."""
    panels = {
        "toa_outgoing_longwave_flux": "OLR",
        "toa_net_downward_radiative_flux": "net flux at the top",
        "surface_net_downward_radiative_flux": "net flux at the surface",
    }
    figure, rows = _grid(len(panels), 2, height=2.5)
    for (left, right), (name, title) in zip(rows, panels.items(), strict=True):
        for colour, climate in zip(_cycle(), config.climates, strict=False):
            found = data[name].sel(climate=climate.name)
            for scheme, style in STYLES.items():
                left.plot(data["time"], found.sel(scheme=scheme), style, color=colour, lw=1.3)
            right.plot(data["time"], _minus(found), color=colour, lw=1.3, label=climate.title)
        left.set_ylabel(f"{title} / W m$^{{-2}}$")
        right.set_ylabel("emulator $-$ RRTMG / W m$^{-2}$")
        right.axhline(0.0, color="0.8", lw=0.8, zorder=0)
    rows[0][0].set_title("RRTMG (full) and emulator (dashed)", loc="left", fontsize=10)
    _finish_series(rows)
    return figure


def temperature_drift(data: xr.Dataset, config: CoupleConfig) -> Figure:
    """Mean temperature in time, and its difference with the gate's band."""
    figure, ((left, right),) = _grid(1, 2, height=3.6)
    for colour, climate in zip(_cycle(), config.climates, strict=False):
        found = data["mass_weighted_air_temperature"].sel(climate=climate.name)
        for scheme, style in STYLES.items():
            left.plot(data["time"], found.sel(scheme=scheme), style, color=colour, lw=1.3)
        right.plot(data["time"], _minus(found), color=colour, lw=1.5, label=climate.title)
    limit = config.limits.temperature
    right.axhspan(-limit, limit, color="0.93", zorder=0)
    left.set_ylabel("mean temperature / K")
    right.set_ylabel("emulator $-$ RRTMG / K")
    left.set_title("RRTMG (full) and emulator (dashed)", loc="left", fontsize=10)
    _finish_series([[left, right]])
    return figure


def energy_closure(data: xr.Dataset, config: CoupleConfig) -> Figure:
    """Largest column residual of each record, logarithmic, with the gate."""
    figure, (axes,) = _grid(1, 2, height=3.3)
    for axis, band in zip(axes, ("longwave", "shortwave"), strict=True):
        for colour, climate in zip(_cycle(), config.climates, strict=False):
            for scheme, style in STYLES.items():
                values = data[f"{band}_energy_residual"].sel(climate=climate.name, scheme=scheme)
                axis.plot(
                    data["time"],
                    np.maximum(values, 1e-16),
                    style,
                    color=colour,
                    lw=1.2,
                    label=climate.title if scheme == "rrtmg" else None,
                )
        axis.axhline(config.limits.column_energy, color="#c0392b", lw=1.2)
        axis.text(0.99, config.limits.column_energy, "gate ", color="#c0392b", ha="right", va="bottom",
                  transform=axis.get_yaxis_transform(), fontsize=8)  # fmt: skip
        axis.set_yscale("log")
        axis.set_ylabel(f"{band} residual / W m$^{{-2}}$")
        axis.set_xlabel("day")
    axes[1].legend(fontsize=7.5, loc="center right")
    return figure


def cost_split(data: xr.Dataset, config: CoupleConfig) -> Figure:
    """Time per column and call, longwave and shortwave, both schemes, and the ratio."""
    figure, ((left, right),) = _grid(1, 2, height=3.2)
    parts = {"longwave": "#2e86ab", "shortwave": "#f2b134"}
    for row, scheme in enumerate(("emulator", "rrtmg")):
        start = 0.0
        for part, colour in parts.items():
            width = 1e6 * float(data[f"{part}_time_per_column"].sel(scheme=scheme).median("climate"))
            left.barh(row, width, left=start, color=colour, label=part if row == 0 else None)
            start += 0.0 if math.isnan(width) else width
        left.text(start, row, f" {start:,.0f} µs" if start >= 100.0 else f" {start:.3g} µs", va="center")
    left.set_yticks([0, 1], ["emulator", "RRTMG"])
    left.set_xlabel("processor time per column and call / µs (median of the climates)")
    left.set_xmargin(0.2)
    left.legend(loc="lower right")
    _draw_ratios(right, data, config)
    return figure


def column_map(data: xr.Dataset, config: CoupleConfig) -> Figure:
    """Temperature difference of every column (ordered by latitude) and layer, a panel per climate."""
    n = len(config.climates)
    n_columns = min(n, 3)
    figure, rows = _grid(math.ceil(n / n_columns), n_columns, height=3.2)
    axes = [axis for row in rows for axis in row]
    difference = data["layer_temperature_difference"]
    top = float(np.nanpercentile(np.abs(difference), 99)) if np.isfinite(difference).any() else 1.0
    for axis, climate in zip(axes, config.climates, strict=False):
        mesh = _draw_map(axis, data, difference.sel(climate=climate.name), max(top, 1e-6))
        axis.set_title(climate.title, loc="left", fontsize=10)
    for axis in axes[n:]:
        axis.set_visible(False)
    figure.colorbar(mesh, ax=axes, label="emulator $-$ RRTMG / K", shrink=0.8)
    return figure


FIGURES = (
    FigureSpec(
        "temperature_profiles",
        "Equilibrium temperature (domain mean) of both runs, and their difference: mean (line) and standard deviation "
        "(shading) over columns.",
        temperature_profiles,
    ),
    FigureSpec(
        "heating_profiles",
        "Equilibrium heating rates of both runs, each on its own state. The axis is linear within ±2 K/day and logarithmic "
        "beyond.",
        heating_profiles,
    ),
    FigureSpec(
        "flux_series",
        "Domain-mean fluxes in time. Left: both runs. Right: their difference. Fluxes count positive downwards, OLR "
        "upwards.",
        flux_series,
    ),
    FigureSpec(
        "temperature_drift",
        "Temperature of the whole column, mean by mass, from the common start. The grey band is the gate.",
        temperature_drift,
    ),
    FigureSpec(
        "column_map",
        "Equilibrium temperature difference of every column, ordered by latitude, and layer. Colours end at the 99th "
        "percentile.",
        column_map,
    ),
    FigureSpec(
        "energy_closure",
        "Largest difference, over columns and over all calls of a day, between the heating of a column and the net flux "
        "that stays in it: RRTMG full, emulator dashed.",
        energy_closure,
    ),
    FigureSpec(
        "cost_split",
        "Processor time of the radiation per column and call, counted inside the host, packing of inputs included: median "
        "of the days of a run. Wall time would compare how busy the machine was.",
        cost_split,
    ),
)


def _grid(rows: int, columns: int, *, height: float) -> tuple[Figure, list[list[Axes]]]:
    """A figure of panels; no global state, so that it works in any process."""
    figure = Figure(figsize=(9.6, height * rows + 0.3), layout="constrained", dpi=110)
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(color="0.92", lw=0.6)
        axis.set_axisbelow(True)
    return figure, [list(row) for row in axes]


def _draw_schemes(axis: Axes, found: xr.Dataset, name: str) -> None:
    for scheme, style in STYLES.items():
        one = found.sel(scheme=scheme)
        axis.plot(
            one[name], one["pressure_profile"] / 100.0, style, color=COLOURS[scheme], lw=1.6, label=LABELS[scheme]
        )


def _draw_difference(axis: Axes, found: xr.Dataset) -> None:
    pressure = found["pressure_profile"].sel(scheme="rrtmg") / 100.0
    mean = found["layer_temperature_difference"].mean("column")
    spread = found["layer_temperature_difference"].std("column")
    axis.fill_betweenx(pressure, mean - spread, mean + spread, color=DIFFERENCE, alpha=0.18, lw=0)
    axis.plot(mean, pressure, color=DIFFERENCE, lw=1.6)
    axis.axvline(0.0, color="0.7", lw=0.8, zorder=0)
    axis.set_xlabel("emulator $-$ RRTMG / K")


def _pressure_axis(axis: Axes, *, label: bool = True) -> None:
    axis.set_yscale("log")
    axis.set_ylim(1050.0, TOP_HPA)
    ticks = [1000.0, 100.0, 10.0, 1.0, 0.1]
    axis.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    if label:
        axis.set_ylabel("pressure / hPa")


def _heating_axis(axis: Axes) -> None:
    """Linear where the troposphere is, logarithmic where the stratosphere is."""
    axis.set_xscale("symlog", linthresh=2.0)
    low, high = axis.get_xlim()
    ticks = [tick for tick in HEATING_TICKS if low <= tick <= high]
    axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.minorticks_off()


def _finish_series(rows: list[list[Axes]]) -> None:
    for axis in rows[-1]:
        axis.set_xlabel("day")
    rows[0][-1].legend(fontsize=7.5, loc="best")


def _draw_ratios(axis: Axes, data: xr.Dataset, config: CoupleConfig) -> None:
    times = data["radiation_time_per_column"]
    ratios = times.sel(scheme="rrtmg") / times.sel(scheme="emulator")
    places = np.arange(len(config.climates))
    axis.bar(places, ratios, color=EMULATOR, width=0.6)
    axis.axhline(config.limits.cost_ratio, color="#c0392b", lw=1.2, label=f"gate: {config.limits.cost_ratio:g}")
    axis.set_xticks(places, [climate.name for climate in config.climates], rotation=20, ha="right", fontsize=8)
    axis.set_ylabel("RRTMG time / emulator time")
    axis.legend()


def _draw_map(axis: Axes, data: xr.Dataset, difference: xr.DataArray, top: float):  # type: ignore[no-untyped-def]
    order = np.argsort(data["latitude"].isel(climate=0, scheme=0).values)
    pressure = data["pressure_profile"].isel(climate=0, scheme=0).values / 100.0
    values = difference.isel(column=order).transpose("layer", "column").values
    mesh = axis.pcolormesh(
        np.arange(len(order)), pressure, values, cmap="RdBu_r", vmin=-top, vmax=top, shading="nearest"
    )
    _pressure_axis(axis)
    axis.grid(visible=False)
    axis.set_xlabel("column, by latitude")
    return mesh


def _minus(found: xr.DataArray) -> xr.DataArray:
    return found.sel(scheme="emulator", drop=True) - found.sel(scheme="rrtmg", drop=True)


def _cycle() -> list[str]:
    """Enough colours for any number of climates."""
    return list(CLIMATE_COLOURS) * 8
