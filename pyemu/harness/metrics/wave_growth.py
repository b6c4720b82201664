"""Growth of waves in the shallow-water host with the very emulators that its runs had."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray

from pyemu.data.shallow_water import FORCING, STATE, STRESS, THICKNESS_TENDENCY, TRANSPORTS
from pyemu.harness.metrics.metric import Drawing, Finding, Metric, Number
from pyemu.harness.metrics.style import legend, panels, styles
from pyemu.harness.results import Result, Results
from pyemu.harness.statistics.probe import probed_weights

if TYPE_CHECKING:
    from pyemu.physics.von_neumann import Growth

STEPS = dict(zip(STATE, (1e-2, 1e-2, 1.0), strict=True))  # m s-1 and m


class WaveGrowth(Metric):
    """Growth rates of all waves of a periodic grid, by von Neumann's analysis of the host's scheme linearised about a state.

    For the host ``shallow_water``: what emulators give is linearised by small changes of their inputs, all else is the host's
    own, as its namelist says. A rate above zero ends a run sooner or later, whatever its offline scores. Walls, wind and beta are
    left out.
    """

    metric: Literal["wave_growth"]
    u: float = 0.0
    v: float = 0.0
    h: float = 0.0

    def evaluate(self, results: Results) -> Finding:
        """Rates of every case, and the largest by wave number."""
        found = {
            case: [self._growth(run) for run in results.of(case, self.kind) if run.data is not None]
            for case in results.titles
        }
        titles = {
            "wave_growth_rate": ("growth rate of the fastest wave", "day-1"),
            "fastest_wave_length": ("length of the fastest wave", "cells"),
            "growth_rate_of_the_mean": ("growth rate of the state without waves", "day-1"),
        }
        numbers = [
            Number(self.label(name), case, title, unit, tuple(_numbers(one)[name] for one in runs))
            for case, runs in found.items()
            for name, (title, unit) in titles.items()
        ]
        name = self.label("wave_growth")
        curves = {case: _by_length(runs[0].rates, f"{name}_{case}") for case, runs in found.items() if runs}
        caption = "Largest growth rate of waves by wave number, first run of every case: above zero they grow."
        drawing = Drawing(name, caption, lambda: _figure(curves, results))
        return Finding(
            "Growth of waves", numbers, xr.Dataset({f"{name}_{key}": one for key, one in curves.items()}), [drawing]
        )

    def _growth(self, run: Result) -> "Growth":
        """Raises ``KeyError`` for another host, ``ValueError`` for an emulator that cannot be linearised."""
        from pyemu.physics.shallow_water import Ocean  # torch is loaded only where it is needed
        from pyemu.physics.von_neumann import Base, convergence, growth, host_operator, projected, symbol_of

        entries = run.data.attrs if run.data is not None else {}
        if "reduced_gravity" not in entries:
            raise KeyError(f"metric wave_growth: case {run.case} is no run of the host shallow_water")
        ocean = Ocean.of(entries)
        nx, ny = int(entries["nx"]), int(entries["ny"])
        emulated = {part for part in ("momentum", "thickness") if entries[part] == "emulator"}
        host = host_operator(ocean, Base(self.u, self.v, self.h), has_forcing="momentum" not in emulated)
        symbol = symbol_of(host, nx, ny)
        weights = self._weights(entries, emulated)
        waves = {name: symbol_of(one[None], nx, ny)[..., 0, :] for name, one in weights.items()}
        if "momentum" in emulated:
            for row, name in enumerate(FORCING):
                symbol[..., row, :] += waves[name]
        if "thickness" in emulated:
            if THICKNESS_TENDENCY in waves:
                symbol[..., 2, :] = waves[THICKNESS_TENDENCY]
            else:
                x, y = (waves[name] for name in TRANSPORTS)
                symbol[..., 2, :] = convergence(x, y, ocean)
            symbol = projected(symbol) if entries["mass"] == "projection" else symbol
        return growth(symbol, ocean.time_step, ocean.robert_asselin)

    def _weights(self, entries: dict[str, Any], emulated: set[str]) -> dict[str, NDArray[np.float64]]:
        names = {"momentum": ("momentum_file", "momentum_y_file"), "thickness": ("thickness_file",)}
        files = {str(entries[name]) for part in emulated for name in names[part] if entries[name]}
        values = dict(zip(STEPS, (self.u, self.v, self.h), strict=True)) | dict.fromkeys(STRESS, 0.0)
        found: dict[str, NDArray[np.float64]] = {}
        for file in sorted(files):
            found |= probed_weights(Path(file), str(entries["engine"]), values, STEPS)
        return found


def _numbers(found: "Growth") -> dict[str, float]:
    waves = float(np.hypot(*found.fastest_wave))
    return {
        "wave_growth_rate": found.largest,
        "fastest_wave_length": 1.0 / waves if waves else float("inf"),
        "growth_rate_of_the_mean": found.of_the_mean,
    }


def _by_length(rates: NDArray[np.float64], prefix: str) -> xr.DataArray:
    """The largest rate of rings of waves, one ring for each wave of the longer side."""
    ny, nx = rates.shape
    waves = np.hypot(np.fft.fftfreq(nx)[None, :], np.fft.fftfreq(ny)[:, None])
    ring = np.round(waves * max(nx, ny)).astype(int)
    numbers = np.unique(ring)
    largest = [rates[ring == number].max() for number in numbers]
    dim = f"{prefix}_wave_number"
    return xr.DataArray(largest, dims=dim, coords={dim: numbers / max(nx, ny)})


def _figure(curves: dict[str, xr.DataArray], results: Results) -> Figure:
    figure, (axis,) = panels()
    for case, style in styles(results.titles, results.reference).items():
        if case in curves:
            axis.plot(next(iter(curves[case].coords.values())), curves[case], **style)
    axis.axhline(0.0, color="0.8", lw=0.8, zorder=0)
    axis.set_yscale("symlog", linthresh=1e-3)
    axis.set_xlabel("wave number / cycles per cell")
    axis.set_ylabel("largest growth rate / day-1")
    legend(axis)
    return figure
