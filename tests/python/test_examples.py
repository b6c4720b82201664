"""The pages of the examples are true: their code is that of the programs. (CTest compares what the programs print.)"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
FOLDERS = sorted(path.name for path in EXAMPLES.glob("[0-9][0-9]_*"))
PAGES = [folder for folder in FOLDERS if folder != "01_radiation"]


def normalised(text: str) -> list[str]:
    """Lines without common indentation, trailing blanks and what is outside of the text."""
    return [line.rstrip() for line in textwrap.dedent(text).strip("\n").splitlines()]


def occurs(excerpt: str, source: str) -> bool:
    """Whether the excerpt is a run of lines of the source, indented as a whole."""
    wanted, lines = normalised(excerpt), source.splitlines()
    return any(normalised("\n".join(lines[i : i + len(wanted)])) == wanted for i in range(len(lines) - len(wanted) + 1))


@pytest.mark.parametrize("folder", PAGES)
def test_code_of_the_page_is_that_of_the_program(folder: str) -> None:
    page = (EXAMPLES / folder / "README.md").read_text(encoding="utf-8")
    sources = [path.read_text(encoding="utf-8") for path in (EXAMPLES / folder).iterdir() if path.name != "README.md"]
    excerpts = re.findall(r"^```(?:fortran|c|cpp|cmake|python)\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)
    assert excerpts
    for excerpt in excerpts:
        assert any(occurs(excerpt, source) for source in sources), f"not in {folder}:\n{excerpt}"


def test_the_index_lists_every_example() -> None:
    index = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| \[(\w+)\]\(\1\) \|", index, flags=re.MULTILINE) == FOLDERS


@pytest.mark.parametrize("folder", PAGES)
def test_every_example_is_built_and_run(folder: str) -> None:
    root = EXAMPLES.parent
    assert folder in (EXAMPLES / "CMakeLists.txt").read_text(encoding="utf-8")
    assert f"pyemu_add_example({folder} " in (root / "tests/examples/CMakeLists.txt").read_text(encoding="utf-8")
