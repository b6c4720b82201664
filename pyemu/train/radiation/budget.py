"""How much data and time a training may take."""

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Budget:
    """Size of a training: columns of each split, epochs by band, columns per step, learning rate, patience [epochs]."""

    name: str
    n_train: int
    n_validation: int
    n_test: int
    epochs: Mapping[str, int]
    batch_size: int
    learning_rate: float
    patience: int

    def shortened(self, share: float) -> "Budget":
        """The same with a share of the epochs, at least one."""
        epochs = {band: max(1, round(share * number)) for band, number in self.epochs.items()}
        return replace(self, epochs=epochs)


def _epochs(longwave: int, shortwave: int) -> dict[str, int]:
    """An epoch of the shortwave takes about twice as long, so it gets fewer for the same time."""
    return {"longwave": longwave, "shortwave": shortwave}


BUDGETS = {
    budget.name: budget
    for budget in (
        Budget("smoke", 2000, 1000, 1000, _epochs(3, 3), batch_size=100, learning_rate=4e-3, patience=3),
        Budget("small", 100_000, 6000, 10_000, _epochs(40, 24), batch_size=256, learning_rate=5e-3, patience=12),
        Budget("full", 300_000, 10_000, 20_000, _epochs(40, 24), batch_size=256, learning_rate=5e-3, patience=12),
    )
}
