"""The shallow-water host with emulators in place of its forcing: every array reaches its input, and the same bits result."""

import numpy as np
import pytest
import torch
from shallow_emulators import (
    DH,
    FX,
    FY,
    TX,
    Forcing,
    H,
    Network,
    Tendency,
    Transports,
    U,
    V,
    card,
    export,
    export_gusts,
)
from shallow_water_runs import different, run_well, variables

from pyemu.data.shallow_water import stencils
from pyemu.emulator import Variable
from pyemu.emulator.export import export_onnx
from pyemu.hosts.shallow_water import ShallowWaterError, ShallowWaterModel
from pyemu.runtime import Emulator

GRID = {"nx": 20, "ny": 16, "engine": "native"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("emulators")


@pytest.fixture(scope="module")
def networks(folder):
    """The same networks as columns, as one field, and as patches of fields."""
    return {
        "columns": export(folder, Network(False)),
        "whole": export(folder, Network(True), (16, 20)),
        "patches": export(folder, Network(True), (4, 10)),
    }


def spun_up(**entries) -> ShallowWaterModel:
    """A model with some flow in it."""
    model = ShallowWaterModel(**entries)
    rng = np.random.default_rng(3)
    for name, amplitude in ((U, 0.3), (V, 0.3), (H, 30.0)):
        model.set(name, amplitude * rng.normal(size=model.shape))
    return model


def test_both_forms_and_any_patches_have_the_same_bits(networks):
    states = []
    for path in networks.values():
        with spun_up(momentum="emulator", momentum_file=path, viscosity=3000.0, **GRID) as model:
            model.compute_tendencies()
            forcing = model.get(FX)
            assert np.abs(forcing).max() > 1e-9 and np.all(forcing[:, -1] == 0.0) and np.all(model.get(FY)[0] == 0.0)
            model.step(20)
            states.append(b"".join(model.get(name).tobytes() for name in (U, V, H)))
    assert len(set(states)) == 1


@pytest.mark.parametrize("domain, walls", [("closed", "no_slip"), ("closed", "free_slip"), ("channel", "no_slip")])
def test_the_emulator_reads_what_python_gathers(networks, domain, walls):
    """Stencils of the data set through the same engine give the host's forcing, to the bit."""
    entries = {**GRID, "domain": domain, "walls": walls}
    with spun_up(momentum="emulator", momentum_file=networks["columns"], **entries) as model:
        model.compute_tendencies()
        found = model.get(FX), model.get(FY)
        fields = {name: model.get(name) for name in (U, V, H, TX)}
    outputs = {name: np.empty(found[0].size, np.float32) for name in (FX, FY)}
    with Emulator.open(networks["columns"], "native") as emulator:
        for name, field in fields.items():
            gathered = stencils(name, field, domain=domain, walls=walls).reshape(-1, 9).astype(np.float32)
            emulator.bind(f"{name}_stencil", gathered)
        for name, values in outputs.items():
            emulator.bind(name, values)
        emulator.run()
    east, south = (slice(None), slice(None, -1)), (slice(1, None), slice(None))
    for name, values, faces in ((FX, found[0], east), (FY, found[1], south)):
        expected = outputs[name].reshape(values.shape).astype(np.float64)
        faces = faces if domain == "closed" or name == FY else (slice(None), slice(None))
        assert np.array_equal(values[faces], expected[faces]), name


def test_the_formula_as_an_emulator_is_the_host_with_single_precision(folder):
    """Relative difference of the forcing 1e-6; of the thickness after ten days 1e-5."""
    path = export(folder, Forcing(False))
    with spun_up(**GRID) as exact, spun_up(momentum="emulator", momentum_file=path, **GRID) as emulated:
        for model in (exact, emulated):
            model.compute_tendencies()
        for name in (FX, FY):
            scale = np.abs(exact.get(name)).max()
            np.testing.assert_allclose(emulated.get(name), exact.get(name), rtol=0.0, atol=1e-6 * scale)
        for model in (exact, emulated):
            model.set(H, np.zeros(model.shape))
            model.set(U, np.zeros(model.shape))
            model.set(V, np.zeros(model.shape))
            model.step(480)
        h = exact.get(H)
        assert np.abs(h).max() > 3.0
        np.testing.assert_allclose(emulated.get(H), h, rtol=0.0, atol=1e-5 * np.abs(h).max())


def test_transports_keep_mass_whatever_they_are(folder):
    path = export(folder, Transports(True, leak=3.0), (8, 10))
    with spun_up(thickness="emulator", thickness_file=path, **GRID) as model, spun_up(**GRID) as exact:
        before = model.number("mean_layer_thickness_anomaly")
        model.compute_tendencies()
        exact.compute_tendencies()
        inside = (slice(1, -1), slice(1, -1))  # the leak has no divergence but at walls
        scale = np.abs(exact.get(DH)).max()
        np.testing.assert_allclose(model.get(DH)[inside], exact.get(DH)[inside], rtol=0.0, atol=1e-6 * scale)
        assert np.abs(model.get(DH) - exact.get(DH))[:, 0].max() > 1e-4
        model.step(50)
        assert abs(model.number("mean_layer_thickness_anomaly") - before) < 1e-12


def test_projection_keeps_the_mass_that_a_biased_tendency_loses(folder):
    path, bias = export(folder, Tendency(False, 1e-6)), 1e-6
    ends = {}
    for mass in ("none", "projection"):
        with ShallowWaterModel(thickness="emulator", thickness_file=path, mass=mass, **GRID) as model:
            model.step(480)
            ends[mass] = model.number("mean_layer_thickness_anomaly")
    assert ends["none"] == pytest.approx(480 * 1800.0 * bias, rel=1e-3)
    assert abs(ends["projection"]) < 1e-12


FILES = {"restart_out": "restart.nc", "pair_file": "pairs.nc"}
COMMON = {**GRID, "n_days": 3.0, "perturbation": 5.0, "pair_interval_steps": 50, "viscosity": 3000.0, **FILES}


def test_ranks_with_emulators_have_the_bits_of_one(tmp_path, folder, networks):
    """Momentum by patches, transports by columns; also with a tendency that is projected."""
    transports, tendency = export(folder, Transports(False, leak=1.0)), export(folder, Tendency(False, 1e-6))
    entries = {"momentum": "emulator", "momentum_file": networks["patches"], "thickness": "emulator"}
    for thickness in ({"thickness_file": transports}, {"thickness_file": tendency, "mass": "projection"}):
        runs = []
        for ranks, layout in ((1, {}), (2, {"ranks_y": 2}), (4, {"ranks_x": 2})):
            run_well(tmp_path, ranks, **COMMON, **entries, **thickness, **layout)
            runs.append(variables(*(tmp_path / name for name in ("shallow_water.nc", *FILES.values()))))
        assert different(runs[0], runs[1]) == [] and different(runs[0], runs[2]) == []


def test_noise_and_memory_survive_ranks_and_restarts(tmp_path, folder):
    entries = {**COMMON, "momentum": "emulator", "momentum_file": export_gusts(folder), "seed": 7, "member": 2}
    run_well(tmp_path, **entries)
    whole = variables(tmp_path / "restart.nc")
    run_well(tmp_path, 2, **entries)
    state = [name for name in whole if "memory" not in name[1]]
    parallel = variables(tmp_path / "restart.nc")
    assert all(whole[name].tobytes() == parallel[name].tobytes() for name in state)
    run_well(tmp_path, 2, **{**entries, "n_days": 1.0, "restart_out": "part.nc"})
    run_well(tmp_path, 4, **{**entries, "n_days": 2.0, "restart_in": "part.nc", "perturbation": 0.0})
    continued = variables(tmp_path / "restart.nc")
    assert all(whole[name].tobytes() == continued[name].tobytes() for name in state)
    run_well(tmp_path, **{**entries, "member": 3})
    other = variables(tmp_path / "restart.nc")
    assert whole["restart.nc", H].tobytes() != other["restart.nc", H].tobytes()


@pytest.mark.parametrize(
    "entries, message",
    [
        ({"momentum": "emulator", "momentum_file": "tendency"}, "but thickness = 'analytic'"),
        (
            {
                "momentum": "emulator",
                "momentum_file": "tendency",
                "thickness": "emulator",
                "thickness_file": "tendency",
            },
            "no emulator file gives 'tendency_of_sea_water_x_velocity_due_to_forcing'",
        ),
        ({"thickness": "emulator", "thickness_file": "columns"}, "but momentum = 'analytic'"),
        ({"momentum": "emulator", "momentum_file": "columns", "momentum_y_file": "whole"}, "two emulator files give"),
        ({"momentum": "emulator", "momentum_file": "whole", "nx": 21}, "it is of fields of 20 x 16 points"),
        ({"momentum": "emulator", "momentum_file": "columns", "engine": "fast"}, "fast"),
    ],
)
def test_emulators_that_do_not_fit_are_refused(folder, networks, entries, message):
    paths = {**networks, "tendency": export(folder, Tendency(False, 1e-6))}
    given = {**GRID, **{key: paths.get(value, value) for key, value in entries.items()}}
    with pytest.raises(ShallowWaterError, match=message) as caught:
        ShallowWaterModel(**given)
    assert caught.value.status == 2


def test_a_variable_that_the_host_does_not_have_is_named(tmp_path):
    class Salty(torch.nn.Module):
        def forward(self, u, salt):
            return (u[:, 4] * salt,)

    inputs = [Variable.of(f"{U}_stencil", dtype="float32"), plain("salinity", ("column",))]
    described = card("salty", inputs, [Variable.of(FX, dtype="float32")], dimensions={"stencil": 9})
    path = tmp_path / "salty.onnx"
    export_onnx(Salty(), described, {f"{U}_stencil": np.ones((4, 9)), "salinity": np.ones(4)}, path)
    with pytest.raises(ShallowWaterError, match="input 'salinity' is none of this host's"):
        ShallowWaterModel(momentum="emulator", momentum_file=path, **GRID)


def plain(name: str, dims: tuple[str, ...]) -> Variable:
    return Variable(name=name, standard_name=name, units="1", dims=dims, dtype="float32")
