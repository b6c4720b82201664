"""Emulators of RRTMG in PlaSim: what holds for any weights, and the files that record without an emulator."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pyemu.emulator import EmulatorFile
from pyemu.emulator.vessel import write_vessel
from pyemu.nn.two_skies import COVER
from pyemu.runtime import Emulator
from pyemu.train.plasim_radiation.evaluate import heating
from pyemu.zoo.plasim_radiation import N_LAYERS, SYSTEMS, PlasimRadiationSystem

SIZES = {"layer": N_LAYERS, "interface": N_LAYERS + 1}
CASES = [(band, network) for band in SYSTEMS for network in SYSTEMS[band].networks]


def columns(n: int, seed: int = 1) -> dict[str, torch.Tensor]:
    """Plausible columns on ten layers of sigma, some cloudy."""
    random = np.random.default_rng(seed)
    surface_pressure = random.uniform(6e4, 1.02e5, n)
    sigma = np.linspace(0.0, 1.0, N_LAYERS + 1)
    cloud = random.uniform(0, 2e-4, (n, N_LAYERS)) * (random.uniform(size=(n, N_LAYERS)) > 0.5)
    values = {
        "air_temperature": 210.0 + 80.0 * sigma[1:] + random.normal(0, 5, (n, N_LAYERS)),
        "air_pressure_at_interfaces": np.maximum(0.01, sigma * surface_pressure[:, None]),
        "specific_humidity": 0.01 * sigma[1:] ** 3 * random.uniform(0.2, 1.5, (n, N_LAYERS)),
        "mole_fraction_of_ozone_in_air": np.broadcast_to(5e-6 * (1 - sigma[1:]) + 3e-8, (n, N_LAYERS)),
        "mole_fraction_of_carbon_dioxide_in_air": random.uniform(1.8e-4, 1.4e-3, n),
        "mass_fraction_of_cloud_liquid_water_in_air": cloud,
        "mass_fraction_of_cloud_ice_in_air": 0.3 * cloud,
        "surface_temperature": random.uniform(230, 305, n),
        "surface_longwave_emissivity": random.uniform(0.97, 1.0, n),
        "surface_albedo": random.uniform(0.05, 0.7, n),
        "cosine_of_solar_zenith_angle": random.uniform(0.02, 1.0, n),
        COVER: random.uniform(0, 1, n),
    }
    values["toa_incoming_shortwave_flux"] = 1361.0 * values["cosine_of_solar_zenith_angle"]
    return {name: torch.from_numpy(np.ascontiguousarray(array, np.float32)) for name, array in values.items()}


def fluxes(system: PlasimRadiationSystem, network: torch.nn.Module, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    with torch.no_grad():
        return torch.stack(system.emulator(network)(*(inputs[item.name] for item in system.inputs)))


@pytest.mark.parametrize(("name", "network"), CASES)
def test_fluxes_are_linear_in_the_cloud_cover(name: str, network: str) -> None:
    system = SYSTEMS[name]
    torch.manual_seed(0)
    built = system.build(network)
    inputs = columns(20)
    clear, half, overcast = (
        fluxes(system, built, inputs | {COVER: torch.full((20,), cover)}) for cover in (0.0, 0.5, 1.0)
    )
    assert torch.allclose(half, 0.5 * (clear + overcast), rtol=0, atol=1e-6 * float(half.abs().max()))


@pytest.mark.parametrize("name", list(SYSTEMS))
def test_without_cover_the_spectral_networks_see_no_condensate(name: str) -> None:
    system = SYSTEMS[name]
    torch.manual_seed(0)
    built = system.build("spectral")
    inputs = columns(20) | {COVER: torch.zeros(20)}
    without = {key: 0.0 * inputs[key] for key in inputs if "cloud_liquid" in key or "cloud_ice" in key}
    assert torch.equal(fluxes(system, built, inputs), fluxes(system, built, inputs | without))


@pytest.mark.parametrize("network", list(SYSTEMS["plasim_shortwave"].networks))
def test_what_comes_in_at_the_top_is_the_sun(network: str) -> None:
    system = SYSTEMS["plasim_shortwave"]
    inputs = columns(20)
    down = fluxes(system, system.build(network), inputs)[1]
    assert torch.allclose(down[:, 0], inputs["toa_incoming_shortwave_flux"], rtol=1e-5)


def test_heating_is_the_divergence_of_the_fluxes() -> None:
    pressure = np.array([[0.0, 40000.0, 100000.0]])
    up, down = np.array([[100.0, 120.0, 130.0]]), np.array([[0.0, 50.0, 90.0]])
    found = heating(up, down, pressure) / 86400.0 * 1004.64 / 9.80665 * np.diff(pressure)
    assert found.sum() == pytest.approx((down - up)[0, 0] - (down - up)[0, -1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_vessel_has_the_variables_and_returns_zeros(tmp_path: Path, dtype: str) -> None:
    system = SYSTEMS["plasim_longwave"]
    path = write_vessel(tmp_path / "vessel.onnx", system.name, system.inputs, system.outputs, SIZES, dtype=dtype)
    card = EmulatorFile.open(path).card
    assert [item.name for item in card.inputs] == [item.name for item in system.inputs]
    assert {item.dtype for item in (*card.inputs, *card.outputs)} == {dtype}
    with Emulator.open(path) as emulator:
        for item in (*card.inputs, *card.outputs):
            shape = (3, *(SIZES[dim] for dim in item.dims[1:]))
            emulator.bind(item.name, held := np.full(shape, 7.0))
        emulator.run()
        assert not held.any()
