"""The configuration of a coupled test, and the one that is shipped."""

from pathlib import Path

import pytest
import synthetic_runs

from pyemu.config import ConfigError
from pyemu.harness import load_couple_config

SHIPPED = Path(__file__).parents[2] / "examples" / "01_radiation" / "couple.yaml"


def test_shipped_configuration_asks_what_the_demo_promises() -> None:
    config = load_couple_config(SHIPPED)
    assert config.days >= 200.0
    assert [climate.name for climate in config.climates if climate.inside_training_range] == [
        "control", "co2x4", "sst_minus4", "sst_plus4",
    ]  # fmt: skip
    assert any(not climate.inside_training_range for climate in config.climates)
    assert list(config.limits.model_dump().values()) == [0.5, 1.0, 1e-4, 20.0, None, None]


def test_paths_are_relative_to_the_file_and_changes_replace_keys(tmp_path: Path) -> None:
    config = load_couple_config(SHIPPED, output_dir=tmp_path, processes=1, longwave_file=None)
    assert config.longwave_file == SHIPPED.parent / "../../runs/rrtmg_longwave-spectral.onnx"
    assert config.output_dir == tmp_path
    assert config.processes == 1


def test_change_that_is_not_valid_is_refused() -> None:
    with pytest.raises(ConfigError, match="processes"):
        load_couple_config(SHIPPED, processes=0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"averaging_days": 30.0}, "averaging_days is 30, more than the 20 days of a run"),
        ({"host": {"n_days": 3.0}}, "'n_days' is set by the harness; use: days"),
        ({"host": {"sst": 3.0}}, "unknown entry 'sst' of the column host; known: .*sst_offset"),
        ({"climates": []}, "at least 1 item"),
        ({"host": {"guard": "count"}}, "'guard' is set by the harness; use: guard"),
        ({"guard": {"mode": "maybe"}}, "'count', 'clip', 'fallback' or 'stop'"),
        ({"guard": {"mode": "count", "taper": 1.0}}, "taper goes with mode fallback"),
        ({"guard": {"mode": "fallback", "taper": 2.0}}, "taper is 2, above the limit 1.1"),
        ({"limits": {"fallback_share": 0.1}}, "limits.fallback_share needs a guard"),
        ({"limits": {"budget_residual": 0.1}, "guard": {"reasons": ["novel"]}}, "needs the reason budget"),
    ],
)
def test_setting_that_makes_no_sense_is_refused(tmp_path: Path, changes: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        synthetic_runs.config(tmp_path, **changes)


def test_climates_must_differ_and_one_must_be_gated(tmp_path: Path) -> None:
    climate = {"name": "a", "title": "A", "inside_training_range": True}
    with pytest.raises(ValueError, match="climate names must differ"):
        synthetic_runs.config(tmp_path, climates=[climate, climate])
    with pytest.raises(ValueError, match="nothing could fail"):
        synthetic_runs.config(tmp_path, climates=[climate | {"inside_training_range": False}])
