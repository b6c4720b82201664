"""Moist physics of PlaSim: what closes by construction closes for any weights, and what is exported is what was trained."""

from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor

from pyemu.emulator import Card
from pyemu.emulator.errors import ExportError
from pyemu.emulator.export import export_onnx
from pyemu.emulator.from_checkpoint import checkpoint_card
from pyemu.emulator.from_forest import export_forest
from pyemu.nn.moist_column import ConservingMoist, FreeMoist, Step, column_of, flat, unflat
from pyemu.physics import condensation
from pyemu.physics.condensation import Changes, Transfers
from pyemu.runtime import Emulator
from pyemu.train.plasim_moist import forest as forests
from pyemu.train.plasim_moist.dataset import FILE, Columns, data_file, held_out, load
from pyemu.train.plasim_moist.recipe import MoistRecipe
from pyemu.train.plasim_moist.scores import dried_below_zero, residuals_of, scores
from pyemu.train.recipe import Run
from pyemu.zoo.checkpoint import Checkpoint
from pyemu.zoo.plasim_moist import INPUTS, OUTPUTS, PLASIM_MOIST, rates

N = 10


def columns_of(n: int, seed: int = 1) -> Step:
    """Random columns from polar to tropical, a few humidities below zero as spectral transport leaves them."""
    random = np.random.default_rng(seed)
    surface = random.uniform(240.0, 305.0, n)
    pressure = random.uniform(5e4, 1.05e5, (n, 1)) * np.linspace(0.0, 1.0, N + 1)[None] ** 1.3
    layers = 0.5 * (pressure[:, 1:] + pressure[:, :-1])
    temperature = np.maximum(190.0, surface[:, None] * (layers / pressure[:, -1:]) ** 0.19) + random.normal(
        0, 2, (n, N)
    )
    saturated = condensation.saturation(torch.from_numpy(temperature), torch.from_numpy(layers))[0].numpy()
    humidity = saturated * random.uniform(-0.02, 1.2, (n, N))
    values = (
        temperature,
        humidity,
        random.normal(0.0, 3e-5, (n, N)),
        random.normal(0.0, 1e-8, (n, N)),
        random.normal(0.0, 1e-8, (n, N)),
        pressure,
        surface,
        1.1 * humidity[:, -1],
        random.choice([2400.0, 5400.0], n),
    )
    return Step(*(torch.from_numpy(np.ascontiguousarray(one)) for one in values))


def condense(step: Step) -> Changes:
    """A scheme of the tests: what exceeds saturation rains out, a third of it as convection."""
    column = column_of(step)
    rain = torch.minimum(column.excess.clamp(min=0.0), column.available)
    none = torch.zeros_like(rain)
    flux = none[:, :-1]
    transfers = Transfers(rain / 3.0, 2.0 * rain / 3.0, flux, flux, none, none)
    return condensation.close(
        transfers, column.available, column.mass, step.temperature, step.humidity, step.surface_temperature
    )


def wild(n: int, seed: int) -> Transfers:
    """Transfers far beyond what a column has."""
    generator = torch.Generator().manual_seed(seed)

    def draw(width: int) -> Tensor:
        return torch.randn(n, width, generator=generator).double()

    return Transfers(
        convective=0.02 * draw(N).clamp(min=0.0),
        stratiform=0.02 * draw(N).clamp(min=0.0),
        water=100.0 * draw(N - 1),
        heat=1e7 * draw(N - 1),
        convective_loss=torch.sigmoid(draw(N)),
        stratiform_loss=torch.sigmoid(draw(N)),
    )


@pytest.mark.parametrize("seed", range(3))
def test_wild_transfers_close_and_leave_no_negative_water(seed: int) -> None:
    step = columns_of(500, seed)
    column = column_of(step)
    found = condensation.close(
        wild(500, seed), column.available, column.mass, step.temperature, step.humidity, step.surface_temperature
    )
    water, energy = residuals_of(found, step)
    assert water.abs().max() < 1e-16 * 1e2 and energy.abs().max() < 1e-8  # of flows of 0.05 kg m-2 s-1 and 1e4 W m-2
    assert not dried_below_zero(found, step).any()
    assert min(found.convective_fall.min(), found.stratiform_fall.min(), found.snow.min()) >= 0.0
    assert found.humidity.abs().max() > 1e-3  # and something has happened


def test_modest_transfers_are_not_limited() -> None:
    step = columns_of(50)
    column = column_of(step)
    nothing = torch.zeros(50, N).double()
    flux = 1e-6 * torch.ones(50, N - 1).double()
    plenty = column.available + 0.01
    found = condensation.close(
        Transfers(nothing, nothing, flux, nothing[:, :-1], nothing, nothing),
        plenty, column.mass, step.temperature, step.humidity, step.surface_temperature,
    )  # fmt: skip
    expected = torch.zeros(50, N).double()
    expected[:, 0], expected[:, -1] = -1e-6, 1e-6
    torch.testing.assert_close(found.humidity * column.mass, expected, rtol=0.0, atol=1e-18)


def test_snow_melts_where_it_falls_into_warm_air() -> None:
    step = columns_of(2)
    temperature = torch.full((2, N), 280.0).double()
    temperature[:, :4] = 250.0
    surface = torch.tensor([280.0, 260.0]).double()
    mass = torch.full((2, N), 1000.0).double()
    rain = torch.zeros(2, N).double()
    rain[:, 0] = 1e-4  # 0.1 kg m-2, as snow
    none = torch.zeros(2, N).double()
    found = condensation.close(
        Transfers(none, rain, none[:, :-1], none[:, :-1], none, none), none + 0.01, mass, temperature, none, surface
    )
    heat = found.temperature * condensation.HEAT_CAPACITY * mass
    fusion = 0.1 * condensation.FUSION
    np.testing.assert_allclose(heat[:, 0], 0.1 * condensation.VAPORIZATION + fusion, rtol=1e-12)
    np.testing.assert_allclose(heat[:, 4], -fusion, rtol=1e-9)  # the first warm layer
    np.testing.assert_allclose(heat[:, -1], [0.0, fusion], atol=1e-9)  # the ground freezes it again
    np.testing.assert_allclose(found.snow, [0.0, 0.1], atol=1e-15)
    assert step.temperature.shape == (2, N)


def fitted(name: str, seed: int = 5) -> ConservingMoist | FreeMoist:
    """An untrained network with the statistics of columns."""
    torch.manual_seed(seed)
    network = PLASIM_MOIST.build(name).double()
    assert isinstance(network, ConservingMoist | FreeMoist)
    step = columns_of(2000, 7)
    network.fit_statistics(step, condense(step))
    network.perceptron.float()
    return network.eval()


def test_only_the_conserving_network_closes_for_any_weights() -> None:
    step = columns_of(300, 11)
    with torch.no_grad():
        kept, free = (fitted(name)(step) for name in ("conserving", "unconstrained"))
    assert residuals_of(kept, step)[0].abs().max() < 1e-15 and residuals_of(kept, step)[1].abs().max() < 1e-9
    assert residuals_of(free, step)[0].abs().max() > 1e-6
    assert not dried_below_zero(kept, step).any() and dried_below_zero(free, step).any()
    torch.testing.assert_close(flat(unflat(flat(free), N)), flat(free))


def checkpoint_of(name: str) -> Checkpoint:
    """Of an untrained network."""
    step = columns_of(32, 13)
    inputs = dict(zip(INPUTS, step, strict=True))
    ranges = {
        n: (torch.atleast_1d(v.amin(0)).tolist(), torch.atleast_1d(v.amax(0)).tolist()) for n, v in inputs.items()
    }
    return Checkpoint("plasim_moist", name, fitted(name).state_dict(), {}, "0" * 64, ranges, inputs)


def written(name: str, path: Path) -> tuple[Checkpoint, Card]:
    """The emulator file of an untrained network."""
    checkpoint = checkpoint_of(name)
    card = checkpoint_card(checkpoint)
    export_onnx(PLASIM_MOIST.emulator(checkpoint.build()), card, checkpoint.reference_inputs, path)
    return checkpoint, card


@pytest.mark.parametrize("engine", ["native", "onnxruntime"])
def test_the_exported_network_closes_in_every_engine(engine: str, tmp_path: Path) -> None:
    checkpoint, _ = written("conserving", tmp_path / "moist.onnx")
    step = columns_of(100, 17)
    found = run(tmp_path / "moist.onnx", engine, step)
    network = checkpoint.build()
    with torch.no_grad():
        wanted = rates(network(step), step.time_step)
    for name, values in zip(OUTPUTS, wanted, strict=True):
        np.testing.assert_allclose(found[name], values, rtol=1e-3, atol=2e-4 * float(values.abs().max()))
    changes = Changes(*(torch.from_numpy(found[name]) for name in OUTPUTS))
    per_second = step._replace(time_step=torch.ones_like(step.time_step))  # what was found are rates
    water, energy = residuals_of(changes, per_second)
    assert water.abs().max() < 1e-17 and energy.abs().max() < 1e-10


def run(path: Path, engine: str, step: Step) -> dict[str, np.ndarray]:
    """Outputs of a file through libpyemu."""
    n = len(step.temperature)
    outputs = {name: np.zeros((n, N) if i < 4 else n) for i, name in enumerate(OUTPUTS)}
    with Emulator.open(path, engine=engine) as emulator:
        for name, values in zip(INPUTS, step, strict=True):
            emulator.bind(name, values.numpy())
        for name, array in outputs.items():
            emulator.bind(name, array)
        emulator.run()
    return outputs


def test_a_card_that_claims_water_is_not_written_for_a_network_that_makes_some(tmp_path: Path) -> None:
    checkpoint = checkpoint_of("unconstrained")
    card = checkpoint_card(checkpoint)
    strict = card.budgets[0].model_copy(update={"tolerance": 1e-14})
    with pytest.raises(ExportError, match="budget 'column_water' does not close"):
        export_onnx(
            PLASIM_MOIST.emulator(checkpoint.build()),
            card.model_copy(update={"budgets": (strict,)}),
            checkpoint.reference_inputs,
            tmp_path / "moist.onnx",
        )
    assert not (tmp_path / "moist.onnx").exists()


def test_a_forest_runs_as_it_was_grown(tmp_path: Path) -> None:
    step = columns_of(3000, 19)
    columns = Columns(step, condense(step), "0" * 64)
    forest = forests.grow(columns, forests.Size(3000, 4, 5), seed=3)
    few = Step(*(values[:32] for values in step))
    card = checkpoint_card(checkpoint_of("unconstrained"))
    path = tmp_path / "forest.onnx"
    inputs = dict(zip(INPUTS, few, strict=True))
    export_forest(forest.trees, forest.before, forest.after, ("time_step_of_tendencies",), card, inputs, path)
    found = run(path, "onnxruntime", step)
    wanted = rates(forest.increments(step), step.time_step)
    for name, values in zip(OUTPUTS, wanted, strict=True):
        moved = np.abs(found[name] - values.numpy()).reshape(len(step.temperature), -1).max(axis=1)
        assert np.mean(moved > 1e-5 * float(values.abs().max())) < 0.02, name  # thresholds met by a last bit
    rain = wanted.stratiform_fall.numpy()
    assert np.corrcoef(found[OUTPUTS[5]], rain)[0, 1] > 0.99


def test_a_forest_that_differs_from_its_graph_is_not_written(tmp_path: Path) -> None:
    step = columns_of(500, 19)
    forest = forests.grow(Columns(step, condense(step), "0" * 64), forests.Size(500, 2, 5), seed=3)
    inputs = {name: values[:32] for name, values in zip(INPUTS, step, strict=True)}
    card = checkpoint_card(checkpoint_of("unconstrained"))
    right = forest.trees.predict
    forest.trees.predict = lambda features: right(features) + 1.0
    path = tmp_path / "forest.onnx"
    with pytest.raises(ExportError, match="in 32 of 32 reference columns, expected at most 6"):
        export_forest(forest.trees, forest.before, forest.after, ("time_step_of_tendencies",), card, inputs, path)
    assert not list(tmp_path.iterdir())


def recorded(folder: Path, n: int = 4000) -> Path:
    """A file of columns as ``pyemu data from-record`` leaves them, labelled by the scheme of the tests."""
    step = columns_of(n, 23)
    outputs = rates(condense(step), step.time_step)
    variables = {}
    for name, values in zip((*INPUTS, *OUTPUTS), (*step, *outputs), strict=True):
        dims = ("column", "interface" if name == "air_pressure_at_interfaces" else "layer")[: values.ndim]
        variables[name] = (dims, values.numpy())
    variables["step"] = ("column", np.arange(n))
    folder.mkdir(parents=True, exist_ok=True)
    xr.Dataset(variables).to_netcdf(folder / FILE)
    return folder / FILE


def test_data_are_split_by_stretches_of_time(tmp_path: Path) -> None:
    splits = load(recorded(tmp_path))
    assert len(splits["train"]) + len(splits["test"]) == 4000
    assert len(splits["test"]) == 640  # 320 steps in every 1600
    assert held_out(np.array([0, 1279, 1280, 1599, 1600])).tolist() == [False, False, True, True, False]
    with pytest.raises(FileNotFoundError, match="plasim_moist.py data"):
        data_file(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["conserving", "unconstrained"])
def test_training_learns_a_scheme(name: str, tmp_path: Path) -> None:
    recorded(tmp_path)
    run = Run(name, "smoke", tmp_path, tmp_path, 1, 1, 3.0, False, ())
    checkpoint = MoistRecipe().fit(PLASIM_MOIST, run)
    losses = checkpoint.training["losses"]
    assert losses[-1] < 0.7 * losses[0]
    found = MoistRecipe().evaluate(PLASIM_MOIST, checkpoint, tmp_path, "smoke")["held_out"]
    assert found["explained_variance"]["moistening"] > 0.3
    assert (found["water_residual_max"] < 1e-15) == PLASIM_MOIST.closes(name)
    with pytest.raises(ValueError, match="alone"):
        MoistRecipe().fit(PLASIM_MOIST, Run(name, "smoke", tmp_path, tmp_path, 1, 1, 1.0, False, (tmp_path,)))


def test_scores_of_the_truth_are_perfect() -> None:
    step = columns_of(100, 29)
    truth = condense(step)
    found = scores(lambda _: truth, Columns(step, truth, ""))
    assert found["explained_variance"]["heating"] == 1.0 and abs(found["precipitation_bias"]) < 1e-15
    assert found["energy_residual_max"] < 1e-9
