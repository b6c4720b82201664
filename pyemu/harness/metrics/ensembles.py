"""What metrics of ensemble forecasts share: forecasts beside the truth, intervals from starts, floors from a member."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import xarray as xr
from pydantic import Field

from pyemu.harness.metrics.metric import N_DRAWS, NAN, Metric, Number
from pyemu.harness.results import Results
from pyemu.harness.statistics.forecasts import MEMBER
from pyemu.harness.statistics.resampling import Summary, mean_over_blocks, resampled

FEWEST_FOR_FLOOR = 3  # members, of which one is then the truth


class EnsembleMetric(Metric):
    """A metric of runs with the dimensions ``start`` and ``member``; time is the lead.

    The truth is the reference's run of this kind if it has ``start``, too; otherwise it is looked up at ``start_time`` plus
    lead in the reference's run of ``truth_kind``. Intervals draw starts and seeds anew. The floor is the same number with
    the first member in the place of the truth: what the ensemble would have if it were perfect.
    """

    variable: str
    leads: tuple[float, ...] = Field(min_length=1, description="in the host's time")
    truth_kind: str = Field(
        default="", description="kind of the reference's run that holds the truth; default: this kind"
    )

    @abstractmethod
    def _at_leads(self, mean: Summary) -> dict[str, float]:
        """Numbers ``NAME_LEAD`` of what is left at the leads, (lead, ...), mean over starts."""

    def pairs(self, results: Results, case: str) -> Iterator[tuple[xr.DataArray, xr.DataArray]]:
        """Forecast (..., start, member) and truth of every seed, on the same times and places."""
        found = results.data(case, self.kind, [self.variable, "start_time"]) if results.of(case, self.kind) else []
        for one in found:
            values = one[self.variable].astype(float)
            truth = self._truth(results, one).astype(float)
            yield values, truth.transpose(*[dim for dim in values.dims if dim != MEMBER])

    def _truth(self, results: Results, forecast: xr.Dataset) -> xr.DataArray:
        truth = results.data(results.reference, self.truth_kind or self.kind, [self.variable], spinup=True)
        if not truth:
            raise KeyError(f"metric {self.metric} of {self.variable}: the reference left no data")
        values = truth[0][self.variable]
        if MEMBER in values.dims:
            values = values.isel(member=0, drop=True)
        if "start" in values.dims:
            return values.sel(time=forecast["time"], method="nearest").assign_coords(time=forecast["time"])
        return _at(values, forecast["start_time"] + forecast["time"], self.metric)

    def perfect_pair(self, forecast: xr.DataArray) -> list[tuple[xr.DataArray, xr.DataArray]]:
        """At the leads, the other members against the first as if it were the truth; empty for a small ensemble."""
        if forecast.sizes[MEMBER] < FEWEST_FOR_FLOOR:
            return []
        records = np.unique(forecast.indexes["time"].get_indexer(list(self.leads), method="nearest"))
        at = forecast.isel(time=records)
        truth = at.isel({MEMBER: 0}, drop=True)
        return [(at.isel({MEMBER: slice(1, None)}), truth)]

    def _numbers_at_leads(
        self,
        case: str,
        found: Sequence[xr.Dataset],
        perfect: Sequence[xr.Dataset],
        titles: Mapping[str, tuple[str, str]],
        without_interval: Sequence[str] = (),
    ) -> list[Number]:
        """Numbers of a case from summaries (start, time, ...) of its seeds; ``perfect`` are those of perfect ensembles."""
        kept = [self._kept(one) for one in found]
        values = [self._at_leads(mean_over_blocks(one)) for one in kept]
        floors = [self._at_leads(mean_over_blocks(self._kept(one))) for one in perfect]
        intervals = resampled(kept, self._at_leads, N_DRAWS) if kept else {}
        return [
            Number(self.label(f"{key}_of_{self.variable}_at_{lead:g}"), case, f"{title}, {self.variable} at lead {lead:g}",
                   unit, tuple(row[f"{key}_{lead:g}"] for row in values),
                   *(intervals.get(f"{key}_{lead:g}", (NAN, NAN)) if key not in without_interval else (NAN, NAN)),
                   float(np.median([row[f"{key}_{lead:g}"] for row in floors])) if floors else NAN)
            for key, (title, unit) in titles.items()
            for lead in self.leads
        ]  # fmt: skip

    def _kept(self, found: xr.Dataset) -> Summary:
        """What is left at the leads, arrays (start, lead, ...)."""
        at = found.sel(time=list(self.leads), method="nearest")
        return {str(name): values.transpose("start", "time", ...).values for name, values in at.data_vars.items()}


def named(values: xr.DataArray, prefix: str) -> xr.DataArray:
    """Dimensions with the prefix of their array, so that cases of different length stand side by side."""
    return values.rename({dim: f"{prefix}_{dim}" for dim in values.dims})


def _at(values: xr.DataArray, times: xr.DataArray, metric: str) -> xr.DataArray:
    """Records nearest to ``times`` (start, time), in memory. Raises ``ValueError`` for times that are not recorded."""
    recorded = values["time"].values
    nearest = np.clip(np.searchsorted(recorded, times.values), 1, len(recorded) - 1)
    nearest -= times.values - recorded[nearest - 1] < recorded[nearest] - times.values
    gap = float(np.abs(recorded[nearest] - times.values).max())
    if gap > 0.5 * float(recorded[1] - recorded[0]):
        raise ValueError(f"metric {metric}: the truth has no record within {gap:g} of a start time plus lead")
    index = xr.DataArray(nearest, dims=times.dims)
    return values.drop_vars("time").isel(time=index).assign_coords(time=times["time"])
