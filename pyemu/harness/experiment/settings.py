"""What an experiment runs and how it is judged: the configuration of ``pyemu couple`` for any host."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from pyemu.config import Config, ConfigError, load_config
from pyemu.harness.hosts import HostAdapter, find_host
from pyemu.harness.metrics import AnyMetric

Entries = dict[str, bool | int | float | str | tuple[float, ...]]  # in a text, {seed} stands for the seed of a run
Name = Field(pattern=r"^[a-z0-9_]+$", description="part of names of gates and of folders")


class KindConfig(Config):
    """A kind of run that every case makes, such as a long climate and a set of forecasts."""

    entries: Entries = Field(default_factory=dict, description="settings of the host for every run of this kind")
    spinup: float = Field(
        default=0.0, ge=0.0, description="time at the start that metrics leave out, in the host's unit"
    )
    one_seed: bool = Field(default=False, description="only the first seed makes runs of this kind")


class CaseConfig(Config):
    """One model to be judged, or the truth: settings of the host that differ from the common ones."""

    name: str = Name
    title: str
    entries: Entries = Field(default_factory=dict)
    kinds: dict[str, Entries] = Field(default_factory=dict, description="further settings by kind of run")
    files: dict[str, Path] = Field(default_factory=dict, description="kind of run -> NetCDF file that is there already")
    seeds: tuple[int, ...] | None = Field(default=None, min_length=1, description="in place of the common ones")
    may_stop: bool = Field(default=False, description="whether a run that ends early fails no gate")


class GateConfig(Config):
    """A limit on a number of the report; see the table of numbers in the report for their names."""

    number: str
    cases: tuple[str, ...] = Field(min_length=1)
    at_most: float | None = None
    at_least: float | None = None
    no_more_than: str | None = Field(default=None, description="the same number of this case is the limit")
    no_less_than: str | None = Field(default=None, description="the same number of this case is the limit")
    times: float = Field(default=1.0, gt=0.0, description="factor on the number of that case")
    bound: Literal["value", "low", "high"] = Field(
        default="value", description="median over seeds, or end of its interval"
    )

    @model_validator(mode="after")
    def _has_one_limit(self) -> Self:
        limits = (self.at_most, self.at_least, self.no_more_than, self.no_less_than)
        given = [limit for limit in limits if limit is not None]
        if len(given) != 1:
            raise ValueError(f"gate on {self.number}: give one of at_most, at_least, no_more_than and no_less_than")
        return self


class ExperimentConfig(Config):
    """An experiment with any host. Relative paths are relative to the configuration file."""

    title: str
    summary: str = ""
    host: str = Field(description="name of a host, or a Python file with an adapter HOST")
    output_dir: Path
    processes: int = Field(default=2, ge=1, description="runs at a time")
    ranks: int = Field(default=1, ge=1, description="MPI ranks of every run")
    entries: Entries = Field(default_factory=dict, description="settings of the host for every run")
    kinds: dict[str, KindConfig] = Field(default_factory=lambda: {"run": KindConfig()}, min_length=1)
    reference: str = Field(description="the case that the others are compared with")
    cases: tuple[CaseConfig, ...] = Field(min_length=1)
    seeds: tuple[int, ...] = Field(default=(1,), min_length=1, description="every case makes every run with each")
    metrics: tuple[AnyMetric, ...] = ()
    gates: tuple[GateConfig, ...] = ()
    folder: Path = Field(default=Path(), description="the folder of the configuration file; set when it is read")

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        names = [case.name for case in self.cases]
        if len(set(names)) != len(names):
            raise ValueError(f"names of cases must differ, found {', '.join(names)}")
        if self.reference not in names:
            raise ValueError(f"reference is '{self.reference}', which is none of the cases {', '.join(names)}")
        for case in self.cases:
            _known(f"case {case.name}", {*case.kinds, *case.files}, self.kinds)
        for metric in self.metrics:
            _known(f"metric {metric.metric}", {metric.kind} - {""}, self.kinds)
        for gate in self.gates:
            others = {name for name in (gate.no_more_than, gate.no_less_than) if name}
            _known(f"gate on {gate.number}", {*gate.cases, *others}, names)
        return self

    @property
    def adapter(self) -> HostAdapter:
        """The host. Raises ``ConfigError`` if there is none of this name."""
        return find_host(self.host, self.folder)

    def entries_of(self, case: CaseConfig, kind: str) -> Entries:
        """Settings of one run, seed apart."""
        return {**self.entries, **self.kinds[kind].entries, **case.entries, **case.kinds.get(kind, {})}

    def runs(self) -> Iterator[tuple[CaseConfig, str, int]]:
        """Case, kind and seed of every run."""
        for case in self.cases:
            for kind, settings in self.kinds.items():
                seeds = case.seeds or self.seeds
                yield from ((case, kind, seed) for seed in (seeds[:1] if settings.one_seed else seeds))


def load_experiment(path: str | Path, **changes: Any) -> ExperimentConfig:
    """Read a configuration; ``changes`` that are not None replace its keys (paths then as the caller means them).

    Raises:
        ConfigError: the file, a change, or a setting of the host is not valid; the message names every problem.
    """
    path = Path(path)
    config = load_config(path, ExperimentConfig)
    given = {name: value for name, value in changes.items() if value is not None}
    own = {"folder": path.parent, "output_dir": path.parent / config.output_dir}
    try:
        config = config.model_copy(update=own | given)
        for case, kind, _ in config.runs():
            if kind not in case.files:
                config.adapter.check(config.entries_of(case, kind))
    except ValueError as error:
        raise ConfigError(f"{path} is not valid: {error}") from error
    return config


def _known(where: str, found: set[str], known: Any) -> None:
    unknown = sorted(found - set(known))
    if unknown:
        raise ValueError(f"{where}: unknown {', '.join(unknown)}; known: {', '.join(known)}")
