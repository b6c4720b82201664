"""Pages of the documentation as programs."""

import re
import subprocess
from pathlib import Path
from typing import Any

from pyemu.runtime import library_directory

DOCS = Path(__file__).parents[2] / "docs"


def blocks(page: str, language: str) -> list[str]:
    """The blocks of one language on a page."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return [str(block) for block in re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)]


def run_python(page: str, sources: list[str]) -> dict[str, Any]:
    """Run blocks of a page one after the other; return the names they leave."""
    names: dict[str, Any] = {}
    for source in sources:
        exec(compile(source, page, "exec"), names)
    return names


def run_fortran(folder: Path, source: str) -> str:
    """Compile and run a program in a folder; return what it prints."""
    (folder / "host.f90").write_text(source)
    libraries = library_directory()
    modules = next(libraries.parent.rglob("pyemu.mod")).parent
    command = ["gfortran", "host.f90", f"-I{modules}", f"-L{libraries}", "-lpyemu_fortran", "-lpyemu"]
    subprocess.run([*command, f"-Wl,-rpath,{libraries}", "-o", "host"], check=True, cwd=folder)
    done = subprocess.run(["./host"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
