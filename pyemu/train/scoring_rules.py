"""Proper scoring rules of ensembles, as losses: the first axis holds the members."""

import torch
from torch import Tensor


def almost_fair_crps(members: Tensor, truth: Tensor, alpha: float = 0.95) -> Tensor:
    """Continuous ranked probability score of each element, ``members`` (member, ...) against ``truth`` (...).

    ``alpha`` 1 is the fair score, whose expectation does not depend on the number of members; 0 the score of the ensemble
    as it is. A little below 1 the ensemble has no degenerate optimum (Lang et al. 2024, AIFS-CRPS, arXiv:2412.15832).
    """
    n = len(members)
    error = (members - truth).abs().mean(dim=0)
    return error - (1 - (1 - alpha) / n) * _sum_of_pairs(members) / (n * (n - 1))


def energy_score(members: Tensor, truth: Tensor, alpha: float = 0.95) -> Tensor:
    """The same for vectors along the last axis, whose distances are Euclidean: shape (...) without it.

    Gneiting and Raftery 2007, doi:10.1198/016214506000001437; almost fair as ``almost_fair_crps``.
    """
    n = len(members)
    error = torch.linalg.vector_norm(members - truth, dim=-1).mean(dim=0)
    pairs = [torch.linalg.vector_norm(members[i] - members[j], dim=-1) for i in range(n) for j in range(i)]
    return error - (1 - (1 - alpha) / n) * torch.stack(pairs).sum(dim=0) / (n * (n - 1))


def _sum_of_pairs(members: Tensor) -> Tensor:
    """Sum of |x_i - x_j| over i < j, from the order of the members: each counts as often as it is above less below."""
    n = len(members)
    ordered = members.sort(dim=0).values
    weights = torch.arange(1 - n, n, 2, dtype=members.dtype, device=members.device)
    return torch.tensordot(weights, ordered, dims=1)
