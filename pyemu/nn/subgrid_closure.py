"""A sampler of one standardised number inside physical units: from slow variables to a subgrid tendency."""

import numpy as np
import torch
from torch import Tensor, nn


class SubgridClosure(nn.Module):
    """Inputs standardised, a sample drawn by ``sampler``, its output made physical again.

    ``sampler`` takes inputs (column, input) and noise (column, ``sampler.n_noise``), all of mean 0 and variance 1, and
    returns (column, 1). The statistics are buffers, so they travel with the weights.
    """

    input_mean: Tensor
    input_std: Tensor
    output_mean: Tensor
    output_std: Tensor

    def __init__(self, sampler: nn.Module, n_inputs: int):
        super().__init__()
        self.sampler = sampler
        self.n_inputs = n_inputs
        for name, size in (("input", n_inputs), ("output", 1)):
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_std", torch.ones(size))

    @property
    def n_noise(self) -> int:
        """Noise numbers of a column."""
        return int(self.sampler.n_noise)  # type: ignore[arg-type]

    def fit_statistics(self, inputs: np.ndarray, outputs: np.ndarray) -> None:
        """Take means and standard deviations from training data, (row, input) and (row,)."""
        for name, values in (("input", inputs), ("output", outputs[:, None])):
            self.get_buffer(f"{name}_mean").copy_(torch.from_numpy(values.mean(0)))
            self.get_buffer(f"{name}_std").copy_(torch.from_numpy(values.std(0)))

    def standardised(self, inputs: Tensor) -> Tensor:
        """Inputs (..., input) without units."""
        return (inputs - self.input_mean) / self.input_std

    def forward(self, *tensors: Tensor) -> Tensor:
        """Tendency (column,) of each input (column,) and, last, noise (column, ``n_noise``)."""
        *inputs, noise = tensors
        sample = self.sampler(self.standardised(torch.stack(inputs, dim=1)), noise)
        return sample[:, 0] * self.output_std + self.output_mean
