"""The recipe of PlaSim's moist physics: squared errors of increments, one cosine."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from pyemu.nn.moist_column import ConservingMoist, FreeMoist, Step
from pyemu.physics.condensation import Changes
from pyemu.train.plasim_moist.dataset import Columns, data_file, load
from pyemu.train.plasim_moist.scores import scores
from pyemu.train.recipe import Recipe, Run
from pyemu.train.schedule import descent
from pyemu.zoo.checkpoint import Checkpoint
from pyemu.zoo.plasim_moist import INPUTS, MoistSystem

N_REFERENCE = 32  # columns recorded in the emulator file
LEAST_SHARE = 0.1  # of the largest layer's size, below which errors of a layer count less


@dataclass(frozen=True)
class Budget:
    """Steps of the descent, columns in each, learning rate."""

    steps: int
    batch: int
    learning_rate: float


class MoistRecipe(Recipe[MoistSystem]):
    """Columns of PlaSim's own scheme."""

    budgets: ClassVar[Mapping[str, Budget]] = {
        "smoke": Budget(60, 256, 2e-3),
        "small": Budget(12_000, 1024, 2e-3),
        "full": Budget(60_000, 2048, 2e-3),
    }

    def generate(self, system: MoistSystem, budget_name: str, cache_dir: Path) -> dict[str, Path]:
        """The recorded columns. Raises ``FileNotFoundError`` if PlaSim has not been run for them."""
        self.budget(budget_name)
        return {"columns": data_file(cache_dir)}

    def fit(self, system: MoistSystem, run: Run) -> Checkpoint:
        """Train one network. Raises ``ValueError`` for columns besides."""
        if run.more:
            raise ValueError(f"{system.name} is trained on the columns of {data_file(run.cache_dir)} alone")
        torch.set_num_threads(run.threads)
        torch.manual_seed(run.seed)
        size = self.budget(run.budget_name)
        columns = load(self.generate(system, run.budget_name, run.cache_dir)["columns"])["train"]
        network = system.build(run.network).double()
        assert isinstance(network, ConservingMoist | FreeMoist)
        network.fit_statistics(columns.step, columns.truth)
        network.perceptron.float()
        steps = max(1, round(run.epoch_share * size.steps))
        losses = descent(network.parameters(), _loss(network, columns, size.batch), steps, size.learning_rate)
        return Checkpoint(
            system=system.name,
            network=run.network,
            state=network.state_dict(),
            training={"budget": asdict(size), "seed": run.seed, "columns": len(columns), "losses": losses},
            data_sha256=columns.sha256,
            training_range={name: _range(values) for name, values in zip(INPUTS, columns.step, strict=True)},
            reference_inputs=reference_inputs(columns),
        )

    def evaluate(
        self, system: MoistSystem, checkpoint: Checkpoint, cache_dir: Path, budget_name: str
    ) -> dict[str, Any]:
        """Offline scores on stretches of time that training has not seen."""
        test = load(self.generate(system, budget_name, cache_dir)["columns"])["test"]
        return {"held_out": scores(checkpoint.build(), test)}


def reference_inputs(columns: Columns) -> dict[str, Tensor]:
    """Columns spread evenly over the training data."""
    chosen = torch.from_numpy(np.linspace(0, len(columns) - 1, N_REFERENCE).astype(int))
    return {name: values[chosen].clone() for name, values in zip(INPUTS, columns.step, strict=True)}


def _loss(network: ConservingMoist | FreeMoist, columns: Columns, batch: int) -> Callable[[], Tensor]:
    """Mean squared error of random columns; every kind of output counts alike, its layers by their size."""
    sizes = [_size(values) for values in columns.truth]

    def loss() -> Tensor:
        step, truth = columns.rows(torch.randint(len(columns), (batch,)))
        return error(network(step), truth, sizes)

    return loss


def error(found: Changes, truth: Changes, sizes: list[Tensor]) -> Tensor:
    """Sum over kinds of output of mean squared errors in units of ``sizes``."""
    parts = [((a - b) / size).square().mean() for a, b, size in zip(found, truth, sizes, strict=True)]
    return torch.stack(parts).sum()


def _size(values: Tensor) -> Tensor:
    found = values.square().mean(dim=0).sqrt()
    return found.clamp(min=max(LEAST_SHARE * float(found.max()), 1e-30))


def _range(values: Tensor) -> tuple[list[float], list[float]]:
    low, high = values.amin(dim=0), values.amax(dim=0)
    return torch.atleast_1d(low).tolist(), torch.atleast_1d(high).tolist()


def step_of(values: Mapping[str, Tensor]) -> Step:
    """Inputs by name, in order."""
    return Step(*(values[name] for name in INPUTS))
