"""The report says what the numbers say, in every format."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import synthetic_runs
import xarray as xr
from synthetic_runs import write_run

from pyemu.config import ConfigError
from pyemu.harness.page import mark, number
from pyemu.harness.provenance import provenance
from pyemu.harness.radiation.excursions import Excursion, excursions
from pyemu.harness.radiation.figures import FIGURES
from pyemu.harness.radiation.gates import coupled_gates, offline_gates
from pyemu.harness.radiation.metrics import combine
from pyemu.harness.radiation.offline import offline_scores, rfmip_rows
from pyemu.harness.radiation.plan import SCHEMES
from pyemu.harness.radiation.report import Report, write_report
from pyemu.harness.run import Outcome

OFFLINE = {
    "offline_longwave_heating": {"value": 0.12, "limit": 0.17, "pass": True, "unit": "K day-1"},
    "rfmip_longwave_heating": {"value": 0.3, "limit": None, "pass": None, "unit": "K day-1"},
}
EVALUATION = {
    "system": "rrtmg_longwave",
    "network": "spectral",
    "parameters": 1000,
    "held_out": {
        "heating_rate_rmse_below_10hPa": 0.18,
        "heating_rate_rmse_above_10hPa": 0.5,
        "net_flux_top_rmse": 0.4,
        "net_flux_top_bias": -0.21,
        "columns": 1000,
    },
    "rfmip": {"rrtmg_minus_rrtmgp": {"heating_rate_rmse_above_10hPa": 0.6}},
}


def report(folder: Path, *, days: int = 20, offline: dict | None = None, **emulator: float) -> Report:
    config = synthetic_runs.config(folder)
    outcomes = []
    for climate in config.climates:
        for scheme in SCHEMES:
            run = synthetic_runs.run_of(climate.name, scheme, folder / f"{climate.name}_{scheme}")
            is_emulator = scheme == "emulator"
            write_run(run.output, days=days if is_emulator else 20, **(emulator if is_emulator else {}))
            stopped = is_emulator and days < 20
            outcomes.append(Outcome(run, 3 if stopped else 0, "column 3 too hot" if stopped else "", False))
    path = folder / "offline.json"
    path.write_text(json.dumps(OFFLINE if offline is None else offline))
    config.longwave_file.write_bytes(b"longwave")
    data = combine(outcomes, config)
    found = coupled_gates(data, config)
    left = [Excursion("hothouse", "surface_temperature", "K", 0.25, 3.5)]
    return Report(config, data, found, offline_gates(path), outcomes, left, provenance([config.longwave_file]))


class Page(HTMLParser):
    """Tags still open at the end, and images."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.images.append(dict(attrs)["src"] or "")
        if tag in ("link", "script"):
            self.links.append(tag)
        if tag not in ("img", "meta", "br", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(report(tmp_path_factory.mktemp("good"), warmer=0.2, olr=240.4, microseconds=20.0))


def test_page_is_whole_and_needs_nothing_else(good: Path) -> None:
    page = Page()
    page.feed((good / "report.html").read_text())
    assert page.open == []
    assert page.links == []
    assert len(page.images) == len(FIGURES)
    assert all(image.startswith("data:image/png;base64,") for image in page.images)


def test_page_says_the_verdict_and_the_numbers(good: Path) -> None:
    text = re.sub(r"<[^>]+>", " ", re.sub(r"base64,[^\"]*", "", (good / "report.html").read_text()))
    assert "All 6 gates pass" in text
    assert "25 times less" in text
    assert "outside training range" in text
    assert "surface_temperature" in text


def test_figures_are_png_files(good: Path) -> None:
    files = sorted((good / "figures").iterdir())
    assert [path.stem for path in files] == sorted(spec.name for spec in FIGURES)
    assert all(path.read_bytes().startswith(b"\x89PNG") and path.stat().st_size > 5000 for path in files)


def test_summary_is_flat_and_complete(good: Path) -> None:
    summary = json.loads((good / "summary.json").read_text())
    assert len(summary) == 6
    assert all(set(entry) == {"value", "limit", "pass", "unit"} for entry in summary.values())
    assert summary["coupled_control_temperature_difference"]["value"] == pytest.approx(0.2)
    assert "rfmip_longwave_heating" not in summary, "a number without a limit is no gate"
    assert not any("hothouse" in name for name in summary)


def test_netcdf_holds_runs_differences_and_gates(good: Path) -> None:
    with xr.open_dataset(good / "report.nc", decode_times=False) as data:
        assert data.attrs["Conventions"].startswith("CF-")
        assert dict(data.sizes) | {"climate": 2, "scheme": 2, "gate": 7} == dict(data.sizes)
        assert float(data["olr_difference"].sel(climate="control")) == pytest.approx(0.4)
        assert int(data["gate_passed"].sel(gate="coupled_cost_ratio")) == 1
        variables = [str(name) for name in data.data_vars if not str(name).startswith("gate_")]
        assert [name for name in variables if "units" not in data[name].attrs] == []


def test_failed_gate_is_the_headline(tmp_path: Path) -> None:
    made = report(tmp_path, warmer=0.8, microseconds=20.0)
    text = (write_report(made) / "report.html").read_text()
    assert not made.passed
    assert "1 gate failed:" in text
    assert "Control: difference of the equilibrium temperature, mean by mass" in text


def test_failed_offline_score_fails_the_report(tmp_path: Path) -> None:
    bad = {"offline_longwave_heating": {"value": 0.2, "limit": 0.17, "pass": False, "unit": "K day-1"}}
    assert not report(tmp_path, offline=bad, microseconds=20.0).passed


def test_run_that_stopped_is_reported_with_its_message(tmp_path: Path) -> None:
    made = report(tmp_path, days=7, microseconds=20.0)
    text = (write_report(made) / "report.html").read_text()
    assert not made.passed
    assert "emulator: column 3 too hot" in text
    summary = json.loads((made.config.output_dir / "summary.json").read_text())
    assert summary["coupled_control_days_completed"] == {"value": 7.0, "limit": 20.0, "pass": False, "unit": "day"}
    assert summary["coupled_control_olr_difference"]["value"] is None


def test_evaluation_becomes_gates_with_the_limits_of_its_band() -> None:
    scores = offline_scores([EVALUATION])
    below = scores["offline_longwave_heating_rate_rmse_below_10hPa"]
    assert (below["limit"], below["pass"], below["unit"]) == (0.17, False, "K day-1")
    above = scores["offline_longwave_heating_rate_rmse_above_10hPa"]
    assert (above["limit"], above["pass"]) == (0.6, True)
    assert scores["offline_longwave_net_flux_top_bias"]["pass"] is False
    assert scores["offline_longwave_net_flux_top_rmse"]["pass"] is True
    assert scores["rfmip_longwave_rrtmg_minus_rrtmgp_heating_rate_rmse_above_10hPa"]["pass"] is None
    assert not any("columns" in name for name in scores)
    assert rfmip_rows({name: score["value"] for name, score in scores.items()}) == [
        {
            "title": "longwave heating rate above 10 hPa, rms error",
            "unit": "K day-1",
            "emulator_minus_rrtmgp": None,
            "rrtmg_minus_rrtmgp": 0.6,
            "emulator_minus_rrtmg": None,
        }
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "are damaged"), ('{"a": {"value": 1}}', "are damaged"), ('{"a": 3}', "are damaged"), ("[1]", "are damaged"),
     ('{"a": {"value": 1, "limit": 2, "pass": "yes", "unit": "K"}}', "'pass' of a is 'yes'")],
)  # fmt: skip
def test_offline_scores_of_another_form_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "scores.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        offline_gates(path)


def test_missing_offline_scores_say_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="'pyemu evaluate'"):
        offline_gates(tmp_path / "absent.json")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "\u2013"),
        (float("nan"), "\u2013"),
        (0.0, "0"),
        (0.12345, "0.123"),
        (1.5e-10, "1.50e-10"),
        (241.234, "241.2"),
        (200.0, "200"),
    ],
)
def test_numbers_are_short(value: float | None, text: str) -> None:
    assert number(value) == text


def test_mark_is_safe_html() -> None:
    assert str(mark(False)) == '<span class="mark bad">FAIL</span>'


def write_emulator_file(path: Path, ranges: dict[str, tuple[float, float]]) -> Path:
    """An emulator file whose card gives training ranges for some inputs; the graph passes them through."""
    import onnx

    from pyemu.emulator import Card, Provenance, TrainingRange, Variable, reference
    from pyemu.emulator.file import CARD_KEY, REFERENCE_KEY

    layers = synthetic_runs.LAYERS
    sizes = {"air_temperature": layers, "surface_temperature": 1}
    seen = {
        name: TrainingRange(minimum=(low,) * sizes[name], maximum=(high,) * sizes[name])
        for name, (low, high) in ranges.items()
    }
    inputs = tuple(Variable.of(name, dtype="float64", training_range=seen.get(name)) for name in sizes)
    output = Variable.of("tendency_of_air_temperature_due_to_longwave_heating", dtype="float64")
    card = Card(
        name="passing", version="1", summary="s", licence="Apache-2.0", vertical_order="top_first",
        dimensions={"layer": layers}, inputs=inputs, outputs=(output,),
        provenance=Provenance(data_sha256="0", code_version="0", created=""),
    )  # fmt: skip
    values = {variable.name: np.ones(card.shape(variable, 2)) for variable in card.variables}
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["air_temperature"], [output.name])],
        "passing",
        [
            onnx.helper.make_tensor_value_info(v.name, onnx.TensorProto.DOUBLE, ["column", *card.shape(v, 1)[1:]])
            for v in inputs
        ],
        [onnx.helper.make_tensor_value_info(output.name, onnx.TensorProto.DOUBLE, ["column", layers])],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)])
    onnx.helper.set_model_props(model, {CARD_KEY: card.to_json(), REFERENCE_KEY: reference.encode(card, values)})
    onnx.save(model, path)
    return path


def emulator_outcome(folder: Path) -> Outcome:
    run = synthetic_runs.run_of("control", "emulator", folder)
    write_run(run.output)
    return Outcome(run, 0, "", reused=False)


def test_inputs_that_left_the_training_range_are_counted(tmp_path: Path) -> None:
    """Temperatures of the synthetic column run from 200 to 280 K; the surface is at 288 K."""
    file = write_emulator_file(
        tmp_path / "a.onnx", {"air_temperature": (200.0, 250.0), "surface_temperature": (280.0, 290.0)}
    )
    (row,) = excursions([emulator_outcome(tmp_path / "run")], [file]) or []
    assert (row.climate, row.variable, row.units) == ("control", "air_temperature", "K")
    assert 0.1 < row.share < 0.6
    assert 15.0 < row.largest < 30.0


def test_inputs_within_the_training_range_give_no_row(tmp_path: Path) -> None:
    file = write_emulator_file(
        tmp_path / "a.onnx", {"air_temperature": (199.0, 281.0), "surface_temperature": (288.0, 288.0)}
    )
    assert excursions([emulator_outcome(tmp_path / "run")], [file]) == []


def test_cards_without_training_range_leave_the_question_open(tmp_path: Path) -> None:
    file = write_emulator_file(tmp_path / "a.onnx", {})
    assert excursions([emulator_outcome(tmp_path / "run")], [file]) is None
