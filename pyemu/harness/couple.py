"""The coupled test: run, reduce, judge, report."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyemu.harness.excursions import excursions
from pyemu.harness.gates import Gate, coupled_gates, offline_gates, summary
from pyemu.harness.metrics import combine
from pyemu.harness.provenance import provenance
from pyemu.harness.report import Report, write_report
from pyemu.harness.run import execute_all, plan
from pyemu.harness.settings import CoupleConfig


@dataclass(frozen=True)
class CoupledResult:
    """Verdict of a coupled test and the folder of its report."""

    folder: Path
    gates: tuple[Gate, ...]
    passed: bool

    def summary(self) -> dict[str, dict[str, Any]]:
        """As in ``summary.json``."""
        return summary(self.gates)


def couple(config: CoupleConfig, *, progress: bool = True) -> CoupledResult:
    """Run every climate with RRTMG and with the emulator, and write the report.

    Raises:
        HostError: a run could not be made at all.
        ConfigError: the offline scores cannot be read.
        EmulatorFileError: an emulator file cannot be read.
    """
    offline = offline_gates(config.offline_scores) if config.offline_scores else []
    files = [config.longwave_file, config.shortwave_file]
    outcomes = execute_all(plan(config), config.processes, progress=progress)
    data = combine(outcomes, config)
    gates = coupled_gates(data, config)
    report = Report(config, data, gates, offline, outcomes, excursions(outcomes, files), provenance(files))
    folder = write_report(report)
    return CoupledResult(folder, (*gates, *offline), report.passed)
