"""Whether two cases have the same bits: another decomposition, a restart, another language."""

from typing import Literal

import numpy as np
import xarray as xr

from pyemu.harness.metrics.metric import Finding, Metric, Number
from pyemu.harness.results import Results

Arrays = dict[tuple[int, str], xr.DataArray]


class Identical(Metric):
    """Values of two cases that differ in any bit, seed by seed, and the largest distance in units in the last place.

    Of ``variables``, or of all in all files of a run; leave out what is a time on a clock. A run that is missing differs.
    """

    metric: Literal["identical"]
    case: str
    other: str
    variables: tuple[str, ...] = ()

    def evaluate(self, results: Results) -> Finding:
        """Count and distance. A record that one of them lacks counts as a difference."""
        for case in (self.case, self.other):
            if case not in results.titles:
                raise KeyError(f"metric identical: no case '{case}', there are {', '.join(results.titles)}")
        pairs = zip(self._data(results, self.case), self._data(results, self.other), strict=True)
        found = [self._compared(a, b) for a, b in pairs]
        text = f"of {results.titles[self.case]} and {results.titles[self.other]}"
        return Finding(
            f"Bits of {results.titles[self.case]}",
            [
                Number(self.label(f"values_that_differ_from_{self.other}"), self.case, f"values {text} that differ", "1",
                       tuple(float(count) for count, _ in found)),
                Number(self.label(f"largest_ulp_from_{self.other}"), self.case, f"largest difference {text}", "ulp",
                       tuple(ulp for _, ulp in found)),
            ],
        )  # fmt: skip

    def _data(self, results: Results, case: str) -> list[Arrays]:
        """Arrays by file and name, of every seed."""
        found = []
        for run in results.of(case, self.kind):
            files = [one for one in (run.data, *run.further) if one is not None]
            found.append(
                {(i, str(name)): values for i, one in enumerate(files) for name, values in one.data_vars.items()}
            )
        return found

    def _compared(self, a: Arrays, b: Arrays) -> tuple[int, float]:
        keys = sorted({*a, *b})
        if self.variables:
            keys = [next((key for key in keys if key[1] == name), (0, name)) for name in self.variables]
        rows = [
            _differences(a[key].values, b[key].values) if key in a and key in b else (1, np.inf)
            for key in keys or [(0, "")]
        ]
        return sum(count for count, _ in rows), max((ulp for _, ulp in rows), default=0.0)


def _differences(a: np.ndarray, b: np.ndarray) -> tuple[int, float]:
    if a.shape != b.shape or a.dtype != b.dtype:
        return max(a.size, b.size), float("inf")
    if a.dtype.kind != "f":
        return int((a != b).sum()), 0.0
    integers = np.int64 if a.dtype.itemsize == 8 else np.int32
    x, y = np.ascontiguousarray(a).view(integers), np.ascontiguousarray(b).view(integers)
    different = x != y
    if not different.any():
        return 0, 0.0
    return int(different.sum()), float(_ulp(x[different], y[different]).max())


def _ulp(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Numbers between two, counted from their bits: exact up to 2^53, which the bits themselves are beyond.

    Bits of one sign are in the order of magnitudes; those of two signs meet at zero.
    """
    smallest = np.iinfo(x.dtype).min
    magnitudes = [np.where(bits < 0, bits - smallest, bits) for bits in (x, y)]  # 0 for both zeros
    return np.where(
        (x < 0) == (y < 0),
        np.abs(magnitudes[0] - magnitudes[1]).astype(float),
        magnitudes[0].astype(float) + magnitudes[1].astype(float),
    )
