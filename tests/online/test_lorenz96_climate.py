"""A closure of Lorenz '96 has the same climate in torch and in the Fortran host."""

import sys
from pathlib import Path

import numpy as np
import pytest

from pyemu.data import lorenz96
from pyemu.emulator.from_checkpoint import export_variants
from pyemu.train import fit
from pyemu.zoo.checkpoint import load_checkpoint

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import lorenz96_torch as climates

MEMBERS, STEPS = 16, 2000
Pair = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pair, Pair]:
    """X and U of a network trained for a moment, in torch and in the host."""
    folder = tmp_path_factory.mktemp("climate")
    truth = lorenz96.truth("smoke", cache_dir=folder)
    path = fit("lorenz96_crps", network="xu", budget_name="smoke", output_dir=folder, cache_dir=folder, progress=False)
    checkpoint = load_checkpoint(path)
    (file,) = export_variants(path)
    return (
        climates.climate_in_torch(checkpoint, "red", truth, MEMBERS, STEPS),
        climates.climate_in_host(file, checkpoint, truth, MEMBERS, STEPS),
    )


@pytest.mark.parametrize("index", [0, 1], ids=["X", "U"])
def test_climates_differ_by_no_more_than_members_do(both: tuple[Pair, Pair], index: int) -> None:
    in_torch, in_host = (side[index] for side in both)
    assert in_torch.shape == in_host.shape == (MEMBERS, STEPS // climates.table.CLIMATE_INTERVAL * 8)
    assert climates.compare(in_torch, in_host, climates.table.X_BINS)[1] > 0.01
    assert abs(in_torch.mean() - in_host.mean()) < 0.1 * in_host.std()


def test_another_climate_is_told_apart(both: tuple[Pair, Pair]) -> None:
    x, _ = both[1]
    assert climates.compare(x, 1.1 * x, climates.table.X_BINS)[1] < 0.01
