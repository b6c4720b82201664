"""The one-scale Lorenz '96 model in torch, for trainings that run through it."""

from collections.abc import Callable

import torch
from torch import Tensor

FORCING = 20.0
TIME_STEP = 0.005  # MTU

Closure = Callable[[Tensor], Tensor]


def slow_tendency(slow: Tensor, subgrid: Tensor, forcing: float = FORCING) -> Tensor:
    """dX/dt of slow variables (..., k) in a ring that lose the subgrid tendency U (..., k)."""
    behind, two_behind, ahead = slow.roll(1, -1), slow.roll(2, -1), slow.roll(-1, -1)
    return -behind * (two_behind - ahead) - slow + forcing - subgrid


def advance(slow: Tensor, closure: Closure, time_step: float = TIME_STEP) -> tuple[Tensor, Tensor]:
    """One step of the midpoint rule: X after it, and U at its middle.

    ``closure`` gives U of X at each of the two stages. Gradients pass through the second alone: those through the first are
    half a time step smaller.
    """
    with torch.no_grad():
        first = closure(slow)
    middle = slow + 0.5 * time_step * slow_tendency(slow, first)
    second = closure(middle)
    return slow + time_step * slow_tendency(middle, second), second
