"""What the guard compares columns with, from the columns of a training set."""

from __future__ import annotations

import numpy as np

from pyemu.emulator.card import Novelty, TrainingRange

_NORMAL = 1.4826  # the standard deviation of a normal distribution over its median absolute deviation


def robust_range(values: np.ndarray, width: float = 5.0) -> TrainingRange:
    """Return median plus and minus some robust standard deviations, for each level of (column, level) or (column).

    A range of extremes grows with every outlier; this one does not. Elements that hardly vary get the width of their
    rounding, so that a change of theirs is novel.

    Main arguments:
        values: of one input, in its units.
        width: half of the range, in standard deviations as a normal distribution has them.
    """
    center, scale = _center_and_scale(_rows(values))
    return TrainingRange(minimum=tuple(center - width * scale), maximum=tuple(center + width * scale))


def fit_novelty(inputs: dict[str, np.ndarray], rank: int = 8, quantile: float = 0.999) -> Novelty:
    """Return how the inputs of a column vary together: along ``rank`` directions, and across them.

    Main arguments:
        inputs: by name, (column, ...) in its units, a few thousand columns of the training set or more.
        rank: number of directions, at most as many as elements less one.
        quantile: of the training columns, so many are at most as novel as the end of a training range.

    Raises:
        ValueError: there are not more columns than directions, or not more elements.

    Principal components of the scaled inputs (Tipping and Bishop 1999, doi:10.1111/1467-9868.00196, eq. 7 and 8).
    """
    rows = np.concatenate([_rows(values) for values in inputs.values()], axis=1)
    if not 0 <= rank < min(rows.shape):
        raise ValueError(
            f"rank is {rank}; expected 0 to less than {min(rows.shape)}, of {rows.shape} columns and elements"
        )
    center, scale = _center_and_scale(rows)
    scaled = (rows - center) / scale
    _, sizes, vectors = np.linalg.svd(scaled, full_matrices=False)
    variances = np.maximum(sizes**2 / len(rows), np.finfo(np.float32).eps)
    rest = float(variances[rank:].sum() / (rows.shape[1] - rank))
    along = scaled @ vectors[:rank].T
    squares = ((scaled**2).sum(axis=1) - (along**2).sum(axis=1)) / rest + (along**2 / variances[:rank]).sum(axis=1)
    return Novelty(
        inputs=tuple(inputs),
        center=tuple(center.tolist()),
        scale=tuple(scale.tolist()),
        vectors=tuple(tuple(vector) for vector in vectors[:rank].tolist()),
        variances=tuple(variances[:rank].tolist()),
        residual_variance=rest,
        distance=float(np.sqrt(np.quantile(squares, quantile))),
    )


def _rows(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, np.float64).reshape(len(values), -1)


def _center_and_scale(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Median and robust standard deviation; the usual one where most values are equal, and rounding where all are."""
    center = np.median(rows, axis=0)
    scale = _NORMAL * np.median(np.abs(rows - center), axis=0)
    scale = np.where(scale > 0, scale, rows.std(axis=0))
    return center, np.maximum(scale, 1e-6 * np.maximum(np.abs(center), 1e-30))
