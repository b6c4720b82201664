"""Python faces of the Fortran hosts, and where their pieces lie on this machine."""

from pyemu.hosts.locate import executable, rrtmg_directory

__all__ = ["executable", "rrtmg_directory"]
