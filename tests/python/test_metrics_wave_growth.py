"""Growth rates of waves from the emulator files of runs: exact formulae give those of the host, known weights known ones."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
import yaml
from metric_results import HOURS, draw_all, number, results

from pyemu.harness import couple, load_couple_config
from pyemu.harness.metrics import Finding, WaveGrowth
from pyemu.harness.statistics.probe import probed_weights
from pyemu.physics.shallow_water import Ocean
from pyemu.physics.von_neumann import growth, host_operator, symbol_of, with_learned

sys.path.insert(0, str(Path(__file__).parents[1] / "online"))
from shallow_emulators import DH, Forcing, H, Points, Tendency, Transports, U, V, export

ANALYTIC = {
    "nx": 12, "ny": 10, "engine": "native", "mass": "none", "momentum": "analytic", "thickness": "analytic",
    "momentum_file": "", "momentum_y_file": "", "thickness_file": "", "reduced_gravity": 0.02,
}  # fmt: skip


class Linear(Points):
    """A linear tendency of the thickness with given weights (3, 3, 3) of u, v and h."""

    outputs = (DH,)

    def __init__(self, weights: np.ndarray, is_field: bool = False) -> None:
        super().__init__((U, V, H), is_field)
        self.weights = torch.nn.Parameter(torch.tensor(weights.reshape(3, 9), dtype=torch.float32))

    def forward(self, *values):
        p = self.points(values)
        parts = zip((U, V, H), self.weights, strict=True)
        return (sum(weight * one for name, row in parts for weight, one in zip(row, p[name], strict=True)),)


def run(**entries: object) -> xr.Dataset:
    """What a run leaves, without having been made: entries of its namelist."""
    return xr.Dataset(coords={"time": ("time", [0.0, 1.0], HOURS)}, attrs=ANALYTIC | entries)


def judged(metric: WaveGrowth | None = None, **cases: dict[str, object]) -> Finding:
    return (metric or WaveGrowth(metric="wave_growth")).evaluate(
        results({"host": [run()]} | {name: [run(**entries)] for name, entries in cases.items()})
    )


def thickness(path: Path, **entries: object) -> dict[str, object]:
    return {"thickness": "emulator", "thickness_file": str(path)} | entries


@pytest.mark.parametrize("is_field", [False, True])
@pytest.mark.parametrize("state", [{}, {"u": 0.3, "v": -0.1, "h": 20.0}])
def test_formulae_of_the_host_grow_as_the_host_does(tmp_path, is_field, state):
    patch = (10, 12) if is_field else None
    forcing = str(export(tmp_path, Forcing(is_field), patch))
    found = judged(
        WaveGrowth(metric="wave_growth", **state),
        tendency=thickness(export(tmp_path, Tendency(is_field, bias=0.0), patch)),
        transports=thickness(export(tmp_path, Transports(is_field), patch)),
        forcing={"momentum": "emulator", "momentum_file": forcing, "momentum_y_file": forcing},
    )
    host = found.data["wave_growth_host"].values
    for case in ("tendency", "transports", "forcing"):
        np.testing.assert_allclose(found.data[f"wave_growth_{case}"], host, atol=2e-4)
    draw_all(found)


@pytest.mark.parametrize("is_field", [False, True])
def test_weights_are_found_again_and_their_waves_grow_at_the_known_rate(tmp_path, is_field):
    true = host_operator(Ocean())[2]
    weights = true + 0.05 * np.abs(true[0]).max() * np.random.default_rng(1).normal(size=true.shape) * [
        [[1]],
        [[1]],
        [[3e-3]],
    ]
    path = export(tmp_path, Linear(weights, is_field), (10, 12) if is_field else None)
    values = {U: 0.1, V: 0.2, H: 3.0}
    probed = probed_weights(path, "native", values, {U: 1e-2, V: 1e-2, H: 1.0})[DH]
    np.testing.assert_allclose(probed, weights, rtol=1e-3, atol=1e-4 * np.abs(weights[2]).max())
    symbol = symbol_of(with_learned(host_operator(Ocean()), thickness=weights), 12, 10)
    expected = growth(symbol, 1800.0, 0.025)
    found = judged(wrong=thickness(path), kept=thickness(path, mass="projection"))
    assert expected.largest > 0.01
    assert number(found, "wave_growth_rate", "wrong").value == pytest.approx(expected.largest, rel=1e-3)
    assert number(found, "wave_growth_rate", "host").value < 1e-9
    length = number(found, "fastest_wave_length", "wrong").value
    assert length == pytest.approx(1.0 / np.hypot(*expected.fastest_wave))
    mean = number(found, "growth_rate_of_the_mean", "wrong").value
    assert mean == pytest.approx(expected.of_the_mean, abs=1e-3 * expected.largest)
    assert number(found, "growth_rate_of_the_mean", "kept").value == pytest.approx(0.0, abs=1e-9)


def test_what_has_no_rate_is_told(tmp_path):
    other = xr.Dataset(coords={"time": ("time", [0.0, 1.0], HOURS)})
    with pytest.raises(KeyError, match="case a is no run of the host shallow_water"):
        WaveGrowth(metric="wave_growth").evaluate(results({"a": [other]}))
    path = export(tmp_path, Forcing(is_field=False))
    with pytest.raises(
        ValueError, match="reads surface_downward_x_stress_stencil, of which no value is known; known: sea"
    ):
        probed_weights(path, "native", {U: 0.0, V: 0.0, H: 0.0}, {U: 0.01, V: 0.01, H: 1.0})


def test_an_experiment_names_the_files_that_its_runs_had(tmp_path):
    path = export(tmp_path, Tendency(is_field=False, bias=0.0))
    experiment = {
        "title": "Waves", "host": "shallow_water", "output_dir": "out", "reference": "host", "seeds": [1],
        "entries": {"nx": 12, "ny": 10, "n_days": 4.0, "domain": "periodic", "beta": 0.0, "engine": "native",
                    "perturbation": 1.0, "snapshot_interval_days": 0.125, "output_interval_days": 0.125},
        "cases": [
            {"name": "host", "title": "Host"},
            {"name": "net", "title": "Net", "entries": {"thickness": "emulator", "thickness_file": path.name}},
        ],
        "metrics": [
            {"metric": "wave_growth"},
            {"metric": "trace", "variable": "courant_number", "limit": 0.35},
            {"metric": "conserved", "variable": "mean_layer_thickness_anomaly", "scale": 500.0},
            {"metric": "spectral_flux", "x_velocity": "sea_water_x_velocity", "y_velocity": "sea_water_y_velocity",
             "boundary": "periodic"},
            {"metric": "cost"},
        ],
    }  # fmt: skip
    (tmp_path / "experiment.yaml").write_text(yaml.safe_dump(experiment))
    result = couple(load_couple_config(tmp_path / "experiment.yaml"), progress=False)
    page = (result.folder / "report.html").read_text()
    assert "not computed" not in page
    data = xr.load_dataset(result.folder / "report.nc", decode_times=False)
    assert float(data["wave_growth_rate"].sel(case="net").squeeze()) == pytest.approx(0.0, abs=2e-4)
    assert float(data["roundings_of_mean_layer_thickness_anomaly"].sel(case="host").squeeze()) < 100.0
    assert 0.1 < float(data["largest_magnitude_of_courant_number"].sel(case="host").squeeze()) < 0.35
    assert float(data["emulator_bytes"].sel(case="net").squeeze()) == path.stat().st_size
