"""The report of an experiment: a page, a NetCDF file of every number, figures, a summary for scripts."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from pyemu.harness.experiment.settings import ExperimentConfig
from pyemu.harness.gates import Gate, all_passed
from pyemu.harness.metrics import Finding, Number
from pyemu.harness.page import file_attributes, png, with_gates, write_figures, write_page, write_summary
from pyemu.harness.results import Results


@dataclass(frozen=True)
class Report:
    """Everything the report says."""

    config: ExperimentConfig
    results: Results
    findings: Sequence[Finding]
    gates: Sequence[Gate]
    provenance: dict[str, str]


def write_report(report: Report) -> Path:
    """Write ``report.html``, ``report.nc``, ``summary.json`` and ``figures/*.png``; return the folder."""
    folder = report.config.output_dir
    folder.mkdir(parents=True, exist_ok=True)
    write_summary(folder / "summary.json", report.gates)
    numbers_dataset(report).to_netcdf(folder / "report.nc")
    drawings = [drawing for finding in report.findings for drawing in finding.drawings]
    figures = {drawing.name: (drawing.caption, png(drawing.draw())) for drawing in drawings}
    write_figures(folder / "figures", figures)
    write_page(folder / "report.html", "experiment/report.html.j2", figures, **_context(report))
    return folder


def numbers_dataset(report: Report) -> xr.Dataset:
    """Every number, (case, seed), its interval and floor, (case), the arrays of the metrics, and the gates.

    NaN where a case has no such number; the seeds are counted, because cases may have different ones.
    """
    cases = list(report.results.titles)
    by_name: dict[str, list[Number]] = {}
    for number in (number for finding in report.findings for number in finding.numbers):
        by_name.setdefault(number.name, []).append(number)
    data = xr.Dataset(coords={"case": cases})
    for numbers in by_name.values():
        data = data.assign(_arrays(numbers, cases))
    arrays = [finding.data.drop_vars("case", errors="ignore") if "case" not in finding.data.dims else finding.data
              for finding in report.findings]  # fmt: skip
    data = xr.merge([data, *arrays], join="outer", compat="override", combine_attrs="drop_conflicts").sel(case=cases)
    data = with_gates(data, report.gates)
    data.attrs = file_attributes(report.config.title, report.config.summary, report.provenance)
    return data


def _arrays(numbers: Sequence[Number], cases: list[str]) -> dict[str, xr.DataArray]:
    """The numbers of one name: values, ends of the interval, floor."""
    name, attributes = numbers[0].name, {"units": numbers[0].unit}
    values = np.full((len(cases), max(1, *(len(number.values) for number in numbers))), np.nan)
    for number in numbers:
        values[cases.index(number.case), : len(number.values)] = number.values
    found = {
        name: xr.DataArray(values, dims=("case", f"{name}_run"), attrs=attributes | {"long_name": numbers[0].title})
    }
    for bound in ("low", "high", "floor"):
        row = {number.case: getattr(number, bound) for number in numbers}
        found[f"{name}_{bound}"] = xr.DataArray(
            [row.get(case, np.nan) for case in cases], dims="case", attrs=attributes
        )
    return found


def _context(report: Report) -> dict[str, Any]:
    """What the page says besides the figures."""
    return {
        "title": report.config.title,
        "summary": report.config.summary,
        "passed": all_passed(report.gates),
        "gates": report.gates,
        "provenance": report.provenance,
        "config": report.config,
        "titles": report.results.titles,
        "stopped": [run for run in report.results.runs if run.message],
        "tables": [_table(finding, report.results) for finding in report.findings],
        "n_runs": len(report.results.runs),
    }


def _table(finding: Finding, results: Results) -> dict[str, Any]:
    """Numbers as rows, cases as columns; the floor of a row is None where every case has its own."""
    cases = [case for case in results.titles if any(number.case == case for number in finding.numbers)]
    rows: dict[str, dict[str, Any]] = {}
    for number in finding.numbers:
        row = rows.setdefault(number.name, {"name": number.name, "title": number.title, "unit": number.unit,
                                            "floor": number.floor, "cells": {}})  # fmt: skip
        row["cells"][number.case] = number
        if row["floor"] is not None and not np.array_equal(row["floor"], number.floor, equal_nan=True):
            row["floor"] = None
    return {"title": finding.title, "cases": cases, "rows": list(rows.values())}
