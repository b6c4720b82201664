"""Tutorials as programs: their console and Python blocks, in order, in a folder."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from pages import DOCS


def run(page: str, folder: Path) -> list[subprocess.CompletedProcess[str]]:
    """Run every block of a page in its order; return what the commands gave. Python blocks share their names."""
    text = (DOCS / page).read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    done = []
    before = Path.cwd()
    os.chdir(folder)
    try:
        for language, block in re.findall(r"```(python|console)\n(.*?)```", text, flags=re.DOTALL):
            if language == "python":
                exec(compile(block, page, "exec"), names)
            else:
                done += [_command(line.removeprefix("$ ")) for line in block.splitlines() if line.startswith("$ ")]
    finally:
        os.chdir(before)
    return done


def _command(line: str) -> subprocess.CompletedProcess[str]:
    program, *arguments = line.split()
    assert program == "pyemu", line
    return subprocess.run([sys.executable, "-m", "pyemu.cli", *arguments], capture_output=True, text=True, check=False)
