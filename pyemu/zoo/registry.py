"""Systems by name: the only place where a string from a command line or a checkpoint becomes an object."""

from pyemu.zoo import plasim_radiation, radiation
from pyemu.zoo.brajard_forcing import FORCING_SYSTEM
from pyemu.zoo.lorenz96_crps import CRPS
from pyemu.zoo.lorenz96_flow import FLOW
from pyemu.zoo.lorenz96_gan import GAN
from pyemu.zoo.plasim_moist import PLASIM_MOIST
from pyemu.zoo.system import System

SYSTEMS: dict[str, System] = {
    **radiation.SYSTEMS,
    **plasim_radiation.SYSTEMS,
    **{system.name: system for system in (GAN, CRPS, FLOW, FORCING_SYSTEM, PLASIM_MOIST)},
}


def system(name: str) -> System:
    """Look a system up. Raises ``KeyError`` that lists the names there are."""
    if name not in SYSTEMS:
        raise KeyError(f"no system '{name}' in the zoo; choose one of: {', '.join(sorted(SYSTEMS))}")
    return SYSTEMS[name]
