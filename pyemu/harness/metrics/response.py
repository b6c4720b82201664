"""How a model responds to a change of its forcing: warming by carbon dioxide, for instance."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pydantic import Field

from pyemu.harness.metrics.climate import draw_maps
from pyemu.harness.metrics.metric import N_BLOCKS, N_DRAWS, NAN, Drawing, Finding, Metric, Number
from pyemu.harness.metrics.style import labelled
from pyemu.harness.results import Results
from pyemu.harness.statistics.area import share_of_places
from pyemu.harness.statistics.resampling import Summary, blocks_of, mean_over_blocks, resampled


class Response(Metric):
    """Mean in time of the runs of ``kind`` minus that of the runs of ``control``, case by case, against the truth's.

    A run is compared with the control run of its seed, or with the first. The floor is the truth's response in the first
    half of its blocks against that in the second.
    """

    metric: Literal["response"]
    variable: str
    control: str = Field(description="kind of runs without the change")

    def evaluate(self, results: Results) -> Finding:
        """Response of every case, and its differences from the truth's."""
        if self.control not in results.spinups:
            raise KeyError(f"metric response: no kind '{self.control}', there are {', '.join(results.spinups)}")
        pairs = {case: self._pairs(results, case) for case in results.titles}
        first = next((run for run in results.data(results.reference, self.kind, [self.variable])), None)
        if first is None or not pairs[results.reference]:
            return Finding.absent(f"response of {self.variable}: the reference left no data")
        values = first[self.variable]
        share = share_of_places(values, [dim for dim in values.dims if dim != "time"])
        truth = _response(mean_over_blocks(_joined(pairs[results.reference])))
        unit = str(values.attrs.get("units", "1"))
        first_half, second_half = (self._half(pairs[results.reference], which) for which in (0, 1))
        floor = _compared(first_half, second_half, share)
        numbers = [
            one
            for case, found in pairs.items()
            for one in self._numbers(case, found, truth, share, unit, floor, results)
        ]
        maps = _maps({case: found for case, found in pairs.items() if found}, share)
        name = self.label(f"response_of_{self.variable}")
        drawings = []
        if share.ndim == 2:
            caption = f"Response of {self.variable} ({self.kind} minus {self.control}): the truth's, and what others differ by."
            drawings.append(Drawing(name, caption, lambda: self._figure(maps, results, unit)))
        return Finding(f"Response of {self.variable}", numbers, xr.Dataset({f"{name}_map": maps}), drawings)

    def _pairs(self, results: Results, case: str) -> list[Summary]:
        """Blocks of both runs of a pair, (block, place...), by seed."""
        before = {run.seed: run for run in results.of(case, self.control)}
        found: list[Summary] = []
        for run in results.of(case, self.kind):
            other = before.get(run.seed) or next(iter(before.values()), None)
            pair = [
                one.after(results.spinups[kind or results.first_kind], [self.variable]) if one else None
                for one, kind in ((run, self.kind), (other, self.control))
            ]
            if all(one is not None and one.sizes["time"] >= 2 for one in pair):
                n = min(N_BLOCKS, *(one.sizes["time"] for one in pair if one is not None))
                changed, control = (self._blocks(one, n) for one in pair if one is not None)
                found.append({"changed": changed, "control": control})
        return found

    def _blocks(self, run: xr.Dataset, n: int) -> NDArray[np.float64]:
        pieces = blocks_of(run.load(), run.sizes["time"] // n)[:n]
        return np.stack([piece[self.variable].astype(float).mean("time").values for piece in pieces])

    def _half(self, pairs: Sequence[Summary], which: int) -> NDArray[np.float64]:
        joined = _joined(pairs)
        half = len(joined["changed"]) // 2
        part = slice(half, None) if which else slice(0, half)
        return _response(mean_over_blocks({name: values[part] for name, values in joined.items()}))

    def _numbers(
        self,
        case: str,
        found: Sequence[Summary],
        truth: NDArray[np.float64],
        share: xr.DataArray,
        unit: str,
        floor: dict[str, float],
        results: Results,
    ) -> list[Number]:
        def statistic(mean: Summary) -> dict[str, float]:
            return _compared(_response(mean), truth, share)

        values = [statistic(mean_over_blocks(one)) for one in found]
        intervals = resampled(found, statistic, N_DRAWS) if found else {}
        texts = {
            "response": "response",
            "response_difference": "response minus truth's",
            "response_map_rmse": "rms difference of the response over places",
        }
        return [
            Number(self.label(f"{name}_of_{self.variable}"), case, f"{text} of {self.variable} to {self.kind}", unit,
                   tuple(row[name] for row in values), *intervals.get(name, (NAN, NAN)),
                   NAN if name == "response" else abs(floor[name]))
            for name, text in texts.items() if name == "response" or case != results.reference
        ]  # fmt: skip

    def _figure(self, maps: xr.DataArray, results: Results, unit: str) -> Figure:
        return draw_maps(maps, results, labelled(self.variable, unit))


def _response(mean: Summary) -> NDArray[np.float64]:
    return mean["changed"] - mean["control"]


def _compared(response: NDArray[np.float64], truth: NDArray[np.float64], share: xr.DataArray) -> dict[str, float]:
    difference = response - truth
    return {
        "response": float((response * share.values).sum()),
        "response_difference": float((difference * share.values).sum()),
        "response_map_rmse": float(np.sqrt((difference**2 * share.values).sum())),
    }


def _joined(pairs: Sequence[Summary]) -> Summary:
    return {name: np.concatenate([one[name] for one in pairs]) for name in ("changed", "control")}


def _maps(pairs: dict[str, list[Summary]], share: xr.DataArray) -> xr.DataArray:
    """Responses, (case, place...)."""
    values = np.stack([_response(mean_over_blocks(_joined(found))) for found in pairs.values()])
    return xr.DataArray(values, dims=("case", *share.dims), coords={"case": list(pairs), **share.coords})
