"""Layers that make a budget hold: in float32 to 1e-6 of what is summed up, whatever a network predicts, in every engine."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pyemu import constants
from pyemu.emulator import Card, Provenance, Variable
from pyemu.emulator.export import export_onnx
from pyemu.physics.moisture import flux_divergence, limit_drying, limit_fluxes
from pyemu.physics.positivity import remove_negatives, rescale
from pyemu.physics.projection import project
from pyemu.runtime import Emulator

COLUMNS = 16
EPSILON = 1e-6
seeds, layers, exponents = st.integers(0, 2**32 - 1), st.integers(1, 70), st.floats(-6, 6)
many = settings(max_examples=60, deadline=None, derandomize=True)


def numbers(seed: int, *shape: int, scale: float = 1.0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(scale=scale, size=shape)).float()


def masses(seed: int, n_layers: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed + 1).uniform(1.0, 400.0, (COLUMNS, n_layers))).float()


def closes(terms: torch.Tensor, target: torch.Tensor) -> bool:
    """Whether terms (column, term) sum up to (column) within 1e-6 of their magnitudes, in float64."""
    size = terms.double().abs().sum(dim=1) + target.double().abs()
    return bool(((terms.double().sum(dim=1) - target.double()).abs() <= EPSILON * size).all())


@many
@given(seeds, st.integers(1, 4), st.integers(5, 70), exponents, st.booleans())
def test_projection_closes_all_budgets(seed: int, n: int, n_outputs: int, exponent: float, weighted: bool) -> None:
    values, budgets = numbers(seed, COLUMNS, n_outputs, scale=10**exponent), numbers(seed + 1, COLUMNS, n, n_outputs)
    targets = numbers(seed + 2, COLUMNS, n, scale=10**exponent)
    weights = numbers(seed + 3, COLUMNS, n_outputs).exp() if weighted else None
    closed = project(values, budgets, targets, weights)
    for row in range(n):
        assert closes(budgets[:, row].double() * closed, targets[:, row])


@many
@given(seeds, st.integers(1, 3), st.integers(4, 40))
def test_projection_moves_the_least_way(seed: int, n: int, n_outputs: int) -> None:
    values, budgets, targets = (
        t.double() for t in (numbers(seed, 4, n_outputs), numbers(seed + 1, 4, n, n_outputs), numbers(seed + 2, 4, n))
    )
    weights = numbers(seed + 3, 4, n_outputs).double().exp()
    gram = (budgets * weights[:, None]) @ budgets.transpose(1, 2)
    missing = targets - (budgets @ values[..., None])[..., 0]
    move = (torch.linalg.solve(gram, missing)[:, None] @ budgets)[:, 0] * weights
    torch.testing.assert_close(project(values, budgets, targets, weights), values + move, rtol=1e-8, atol=1e-8)


def test_what_closes_already_is_not_moved() -> None:
    values, budgets = numbers(1, COLUMNS, 30).double(), numbers(2, 1, 2, 30).double()
    targets = (budgets * values[:, None]).sum(dim=2)
    torch.testing.assert_close(project(values, budgets, targets), values, rtol=0, atol=1e-13)


@many
@given(seeds, layers, exponents)
def test_rescaling_gives_the_total(seed: int, n_layers: int, exponent: float) -> None:
    values, weights = numbers(seed, COLUMNS, n_layers).abs() * 10**exponent, masses(seed, n_layers)
    total = numbers(seed + 2, COLUMNS, 1).abs()
    scaled = rescale(values, weights, total)
    assert closes(scaled.double() * weights, total[:, 0])
    assert (scaled >= 0).all()


@many
@given(seeds, layers)
def test_negatives_are_removed_and_the_column_keeps_its_sum(seed: int, n_layers: int) -> None:
    values, weights = numbers(seed, COLUMNS, n_layers) + 0.3, masses(seed, n_layers)
    values[0] = 0
    removed = remove_negatives(values, weights)
    total = (values.double() * weights).sum(dim=1)
    assert (removed >= 0).all() and torch.isfinite(removed).all()
    size = (values.double().abs() * weights).sum(dim=1)
    after = (removed.double() * weights).sum(dim=1)
    assert ((after - total.clamp(min=0)).abs() <= EPSILON * size).all()
    torch.testing.assert_close(removed[(values >= 0).all(dim=1)], values[(values >= 0).all(dim=1)])


@many
@given(seeds, layers)
def test_what_leaves_a_layer_enters_the_next(seed: int, n_layers: int) -> None:
    flux, mass = numbers(seed, COLUMNS, n_layers + 1), masses(seed, n_layers)
    tendency = flux_divergence(flux, mass)
    terms = torch.cat([tendency.double() * mass, -flux[:, :1], flux[:, -1:]], dim=1)
    size = flux.double().abs().sum(dim=1)
    assert (terms.sum(dim=1).abs() <= EPSILON * size).all()


@many
@given(seeds, layers, st.floats(0, 3))
def test_limited_fluxes_leave_nothing_negative(seed: int, n_layers: int, exponent: float) -> None:
    step, mass = 600.0, masses(seed, n_layers)
    amount = numbers(seed + 1, COLUMNS, n_layers).abs() * 1e-3
    amount[:, ::3] = 0
    flux = numbers(seed, COLUMNS, n_layers + 1) * 10**exponent * 1e-4
    limited = limit_fluxes(flux, amount, mass, step)
    after = amount + step * flux_divergence(limited, mass)
    assert (after.double() * mass >= -EPSILON * (amount * mass + step * flux.abs().sum(dim=1, keepdim=True))).all()
    assert (limited * flux >= 0).all() and (limited.abs() <= flux.abs() * (1 + EPSILON)).all()
    assert torch.equal(limited[:, 0].clamp(min=0), flux[:, 0].clamp(min=0))  # what comes from outside


def test_small_fluxes_are_not_limited() -> None:
    flux, amount = numbers(1, COLUMNS, 11) * 1e-9, torch.full((COLUMNS, 10), 1e-2)
    torch.testing.assert_close(limit_fluxes(flux, amount, masses(1, 10), 600.0), flux, rtol=0, atol=0)


@many
@given(seeds, layers)
def test_limited_drying_conserves_enthalpy(seed: int, n_layers: int) -> None:
    step, humidity = 600.0, numbers(seed, COLUMNS, n_layers).abs() * 1e-3
    moistening, heating = numbers(seed + 1, COLUMNS, n_layers) * 1e-5, numbers(seed + 2, COLUMNS, n_layers) * 1e-3
    limited, cooled = limit_drying(moistening, heating, humidity, step)
    assert (humidity + step * limited >= -EPSILON * humidity).all()
    latent, heat = constants.LATENT_HEAT_OF_VAPORIZATION, constants.SPECIFIC_HEAT_OF_DRY_AIR
    before, after = ((heat * t.double() + latent * q.double()) for t, q in ((heating, moistening), (cooled, limited)))
    size = heat * (heating.abs() + cooled.abs()).double() + latent * (moistening.abs() + limited.abs()).double()
    assert ((after - before).abs() <= EPSILON * size).all()
    unlimited = humidity + step * moistening > 0
    assert torch.equal(limited[unlimited], moistening[unlimited])


class Conserving(torch.nn.Module):
    """All layers one behind the other."""

    def forward(
        self, raw: torch.Tensor, mass: torch.Tensor, amount: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        budgets = torch.stack([mass, mass * mass], dim=1)
        closed = project(raw, budgets, torch.zeros_like(budgets[:, :, 0]))
        positive = remove_negatives(amount + raw, mass)
        flux = torch.nn.functional.pad(raw, (1, 0))
        limited = limit_fluxes(flux, positive, mass, 10.0)
        moistening, _ = limit_drying(flux_divergence(limited, mass), raw, positive, 10.0)
        return closed, positive, moistening


@pytest.mark.parametrize("engine", ["native", "onnxruntime"])
def test_the_budgets_close_in_the_host(engine: str, tmp_path: Path) -> None:
    n_layers = 12
    profile = {"dims": ("column", "layer"), "dtype": "float32", "units": "1"}
    names = ("raw", "mass", "amount"), ("closed", "positive", "moistening")
    inputs, outputs = (tuple(Variable(name=n, standard_name=n, **profile) for n in group) for group in names)
    card = Card(
        name="conserving",
        version="1",
        summary="layers that conserve",
        licence="Apache-2.0",
        vertical_order="top_first",
        dimensions={"layer": n_layers},
        inputs=inputs,
        outputs=outputs,
        provenance=Provenance(data_sha256="0" * 64, code_version="1", created="2026-01-01T00:00:00+00:00"),
    )
    values = {
        "raw": numbers(1, COLUMNS, n_layers),
        "mass": masses(2, n_layers),
        "amount": numbers(3, COLUMNS, n_layers).abs(),
    }
    recorded = {name: value.numpy() for name, value in values.items()}
    export_onnx(Conserving(), card, recorded, tmp_path / "conserving.onnx")
    found = {name: np.zeros((COLUMNS, n_layers), np.float32) for name in names[1]}
    with Emulator.open(tmp_path / "conserving.onnx", engine) as emulator:
        for name, array in (recorded | found).items():
            emulator.bind(name, array)
        emulator.run()
    mass = values["mass"].double()
    for row in (mass, mass * mass):
        assert closes(torch.from_numpy(found["closed"]).double() * row, torch.zeros(COLUMNS))
    assert (found["positive"] >= 0).all()
    total = ((values["amount"] + values["raw"]).double() * mass).sum(dim=1).clamp(min=0)
    assert closes(torch.from_numpy(found["positive"]).double() * mass, total)
    assert (found["positive"] + 10.0 * found["moistening"] >= -1e-5).all()
