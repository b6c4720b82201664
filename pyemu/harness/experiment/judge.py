"""From outcomes to results, numbers and gates."""

import contextlib
import math
import traceback
from collections.abc import Sequence

import xarray as xr

from pyemu.config import ConfigError
from pyemu.harness.experiment.plan import Key, inputs_of
from pyemu.harness.experiment.settings import CaseConfig, ExperimentConfig, GateConfig
from pyemu.harness.gates import Gate
from pyemu.harness.metrics import Finding, Metric, Number
from pyemu.harness.results import Result, Results, finite_records
from pyemu.harness.run import Outcome, Run


def results_of(config: ExperimentConfig, outcomes: dict[Key, Outcome]) -> Results:
    """What the runs left; a run without a readable file is a result without data."""
    return Results(
        runs=[
            _result(config, case, kind, seed, outcomes.get((case.name, kind, seed)))
            for case, kind, seed in config.runs()
        ],
        titles={case.name: case.title for case in config.cases},
        reference=config.reference,
        spinups={name: kind.spinup for name, kind in config.kinds.items()},
    )


def _result(config: ExperimentConfig, case: CaseConfig, kind: str, seed: int, outcome: Outcome | None) -> Result:
    path = outcome.run.output if outcome else config.folder / case.files[kind]
    said = [outcome.message or f"exit status {outcome.status}"] if outcome and outcome.status else []
    seconds = outcome.processor_time if outcome else math.nan
    try:
        n, where = finite_records(path)
        data = config.adapter.read(path).isel(time=slice(0, n))
    except (OSError, ValueError) as error:
        said.append(f"no file {path.name} was left" if isinstance(error, FileNotFoundError) else f"{path}: {error}")
        return Result(case.name, kind, seed, None, 0.0, True, "; ".join(said), seconds)
    said += [where] if where else []
    end = float(data["time"][-1]) if n else 0.0
    further = _further(config, outcome.run, end) if outcome else ()
    inputs = inputs_of(config, case, kind, seed) if outcome else ()
    return Result(case.name, kind, seed, data, end, bool(said), "; ".join(said), seconds, further, inputs)


def _further(config: ExperimentConfig, run: Run, end: float) -> tuple[xr.Dataset, ...]:
    """The other files of a run up to its end; one that cannot be read is left out."""
    found = []
    for path in (run.folder / name for name in run.further_outputs):
        with contextlib.suppress(OSError, ValueError):
            data = config.adapter.read(path)
            found.append(data.sel(time=data["time"] <= end))
    return tuple(found)


def evaluated(config: ExperimentConfig, results: Results) -> list[Finding]:
    """Every metric. One that cannot be computed says why in place of numbers, so that the others are not lost."""
    return [_evaluated(metric, results) for metric in config.metrics]


def _evaluated(metric: Metric, results: Results) -> Finding:
    try:
        return metric.evaluate(results)
    except (KeyError, ValueError) as error:
        return Finding.absent(f"{metric.metric}: not computed, {error.args[0] if error.args else error}")
    except Exception as error:  # a mistake in a metric does not lose what runs of hours have given
        traceback.print_exc()
        return Finding.absent(f"{metric.metric}: not computed, {type(error).__name__}: {error}")


def gates_of(config: ExperimentConfig, results: Results, findings: Sequence[Finding]) -> list[Gate]:
    """A gate per case that has to reach its end, and those of the configuration.

    Raises ``ConfigError`` for a gate on a number that no metric makes.
    """
    ends = [_completion(case, results) for case in config.cases if not case.may_stop]
    known = {(number.name, number.case): number for finding in findings for number in finding.numbers}
    if all(finding.is_complete for finding in findings):
        _check_names(config.gates, {name for name, _ in known})
    return ends + [_gate(gate, case, known) for gate in config.gates for case in gate.cases]


def _check_names(gates: Sequence[GateConfig], known: set[str]) -> None:
    for gate in gates:
        if gate.number not in known:
            names = ", ".join(sorted(known)) or "none"
            raise ConfigError(
                f"a gate is on '{gate.number}', which no metric of this experiment makes; there are: {names}"
            )


def _completion(case: CaseConfig, results: Results) -> Gate:
    runs = [run for run in results.runs if run.case == case.name]
    share = sum(not run.stopped for run in runs) / len(runs)
    return Gate(
        f"{case.name}_runs_completed",
        share,
        1.0,
        "1",
        f"{case.title}: share of runs that reached their end",
        "at least",
    )


def _gate(gate: GateConfig, case: str, known: dict[tuple[str, str], Number]) -> Gate:
    """A number that could not be computed fails its gate."""
    other = gate.no_more_than or gate.no_less_than
    if any((gate.number, name) not in known for name in (case, other) if name):
        return Gate(f"{case}_{gate.number}", math.nan, math.nan, "", f"{case}: {gate.number} could not be computed")
    number = known[gate.number, case]
    given = [limit for limit in (gate.at_most, gate.at_least) if limit is not None]
    limit = given[0] if given else gate.times * known[gate.number, str(other)].value
    sense = "at most" if gate.at_most is not None or gate.no_more_than else "at least"
    text = f"{number.title}, {case}" + (f" (against {other})" if other else "")
    value = number.value if gate.bound == "value" else getattr(number, gate.bound)
    name = (
        f"{case}_{gate.number}"
        + (f"_against_{other}" if other else "")
        + ("" if gate.bound == "value" else f"_{gate.bound}")
    )
    return Gate(name, value, limit, number.unit, text, "at least" if sense == "at least" else "at most")
