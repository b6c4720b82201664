"""The physics of the shallow-water host, against what is known of its equations and of their discrete form."""

from itertools import pairwise

import numpy as np
import pytest

from pyemu.hosts.shallow_water import ShallowWaterError, ShallowWaterModel

U, V, H = "sea_water_x_velocity", "sea_water_y_velocity", "layer_thickness_anomaly"
GRAVITY, DEPTH, DX = 0.02, 500.0, 20e3
FREE = {"wind_stress": 0.0, "drag": 0.0, "viscosity": 0.0, "robert_asselin": 0.0}  # nothing forces, nothing damps
ENERGY_FORM = {"vorticity": "energy", "kinetic_energy": "mean_of_squares"}
PERIODIC = {"domain": "periodic", "beta": 0.0}


def smooth_field(rng: np.random.Generator, ny: int, nx: int, amplitude: float) -> np.ndarray:
    """A random field of the longest waves of a periodic domain."""
    y, x = np.meshgrid(2 * np.pi * np.arange(ny) / ny, 2 * np.pi * np.arange(nx) / nx, indexing="ij")
    waves = [rng.normal() * np.cos(k * x + m * y + rng.uniform(0, 2 * np.pi)) for k in range(-2, 3) for m in range(3)]
    return amplitude * sum(waves) / np.sqrt(len(waves))


def set_random_state(model: ShallowWaterModel, seed: int = 1) -> None:
    rng = np.random.default_rng(seed)
    for name, amplitude in ((U, 0.5), (V, 0.5), (H, 60.0)):
        model.set(name, smooth_field(rng, *model.shape, amplitude))


def second_difference(series: np.ndarray, dt: float) -> np.ndarray:
    """Minus the squared frequency times the series, exactly, for a wave of a leapfrog scheme: four steps of dt wide."""
    return (series[4:] - 2.0 * series[2:-2] + series[:-4]) / (4.0 * dt**2)


def test_a_standing_gravity_wave_has_the_frequency_of_the_grid():
    nx, mode, dt = 40, 3, 900.0
    with ShallowWaterModel(nx=nx, ny=3, f0=0.0, beta=0.0, time_step=dt, walls="free_slip", **FREE) as model:
        shape = np.cos(mode * np.pi * (np.arange(nx) + 0.5) / nx)
        model.set(H, np.tile(1e-3 * shape, (3, 1)))
        series = []
        for _ in range(60):
            series.append(float(model.get(H)[1] @ shape))
            model.step()
    squared = -second_difference(np.array(series), dt) / np.array(series)[2:-2]
    exact = 4.0 * GRAVITY * DEPTH / DX**2 * np.sin(mode * np.pi / (2 * nx)) ** 2
    strong = np.abs(series[2:-2]) > 0.3 * np.max(np.abs(series))
    np.testing.assert_allclose(squared[strong], exact, rtol=1e-5)


def test_a_wave_with_rotation_has_the_frequency_of_the_grid():
    """The geostrophic part of the start does not move: it is the constant that the first difference takes away."""
    nx, ny, k, m, dt, f = 24, 16, 2, 3, 900.0, 3.5e-5
    with ShallowWaterModel(nx=nx, ny=ny, time_step=dt, **PERIODIC, **FREE) as model:
        y, x = np.meshgrid(np.arange(ny), np.arange(nx), indexing="ij")
        phase = 2 * np.pi * (k * x / nx + m * y / ny)
        model.set(H, 1e-3 * np.cos(phase))
        series = []
        for _ in range(160):
            series.append(float((model.get(H) * np.cos(phase)).sum()))
            model.step()
    moving = second_difference(np.array(series), dt)
    squared = -second_difference(moving, dt) / moving[2:-2]
    half_x, half_y = np.pi * k / nx, np.pi * m / ny
    waves = 4.0 * GRAVITY * DEPTH / DX**2 * (np.sin(half_x) ** 2 + np.sin(half_y) ** 2)
    exact = waves + (f * np.cos(half_x) * np.cos(half_y)) ** 2
    strong = np.abs(moving[2:-2]) > 0.3 * np.abs(moving).max()
    np.testing.assert_allclose(squared[strong], exact, rtol=1e-4)


def test_a_flow_in_geostrophic_balance_stays():
    ny, f, speed = 32, 1e-4, 1e-4
    u = speed * np.sin(2 * np.pi * (np.arange(ny) + 0.5) / ny)
    h = np.cumsum(-f * DX / GRAVITY * 0.5 * (u + np.roll(u, 1)))
    with ShallowWaterModel(nx=4, ny=ny, f0=f, **PERIODIC, **FREE) as model:
        model.set(U, np.tile(u[:, None], 4))
        model.set(H, np.tile((h - h.mean())[:, None], 4))
        model.step(480)
        assert np.abs(model.get(U) - u[:, None]).max() < 1e-4 * speed
        assert np.abs(model.get(H) - (h - h.mean())[:, None]).max() < 1e-4 * np.abs(h).max()


def coarse(field: np.ndarray) -> np.ndarray:
    return 0.25 * (field[::2, ::2] + field[1::2, ::2] + field[::2, 1::2] + field[1::2, 1::2])


@pytest.mark.parametrize("form", ["product_of_means", "enstrophy", "energy"])
def test_the_error_falls_with_the_square_of_the_grid_length(form):
    """A nonlinear flow for half a day, on grids of 20, 40 and 80 cells, their time steps alike, always an even number."""
    thickness = []
    for n in (20, 40, 80):
        length, options = 1.6e6, {**FREE, "viscosity": 500.0, **PERIODIC, "vorticity": form}
        with ShallowWaterModel(nx=n, ny=n, dx=length / n, dy=length / n, time_step=600.0 * 80 / n, **options) as model:
            y, x = np.meshgrid(*[2 * np.pi * (np.arange(n) + 0.5) / n] * 2, indexing="ij")
            half = np.pi / n
            model.set(U, 0.5 * np.sin(y) * np.cos(x + half))
            model.set(V, 0.4 * np.sin(x) * np.cos(y - half + 0.3))
            model.set(H, 40.0 * np.sin(x) * np.cos(y + 0.5))
            model.step(72 * n // 80)
            thickness.append(model.get(H))
    errors = [np.abs(a - coarse(b)).max() for a, b in pairwise(thickness)]
    order = np.log2(errors[0] / errors[1])
    assert 1.9 < order < 2.1, errors


def rate_of(name: str, **entries) -> float:
    """Relative rate of change of a number of the domain [s-1]: forward steps of 1 and 2 s, extrapolated to none."""
    numbers = []
    for dt in (1.0, 2.0):
        with ShallowWaterModel(nx=20, ny=24, time_step=dt, **{**FREE, **entries}) as model:
            set_random_state(model)
            before = model.number(name)
            model.step()
            numbers.append(model.number(name) - before)
    return (2.0 * numbers[0] - 0.5 * numbers[1]) / before


@pytest.mark.parametrize(
    "ocean", [PERIODIC, {"walls": "free_slip"}, {"walls": "no_slip"}], ids=["periodic", "slip", "no slip"]
)
def test_the_energy_form_keeps_energy_and_the_others_do_not(ocean):
    kept = rate_of("total_energy", **ENERGY_FORM, **ocean)
    assert abs(kept) < 1e-12
    for other in ({}, {**ENERGY_FORM, "vorticity": "enstrophy"}, {**ENERGY_FORM, "ke_factor": 1.0}):
        assert abs(rate_of("total_energy", **other, **ocean)) > 1e3 * abs(kept) + 1e-10


def test_the_enstrophy_form_keeps_potential_enstrophy_and_the_others_do_not():
    kept = rate_of("potential_enstrophy", vorticity="enstrophy", **PERIODIC)
    assert abs(kept) < 1e-12
    for form in ("product_of_means", "energy"):
        assert abs(rate_of("potential_enstrophy", vorticity=form, **PERIODIC)) > 1e3 * abs(kept) + 1e-10


@pytest.mark.parametrize("entries, number, rate", [({"drag": 1e-5}, "kinetic_energy", -2e-5)])
def test_drag_takes_kinetic_energy_at_twice_its_rate(entries, number, rate):
    """Everything else together is the difference to a run without drag."""
    difference = rate_of(number, **entries, **ENERGY_FORM, **PERIODIC) - rate_of(number, **ENERGY_FORM, **PERIODIC)
    assert difference == pytest.approx(rate, rel=1e-5)


def test_the_wind_does_the_work_it_should():
    """Rate of kinetic energy = mean of tau_x u: the thickness cancels."""
    options = {**ENERGY_FORM, **PERIODIC}
    with ShallowWaterModel(nx=20, ny=24, **{**FREE, "wind_stress": 0.1}, **options) as model:
        set_random_state(model)
        work = (
            float((model.get("surface_downward_x_stress") * model.get(U)).mean())
            / 1000.0
            / model.number("kinetic_energy")
        )
    difference = rate_of("kinetic_energy", wind_stress=0.1, **options) - rate_of("kinetic_energy", **options)
    assert difference == pytest.approx(work, rel=1e-5)


@pytest.mark.parametrize("entries", [{}, {"walls": "free_slip", "vorticity": "energy"}, {"domain": "channel"}])
def test_mass_is_kept_to_rounding(entries):
    with ShallowWaterModel(nx=30, ny=30, perturbation=2.0, **entries) as model:
        model.step(2000)
        assert np.abs(model.get(H)).max() > 5.0
        assert abs(model.number("mean_layer_thickness_anomaly")) < 1e-13


@pytest.mark.parametrize("form", ["product_of_means", "enstrophy", "energy"])
def test_the_mirror_image_of_an_ocean_is_the_ocean_of_the_mirror_image(form):
    """South for north with -f0: the same wind and beta. West for east: wind and rotation reversed."""
    results = {}
    for name, entries in {
        "given": {},
        "south for north": {"f0": -3.5e-5},
        "west for east": {"f0": -3.5e-5, "beta": -2.11e-11, "wind_stress": -0.1},
    }.items():
        with ShallowWaterModel(nx=20, ny=24, vorticity=form, **entries) as model:
            model.step(1440)
            results[name] = model.get(H), model.get(U), model.get(V)
    h, u, v = results["given"]
    assert np.abs(h).max() > 1.0 and np.abs(h - h[::-1]).max() > 0.1
    mirrored = results["south for north"]
    np.testing.assert_allclose(mirrored[0], h[::-1], atol=1e-9)
    np.testing.assert_allclose(mirrored[1], u[::-1], atol=1e-11)
    np.testing.assert_allclose(mirrored[2][1:], -v[:0:-1], atol=1e-11)
    mirrored = results["west for east"]
    np.testing.assert_allclose(mirrored[0], h[:, ::-1], atol=1e-9)
    np.testing.assert_allclose(mirrored[1][:, :-1], -u[:, -2::-1], atol=1e-11)
    np.testing.assert_allclose(mirrored[2], v[:, ::-1], atol=1e-11)


def test_the_kernels_of_all_instruction_sets_have_the_same_bits():
    states = {}
    for kernels in ("baseline", "avx2"):
        try:
            with ShallowWaterModel(nx=21, ny=19, kernels=kernels, perturbation=3.0) as model:
                model.step(300)
                states[kernels] = b"".join(model.get(name).tobytes() for name in (U, V, H))
        except ShallowWaterError as error:
            assert "which this processor has not" in str(error) and kernels != "baseline"  # noqa: PT017
    assert len(set(states.values())) == 1


def test_fields_are_checked_and_walls_stay_still():
    with ShallowWaterModel(nx=5, ny=4) as model:
        assert model.shape == (4, 5) and model.day == 0.0
        model.set(U, np.ones((4, 5)))
        model.set(V, np.ones((4, 5)))
        assert np.all(model.get(U)[:, -1] == 0.0) and np.all(model.get(U)[:, :-1] == 1.0)
        assert np.all(model.get(V)[0] == 0.0) and np.all(model.get(V)[1:] == 1.0)
        with pytest.raises(ShallowWaterError, match=r"has shape \(4, 5\), got \(5, 4\)"):
            model.set(H, np.zeros((5, 4)))
        with pytest.raises(ShallowWaterError, match="no field 'salinity'"):
            model.get("salinity")
        with pytest.raises(ShallowWaterError, match="is computed"):
            model.set("tendency_of_layer_thickness_anomaly", np.zeros((4, 5)))
        with pytest.raises(ShallowWaterError, match="no series 'heat'"):
            model.number("heat")
    with pytest.raises(ShallowWaterError, match="not open"):
        model.step()
    with pytest.raises(KeyError, match="tau0"):
        ShallowWaterModel(tau0=1.0)


def test_a_blow_up_has_the_status_of_the_driver():
    with ShallowWaterModel(nx=6, ny=6) as model:
        h = np.zeros((6, 6))
        h[2, 3] = 499.0
        model.set(H, h)
        model.set(U, np.full((6, 6), -20.0))
        with pytest.raises(ShallowWaterError, match="in cell") as caught:
            model.step(100)
        assert caught.value.status == 3
