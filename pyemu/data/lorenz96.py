"""The truth of Lorenz '96: made by the Fortran host, cached as CF NetCDF, with training rows and the polynomial baseline.

Configuration, rows and baseline are those of Gagne et al. (2020), doi:10.1029/2019MS001896.

>>> from pyemu.data import lorenz96
>>> path = lorenz96.truth("smoke", cache_dir=Path("data-cache"))  # doctest: +SKIP
>>> rows = lorenz96.training_rows(lorenz96.training_part(lorenz96.load(path)))  # doctest: +SKIP

``python -m pyemu.data.lorenz96 --budget full`` makes the truth and compares its statistics with those published.
"""

import csv
import hashlib
import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from pyemu.hosts import executable
from pyemu.hosts.lorenz96_namelist import GROUPS
from pyemu.hosts.namelist import Value, write_namelist

SLOW = "lorenz96_slow_variable"
TENDENCY = "lorenz96_subgrid_tendency"
PREVIOUS = "lorenz96_previous_subgrid_tendency"

INTERVAL = 0.005  # MTU from record to record, and the interval of the diagnosed tendency
BURN_IN = 2000  # steps of 0.001
BUDGETS = {"smoke": 500_000, "small": 4_000_000, "full": 20_000_000}  # steps of 0.001, burn-in included
TRAINING_SHARE = 0.1  # of the records, the first ones
ROW_STRIDE = 5  # records from training row to training row
GENERATOR_VERSION = 1  # raise when the numbers change: it is part of the digest that names the cache file


class TruthError(RuntimeError):
    """The host did not make the truth."""


def truth(budget: str, *, cache_dir: Path, **changes: Value) -> Path:
    """Make, or find in the cache, the NetCDF file of a two-scale run.

    Main arguments: ``budget`` is ``smoke``, ``small`` or ``full``: 5e5, 4e6 or 2e7 steps of 0.001, with a record every
    0.005 after 2 MTU. ``changes`` replace entries of the host's namelist (see its README).
    Returns the path. Raises ``KeyError`` for an unknown budget or entry, ``TruthError`` with what the host says.
    """
    defaults: dict[str, Value] = {
        "model": "two_scale", "burn_in": BURN_IN, "n_steps": BUDGETS[budget] - BURN_IN, "output_precision": "single",
    }  # fmt: skip
    entries = defaults | changes
    path = Path(cache_dir) / f"lorenz96-truth-{budget}-{_digest(entries)}.nc"
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    # The host writes beside the cache file, so that the finished file is renamed within one file system.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=path.stem) as folder:
        namelist = write_namelist(Path(folder) / "truth.nml", GROUPS, entries | {"output_file": "truth.nc"})
        command = [str(executable("lorenz96")), namelist.name]
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if result.returncode:
            raise TruthError(f"status {result.returncode} of the host: {result.stderr.strip()}")
        os.replace(Path(folder) / "truth.nc", path)
    return path


def _digest(entries: dict[str, Value]) -> str:
    text = json.dumps([GENERATOR_VERSION, entries], sort_keys=True, default=list)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def load(path: Path) -> xr.Dataset:
    """Open a truth file of one member: X and U, (time, k). Values are read when they are used."""
    dataset = xr.open_dataset(path)
    return dataset[[SLOW, TENDENCY]].squeeze("member", drop=True)


def training_part(dataset: xr.Dataset) -> xr.Dataset:
    """The first tenth of the records."""
    return dataset.isel(time=slice(0, int(TRAINING_SHARE * dataset.sizes["time"])))


def held_out_part(dataset: xr.Dataset) -> xr.Dataset:
    """All records after the training part."""
    return dataset.isel(time=slice(int(TRAINING_SHARE * dataset.sizes["time"]), None))


def training_rows(dataset: xr.Dataset, stride: int = ROW_STRIDE) -> xr.Dataset:
    """Pairs to learn from, along ``row``: X_t and U_{t-1}, the U of the record before, and what they lead to, U_t.

    Every ``stride``-th record from the third on is used, with all k; the last is left out, as its U belongs to a record
    of the other part. Coordinates ``time`` and ``k`` say where a row comes from.
    """
    chosen = slice(2, dataset.sizes["time"] - 1, stride)
    now, before = dataset.isel(time=chosen), dataset[TENDENCY].shift(time=1).isel(time=chosen)
    return xr.Dataset({SLOW: now[SLOW], PREVIOUS: before, TENDENCY: now[TENDENCY]}).stack(row=("time", "k"))


@dataclass(frozen=True)
class Polynomial:
    """The baseline: U as a polynomial of X, with residuals that are an AR(1) process from record to record."""

    coefficients: tuple[float, ...]  # from the constant up
    residual_sd: float
    residual_phi: float

    def __call__(self, x: xr.DataArray) -> xr.DataArray:
        """Its U, without noise."""
        return xr.apply_ufunc(np.polynomial.polynomial.polyval, x.astype(np.float64), kwargs={"c": self.coefficients})

    def entries(self, noise: str = "ar1") -> dict[str, Value]:
        """Entries of the host's namelist, with ``noise`` as there: ``none``, ``white`` or ``ar1``."""
        return {
            "scheme": "polynomial", "noise": noise, "coefficients": self.coefficients,
            "residual_sd": self.residual_sd, "residual_phi": self.residual_phi,
        }  # fmt: skip


def fit_polynomial(dataset: xr.Dataset, degree: int = 3) -> Polynomial:
    """Least squares on all records and k of a dataset; the residuals' standard deviation and correlation at lag 1."""
    x, u = (dataset[name].values.astype(np.float64) for name in (SLOW, TENDENCY))
    coefficients = np.polynomial.polynomial.polyfit(x.ravel(), u.ravel(), degree)
    residual = u - np.polynomial.polynomial.polyval(x, coefficients)
    phi = np.corrcoef(residual[:-1].ravel(), residual[1:].ravel())[0, 1]
    return Polynomial(tuple(float(value) for value in coefficients), float(residual.std()), float(phi))


@dataclass(frozen=True)
class Statistic:
    """A number of a truth, beside the published one if there is one."""

    name: str
    value: float
    published: float | None = None
    tolerance: float | None = None

    @property
    def agrees(self) -> bool | None:
        """Whether it is within the tolerance of the published number; None without one."""
        if self.published is None or self.tolerance is None:
            return None
        return abs(self.value - self.published) <= self.tolerance


def statistics(dataset: xr.Dataset) -> list[Statistic]:
    """Moments of all records, and the polynomial baseline of the training part. The tolerances are for a full truth."""
    x, u = (dataset[name].values.astype(np.float64) for name in (SLOW, TENDENCY))
    fit = fit_polynomial(training_part(dataset))
    return [
        Statistic("records", float(dataset.sizes["time"])),
        Statistic("residual_phi", fit.residual_phi, 0.9855, 0.0005),
        Statistic("residual_sd", fit.residual_sd, 1.998, 0.02),
        Statistic("x_mean", float(x.mean()), 3.78, 0.0378),
        Statistic("x_sd", float(x.std()), 5.07, 0.0507),
        Statistic("x_minimum", float(x.min())),
        Statistic("x_maximum", float(x.max())),
        Statistic("u_mean", float(u.mean())),
        Statistic("u_sd", float(u.std())),
        Statistic("u_minimum", float(u.min())),
        Statistic("u_maximum", float(u.max())),
        *(Statistic(f"coefficient_{power}", value) for power, value in enumerate(fit.coefficients)),
    ]


def write_table(found: list[Statistic], path: Path) -> None:
    """Write statistics as CSV."""
    with Path(path).open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["statistic", "value", "published", "tolerance", "agrees"])
        for item in found:
            agrees = "" if item.agrees is None else ("yes" if item.agrees else "no")
            writer.writerow([item.name, f"{item.value:.6g}", item.published or "", item.tolerance or "", agrees])


def main(budget: str = "full", cache_dir: Path = Path("data-cache"), table: Path | None = None) -> None:
    """Make the truth, or find it in the cache, and compare its statistics with those published.

    Ends with status 1 if one disagrees. The tolerances are for the full truth: shorter ones may be outside by chance.
    """
    path = truth(budget, cache_dir=cache_dir)
    found = statistics(load(path))
    with xr.open_dataset(path) as dataset:
        print(f"{path}, made in {float(dataset.cpu_time):.1f} s of processor time")
    for item in found:
        verdict = (
            ""
            if item.agrees is None
            else f"  published {item.published} ± {item.tolerance}: " + ("agrees" if item.agrees else "DISAGREES")
        )
        print(f"{item.name:16} {item.value:14.6g}{verdict}")
    if table is not None:
        write_table(found, table)
    if any(item.agrees is False for item in found):
        raise SystemExit(1)


if __name__ == "__main__":
    import typer

    typer.run(main)
