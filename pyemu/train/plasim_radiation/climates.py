"""The climates in which PlaSim with RRTMG is recorded, and which of them training sees."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pyemu.hosts.namelist import Value
from pyemu.train.radiation.budget import Budget

Entries = Mapping[str, Value]
CLIMATES: Mapping[str, Entries] = {
    "control": {},
    "half_co2": {"co2": 180.0},
    "double_co2": {"co2": 720.0},
    "quadruple_co2": {"co2": 1440.0},
    "warm_ocean": {"sst_offset": 4.0},
    "cold_ocean": {"sst_offset": -4.0},
}
TRAINED = ("control", "half_co2", "quadruple_co2", "warm_ocean", "cold_ocean")
HELD_OUT = ("double_co2",)  # seen by no network
RADIATION_INTERVAL_HOURS = 6.0  # states are what is wanted, and they are three times cheaper so


@dataclass(frozen=True)
class CaptureBudget(Budget):
    """Budget of a training with the runs that give the columns.

    ``n_train``, ``n_validation`` and ``n_test`` are drawn from what is recorded. Of every run the first ``spin_up_days``
    are left out, and of a trained climate the last ``later_share`` of the time is for validation and test.
    """

    climates: tuple[str, ...] = field(default=(), kw_only=True)
    n_days: int = field(default=0, kw_only=True)
    spin_up_days: int = field(default=0, kw_only=True)
    record_hours: float = field(default=30.0, kw_only=True)
    record_columns: int = field(default=7, kw_only=True)
    later_share: float = field(default=0.25, kw_only=True)


def _epochs(longwave: int, shortwave: int) -> dict[str, int]:
    return {"longwave": longwave, "shortwave": shortwave}


BUDGETS = {
    budget.name: budget
    for budget in (
        CaptureBudget(
            "smoke", 1000, 500, 500, _epochs(2, 2), batch_size=100, learning_rate=4e-3, patience=2,
            climates=("control",), n_days=4, spin_up_days=1, record_hours=6.0,
        ),
        CaptureBudget(
            "small", 60_000, 6000, 10_000, _epochs(60, 60), batch_size=256, learning_rate=5e-3, patience=20,
            climates=("control", "quadruple_co2", "cold_ocean", "double_co2"), n_days=120, spin_up_days=20,
        ),
        CaptureBudget(
            "full", 250_000, 15_000, 40_000, _epochs(100, 100), batch_size=512, learning_rate=5e-3, patience=30,
            climates=tuple(CLIMATES), n_days=390, spin_up_days=30,
        ),
    )
}  # fmt: skip
