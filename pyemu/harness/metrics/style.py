"""How figures look: the truth is black and thick, every other case has its colour in all figures."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

TRUTH = "#202020"
COLOURS = ("#1b6ca8", "#e07b39", "#2a9d6f", "#7a3e9d", "#c0392b", "#8a6d3b", "#d46a9f", "#5b7f95", "#a0a000", "#00909a")


def styles(titles: Mapping[str, str], reference: str) -> dict[str, dict[str, Any]]:
    """Keyword arguments of lines by case."""
    others = [case for case in titles if case != reference]
    found: dict[str, dict[str, Any]] = {
        case: {
            "color": COLOURS[i % len(COLOURS)],
            "lw": 1.4,
            "ls": "-" if i < len(COLOURS) else "--",
            "label": titles[case],
        }
        for i, case in enumerate(others)
    }
    return {reference: {"color": TRUTH, "lw": 2.4, "label": titles[reference], "zorder": 3}} | found


def panels(
    n_columns: int = 1, n_rows: int = 1, *, width: float = 8.6, height: float = 3.4
) -> tuple[Figure, list[Axes]]:
    """A figure and its axes, row by row."""
    figure = Figure(figsize=(width, height * n_rows), dpi=140, layout="constrained")
    axes = figure.subplots(n_rows, n_columns, squeeze=False)
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
    return figure, list(axes.flat)


def labelled(name: str, units: object) -> str:
    """The label of an axis: a name with its unit, if it has one."""
    return name if units in ("", "1", None) else f"{name} / {units}"


def legend(axis: Axes) -> None:
    """A small legend, if anything has a label."""
    if axis.get_legend_handles_labels()[0]:
        axis.legend(fontsize=7.5, frameon=False)
