"""``pyemu couple``: a configuration file of either kind, run and judged."""

from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from pyemu.harness import radiation
from pyemu.harness.experiment.couple import couple as couple_experiment
from pyemu.harness.experiment.settings import ExperimentConfig, load_experiment
from pyemu.harness.radiation.settings import CoupleConfig
from pyemu.harness.result import CoupledResult


def load_couple_config(path: str | Path, **changes: Any) -> CoupleConfig | ExperimentConfig:
    """Read a configuration: an experiment if it has the key ``cases``, otherwise a coupled test of radiation.

    ``changes`` that are not None replace its keys. Raises ``ConfigError`` as the readers of both kinds do.
    """
    try:
        keys = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        keys = None  # the reader says what is wrong
    if isinstance(keys, dict) and "cases" in keys:
        return load_experiment(path, **changes)
    return radiation.load_couple_config(path, **changes)


def couple(config: CoupleConfig | ExperimentConfig, *, progress: bool = True) -> CoupledResult:
    """Make the runs, judge them, write the report. Raises ``HostError`` and ``ConfigError`` as both kinds do."""
    if isinstance(config, ExperimentConfig):
        return couple_experiment(config, progress=progress)
    return radiation.couple(config, progress=progress)
