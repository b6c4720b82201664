"""Physics that must hold whatever a network predicts."""

import numpy as np
import torch

from pyemu import constants
from pyemu.data import rrtmg
from pyemu.data.vertical_grid import interface_pressure
from pyemu.physics import thermal
from pyemu.physics.fluxes import close_increments, heating_rate

RNG = np.random.default_rng(3)
PRESSURE = torch.from_numpy(interface_pressure(RNG.uniform(6e4, 1.04e5, 50)))


def test_column_integral_of_heating_equals_net_flux_difference_to_round_off() -> None:
    up, down = (torch.from_numpy(RNG.uniform(0.0, 1400.0, (50, 61))) for _ in range(2))
    heating = heating_rate(up, down, PRESSURE)
    stored = (heating * constants.SPECIFIC_HEAT_OF_DRY_AIR * thermal.layer_mass(PRESSURE)).sum(dim=1)
    entering = (down - up)[:, 0] - (down - up)[:, -1]
    assert (stored - entering).abs().max() < 1e-10


def test_heating_agrees_with_the_reference_scheme_rule() -> None:
    net = RNG.uniform(0.0, 1400.0, (50, 61))
    found = heating_rate(torch.zeros(50, 61, dtype=torch.float64), torch.from_numpy(net), PRESSURE)
    np.testing.assert_allclose(found.numpy(), rrtmg.heating_rate(net, PRESSURE.numpy()), rtol=1e-12)


def test_absorbed_light_warms() -> None:
    down = torch.linspace(1000.0, 400.0, 61, dtype=torch.float64).expand(50, -1)
    assert (heating_rate(torch.zeros_like(down), down, PRESSURE) > 0.0).all()


def test_closed_increments_sum_to_the_difference_and_move_by_weight() -> None:
    increments = torch.from_numpy(RNG.normal(size=(50, 60)))
    difference = torch.from_numpy(RNG.normal(size=(50, 1)))
    weights = torch.from_numpy(RNG.uniform(0.5, 2.0, (50, 60)))
    closed = close_increments(increments, difference, weights)
    torch.testing.assert_close(closed.sum(dim=1, keepdim=True), difference, rtol=0, atol=1e-12)
    moved = (closed - increments) / weights
    torch.testing.assert_close(moved, moved[:, :1].expand_as(moved))


def test_closing_twice_changes_nothing() -> None:
    arguments = torch.ones(50, 1, dtype=torch.float64), torch.ones(50, 60, dtype=torch.float64)
    once = close_increments(torch.from_numpy(RNG.normal(size=(50, 60))), *arguments)
    torch.testing.assert_close(close_increments(once, *arguments), once, rtol=0, atol=1e-14)


def test_interface_temperature_is_the_same_rule_in_torch_and_numpy() -> None:
    temperature = RNG.uniform(180.0, 310.0, (50, 60))
    found = thermal.interface_temperature(torch.from_numpy(temperature), PRESSURE)
    np.testing.assert_allclose(found.numpy(), rrtmg.interface_temperature(temperature, PRESSURE.numpy()), rtol=1e-13)


def test_interface_temperature_of_an_isothermal_column_is_that_temperature() -> None:
    found = thermal.interface_temperature(torch.full((50, 60), 250.0, dtype=torch.float64), PRESSURE)
    torch.testing.assert_close(found, torch.full_like(found, 250.0))
