"""Bits of two cases, and how far they are apart."""

from dataclasses import replace

import numpy as np
import pytest
from metric_results import number, results, series

from pyemu.harness.metrics import Identical
from pyemu.harness.results import Results


def distance(a: float, b: float, dtype: str = "float64") -> float:
    """Largest ulp that the metric finds between two numbers."""
    first, second = (series(x=np.array([0.0, value], dtype)) for value in (a, b))
    found = Identical(metric="identical", case="b", other="a").evaluate(results({"a": [first], "b": [second]}))
    assert number(found, "values_that_differ_from_a", "b").value == (a != b or np.signbit(a) != np.signbit(b))
    return number(found, "largest_ulp_from_a", "b").value


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_neighbours_are_one_apart_wherever_they_lie(dtype):
    kind = np.dtype(dtype).type
    for value in (1.0, 1e30, -3.7, 1e-30, -1e-30):
        assert distance(kind(value), np.nextafter(kind(value), kind(np.inf)), dtype) == 1.0
    assert distance(kind(1.0), kind(1.0) + 12 * np.finfo(dtype).eps, dtype) == 12.0
    assert distance(kind(1.0), kind(1.0), dtype) == 0.0


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_distances_across_zero_count_the_numbers_between(dtype):
    tiny = np.finfo(dtype).smallest_subnormal
    assert distance(-3 * tiny, 2 * tiny, dtype) == 5.0
    assert distance(np.dtype(dtype).type(0.0), np.dtype(dtype).type(-0.0), dtype) == 0.0
    whole = 2 * int(np.array(np.finfo(dtype).max, dtype).view(f"int{8 * np.dtype(dtype).itemsize}"))
    assert distance(-np.finfo(dtype).max, np.finfo(dtype).max, dtype) == pytest.approx(whole, rel=1e-12)


def test_snapshots_count_and_so_does_what_is_missing():
    first = results({"a": [series(x=np.zeros(3))]}).runs[0]
    snapshots = series(h=np.arange(4.0)), series(h=np.array([0.0, 1.0, 2.0 + 1e-15, 3.0]))
    runs = [
        replace(first, further=snapshots[:1]),
        replace(first, case="b", further=snapshots[1:]),
        replace(first, case="c"),
    ]
    runs.append(replace(first, case="gone", data=None))
    found = {
        (case, names): Identical(metric="identical", case=case, other="a", variables=names).evaluate(
            Results(runs, dict.fromkeys(("a", "b", "c", "gone"), "title"), "a", {"run": 0.0})
        )
        for case in ("b", "c", "gone")
        for names in ((), ("x",), ("h",))
    }
    counts = {key: number(one, "values_that_differ_from_a", key[0]).value for key, one in found.items()}
    assert counts["b", ()] == counts["b", ("h",)] == 1.0 and counts["b", ("x",)] == 0.0
    assert counts["c", ()] == counts["c", ("h",)] == 1.0 and counts["c", ("x",)] == 0.0
    assert min(counts["gone", names] for names in ((), ("x",), ("h",))) > 0.0
    assert np.isinf(number(found["gone", ()], "largest_ulp_from_a", "gone").value)
