"""The report: one HTML page, one NetCDF file of every number, the figures, and a summary for scripts."""

import base64
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import xarray as xr
from markupsafe import Markup

from pyemu.harness.excursions import Excursion
from pyemu.harness.figures import FIGURES
from pyemu.harness.gates import Gate, all_passed, summary
from pyemu.harness.guard import count_rows, guard_rows
from pyemu.harness.metrics import BANDS_HPA
from pyemu.harness.offline import rfmip_rows
from pyemu.harness.run import SCHEMES, Outcome
from pyemu.harness.settings import CoupleConfig


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
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    _write_summary(report, folder / "summary.json")
    _write_netcdf(report, folder / "report.nc")
    images = {spec.name: _png(report, spec.draw) for spec in FIGURES}
    for name, image in images.items():
        (folder / "figures" / f"{name}.png").write_bytes(image)
    (folder / "report.html").write_text(_html(report, images), encoding="utf-8")
    return folder


def _write_summary(report: Report, path: Path) -> None:
    path.write_text(
        json.dumps(summary([*report.gates, *report.offline]), indent=2, allow_nan=False) + "\n", encoding="utf-8"
    )


def _write_netcdf(report: Report, path: Path) -> None:
    """CF attributes where CF has a word; gates as variables along ``gate``."""
    data = report.data.copy()
    gates = [*report.gates, *report.offline]
    data = data.assign_coords(gate=[gate.name for gate in gates])
    data["gate_value"] = ("gate", [gate.value for gate in gates])
    data["gate_limit"] = ("gate", [math.nan if gate.limit is None else gate.limit for gate in gates])
    data["gate_passed"] = ("gate", [{True: 1, False: 0, None: -1}[gate.passed] for gate in gates])
    data["gate_passed"].attrs = {"flag_values": [-1, 0, 1], "flag_meanings": "not_gated failed passed"}
    data["inside_training_range"] = data["inside_training_range"].astype("int8").assign_attrs(units="1")
    if "time" in data.coords:
        data["time"].attrs = {"units": "days since 0001-01-01 00:00:00", "calendar": "noleap", "standard_name": "time"}
    data.attrs = {"Conventions": "CF-1.10", "title": report.config.title, "summary": report.config.summary} | {
        key.replace(" ", "_"): value for key, value in report.provenance.items()
    }
    data.to_netcdf(path)


def _png(report: Report, draw: Any) -> bytes:
    buffer = io.BytesIO()
    draw(report.data, report.config).savefig(buffer, format="png")
    return buffer.getvalue()


def _html(report: Report, images: dict[str, bytes]) -> str:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pyemu.harness", "."), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["number"] = number
    environment.filters["mark"] = mark
    page = environment.get_template("report.html.j2")
    return page.render(
        report=report,
        config=report.config,
        figures=[(spec, base64.b64encode(images[spec.name]).decode("ascii")) for spec in FIGURES],
        failed=[gate for gate in [*report.gates, *report.offline] if gate.passed is False],
        held_out=[gate for gate in report.offline if not gate.name.startswith("rfmip_")],
        rfmip=rfmip_rows({gate.name: gate.value for gate in report.offline}),
        climates=[_climate_row(report, climate.name) | {"climate": climate} for climate in report.config.climates],
        costs=_cost_rows(report.data),
        bands=list(BANDS_HPA),
        guards=guard_rows(report.data, report.config),
        counts=count_rows(report.data, report.config),
        closure=[_closure_row(report.data, climate.name) | {"climate": climate} for climate in report.config.climates],
    )


def _climate_row(report: Report, name: str) -> dict[str, Any]:
    """Numbers of one climate for the tables."""
    found = report.data.sel(climate=name)
    outcomes = {outcome.run.scheme: outcome for outcome in report.outcomes if outcome.run.climate == name}
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


def number(value: float | None) -> str:
    """Three significant digits, exponents only where they help; a dash for what is not known."""
    if value is None or not math.isfinite(value):
        return "\u2013"
    if value == 0.0:
        return "0"
    return (
        f"{value:.2e}"
        if abs(value) < 1e-3 or abs(value) >= 1e5
        else f"{value:.4g}"
        if abs(value) >= 100
        else f"{value:.3g}"
    )


def mark(passed: bool | None) -> Markup:
    """The verdict of a gate as a coloured word."""
    word, kind = {True: ("pass", "good"), False: ("FAIL", "bad"), None: ("reported", "plain")}[passed]
    return Markup('<span class="mark {}">{}</span>').format(kind, word)
