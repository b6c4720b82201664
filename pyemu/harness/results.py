"""What the runs of an experiment left, as metrics see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import xarray as xr


@dataclass(frozen=True)
class Result:
    """One run: its data up to its end, when it ended, whether before its time, and what was said about it."""

    case: str
    kind: str
    seed: int
    data: xr.Dataset | None
    end: float
    stopped: bool
    message: str
    processor_time: float

    def after(self, spinup: float) -> xr.Dataset | None:
        """The data behind the spin-up; None if there is none."""
        if self.data is None:
            return None
        if not self.data.sizes["time"]:
            return None
        kept = self.data.sel(time=self.data["time"] >= self.data["time"].values[0] + spinup)
        return kept if kept.sizes["time"] else None


@dataclass(frozen=True)
class Results:
    """All runs, the names of cases with their titles in the order of the configuration, and the spin-up of each kind."""

    runs: Sequence[Result]
    titles: Mapping[str, str]
    reference: str
    spinups: Mapping[str, float]

    def of(self, case: str, kind: str) -> list[Result]:
        """The runs of one case and kind, one per seed."""
        return [run for run in self.runs if (run.case, run.kind) == (case, kind or self.first_kind)]

    def data(self, case: str, kind: str, variables: Sequence[str]) -> list[xr.Dataset]:
        """The named variables of every run behind its spin-up, of those runs that left any.

        Raises ``KeyError`` that names a variable the runs do not have, and those they have.
        """
        found = [run.after(self.spinups[kind or self.first_kind]) for run in self.of(case, kind)]
        kept = [one for one in found if one is not None]
        for one in kept:
            missing = [name for name in variables if name not in one]
            if missing:
                known = ", ".join(sorted(str(name) for name in one.data_vars))
                raise KeyError(f"case {case} has no variable {', '.join(missing)}; it has {known}")
        return [one[list(variables)] for one in kept]

    @property
    def others(self) -> list[str]:
        """The cases that are not the reference."""
        return [case for case in self.titles if case != self.reference]

    @cached_property
    def first_kind(self) -> str:
        """The kind that metrics mean when they name none."""
        return next(iter(self.spinups))


def finite_records(path: Path) -> tuple[int, str]:
    """Records of a file before the first NaN or infinity in any variable in time, and where that was ('' if nowhere).

    Missing values are not meant.
    """
    with xr.open_dataset(path, decode_times=False, mask_and_scale=False) as data:
        n, where = data.sizes.get("time", 0), ""
        for name, values in data.data_vars.items():
            if "time" not in values.dims or values.dtype.kind != "f":
                continue
            bad = ~np.isfinite(values.transpose("time", ...).values.reshape(values.sizes["time"], -1)).all(axis=1)
            if bad.any() and bad.argmax() < n:
                n = int(bad.argmax())
                where = f"{name} is not finite from time {float(data['time'][n]):g} on"
    return n, where
