"""Run an example and compare what it prints with its page: ``run_example.py README.md '$ ./program' COMMAND ...``.

The page shows the command and below it what it prints, in a block of kind ``console``: that text is the expected one.
"""

from __future__ import annotations

import difflib
import re
import subprocess
import sys
from pathlib import Path


def shown(page: str, command: str) -> list[str]:
    """Return the lines below the command, to the next command or the end of the block."""
    for block in re.findall(r"^```console\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE):
        lines = block.splitlines()
        if command in lines:
            rest = lines[lines.index(command) + 1 :]
            end = next((i for i, line in enumerate(rest) if line.startswith("$ ")), len(rest))
            return rest[:end]
    raise SystemExit(f"the page has no console block with the line '{command}'")


def main() -> int:
    """Return 0 if the command succeeds and prints what the page shows."""
    page, line, *command = sys.argv[1:]
    expected = shown(Path(page).read_text(encoding="utf-8"), line)
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, timeout=100)
    found = [text.rstrip() for text in done.stdout.splitlines()]
    for difference in difflib.unified_diff(expected, found, page, "what it printed", lineterm=""):
        print(difference)
    if done.returncode:
        print(f"exit status {done.returncode}")
    return int(done.returncode != 0 or found != expected)


if __name__ == "__main__":
    sys.exit(main())
