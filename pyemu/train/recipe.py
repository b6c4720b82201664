"""How a system of the zoo is trained: data, fit and scores behind one door."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from pyemu.zoo.checkpoint import Checkpoint
from pyemu.zoo.system import System

SystemT = TypeVar("SystemT", bound=System)


@dataclass(frozen=True)
class Run:
    """One training as it was asked for.

    ``folder`` is there for logs and partial results; ``epoch_share`` shortens the training; ``seed`` fixes all that is
    random; ``more`` are files of columns to train on besides.
    """

    network: str
    budget_name: str
    folder: Path
    cache_dir: Path
    seed: int
    threads: int
    epoch_share: float
    progress: bool
    more: tuple[Path, ...]


class Recipe(ABC, Generic[SystemT]):
    """Data, training and scores of a family of systems. ``budgets`` has ``smoke``, ``small`` and ``full``."""

    budgets: ClassVar[Mapping[str, Any]]

    def budget(self, name: str) -> Any:
        """Look a budget up. Raises ``KeyError`` that lists the names there are."""
        if name not in self.budgets:
            raise KeyError(f"no budget '{name}'; choose one of: {', '.join(self.budgets)}")
        return self.budgets[name]

    @abstractmethod
    def generate(self, system: SystemT, budget_name: str, cache_dir: Path) -> dict[str, Path]:
        """Make, or find in the cache, the files of the training data: split -> path."""

    @abstractmethod
    def fit(self, system: SystemT, run: Run) -> Checkpoint:
        """Train. The same run gives the same weights on one machine."""

    @abstractmethod
    def evaluate(self, system: SystemT, checkpoint: Checkpoint, cache_dir: Path, budget_name: str) -> dict[str, Any]:
        """Offline scores on data that training has not seen, ready for JSON.

        A key ``scores`` maps a name to ``value``, ``limit``, ``pass``, ``unit`` and ``title``: rows of the table that
        ``pyemu evaluate`` prints, and of the gates of ``pyemu couple``. ``limit`` and ``pass`` may be None.
        """
