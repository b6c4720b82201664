"""Regimes of a variable around a cyclic dimension."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from pydantic import Field

from pyemu.harness.metrics.distribution import automatic_edges, histogram
from pyemu.harness.metrics.metric import N_BLOCKS, N_DRAWS, NAN, Drawing, Finding, Metric, Number
from pyemu.harness.metrics.style import legend, panels, styles
from pyemu.harness.results import Results
from pyemu.harness.statistics import regimes
from pyemu.harness.statistics.distances import hellinger_squared
from pyemu.harness.statistics.resampling import Summary, mean_over_blocks, resampled

N_WAVES = 4
PAIRS = ((0, 1), (2, 3))  # leading patterns come in pairs, one a shifted copy of the other
FEWEST_SAMPLES = 50  # to which a chain is fitted
TITLES = {
    f"pattern_{i + 1}_{name}": f"{title} of the amplitude of pattern pair {i + 1}"
    for name, title in (("hellinger_squared", "squared Hellinger distance"), ("hellinger", "Hellinger distance"))
    for i in range(len(PAIRS))
}


class Regimes(Metric):
    """Amplitudes of pairs of leading patterns of the truth, and the transitions of a two-state Gaussian Markov chain.

    Patterns are empirical orthogonal functions of the truth, shifted copies included, because places are alike; the chain is
    fitted to the amplitudes of waves 1 to 4, every ``interval`` in time.
    """

    metric: Literal["regimes"]
    variable: str
    dim: str
    interval: float = Field(gt=0.0, description="time between samples")

    def evaluate(self, results: Results) -> Finding:
        """Distances of the amplitudes' distributions and probabilities to stay in a regime."""
        samples = {
            case: [self._samples(one) for one in results.data(case, self.kind, [self.variable])]
            for case in results.titles
        }
        truth = samples[results.reference]
        if not truth:
            return Finding.absent(f"Regimes of {self.variable}: the reference left no data")
        found = regimes.patterns(_shifted(np.concatenate(truth)), 4)
        edges = [automatic_edges([xr.DataArray(one)], 60) for one in _amplitudes(np.concatenate(truth), found)]
        densities = {case: [_counts(one, found, edges) for one in runs] for case, runs in samples.items()}
        numbers = [
            *self._distances(densities, results),
            *(number for case, runs in samples.items() for number in self._chain(case, runs)),
        ]
        name = self.label(f"regimes_of_{self.variable}")
        caption = f"Density of the amplitude of the leading pairs of patterns of {self.variable} in the truth."
        drawing = Drawing(name, caption, lambda: _figure(densities, edges, results))
        return Finding(f"Regimes of {self.variable}", numbers, xr.Dataset(), [drawing])

    def _samples(self, run: xr.Dataset) -> np.ndarray:
        """(time, place), members one after the other."""
        step = max(1, round(self.interval / float(run["time"][1] - run["time"][0]))) if run.sizes["time"] > 1 else 1
        values = run[self.variable].isel(time=slice(None, None, step)).astype(float)
        others = [dim for dim in values.dims if dim not in ("time", self.dim)]
        return values.transpose(*others, "time", self.dim).values.reshape(-1, run.sizes[self.dim])

    def _distances(self, densities: dict[str, list[Summary]], results: Results) -> list[Number]:
        """Hellinger distances with intervals from blocks, and the floor of one half of the truth against the other."""
        blocks = np.concatenate([one["count"] for one in densities[results.reference]])
        truth, half = blocks.mean(axis=0), len(blocks) // 2
        floor = _hellinger({"count": blocks[:half].mean(axis=0)}, blocks[half:].mean(axis=0))
        numbers = []
        for case in results.others:
            found = densities[case]
            values = [_hellinger(mean_over_blocks(one), truth) for one in found]
            intervals = resampled(found, lambda mean: _hellinger(mean, truth), N_DRAWS) if found else {}
            numbers += [
                Number(self.label(f"{key}_of_{self.variable}"), case, f"{title} of {self.variable}", "1",
                       tuple(row[key] for row in values), *intervals.get(key, (NAN, NAN)), floor[key])
                for key, title in TITLES.items()
            ]  # fmt: skip
        return numbers

    def _chain(self, case: str, runs: Sequence[np.ndarray]) -> list[Number]:
        """Of runs that are long enough to fit a chain; there is no interval but the range over seeds."""
        long = [one for one in runs if len(one) >= FEWEST_SAMPLES]
        matrices = [regimes.transition_matrix(regimes.amplitudes_of_waves(one, N_WAVES)) for one in long]
        return [
            Number(self.label(f"probability_to_stay_in_regime_{state + 1}_of_{self.variable}"), case,
                   f"probability to stay in regime {state + 1} of {self.variable} over {self.interval:g}", "1",
                   tuple(float(one[state, state]) for one in matrices))
            for state in range(2)
        ]  # fmt: skip


def _shifted(samples: np.ndarray) -> np.ndarray:
    """Samples with all their copies shifted around the last dimension."""
    return np.concatenate([np.roll(samples, shift, axis=-1) for shift in range(samples.shape[-1])])


def _amplitudes(samples: np.ndarray, patterns: np.ndarray) -> list[np.ndarray]:
    components = (samples - samples.mean()) @ patterns.T
    return [np.hypot(components[:, i], components[:, j]) for i, j in PAIRS]


def _counts(samples: np.ndarray, patterns: np.ndarray, edges: list[np.ndarray]) -> Summary:
    """Histograms of the amplitudes of the pairs, (block, pair, bin)."""
    amplitudes = _amplitudes(samples, patterns)
    pieces = [np.array_split(one, min(N_BLOCKS, len(one))) for one in amplitudes]
    rows = [[histogram(xr.DataArray(piece), edge) for piece in one] for one, edge in zip(pieces, edges, strict=True)]
    return {"count": np.swapaxes(np.array(rows), 0, 1)}


def _hellinger(mean: Summary, truth: np.ndarray) -> dict[str, float]:
    squared = [hellinger_squared(one, true) for one, true in zip(mean["count"], truth, strict=True)]
    return dict(zip(TITLES, [*squared, *np.sqrt(squared)], strict=True))


def _figure(densities: dict[str, list[Summary]], edges: list[np.ndarray], results: Results) -> Figure:
    figure, axes = panels(len(PAIRS))
    for i, axis in enumerate(axes):
        for case, style in styles(results.titles, results.reference).items():
            if densities[case]:
                counts = np.concatenate([one["count"] for one in densities[case]]).sum(axis=0)[i]
                axis.plot(0.5 * (edges[i][1:] + edges[i][:-1]), counts / counts.sum() / np.diff(edges[i]), **style)
        axis.set_xlabel(f"amplitude of patterns {PAIRS[i][0] + 1} and {PAIRS[i][1] + 1}")
    axes[0].set_ylabel("probability density")
    legend(axes[0])
    return figure
