"""What every report is made of: a page, its pictures, a NetCDF file of every number, a summary for scripts."""

import base64
import io
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import xarray as xr
from markupsafe import Markup
from matplotlib.figure import Figure

from pyemu.harness.gates import Gate, summary


def write_page(path: Path, template: str, figures: Mapping[str, tuple[str, bytes]], **context: Any) -> None:
    """Render ``template``, a path below ``pyemu/harness``; ``figures`` are captions and pictures by name."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pyemu.harness", "."), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters |= {"number": number, "mark": mark}
    shown = [
        {"name": name, "caption": caption, "image": base64.b64encode(image).decode("ascii")}
        for name, (caption, image) in figures.items()
    ]
    path.write_text(environment.get_template(template).render(figures=shown, **context), encoding="utf-8")


def write_figures(folder: Path, figures: Mapping[str, tuple[str, bytes]]) -> None:
    """One PNG file each in ``folder``, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (_, image) in figures.items():
        (folder / f"{name}.png").write_bytes(image)


def write_summary(path: Path, gates: Sequence[Gate]) -> None:
    """The gates that can fail, by name."""
    path.write_text(json.dumps(summary(gates), indent=2, allow_nan=False) + "\n", encoding="utf-8")


def with_gates(data: xr.Dataset, gates: Sequence[Gate]) -> xr.Dataset:
    """The numbers with the gates as variables along ``gate``."""
    data = data.assign_coords(gate=[gate.name for gate in gates])
    data["gate_value"] = ("gate", [gate.value for gate in gates])
    data["gate_limit"] = ("gate", [math.nan if gate.limit is None else gate.limit for gate in gates])
    data["gate_passed"] = ("gate", [{True: 1, False: 0, None: -1}[gate.passed] for gate in gates])
    data["gate_passed"].attrs = {"flag_values": [-1, 0, 1], "flag_meanings": "not_gated failed passed"}
    return data


def file_attributes(title: str, text: str, provenance: Mapping[str, str]) -> dict[str, str]:
    """Global attributes of the NetCDF file."""
    rows = {key.replace(" ", "_"): value for key, value in provenance.items()}
    return {"Conventions": "CF-1.10", "title": title, "summary": text} | rows


def png(figure: Figure) -> bytes:
    """A figure as a picture."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


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
