"""What the runs of an experiment left, as metrics see it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import xarray as xr


@dataclass(frozen=True)
class Result:
    """One run: its data up to its end, when it ended, whether before its time, and what was said about it.

    ``further`` are files beside the main one, with a time of their own, such as snapshots; ``inputs`` are the files that its
    settings name.
    """

    case: str
    kind: str
    seed: int
    data: xr.Dataset | None
    end: float
    stopped: bool
    message: str
    processor_time: float
    further: tuple[xr.Dataset, ...] = ()
    inputs: tuple[Path, ...] = ()

    @property
    def length(self) -> float:
        """Time from the first record to the end; a run may begin at another time than 0."""
        if self.data is None or not self.data.sizes["time"]:
            return 0.0
        return self.end - float(self.data["time"][0])

    def after(self, spinup: float, variables: Sequence[str]) -> xr.Dataset | None:
        """The variables behind the spin-up, of the first file that has them all; None without any record.

        Raises ``KeyError`` that names a variable no file has, and those they have.
        """
        if self.data is None or not self.data.sizes["time"]:
            return None
        files = (self.data, *self.further)
        found = next((one for one in files if all(name in one for name in variables)), None)
        if found is None:
            known = {str(name) for one in files for name in one.data_vars}
            missing = ", ".join(name for name in variables if name not in known) or "file with all of " + ", ".join(
                variables
            )
            raise KeyError(f"case {self.case} has no variable {missing}; it has {', '.join(sorted(known))}")
        kept = found[list(variables)].sel(time=found["time"] >= self.data["time"].values[0] + spinup)
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

    def data(self, case: str, kind: str, variables: Sequence[str], *, spinup: bool = False) -> list[xr.Dataset]:
        """The named variables of every run behind its spin-up (``spinup``: from the start), of those that left any.

        Raises ``KeyError`` that names a variable the runs do not have, and those they have.
        """
        start = 0.0 if spinup else self.spinups[kind or self.first_kind]
        found = [run.after(start, variables) for run in self.of(case, kind)]
        return [one for one in found if one is not None]

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
