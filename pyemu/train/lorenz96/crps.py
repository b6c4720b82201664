"""Training on the almost fair CRPS: first U in one step, then X and U along runs of the one-scale model.

One step says what U may be, not how it goes on; only what it does to X over many steps tells a closure how long its noise
must last. The autocorrelation of the noise is therefore learned in the runs, with the weights.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pyemu.data.lorenz96 import ROW_STRIDE
from pyemu.nn.subgrid_closure import SubgridClosure
from pyemu.physics.lorenz96 import advance
from pyemu.train.lorenz96.rows import Rows, Series
from pyemu.train.schedule import descent
from pyemu.train.scoring_rules import almost_fair_crps

MEMBERS = 2
LEARNING_RATE = 2e-3
MEMORY_RATE = 5e-2  # of the logit of the autocorrelation
FIRST_AUTOCORRELATION = 0.8
INTERVAL = 5  # steps between scores of a run


@dataclass(frozen=True)
class Size:
    """Steps of the descent and rows in each, then those along runs: starts in each, and time steps of a run."""

    steps: int
    batch: int
    runs: int
    starts: int
    length: int


def train_crps(closure: SubgridClosure, series: Series, size: Size, seed: int) -> tuple[float, dict[str, list[float]]]:
    """Train in place; returns the lag-1 autocorrelation of the noise, and the losses by phase, in standard deviations.

    ``series`` is the truth as it is; trained is on the U of the model's own steps, ``Series.of_steps``.
    """
    torch.manual_seed(seed)
    rows = series.of_steps().rows(ROW_STRIDE)
    closure.fit_statistics(rows.inputs[:, : closure.n_inputs], rows.outputs)
    first = fit_one_step(closure, rows, size.steps, size.batch)
    memory = Memory()
    groups: list[dict[str, Any]] = [
        {"params": list(closure.parameters())},
        {"params": list(memory.parameters()), "lr": MEMORY_RATE},
    ]
    runs = Runs(closure, memory, series, size)
    second = descent(groups, runs.loss, size.runs, LEARNING_RATE)
    return float(memory().detach()), {"one_step": first, "runs": second}


def fit_one_step(closure: SubgridClosure, rows: Rows, steps: int, batch: int) -> list[float]:
    """Almost fair CRPS of U, given the true inputs and white noise."""
    inputs, outputs = rows.tensors(closure.n_inputs)
    inputs = closure.standardised(inputs)
    outputs = ((outputs - closure.output_mean) / closure.output_std)[:, None]

    def loss() -> Tensor:
        chosen = torch.randint(len(inputs), (batch,))
        noise = torch.randn(MEMBERS * batch, closure.n_noise)
        made = closure.sampler(inputs[chosen].repeat(MEMBERS, 1), noise).view(MEMBERS, batch, 1)
        return almost_fair_crps(made, outputs[chosen]).mean()

    return descent(closure.parameters(), loss, steps, LEARNING_RATE)


class Memory(nn.Module):
    """The autocorrelation of the noise from step to step, between 0 and 1."""

    def __init__(self, first: float = FIRST_AUTOCORRELATION):
        super().__init__()
        self.logit = nn.Parameter(torch.logit(torch.tensor(first)))

    def forward(self) -> Tensor:
        """The autocorrelation."""
        return torch.sigmoid(self.logit)

    def advance(self, noise: Tensor) -> Tensor:
        """Noise of the next step."""
        kept = self()
        return kept * noise + (1 - kept.square()).sqrt() * torch.randn_like(noise)


class Runs:
    """Ensembles of the one-scale model from true states, and their score against the truth that followed."""

    def __init__(self, closure: SubgridClosure, memory: Memory, series: Series, size: Size):
        self.closure = closure
        self.memory = memory
        self.size = size
        self.x, self.diagnosed = torch.from_numpy(series.x), torch.from_numpy(series.u)
        self.u = torch.from_numpy(series.of_steps().u)
        self.scale_x, self.scale_u = float(self.x.std()), float(self.u.std())

    def loss(self) -> Tensor:
        """Mean over scored steps of the almost fair CRPS of X and of U, each by its standard deviation."""
        starts = torch.randint(1, len(self.x) - self.size.length - 1, (self.size.starts,))
        # The host, too, starts with the U that the truth's file has for the record before.
        slow, previous = (self._repeated(values) for values in (self.x[starts], self.diagnosed[starts - 1]))
        noise = torch.randn(slow.numel(), self.closure.n_noise)
        scores = []
        for step in range(1, self.size.length + 1):
            slow, previous = self._step(slow, previous, noise)
            noise = self.memory.advance(noise)
            if step % INTERVAL == 0:
                scores.append(self._score(slow, self.x[starts + step]) / self.scale_x)
                scores.append(self._score(previous, self.u[starts + step - 1]) / self.scale_u)
        return 2 * torch.stack(scores).mean()

    def _step(self, slow: Tensor, previous: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Noise and the U of the last step are held during a step, as the host does with previous_tendency = 'step'."""
        others = (previous.flatten(),) if self.closure.n_inputs == 2 else ()
        return advance(slow, lambda x: self.closure(x.flatten(), *others, noise).view_as(x))

    def _score(self, members: Tensor, truth: Tensor) -> Tensor:
        return almost_fair_crps(members.view(MEMBERS, *truth.shape), truth).mean()

    def _repeated(self, values: Tensor) -> Tensor:
        return values.repeat(MEMBERS, 1)
