"""A few drawn columns as float32 tensors, for tests of networks."""

import numpy as np
import torch

from pyemu.data.columns import sample_columns


def small_columns(n: int, split: str = "train") -> dict[str, torch.Tensor]:
    """Input columns of one split by name."""
    drawn = sample_columns(split, n, np.random.default_rng(5))
    return {name: torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)) for name, values in drawn.items()}
