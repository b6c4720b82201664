"""Version of this library as recorded in emulator files."""

from importlib.metadata import PackageNotFoundError, version


def code_version() -> str:
    """Version of the installed distribution, or ``unknown`` when the package runs from a bare source tree."""
    try:
        return version("libpyemu")
    except PackageNotFoundError:
        return "unknown"
