"""Namelist files, written from Python values."""

from collections.abc import Mapping, Sequence
from pathlib import Path

Value = bool | int | float | str | Sequence[float]

Groups = Mapping[str, tuple[str, ...]]  # entries of every group


def namelist_text(groups: Groups, entries: Mapping[str, Value | Path]) -> str:
    """Namelist with every entry in its group.

    Raises:
        KeyError: an entry is not one of the host's; the message lists them.
    """
    known = {entry for group in groups.values() for entry in group}
    unknown = sorted(set(entries) - known)
    if unknown:
        raise KeyError(f"unknown namelist entry {', '.join(unknown)}; known: {', '.join(sorted(known))}")
    return "".join(
        _group(group, {name: entries[name] for name in names if name in entries}) for group, names in groups.items()
    )


def write_namelist(path: Path, groups: Groups, entries: Mapping[str, Value | Path]) -> Path:
    """Write a namelist file and return its path. Raises ``KeyError`` as ``namelist_text`` does."""
    path = Path(path)
    path.write_text(namelist_text(groups, entries))
    return path


def _group(group: str, entries: Mapping[str, Value | Path]) -> str:
    lines = "".join(f"  {name} = {_literal(value)}\n" for name, value in entries.items())
    return f"&{group}\n{lines}/\n"


def _literal(value: Value | Path) -> str:
    if isinstance(value, bool):
        return ".true." if value else ".false."
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(repr(float(number)) for number in value)
    return "'" + str(value).replace("'", "''") + "'"
