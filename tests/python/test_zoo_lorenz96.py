"""Closures of Lorenz '96: what their layers do, and what their files say and do with noise."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy

from pyemu.emulator.export import export_onnx
from pyemu.emulator.from_checkpoint import checkpoint_card, export_variants
from pyemu.nn.gagne_gan import Affine, Discriminator, GaussianNoise, Generator, InputNoiseGenerator, kernels
from pyemu.nn.subgrid_closure import SubgridClosure
from pyemu.nn.subgrid_flow import FlowSampler
from pyemu.runtime import Emulator
from pyemu.train.lorenz96.gan import LEARNING_RATE, Game
from pyemu.zoo import SYSTEMS
from pyemu.zoo.checkpoint import Checkpoint
from pyemu.zoo.lorenz96 import AUTOCORRELATION, NOISE, PREVIOUS, SLOW, TENDENCY
from pyemu.zoo.lorenz96_gan import CONFIGURATIONS

NAMES = [name for name in SYSTEMS if name.startswith("lorenz96_")]
ALL = [(name, network) for name in NAMES for network in SYSTEMS[name].networks]


def untrained(name: str, network: str, autocorrelation: float = 0.9) -> Checkpoint:
    """A checkpoint with first weights, in plausible units."""
    torch.manual_seed(7)
    closure = SYSTEMS[name].build(network)
    assert isinstance(closure, SubgridClosure)
    random = np.random.default_rng(7)
    inputs = random.normal([3.8, 3.8][: closure.n_inputs], 5.0, size=(32, closure.n_inputs)).astype(np.float32)
    closure.fit_statistics(inputs, inputs[:, 0])
    names = (SLOW, PREVIOUS)[: closure.n_inputs]
    reference = {key: torch.from_numpy(values.copy()) for key, values in zip(names, inputs.T, strict=True)}
    return Checkpoint(
        system=name,
        network=network,
        state=closure.state_dict(),
        training={AUTOCORRELATION: autocorrelation},
        data_sha256="0" * 64,
        training_range={key: ([-10.0], [16.0]) for key in names},
        reference_inputs=reference | {NOISE: torch.randn(32, closure.n_noise)},
    )


def selu(values: np.ndarray) -> np.ndarray:
    """With the constants of Klambauer et al. 2017."""
    alpha, scale = 1.6732632423543772, 1.0507009873554805
    return scale * np.where(values > 0, values, alpha * np.expm1(values))


def test_all_thirteen_configurations_are_there_with_their_names() -> None:
    indices = {
        "xu_lrg_w_old": 100, "xu_med_w_old": 101, "xu_sml_w_old": 102, "xu_tny_w_old": 103, "x_sml_w_old": 202,
        "x_tny_w_old": 203, "xu_lrg": 700, "xu_med": 701, "xu_sml": 702, "xu_tny": 703, "x_med": 801, "x_sml": 802,
        "x_tny": 803,
    }  # fmt: skip
    assert {name: configuration.index for name, configuration in CONFIGURATIONS.items()} == indices
    assert set(SYSTEMS["lorenz96_gan"].model_card.published["offline squared Hellinger distance of U"]) == set(indices)


@pytest.mark.parametrize("n_inputs", [1, 2])
def test_the_generator_is_three_layers_with_noise_between_them(n_inputs: int) -> None:
    torch.manual_seed(1)
    network = Generator(n_inputs, 0.1).double().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        network.output.running_mean.fill_(0.3)
        network.output.running_var.fill_(1.7)
    inputs, noise = torch.randn(9, n_inputs).double(), torch.randn(9, n_inputs + 33).double()
    weights = {name: values.detach().numpy() for name, values in network.named_parameters()}
    x, z = inputs.numpy(), noise.numpy()
    first = np.concatenate([x + 0.1 * z[:, 1 : 1 + n_inputs], z[:, :1]], axis=1)
    hidden = selu(first @ weights["first.weight"].T + weights["first.bias"]) + 0.1 * z[:, 1 + n_inputs : 17 + n_inputs]
    hidden = selu(hidden @ weights["second.weight"].T + weights["second.bias"]) + 0.1 * z[:, 17 + n_inputs :]
    last = hidden @ weights["last.weight"].T + weights["last.bias"]
    expected = (last - 0.3) / np.sqrt(1.7 + 1e-3) * weights["output.weight"] + weights["output.bias"]
    np.testing.assert_allclose(network(inputs, noise).detach().numpy(), expected, rtol=1e-12, atol=1e-12)


def test_the_old_generator_has_one_number_of_noise_and_more_in_training_alone() -> None:
    network = InputNoiseGenerator(2, 0.5)
    inputs, noise = torch.randn(50, 2), torch.randn(50, 1)
    assert torch.equal(network.eval()(inputs, noise), network(inputs, noise))
    assert not torch.equal(network(inputs, noise), network(inputs, noise + 1))
    assert not torch.allclose(network.train()(inputs, noise), network(inputs, noise))


def test_noise_of_layers_has_its_standard_deviation_and_stands_before_each_hidden_layer() -> None:
    torch.manual_seed(2)
    layer, values = GaussianNoise(0.3).train(), torch.zeros(200_000)
    assert float(layer(values).std()) == pytest.approx(0.3, rel=0.01)
    assert torch.equal(layer.eval()(values), values)
    kinds = [type(part).__name__ for part in Discriminator(2, 0.1).hidden]
    assert kinds == ["GaussianNoise", "Linear", "SELU"] * 2


def test_the_penalty_is_that_of_kernels_added_to_the_loss() -> None:
    torch.manual_seed(3)
    inputs, samples, l2 = torch.randn(64, 1), torch.randn(32, 1), 0.05
    generator = Generator(1, 0.1)
    game = Game(generator, Discriminator(1, 0.0), 64, discriminator_l2=l2)
    twins = {penalty: Discriminator(1, 0.0) for penalty in (l2, 0.0)}
    for twin in twins.values():
        twin.load_state_dict(game.discriminator.state_dict())
    for _ in range(20):
        torch.manual_seed(4)
        game._judge(inputs, samples)
    for penalty, twin in twins.items():
        descend(twin, generator, inputs, samples, penalty)

    def distance(twin: Discriminator) -> float:
        pairs = zip(game.discriminator.parameters(), twin.parameters(), strict=True)
        return max(float((ours - theirs).abs().max()) for ours, theirs in pairs)

    assert distance(twins[l2]) < 0.02 * LEARNING_RATE
    assert distance(twins[0.0]) > 2 * LEARNING_RATE


def descend(twin: Discriminator, generator: Generator, inputs: Tensor, samples: Tensor, penalty: float) -> None:
    """Twenty steps as the game takes them, the penalty written into the loss."""
    optimizer = torch.optim.Adam(twin.parameters(), LEARNING_RATE, betas=(0.5, 0.9), eps=1e-7)
    labels = torch.cat([torch.ones(32, 1), torch.zeros(32, 1)])
    for _ in range(20):
        torch.manual_seed(4)
        with torch.no_grad():
            made = generator.eval()(inputs[32:], torch.randn(32, generator.n_noise))
        probability = torch.sigmoid(twin(inputs, torch.cat([samples, made])))
        loss = binary_cross_entropy(probability, labels) + penalty * sum(k.square().sum() for k in kernels(twin))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def test_each_player_moves_its_own_weights_alone() -> None:
    torch.manual_seed(5)
    generator, discriminator = Generator(1, 0.1), Discriminator(1, 0.1)
    game = Game(generator, discriminator, 64, discriminator_l2=1e-3)

    def copy(network: nn.Module) -> list[Tensor]:
        return [values.clone() for values in network.state_dict().values()]

    def same(network: nn.Module, before: list[Tensor]) -> bool:
        return all(torch.equal(a, b) for a, b in zip(network.state_dict().values(), before, strict=True))

    made, judged = copy(generator), copy(discriminator)
    game._judge(torch.randn(64, 1), torch.randn(32, 1))
    assert same(generator, made) and not same(discriminator, judged)  # moving averages of the generator included
    judged = copy(discriminator)
    game._make(torch.randn(64, 1))
    assert not same(generator, made) and same(discriminator, judged)


def test_an_affine_output_is_what_normalisation_is_in_evaluation() -> None:
    assert sum(p.numel() for p in Affine().parameters()) == sum(p.numel() for p in nn.BatchNorm1d(1).parameters())


def test_a_flow_goes_back_to_its_noise() -> None:
    torch.manual_seed(6)
    sampler = FlowSampler(2, n_steps=32)
    inputs, noise = torch.randn(100, 2), torch.randn(100, 1)
    with torch.no_grad():
        torch.testing.assert_close(sampler.latent(inputs, sampler(inputs, noise)), noise, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("name", "network"), ALL)
def test_the_card_says_which_noise(name: str, network: str) -> None:
    system, checkpoint = SYSTEMS[name], untrained(name, network)
    is_old = network.endswith("_old")
    for variant in system.variants(network):
        card = checkpoint_card(checkpoint, variant)
        noise = next(item for item in card.inputs if item.name == NOISE)
        assert noise.noise is not None and noise.noise.distribution == "normal"
        assert noise.noise.ar1 == (0.9 if variant == "red" else 0.0)
        expected = (SLOW, PREVIOUS, NOISE) if network.startswith("xu") else (SLOW, NOISE)
        assert tuple(item.name for item in card.inputs) == expected
        assert [item.name for item in card.outputs] == [TENDENCY]
        assert variant in card.summary and network in card.summary
        if name == "lorenz96_gan":
            assert card.dimensions["noise_element"] == (1 if is_old else 32 + len(expected))


@pytest.mark.parametrize(
    ("name", "network"), [("lorenz96_gan", "xu_lrg"), ("lorenz96_gan", "x_tny_w_old"), ("lorenz96_flow", "xu")]
)
def test_torch_and_the_native_engine_agree_on_other_columns(name: str, network: str, tmp_path: Path) -> None:
    checkpoint = untrained(name, network)
    path = export_variants(checkpoint.save(tmp_path / f"{network}.ckpt"))[0]
    closure = checkpoint.build()
    n = 77
    inputs = {key: 3 * torch.randn(n) + 4 for key in checkpoint.reference_inputs if key != NOISE}
    inputs[NOISE] = torch.randn(n, closure.n_noise)
    with torch.no_grad():
        expected = closure(*inputs.values()).numpy()
    found = np.empty(n, np.float32)
    with Emulator.open(path, engine="native") as emulator:
        bound = {key: values.numpy() for key, values in inputs.items()}
        for key, values in bound.items():
            emulator.bind(key, values)
        emulator.bind(TENDENCY, found)
        emulator.run()
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6 * np.abs(expected).max())


class NoiseItself(nn.Module):
    """A sampler whose sample is its second number of noise."""

    n_noise = 2

    def forward(self, inputs: Tensor, noise: Tensor) -> Tensor:
        return noise[:, 1:] + 0 * inputs[:, :1] + 0 * noise[:, :1]


@pytest.mark.parametrize(("variant", "expected"), [("white", 0.0), ("red", 0.8)])
def test_noise_of_a_file_has_the_memory_that_its_card_says(variant: str, expected: float, tmp_path: Path) -> None:
    card = checkpoint_card(untrained("lorenz96_flow", "x", autocorrelation=0.8), variant)
    card = card.model_copy(update={"dimensions": {"noise_element": 2}})
    reference = {SLOW: np.linspace(-10, 16, 32), NOISE: np.random.default_rng(0).normal(size=(32, 2))}
    module = SYSTEMS["lorenz96_flow"].emulator(SubgridClosure(NoiseItself(), 1))
    path = export_onnx(module, card, reference, tmp_path / "noise.onnx")
    n, steps = 2000, 60
    found, x = np.empty(n), np.zeros(n)
    series = []
    with Emulator.open(path, engine="native") as emulator:
        emulator.set_noise(11)
        emulator.bind_ids(np.arange(1, n + 1))
        emulator.bind(SLOW, x)
        emulator.bind(TENDENCY, found)
        for step in range(1, steps + 1):
            emulator.run(step)
            series.append(found.copy())
    values = np.array(series)
    assert values.std() == pytest.approx(1, abs=0.02)
    assert values.mean() == pytest.approx(0, abs=0.03)
    for lag in (1, 3):
        correlation = np.corrcoef(values[:-lag].ravel(), values[lag:].ravel())[0, 1]
        assert correlation == pytest.approx(expected**lag, abs=0.02)
