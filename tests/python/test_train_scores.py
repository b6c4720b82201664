"""Proper scores: against brute force, against integrals, and where their optimum is."""

import math

import numpy as np
import pytest
import torch

from pyemu.train.lorenz96.scores import BINS, fair_crps, squared_hellinger
from pyemu.train.scoring_rules import almost_fair_crps, energy_score


def brute_force(members: np.ndarray, truth: np.ndarray, alpha: float) -> np.ndarray:
    """Almost fair score as it is defined: ``alpha`` of the fair score, the rest of the ensemble's own."""
    n = len(members)
    error = np.mean([abs(member - truth) for member in members], axis=0)
    pairs = sum(abs(a - b) for a in members for b in members)
    fair, plain = error - pairs / (2 * n * (n - 1)), error - pairs / (2 * n * n)
    return alpha * fair + (1 - alpha) * plain


@pytest.fixture
def ensemble() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    return random.normal(size=(5, 4, 3)), random.normal(size=(4, 3))


@pytest.mark.parametrize("alpha", [0.0, 0.95, 1.0])
def test_the_almost_fair_score_is_its_definition(ensemble, alpha: float) -> None:
    members, truth = ensemble
    found = almost_fair_crps(torch.from_numpy(members), torch.from_numpy(truth), alpha).numpy()
    np.testing.assert_allclose(found, brute_force(members, truth, alpha), rtol=1e-13, atol=1e-14)


def test_the_fair_score_of_sorted_members_is_that_of_pairs(ensemble) -> None:
    np.testing.assert_allclose(fair_crps(*ensemble), brute_force(*ensemble, 1.0), rtol=1e-12, atol=1e-14)


def test_the_plain_score_is_the_integral_over_distribution_functions(ensemble) -> None:
    members, truth = (values[..., 0, 0] for values in ensemble)
    places = np.linspace(-8, 8, 400_001)
    share = (members[:, None] <= places).mean(axis=0)
    integral = np.trapezoid(np.square(share - (truth <= places)), places)
    found = almost_fair_crps(torch.from_numpy(members), torch.tensor(truth), alpha=0.0)
    assert float(found) == pytest.approx(integral, abs=1e-4)


def test_the_fair_score_is_on_average_that_of_the_distribution() -> None:
    random = np.random.default_rng(2)
    scores = fair_crps(random.normal(size=(3, 400_000)), random.normal(size=400_000))
    expected = 1 / math.sqrt(math.pi)  # of a standard normal against draws from itself
    assert scores.mean() == pytest.approx(expected, abs=4 * scores.std() / math.sqrt(400_000))


@pytest.mark.parametrize("alpha", [0.0, 0.95, 1.0])
def test_the_energy_score_of_one_number_is_the_crps(ensemble, alpha: float) -> None:
    members, truth = (torch.from_numpy(values) for values in ensemble)
    found = energy_score(members[..., None], truth[..., None], alpha)
    torch.testing.assert_close(found, almost_fair_crps(members, truth, alpha))


def test_the_energy_score_is_that_of_distances_between_vectors(ensemble) -> None:
    members, truth = ensemble
    n = len(members)
    error = np.mean([np.linalg.norm(member - truth, axis=-1) for member in members], axis=0)
    pairs = sum(np.linalg.norm(a - b, axis=-1) for a in members for b in members)
    found = energy_score(torch.from_numpy(members), torch.from_numpy(truth), alpha=1.0)
    np.testing.assert_allclose(found.numpy(), error - pairs / (2 * n * (n - 1)), rtol=1e-12)


def test_squared_hellinger_distance_of_two_normal_distributions() -> None:
    random = np.random.default_rng(3)
    a, b = random.normal(0, 2, 2_000_000), random.normal(1, 3, 2_000_000)
    expected = 1 - math.sqrt(2 * 2 * 3 / (4 + 9)) * math.exp(-0.25 * 1 / (4 + 9))
    assert squared_hellinger(a, b) == pytest.approx(expected, abs=2e-3)
    assert squared_hellinger(a, a) == 0.0
    assert len(BINS) == 390
