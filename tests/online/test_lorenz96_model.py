"""The Lorenz '96 host in this process: against numpy, its invariants and order, noise, emulators, to the bit."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from lorenz96_reference import (
    FAST,
    PREVIOUS,
    SLOW,
    TENDENCY,
    card,
    midpoint,
    recorded,
    recurrent,
    resolved,
    runge_kutta,
    stochastic,
    two_scale,
    variable,
)

from pyemu import Emulator, fill_noise
from pyemu.emulator.export import export_onnx
from pyemu.hosts.lorenz96 import Lorenz96Error, Lorenz96Model, one_scale_tendency, two_scale_tendency

CUBIC = (0.334, 1.302, -0.01272, -0.00241)
DT = 0.005
RNG = np.random.default_rng(3)


def polynomial(x: np.ndarray) -> np.ndarray:
    """Horner's scheme, as the host has it."""
    u = np.full_like(x, CUBIC[-1])
    for coefficient in CUBIC[-2::-1]:
        u = u * x + coefficient
    return u


def states(n_members: int = 3, n_slow: int = 8) -> np.ndarray:
    return RNG.normal(3.0, 5.0, (n_members, n_slow))


def run(x: np.ndarray, n_steps: int, **entries) -> np.ndarray:
    """States of the one-scale model after some steps from given ones."""
    with Lorenz96Model(model="one_scale", n_members=x.shape[0], n_slow=x.shape[1], **entries) as model:
        model.set(SLOW, x)
        model.step(n_steps)
        return model.get(SLOW)


# --- The equations ---


@pytest.mark.parametrize("n_slow, n_fast", [(8, 32), (5, 7), (4, 1), (36, 10)])
def test_tendencies_are_those_of_numpy(n_slow, n_fast):
    x, y = RNG.normal(3.0, 5.0, n_slow), RNG.normal(0.0, 0.5, n_slow * n_fast)
    dx, dy = two_scale_tendency(x, y)
    expected = two_scale(np.concatenate([x, y]), n_slow)
    np.testing.assert_allclose(np.concatenate([dx, dy]), expected, rtol=1e-13, atol=1e-13)
    np.testing.assert_array_equal(one_scale_tendency(x), resolved(x))


def test_advection_conserves_energy_on_both_scales():
    """Without forcing, damping and coupling the sum of squares does not change; damping alone takes x**2."""
    x, y = RNG.normal(3.0, 5.0, 8), RNG.normal(0.0, 0.5, 256)
    dx, dy = two_scale_tendency(x, y, h=0.0, forcing=0.0)
    np.testing.assert_allclose(np.sum(x * dx), -np.sum(x**2), rtol=1e-12)
    np.testing.assert_allclose(np.sum(y * dy), -10.0 * np.sum(y**2), rtol=1e-12)


def test_coupling_moves_energy_from_one_scale_to_the_other():
    x, y = RNG.normal(3.0, 5.0, 8), RNG.normal(0.0, 0.5, 256)
    dx, dy = (coupled - alone for coupled, alone in
              zip(two_scale_tendency(x, y), two_scale_tendency(x, y, h=0.0), strict=True))  # fmt: skip
    np.testing.assert_allclose(np.sum(x * dx), -np.sum(y * dy), rtol=1e-10)


@pytest.mark.parametrize("shift", [1, 3])
def test_no_place_in_the_ring_is_special(shift):
    x, y = RNG.normal(3.0, 5.0, 8), RNG.normal(0.0, 0.5, 256)
    dx, dy = two_scale_tendency(x, y)
    moved_x, moved_y = two_scale_tendency(np.roll(x, shift), np.roll(y, 32 * shift))
    np.testing.assert_array_equal(moved_x, np.roll(dx, shift))
    np.testing.assert_array_equal(moved_y, np.roll(dy, 32 * shift))


# --- The steps ---


def test_truth_is_that_of_numpy_over_100_steps():
    with Lorenz96Model(n_members=2, perturbation=1.0) as model:
        model.step(3000)  # until the fast variables are alive
        state = np.concatenate([model.get(SLOW), model.get(FAST)], axis=1)
        model.step(100)
        found = np.concatenate([model.get(SLOW), model.get(FAST)], axis=1)
    for _ in range(100):
        state = runge_kutta(two_scale, state, 0.001)
    assert np.abs(found).max() > 5.0 and np.abs(found[:, 8:]).max() > 0.1
    np.testing.assert_allclose(found, state, rtol=0, atol=1e-12)


def test_forecast_is_that_of_numpy_to_the_bit():
    x = states()
    found = run(x, 100, scheme="polynomial", coefficients=CUBIC)
    for _ in range(100):
        x = midpoint(x, DT, polynomial)
    np.testing.assert_array_equal(found, x)


def test_without_a_parameterization_nothing_is_taken():
    x = states()
    with Lorenz96Model(model="one_scale", n_members=3) as model:
        model.set(SLOW, x)
        model.step()
        np.testing.assert_array_equal(model.get(TENDENCY), 0.0)
        np.testing.assert_array_equal(model.get(SLOW), midpoint(x, DT, np.zeros_like))
        assert model.time == DT and model.shape == (3, 8)


def order(errors: list[float]) -> np.ndarray:
    return np.log2(np.array(errors[:-1]) / np.array(errors[1:]))


def test_truth_converges_with_fourth_order():
    with Lorenz96Model() as model:
        model.step(3000)
        x, y = model.get(SLOW), model.get(FAST)

    def end(n_steps: int) -> np.ndarray:
        with Lorenz96Model(time_step=0.064 / n_steps) as model:
            model.set(SLOW, x)
            model.set(FAST, y)
            model.step(n_steps)
            return model.get(SLOW)

    best = end(1024)
    assert np.all(np.abs(order([np.abs(end(n) - best).max() for n in (32, 64, 128)]) - 4.0) < 0.3)


def test_forecast_converges_with_second_order():
    x = states()
    schemes = {"scheme": "polynomial", "coefficients": CUBIC}
    best = run(x, 4096, time_step=0.2 / 4096, **schemes)
    errors = [np.abs(run(x, n, time_step=0.2 / n, **schemes) - best).max() for n in (64, 128, 256)]
    assert np.all(np.abs(order(errors) - 2.0) < 0.1)


# --- Noise ---


@pytest.mark.parametrize("noise", ["white", "ar1"])
def test_residuals_of_the_polynomial_are_those_of_the_library(noise):
    x, ids = states(), np.arange(24).reshape(3, 8)
    sd, phi = 1.998, 0.9855
    found = run(x, 100, scheme="polynomial", coefficients=CUBIC, noise=noise, residual_sd=sd, residual_phi=phi, seed=7)
    normal, residual = np.empty_like(x), None
    for step in range(1, 101):
        fill_noise(normal, ids=ids, seed=7, member=0, step=step, stream=0)
        begins = residual is None or noise == "white"
        residual = sd * normal if begins else phi * residual + sd * np.sqrt(1.0 - phi**2) * normal
        x = midpoint(x, DT, lambda value, residual=residual: polynomial(value) + residual)
    np.testing.assert_array_equal(found, x)


def test_a_member_does_not_know_in_which_run_it_is():
    x = states(8)
    entries = {"scheme": "polynomial", "coefficients": CUBIC, "noise": "ar1", "residual_sd": 2.0, "residual_phi": 0.9}
    whole = run(x, 50, **entries)
    np.testing.assert_array_equal(run(x[4:7], 50, first_member=5, **entries), whole[4:7])
    assert np.abs(run(x[4:7], 50, first_member=4, **entries) - whole[4:7]).min() > 0.0


def test_the_perturbation_has_its_size_and_its_own_noise():
    with Lorenz96Model(n_members=500, perturbation=0.25, seed=4) as model:
        x = model.get(SLOW) - np.eye(8)[0]
    np.testing.assert_allclose([x.mean(), x.std()], [0.0, 0.25], atol=0.01)
    assert np.unique(x).size == x.size
    with Lorenz96Model(n_members=2, first_member=99, perturbation=0.25, seed=4) as model:
        np.testing.assert_array_equal(model.get(SLOW) - np.eye(8)[0], x[98:100])


# --- Emulators ---


def coupled_in_python(path: Path, x: np.ndarray, n_steps: int, seed: int, previous_tendency: str) -> np.ndarray:
    """The one-scale model in numpy, with the emulator and its noise from the Python face of the library."""
    stage, u, previous = np.empty_like(x), np.empty_like(x), np.zeros_like(x)
    ids = np.arange(x.size).reshape(x.shape)
    with Emulator.open(path, engine="native") as emulator:
        emulator.set_noise(seed)
        emulator.bind_ids(ids)
        names = {found.name for found in emulator.variables}
        for name, array in {SLOW: stage, PREVIOUS: previous, TENDENCY: u}.items():
            if name in names:
                emulator.bind(name, array)

        def subgrid(value: np.ndarray, step: int) -> np.ndarray:
            stage[:] = value
            emulator.run(step)
            if previous_tendency == "stage":
                previous[:] = u
            return u.copy()

        for step in range(1, n_steps + 1):
            x = midpoint(x, DT, partial(subgrid, step=step))
            previous[:] = u
    return x


@pytest.fixture(scope="module")
def emulators(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("emulators")
    return {"stochastic": stochastic(folder), "recurrent": recurrent(folder)}


@pytest.mark.parametrize(
    "kind, previous_tendency", [("stochastic", "stage"), ("stochastic", "step"), ("recurrent", "stage")]
)
def test_an_emulator_gives_the_trajectory_of_python_to_the_bit(emulators, kind, previous_tendency):
    path, x = emulators[kind], states(5)
    entries = {"scheme": "emulator", "emulator_file": path, "engine": "native", "seed": 11}
    found = run(x, 100, previous_tendency=previous_tendency, **entries)
    expected = coupled_in_python(path, x, 100, 11, previous_tendency)
    assert np.abs(found - x).max() > 1.0
    np.testing.assert_array_equal(found, expected)


def test_members_of_an_emulator_are_the_same_in_any_run(emulators):
    path, x = emulators["stochastic"], states(8)
    entries = {"scheme": "emulator", "emulator_file": path, "engine": "native", "seed": 2}
    whole = run(x, 30, **entries)
    np.testing.assert_array_equal(run(x[4:7], 30, first_member=5, **entries), whole[4:7])


class Same(torch.nn.Module):
    def forward(self, x):
        return (x * 1.0,)


def test_an_emulator_of_something_else_is_refused(tmp_path):
    cards = {
        "strange": card(name="strange", inputs=(variable("air"),)),
        "silent": card(name="silent", inputs=(variable(SLOW),), outputs=(variable("heat"),)),
    }
    strange, silent = (
        export_onnx(Same(), made, recorded(**{made.inputs[0].name: 0}), tmp_path / f"{name}.onnx")
        for name, made in cards.items()
    )
    for path, message in {strange: "input 'air' is unknown", silent: "output 'heat' is unknown"}.items():
        with pytest.raises(Lorenz96Error, match=message) as caught:
            Lorenz96Model(model="one_scale", scheme="emulator", emulator_file=path)
        assert caught.value.status == 2
    with pytest.raises(Lorenz96Error, match="emulator_file is empty"):
        Lorenz96Model(model="one_scale", scheme="emulator")
    with pytest.raises(Lorenz96Error, match=r"emulator \(emulator_file\)"):
        Lorenz96Model(model="one_scale", scheme="emulator", emulator_file=tmp_path / "none.onnx")


# --- The face ---


def test_fields_are_copied_and_checked():
    with Lorenz96Model(model="one_scale", n_members=2) as model:
        model.set(SLOW, np.arange(16.0).reshape(2, 8))
        np.testing.assert_array_equal(model.get(SLOW)[1], np.arange(8.0, 16.0))
        np.testing.assert_array_equal(model.ids, np.arange(16).reshape(2, 8))
        for name in ("air_temperature", FAST):
            with pytest.raises(Lorenz96Error, match=f"no field '{name}'"):
                model.get(name)
        with pytest.raises(Lorenz96Error, match=r"shape \(2, 8\), got \(1, 8\)"):
            model.set(SLOW, np.zeros(8))
        model.close()
        model.close()
        assert model.shape == (0, 0)
        with pytest.raises(Lorenz96Error, match="not open"):
            model.step()


def test_a_blow_up_is_named():
    with Lorenz96Model(model="one_scale", n_members=2, first_member=3) as model:
        model.set(SLOW, [[1.0] * 8, [1.0] * 4 + [900.0, -900.0, 1.0, 1.0]])
        with pytest.raises(Lorenz96Error, match="lorenz96_slow_variable is .* of member 4 .* has blown up") as caught:
            model.step(10)
        assert caught.value.status == 3
