"""The runs of an experiment, in the order in which they can be made.

A setting ``"@case/kind"`` is the path of what another case's run of that kind leaves, for instance the truth from whose
states forecasts start: such a run is made before.
"""

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

from pyemu.config import ConfigError
from pyemu.harness.experiment.settings import CaseConfig, Entries, ExperimentConfig
from pyemu.harness.hosts import Launch
from pyemu.harness.run import HostError, Run, fingerprint
from pyemu.hosts.namelist import Value

Key = tuple[str, str, int]  # case, kind, seed


@dataclass
class Plan:
    """Runs by case, kind and seed, and in which stage each is made."""

    stages: list[dict[Key, Run]] = field(default_factory=list)
    runs: dict[Key, Run] = field(default_factory=dict)


def plan(config: ExperimentConfig) -> Plan:
    """Every run that has to be made.

    Raises:
        HostError: the program or a file is missing.
        ConfigError: a setting refers to a run that there is not, or runs wait for each other.
    """
    found = Plan()
    waiting = [key for key in config.runs() if key[1] not in key[0].files]
    while waiting:
        stage: dict[Key, Run] = {}
        for case, kind, seed in waiting:
            entries = config.entries_of(case, kind)
            if all(_first(config, value) in found.runs for value in _references(entries)):
                stage[case.name, kind, seed] = _run(config, case, kind, seed, found.runs)
        if not stage:
            names = ", ".join(f"{case.name}/{kind}" for case, kind, _ in waiting)
            raise ConfigError(f"the runs {names} wait for each other, or for a run that is not made")
        found.stages.append(stage)
        found.runs |= stage
        waiting = [key for key in waiting if (key[0].name, *key[1:]) not in stage]
    return found


def _run(config: ExperimentConfig, case: CaseConfig, kind: str, seed: int, made: dict[Key, Run]) -> Run:
    adapter = config.adapter
    entries = _with_seed(config.entries_of(case, kind), seed)
    before = {value: made[_first(config, value)] for value in _references(entries)}
    resolved: dict[str, Value | Path] = dict(entries)
    for name, value in entries.items():
        if value in before:
            resolved[name] = before[str(value)].output.resolve()
        elif name in adapter.file_entries and value != "":
            resolved[name] = (config.folder / str(value)).resolve()
    files = inputs_of(config, case, kind, seed)
    try:
        launch = adapter.launch(resolved, seed, config.ranks)
    except OSError as error:
        raise HostError(str(error)) from error
    after = {value: run.fingerprint for value, run in before.items()}
    return Run(
        labels={"case": case.name, "kind": kind, "seed": f"seed {seed}"},
        folder=config.output_dir / "runs" / case.name / f"{kind}_{seed}",
        command=launch.command,
        files=launch.files,
        output_name=launch.output_name,
        fingerprint=fingerprint(
            [entries, seed, config.ranks, after, _texts(launch, resolved)], [*launch.depends_on, *files]
        ),
        environment=launch.environment,
        further_outputs=launch.further_outputs,
    )


def inputs_of(config: ExperimentConfig, case: CaseConfig, kind: str, seed: int) -> tuple[Path, ...]:
    """The files, but no folders and no runs, that the settings of a run name."""
    entries = _with_seed(config.entries_of(case, kind), seed)
    named = [str(value) for name, value in entries.items() if name in config.adapter.file_entries and value != ""]
    return tuple(path for value in named if not value.startswith("@") and (path := config.folder / value).is_file())


def _texts(launch: Launch, resolved: dict[str, Value | Path]) -> str:
    """Digest of the files of a launch without the places of other files, so that a moved folder is no other run."""
    texts = json.dumps(dict(launch.files), sort_keys=True)
    for value in resolved.values():
        if isinstance(value, Path):
            texts = texts.replace(str(value), value.name)
    return hashlib.sha256(texts.encode()).hexdigest()


def _with_seed(entries: Entries, seed: int) -> Entries:
    """The settings of one run, such as the emulator that was trained with this seed."""
    return {
        name: value.replace("{seed}", str(seed)) if isinstance(value, str) else value for name, value in entries.items()
    }


def _references(entries: Entries) -> list[str]:
    return [value for value in entries.values() if isinstance(value, str) and value.startswith("@")]


def _first(config: ExperimentConfig, reference: str) -> Key:
    """The run that a reference means: that with the first seed of its case. Raises ``ConfigError`` for an unknown one."""
    name, _, kind = reference[1:].partition("/")
    cases = {case.name: case for case in config.cases}
    if name not in cases or kind not in config.kinds:
        raise ConfigError(
            f"'{reference}' is no run: give @case/kind, with one of {', '.join(cases)} and {', '.join(config.kinds)}"
        )
    return name, kind, (cases[name].seeds or config.seeds)[0]
