"""Recipes by the name that a system gives: each is imported when it is asked for, with the libraries it needs."""

from collections.abc import Callable
from typing import Any

from pyemu.train.recipe import Recipe
from pyemu.zoo.system import System


def _radiation() -> Recipe[Any]:
    from pyemu.train.radiation.recipe import RadiationRecipe

    return RadiationRecipe()


RECIPES: dict[str, Callable[[], Recipe[Any]]] = {"radiation": _radiation}


def recipe(system: System) -> Recipe[Any]:
    """The recipe of a system."""
    return RECIPES[system.recipe]()
