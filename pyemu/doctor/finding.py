"""One finding of the doctor."""

from dataclasses import asdict, dataclass
from typing import Literal

Level = Literal["ok", "advice", "problem"]


@dataclass(frozen=True)
class Finding:
    """What one check found; ``change`` says what to do about it and is empty if ``level`` is ``"ok"``."""

    check: str
    level: Level
    found: str
    change: str = ""

    def to_dict(self) -> dict[str, str]:
        """The finding as plain JSON values."""
        return asdict(self)
