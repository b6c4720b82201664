"""Growth of waves in the shallow-water host: what is computed from an operator is what the scheme, and the host, does."""

import numpy as np
import pytest
import torch
from shallow_emulators import DH, FX, FY, Forcing, H, Network, Points, Tendency, U, V, card, export

from pyemu.data.shallow_water import stencils
from pyemu.emulator import Variable
from pyemu.emulator.export import export_onnx
from pyemu.hosts.shallow_water import ShallowWaterModel
from pyemu.physics.shallow_water import Ocean, dynamics, forcing, thickness_tendency
from pyemu.physics.von_neumann import (
    Base,
    growth,
    host_operator,
    projected,
    symbol_of,
    weights_of,
    weights_of_file,
    with_learned,
)

DAY, STEP = 86400.0, 1800.0
FORMS = {
    "published": {},
    "enstrophy": {"vorticity": "enstrophy", "kinetic_energy": "mean_of_squares"},
    "energy": {"vorticity": "energy", "kinetic_energy": "mean_of_squares", "ke_factor": 1.0},
}


def smooth_state(shape, seed=1):
    rng = np.random.default_rng(seed)
    return [scale * rng.normal(size=shape) for scale in (0.3, 0.3, 20.0)]


@pytest.mark.parametrize("form", FORMS)
def test_the_equations_in_torch_are_the_host_s(form):
    """Both in double precision: differences are rounding."""
    entries = {"viscosity": 500.0, **FORMS[form]}
    ocean = Ocean.of(entries)
    with ShallowWaterModel(nx=12, ny=10, domain="periodic", beta=0.0, wind_stress=0.1, **entries) as model:
        state = smooth_state(model.shape)
        for name, values in zip((U, V, H), state, strict=True):
            model.set(name, values)
        stress = torch.from_numpy(model.get("surface_downward_x_stress"))
        model.compute_tendencies()
        found = [model.get(name) for name in (FX, FY, DH)]
        model.step()
        changes = [(model.get(name) - values) / STEP for name, values in zip((U, V), state[:2], strict=True)]
    tensors = [torch.from_numpy(values) for values in state]
    parts = forcing(ocean, *tensors, x_stress=stress)
    expected = [*parts, thickness_tendency(ocean, *tensors)]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other.numpy(), rtol=0.0, atol=1e-13 * np.abs(one).max())
    for change, part, rest in zip(changes, parts, dynamics(ocean, *tensors), strict=True):
        np.testing.assert_allclose(change, (part + rest).numpy(), rtol=0.0, atol=1e-11 * np.abs(change).max())


def test_waves_of_the_true_operator_do_not_grow():
    """Without friction and filter every factor has magnitude one; with them nothing grows, and mass stays."""
    free = Ocean(drag=0.0, viscosity=0.0, robert_asselin=0.0)
    rates = growth(symbol_of(host_operator(free), 20, 16), STEP, 0.0).rates
    assert np.abs(rates).max() < 1e-9
    ocean = Ocean()
    found = growth(symbol_of(host_operator(ocean), 80, 80), STEP, ocean.robert_asselin)
    assert abs(found.largest) < 1e-9 and abs(found.of_the_mean) < 1e-9
    assert np.sort(found.rates.ravel())[-2] < -1e-3


def test_a_step_beyond_the_limit_of_the_grid_grows():
    """c dt / dx above 1 / (2 sqrt 2) makes the wave of two cells both ways grow, as known of the C grid."""
    limit = 2e4 / np.sqrt(0.02 * 500.0) / (2.0 * np.sqrt(2.0))
    operator = symbol_of(host_operator(Ocean(f0=0.0, drag=0.0, viscosity=0.0)), 8, 8)
    assert growth(operator, 0.999 * limit, 0.0).largest < 1e-6
    beyond = growth(operator, 1.01 * limit, 0.0)
    exact = np.arccosh(1.01) * DAY / (1.01 * limit)
    assert beyond.largest == pytest.approx(exact, rel=1e-6)
    assert np.abs(beyond.fastest_wave) == pytest.approx((0.5, 0.5))


def perturbed(seed: int, size: float, ocean: Ocean) -> tuple[np.ndarray, np.ndarray]:
    """The true weights of dh/dt with errors, relative to the largest of each variable, and the whole operator."""
    operator = host_operator(ocean)
    rng = np.random.default_rng(seed)
    weights = operator[2].copy()
    scale = np.array([np.abs(weights[0]).max(), np.abs(weights[1]).max(), np.abs(weights[0]).max() / 300.0])
    weights += size * scale[:, None, None] * rng.normal(size=weights.shape)
    return weights, with_learned(operator, thickness=weights)


def apply(operator: np.ndarray, state: np.ndarray) -> np.ndarray:
    """Tendencies of a periodic state (3, ny, nx), by shifting it about."""
    result = np.zeros_like(state)
    for j in range(3):
        for i in range(3):
            shifted = np.roll(state, (1 - j, 1 - i), axis=(1, 2))
            result += np.einsum("ok,kyx->oyx", operator[:, :, j, i], shifted)
    return result


def fitted_rate(logs: list[float], steps_apart: int) -> float:
    """Growth [day-1]: the slope of logarithms of norms. Standing waves swing about it."""
    days = np.arange(len(logs)) * steps_apart * STEP / DAY
    return float(np.polyfit(days, logs, 1)[0])


@pytest.mark.parametrize("seed", [3, 6, 10])
def test_the_rate_is_that_of_a_linear_integration(seed):
    """A random error of the operator on a small grid: leapfrog and filter, step by step, to 1 %. The seeds leave no second
    wave that grows almost as fast."""
    ocean = Ocean()
    _, operator = perturbed(seed, 0.03, ocean)
    predicted = growth(symbol_of(operator, 8, 6), STEP, ocean.robert_asselin).largest
    a, rng = ocean.robert_asselin, np.random.default_rng(seed)
    old = rng.normal(size=(3, 6, 8))
    now = old + STEP * apply(operator, old)
    logs, total = [], 0.0
    for step in range(9000):
        new = old + 2.0 * STEP * apply(operator, now)
        old, now = now + a * (old - 2.0 * now + new), new
        size = np.linalg.norm(now)
        old, now, total = old / size, now / size, total + np.log(size)
        if step >= 3000:
            logs.append(total)
    assert predicted > 0.01
    assert fitted_rate(logs, 1) == pytest.approx(predicted, rel=0.01)


class Linear(Points):
    """A linear tendency of the thickness with given weights (3, 3, 3) of u, v and h."""

    outputs = (DH,)

    def __init__(self, weights: np.ndarray) -> None:
        super().__init__((U, V, H), is_field=False)
        self.weights = torch.nn.Parameter(torch.tensor(weights.reshape(3, 9), dtype=torch.float32))

    def forward(self, u, v, h):
        return ((u * self.weights[0] + v * self.weights[1] + h * self.weights[2]).sum(dim=1),)


def test_the_host_with_that_emulator_grows_at_that_rate(tmp_path):
    """The same weights as an emulator file in the host, from noise so small that nothing but the linear part counts."""
    ocean = Ocean()
    weights, operator = perturbed(10, 0.03, ocean)
    predicted = growth(symbol_of(operator, 8, 6), STEP, ocean.robert_asselin).largest
    path = export(tmp_path, Linear(weights))
    entries = {"nx": 8, "ny": 6, "domain": "periodic", "beta": 0.0, "wind_stress": 0.0, "engine": "native"}
    with ShallowWaterModel(thickness="emulator", thickness_file=path, perturbation=1e-15, **entries) as model:
        model.step(int(22.0 / predicted * DAY / STEP))
        logs = []
        for _ in range(int(10.0 / predicted * DAY / STEP) // 5):
            model.step(5)
            logs.append(np.log(np.linalg.norm(model.get(H))))
    assert logs[-1] < 0.0
    assert fitted_rate(logs, 5) == pytest.approx(predicted, rel=0.01)


def test_projection_stops_the_mean_and_no_wave():
    ocean = Ocean()
    weights = host_operator(ocean)[2].copy()
    weights[2] += 1e-8  # h grows everywhere with what is around it
    symbol = symbol_of(with_learned(host_operator(ocean), thickness=weights), 8, 8)
    free, kept = (growth(s, STEP, ocean.robert_asselin) for s in (symbol, projected(symbol)))
    assert free.of_the_mean == pytest.approx(9e-8 * DAY, rel=1e-3)
    assert abs(kept.of_the_mean) < 1e-9
    np.testing.assert_array_equal(free.rates.ravel()[1:], kept.rates.ravel()[1:])


def test_a_base_state_is_followed():
    """The derivative along a disturbance is the difference of tendencies for a small one."""
    ocean, base = Ocean(vorticity="energy", viscosity=500.0), Base(0.4, -0.2, 50.0, 0.1, 0.05)
    operator = host_operator(ocean, base)
    change = np.stack(smooth_state((7, 9)))
    uniform = np.broadcast_to(np.array([base.u, base.v, base.h])[:, None, None], change.shape)

    def tendencies(state):
        tensors = [torch.from_numpy(values) for values in state]
        parts = zip(dynamics(ocean, *tensors), forcing(ocean, *tensors, base.x_stress, base.y_stress), strict=True)
        return np.stack([*(a + b for a, b in parts), thickness_tendency(ocean, *tensors)])

    difference = (tendencies(uniform + 1e-5 * change) - tendencies(uniform - 1e-5 * change)) / 2e-5
    for found, expected in zip(apply(operator, change), difference, strict=True):
        np.testing.assert_allclose(found, expected, rtol=0.0, atol=1e-8 * np.abs(expected).max())


def points(names, seed=5):
    state = dict(zip((U, V, H), smooth_state((6, 7), seed), strict=True))
    state["surface_downward_x_stress"] = np.full((6, 7), 0.1)
    return {f"{name}_stencil": stencils(name, state[name], domain="periodic").reshape(-1, 9) for name in names}


def test_weights_of_a_formula_are_those_of_the_host():
    """About rest: the very weights, of dh/dt and of the forcing."""
    names = (U, V, H, "surface_downward_x_stress")
    at_rest = {f"{name}_stencil": torch.zeros((3, 9), dtype=torch.float64) for name in names}
    true = host_operator(Ocean())

    def reads(model, output, given):
        def function(**values):
            return model(*(values[f"{name}_stencil"] for name in given))[output]

        return function

    found = weights_of(reads(Tendency(False, 0.0), 0, names[:3]), {k: at_rest[k] for k in list(at_rest)[:3]})
    np.testing.assert_allclose(found, np.broadcast_to(true[2], found.shape), rtol=0.0, atol=1e-12)
    friction = true - host_operator(Ocean(), has_forcing=False)
    for output in (0, 1):
        found = weights_of(reads(Forcing(False), output, names), at_rest)
        np.testing.assert_allclose(found, np.broadcast_to(friction[output], found.shape), rtol=0.0, atol=1e-18)


def test_a_file_s_own_derivative_gives_the_weights_of_autograd(tmp_path):
    network, names = Network(False), (U, V, H, "surface_downward_x_stress")
    inputs = [Variable.of(f"{name}_stencil", dtype="float32") for name in names]
    described = card(
        "net", inputs, [Variable.of(name, dtype="float32") for name in (FX, FY)], dimensions={"stencil": 9}
    )
    given = points(names)
    path = export_onnx(
        network,
        described,
        {name: values[:8] for name, values in given.items()},
        tmp_path / "net.onnx",
        derivatives=["vjp"],
    )
    tensors = {name: torch.from_numpy(values).float() for name, values in given.items()}
    for k, output in enumerate((FX, FY)):

        def function(k=k, **values):
            return network(*(values[f"{name}_stencil"] for name in names))[k]

        expected = weights_of(function, tensors)
        found = weights_of_file(path, given, output)
        assert np.abs(expected).max() > 0.0
        np.testing.assert_allclose(found, expected, rtol=0.0, atol=1e-5 * np.abs(expected).max())
