"""The runs of a coupled test of radiation: every climate with both schemes in the column host."""

import contextlib
import os
from pathlib import Path
from typing import Any

from pyemu.harness.radiation.settings import ClimateConfig, CoupleConfig
from pyemu.harness.run import HostError, Run, fingerprint
from pyemu.hosts import executable, rrtmg_directory
from pyemu.hosts.column_namelist import GROUPS
from pyemu.hosts.namelist import namelist_text

SCHEMES = ("rrtmg", "emulator")
OUTPUT = "column.nc"


def plan(config: CoupleConfig) -> list[Run]:
    """Every climate with every scheme; slow ones first, so that two processes end at about the same time.

    Raises:
        HostError: the executable, RRTMG or an emulator file is missing.
    """
    try:
        host = executable("column")
    except OSError as error:
        raise HostError(str(error)) from error
    return [_plan_one(config, climate, scheme, host) for scheme in SCHEMES for climate in config.climates]


def _plan_one(config: CoupleConfig, climate: ClimateConfig, scheme: str, host: Path) -> Run:
    entries: dict[str, Any] = {
        **config.host, **climate.host, "n_days": config.days, "output_file": OUTPUT, "scheme": scheme,
    }  # fmt: skip
    files: tuple[Path, ...] = ()
    if scheme == "emulator":
        files = (config.longwave_file, config.shortwave_file)
        entries |= config.guard.entries() if config.guard else {}
    paths = dict(zip(("longwave_file", "shortwave_file"), (path.resolve() for path in files), strict=False))
    return Run(
        labels={"climate": climate.name, "scheme": scheme},
        folder=config.output_dir / "runs" / f"{climate.name}_{scheme}",
        command=(str(host), "run.nml"),
        files={"run.nml": namelist_text(GROUPS, entries | paths)},
        output_name=OUTPUT,
        fingerprint=fingerprint(entries, (host, *files)),
        environment=_environment(),
    )


def _environment() -> dict[str, str]:
    """The place of RRTMG where climt is installed; the host itself says if it is not."""
    if "PYEMU_RRTMG" not in os.environ:
        with contextlib.suppress(FileNotFoundError):
            return {"PYEMU_RRTMG": str(rrtmg_directory())}
    return {}
