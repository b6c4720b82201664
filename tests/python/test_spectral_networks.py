"""The solvers inside the spectral networks against analytic limits, conservation and invariance."""

import math

import pytest
import torch
from columns import small_columns

from pyemu.nn.spectral_longwave import SpectralLongwave, black_body_coefficients, emission_transfer, shifted_shares
from pyemu.nn.spectral_shortwave import SpectralShortwave
from pyemu.nn.two_stream import adding, two_stream_layers
from pyemu.physics import thermal

torch.manual_seed(0)
SHAPE = (7, 5, 3)  # layer, column, term
COSINE = torch.tensor([0.05, 0.2, 0.5, 0.8, 1.0], dtype=torch.float64)[None, :, None]


def depths(low: float, high: float) -> torch.Tensor:
    """Optical depths spread over decades."""
    return torch.exp(torch.empty(SHAPE, dtype=torch.float64).uniform_(math.log(low), math.log(high)))


def test_layers_that_do_not_absorb_lose_no_light() -> None:
    scattering = depths(1e-3, 30.0)
    layers = two_stream_layers(torch.zeros(SHAPE, dtype=torch.float64), scattering, 0.8 * scattering, 1.0 / COSINE)
    torch.testing.assert_close(
        layers.reflect_diffuse + layers.transmit_diffuse, torch.ones(SHAPE, dtype=torch.float64), rtol=0, atol=1e-5
    )
    direct = layers.reflect_direct + layers.transmit_direct + layers.unscattered
    torch.testing.assert_close(direct, torch.ones(SHAPE, dtype=torch.float64), rtol=0, atol=1e-4)


def test_layers_that_do_not_scatter_follow_beers_law() -> None:
    absorption = depths(1e-4, 5.0)
    nothing = torch.zeros(SHAPE, dtype=torch.float64)
    layers = two_stream_layers(absorption, nothing, nothing, 1.0 / COSINE)
    torch.testing.assert_close(layers.unscattered, torch.exp(-absorption / COSINE))
    torch.testing.assert_close(layers.transmit_diffuse, torch.exp(-2.0 * absorption))
    assert layers.reflect_diffuse.abs().max() == 0.0 and layers.reflect_direct.abs().max() == 0.0


def test_no_layer_gives_more_light_than_it_gets() -> None:
    scattering = depths(1e-4, 100.0)
    layers = two_stream_layers(depths(1e-6, 10.0), scattering, 0.85 * scattering, 1.0 / COSINE)
    assert all((part >= 0.0).all() for part in layers)
    assert (layers.reflect_diffuse + layers.transmit_diffuse <= 1.0 + 1e-12).all()
    assert (layers.reflect_direct + layers.transmit_direct + layers.unscattered <= 1.0 + 1e-12).all()


def test_two_half_layers_are_one_layer() -> None:
    absorption, scattering = torch.tensor(0.3, dtype=torch.float64), torch.tensor(2.0, dtype=torch.float64)
    albedo, incoming = torch.full((1, 5, 3), 0.3).double(), torch.ones(1, 5, 3).double()

    def fluxes(n_layers: int) -> tuple[torch.Tensor, torch.Tensor]:
        parts = (torch.full((n_layers, 5, 3), 1.0 / n_layers).double() * depth for depth in (absorption, scattering))
        a, s = parts
        return adding(two_stream_layers(a, s, 0.7 * s, 1.0 / COSINE), incoming, albedo)

    (up, down), (split_up, split_down) = fluxes(1), fluxes(2)
    torch.testing.assert_close(split_up[[0, 2]], up, rtol=2e-4, atol=0)
    torch.testing.assert_close(split_down[[0, 2]], down, rtol=2e-4, atol=0)


def test_a_white_surface_under_a_clear_sky_returns_all_light() -> None:
    nothing = torch.zeros(SHAPE, dtype=torch.float64)
    layers = two_stream_layers(nothing, nothing + 1e-12, nothing, 1.0 / COSINE)
    up, down = adding(layers, torch.ones(1, 5, 3).double(), torch.ones(1, 5, 3).double())
    torch.testing.assert_close(up, torch.ones_like(up), rtol=0, atol=1e-5)
    torch.testing.assert_close(down, torch.ones_like(down), rtol=0, atol=1e-5)


def test_net_flux_never_grows_downwards() -> None:
    scattering = depths(1e-4, 20.0)
    layers = two_stream_layers(depths(1e-4, 2.0), scattering, 0.8 * scattering, 1.0 / COSINE)
    up, down = adding(layers, torch.ones(1, 5, 3).double(), torch.full((1, 5, 3), 0.2).double())
    assert (torch.diff(down - up, dim=0) <= 1e-10).all()


def test_planck_shares_sum_to_the_black_body_for_any_coefficients() -> None:
    network = SpectralLongwave(5, 4)
    torch.nn.init.normal_(network.planck_coefficients, std=30.0)
    columns = small_columns(8)
    inner, below, _, surface = network._planck(columns)
    expected = thermal.black_body_flux(columns["surface_temperature"])
    torch.testing.assert_close(surface.sum(-1)[0], expected, rtol=1e-5, atol=0.0)
    torch.testing.assert_close(
        inner.sum(-1).T, thermal.black_body_flux(columns["air_temperature"]), rtol=1e-5, atol=0.0
    )
    edges = thermal.interface_temperature(columns["air_temperature"], columns["air_pressure_at_interfaces"])
    torch.testing.assert_close((inner + below).sum(-1).T, thermal.black_body_flux(edges[:, 1:]), rtol=1e-5, atol=0.0)


def test_shifted_shares_keep_the_black_body() -> None:
    inner = torch.rand(SHAPE, dtype=torch.float64) + 0.1
    shares = shifted_shares(torch.randn(SHAPE, dtype=torch.float64), inner, inner.sum(-1))
    torch.testing.assert_close((shares * inner).sum(-1), inner.sum(-1))


def test_black_body_coefficients_are_the_binomial_of_the_fourth_power() -> None:
    t = (263.0 - 250.0) / 50.0
    value = sum(float(c) * t**k for k, c in enumerate(black_body_coefficients()))
    assert value == pytest.approx(5.670374419e-8 * 263.0**4, rel=1e-6)


def test_transparent_air_lets_the_surface_shine_through() -> None:
    nothing, surface = torch.zeros(SHAPE), torch.full((1, 5, 3), 100.0)
    up, down = emission_transfer(torch.ones(SHAPE), nothing, nothing, surface, torch.full((1, 5, 1), 0.9))
    assert (down == 0.0).all()
    torch.testing.assert_close(up, torch.full((5, 8), 270.0))


def test_a_cavity_in_equilibrium_has_no_net_flux() -> None:
    through = torch.exp(-depths(1e-2, 3.0))
    emitted = 100.0 * (1.0 - through)
    surface = torch.full((1, 5, 3), 100.0, dtype=torch.float64)
    up, down = emission_transfer(through, emitted, emitted, surface, torch.full((1, 5, 1), 0.8).double())
    black = 300.0 * (1.0 - through.cumprod(0))
    torch.testing.assert_close(down[:, 1:], black.mean(-1).T, rtol=1e-9, atol=0)
    net_at_surface_if_opaque = (up - down)[:, -1]
    assert (net_at_surface_if_opaque >= -1e-9).all() and (net_at_surface_if_opaque <= 300.0).all()


@pytest.mark.parametrize("network", [SpectralLongwave(), SpectralShortwave()], ids=["longwave", "shortwave"])
def test_a_column_does_not_depend_on_its_neighbours(network: torch.nn.Module) -> None:
    columns = small_columns(12)
    with torch.no_grad():
        together = network(columns)
        alone = network({name: values[7:8] for name, values in columns.items()})
    for whole, single in zip(together, alone, strict=True):
        torch.testing.assert_close(whole[7:8], single, rtol=2e-6, atol=2e-4)


def test_shortwave_fluxes_scale_with_the_incoming_flux_and_vanish_at_night() -> None:
    network, columns = SpectralShortwave(), small_columns(6)
    dim = columns | {"toa_incoming_shortwave_flux": 0.5 * columns["toa_incoming_shortwave_flux"]}
    night = columns | {"toa_incoming_shortwave_flux": torch.zeros(6)}
    with torch.no_grad():
        for full, half, dark in zip(network(columns), network(dim), network(night), strict=True):
            torch.testing.assert_close(half, 0.5 * full)
            assert (dark == 0.0).all()


def test_boundary_conditions_hold_before_any_training() -> None:
    columns = small_columns(6)
    with torch.no_grad():
        _, down = SpectralLongwave()(columns)
        up_shortwave, down_shortwave = SpectralShortwave()(columns)
    assert (down[:, 0] == 0.0).all()
    torch.testing.assert_close(down_shortwave[:, 0], columns["toa_incoming_shortwave_flux"])
    torch.testing.assert_close(
        up_shortwave[:, -1], columns["surface_albedo"] * down_shortwave[:, -1], rtol=1e-4, atol=1e-3
    )
