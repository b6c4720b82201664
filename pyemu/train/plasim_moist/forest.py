"""A random forest of moist physics, after O'Gorman and Dwyer 2018 (doi:10.1029/2018MS001351)."""

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.ensemble import RandomForestRegressor  # type: ignore[import-untyped]
from torch import Tensor, nn

from pyemu.nn.moist_column import MoistFeatures, Step, flat, unflat
from pyemu.physics.condensation import Changes
from pyemu.train.plasim_moist.dataset import Columns
from pyemu.zoo.plasim_moist import N_LAYERS, rates


@dataclass(frozen=True)
class Size:
    """Columns to grow trees of, trees, and columns in a leaf at least."""

    columns: int
    trees: int
    leaf: int


SIZES = {"smoke": Size(2000, 3, 20), "small": Size(100_000, 10, 20), "full": Size(200_000, 20, 10)}


@dataclass(frozen=True)
class Forest:
    """Trees of standardised features and scaled outputs, and the graphs around them."""

    trees: RandomForestRegressor
    before: "Before"
    after: "After"

    def increments(self, step: Step) -> Changes:
        """As a function of a step, in Python."""
        features = self.before(*step).numpy()
        found = torch.from_numpy(self.trees.predict(features)).double()
        return unflat(found * self.after.scale, N_LAYERS)


class Before(nn.Module):
    """Inputs of the graph to what the trees see: (column, feature), single precision."""

    def __init__(self, features: MoistFeatures):
        super().__init__()
        self.features = features

    def forward(self, *tensors: Tensor) -> Tensor:
        """Inputs in the order of ``pyemu.zoo.plasim_moist.INPUTS``."""
        return self.features(Step(*tensors))


class After(nn.Module):
    """What the trees say, (column, 4 * layer + 3), and the time step to the outputs of the graph."""

    def __init__(self, scale: Tensor):
        super().__init__()
        self.register_buffer("scale", scale)
        self.scale: Tensor

    def forward(self, found: Tensor, time_step: Tensor) -> tuple[Tensor, ...]:
        """Outputs in the order of ``pyemu.zoo.plasim_moist.OUTPUTS``."""
        return tuple(rates(unflat(found.double() * self.scale, N_LAYERS), time_step))


def grow(columns: Columns, size: Size, seed: int, threads: int = 1) -> Forest:
    """Fit the trees. Outputs are scaled alike in every layer, each by its root mean square over the column."""
    chosen = torch.randperm(len(columns), generator=torch.Generator().manual_seed(seed))[: size.columns]
    step, truth = columns.rows(chosen)
    features = MoistFeatures(N_LAYERS).double()
    features.fit_statistics(step)
    before = Before(features).eval()
    targets = flat(truth)
    scale = torch.cat([_scale(values) for values in truth])
    trees = RandomForestRegressor(
        n_estimators=size.trees, min_samples_leaf=size.leaf, max_features=1 / 3, n_jobs=threads, random_state=seed
    )
    with torch.no_grad():
        trees.fit(before(*step).numpy(), (targets / scale).numpy().astype(np.float32))
    return Forest(trees, before, After(scale).eval())


def _scale(values: Tensor) -> Tensor:
    size = values.square().mean().sqrt().clamp(min=1e-30)
    return size.expand(values.shape[1]).clone() if values.ndim == 2 else size[None]
