"""The recipes of the closures of Lorenz '96: one truth, three trainings, the same offline scores."""

import hashlib
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch

from pyemu.data import lorenz96
from pyemu.nn.subgrid_closure import SubgridClosure
from pyemu.train.lorenz96.crps import Size, train_crps
from pyemu.train.lorenz96.flow import latent_memory, train_flow
from pyemu.train.lorenz96.gan import train_gan
from pyemu.train.lorenz96.rows import Rows, Series
from pyemu.train.lorenz96.scores import fair_crps, predict, residual, squared_hellinger
from pyemu.train.recipe import Recipe, Run
from pyemu.zoo.checkpoint import Checkpoint
from pyemu.zoo.lorenz96 import AUTOCORRELATION, NOISE, SubgridSystem
from pyemu.zoo.lorenz96_gan import CONFIGURATIONS

N_REFERENCE = 32  # columns recorded in the emulator file
N_SCORED = 2_000_000  # records of the test part, at most
N_ROWS = 1_000_000  # of them
N_ENSEMBLES = 20_000  # rows whose ensembles are scored
N_MEMBERS = 20
N_IN_TIME = 400_000  # records whose residuals are followed


@dataclass(frozen=True)
class GanSize:
    """Epochs over all rows, and rows in a step of either network."""

    epochs: int
    batch: int


@dataclass(frozen=True)
class FlowSize:
    """Steps of the descent, and rows in each."""

    steps: int
    batch: int


@dataclass(frozen=True)
class Budget:
    """The truth's budget in ``pyemu.data.lorenz96``, by the same name, and the size of the training."""

    name: str
    size: Any


def _budgets(smoke: Any, small: Any, full: Any) -> dict[str, Budget]:
    sizes = {"smoke": smoke, "small": small, "full": full}
    return {name: Budget(name, size) for name, size in sizes.items()}


class SubgridRecipe(Recipe[SubgridSystem]):
    """Everything but the training itself."""

    budgets: ClassVar[Mapping[str, Budget]]

    def generate(self, system: SubgridSystem, budget_name: str, cache_dir: Path) -> dict[str, Path]:
        """One run of the two-scale model; its first tenth trains, the rest tests."""
        return {"truth": lorenz96.truth(self.budget(budget_name).name, cache_dir=cache_dir)}

    def fit(self, system: SubgridSystem, run: Run) -> Checkpoint:
        """Train one network. Raises ``ValueError`` for columns besides the truth's."""
        if run.more:
            raise ValueError(
                f"{system.name} is trained on a run of the two-scale model alone: it takes no more columns"
            )
        torch.set_num_threads(run.threads)
        budget = self.budget(run.budget_name)
        path = lorenz96.truth(budget.name, cache_dir=run.cache_dir)
        part = lorenz96.training_part(lorenz96.load(path)).load()
        series, rows = Series.of(part), Rows.of(part)
        closure, facts = self.train(system, run, budget.size, rows, series)
        left = residual(closure, self.trained_on(series))
        facts = {AUTOCORRELATION: left.autocorrelation, "residual_sd": left.sd} | facts
        return Checkpoint(
            system=system.name,
            network=run.network,
            state=closure.state_dict(),
            training={"budget": asdict(budget), "seed": run.seed, "rows": len(rows), "source": path.name} | facts,
            data_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            training_range=_ranges(system, run.network, rows),
            reference_inputs=_reference(system, run.network, rows, closure.n_noise),
        )

    def trained_on(self, series: Series) -> Series:
        """The truth with the U that this recipe trains on and is scored with: the U of the model's own steps."""
        return series.of_steps()

    @abstractmethod
    def train(
        self, system: SubgridSystem, run: Run, size: Any, rows: Rows, series: Series
    ) -> tuple[SubgridClosure, dict[str, Any]]:
        """The trained closure, and what the checkpoint shall keep of the training besides.

        ``rows`` are every fifth record, as published; ``series`` are all of them, in time.
        """

    def evaluate(
        self, system: SubgridSystem, checkpoint: Checkpoint, cache_dir: Path, budget_name: str
    ) -> dict[str, Any]:
        """Scores on the nine tenths of the truth that are not trained on, with the true U of the last record as input."""
        path = lorenz96.truth(self.budget(budget_name).name, cache_dir=cache_dir)
        closure = checkpoint.build()
        assert isinstance(closure, SubgridClosure)
        part = lorenz96.held_out_part(lorenz96.load(path))
        offline = offline_scores(closure, self.trained_on(Series.of(part.isel(time=slice(0, N_SCORED)))))
        published = {
            f"published {score}": values[checkpoint.network]
            for score, values in system.model_card.published.items()
            if checkpoint.network in values
        }
        return {"offline": offline | published, "scores": _table(f"{system.name}_{checkpoint.network}", offline)}


class GanRecipe(SubgridRecipe):
    """Gagne et al. 2020; ``full`` is their recipe, ``small`` has a fifth of their rows."""

    budgets: ClassVar[Mapping[str, Budget]] = _budgets(GanSize(3, 256), GanSize(30, 1024), GanSize(30, 1024))

    def trained_on(self, series: Series) -> Series:
        """The truth as it is, with the U of the forward difference, as published."""
        return series

    def train(self, system: SubgridSystem, run: Run, size: GanSize, rows: Rows, series: Series) -> Any:
        """Discriminator and generator in turns."""
        configuration = CONFIGURATIONS[run.network]
        epochs = max(1, round(run.epoch_share * size.epochs))
        closure, history = train_gan(configuration, rows, epochs=epochs, batch=size.batch, seed=run.seed)
        return closure, {"losses": [asdict(losses) for losses in history], "index": configuration.index}


class CrpsRecipe(SubgridRecipe):
    """The almost fair CRPS in one step, and along runs of the one-scale model."""

    budgets: ClassVar[Mapping[str, Budget]] = _budgets(
        Size(60, 512, 6, 16, 10), Size(1500, 2048, 100, 64, 100), Size(1500, 2048, 200, 64, 200)
    )

    def train(self, system: SubgridSystem, run: Run, size: Size, rows: Rows, series: Series) -> Any:
        """The learned autocorrelation of the noise takes the place of the residual's."""
        closure = system.build(run.network)
        autocorrelation, losses = train_crps(closure, series, size, run.seed)
        return closure.eval(), {AUTOCORRELATION: autocorrelation, "losses": losses}


class FlowRecipe(SubgridRecipe):
    """Flow matching."""

    budgets: ClassVar[Mapping[str, Budget]] = _budgets(FlowSize(300, 1024), FlowSize(4000, 4096), FlowSize(8000, 4096))

    def train(self, system: SubgridSystem, run: Run, size: FlowSize, rows: Rows, series: Series) -> Any:
        """The memory of the noise that leads to the true U takes the place of the residual's autocorrelation."""
        torch.manual_seed(run.seed)
        closure = system.build(run.network)
        chosen = self.trained_on(series)
        losses = train_flow(
            closure, chosen.rows(lorenz96.ROW_STRIDE), steps=size.steps, batch=size.batch, seed=run.seed
        )
        autocorrelation = latent_memory(closure, chosen)
        return closure.eval(), {AUTOCORRELATION: autocorrelation, "losses": losses}


def offline_scores(closure: SubgridClosure, series: Series) -> dict[str, float]:
    """Squared Hellinger distances of U with and without noise, the residual without, the CRPS of ensembles of white noise.

    Of rows spread over the series; the residual is of its first records, which follow each other.
    """
    rows = series.rows(max(1, series.x.size // N_ROWS))
    each = max(1, len(rows) // N_ENSEMBLES)
    few = Rows(rows.inputs[::each], rows.outputs[::each])
    left = residual(closure, Series(series.x[:N_IN_TIME], series.u[:N_IN_TIME]))
    ensembles = predict(closure, few, seed=2, samples=N_MEMBERS)
    return {
        "squared_hellinger": squared_hellinger(predict(closure, rows, seed=1)[0], rows.outputs),
        "squared_hellinger_without_noise": squared_hellinger(predict(closure, rows, seed=None)[0], rows.outputs),
        "residual_sd": left.sd,
        "residual_autocorrelation": left.autocorrelation,
        "crps": float(fair_crps(ensembles, few.outputs).mean()),
        "rows": len(rows),
    }


_TITLES = {
    "squared_hellinger": "squared Hellinger distance of U",
    "squared_hellinger_without_noise": "the same without noise",
    "residual_sd": "standard deviation of what is left of U without noise",
    "residual_autocorrelation": "its autocorrelation over one record",
    "crps": "continuous ranked probability score of U in one step",
}


def _table(name: str, offline: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    return {
        f"offline_{name}_{key}": {"value": offline[key], "limit": None, "pass": None, "unit": "1", "title": title}
        for key, title in _TITLES.items()
    }


def _ranges(system: SubgridSystem, network: str, rows: Rows) -> dict[str, tuple[list[float], list[float]]]:
    names = system.inputs(network).names
    return {
        name: ([float(values.min())], [float(values.max())]) for name, values in zip(names, rows.inputs.T, strict=False)
    }


def _reference(system: SubgridSystem, network: str, rows: Rows, n_noise: int) -> dict[str, torch.Tensor]:
    """Rows spread evenly over the training data, with noise of their own."""
    chosen = np.linspace(0, len(rows) - 1, N_REFERENCE).astype(int)
    names = system.inputs(network).names
    inputs = {name: torch.from_numpy(rows.inputs[chosen, i].copy()) for i, name in enumerate(names)}
    noise = torch.randn(N_REFERENCE, n_noise, generator=torch.Generator().manual_seed(N_REFERENCE))
    return inputs | {NOISE: noise}
