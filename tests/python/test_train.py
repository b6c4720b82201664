"""Training: deterministic, improving, complete up to a verified emulator file; candidates keep the contract."""

import csv
import functools
from pathlib import Path

import numpy as np
import pytest
import torch
from columns import small_columns

from pyemu.data import radiation
from pyemu.emulator import EmulatorFile
from pyemu.emulator.from_checkpoint import export_checkpoint
from pyemu.nn.flux_head import FluxHead
from pyemu.physics import thermal
from pyemu.train import evaluate, fit
from pyemu.train.radiation.budget import BUDGETS
from pyemu.train.radiation.dataset import ColumnDataset, loader
from pyemu.train.recipes import recipe
from pyemu.zoo import load_checkpoint, system
from pyemu.zoo.radiation import SYSTEMS


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("columns")


@pytest.fixture(scope="session")
def train_smoke(cache: Path, tmp_path_factory: pytest.TempPathFactory):
    @functools.cache
    def train(name: str, network: str = "spectral", repeat: int = 0) -> Path:
        folder = tmp_path_factory.mktemp(f"{name}-{network}-{repeat}")
        return fit(name, budget_name="smoke", network=network, output_dir=folder, cache_dir=cache, progress=False)

    return train


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_same_seed_gives_the_same_weights(name: str, train_smoke) -> None:
    first, second = (load_checkpoint(train_smoke(name, repeat=n)) for n in range(2))
    assert first.data_sha256 == second.data_sha256
    for key, values in first.state.items():
        assert torch.equal(values, second.state[key]), key


def test_training_lowers_the_validation_loss(train_smoke) -> None:
    log = train_smoke("rrtmg_longwave").with_suffix("") / "log" / "metrics.csv"
    rows = [float(row["validation_loss"]) for row in csv.DictReader(log.open()) if row["validation_loss"]]
    assert len(rows) == BUDGETS["smoke"].epochs["longwave"]
    assert rows[-1] < 0.8 * rows[0]


@pytest.mark.parametrize("network", ["dense", "convolution", "recurrent", "unconstrained"])
def test_every_candidate_trains_and_exports(network: str, train_smoke, tmp_path: Path) -> None:
    path = export_checkpoint(train_smoke("rrtmg_shortwave", network), tmp_path / "candidate.onnx")
    assert EmulatorFile.open(path).card.provenance.training["network"] == network


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_trained_system_becomes_an_emulator_file_in_physical_units(name: str, train_smoke, tmp_path: Path) -> None:
    file = EmulatorFile.open(export_checkpoint(train_smoke(name), tmp_path / f"{name}.onnx"))
    assert [variable.name for variable in file.card.inputs] == [item.name for item in system(name).inputs]
    assert [variable.dtype for variable in file.card.outputs] == ["float64"] * 3
    assert file.card.budgets[0].tolerance <= 1e-4


def test_scores_name_errors_of_heating_and_fluxes(train_smoke, cache: Path) -> None:
    result = evaluate(train_smoke("rrtmg_longwave"), cache_dir=cache, budget_name="smoke")
    held_out = result["held_out"]
    assert held_out["columns"] == BUDGETS["smoke"].n_test
    assert all(np.isfinite(value) for value in held_out.values())
    assert held_out["heating_rate_rmse_below_10hPa"] < 10.0


def test_a_foreign_file_is_not_a_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "foreign.ckpt"
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(ValueError, match="not a pyemu checkpoint"):
        load_checkpoint(path)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (system, "rrtmg_longwave"),
        (recipe(system("rrtmg_longwave")).budget, "smoke"),
        (system("rrtmg_longwave").build, "dense"),
    ],
)
def test_unknown_names_list_what_there_is(call, words: str) -> None:
    with pytest.raises(KeyError, match=words):
        call("nonsense")


def test_batches_are_shuffled_by_seed_and_cover_the_data(cache: Path) -> None:
    data = radiation.load(radiation.generate("validation", 1000, cache_dir=cache, progress=False))
    columns = ColumnDataset(data, system("rrtmg_longwave"))
    orders = [torch.cat([batch["surface_temperature"] for batch in loader(columns, 100, seed=s)]) for s in (1, 1, 2)]
    assert torch.equal(orders[0], orders[1]) and not torch.equal(orders[0], orders[2])
    assert torch.equal(orders[0].sort().values, columns.columns["surface_temperature"].sort().values)


@pytest.mark.parametrize("band", ["longwave", "shortwave"])
def test_head_closes_the_column_and_keeps_the_boundary_at_the_top(band: str) -> None:
    columns = small_columns(9)
    raw = torch.randn(9, 2, 60), torch.randn(9, 2)
    up, down = FluxHead(band)(*raw, columns)
    incoming = columns["toa_incoming_shortwave_flux"] if band == "shortwave" else torch.zeros(9)
    torch.testing.assert_close(down[:, 0], incoming)
    scale = incoming if band == "shortwave" else thermal.black_body_flux(columns["surface_temperature"])
    net = down - up
    torch.testing.assert_close(net[:, 0], scale * raw[1][:, 0], rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(net[:, -1], scale * raw[1][:, 1], rtol=1e-3, atol=5e-2)
