"""The door of the zoo: every system says who it is, and what it says is true."""

import json

import pytest
from typer.testing import CliRunner

from pyemu.cli import app
from pyemu.train.recipes import RECIPES, recipe
from pyemu.zoo import SYSTEMS
from pyemu.zoo.system import System

NETWORKS = [(name, network) for name, system in SYSTEMS.items() for network in system.networks]


@pytest.mark.parametrize(("name", "network"), NETWORKS)
def test_parameter_counts_are_exact(name: str, network: str) -> None:
    built = SYSTEMS[name].build(network)
    assert (
        sum(values.numel() for values in built.parameters() if values.requires_grad)
        == SYSTEMS[name].parameters[network]
    )


@pytest.mark.parametrize("system", SYSTEMS.values(), ids=list(SYSTEMS))
def test_a_system_says_where_it_comes_from_and_how_it_is_trained(system: System) -> None:
    assert set(system.parameters) == set(system.networks)
    assert system.default_network in system.networks
    assert system.recipe in RECIPES
    assert {"smoke", "small", "full"} <= set(recipe(system).budgets)
    assert all("doi:" in paper or "arXiv:" in paper for paper in system.model_card.papers)
    for scores in system.model_card.published.values():
        assert set(scores) <= set(system.networks)
    json.dumps(system.model_card.to_dict())


def test_list_shows_a_model_card() -> None:
    result = CliRunner().invoke(app, ["list", "rrtmg_longwave", "--json"])
    document = json.loads(result.stdout)
    assert document["networks"][0] == "spectral"
    assert document["parameters"]["spectral"] == 1464
    assert "doi:10.1029/2008JD009944" in document["model_card"]["papers"][0]
    assert "Iacono" in CliRunner().invoke(app, ["list", "rrtmg_longwave"]).stdout


def test_a_variant_that_is_not_there_is_named() -> None:
    system = SYSTEMS["rrtmg_longwave"]
    with pytest.raises(ValueError, match="no variant 'red'; variants: none"):
        system.checked_variant("spectral", "red")
