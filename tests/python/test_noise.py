"""Noise: its distribution, its independence, AR(1) processes, and the same numbers by every route.

All seeds are fixed, so a test always passes or always fails; limits are those that one in 10,000 sound streams exceeds.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from philox import normal, philox, stream_key, uniform
from scipy import stats
from typer.testing import CliRunner

import pyemu
from pyemu.cli import app
from pyemu.emulator import Card, EmulatorFile, Noise, Provenance, Variable
from pyemu.emulator.export import export_onnx
from pyemu.emulator.export_torch import export_torchscript
from pyemu.emulator.verify import verify

RARE = 1e-4
DTYPES = ("float32", "float64")
DISTRIBUTIONS = {"normal": stats.norm, "uniform": stats.uniform}
LAYERS = 6


def noise(shape: tuple[int, ...], dtype: str = "float32", **changes: object) -> np.ndarray:
    """Noise of some columns (and elements)."""
    values = np.empty(shape, dtype)
    key = {"ids": np.arange(shape[0]), "seed": 1, "member": 0, "step": 0, "stream": 0} | changes
    pyemu.fill_noise(values, **key)  # type: ignore[arg-type]
    return values


# --- The numbers ---


def test_the_second_implementation_knows_the_published_words() -> None:
    counter, key = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0)
    assert philox(counter, key) == (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "seed, member, step, stream", [(0, 0, 0, 0), (-3, 2**31 - 1, -1, 7), (2**62 + 1, 5, 2**40, 2**31 - 1)]
)
def test_numbers_are_those_of_a_second_implementation(
    dtype: str, seed: int, member: int, step: int, stream: int
) -> None:
    ids = np.array([0, 1, 2**32 + 3, 2**63 - 1])
    key = stream_key(seed, member, step, stream)
    for distribution, function in {"uniform": uniform, "normal": normal}.items():
        found = noise(
            (4, 11), dtype, ids=ids, seed=seed, member=member, step=step, stream=stream, distribution=distribution
        )
        expected = np.array([[function(dtype, key, int(c), e) for e in range(11)] for c in ids])
        if distribution == "uniform":
            np.testing.assert_array_equal(found, expected)
        else:  # the logarithm, the sine and their product each round, and the angle before
            np.testing.assert_allclose(found, expected, rtol=0, atol=20 * np.finfo(dtype).eps)


@pytest.mark.parametrize("kernels", ["avx512", "avx2", "scalar"])
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_all_kernels_give_the_same_bits(monkeypatch: pytest.MonkeyPatch, kernels: str, distribution: str) -> None:
    expected = [noise((100, 9), dtype, distribution=distribution) for dtype in DTYPES]
    monkeypatch.setenv("PYEMU_NATIVE_KERNELS", kernels)
    try:
        found = [noise((100, 9), dtype, distribution=distribution) for dtype in DTYPES]
    except pyemu.EmulatorError as error:
        pytest.skip(str(error))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_arrays_of_numpy_and_torch_get_the_same() -> None:
    plain = noise((20, 4, 5), "float64", ids=np.arange(80, dtype=np.int32))
    tensor = torch.zeros(20, 4, 5, dtype=torch.float64, requires_grad=True)
    pyemu.fill_noise(tensor, ids=torch.arange(80), seed=1, step=0)
    np.testing.assert_array_equal(tensor.detach().numpy(), plain)
    turned = np.zeros((5, 20, 8))[:, ::-1, ::2]
    pyemu.fill_noise(turned, ids=range(80), seed=1, step=0, level_dim=-3)
    np.testing.assert_array_equal(turned, np.moveaxis(plain, 2, 0))
    single = noise((20, 4), "float64", ids=np.arange(80))
    np.testing.assert_array_equal(single, plain[..., 0])


@pytest.mark.parametrize(
    "array, key, piece",
    [
        (np.zeros(3, "int32"), {}, "expected a float32 or float64 array"),
        (np.zeros((2, 3)), {}, "but there are 3 ids"),
        (np.zeros(4), {}, "1 columns of 4 elements, but there are 3 ids"),
        (np.broadcast_to(np.zeros(3), (3, 3)), {}, "read-only"),
        ([0.0] * 3, {}, "bind a NumPy array"),
        (np.zeros(3), {"ids": [0.5, 1, 2]}, "int32 or int64"),
        (np.zeros(3), {"ids": [0, -1, 2]}, "the id of column 2 (counted from 1) is -1"),
        (np.zeros(3), {"distribution": "gamma"}, "'gamma'; expected 'normal', 'uniform'"),
        (np.zeros(3), {"member": -1}, "'member' is -1"),
        (np.zeros(3), {"stream": 2**31}, "'stream' is 2147483648"),
        (np.zeros(3), {"seed": 2**63}, "must fit 64 bits"),
        (torch.zeros(3).to_sparse(), {}, "dense"),
    ],
)
def test_what_cannot_be_filled_is_refused(array: object, key: dict[str, object], piece: str) -> None:
    with pytest.raises(pyemu.EmulatorError) as caught:
        pyemu.fill_noise(array, **({"ids": [0, 1, 2], "seed": 1, "step": 1} | key))  # type: ignore[arg-type]
    assert piece in str(caught.value)


# --- The distribution and independence ---


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_noise_has_its_distribution(dtype: str, distribution: str) -> None:
    """Kolmogorov and Smirnov: along columns, along elements, along steps and along members."""
    n = 1 << 16
    samples = [
        noise((n,), dtype, distribution=distribution, seed=2),
        noise((1, n), dtype, distribution=distribution, seed=3)[0],
        np.concatenate([noise((256,), dtype, distribution=distribution, step=step) for step in range(n // 256)]),
        np.concatenate([noise((256,), dtype, distribution=distribution, member=i) for i in range(n // 256)]),
    ]
    for sample in samples:
        assert stats.kstest(sample, DISTRIBUTIONS[distribution].cdf).pvalue > RARE
    assert np.isfinite(samples).all()
    if distribution == "uniform":
        assert 0 < np.min(samples) < 1e-4 and 1 - 1e-4 < np.max(samples) < 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_large_normal_numbers_are_as_frequent_as_they_should_be(dtype: str) -> None:
    sample = noise((1 << 11, 1 << 11), dtype, seed=5)
    for limit in (3.0, 4.0, 4.75):
        expected = 2 * stats.norm.sf(limit)
        assert stats.binomtest(int((np.abs(sample) > limit).sum()), sample.size, expected).pvalue > RARE
    assert np.abs(sample).max() > 5


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("axis", ["column", "element", "step"])
def test_neighbours_are_not_correlated(dtype: str, distribution: str, axis: str) -> None:
    """Lags 1 to 64; the sum of squares of n independent correlations is nearly chi-squared."""
    n, lags = 1 << 15, 64
    if axis == "step":
        steps = np.stack([noise((64,), dtype, distribution=distribution, step=step) for step in range(n // 64)])
        series = [steps[:, i] for i in range(steps.shape[1])]
    else:
        shape = (n,) if axis == "column" else (1, n)
        series = [noise(shape, dtype, distribution=distribution).ravel()]
    scores = []
    for values in series:
        x = (values.astype(float) - DISTRIBUTIONS[distribution].mean()) / DISTRIBUTIONS[distribution].std()
        scores += [(x[lag:] * x[:-lag]).sum() / np.sqrt(len(x) - lag) for lag in range(1, lags + 1)]
    assert stats.chi2.sf(np.square(scores).sum(), len(scores)) > RARE
    assert stats.chi2.cdf(np.square(scores).sum(), len(scores)) > RARE
    assert np.abs(scores).max() < stats.norm.isf(RARE / 2 / len(scores))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_keys_that_differ_give_independent_noise(dtype: str, distribution: str) -> None:
    """Columns, elements, members, steps, variables and seeds, in their lowest, neighbouring and highest bits."""
    changes: list[dict[str, object]] = [{}]
    changes += [{key: 1 << bit} for key in ("member", "stream") for bit in (0, 1, 2, 16, 30)]
    changes += [{key: 1 << bit} for key in ("step", "seed") for bit in (1, 2, 31, 32, 62)]
    changes += [
        {"step": -1},
        {"seed": -1},
        {"ids": np.arange(1 << 10) + (1 << 40)},
        {"ids": np.arange(1 << 10) << 32 | 5},
    ]
    rows = [noise((1 << 10, 16), dtype, distribution=distribution, **change) for change in changes]
    sample = np.stack(
        [row.ravel() for row in rows] + [np.roll(rows[0], shift, axis).ravel() for axis in (0, 1) for shift in (1, 2)]
    )
    found = np.corrcoef(sample)[np.triu_indices(len(sample), 1)] * np.sqrt(sample.shape[1])
    assert np.abs(found).max() < stats.norm.isf(RARE / 2 / len(found))


# --- Processes ---


class Stochastic(torch.nn.Module):
    """A tendency that depends on the state, on noise with memory, and on a coin."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.network = torch.nn.Sequential(
            torch.nn.Linear(2 * LAYERS + 1, 32), torch.nn.Tanh(), torch.nn.Linear(32, LAYERS)
        )

    def forward(
        self, state: torch.Tensor, process: torch.Tensor, coin: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        return self.network(torch.cat([state, process, coin[:, None].float()], 1)), process + 0 * state


def entry(name: str, dims: tuple[str, ...], dtype: str, **more: object) -> Variable:
    """A variable without units."""
    return Variable.model_validate(
        {"name": name, "standard_name": name, "units": "1", "dims": dims, "dtype": dtype} | more
    )


def stochastic_card(ar1: float = 0.9, **changes: object) -> Card:
    """The card of :class:`Stochastic`."""
    profile = ("column", "layer")
    values: dict[str, object] = {
        "name": "stochastic",
        "version": "1",
        "summary": "An untrained stochastic network",
        "licence": "Apache-2.0",
        "vertical_order": "top_first",
        "dimensions": {"layer": LAYERS},
        "inputs": (
            entry("state", profile, "float32"),
            entry("process", profile, "float32", noise=Noise(distribution="normal", ar1=ar1)),
            entry("coin", ("column",), "float64", noise={"distribution": "uniform"}),
        ),
        "outputs": (entry("tendency", profile, "float32"), entry("seen", profile, "float32")),
        "provenance": Provenance(data_sha256="0" * 64, code_version="0.1.0", created="2026-01-02T03:04:05+00:00"),
    }
    return Card.model_validate(values | changes)


def reference_inputs(columns: int = 9) -> dict[str, np.ndarray]:
    """Recorded columns, their noise included."""
    random = np.random.default_rng(4)
    return {
        "state": random.normal(size=(columns, LAYERS)),
        "process": random.normal(size=(columns, LAYERS)),
        "coin": random.uniform(size=columns),
    }


@pytest.fixture(scope="module")
def onnx_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("noise") / "stochastic.onnx"
    return export_onnx(Stochastic(), stochastic_card(), reference_inputs(), path)


class Host:
    """A host of so many columns that lets the library make the noise."""

    def __init__(self, path: Path, ids: np.ndarray, **options: object) -> None:
        self.ids, self.state = ids, np.zeros((len(ids), LAYERS), "float32")
        self.tendency, self.seen = np.zeros_like(self.state), np.zeros_like(self.state)
        self.emulator = pyemu.Emulator.open(path, **options)  # type: ignore[arg-type]
        for name in ("state", "tendency", "seen"):
            self.emulator.bind(name, getattr(self, name))
        self.emulator.bind_ids(ids)
        self.emulator.set_noise(2026, member=1)

    def run(self, step: int) -> np.ndarray:
        """The process in this step."""
        self.emulator.run(step)
        return self.seen.copy()


def test_a_process_has_its_variance_and_its_memory(onnx_path: Path) -> None:
    """Innovations and values are independent and normal, so that both limits are exact."""
    host, coefficient = Host(onnx_path, np.arange(2000), engine="native"), 0.9
    before = None
    for step in range(60):
        x = host.run(step).ravel().astype(float)
        if step in (0, 1, 2, 5, 20, 59):
            assert RARE < stats.chi2.cdf((x**2).sum(), x.size) < 1 - RARE
            assert stats.kstest(x, stats.norm.cdf).pvalue > RARE
        if before is not None:
            innovation = (x - coefficient * before) / np.sqrt(1 - coefficient**2)
            assert RARE < stats.chi2.cdf((innovation**2).sum(), x.size) < 1 - RARE
            assert stats.pearsonr(innovation, before).pvalue > RARE
        before = x


def test_a_process_forgets_as_it_should(onnx_path: Path) -> None:
    """Correlation over k steps is 0.9 ** k; Fisher's z of 12,000 pairs is normal to better than its limits here."""
    host = Host(onnx_path, np.arange(2000), engine="native")
    series = [host.run(step).ravel() for step in range(31)]
    for lag in (1, 2, 5, 10, 30):
        found = np.corrcoef(series[0], series[lag])[0, 1]
        score = (np.arctanh(found) - np.arctanh(0.9**lag)) * np.sqrt(series[0].size - 3)
        assert abs(score) < stats.norm.isf(RARE / 2)


def test_a_process_is_made_of_its_stream(onnx_path: Path) -> None:
    host = Host(onnx_path, np.arange(0, 700, 7), engine="native")
    (said,) = [variable.noise for variable in host.emulator.variables if variable.name == "process"]
    assert said is not None and said.stream == stochastic_card().noise_stream("process")
    a, b = np.float32(0.9), np.float32(np.sqrt((1 - 0.9) * (1 + 0.9)))
    expected = None
    for step in (5, 6, 9, -2):
        eps = noise((100, LAYERS), ids=host.ids, seed=2026, member=1, step=step, stream=said.stream)
        expected = eps if expected is None else a * expected + b * eps
        np.testing.assert_array_equal(host.run(step), expected)
        np.testing.assert_array_equal(host.run(step), expected)  # a retry


# --- Files ---


def test_every_route_agrees_on_given_noise(onnx_path: Path) -> None:
    verdict = verify(EmulatorFile.open(onnx_path), module=Stochastic())
    assert {leg.leg for leg in verdict.legs} == {
        "torch",
        "onnxruntime",
        "libpyemu",
        "fortran",
        "native",
        "native_fortran",
    }
    assert verdict.passed, verdict.to_dict()


@pytest.mark.parametrize("engine", ["native", "onnxruntime"])
def test_every_engine_gets_the_same_noise(onnx_path: Path, engine: str) -> None:
    """What run fills in is what torch gets when the same streams are filled in Python."""
    host, module = Host(onnx_path, np.arange(500, 533), engine=engine), Stochastic().eval()
    streams = {variable.name: variable.noise.stream for variable in host.emulator.variables if variable.noise}
    process, coin = torch.empty(33, LAYERS), torch.empty(33, dtype=torch.float64)
    key = {"ids": host.ids, "seed": 2026, "member": 1, "step": 8}
    pyemu.fill_noise(process, stream=streams["process"], **key)
    pyemu.fill_noise(coin, stream=streams["coin"], distribution="uniform", **key)
    np.testing.assert_array_equal(host.run(8), process.numpy())
    with torch.no_grad():
        expected, _ = module(torch.zeros(33, LAYERS), process, coin)
    np.testing.assert_allclose(host.tendency, expected.numpy(), rtol=0, atol=1e-6)


def test_torchscript_files_have_noise_too(tmp_path: Path, onnx_path: Path) -> None:
    path = export_torchscript(Stochastic(), stochastic_card(), reference_inputs(), tmp_path / "stochastic.pt")
    ids = np.arange(20)
    expected, found = (Host(p, ids, **o) for p, o in ((onnx_path, {}), (path, {"allow_code": True})))  # type: ignore[var-annotated]
    for step in range(3):
        np.testing.assert_array_equal(found.run(step), expected.run(step))


def test_python_hosts_hear_what_is_missing(onnx_path: Path) -> None:
    host = Host(onnx_path, np.arange(4))
    emulator = host.emulator
    wrong: list[tuple[Callable[[], None], str]] = [
        (lambda: emulator.run(), "give run the step"),
        (lambda: emulator.bind_ids([0, 1, 2, 3]), "bind a NumPy array of int32 or int64"),
        (lambda: emulator.bind_ids(np.zeros(4)), "bind a NumPy array of int32 or int64"),
        (lambda: emulator.set_noise(1, -1), "'member' is -1"),
        (lambda: emulator.set_noise(1 << 70), "must fit 64 bits"),
        (lambda: emulator.bind("state", np.zeros((4, LAYERS), "int64")), "float32, float64 or int32"),
    ]
    for action, piece in wrong:
        with pytest.raises(pyemu.EmulatorError, match=piece):
            action()
    host.ids[2] = 0
    with pytest.raises(pyemu.EmulatorError, match=r"columns 1 and 3 \(counted from 1\) have the same id, 0"):
        host.run(1)
    emulator.bind_ids(torch.tensor([3, 2, 1, 0], dtype=torch.int32))
    host.run(1)


def test_the_card_says_noise_in_schema_2_and_nothing_without() -> None:
    written = json.loads(stochastic_card().to_json())
    assert written["schema"] == 2
    assert [variable.get("noise") for variable in written["inputs"]] == [
        None, {"distribution": "normal", "ar1": 0.9}, {"distribution": "uniform", "ar1": 0.0},
    ]  # fmt: skip
    assert Card.model_validate_json(stochastic_card().to_json()) == stochastic_card()
    plain = json.loads(stochastic_card(inputs=(entry("state", ("column", "layer"), "float32"),)).to_json())
    assert plain["schema"] == 1
    assert not any("noise" in variable for variable in plain["inputs"] + plain["outputs"])


def test_info_names_the_noise(onnx_path: Path) -> None:
    result = CliRunner().invoke(app, ["info", str(onnx_path)])
    assert "process (normal, AR(1) 0.9); coin (uniform)" in " ".join(result.output.split())


@pytest.mark.parametrize(
    "change, piece",
    [
        ({"schema": 1}, "'process' is noise, which needs schema 2"),
        (
            {"outputs": (entry("seen", ("column",), "float32", noise={"distribution": "normal"}),)},
            "output 'seen' is noise",
        ),
    ],
)
def test_noise_stands_where_it_may(change: dict[str, object], piece: str) -> None:
    with pytest.raises(ValueError, match=piece):
        stochastic_card(**change)


@pytest.mark.parametrize(
    "more, piece",
    [
        ({"noise": {"distribution": "gamma"}}, "'normal' or 'uniform'"),
        ({"noise": {}}, "Field required"),
        ({"noise": {"distribution": "normal", "ar1": 1}}, "less than 1"),
        ({"noise": {"distribution": "normal", "ar1": -0.1}}, "greater than or equal to 0"),
        ({"noise": {"distribution": "uniform", "ar1": 0.1}}, "needs the distribution 'normal'"),
        ({"noise": {"distribution": "normal", "scale": 2}}, "Extra inputs"),
        ({"noise": {"distribution": "normal"}, "dtype": "int32"}, "expected dims that begin with"),
        ({"noise": {"distribution": "normal"}, "dims": ()}, "expected dims that begin with"),
    ],
)
def test_noise_that_no_library_makes_is_refused(more: dict[str, object], piece: str) -> None:
    values = {"name": "n", "standard_name": "n", "units": "1", "dims": ("column",), "dtype": "float32"}
    with pytest.raises(ValueError, match=piece):
        Variable.model_validate(values | more)
