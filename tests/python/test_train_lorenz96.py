"""Training of the closures of Lorenz '96: optima that are known, runs that are the host's, and all of it by command."""

import functools
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from pyemu import fill_noise
from pyemu.cli import app
from pyemu.data import lorenz96
from pyemu.emulator import EmulatorFile
from pyemu.emulator.verify import verify
from pyemu.hosts.lorenz96 import Lorenz96Model, one_scale_tendency
from pyemu.nn.gagne_gan import Affine, Generator
from pyemu.nn.subgrid_closure import SubgridClosure
from pyemu.nn.subgrid_flow import FlowSampler
from pyemu.physics.lorenz96 import advance, slow_tendency
from pyemu.train import fit
from pyemu.train.lorenz96.crps import Memory, Runs, Size, fit_one_step
from pyemu.train.lorenz96.flow import latent_memory, train_flow
from pyemu.train.lorenz96.gan import train_gan
from pyemu.train.lorenz96.rows import Rows, Series, resolved_tendency
from pyemu.train.lorenz96.scores import predict, residual
from pyemu.zoo import load_checkpoint
from pyemu.zoo.lorenz96 import AUTOCORRELATION, NOISE, PREVIOUS, SLOW
from pyemu.zoo.lorenz96_gan import CONFIGURATIONS

Cubic = (0.334, 1.302, -0.0127, -0.0024)


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lorenz96")


def run(*arguments: object) -> dict:
    done = CliRunner().invoke(app, ["--debug", *map(str, arguments), "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def trained(cache: Path, tmp_path_factory: pytest.TempPathFactory):
    @functools.cache
    def train(name: str, network: str) -> dict:
        folder = tmp_path_factory.mktemp("runs")
        options = ["--budget", "smoke", "--cache-dir", cache, "--output-dir", folder]
        return run("train", name, "--network", network, *options)

    return train


def toy_rows(n: int = 40_000) -> Rows:
    """U = 2 + 3 X + N(0, 1.5), and a last U that says nothing."""
    random = np.random.default_rng(0)
    x = random.normal(1, 2, n)
    u = 2 + 3 * x + 1.5 * random.normal(size=n)
    return Rows(np.stack([x, random.normal(size=n)], axis=1).astype(np.float32), u.astype(np.float32))


@pytest.mark.parametrize(
    ("name", "network", "variants"),
    [
        ("lorenz96_gan", "x_med", ("white", "red")),
        ("lorenz96_crps", "xu", ("red",)),
        ("lorenz96_flow", "x", ("red", "white")),
    ],
)
def test_a_system_trains_by_command_up_to_verified_files(name: str, network: str, variants, trained) -> None:
    made = trained(name, network)
    assert [Path(file).exists() for file in made["files"]] == [True] * len(variants)
    checkpoint = load_checkpoint(Path(made["checkpoint"]))
    assert checkpoint.network == network and checkpoint.training["budget"]["name"] == "smoke"
    for file, variant in zip(made["files"], variants, strict=True):
        found = EmulatorFile.open(Path(file))
        noise = next(item for item in found.card.inputs if item.name == NOISE).noise
        assert noise.ar1 == (checkpoint.training[AUTOCORRELATION] if variant == "red" else 0.0)
        assert found.card.provenance.training["variant"] == variant
        assert found.card.provenance.data_sha256 == checkpoint.data_sha256
        assert found.card.inputs[0].training_range.maximum[0] > 10
    assert verify(found, legs=["onnxruntime", "native"], module=None).passed


@pytest.mark.parametrize(("name", "network"), [("lorenz96_gan", "x_med"), ("lorenz96_flow", "x")])
def test_scores_by_command(name: str, network: str, trained, cache: Path) -> None:
    checkpoint = trained(name, network)["checkpoint"]
    found = run("evaluate", checkpoint, "--budget", "smoke", "--cache-dir", cache)
    (evaluation,) = found["evaluations"]
    offline = evaluation["offline"]
    assert evaluation["parameters"] == {"x_med": 339, "x": 353}[network]
    assert 0 < offline["squared_hellinger"] < 0.3 and 0.9 < offline["residual_autocorrelation"] < 1
    assert found["scores"][f"offline_{name}_{network}_crps"]["value"] == offline["crps"]
    if name == "lorenz96_gan":
        assert offline["published offline squared Hellinger distance of U"] == 0.0588
    if name == "lorenz96_flow":  # trained for a second, better than the cubic with white noise, 1.81 / sqrt(pi)
        assert offline["crps"] < 1.02 and offline["squared_hellinger"] < 0.01


def test_a_variant_is_chosen_by_command(trained, tmp_path: Path) -> None:
    made = trained("lorenz96_gan", "x_med")
    run("export", made["checkpoint"], "--variant", "red", "-o", tmp_path / "red.onnx")
    assert "red" in EmulatorFile.open(tmp_path / "red.onnx").card.summary
    done = CliRunner().invoke(
        app, ["export", made["checkpoint"], "--variant", "pink", "-o", str(tmp_path / "pink.onnx")]
    )
    assert done.exit_code == 1 and "no variant 'pink'; variants: white, red" in done.stderr


def test_columns_besides_the_truth_are_refused(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="takes no more columns"):
        fit("lorenz96_gan", budget_name="smoke", cache_dir=cache, output_dir=tmp_path, more=[Path("more.nc")])


def test_the_same_seed_gives_the_same_gan_and_another_another() -> None:
    rows = Rows(toy_rows().inputs[:4096], toy_rows().outputs[:4096])
    closures = [train_gan(CONFIGURATIONS["xu_med"], rows, epochs=2, batch=256, seed=seed)[0] for seed in (1, 1, 2)]
    first, again, other = (torch.cat([values.flatten() for values in c.state_dict().values()]) for c in closures)
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_the_score_of_one_step_has_its_optimum_at_the_true_distribution() -> None:
    torch.manual_seed(1)
    rows = toy_rows()
    closure = SubgridClosure(Generator(1, 0.1, Affine()), 1)
    closure.fit_statistics(rows.inputs[:, :1], rows.outputs)
    losses = fit_one_step(closure, rows, steps=800, batch=1024)
    sd = 1.5 / float(closure.output_std)
    optimum = sd / math.sqrt(math.pi) * (2 - (1 - 0.05 / 2))  # of two members, almost fair with alpha 0.95
    assert np.mean(losses[-10:]) == pytest.approx(optimum, rel=0.03)
    samples = predict(closure, Rows(rows.inputs[:4000], rows.outputs[:4000]), seed=1, samples=50)
    expected = 2 + 3 * rows.inputs[:4000, 0]
    assert np.abs(samples.mean(0) - expected).mean() < 0.3
    assert samples.std(0).mean() == pytest.approx(1.5, rel=0.12)


def two_humps(n: int, phi: float = 0.9) -> Series:
    """At each of 8 places an AR(1) process z, and U the place to which it is carried: two humps."""
    random = np.random.default_rng(4)
    z = np.empty((n, 8))
    z[0] = random.normal(size=8)
    for step in range(1, n):
        z[step] = phi * z[step - 1] + math.sqrt(1 - phi**2) * random.normal(size=8)
    return Series(random.normal(size=(n, 8)).astype(np.float32), (4 * np.tanh(2 * z) + z).astype(np.float32))


def test_a_flow_learns_a_distribution_that_is_not_normal_and_the_memory_behind_it() -> None:
    series = two_humps(6000)
    closure = SubgridClosure(FlowSampler(1), 1)
    rows = series.rows()
    train_flow(closure, rows, steps=1500, batch=1024, seed=1)
    made = predict(closure.eval(), rows, seed=3)[0]
    shares = np.linspace(0.05, 0.95, 10)
    np.testing.assert_allclose(np.quantile(made, shares), np.quantile(rows.outputs, shares), atol=0.45)
    between = [np.mean(np.abs(values) < 2) for values in (made, rows.outputs)]
    assert between[0] == pytest.approx(between[1], abs=0.05)
    assert latent_memory(closure, series) == pytest.approx(0.9, abs=0.03)


def test_the_residual_is_followed_in_time() -> None:
    """A closure that knows nothing leaves U itself."""
    series = two_humps(4000)
    closure = SubgridClosure(FlowSampler(1), 1).eval()
    with torch.no_grad():
        closure.sampler.velocity.layers[-1].weight.zero_()
        closure.sampler.velocity.layers[-1].bias.zero_()
    found = residual(closure, series)
    assert found.sd == pytest.approx(float(series.u[1:].std()), rel=1e-5)
    u = series.u[1:].astype(np.float64)
    assert found.autocorrelation == pytest.approx(np.corrcoef(u[:-1].ravel(), u[1:].ravel())[0, 1], abs=1e-6)


def test_tendencies_in_torch_are_those_of_the_host() -> None:
    x, u = np.random.default_rng(1).normal(3, 5, size=(2, 8))
    found = slow_tendency(torch.from_numpy(x), torch.from_numpy(u)).numpy()
    np.testing.assert_allclose(found, one_scale_tendency(x) - u, rtol=1e-14, atol=1e-12)


class Polynomial(SubgridClosure):
    """The cubic of X, which needs no noise."""

    n_noise = 1

    def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
        x = tensors[0]
        return Cubic[0] + x * (Cubic[1] + x * (Cubic[2] + x * Cubic[3]))


def test_runs_in_training_are_scored_against_what_follows_their_start() -> None:
    """A truth that the closure itself has made is met, whatever the start, and another truth is not."""
    closure = Polynomial(FlowSampler(2), 2)
    x = [3 + np.random.default_rng(2).normal(size=8)]
    with Lorenz96Model(model="one_scale", scheme="polynomial", coefficients=Cubic) as host:
        host.set(SLOW, x[0][None])
        for _ in range(120):
            host.step()
            x.append(host.get(SLOW)[0])
    series = diagnosed(np.array(x))
    size = Size(steps=1, batch=1, runs=1, starts=16, length=20)

    def loss(truth: Series) -> float:
        torch.manual_seed(1)
        return float(Runs(closure, Memory(), truth, size).loss())

    assert loss(series) < 1e-3  # the truth's one U for both stages of a step is not quite what two calls make
    assert loss(diagnosed(1.02 * np.array(x))) > 1e-2


def diagnosed(x: np.ndarray) -> Series:
    """Records with the U of the forward difference."""
    u = resolved_tendency(x[:-1]) - np.diff(x, axis=0) / 0.005
    return Series(x[:-1].astype(np.float32), u.astype(np.float32))


def test_the_tendency_of_steps_takes_the_model_from_record_to_record() -> None:
    x = 3 + 4 * np.random.default_rng(5).normal(size=(1, 8))
    records = [x[0]]
    with Lorenz96Model(model="one_scale", scheme="polynomial", coefficients=(1.5,)) as host:
        host.set(SLOW, x)
        for _ in range(20):
            host.step()
            records.append(host.get(SLOW)[0])
    series = diagnosed(np.array(records))
    np.testing.assert_allclose(series.of_steps().u, 1.5, atol=2e-3)  # of X in float32, differenced over 0.005
    assert np.abs(series.u - 1.5).max() > 0.5


def test_a_run_in_training_is_the_run_of_the_host(trained) -> None:
    """The same weights and noise, the last U held during a step: differences grow from float32 rounding alone."""
    made = trained("lorenz96_crps", "xu")
    checkpoint, file = load_checkpoint(Path(made["checkpoint"])), EmulatorFile.open(Path(made["file"]))
    closure, phi = checkpoint.build(), checkpoint.training[AUTOCORRELATION]
    members, steps = 3, 40
    entries = {"scheme": "emulator", "emulator_file": made["file"], "engine": "native", "previous_tendency": "step"}
    random = np.random.default_rng(3)
    start, before = 3 + 4 * random.normal(size=(members, 8)), 3 + 4 * random.normal(size=(members, 8))
    with Lorenz96Model(model="one_scale", n_members=members, seed=5, **entries) as host:
        host.set(SLOW, start)
        host.set(PREVIOUS, before)
        ids = host.ids.ravel()
        host.step(steps)
        expected = host.get(SLOW)

    x, previous = torch.from_numpy(start), torch.from_numpy(before)
    noise, fresh = None, np.empty((ids.size, closure.n_noise), np.float32)
    with torch.no_grad():
        for step in range(1, steps + 1):
            fill_noise(fresh, ids=ids, seed=5, step=step, stream=file.card.noise_stream(NOISE))
            drawn = torch.from_numpy(fresh.copy())
            noise = drawn if noise is None else phi * noise + math.sqrt(1 - phi**2) * drawn
            held = (previous.flatten().float(), noise)

            def of(slow: torch.Tensor, held: tuple = held) -> torch.Tensor:
                return closure(slow.flatten().float(), *held).double().view_as(slow)

            x, previous = advance(x, of)
    np.testing.assert_allclose(x.numpy(), expected, rtol=0, atol=1e-4)


def test_a_full_truth_is_not_made_by_a_budget_that_is_not_there(cache: Path) -> None:
    done = CliRunner().invoke(app, ["train", "lorenz96_flow", "--budget", "lavish", "--cache-dir", str(cache)])
    assert done.exit_code == 1 and "choose one of: smoke, small, full" in done.stderr
    assert set(lorenz96.BUDGETS) == {"smoke", "small", "full"}
