"""Python faces of the Fortran hosts, and where their pieces lie on this machine."""

from pyemu.hosts.locate import column_executable, rrtmg_directory

__all__ = ["column_executable", "rrtmg_directory"]
