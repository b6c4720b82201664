"""What a coupled test found."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyemu.harness.gates import Gate, summary


@dataclass(frozen=True)
class CoupledResult:
    """Verdict of a coupled test and the folder of its report."""

    folder: Path
    gates: tuple[Gate, ...]
    passed: bool

    def summary(self) -> dict[str, dict[str, Any]]:
        """As in ``summary.json``."""
        return summary(self.gates)
