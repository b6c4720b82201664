"""Amounts that are never negative, and whose sum over a column stays what it is."""

import torch
from torch import Tensor


def rescale(values: Tensor, weights: Tensor, total: Tensor) -> Tensor:
    """Multiply a column so that its weighted sum is ``total``: signs and zeros stay.

    Main arguments:
        values: (column, layer), none negative; a column of zeros stays one, and its budget open.
        weights: (column, layer), positive: layer masses [kg m-2] for a column integral.
        total: (column, 1), not negative, in units of ``values * weights``.

    Multiplicative rescaling as a last layer: Harder et al. 2023 (doi:10.48550/arXiv.2208.05424, section 3).
    """
    found = (values * weights).sum(dim=1, keepdim=True)
    return values * (total / torch.where(found > 0, found, torch.ones_like(found)))


def remove_negatives(values: Tensor, weights: Tensor) -> Tensor:
    """Set negative amounts to zero and take what that adds from the others, in proportion to what they have.

    The weighted sum of a column stays where it is positive. Where it is negative nothing can be conserved: the column
    becomes zero.

    Main arguments:
        values: (column, layer).
        weights: (column, layer), positive: layer masses [kg m-2].
    """
    total = (values * weights).sum(dim=1, keepdim=True)
    return rescale(values.clamp(min=0.0), weights, total.clamp(min=0.0))
