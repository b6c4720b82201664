"""The recipe of the forcing: two regressions on the cells of many states."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from pyemu.data import shallow_water
from pyemu.data.shallow_water import FORCING, Samples
from pyemu.nn.stencil_perceptron import StencilPerceptron
from pyemu.train.recipe import Recipe, Run
from pyemu.train.schedule import descent
from pyemu.zoo.brajard_forcing import INPUTS, Forcing, ForcingSystem
from pyemu.zoo.checkpoint import Checkpoint

N_REFERENCE = 32  # columns recorded in the emulator file; of fields, N_FIELDS
N_FIELDS = 2
TEST_SHARE = 0.2  # of the times, the last ones


@dataclass(frozen=True)
class Budget:
    """Share of the cells of every state that is used, steps of the descent, and cells in each."""

    share: float
    steps: int
    batch: int
    learning_rate: float


class ForcingRecipe(Recipe[ForcingSystem]):
    """Brajard et al.: mean squared error of standardised numbers."""

    budgets: ClassVar[Mapping[str, Budget]] = {
        "smoke": Budget(0.3, 400, 512, 1e-2),
        "small": Budget(0.3, 12_000, 1024, 5e-3),
        "full": Budget(0.5, 60_000, 2048, 5e-3),
    }

    def generate(self, system: ForcingSystem, budget_name: str, cache_dir: Path) -> dict[str, Path]:
        """Pairs of states from the host."""
        self.budget(budget_name)
        return {"pairs": shallow_water.pairs(budget_name, cache_dir=cache_dir)}

    def fit(self, system: ForcingSystem, run: Run) -> Checkpoint:
        """Train both networks. Raises ``ValueError`` for columns besides."""
        if run.more:
            raise ValueError(f"{system.name} is trained on states of its host alone: it takes no more columns")
        torch.set_num_threads(run.threads)
        torch.manual_seed(run.seed)
        size = self.budget(run.budget_name)
        path = self.generate(system, run.budget_name, run.cache_dir)["pairs"]
        train, _ = _split(path, size.share, run.seed)
        forcing = system.build(run.network)
        steps = max(1, round(run.epoch_share * size.steps))
        losses = {name: _fit(one, name, train, size, steps) for name, one in forcing.components.items()}
        stencils = {f"{name}_stencil": train.inputs[f"{name}_stencil"] for name in INPUTS}
        return Checkpoint(
            system=system.name,
            network=run.network,
            state=forcing.state_dict(),
            training={
                "budget": asdict(size),
                "seed": run.seed,
                "cells": len(train),
                "source": path.name,
                "losses": losses,
            },
            data_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            training_range={
                name: (values.min(axis=0).astype(float).tolist(), values.max(axis=0).astype(float).tolist())
                for name, values in stencils.items()
            },
            reference_inputs=_reference(stencils) | _reference_fields(path),
        )

    def evaluate(
        self, system: ForcingSystem, checkpoint: Checkpoint, cache_dir: Path, budget_name: str
    ) -> dict[str, Any]:
        """Correlation and explained variance on the last times, which training has not seen."""
        path = self.generate(system, budget_name, cache_dir)["pairs"]
        _, test = _split(path, 1.0, 0)
        network = checkpoint.build()
        assert isinstance(network, Forcing)
        scores: dict[str, Any] = {}
        for name, one in network.components.items():
            inputs, truth = _of(test, one, name)
            with torch.no_grad():
                found = one(*[torch.from_numpy(values) for values in inputs]).double().numpy()
            axis = "x" if name == FORCING[0] else "y"
            limit = 0.9995 if budget_name != "smoke" else None
            value = float(np.corrcoef(found, truth)[0, 1])
            scores[f"offline_{system.name}_correlation_{axis}"] = {
                "value": value, "limit": limit, "pass": None if limit is None else value >= limit, "unit": "1",
                "title": f"correlation of the forcing along {axis}, at least",
            }  # fmt: skip
            scores[f"offline_{system.name}_explained_variance_{axis}"] = {
                "value": float(1.0 - np.var(found - truth) / np.var(truth)), "limit": None, "pass": None, "unit": "1",
                "title": f"explained variance of the forcing along {axis}",
            }  # fmt: skip
        return {"scores": scores}


def _split(path: Path, share: float, seed: int) -> tuple[Samples, Samples]:
    """Cells of the first times, to train on, and of the last ones, to test."""
    found = shallow_water.samples(shallow_water.load(path), share=share, seed=seed)
    times = np.unique(found.time)
    last = found.time >= times[int((1.0 - TEST_SHARE) * len(times))]
    return found.subset(~last), found.subset(last)


def _of(samples: Samples, network: StencilPerceptron, target: str) -> tuple[list[np.ndarray], np.ndarray]:
    """Stencils of a network's inputs and its target, without the cells whose face is a wall."""
    chosen = samples.has_x if target == FORCING[0] else samples.has_y
    inputs = [samples.inputs[f"{name}_stencil"][chosen] for name in network.inputs]
    return inputs, samples.targets[target][chosen]


def _fit(network: StencilPerceptron, target: str, samples: Samples, size: Budget, steps: int) -> list[float]:
    inputs, truth = _of(samples, network, target)
    network.fit_statistics(inputs, truth)
    values = [torch.from_numpy(one) for one in inputs]
    wanted = torch.from_numpy(((truth - truth.mean()) / truth.std()).astype(np.float32))

    def loss() -> torch.Tensor:
        rows = torch.randint(len(wanted), (size.batch,))
        return (network.standardised([one[rows] for one in values]) - wanted[rows]).square().mean()

    return descent(network.parameters(), loss, steps, size.learning_rate)


def _reference(stencils: Mapping[str, np.ndarray]) -> dict[str, torch.Tensor]:
    n = len(next(iter(stencils.values())))
    chosen = np.linspace(0, n - 1, N_REFERENCE).astype(int)
    return {name: torch.from_numpy(values[chosen].copy()) for name, values in stencils.items()}


def _reference_fields(path: Path) -> dict[str, torch.Tensor]:
    """Whole states with their halos, of the first times."""
    states = shallow_water.load(path).isel(time=slice(0, N_FIELDS))
    options = {"walls": states.attrs["walls"], "domain": states.attrs["domain"]}
    fields = {name: shallow_water.with_halo(name, states[name].values, **options) for name in INPUTS}
    shape = (N_FIELDS, *fields[INPUTS[0]].shape[-2:])  # the wind stress does not change in time
    return {
        name: torch.from_numpy(np.broadcast_to(values, shape).astype(np.float32)) for name, values in fields.items()
    }
