"""Numbers of coupled runs: each run reduced to series, profiles and costs, then scheme and emulator side by side."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from pyemu.constants import SECONDS_PER_DAY, SPECIFIC_HEAT_OF_DRY_AIR, STANDARD_GRAVITY
from pyemu.harness.radiation.guard import guard_numbers
from pyemu.harness.radiation.plan import SCHEMES
from pyemu.harness.radiation.settings import CoupleConfig
from pyemu.harness.run import HostError, Outcome

HEATING = "tendency_of_air_temperature_due_to_{}_heating"
PER_DAY = {"units": "K day-1"}
SERIES = (
    "toa_outgoing_longwave_flux",
    "toa_net_downward_shortwave_flux",
    "surface_net_downward_longwave_flux",
    "surface_net_downward_shortwave_flux",
    "surface_temperature",
)  # domain means in time
RESIDUALS = ("longwave_energy_residual", "shortwave_energy_residual", "column_energy_residual")  # domain maxima in time
BANDS_HPA = {
    "troposphere (below 200 hPa)": (200.0, 1100.0),
    "tropopause (100-200 hPa)": (100.0, 200.0),
    "lower stratosphere (10-100 hPa)": (10.0, 100.0),
    "upper stratosphere (1-10 hPa)": (1.0, 10.0),
    "mesosphere (above 1 hPa)": (0.0, 1.0),
}


def combine(outcomes: Sequence[Outcome], config: CoupleConfig) -> xr.Dataset:
    """Every run of every climate in one dataset with dimensions ``climate`` and ``scheme`` in front."""
    reduced = {
        (outcome.run.labels["climate"], outcome.run.labels["scheme"]): reduce_run(outcome, config)
        for outcome in outcomes
    }
    names = [climate.name for climate in config.climates]
    per_climate = [
        xr.concat([reduced[name, scheme] for scheme in SCHEMES], dim="scheme", join="outer", combine_attrs="override")
        for name in names
    ]
    combined = xr.concat(per_climate, dim="climate", join="outer", combine_attrs="override")
    combined = combined.assign_coords(climate=names, scheme=list(SCHEMES))
    combined["inside_training_range"] = ("climate", [climate.inside_training_range for climate in config.climates])
    return combined.merge(differences(combined))


def reduce_run(outcome: Outcome, config: CoupleConfig) -> xr.Dataset:
    """One run: series of domain means, equilibrium profiles, drift, closure, cost. NaN where it did not get to."""
    with read(outcome.run.output) as run:
        late = equilibrium(run, config)
        numbers = xr.Dataset()
        numbers["days_completed"] = _number(float(run["time"].max()) if run.sizes["time"] else 0.0, "day")
        numbers["exit_status"] = _number(outcome.status, "1")
        return xr.merge(
            [
                numbers, series(run), closure(run), profiles(late), columns(late), trends(run, config), costs(run),
                guard_numbers(run),
            ],
            combine_attrs="override",
        ).load()  # fmt: skip


def read(path: Path) -> xr.Dataset:
    """A run's file with time in days, and with the mass-weighted mean temperature of every column at every record.

    Raises ``HostError`` for a file that cannot be read, as a killed host may leave it.
    """
    try:
        run = xr.open_dataset(path, decode_times=False)
    except OSError as error:
        raise HostError(
            f"{path} cannot be read ({error}): delete it and run again, or see run.log beside it"
        ) from error
    pressure = run["air_pressure_at_interfaces"]
    mass = (pressure.isel(interface=-1) - pressure.isel(interface=0)) / STANDARD_GRAVITY  # (column) [kg m-2]
    mean = run["atmosphere_enthalpy_content"] / (SPECIFIC_HEAT_OF_DRY_AIR * mass)
    run["mass_weighted_air_temperature"] = mean.assign_attrs(units="K", long_name="column mean temperature by mass")
    return run


def equilibrium(run: xr.Dataset, config: CoupleConfig) -> xr.Dataset:
    """The last ``averaging_days`` of the planned length; empty if the run stopped before."""
    return run.sel(time=run["time"] > config.days - config.averaging_days)


def series(run: xr.Dataset) -> xr.Dataset:
    """Domain means of temperature and fluxes, and domain maxima of residuals, (time). A NaN in one column shows."""
    means = run[["mass_weighted_air_temperature", *SERIES]].mean("column", keep_attrs=True, skipna=False)
    absorbed = run["toa_net_downward_shortwave_flux"] - run["toa_outgoing_longwave_flux"]
    received = run["surface_net_downward_shortwave_flux"] + run["surface_net_downward_longwave_flux"]
    means["toa_net_downward_radiative_flux"] = absorbed.mean("column").assign_attrs(units="W m-2")
    means["surface_net_downward_radiative_flux"] = received.mean("column").assign_attrs(units="W m-2")
    return means.merge(abs(run[list(RESIDUALS)]).max("column", keep_attrs=True, skipna=False))


def closure(run: xr.Dataset) -> xr.Dataset:
    """Largest residuals of all columns and records [W m-2]; NaN if one is."""
    largest = abs(run[list(RESIDUALS)]).max(skipna=False, keep_attrs=True)
    return largest.rename({name: f"largest_{name}" for name in RESIDUALS})


def profiles(late: xr.Dataset) -> xr.Dataset:
    """Equilibrium profiles, domain means: temperature [K], heating rates [K day-1], pressure [Pa], (layer)."""
    found = xr.Dataset({"pressure_profile": late["air_pressure"].mean("column").assign_attrs(units="Pa")})
    temperature = late["air_temperature"].mean(("time", "column"))
    found["air_temperature_profile"] = temperature.assign_attrs(units="K", long_name="equilibrium temperature")
    for band in ("longwave", "shortwave"):
        heating = late[HEATING.format(band)].mean(("time", "column")) * SECONDS_PER_DAY
        found[f"{band}_heating_profile"] = heating.assign_attrs(PER_DAY, long_name=f"equilibrium {band} heating rate")
    return found


def columns(late: xr.Dataset) -> xr.Dataset:
    """Equilibrium of every column: temperature (column, layer), mean temperature and OLR (column)."""
    found = late[["mass_weighted_air_temperature", "toa_outgoing_longwave_flux", *SERIES[1:4]]].mean(
        "time", keep_attrs=True
    )
    found = found.rename({name: f"{name}_of_column" for name in found.data_vars})
    found["air_temperature_of_column"] = late["air_temperature"].mean("time", keep_attrs=True)
    pressure = late["air_pressure_at_interfaces"]
    thickness = pressure.diff("interface").rename(interface="layer")
    found["air_pressure_thickness"] = thickness.drop_vars("layer", errors="ignore").assign_attrs(units="Pa")
    return found.merge(late[["latitude", "cloud_regime", "air_pressure"]]).drop_vars("interface", errors="ignore")


def trends(run: xr.Dataset, config: CoupleConfig) -> xr.Dataset:
    """Linear trends of domain means over the last ``drift_days``, per 100 days."""
    late = run.sel(time=run["time"] > config.days - config.drift_days)
    found = xr.Dataset()
    for name in ("mass_weighted_air_temperature", "toa_outgoing_longwave_flux"):
        values = late[name].mean("column")
        found[f"{name}_trend"] = _number(
            100.0 * _slope(late["time"].values, values.values), f"{run[name].units} per 100 days"
        )
    return found


def costs(run: xr.Dataset) -> xr.Dataset:
    """Processor time per column and radiation call, counted by the host [s]: the median of the records.

    Processor time, because wall time would compare how busy the machine was during two runs.
    """
    calls = run["radiation_column_calls"].diff("time")
    found = xr.Dataset()
    for part in ("longwave", "shortwave"):
        seconds = run[f"{part}_cpu_time"].diff("time") / calls.where(calls > 0.0)
        found[f"{part}_time_per_column"] = _number(float(seconds.median()), "s")
    radiation = found["longwave_time_per_column"] + found["shortwave_time_per_column"]
    found["radiation_time_per_column"] = radiation.assign_attrs(units="s")
    return found


def differences(combined: xr.Dataset) -> xr.Dataset:
    """Emulator minus RRTMG in every climate."""
    emulator, rrtmg = combined.sel(scheme="emulator", drop=True), combined.sel(scheme="rrtmg", drop=True)
    found = xr.Dataset()
    for name, short in (("mass_weighted_air_temperature", "temperature"), ("toa_outgoing_longwave_flux", "olr")):
        of_column = emulator[f"{name}_of_column"] - rrtmg[f"{name}_of_column"]
        units = {"units": combined[name].units}
        found[f"{short}_difference"] = of_column.mean("column", skipna=False).assign_attrs(units)
        found[f"{short}_rms_difference"] = _rms(of_column).assign_attrs(units)
    for name in SERIES[1:4]:
        of_column = emulator[f"{name}_of_column"] - rrtmg[f"{name}_of_column"]
        found[f"{name}_difference"] = of_column.mean("column", skipna=False).assign_attrs(units="W m-2")
    layers = emulator["air_temperature_of_column"] - rrtmg["air_temperature_of_column"]
    found["layer_temperature_difference"] = layers.assign_attrs(units="K")
    found["layer_temperature_rms_difference"] = _rms(layers).assign_attrs(units="K")
    found["band_temperature_difference"] = band_means(layers, combined)
    found["cost_ratio"] = cost_ratio(combined)
    return found


def band_means(layers: xr.DataArray, combined: xr.Dataset) -> xr.DataArray:
    """Mass-weighted means of a (climate, column, layer) field over bands of pressure, (climate, band)."""
    pressure = combined["air_pressure"].isel(scheme=0, drop=True) / 100.0  # hPa
    mass = combined["air_pressure_thickness"].isel(scheme=0, drop=True)
    means = [
        layers.weighted(mass.where((pressure > low) & (pressure <= high), 0.0).fillna(0.0)).mean(("column", "layer"))
        for low, high in BANDS_HPA.values()
    ]
    return (
        xr.concat(means, dim="band")
        .assign_coords(band=list(BANDS_HPA))
        .transpose("climate", "band")
        .assign_attrs(units="K")
    )


def cost_ratio(combined: xr.Dataset) -> xr.DataArray:
    """RRTMG over emulator time per column, each the median of the climates."""
    typical = combined["radiation_time_per_column"].median("climate")
    ratio = typical.sel(scheme="rrtmg", drop=True) / typical.sel(scheme="emulator", drop=True)
    return ratio.assign_attrs(units="1", long_name="RRTMG time over emulator time per column and call")


def _rms(differences: xr.DataArray) -> xr.DataArray:
    """Root mean square over columns; a NaN in one column shows."""
    return (differences**2).mean("column", skipna=False) ** 0.5


def _number(value: float, units: str) -> xr.DataArray:
    return xr.DataArray(float(value), attrs={"units": units})


def _slope(time: np.ndarray, values: np.ndarray) -> float:
    """Least-squares slope, NaN for fewer than three records."""
    good = np.isfinite(values)
    return float(np.polyfit(time[good], values[good], 1)[0]) if good.sum() >= 3 else float("nan")
