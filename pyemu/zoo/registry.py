"""Systems by name: the only place where a string from a command line or a checkpoint becomes an object."""

from pyemu.zoo.radiation import LONGWAVE, SHORTWAVE, RadiationSystem

SYSTEMS: dict[str, RadiationSystem] = {system.name: system for system in (LONGWAVE, SHORTWAVE)}


def system(name: str) -> RadiationSystem:
    """Look a system up. Raises ``KeyError`` that lists the names there are."""
    if name not in SYSTEMS:
        raise KeyError(f"no system '{name}' in the zoo; choose one of: {', '.join(sorted(SYSTEMS))}")
    return SYSTEMS[name]
