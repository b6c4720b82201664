"""The training of Gagne et al. 2020: a discriminator and a generator in turns, all rows in memory.

A step of these networks is a few hundred thousand operations, so that what torch does around each operation is most of
its time: no loader, no bookkeeping, gradients taken where they are needed alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from pyemu.nn.gagne_gan import kernels
from pyemu.nn.subgrid_closure import SubgridClosure
from pyemu.train.lorenz96.rows import Rows
from pyemu.zoo.lorenz96_gan import Configuration

LEARNING_RATE = 1e-4
BETAS = (0.5, 0.9)
GENERATOR_L2 = 1e-3


@dataclass(frozen=True)
class Losses:
    """Means over an epoch. At the equilibrium, where nothing can be told apart, both are log 2 and the penalties."""

    discriminator: float
    generator: float


def train_gan(
    configuration: Configuration, rows: Rows, *, epochs: int, batch: int, seed: int
) -> tuple[SubgridClosure, list[Losses]]:
    """The trained closure in evaluation mode, and the losses of each epoch. ``seed`` fixes weights, order and noise."""
    torch.manual_seed(seed)
    closure, discriminator = configuration.build(), configuration.discriminator()
    closure.fit_statistics(rows.inputs[:, : configuration.n_inputs], rows.outputs)
    inputs, outputs = rows.tensors(configuration.n_inputs)
    inputs = closure.standardised(inputs)
    outputs = ((outputs - closure.output_mean) / closure.output_std)[:, None]
    game = Game(closure.sampler, discriminator, batch, configuration.discriminator_l2)
    history = [game.play(inputs, outputs) for _ in range(epochs)]
    return closure.eval(), history


class Game:
    """Generator and discriminator with their optimizers."""

    def __init__(self, generator: nn.Module, discriminator: nn.Module, batch: int, discriminator_l2: float):
        self.generator = generator
        self.discriminator = discriminator
        self.batch = batch
        self.half = batch // 2
        self.true_then_made = torch.cat([torch.ones(self.half, 1), torch.zeros(self.half, 1)])
        self.all_true = torch.ones(batch, 1)
        self.of_generator = _optimizer(generator, GENERATOR_L2)
        self.of_discriminator = _optimizer(discriminator, discriminator_l2)

    def play(self, inputs: Tensor, outputs: Tensor) -> Losses:
        """One epoch over all rows in a new order."""
        self.discriminator.train()
        judged, made = [], []
        for first, samples, second in self._batches(inputs, outputs):
            judged.append(self._judge(first, samples))
            made.append(self._make(second))
        return Losses(float(torch.stack(judged).mean()), float(torch.stack(made).mean()))

    def _batches(self, inputs: Tensor, outputs: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Inputs for the discriminator, outputs that belong to the first half of them, inputs for the generator."""
        order = torch.randperm(len(inputs))
        inputs, outputs = inputs[order], outputs[order]
        for start in range(0, len(inputs) - 2 * self.batch + 1, 2 * self.batch):
            middle = start + self.batch
            yield inputs[start:middle], outputs[start : start + self.half], inputs[middle : middle + self.batch]

    def _judge(self, inputs: Tensor, samples: Tensor) -> Tensor:
        """A step of the discriminator: half of the samples are true, half are made with the statistics of evaluation."""
        self.generator.eval()
        with torch.no_grad():
            made = self.generator(inputs[self.half :], self._noise(self.half))
        logit = self.discriminator(inputs, torch.cat([samples, made]))
        return _descend(cross_entropy(logit, self.true_then_made), self.of_discriminator)

    def _make(self, inputs: Tensor) -> Tensor:
        """A step of the generator, whose samples shall be taken for true."""
        self.generator.train()
        logit = self.discriminator(inputs, self.generator(inputs, self._noise(self.batch)))
        return _descend(cross_entropy(logit, self.all_true), self.of_generator)

    def _noise(self, n: int) -> Tensor:
        return torch.randn(n, self.generator.n_noise)  # type: ignore[call-overload]


def _optimizer(network: nn.Module, l2: float) -> torch.optim.Adam:
    """Adam with the gradient of ``l2 * sum(kernel**2)`` added for the kernels, which is a weight decay of twice that."""
    under_penalty = kernels(network)
    known = {id(kernel) for kernel in under_penalty}
    free = [parameter for parameter in network.parameters() if id(parameter) not in known]
    groups: list[dict[str, Any]] = [{"params": under_penalty, "weight_decay": 2 * l2}, {"params": free}]
    return torch.optim.Adam(groups, LEARNING_RATE, betas=BETAS, eps=1e-7, fused=True)


def _descend(loss: Tensor, optimizer: torch.optim.Optimizer) -> Tensor:
    """One step; the gradient of the other network is not computed."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for parameter, gradient in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
        parameter.grad = gradient
    optimizer.step()
    return loss.detach()
