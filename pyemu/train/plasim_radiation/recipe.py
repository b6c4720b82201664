"""The recipe of the emulators of RRTMG in PlaSim."""

from pathlib import Path
from typing import Any

from pyemu.train.plasim_radiation.capture import capture
from pyemu.train.plasim_radiation.climates import BUDGETS
from pyemu.train.plasim_radiation.evaluate import evaluate
from pyemu.train.radiation.fit import fit_columns
from pyemu.train.recipe import Recipe, Run
from pyemu.zoo.checkpoint import Checkpoint
from pyemu.zoo.plasim_radiation import PlasimRadiationSystem


class PlasimRadiationRecipe(Recipe[PlasimRadiationSystem]):
    """Columns recorded in PlaSim with RRTMG, Lightning, scores on later times and a climate that no training sees."""

    budgets = BUDGETS

    def generate(self, system: PlasimRadiationSystem, budget_name: str, cache_dir: Path) -> dict[str, Path]:
        """Files of columns by split. Raises ``PlasimError`` where PlaSim cannot be built or run."""
        return capture(system, self.budget(budget_name), cache_dir)

    def fit(self, system: PlasimRadiationSystem, run: Run) -> Checkpoint:
        """Train one network of a band."""
        files = self.generate(system, run.budget_name, run.cache_dir)
        size = self.budget(run.budget_name).shortened(run.epoch_share)
        return fit_columns(system, size, run, [files["train"], *run.more], files["validation"])

    def evaluate(
        self, system: PlasimRadiationSystem, checkpoint: Checkpoint, cache_dir: Path, budget_name: str
    ) -> dict[str, Any]:
        """Errors on the test split."""
        return evaluate(system, checkpoint, self.generate(system, budget_name, cache_dir)["test"])
