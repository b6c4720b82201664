"""What a coupled test runs and how it is judged: the configuration of ``pyemu couple``."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from pyemu.config import Config, ConfigError, load_config
from pyemu.hosts.column_namelist import GROUPS

Entries = dict[str, bool | int | float | str]

OWNED = {
    "n_days": "days",
    "output_file": "output_dir",
    "scheme": "the harness runs both schemes",
    "longwave_file": "longwave_file",
    "shortwave_file": "shortwave_file",
    "guard": "guard",
    "guard_limit": "guard.limit",
    "guard_taper": "guard.taper",
    "guard_reasons": "guard.reasons",
}  # entries of the host's namelist that the harness sets, and what to use instead


def _check_entries(entries: Entries) -> Entries:
    known = {name for names in GROUPS.values() for name in names}
    for name in entries:
        if name in OWNED:
            raise ValueError(f"'{name}' is set by the harness; use: {OWNED[name]}")
        if name not in known:
            raise ValueError(
                f"unknown entry '{name}' of the column host; known: {', '.join(sorted(known - set(OWNED)))}"
            )
    return entries


HostEntries = Annotated[Entries, AfterValidator(_check_entries)]


class ClimateConfig(Config):
    """One climate: entries of the host's namelist that differ from the common ones."""

    name: str = Field(pattern=r"^[a-z0-9_]+$", description="part of gate names")
    title: str
    inside_training_range: bool = Field(description="only climates inside are gated")
    host: HostEntries = Field(default_factory=dict)


Reason = Literal["not_finite", "invalid", "novel", "budget"]


class GuardConfig(Config):
    """The guard of the emulators in every run: see the host's namelist group ``&guard_nml``."""

    mode: Literal["count", "clip", "fallback", "stop"] = "count"
    limit: float = Field(default=1.1, gt=0, description="novelty above which a column is flagged, 1")
    taper: float = Field(default=0.0, ge=0, description="novelty from which on outputs fade into RRTMG's; 0: none")
    reasons: tuple[Reason, ...] = Field(default=("not_finite", "invalid", "novel", "budget"), min_length=1)

    @model_validator(mode="after")
    def _taper_fits(self) -> Self:
        if self.taper > self.limit:
            raise ValueError(f"taper is {self.taper:g}, above the limit {self.limit:g}")
        if self.taper and self.mode != "fallback":
            raise ValueError(f"taper goes with mode fallback, found {self.mode}")
        return self

    def entries(self) -> Entries:
        """The same as entries of the host's namelist."""
        return {
            "guard": self.mode,
            "guard_limit": self.limit,
            "guard_taper": self.taper,
            "guard_reasons": " ".join(self.reasons),
        }


class LimitsConfig(Config):
    """Limits of the gates."""

    temperature: float = Field(default=0.5, gt=0, description="difference of the mass-weighted mean temperature, K")
    outgoing_longwave: float = Field(default=1.0, gt=0, description="difference of the mean OLR, W m-2")
    column_energy: float = Field(default=1e-4, gt=0, description="heating against net flux, every call, W m-2")
    cost_ratio: float = Field(default=20.0, gt=0, description="RRTMG time over emulator time, 1")
    fallback_share: float | None = Field(
        default=None, ge=0, le=1, description="share of column calls that RRTMG computes behind the guard, either band"
    )
    budget_residual: float | None = Field(
        default=None, gt=0, description="largest residual of the budgets on the cards, every call, W m-2"
    )


class CoupleConfig(Config):
    """A coupled test. Relative paths are relative to the configuration file."""

    title: str
    summary: str = ""
    longwave_file: Path
    shortwave_file: Path
    output_dir: Path
    offline_scores: Path | None = Field(default=None, description="JSON: name -> value, limit, pass, unit")
    days: float = Field(default=200.0, gt=0, description="length of every run")
    averaging_days: float = Field(default=50.0, gt=0, description="the end of each run that counts as equilibrium")
    drift_days: float = Field(default=100.0, gt=0, description="the end of each run over which the trend is taken")
    processes: int = Field(default=2, ge=1, description="runs at a time, each on one core")
    host: HostEntries = Field(default_factory=dict, description="namelist entries of every run")
    climates: tuple[ClimateConfig, ...] = Field(min_length=1)
    limits: LimitsConfig = LimitsConfig()
    guard: GuardConfig | None = Field(
        default=None, description="what the emulator runs are guarded by; default: nothing"
    )

    @model_validator(mode="after")
    def _limits_have_a_guard(self) -> Self:
        for name in ("fallback_share", "budget_residual"):
            if getattr(self.limits, name) is not None and self.guard is None:
                raise ValueError(f"limits.{name} needs a guard: add the key guard")
        if self.limits.budget_residual is not None and self.guard and "budget" not in self.guard.reasons:
            raise ValueError("limits.budget_residual needs the reason budget in guard.reasons")
        return self

    @model_validator(mode="after")
    def _windows_fit(self) -> Self:
        for name in ("averaging_days", "drift_days"):
            if getattr(self, name) > self.days:
                raise ValueError(f"{name} is {getattr(self, name):g}, more than the {self.days:g} days of a run")
        return self

    @model_validator(mode="after")
    def _climates_are_distinct(self) -> Self:
        names = [climate.name for climate in self.climates]
        if len(set(names)) != len(names):
            raise ValueError(f"climate names must differ, found {', '.join(names)}")
        if not any(climate.inside_training_range for climate in self.climates):
            raise ValueError("no climate has inside_training_range: true, so that nothing could fail")
        return self


def load_couple_config(path: str | Path, **changes: Any) -> CoupleConfig:
    """Read a configuration; ``changes`` that are not None replace its keys (paths then as the caller means them).

    Raises:
        ConfigError: the file, or a change, is not valid; the message names every problem.
    """
    path = Path(path)
    config = load_config(path, CoupleConfig)
    base = path.parent
    paths = {name: base / getattr(config, name) for name in ("longwave_file", "shortwave_file", "output_dir")}
    if config.offline_scores:
        paths["offline_scores"] = base / config.offline_scores
    given = {name: value for name, value in changes.items() if value is not None}
    try:
        return CoupleConfig.model_validate(dict(config) | paths | given)
    except ValueError as error:
        raise ConfigError(f"{path} with {given} is not valid: {error}") from error
