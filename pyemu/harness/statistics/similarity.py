"""Similarity to a high-resolution model, relative to a low-resolution one.

Source: Ross et al. (2023), doi:10.1029/2022MS003258.
"""


def similarity(to_truth: float, baseline_to_truth: float) -> float:
    """1 - d(model, truth) / d(baseline, truth): 1 is perfect, 0 is no better than the baseline, negative is worse."""
    return 1.0 - to_truth / baseline_to_truth if baseline_to_truth else float("nan")
