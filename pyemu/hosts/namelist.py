"""Namelist files of the column host, written from Python values."""

from collections.abc import Mapping
from pathlib import Path

Value = bool | int | float | str

# Group of every entry; fortran/hosts/column/README.md says what they mean.
GROUPS: dict[str, tuple[str, ...]] = {
    "run_nml": (
        "ncol", "first_column", "n_days", "time_step", "output_interval_days", "profile_interval_days", "output_file",
        "restart_in", "restart_out",
    ),
    "climate_nml": ("co2", "sst_offset", "surface", "slab_depth", "slab_heat_flux", "declination", "emissivity"),
    "radiation_nml": (
        "scheme", "interval", "longwave_file", "shortwave_file", "longwave_record", "shortwave_record", "record_only",
        "engine", "device", "threads", "rrtmg_directory", "block_size",
    ),
    "surface_nml": ("wind_speed", "exchange_coefficient", "boundary_layer_depth"),
    "convection_nml": ("kind", "critical_lapse_rate"),
    "guard_nml": ("guard", "guard_limit", "guard_taper", "guard_reasons"),
    "test_nml": (
        "push_share", "push_seed", "push_co2_factor", "push_sst_offset", "nan_column", "nan_layer", "nan_call",
    ),
}  # fmt: skip


def namelist_text(entries: Mapping[str, Value | Path]) -> str:
    """Namelist with every entry in its group.

    Raises:
        KeyError: an entry is not one of the host's; the message lists them.
    """
    known = {entry for group in GROUPS.values() for entry in group}
    unknown = sorted(set(entries) - known)
    if unknown:
        raise KeyError(f"unknown namelist entry {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    return "".join(
        _group(group, {name: entries[name] for name in names if name in entries}) for group, names in GROUPS.items()
    )


def write_namelist(path: Path, entries: Mapping[str, Value | Path]) -> Path:
    """Write a namelist file and return its path. Raises ``KeyError`` as ``namelist_text`` does."""
    path = Path(path)
    path.write_text(namelist_text(entries))
    return path


def _group(group: str, entries: Mapping[str, Value | Path]) -> str:
    lines = "".join(f"  {name} = {_literal(value)}\n" for name, value in entries.items())
    return f"&{group}\n{lines}/\n"


def _literal(value: Value | Path) -> str:
    if isinstance(value, bool):
        return ".true." if value else ".false."
    if isinstance(value, int | float):
        return repr(value)
    return "'" + str(value).replace("'", "''") + "'"
