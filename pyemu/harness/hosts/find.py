"""Adapters by name: those of the hosts that come along, and those that users write."""

import importlib.util
from functools import partial
from pathlib import Path

from pyemu.config import ConfigError
from pyemu.harness.hosts.adapter import HostAdapter
from pyemu.harness.hosts.namelist import NamelistHost
from pyemu.harness.hosts.offline import OfflineHost
from pyemu.harness.hosts.plasim import PlasimHost
from pyemu.hosts import column_namelist, executable, lorenz96_namelist, shallow_water_namelist

ADAPTER = "HOST"  # name of the adapter in a user's file

BUILT_IN: dict[str, HostAdapter] = {
    "column": NamelistHost(
        partial(executable, "column"), column_namelist.GROUPS,
        file_entries=("longwave_file", "shortwave_file", "rrtmg_directory", "restart_in"),
    ),
    "lorenz96": NamelistHost(
        partial(executable, "lorenz96"), lorenz96_namelist.GROUPS, seed_entry="seed",
        file_entries=("initial_file", "emulator_file", "restart_in"),
    ),
    "offline": OfflineHost(),
    "plasim": PlasimHost(),
    "shallow_water": NamelistHost(
        partial(executable, "shallow_water"), shallow_water_namelist.GROUPS, seed_entry="seed",
        file_entries=("momentum_file", "momentum_y_file", "thickness_file", "restart_in"),
        further_entries=("snapshot_file",),
    ),
}  # fmt: skip


def find_host(name: str, folder: Path) -> HostAdapter:
    """A built-in host by its name, or the object ``HOST`` of a Python file, whose path is taken from ``folder``.

    Raises:
        ConfigError: neither; the message lists the names there are.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]
    path = folder / name
    if path.suffix != ".py" or not path.is_file():
        raise ConfigError(
            f"host '{name}' is none of {', '.join(sorted(BUILT_IN))}, nor a Python file at {path} with an adapter {ADAPTER}"
        )
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = getattr(module, ADAPTER, None)
    if not isinstance(found, HostAdapter):
        raise ConfigError(f"{path} has no {ADAPTER} that is a HostAdapter, found {type(found).__name__}")
    return found
