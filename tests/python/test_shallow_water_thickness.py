"""Learned tendencies of the thickness: exact without noise, and what penalty and transports do to the mean."""

from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from pyemu.data import shallow_water
from pyemu.data.shallow_water import STATE, THICKNESS_TENDENCY
from pyemu.emulator.from_operator import write_operator
from pyemu.nn.stencil_operator import N_FEATURES, SCALES, StencilOperator
from pyemu.physics.shallow_water import Ocean
from pyemu.physics.von_neumann import growth, host_operator, symbol_of, with_learned, with_transports
from pyemu.runtime import Emulator
from pyemu.train.shallow_water.thickness import States, fit_tendency, fit_transports


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    path = shallow_water.pairs("smoke", cache_dir=tmp_path_factory.mktemp("pairs"))
    return shallow_water.load(path)


@pytest.fixture(scope="module")
def states(data: xr.Dataset) -> States:
    return States.of(data)


def given(data: xr.Dataset) -> list[torch.Tensor]:
    options = {"walls": data.attrs["walls"], "domain": data.attrs["domain"]}
    return [torch.from_numpy(shallow_water.with_halo(name, data[name].values, **options)) for name in STATE]


def divergence(states: States, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Tendency of the thickness of transports, walls closed."""
    x, y = x.copy(), y.copy()
    x[:, :, -1], y[:, 0] = 0.0, 0.0
    west, north = np.zeros_like(x), np.zeros_like(y)
    west[:, :, 1:], north[:, :-1] = x[:, :, :-1], y[:, 1:]
    return (west - x) / states.dx + (y - north) / states.dy


def test_without_noise_the_hosts_own_tendency_is_found(data: xr.Dataset, states: States) -> None:
    found = fit_tendency(states)(*given(data))[0].numpy()
    assert np.std(found - states.tendency) < 1e-6 * np.std(states.tendency)
    x, y = (values.numpy() for values in fit_transports(states)(*given(data)))
    assert np.std(divergence(states, x, y) - states.tendency) < 1e-6 * np.std(states.tendency)


def test_transports_keep_the_mean_and_a_penalty_lessens_its_error(data: xr.Dataset, states: States) -> None:
    noisy = states.noisy(3.0, seed=1)
    x, y = (values.numpy() for values in fit_transports(noisy)(*given(data)))
    free = fit_tendency(noisy)(*given(data))[0].numpy()
    penalised = fit_tendency(noisy, penalty=10.0)(*given(data))[0].numpy()
    size = np.std(states.tendency)
    assert abs(divergence(states, x, y).mean()) < 1e-12 * size
    assert abs(penalised.mean()) < 0.5 * abs(free.mean()) and abs(free.mean()) > 1e-6 * size


def test_noise_makes_waves_grow_and_the_exact_operator_does_not(data: xr.Dataset, states: States) -> None:
    ocean = Ocean.of(data.attrs)
    rates = []
    for level in (0.0, 10.0):
        linear = fit_tendency(states.noisy(level, seed=2)).linear(0)
        symbol = symbol_of(with_learned(host_operator(ocean), thickness=linear), 80, 80)
        rates.append(growth(symbol, ocean.time_step, ocean.robert_asselin).largest)
    assert abs(rates[0]) < 1e-6 and rates[1] > 0.1


def test_the_symbol_of_transports_is_that_of_their_divergence(data: xr.Dataset, states: States) -> None:
    ocean = Ocean.of(data.attrs)
    host = symbol_of(host_operator(ocean), 80, 80)
    exact = fit_transports(states)
    symbol = with_transports(host, exact.linear(0), exact.linear(1), ocean)
    np.testing.assert_allclose(symbol, host, rtol=0.0, atol=1e-5 * abs(host[:, :, 2]).max())


def test_fields_and_stencils_give_the_same_numbers() -> None:
    operator = StencilOperator(2)
    operator.weights.copy_(torch.from_numpy(np.random.default_rng(0).normal(size=(2, N_FEATURES))))
    fields = [torch.randn(1, 6, 8, dtype=torch.float64) * scale for scale in SCALES]
    stencils = [
        torch.stack([field[0, j : j + 4, i : i + 6] for j in range(3) for i in range(3)], dim=-1).reshape(-1, 9)
        for field in fields
    ]
    for output, found in enumerate(operator(*fields)):
        torch.testing.assert_close(found.reshape(-1), operator.of_stencils(output, stencils), rtol=1e-12, atol=1e-12)


def test_linear_weights_are_the_derivative() -> None:
    operator = StencilOperator(1)
    operator.weights.copy_(torch.from_numpy(np.random.default_rng(1).normal(size=(1, N_FEATURES))))
    state = (0.4, -0.2, 30.0)
    points = [torch.full((1, 9), value, dtype=torch.float64, requires_grad=True) for value in state]
    operator.of_stencils(0, points).sum().backward()
    expected = np.stack([point.grad[0].reshape(3, 3).numpy() for point in points if point.grad is not None])
    np.testing.assert_allclose(operator.linear(0, *state), expected, rtol=1e-12)


def test_written_as_a_file_it_is_the_same_in_the_native_engine(
    data: xr.Dataset, states: States, tmp_path: Path
) -> None:
    operator = fit_tendency(states.noisy(1.0, seed=3))
    path = write_operator(operator, data, tmp_path / "free.onnx")
    fields = [field[:1].contiguous() for field in given(data)]
    found = np.zeros((1, 80, 80))
    with Emulator.open(path, "native") as emulator:
        for name, field in zip(STATE, fields, strict=True):
            emulator.bind(name, field.numpy())
        emulator.bind(THICKNESS_TENDENCY, found)
        emulator.run(1)
    np.testing.assert_allclose(found, operator(*fields)[0].numpy(), rtol=1e-9, atol=1e-16)
