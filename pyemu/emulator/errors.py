"""Errors of the emulator file, each with a message that says what was found, what was expected and what to try."""


class EmulatorFileError(ValueError):
    """A file is missing, damaged, not an emulator file, or newer than this library."""


class ExportError(ValueError):
    """A module cannot be written as an emulator file: nothing has been written."""
