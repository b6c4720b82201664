"""An experiment: run, compute, judge, report."""

from pyemu.harness.experiment.judge import evaluated, gates_of, results_of
from pyemu.harness.experiment.plan import Key, plan
from pyemu.harness.experiment.report import Report, write_report
from pyemu.harness.experiment.settings import ExperimentConfig
from pyemu.harness.gates import all_passed
from pyemu.harness.provenance import provenance
from pyemu.harness.result import CoupledResult
from pyemu.harness.run import Outcome, execute_all


def couple(config: ExperimentConfig, *, progress: bool = True) -> CoupledResult:
    """Make every run, compute every metric, and write the report; finished runs of an earlier call are kept.

    A run that crashes, blows up, leaves no file or is not finite is told in the report and fails the gate of its case.

    Raises:
        HostError: the program or a file is missing.
        ConfigError: a setting refers to a run that there is not, or a gate to a number that there is not.
    """
    outcomes: dict[Key, Outcome] = {}
    for stage in plan(config).stages:
        made = execute_all(list(stage.values()), config.processes, progress=progress, all_must_start=False)
        outcomes |= dict(zip(stage, made, strict=True))
    results = results_of(config, outcomes)
    findings = evaluated(config, results)
    gates = gates_of(config, results, findings)
    folder = write_report(Report(config, results, findings, gates, provenance([])))
    return CoupledResult(folder, tuple(gates), all_passed(gates))
