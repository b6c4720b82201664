"""Gates: one number, one limit, one verdict each."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Gate:
    """A number that must stay on one side of its limit. ``limit`` None: reported, never failing."""

    name: str
    value: float
    limit: float | None
    unit: str
    title: str
    sense: Literal["at most", "at least"] = "at most"
    given: bool | None = None  # a verdict reached elsewhere, which binds

    @property
    def passed(self) -> bool | None:
        """None without a limit; a number that is not finite never passes."""
        if self.given is not None or self.limit is None:
            return self.given
        if not math.isfinite(self.value):
            return False
        return self.value <= self.limit if self.sense == "at most" else self.value >= self.limit

    def to_dict(self) -> dict[str, Any]:
        """The entry of ``summary.json``; a number that is not finite becomes null."""
        value, limit = (
            number if number is not None and math.isfinite(number) else None for number in (self.value, self.limit)
        )
        return {"value": value, "limit": limit, "pass": self.passed, "unit": self.unit}


def all_passed(gates: Sequence[Gate]) -> bool:
    """Whether no gate failed; there must be one that could."""
    verdicts = [gate.passed for gate in gates if gate.passed is not None]
    return bool(verdicts) and all(verdicts)


def summary(gates: Sequence[Gate]) -> dict[str, dict[str, Any]]:
    """The flat object of ``summary.json``: what can fail, and nothing else.

    Raises ``ValueError`` if two gates share a name.
    """
    names = [gate.name for gate in gates]
    if len(set(names)) != len(names):
        raise ValueError(f"gates share a name: {sorted({name for name in names if names.count(name) > 1})}")
    return {gate.name: gate.to_dict() for gate in gates if gate.passed is not None}
