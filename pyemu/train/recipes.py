"""Recipes by the name that a system gives: each is imported when it is asked for, with the libraries it needs."""

from collections.abc import Callable
from functools import partial
from typing import Any

from pyemu.train.recipe import Recipe
from pyemu.zoo.system import System


def _radiation() -> Recipe[Any]:
    from pyemu.train.radiation.recipe import RadiationRecipe

    return RadiationRecipe()


def _plasim_radiation() -> Recipe[Any]:
    from pyemu.train.plasim_radiation.recipe import PlasimRadiationRecipe

    return PlasimRadiationRecipe()


def _lorenz96(name: str) -> Recipe[Any]:
    from pyemu.train.lorenz96 import recipe

    found: dict[str, Callable[[], Recipe[Any]]] = {
        "gan": recipe.GanRecipe,
        "crps": recipe.CrpsRecipe,
        "flow": recipe.FlowRecipe,
    }
    return found[name]()


def _brajard_forcing() -> Recipe[Any]:
    from pyemu.train.shallow_water.forcing import ForcingRecipe

    return ForcingRecipe()


def _plasim_moist() -> Recipe[Any]:
    from pyemu.train.plasim_moist.recipe import MoistRecipe

    return MoistRecipe()


RECIPES: dict[str, Callable[[], Recipe[Any]]] = {
    "radiation": _radiation,
    "plasim_radiation": _plasim_radiation,
    "brajard_forcing": _brajard_forcing,
    "plasim_moist": _plasim_moist,
    **{f"lorenz96_{name}": partial(_lorenz96, name) for name in ("gan", "crps", "flow")},
}


def recipe(system: System) -> Recipe[Any]:
    """The recipe of a system."""
    return RECIPES[system.recipe]()
