"""Regimes of a variable around a cyclic dimension."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from pydantic import Field

from pyemu.harness.metrics.distribution import automatic_edges, histogram
from pyemu.harness.metrics.metric import Drawing, Finding, Metric, Number
from pyemu.harness.metrics.style import legend, panels, styles
from pyemu.harness.results import Results
from pyemu.harness.statistics import regimes
from pyemu.harness.statistics.distances import hellinger_squared

N_WAVES = 4
PAIRS = ((0, 1), (2, 3))  # leading patterns come in pairs, one a shifted copy of the other


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
        amplitudes = {case: [_amplitudes(one, found) for one in runs] for case, runs in samples.items()}
        edges = [
            automatic_edges([xr.DataArray(one[i]) for one in amplitudes[results.reference]], 60)
            for i in range(len(PAIRS))
        ]
        densities = {
            case: [[histogram(xr.DataArray(one[i]), edges[i]) for i in range(len(PAIRS))] for one in runs]
            for case, runs in amplitudes.items()
        }
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
        step = max(1, round(self.interval / float(run["time"][1] - run["time"][0])))
        values = run[self.variable].isel(time=slice(None, None, step)).astype(float)
        others = [dim for dim in values.dims if dim not in ("time", self.dim)]
        return values.transpose(*others, "time", self.dim).values.reshape(-1, run.sizes[self.dim])

    def _distances(self, densities: dict[str, list[list[np.ndarray]]], results: Results) -> list[Number]:
        truth = [sum(one[i] for one in densities[results.reference]) for i in range(len(PAIRS))]
        return [
            Number(self.label(f"pattern_{i + 1}_hellinger_squared_of_{self.variable}"), case,
                   f"squared Hellinger distance of the amplitude of pattern pair {i + 1} of {self.variable}", "1",
                   tuple(hellinger_squared(one[i], np.asarray(truth[i])) for one in densities[case]))
            for case in results.others
            for i in range(len(PAIRS))
        ]  # fmt: skip

    def _chain(self, case: str, runs: Sequence[np.ndarray]) -> list[Number]:
        matrices = [regimes.transition_matrix(regimes.amplitudes_of_waves(one, N_WAVES)) for one in runs]
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


def _figure(densities: dict[str, list[list[np.ndarray]]], edges: list[np.ndarray], results: Results) -> Figure:
    figure, axes = panels(len(PAIRS))
    for i, axis in enumerate(axes):
        for case, style in styles(results.titles, results.reference).items():
            if densities[case]:
                counts = np.sum([one[i] for one in densities[case]], axis=0)
                axis.plot(0.5 * (edges[i][1:] + edges[i][:-1]), counts / counts.sum() / np.diff(edges[i]), **style)
        axis.set_xlabel(f"amplitude of patterns {PAIRS[i][0] + 1} and {PAIRS[i][1] + 1}")
    axes[0].set_ylabel("probability density")
    legend(axes[0])
    return figure
