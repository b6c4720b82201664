"""`pyemu couple` on the real host: RRTMG against untrained grey emulators, which must fail, and say so."""

import json
import sys
from pathlib import Path

import pytest
import xarray as xr
import yaml
from typer.testing import CliRunner

from pyemu.cli import app

sys.path.insert(0, str(Path(__file__).parents[1] / "online"))

DAYS = 2.0
COUPLE = {
    "title": "Grey radiation",
    "longwave_file": "grey_longwave.onnx",
    "shortwave_file": "grey_shortwave.onnx",
    "output_dir": "output",
    "days": DAYS,
    "averaging_days": 1.0,
    "drift_days": 2.0,
    "host": {"ncol": 5, "profile_interval_days": 1.0},
    "climates": [
        {"name": "control", "title": "Present day", "inside_training_range": True},
        {"name": "warm", "title": "Warm", "inside_training_range": False, "host": {"sst_offset": 8.0, "co2": 0.0032}},
    ],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from grey_emulators import export, inputs_of

    from pyemu.hosts.column import ColumnModel

    folder = tmp_path_factory.mktemp("couple")
    bands = ("longwave", "shortwave")
    with ColumnModel(ncol=8) as model:
        fields = {name: model.get(name) for band in bands for name in inputs_of(band)}
    for band in bands:
        export(band, fields, folder)
    (folder / "couple.yaml").write_text(yaml.safe_dump(COUPLE))
    return folder


@pytest.fixture(scope="module")
def first(folder: Path):
    return CliRunner().invoke(app, ["couple", str(folder / "couple.yaml"), "--json"])


def test_grey_radiation_fails_the_gate_of_outgoing_longwave(first) -> None:
    summary = json.loads(first.stdout)
    assert first.exit_code == 1
    assert summary["coupled_control_olr_difference"]["pass"] is False
    assert summary["coupled_control_olr_difference"]["value"] > 10.0


def test_what_grey_radiation_does_well_passes(first) -> None:
    summary = json.loads(first.stdout)
    assert summary["coupled_control_days_completed"] == {"value": DAYS, "limit": DAYS, "pass": True, "unit": "day"}
    assert summary["coupled_control_column_energy_residual"]["value"] < 1e-9
    assert summary["coupled_cost_ratio"]["value"] > 1.0


def test_files_of_the_report_agree(first, folder: Path) -> None:
    output = folder / "output"
    assert json.loads((output / "summary.json").read_text()) == json.loads(first.stdout)
    assert (output / "report.html").stat().st_size > 100_000
    with xr.open_dataset(output / "report.nc", decode_times=False) as data:
        assert dict(data.sizes)["layer"] == 60
        assert (data["days_completed"] == DAYS).all()
        control = data.sel(climate="control")
        outgoing = control["toa_outgoing_longwave_flux"].sel(scheme="rrtmg").isel(time=-1)
        assert 200.0 < float(outgoing) < 300.0
        mean = float(control["mass_weighted_air_temperature"].sel(scheme="rrtmg").isel(time=-1))
    with xr.open_dataset(output / "runs" / "control_rrtmg" / "column.nc", decode_times=False) as run:
        mass = run["air_pressure_at_interfaces"].diff("interface").rename(interface="layer")
        expected = run["air_temperature"].isel(time=-1).weighted(mass.drop_vars("layer", errors="ignore")).mean("layer")
        assert mean == pytest.approx(float(expected.mean()), abs=1e-9)


def test_second_call_keeps_the_runs_and_gives_the_same_summary(first, folder: Path) -> None:
    files = sorted((folder / "output" / "runs").glob("*/column.nc"))
    before = [path.stat().st_mtime_ns for path in files]
    again = CliRunner().invoke(app, ["couple", str(folder / "couple.yaml"), "--json"])
    assert len(files) == 4
    assert [path.stat().st_mtime_ns for path in files] == before
    assert json.loads(again.stdout) == json.loads(first.stdout)


def test_loose_limits_let_the_same_runs_pass(first, folder: Path) -> None:
    loose = COUPLE | {"limits": {"temperature": 50.0, "outgoing_longwave": 500.0, "cost_ratio": 0.01}}
    (folder / "loose.yaml").write_text(yaml.safe_dump(loose))
    result = CliRunner().invoke(app, ["couple", str(folder / "loose.yaml")])
    assert result.exit_code == 0, result.output
    assert "report.html" in result.output


def test_emulator_that_blows_the_host_up_fails_with_the_place_in_the_report(folder: Path, tmp_path: Path) -> None:
    import torch
    from grey_emulators import GreyLongwave, as_inputs, card

    from pyemu.emulator import EmulatorFile
    from pyemu.emulator.export import export_onnx

    class Furnace(GreyLongwave):
        """Four hundred times the fluxes, the other way round: the air warms by hundreds of kelvins a day."""

        def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return tuple(-400.0 * output for output in super().forward(*inputs))

    reference = EmulatorFile.open(folder / "grey_longwave.onnx").inputs()
    file = export_onnx(Furnace(), card("longwave"), as_inputs("longwave", reference), tmp_path / "furnace.onnx")
    arguments = ["couple", str(folder / "couple.yaml"), "--json", "--longwave-file", str(file)]
    result = CliRunner().invoke(app, [*arguments, "--output-dir", str(tmp_path / "output")])
    summary = json.loads(result.stdout)
    assert result.exit_code == 1
    assert summary["coupled_control_days_completed"]["value"] < DAYS
    assert summary["coupled_control_temperature_difference"] == {
        "value": None, "limit": 0.5, "pass": False, "unit": "K",
    }  # fmt: skip
    page = (tmp_path / "output" / "report.html").read_text()
    assert "stopped</span> Present day, emulator: pyemu_column" in page


def test_file_without_card_is_refused_with_the_message_of_the_library(folder: Path, tmp_path: Path) -> None:
    import onnx

    model = onnx.load(folder / "grey_longwave.onnx")
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "bare.onnx")
    arguments = ["couple", str(folder / "couple.yaml"), "--longwave-file", str(tmp_path / "bare.onnx")]
    result = CliRunner().invoke(app, [*arguments, "--output-dir", str(tmp_path / "output")])
    assert result.exit_code == 1
    assert "stopped with status 2" in result.stderr
    assert "card" in result.stderr


def test_guard_is_in_the_report_and_has_gates(folder: Path) -> None:
    """A NaN in one column of one call goes to RRTMG; grey cards have no budgets, so that their gate cannot pass."""
    test = {"nan_column": 2, "nan_layer": 30, "nan_call": 2}
    guarded = COUPLE | {
        "output_dir": "guarded",
        "host": COUPLE["host"] | test,
        "guard": {"mode": "fallback", "reasons": ["not_finite", "budget"]},
        "limits": {"fallback_share": 0.1, "budget_residual": 1e-4},
    }
    (folder / "guarded.yaml").write_text(yaml.safe_dump(guarded))
    result = CliRunner().invoke(app, ["couple", str(folder / "guarded.yaml"), "--json"])
    summary = json.loads(result.stdout)
    calls = 4 * DAYS + 1
    assert summary["coupled_control_fallback_share"]["value"] == pytest.approx(1 / (5 * calls))
    assert summary["coupled_control_fallback_share"]["pass"] is True
    assert summary["coupled_control_budget_residual"] == {"value": None, "limit": 1e-4, "pass": False, "unit": "W m-2"}
    with xr.open_dataset(folder / "guarded" / "report.nc", decode_times=False) as data:
        emulator = data.sel(climate="warm", scheme="emulator")
        assert float(emulator["shortwave_rrtmg_share"]) == pytest.approx(1 / (5 * calls))
        assert float(emulator["longwave_guard_count_of_air_temperature"].sel(guard_reason=1)[29]) == 1.0
        assert data["longwave_rrtmg_share"].sel(scheme="rrtmg").isnull().all()
    page = (folder / "guarded" / "report.html").read_text()
    assert "<h2>Guard</h2>" in page and "not finite" in page
    assert "<h2>Guard</h2>" not in (folder / "output" / "report.html").read_text()
