"""A perceptron of one hidden layer on the 3 x 3 values around a cell: of columns, and, with the same weights, of whole fields."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

STENCIL = 9  # values of an input around a cell, from the south-west, rows from west to east


class StencilPerceptron(nn.Module):
    """Standardised 3 x 3 values of the named inputs to one number per cell, in physical units.

    An input has one mean and one standard deviation for all its nine values, so that the same weights are those of a
    convolution. Statistics are buffers and travel with the weights.
    """

    input_mean: Tensor
    input_std: Tensor
    output_mean: Tensor
    output_std: Tensor

    def __init__(self, inputs: Sequence[str], n_hidden: int = 32):
        super().__init__()
        self.inputs = tuple(inputs)
        self.hidden = nn.Linear(STENCIL * len(self.inputs), n_hidden)
        self.output = nn.Linear(n_hidden, 1)
        for name, size in (("input", len(self.inputs)), ("output", 1)):
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_std", torch.ones(size))

    def fit_statistics(self, inputs: Sequence[np.ndarray], output: np.ndarray) -> None:
        """Take means and standard deviations from training data: stencils (row, 9) of each input, and the output (row,)."""
        for i, values in enumerate(inputs):
            self.input_mean[i], self.input_std[i] = float(values.mean()), float(values.std())
        self.output_mean[0], self.output_std[0] = float(output.mean()), float(output.std())

    def standardised(self, stencils: Sequence[Tensor]) -> Tensor:
        """One number per cell without units, (column,), from stencils (column, 9) in the order of ``inputs``."""
        scaled = [(values - self.input_mean[i]) / self.input_std[i] for i, values in enumerate(stencils)]
        hidden = torch.relu(self.hidden(torch.cat(scaled, dim=1)))
        return self.output(hidden)[:, 0]

    def forward(self, *stencils: Tensor) -> Tensor:
        """The number in physical units, (column,)."""
        return self.standardised(stencils) * self.output_std + self.output_mean

    def of_fields(self, *fields: Tensor) -> Tensor:
        """The same of fields with a halo of one cell, (sample, y + 2, x + 2): the number in every cell, (sample, y, x)."""
        stacked = torch.stack(fields, dim=1)
        scaled = (stacked - self.input_mean[:, None, None]) / self.input_std[:, None, None]
        weights = self.hidden.weight.reshape(-1, len(self.inputs), 3, 3)
        hidden = torch.relu(nn.functional.conv2d(scaled, weights, self.hidden.bias))
        number = nn.functional.conv2d(hidden, self.output.weight[..., None, None], self.output.bias)[:, 0]
        return number * self.output_std + self.output_mean
