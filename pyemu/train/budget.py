"""How much data and time a training may take."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Budget:
    """Size of a training: columns of each split, epochs, columns per step, learning rate and patience [epochs]."""

    name: str
    n_train: int
    n_validation: int
    n_test: int
    epochs: int
    batch_size: int
    learning_rate: float
    patience: int


BUDGETS = {
    budget.name: budget
    for budget in (
        Budget("smoke", 2000, 1000, 1000, epochs=3, batch_size=100, learning_rate=4e-3, patience=3),
        Budget("small", 100_000, 6000, 10_000, epochs=20, batch_size=256, learning_rate=4e-3, patience=10),
        Budget("full", 300_000, 10_000, 20_000, epochs=60, batch_size=256, learning_rate=4e-3, patience=20),
    )
}


def budget(name: str) -> Budget:
    """Look a budget up. Raises ``KeyError`` that lists the names there are."""
    if name not in BUDGETS:
        raise KeyError(f"no budget '{name}'; choose one of: {', '.join(BUDGETS)}")
    return BUDGETS[name]
