"""The learned forcing of the shallow-water host: what it sees, both of its forms, training to a known answer."""

import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from pyemu.cli import app
from pyemu.data.shallow_water import FORCING
from pyemu.nn.stencil_perceptron import StencilPerceptron
from pyemu.runtime import Emulator
from pyemu.train.schedule import descent
from pyemu.zoo import system
from pyemu.zoo.brajard_forcing import IMAGE, INPUTS, Forcing, ForcingOfFields


@pytest.fixture
def forcing() -> Forcing:
    torch.manual_seed(3)
    found = system("brajard_forcing").build()
    for one in found.components.values():
        one.input_mean.uniform_(-1.0, 1.0)
        one.input_std.uniform_(0.5, 2.0)
        one.output_mean.fill_(0.1)
        one.output_std.fill_(3.0)
    return found


def test_numbers_of_parameters_are_those_of_27_32_1_and_18_32_1(forcing: Forcing) -> None:
    counts = [sum(weights.numel() for weights in one.parameters()) for one in forcing.components.values()]
    assert counts == [27 * 32 + 32 + 32 + 1, 18 * 32 + 32 + 32 + 1]


def test_each_component_sees_what_is_published(forcing: Forcing) -> None:
    stencils = [torch.randn(5, 9) for _ in INPUTS]
    before = forcing(*stencils)
    stencils[INPUTS.index("sea_water_y_velocity")] += 1.0
    x, y = forcing(*stencils)
    assert torch.equal(x, before[0]) and not torch.equal(y, before[1])
    stencils[INPUTS.index("surface_downward_x_stress")] += 1.0
    assert not torch.equal(forcing(*stencils)[0], x) and torch.equal(forcing(*stencils)[1], y)


def test_an_image_is_its_cells(forcing: Forcing) -> None:
    fields = [torch.randn(2, 7, 9) for _ in INPUTS]
    stencils = [
        torch.stack([field[:, j : j + 5, i : i + 7] for j in range(3) for i in range(3)], dim=-1).reshape(-1, 9)
        for field in fields
    ]
    for image, cells in zip(ForcingOfFields(forcing)(*fields), forcing(*stencils), strict=True):
        torch.testing.assert_close(image.reshape(-1), cells, rtol=1e-5, atol=1e-6)


def test_a_linear_operator_is_learned() -> None:
    torch.manual_seed(0)
    laplacian = torch.tensor([0.0, 1.0, 0.0, 1.0, -4.0, 1.0, 0.0, 1.0, 0.0])
    stencils = 0.2 * torch.randn(4000, 9) + 3.0
    truth = 1e-7 * (stencils @ laplacian)
    network = StencilPerceptron(["sea_water_x_velocity"])
    network.fit_statistics([stencils.numpy()], truth.numpy())
    wanted = (truth - network.output_mean) / network.output_std
    descent(network.parameters(), lambda: (network.standardised([stencils]) - wanted).square().mean(), 500, 1e-2)
    with torch.no_grad():
        assert float(np.corrcoef(network(stencils), truth)[0, 1]) > 0.999


def test_trained_by_the_command_it_scores_and_both_files_run_alike(tmp_path) -> None:
    folders = ["--output-dir", str(tmp_path / "runs"), "--cache-dir", str(tmp_path / "cache"), "--budget", "smoke"]
    command("train", "brajard_forcing", *folders)
    scores = command("evaluate", "brajard_forcing", *folders)["scores"]
    for axis in ("x", "y"):
        assert scores[f"offline_brajard_forcing_correlation_{axis}"]["value"] > 0.998
    columns, image = (tmp_path / "runs" / f"brajard_forcing-perceptron{name}.onnx" for name in ("", f"-{IMAGE}"))
    rng = np.random.default_rng(0)
    fields = {name: 0.1 * rng.normal(size=(1, 82, 82)).astype(np.float32) for name in INPUTS}
    stencils = {
        f"{name}_stencil": np.stack(
            [field[0, j : j + 80, i : i + 80] for j in range(3) for i in range(3)], axis=-1
        ).reshape(-1, 9)
        for name, field in fields.items()
    }
    found = [ran(columns, stencils, (6400,)), ran(image, fields, (1, 80, 80))]
    for name in FORCING:
        np.testing.assert_allclose(found[1][name].ravel(), found[0][name], rtol=1e-4, atol=1e-12)


def command(*arguments: str) -> dict:
    done = CliRunner().invoke(app, ["--debug", *arguments, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def ran(path, inputs, shape) -> dict[str, np.ndarray]:
    outputs = {name: np.zeros(shape, np.float32) for name in FORCING}
    with Emulator.open(path, "native") as emulator:
        for name, values in (inputs | outputs).items():
            emulator.bind(name, np.ascontiguousarray(values) if name in inputs else outputs[name])
        emulator.run(1)
    return outputs
