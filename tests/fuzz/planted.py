"""Plant one bug at a time into a copy of the sources and see that fuzzing finds it: ``planted.py [EXECUTIONS]``.

A fuzzer that finds nothing proves something only if it would have found a bug. Prints after how many executions each was
found; the exit status is 1 if one was not, or if a text that should be changed is no longer in the sources.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUGS = (  # harness, file, text, replacement, what is wrong then
    ("zip", "zip.c", "before > room || ", "", "an entry may begin behind the archive"),
    ("zip", "zip.c", "if (length > size - 4)\n      return 0;", "", "extra fields may reach beyond their header"),
    ("onnx", "onnx.c", "if (count > r->end - r->at)", "if (count > r->end - r->at + 1)", "a field may be a byte too long"),
    ("file", "file.c", '(size_t)(*end - start), "\'\'\'", 3)', '(size_t)(*end - start) + 3, "\'\'\'", 3)',
     "a text of a module may end behind it"),
    ("json", "json.c", "malloc(node->length + 1)", "malloc(node->length)", "a copied string has no room for its end"),
    ("card", "card.c", "calloc((size_t)inputs->count + outputs->count", "calloc((size_t)inputs->count + 1",
     "room for one output"),
    ("reference", "reference.c", "(uint64_t)bytes > node->length", "0", "memory for all columns that are claimed"),
    ("native", "engines/native/view.c", "view->factors[i].size < 1 || ", "", "a size of zero divides"),
    ("native", "engines/native/plan.c", "if (!has_declared_shape(port, view))", "if (0)", "an output larger than declared"),
    ("derivative", "derivative.c", "malloc(counted.size + 1)", "malloc(in_graph.size)", "room for the graph of a model alone"),
    ("base64", "base64.c", "size / 3 + (size % 3 != 0)", "size / 3 + (size % 3 != 1)", "a group too many"),
)  # fmt: skip


def executions_until_found(copy: Path, bug: tuple[str, ...], limit: str) -> int | None:
    """Fuzz the copy with one bug in it; ``None``: not found."""
    harness, file, text, replacement, _ = bug
    source = copy / "csrc" / file
    whole = source.read_text()
    if whole.count(text) != 1:
        sys.exit(f"{file} has {whole.count(text)} times {text!r}, expected one: adapt {Path(__file__).name}")
    source.write_text(whole.replace(text, replacement))
    command = [copy / ".ci" / "fuzz", limit, "--only", harness]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    source.write_text(whole)
    row = re.search(rf"^{harness} +([\d,]+)", done.stdout, re.MULTILINE)
    if row is None:
        sys.exit(f"{harness} could not be built:\n{done.stderr}")
    return int(row.group(1).replace(",", "")) if done.returncode == 1 else None


def main() -> int:
    """Plant all bugs, print the table."""
    limit = sys.argv[1] if len(sys.argv) > 1 else "200000"
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in ("csrc", ".ci", "tests/fuzz"):
            shutil.copytree(ROOT / part, copy / part)
        for bug in BUGS:
            found = executions_until_found(copy, bug, limit)
            missed += found is None
            print(f"{bug[0]:<10} {bug[4]:<45} {'NOT FOUND' if found is None else f'{found:,}':>10}", flush=True)
            shutil.rmtree(copy / "build" / "fuzz" / "corpus")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
