"""Descend a loss that draws its own batches: Adam, one cosine, and no more around each step than that."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

FINAL_SHARE = 0.02  # of the learning rate, at the end
RECORDS = 100  # losses that are kept
LARGEST_GRADIENT = 1.0  # its norm: rollouts through a chaotic model have a few that are far larger


def descent(
    parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]],
    loss: Callable[[], Tensor],
    steps: int,
    learning_rate: float,
) -> list[float]:
    """Take ``steps`` steps; returns the mean losses of at most a hundred stretches of them, in order.

    ``parameters`` may be groups with learning rates of their own, as torch takes them.
    """
    optimizer = torch.optim.Adam(parameters, learning_rate, fused=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, FINAL_SHARE * learning_rate)
    trained = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    found = []
    for _ in range(steps):
        value = loss()
        optimizer.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(trained, LARGEST_GRADIENT)
        optimizer.step()
        schedule.step()
        found.append(value.detach())
    stretches = torch.stack(found).tensor_split(min(steps, RECORDS))
    return [float(stretch.mean()) for stretch in stretches]
