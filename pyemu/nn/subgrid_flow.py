"""A conditional flow of one number: from a standard normal to a subgrid tendency, in a few steps of a learned velocity.

Flow matching (Lipman et al. 2023, arXiv:2210.02747; Liu et al. 2023, arXiv:2209.03003): on the straight line from noise y0
to a sample y1 the velocity is y1 - y0, and a network that regresses it, given the place and the share s of the way, moves
the whole normal distribution to that of the samples.
"""

import torch
from torch import Tensor, nn

from pyemu.nn.gagne_gan import N_HIDDEN

N_STEPS = 4  # of the midpoint rule, so eight calls of the network for a sample


class Velocity(nn.Module):
    """Velocity at a place y after a share s of the way, given standardised inputs: two hidden layers of SELU."""

    def __init__(self, n_inputs: int):
        super().__init__()
        layers = [nn.Linear(n_inputs + 2, N_HIDDEN), nn.SELU(), nn.Linear(N_HIDDEN, N_HIDDEN), nn.SELU()]
        self.layers = nn.Sequential(*layers, nn.Linear(N_HIDDEN, 1))

    def forward(self, place: Tensor, share: Tensor, inputs: Tensor) -> Tensor:
        """Velocity (column, 1) of ``place`` and ``share`` (column, 1) and ``inputs`` (column, input)."""
        return self.layers(torch.cat([place, share, inputs], dim=1))


class FlowSampler(nn.Module):
    """Samples around a linear regression: ``slope`` and ``constant`` from ``inputs``, and ``spread`` about that.

    These are statistics of the training rows, so that the flow has a number of mean 0 and variance 1 to make.
    """

    n_noise = 1
    slope: Tensor
    constant: Tensor
    spread: Tensor

    def __init__(self, n_inputs: int, n_steps: int = N_STEPS):
        super().__init__()
        self.n_steps = n_steps
        self.velocity = Velocity(n_inputs)
        self.register_buffer("slope", torch.zeros(n_inputs, 1))
        self.register_buffer("constant", torch.zeros(1))
        self.register_buffer("spread", torch.ones(1))

    def fit_regression(self, inputs: Tensor, outputs: Tensor) -> None:
        """Least squares of ``outputs`` (row, 1) by ``inputs`` (row, input) and a constant."""
        columns = torch.cat([inputs, torch.ones(len(inputs), 1)], dim=1).double()
        found = torch.linalg.lstsq(columns, outputs.double()).solution
        self.slope.copy_(found[:-1])
        self.constant.copy_(found[-1])
        self.spread.copy_((outputs - columns @ found).std())

    def target(self, inputs: Tensor, outputs: Tensor) -> Tensor:
        """What the flow shall end at for these outputs, (row, 1)."""
        return (outputs - inputs @ self.slope - self.constant) / self.spread

    def forward(self, inputs: Tensor, noise: Tensor) -> Tensor:
        """Sample of shape (column, 1) of ``inputs`` (column, input) and ``noise`` (column, 1), standard normal."""
        place = noise
        for step in range(self.n_steps):
            place = self._advance(place, step / self.n_steps, 1 / self.n_steps, inputs)
        return place * self.spread + inputs @ self.slope + self.constant

    def latent(self, inputs: Tensor, outputs: Tensor, n_steps: int = 32) -> Tensor:
        """The noise that ends at these outputs, (row, 1): the same way backwards, in small steps."""
        place = self.target(inputs, outputs)
        for step in range(n_steps):
            place = self._advance(place, 1 - step / n_steps, -1 / n_steps, inputs)
        return place

    def _advance(self, place: Tensor, share: float, length: float, inputs: Tensor) -> Tensor:
        """One step of the midpoint rule."""
        half = place + 0.5 * length * self.velocity(place, torch.full_like(place, share), inputs)
        middle = torch.full_like(place, share + 0.5 * length)
        return place + length * self.velocity(half, middle, inputs)
