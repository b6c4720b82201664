"""The report: one HTML page, one NetCDF file of every number, the figures, and a summary for scripts."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import xarray as xr

from pyemu.harness.gates import Gate, all_passed
from pyemu.harness.page import file_attributes, png, with_gates, write_figures, write_page, write_summary
from pyemu.harness.radiation.excursions import Excursion
from pyemu.harness.radiation.figures import FIGURES
from pyemu.harness.radiation.guard import count_rows, guard_rows
from pyemu.harness.radiation.metrics import BANDS_HPA
from pyemu.harness.radiation.offline import rfmip_rows
from pyemu.harness.radiation.plan import SCHEMES
from pyemu.harness.radiation.settings import CoupleConfig
from pyemu.harness.run import Outcome


@dataclass(frozen=True)
class Report:
    """Everything the report says."""

    config: CoupleConfig
    data: xr.Dataset
    gates: Sequence[Gate]
    offline: Sequence[Gate]
    outcomes: Sequence[Outcome]
    excursions: Sequence[Excursion] | None
    provenance: dict[str, str]

    @property
    def passed(self) -> bool:
        """Whether no gate failed, coupled or offline."""
        return all_passed([*self.gates, *self.offline])


def write_report(report: Report) -> Path:
    """Write ``report.html``, ``report.nc``, ``summary.json`` and ``figures/*.png``; return the folder."""
    folder = report.config.output_dir
    folder.mkdir(parents=True, exist_ok=True)
    gates = [*report.gates, *report.offline]
    write_summary(folder / "summary.json", gates)
    _write_netcdf(report, gates, folder / "report.nc")
    figures = {spec.name: (spec.caption, png(spec.draw(report.data, report.config))) for spec in FIGURES}
    write_figures(folder / "figures", figures)
    write_page(folder / "report.html", "radiation/report.html.j2", figures, **_context(report, gates))
    return folder


def _write_netcdf(report: Report, gates: Sequence[Gate], path: Path) -> None:
    """CF attributes where CF has a word; gates as variables along ``gate``."""
    data = with_gates(report.data, gates)
    data["inside_training_range"] = data["inside_training_range"].astype("int8").assign_attrs(units="1")
    if "time" in data.coords:
        data["time"].attrs = {"units": "days since 0001-01-01 00:00:00", "calendar": "noleap", "standard_name": "time"}
    data.attrs = file_attributes(report.config.title, report.config.summary, report.provenance)
    data.to_netcdf(path)


def _context(report: Report, gates: Sequence[Gate]) -> dict[str, Any]:
    """What the page says besides the figures."""
    return {
        "title": report.config.title,
        "summary": report.config.summary,
        "passed": report.passed,
        "provenance": report.provenance,
        "gates": gates,
        "report": report,
        "config": report.config,
        "held_out": [gate for gate in report.offline if not gate.name.startswith("rfmip_")],
        "rfmip": rfmip_rows({gate.name: gate.value for gate in report.offline}),
        "climates": [_climate_row(report, climate.name) | {"climate": climate} for climate in report.config.climates],
        "costs": _cost_rows(report.data),
        "bands": list(BANDS_HPA),
        "guards": guard_rows(report.data, report.config),
        "counts": count_rows(report.data, report.config),
        "closure": [
            _closure_row(report.data, climate.name) | {"climate": climate} for climate in report.config.climates
        ],
    }


def _climate_row(report: Report, name: str) -> dict[str, Any]:
    """Numbers of one climate for the tables."""
    found = report.data.sel(climate=name)
    outcomes = {
        outcome.run.labels["scheme"]: outcome for outcome in report.outcomes if outcome.run.labels["climate"] == name
    }
    scalars = (
        "temperature_difference", "temperature_rms_difference", "olr_difference", "olr_rms_difference",
        "toa_net_downward_shortwave_flux_difference", "surface_net_downward_longwave_flux_difference",
        "surface_net_downward_shortwave_flux_difference",
    )  # fmt: skip
    row: dict[str, Any] = {key: float(found[key]) for key in scalars}
    row["bands"] = [float(value) for value in found["band_temperature_difference"]]
    row["messages"] = [f"{scheme}: {outcome.message}" for scheme, outcome in outcomes.items() if outcome.message]
    for scheme in SCHEMES:
        one = found.sel(scheme=scheme)
        row[scheme] = {
            "days": float(one["days_completed"]),
            "temperature": float(one["mass_weighted_air_temperature_of_column"].mean("column")),
            "olr": float(one["toa_outgoing_longwave_flux_of_column"].mean("column")),
            "temperature_trend": float(one["mass_weighted_air_temperature_trend"]),
            "olr_trend": float(one["toa_outgoing_longwave_flux_trend"]),
        }
    return row


def _closure_row(data: xr.Dataset, name: str) -> dict[str, Any]:
    """Largest residuals of one climate, per scheme."""
    found = data.sel(climate=name)
    kinds = ("longwave", "shortwave", "column")
    return {
        scheme: [float(found[f"largest_{kind}_energy_residual"].sel(scheme=scheme)) for kind in kinds]
        for scheme in SCHEMES
    }


def _cost_rows(data: xr.Dataset) -> list[dict[str, Any]]:
    """Microseconds per column and call, medians over the climates, and the ratio."""
    rows = []
    for part in ("longwave", "shortwave", "radiation"):
        times = data[f"{part}_time_per_column"].median("climate") * 1e6
        rrtmg, emulator = float(times.sel(scheme="rrtmg")), float(times.sel(scheme="emulator"))
        rows.append(
            {"part": part, "rrtmg": rrtmg, "emulator": emulator, "ratio": rrtmg / emulator if emulator else math.nan}
        )
    return rows
