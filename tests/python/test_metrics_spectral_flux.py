"""Transfers between waves against triads, invariants and mirror images."""

import numpy as np
import pytest
import xarray as xr
from metric_results import HOURS, draw_all, number, results

from pyemu.harness.metrics import SpectralFlux
from pyemu.harness.statistics import transfer

N, LENGTH = 48, 1.2e6
STEP = LENGTH / N
FIRST = 2.0 * np.pi / LENGTH
WAVES = np.array([[2, 1], [1, 5], [3, 6]])  # along x and y; the third is the sum of the others
AMPLITUDES = np.array([3e4, 2e4, 1e4])


def triad() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Velocities of each wave of the stream function sum A cos(k x + m y + phase), (wave, y, x), and vorticities."""
    y, x = np.meshgrid((np.arange(N) + 0.5) * STEP, (np.arange(N) + 0.5) * STEP, indexing="ij")
    k, m = FIRST * WAVES.T[:, :, None, None]
    phase = k * x + m * y + np.array([0.3, 1.1, 0.4])[:, None, None]
    a = AMPLITUDES[:, None, None]
    return m * a * np.sin(phase), -k * a * np.sin(phase), -(k**2 + m**2) * a * np.cos(phase)


def gains(quantity: str) -> np.ndarray:
    """What each wave gains, from derivatives of the cosines: minus the mean of its field times the advection of all."""
    u, v, zeta = triad()
    k, m = FIRST * WAVES.T[:, :, None, None]
    y, x = np.meshgrid((np.arange(N) + 0.5) * STEP, (np.arange(N) + 0.5) * STEP, indexing="ij")
    phase = k * x + m * y + np.array([0.3, 1.1, 0.4])[:, None, None]
    a = AMPLITUDES[:, None, None]
    slopes = {"u": m * a * np.cos(phase), "v": -k * a * np.cos(phase), "zeta": (k**2 + m**2) * a * np.sin(phase)}
    fields = {"u": u, "v": v, "zeta": zeta}
    names = ("zeta",) if quantity == "enstrophy" else ("u", "v")
    found = 0.0
    for name in names:
        advection = u.sum(0) * (k * slopes[name]).sum(0) + v.sum(0) * (m * slopes[name]).sum(0)
        found = found - (fields[name] * advection).mean(axis=(1, 2))
    return np.asarray(found)


@pytest.mark.parametrize("quantity", ["kinetic_energy", "enstrophy"])
def test_flux_through_a_triad_is_what_its_waves_gain(quantity):
    gained = gains(quantity)
    sizes = np.hypot(*WAVES.T)  # 2.2, 5.1, 6.7
    u, v, _ = (one.sum(axis=0) for one in triad())
    waves = transfer.wave_numbers(N, N, STEP, STEP, "periodic")
    flux = transfer.spectral_flux(u, v, STEP, STEP, "periodic", quantity)
    expected = [gained[sizes >= ring + 0.5].sum() for ring in range(1, len(waves) + 1)]
    np.testing.assert_allclose(waves, np.arange(1, 25) / LENGTH)
    np.testing.assert_allclose(flux, expected, atol=1e-9 * np.abs(gained).max())
    assert np.abs(flux[1:5]).min() > 0.05 * np.abs(gained).max(), "something flows between the waves"


def test_a_triad_keeps_energy_and_enstrophy_as_fjortoft_says():
    energy, enstrophy = gains("kinetic_energy"), gains("enstrophy")
    squared = FIRST**2 * (WAVES**2).sum(axis=1)
    np.testing.assert_allclose(enstrophy, squared * energy, rtol=1e-9)
    shares = np.array([squared[1] - squared[2], squared[2] - squared[0], squared[0] - squared[1]])
    np.testing.assert_allclose(energy / energy[0], shares / shares[0], rtol=1e-9)


def basin(n: int = N) -> tuple[np.ndarray, np.ndarray]:
    """Free-slip velocities between walls on the middles of cells, without divergence."""
    y, x = np.meshgrid((np.arange(n) + 0.5) * STEP, (np.arange(n) + 0.5) * STEP, indexing="ij")
    one = np.pi / LENGTH
    u, v = np.zeros_like(x), np.zeros_like(x)
    for p, q, a in ((1, 2, 1e5), (3, 1, 6e4), (4, 3, 3e4)):
        u -= a * q * one * np.sin(p * one * x) * np.cos(q * one * y)
        v += a * p * one * np.cos(p * one * x) * np.sin(q * one * y)
    return u, v


def test_between_walls_a_flow_is_its_own_mirror_image():
    u, v = basin()
    larger = basin(2 * N)
    flux = transfer.spectral_flux(u, v, STEP, STEP, "closed", "kinetic_energy")
    doubled = transfer.spectral_flux(*larger, STEP, STEP, "periodic", "kinetic_energy")
    np.testing.assert_allclose(flux, doubled, atol=1e-12 * np.abs(doubled).max())
    assert np.abs(flux).max() > 1e-10
    assert transfer.wave_numbers(N, N, STEP, STEP, "closed")[0] == pytest.approx(0.5 / LENGTH)


def test_velocities_of_a_c_grid_come_to_the_middles():
    u, v = np.arange(1.0, 5.0) * np.ones((3, 1)), np.arange(3.0)[:, None] * np.ones((1, 4))
    at_u, at_v = transfer.at_middles(u, v, "closed")
    np.testing.assert_array_equal(at_u[0], [0.5, 1.5, 2.5, 3.5])
    np.testing.assert_array_equal(at_v[:, 0], [0.5, 1.5, 1.0])
    around, _ = transfer.at_middles(u, v, "periodic")
    assert around[0, 0] == 2.5


def run(u: np.ndarray, v: np.ndarray, random: np.random.Generator) -> xr.Dataset:
    """Records of a flow with a strength that varies."""
    strength = 1.0 + 0.1 * random.normal(size=(80, 1, 1))
    middles = (np.arange(N) + 0.5) * STEP
    return xr.Dataset(
        {"u": (("time", "y", "x"), strength * u), "v": (("time", "y", "x"), strength * v)},
        coords={"time": ("time", np.arange(80.0), HOURS), "y": middles, "x": middles},
    )


def test_metric_tells_a_flow_that_carries_nothing_from_the_truth():
    random = np.random.default_rng(0)
    u, v, _ = triad()
    whole = u.sum(axis=0), v.sum(axis=0)
    metric = SpectralFlux(metric="spectral_flux", x_velocity="u", y_velocity="v", boundary="periodic", grid="middles")
    runs = {
        "truth": [run(*whole, random)], "same": [run(*whole, random)],
        "weak": [run(u[0] + u[1], v[0] + v[1], random)],
    }  # fmt: skip
    found = metric.evaluate(results(runs))
    rmse = {case: number(found, "spectral_flux_rmse_of_kinetic_energy", case) for case in ("same", "weak")}
    assert rmse["weak"].value == pytest.approx(1.0, abs=1e-6), "two waves alone exchange nothing"
    assert rmse["same"].value < 0.15 and rmse["same"].floor < 0.15
    gained = gains("kinetic_energy")
    to_small = max(0.0, gained[1:].sum(), gained[2])
    found_there = number(found, "flux_to_small_scales_of_kinetic_energy", "same").value
    assert found_there == pytest.approx(to_small * 1.03, rel=0.1)
    draw_all(found)


def test_fields_without_a_grid_are_refused():
    random = np.random.default_rng(0)
    u, v = basin()
    metric = SpectralFlux(metric="spectral_flux", x_velocity="u", y_velocity="v", boundary="closed")
    good = run(u, v, random)
    with pytest.raises(ValueError, match="the dimension x needs a coordinate of equal distance"):
        metric.evaluate(results({"truth": [good.assign_coords(x=np.arange(N) ** 2.0)]}))
    with pytest.raises(ValueError, match=r"must be \(time, y, x\) of one size"):
        metric.evaluate(results({"truth": [good.assign(v=good["v"].isel(x=slice(5)).rename(x="x2"))]}))
