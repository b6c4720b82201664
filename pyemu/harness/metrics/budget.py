"""Closure of a budget: whether what is in changes by what comes in."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from pydantic import Field

from pyemu.config import Config
from pyemu.harness.metrics.metric import N_BLOCKS, N_DRAWS, NAN, Drawing, Finding, Metric, Number
from pyemu.harness.metrics.style import legend, panels, styles
from pyemu.harness.metrics.times import seconds_in, unit_of_time
from pyemu.harness.results import Results
from pyemu.harness.statistics.resampling import Summary, mean_over_blocks, resampled


class Term(Config):
    """``factor`` times a variable, times ``weights`` (another one, such as the mass of layers), summed or averaged ``over``."""

    variable: str
    factor: float = 1.0
    weights: str = ""
    over: tuple[str, ...] = ()
    operation: Literal["sum", "mean"] = "sum"

    @property
    def variables(self) -> tuple[str, ...]:
        """What is read."""
        return (self.variable, self.weights) if self.weights else (self.variable,)

    def value(self, run: xr.Dataset) -> xr.DataArray:
        """The term in time, and at the places that are left. Raises ``ValueError`` for dimensions it does not have."""
        values = run[self.variable].astype(float) * (run[self.weights] if self.weights else 1.0)
        missing = [dim for dim in self.over if dim not in values.dims]
        if missing:
            raise ValueError(
                f"term {self.variable} has no dimension {', '.join(missing)}, only {', '.join(map(str, values.dims))}"
            )
        over = list(self.over)
        return self.factor * (values.sum(over) if self.operation == "sum" else values.mean(over))


class Budget(Metric):
    """Residual of a budget: the rate of change of ``content`` minus the sum of ``terms``; without content the sum itself.

    Without content it is a constraint that holds in every sample. With content the terms are rates per second, or per what
    ``seconds`` says; ``at_records`` terms are averaged between records, ``means`` are those of the interval that ends at a
    record. Nothing is averaged over places, where errors would cancel. The floor is the truth's own residual.
    """

    metric: Literal["budget"]
    name: str = Field(pattern=r"^[a-z0-9_]+$", description="of the budget, part of the names of its numbers")
    content: Term | None = None
    terms: tuple[Term, ...] = ()
    terms_are: Literal["at_records", "means"] = "at_records"
    seconds: float | None = Field(
        default=None, gt=0.0, description="units of the terms' time in one of the host's; default: seconds, by its name"
    )
    unit: str = Field(default="", description="of the residual, for tables")

    def evaluate(self, results: Results) -> Finding:
        """The numbers of every case, the reference's too."""
        parts = {case: [self._parts(one) for one in self._data(results, case)] for case in results.titles}
        floors = {key: float(np.median(values)) for key, values in self._values(parts[results.reference]).items()}
        numbers = [number for case, found in parts.items() for number in self._numbers(case, found, floors)]
        name = self.label(f"residual_of_{self.name}")
        series = {case: [_largest(one.isel(part=-1)) for one in found] for case, found in parts.items()}
        data = {
            f"{name}_{case}": found[0].rename(time=f"{name}_{case}_time") for case, found in series.items() if found
        }
        caption = f"Largest residual of the budget of {self.name} over all places in time, one line per run."
        drawing = Drawing(name, caption, lambda: self._figure(series, results))
        return Finding(f"Budget of {self.name}", numbers, xr.Dataset(data), [drawing])

    def _data(self, results: Results, case: str) -> list[xr.Dataset]:
        terms = [*([self.content] if self.content else []), *self.terms]
        if not terms:
            raise ValueError(f"metric budget of {self.name} has neither content nor terms")
        names = list(dict.fromkeys(name for term in terms for name in term.variables))
        return [one for one in results.data(case, self.kind, names) if one.sizes["time"] > 1]

    def _parts(self, run: xr.Dataset) -> xr.DataArray:
        """Every part of the budget, and last its residual: (part, time, ...)."""
        terms = [term.value(run) for term in self.terms]
        if self.content is None:
            return xr.concat([*terms, sum(terms[1:], start=terms[0])], "part", combine_attrs="drop")
        content, time = self.content.value(run), run["time"].astype(float)
        later = {"time": slice(1, None)}
        unit = self.seconds if self.seconds is not None else seconds_in(run["time"])
        rate = content.diff("time") / (time.diff("time") * unit)
        if self.terms_are == "at_records":
            between = [0.5 * (one.isel(later) + one.shift(time=1).isel(later)) for one in terms]
        else:
            between = [one.isel(later) for one in terms]
        residual = rate - sum(between, start=xr.zeros_like(rate))
        return xr.concat([rate, *between, residual], "part", combine_attrs="drop")

    def _values(self, found: Sequence[xr.DataArray]) -> dict[str, tuple[float, ...]]:
        rows = [_numbers_of(mean_over_blocks(_blocks(one))) for one in found]
        largest = {"largest_residual": tuple(float(_largest(one.isel(part=-1)).max()) for one in found)}
        return largest | {key: tuple(row[key] for row in rows) for key in TITLES if key not in largest}

    def _numbers(self, case: str, found: Sequence[xr.DataArray], floors: dict[str, float]) -> list[Number]:
        intervals = resampled([_blocks(one) for one in found], _numbers_of, N_DRAWS) if found else {}
        return [
            Number(self.label(f"{key}_of_{self.name}"), case, f"{TITLES[key]} of the budget of {self.name}",
                   "1" if key == "relative_residual" else self.unit, values, *intervals.get(key, (NAN, NAN)),
                   abs(floors[key]))
            for key, values in self._values(found).items()
        ]  # fmt: skip

    def _figure(self, series: dict[str, list[xr.DataArray]], results: Results) -> Figure:
        figure, (axis,) = panels(height=3.2)
        for case, style in styles(results.titles, results.reference).items():
            for i, one in enumerate(series[case]):
                axis.plot(one["time"], one.where(one > 0.0), **(style | ({"label": None} if i else {})))
        axis.set_yscale("log")
        times = [one["time"] for found in series.values() for one in found]
        axis.set_xlabel(f"time / {unit_of_time(times[0])}" if times else "time")
        axis.set_ylabel(f"largest residual{f' / {self.unit}' if self.unit else ''}")
        legend(axis)
        return figure


TITLES = {
    "largest_residual": "largest residual",
    "rms_residual": "rms residual",
    "mean_residual": "mean residual",
    "relative_residual": "rms residual over the rms of the largest part",
}


def _largest(residual: xr.DataArray) -> xr.DataArray:
    return abs(residual).max([dim for dim in residual.dims if dim != "time"], skipna=False)


def _blocks(parts: xr.DataArray) -> Summary:
    """Means of the residual and of the squares of all parts, by block: a 20th of the run each."""
    pieces = np.array_split(parts.transpose("time", "part", ...).values, min(N_BLOCKS, parts.sizes["time"]))
    over = tuple(range(2, pieces[0].ndim))
    means = [piece.mean(axis=(0, *over)) for piece in pieces]
    squares = [(piece**2).mean(axis=(0, *over)) for piece in pieces]
    return {"mean": np.array([one[-1] for one in means]), "squares": np.stack(squares)}


def _numbers_of(mean: Summary) -> dict[str, float]:
    *parts, residual = mean["squares"]
    largest = float(np.max(parts))
    return {
        "rms_residual": float(np.sqrt(residual)),
        "mean_residual": float(mean["mean"]),
        "relative_residual": float(np.sqrt(residual / largest)) if largest else NAN,
    }
