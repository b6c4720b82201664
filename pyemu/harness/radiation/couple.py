"""The coupled test: run, reduce, judge, report."""

from pyemu.harness.provenance import provenance
from pyemu.harness.radiation.excursions import excursions
from pyemu.harness.radiation.gates import coupled_gates, offline_gates
from pyemu.harness.radiation.metrics import combine
from pyemu.harness.radiation.plan import plan
from pyemu.harness.radiation.report import Report, write_report
from pyemu.harness.radiation.settings import CoupleConfig
from pyemu.harness.result import CoupledResult
from pyemu.harness.run import execute_all


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
