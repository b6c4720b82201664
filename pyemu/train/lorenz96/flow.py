"""Flow matching: the velocity on straight lines from noise to the true U, as a regression."""

import torch

from pyemu.nn.subgrid_closure import SubgridClosure
from pyemu.nn.subgrid_flow import FlowSampler
from pyemu.train.lorenz96.rows import Rows, Series
from pyemu.train.lorenz96.scores import BATCH, memory
from pyemu.train.schedule import descent

LEARNING_RATE = 3e-3


def train_flow(closure: SubgridClosure, rows: Rows, *, steps: int, batch: int, seed: int) -> list[float]:
    """Train in place; returns the loss, in units of the variance, of each hundredth of the steps."""
    torch.manual_seed(seed)
    sampler = sampler_of(closure)
    closure.fit_statistics(rows.inputs[:, : closure.n_inputs], rows.outputs)
    inputs, outputs = rows.tensors(closure.n_inputs)
    inputs = closure.standardised(inputs)
    outputs = ((outputs - closure.output_mean) / closure.output_std)[:, None]
    sampler.fit_regression(inputs, outputs)
    targets = sampler.target(inputs, outputs)
    shares = torch.arange(batch)[:, None]  # one in each part of the way

    def loss() -> torch.Tensor:
        chosen = torch.randint(len(inputs), (batch,))
        share = (shares + torch.rand(batch, 1)) / batch
        noise, end = torch.randn(batch, 1), targets[chosen]
        found = sampler.velocity(noise + share * (end - noise), share, inputs[chosen])
        return (found - (end - noise)).square().mean()

    return descent(closure.parameters(), loss, steps, LEARNING_RATE)


def latent_memory(closure: SubgridClosure, series: Series) -> float:
    """Of the noise that leads to the true U: see ``pyemu.train.lorenz96.scores.memory``."""
    sampler = sampler_of(closure)
    inputs, outputs = series.rows().tensors(closure.n_inputs)
    outputs = ((outputs - closure.output_mean) / closure.output_std)[:, None]
    with torch.no_grad():
        pieces = zip(closure.standardised(inputs).split(BATCH), outputs.split(BATCH), strict=True)
        noise = torch.cat([sampler.latent(*piece) for piece in pieces]).reshape(-1, series.n_places)
    return memory(noise.numpy())


def sampler_of(closure: SubgridClosure) -> FlowSampler:
    """The flow inside a closure."""
    assert isinstance(closure.sampler, FlowSampler)
    return closure.sampler
