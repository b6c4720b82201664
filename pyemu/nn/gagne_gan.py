"""Generator and discriminator of Gagne et al. 2020 (doi:10.1029/2019MS001896): one subgrid tendency, given a few numbers.

All numbers are standardised. Layers follow the paper and its public configuration: two hidden layers of SELU, batch
normalisation of the generator's output, Gaussian noise in the discriminator.
"""

from typing import Any

import torch
from torch import Tensor, nn

N_HIDDEN = 16


class Generator(nn.Module):
    """A sample of the tendency. The noise is one number beside the inputs, and others added to inputs and hidden layers.

    ``noise_sd`` scales what is added, of which there is a number for each input and each hidden unit; ``output`` is a last
    layer of one number, by default the batch normalisation of the paper.
    """

    def __init__(self, n_inputs: int, noise_sd: float, output: nn.Module | None = None):
        super().__init__()
        self.noise_sd = noise_sd
        self.sizes = (1, n_inputs, N_HIDDEN, N_HIDDEN)
        self.n_noise = sum(self.sizes)
        self.first = _dense(n_inputs + 1, N_HIDDEN)
        self.second = _dense(N_HIDDEN, N_HIDDEN)
        self.last = _dense(N_HIDDEN, 1)
        self.output = output or _batch_normalisation()

    def forward(self, inputs: Tensor, noise: Tensor) -> Tensor:
        """Sample of shape (column, 1) of ``inputs`` (column, input) and ``noise`` (column, ``n_noise``), standard normal."""
        alone, to_inputs, to_first, to_second = noise.split(self.sizes, dim=1)
        hidden = torch.cat([inputs + self.noise_sd * to_inputs, alone], dim=1)
        hidden = torch.selu(self.first(hidden)) + self.noise_sd * to_first
        hidden = torch.selu(self.second(hidden)) + self.noise_sd * to_second
        return self.output(self.last(hidden))


class InputNoiseGenerator(nn.Module):
    """The older variant: noise is one number beside the inputs; in training there is more before each hidden layer."""

    n_noise = 1

    def __init__(self, n_inputs: int, noise_sd: float):
        super().__init__()
        self.hidden = nn.Sequential(*_hidden(n_inputs + 1, N_HIDDEN, noise_sd))
        self.last = _dense(N_HIDDEN, 1)
        self.output = _batch_normalisation()

    def forward(self, inputs: Tensor, noise: Tensor) -> Tensor:
        """Sample of shape (column, 1) of ``inputs`` (column, input) and ``noise`` (column, 1), standard normal."""
        return self.output(self.last(self.hidden(torch.cat([inputs, noise], dim=1))))


class Discriminator(nn.Module):
    """Whether a tendency is true, given the inputs: the logit of the probability."""

    def __init__(self, n_inputs: int, noise_sd: float, n_hidden: int = N_HIDDEN):
        super().__init__()
        self.hidden = nn.Sequential(*_hidden(n_inputs + 1, n_hidden, noise_sd))
        self.last = _dense(n_hidden, 1)

    def forward(self, inputs: Tensor, sample: Tensor) -> Tensor:
        """Logit of shape (column, 1) of ``inputs`` (column, input) and ``sample`` (column, 1)."""
        return self.last(self.hidden(torch.cat([inputs, sample], dim=1)))


class Affine(nn.Module):
    """A factor and a constant: what batch normalisation leaves when nothing is normalised, with as many parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.ones(1))
        self.constant = nn.Parameter(torch.zeros(1))

    def forward(self, values: Tensor) -> Tensor:
        """Values of the same shape."""
        return self.factor * values + self.constant


class GaussianNoise(nn.Module):
    """Adds normal numbers of a standard deviation in training, and nothing otherwise."""

    def __init__(self, sd: float):
        super().__init__()
        self.sd = sd

    def forward(self, values: Tensor) -> Tensor:
        """Values with noise, of the same shape."""
        return torch.add(values, torch.randn_like(values), alpha=self.sd) if self.training else values

    def extra_repr(self) -> str:
        """For the representation of a network."""
        return f"sd={self.sd}"


def kernels(network: nn.Module) -> list[Tensor]:
    """The matrices of dense layers, which are the only parameters under the L2 penalty."""
    return [layer.weight for layer in network.modules() if isinstance(layer, nn.Linear)]


def _hidden(n_inputs: int, n_hidden: int, noise_sd: float) -> list[nn.Module]:
    layers: list[Any] = []
    for size in (n_inputs, n_hidden):
        layers += [GaussianNoise(noise_sd), _dense(size, n_hidden), nn.SELU()]
    return layers


def _dense(n_inputs: int, n_outputs: int) -> nn.Linear:
    """A dense layer as Keras starts it: Glorot's uniform kernel, no bias."""
    layer = nn.Linear(n_inputs, n_outputs)
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def _batch_normalisation() -> nn.BatchNorm1d:
    """With the constants of Keras: a moving average that keeps 0.99, and 1e-3 added to the variance."""
    return nn.BatchNorm1d(1, eps=1e-3, momentum=0.01)
