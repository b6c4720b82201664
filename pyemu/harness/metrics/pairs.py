"""What metrics of pairs share: a prediction beside its truth, sample by sample or time by time."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping

import numpy as np
import xarray as xr
from pydantic import Field

from pyemu.harness.metrics.metric import N_BLOCKS, N_DRAWS, NAN, Finding, Metric, Number
from pyemu.harness.results import Result, Results
from pyemu.harness.statistics.resampling import Summary, blocks_of, mean_over_blocks, resampled

PREDICTION, TRUTH = "prediction", "truth"


class PairMetric(Metric):
    """A metric that is a function of means, over time or samples, of a prediction and its truth.

    The truth is ``truth_variable`` in the same file; without one it is ``variable`` in the reference's run of the same seed,
    or its first run, at the same times. So files of samples, with ``time`` counting them, are judged by ``files`` of cases.
    Intervals draw blocks and seeds anew. There is no floor: truth against itself has no error.
    """

    variable: str
    truth_variable: str = Field(default="", description="name of the truth in the same file")
    block: float | None = Field(
        default=None, gt=0.0, description="length of a block in time; default: a 20th of the run"
    )

    @abstractmethod
    def summary(self, piece: xr.Dataset) -> Summary:
        """A piece with ``prediction`` and ``truth`` in few numbers, whose means over pieces are those of the whole."""

    @abstractmethod
    def scores(self, summary: Summary) -> dict[str, float]:
        """Numbers of a mean summary, by name."""

    @abstractmethod
    def titles(self) -> Mapping[str, tuple[str, str]]:
        """Title and unit of every number; an empty unit is that of the variable."""

    @abstractmethod
    def shown(self, means: Mapping[str, Summary], shared: xr.Dataset, results: Results) -> Finding:
        """Title, arrays and figures, from the mean summary of every case; ``shared`` is the first pair."""

    @property
    def side_variables(self) -> tuple[str, ...]:
        """What is read besides, from the file of the prediction."""
        return ()

    def evaluate(self, results: Results) -> Finding:
        """Summaries of every pair of runs, numbers with intervals, figures."""
        summaries: dict[str, list[Summary]] = {}
        first: xr.Dataset | None = None
        for case in results.titles if self.truth_variable else results.others:
            summaries[case] = []
            for pair in self._pairs(results, case):
                first = pair if first is None else first
                pieces = [self.summary(piece) for piece in blocks_of(pair, self._length(pair))]
                summaries[case].append({name: np.stack([piece[name] for piece in pieces]) for name in pieces[0]})
        if first is None:
            return Finding.absent(f"{self.metric} of {self.variable}: no run left data")
        unit = str(first[TRUTH].attrs.get("units", "1"))
        numbers = [number for case, found in summaries.items() for number in self._numbers(case, found, unit)]
        means = {case: _mean(found) for case, found in summaries.items() if found}
        shown = self.shown(means, first, results)
        return Finding(shown.title, numbers, shown.data, shown.drawings)

    def _pairs(self, results: Results, case: str) -> Iterator[xr.Dataset]:
        """One dataset with ``prediction`` and ``truth`` per run that left data. Raises ``ValueError`` without common times."""
        spinup = results.spinups[self.kind or results.first_kind]
        for run in results.of(case, self.kind):
            own = run.after(
                spinup, [self.variable, *([self.truth_variable] if self.truth_variable else []), *self.side_variables]
            )
            if own is None or own.sizes["time"] < 2:
                continue
            truth = own[self.truth_variable] if self.truth_variable else self._truth(results, run, spinup)
            prediction, truth = xr.align(own[self.variable], truth, join="inner", exclude=set(truth.dims) - {"time"})
            if prediction.sizes["time"] < 2:
                raise ValueError(
                    f"metric {self.metric} of {self.variable}: case {case} and its truth have {prediction.sizes['time']} times "
                    "in common: give both the same interval of output"
                )
            if {*truth.dims} != {*prediction.dims} or truth.transpose(*prediction.dims).shape != prediction.shape:
                sizes = f"{dict(prediction.sizes)}, its truth {dict(truth.sizes)}"
                raise ValueError(f"metric {self.metric} of {self.variable}: case {case} has {sizes}")
            truth = prediction.copy(data=truth.transpose(*prediction.dims).values).assign_attrs(truth.attrs)
            pair = xr.Dataset({PREDICTION: prediction, TRUTH: truth}).astype(float, keep_attrs=True)
            yield pair.assign({name: own[name].reindex_like(pair) for name in self.side_variables}).load()

    def _truth(self, results: Results, run: Result, spinup: float) -> xr.DataArray:
        runs = results.of(results.reference, self.kind)
        same = [one for one in runs if one.seed == run.seed] or runs[:1]
        found = same[0].after(spinup, [self.variable]) if same else None
        if found is None:
            raise KeyError(f"metric {self.metric} of {self.variable}: the reference left no data for seed {run.seed}")
        return found[self.variable]

    def _length(self, pair: xr.Dataset) -> int:
        time = pair["time"]
        if self.block is None:
            return max(1, len(time) // N_BLOCKS)
        return max(1, round(self.block / float(time[1] - time[0])))

    def _numbers(self, case: str, found: list[Summary], unit: str) -> list[Number]:
        values = [self.scores(mean_over_blocks(one)) for one in found]
        intervals = resampled(found, self.scores, N_DRAWS) if found else {}
        return [
            Number(self.label(name), case, title, own or unit, tuple(row[name] for row in values),
                   *intervals.get(name, (NAN, NAN)))
            for name, (title, own) in self.titles().items()
        ]  # fmt: skip


def _mean(summaries: list[Summary]) -> Summary:
    return {name: np.concatenate([one[name] for one in summaries]).mean(axis=0) for name in summaries[0]}
