"""What a metric is, and what it finds."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from pydantic import Field

from pyemu.config import Config
from pyemu.harness.results import Results
from pyemu.harness.statistics.resampling import Summary, blocks_of, mean_over_blocks, resampled

NAN = float("nan")
N_BLOCKS = 20  # of a run, unless the configuration says how long they are
N_DRAWS = 200


@dataclass(frozen=True)
class Number:
    """One number of one case: a value per seed, the 95 % interval of their median, and its floor.

    The floor is the same number for one half of the truth against the other: no model can be told from truth below it.
    Of an ensemble it is the number with a member in the place of the truth: no ensemble of this spread is better.
    """

    name: str
    case: str
    title: str
    unit: str
    values: tuple[float, ...]
    low: float = NAN
    high: float = NAN
    floor: float = NAN

    @property
    def value(self) -> float:
        """Median over the seeds; NaN without any, or if one is."""
        return float(np.median(self.values)) if self.values else NAN


@dataclass(frozen=True)
class Drawing:
    """A figure of the report."""

    name: str
    caption: str
    draw: Callable[[], Figure]


@dataclass(frozen=True)
class Finding:
    """What a metric found: numbers for tables and gates, arrays for the NetCDF file, figures."""

    title: str
    numbers: Sequence[Number] = ()
    data: xr.Dataset = field(default_factory=xr.Dataset)
    drawings: Sequence[Drawing] = ()
    is_complete: bool = True

    @classmethod
    def absent(cls, text: str) -> Self:
        """Nothing was found, and why."""
        return cls(text, is_complete=False)


class Metric(Config, ABC):
    """One question asked of the runs. Concrete metrics have a literal ``metric``, by which a configuration names them."""

    metric: str
    kind: str = Field(default="", description="kind of runs; default: the first of the configuration")

    @abstractmethod
    def evaluate(self, results: Results) -> Finding:
        """Compute. Raises ``KeyError`` for a variable that the runs do not have."""

    def label(self, text: str) -> str:
        """A name of a number, figure or array: with the kind of run if it is not the first."""
        return f"{text}_{self.kind}" if self.kind else text


class BlockMetric(Metric, ABC):
    """A metric that is a function of means over time: of a histogram, of moments, of a spectrum.

    A run is cut into blocks, each reduced to a summary whose mean over blocks is that of the run. Intervals draw blocks and
    seeds anew.
    """

    block: float | None = Field(
        default=None, gt=0.0, description="length of a block in time; default: a 20th of the run"
    )

    @property
    @abstractmethod
    def variables(self) -> tuple[str, ...]:
        """What is read."""

    @abstractmethod
    def prepared(self, truth: Sequence[xr.Dataset]) -> xr.Dataset:
        """What all summaries share, such as edges of bins, from the runs of the reference."""

    @abstractmethod
    def summary(self, piece: xr.Dataset, shared: xr.Dataset) -> Summary:
        """A piece of a run in few numbers."""

    @abstractmethod
    def compared(self, summary: Summary, truth: Summary, shared: xr.Dataset) -> dict[str, float]:
        """Numbers of a mean summary against that of the truth, by name."""

    @abstractmethod
    def titles(self) -> Mapping[str, tuple[str, str]]:
        """Title and unit of every number; an empty unit is that of the first variable."""

    @abstractmethod
    def shown(self, means: Mapping[str, Summary], shared: xr.Dataset, results: Results) -> Finding:
        """Title, arrays and figures, from the mean summary of every case."""

    def evaluate(self, results: Results) -> Finding:
        """Summaries of every run, numbers with intervals and floors, figures."""
        truth = results.data(results.reference, self.kind, self.variables)
        if not truth:
            return Finding.absent(f"{self.metric} of {', '.join(self.variables)}: the reference left no data")
        shared = self.prepared(truth)
        summaries = {case: self._summaries(results, case, shared) for case in results.titles}
        reference = _joined(summaries[results.reference])
        whole, floor = mean_over_blocks(reference), self._floor(reference, shared)
        units = str(truth[0][self.variables[0]].attrs.get("units", "1"))
        numbers = [
            number
            for case in results.others
            for number in self._numbers(
                case, summaries[case], lambda one: self.compared(one, whole, shared), floor, units
            )
        ]
        means = {case: mean_over_blocks(_joined(found)) for case, found in summaries.items() if found}
        shown = self.shown(means, shared, results)
        return Finding(shown.title, numbers, shown.data, shown.drawings)

    def _summaries(self, results: Results, case: str, shared: xr.Dataset) -> list[Summary]:
        found: list[Summary] = []
        for run in results.data(case, self.kind, self.variables):
            length = self._length(run)
            if run.sizes["time"] < 2 * length:
                continue
            try:
                pieces = [self.summary(piece, shared) for piece in blocks_of(run.load(), length)]
            except ValueError:
                if case == results.reference:
                    raise
                continue  # a run that ended early has short blocks, and keeps no other from being judged
            found.append({name: np.stack([piece[name] for piece in pieces]) for name in pieces[0]})
        return found

    def _length(self, run: xr.Dataset) -> int:
        n = run.sizes["time"]
        if self.block is None or n < 2:
            return max(1, n // N_BLOCKS)
        return max(1, round(self.block / float(run["time"][1] - run["time"][0])))

    def _floor(self, reference: Summary, shared: xr.Dataset) -> dict[str, float]:
        half = len(next(iter(reference.values()))) // 2
        first, second = (
            mean_over_blocks({name: values[part] for name, values in reference.items()})
            for part in (slice(0, half), slice(half, None))
        )
        return self.compared(first, second, shared)

    def _numbers(
        self,
        case: str,
        found: list[Summary],
        compared: Callable[[Summary], dict[str, float]],
        floor: Mapping[str, float],
        units: str,
    ) -> list[Number]:
        values = [compared(mean_over_blocks(one)) for one in found]
        intervals = resampled(found, compared, N_DRAWS) if found else {}
        return [
            Number(
                self.label(name), case, title, unit or units, tuple(row[name] for row in values),
                *intervals.get(name, (NAN, NAN)), floor[name],
            )
            for name, (title, unit) in self.titles().items()
        ]  # fmt: skip


def _joined(summaries: Sequence[Summary]) -> Summary:
    """The blocks of all seeds."""
    return {name: np.concatenate([one[name] for one in summaries]) for name in summaries[0]}


def by_case(means: Mapping[str, Summary], name: str, dims: Sequence[str]) -> xr.DataArray:
    """One array of the mean summaries, (case, ...)."""
    return xr.DataArray([one[name] for one in means.values()], dims=("case", *dims), coords={"case": list(means)})
