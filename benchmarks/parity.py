"""Every network in every format, replayed by every route: ``parity.py [--runs DIR] [--page FILE] ...``.

Writes the networks of ``nets.py`` and the radiation emulators that ``pyemu train`` left in ``--runs``, and replays each
file as ``pyemu verify`` does: in torch, in the library the file is made for, in libpyemu from Python, and in libpyemu from
Fortran, which is one program, ``pyemu_verify``, that only gets another file name. Prints how far each route is from what
torch gave at export, as a share of the tolerance on the card. Exit status 1 if a file or a route fails.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import bench_runtime
import nets
import torch

import pyemu.runtime
from pyemu.emulator import EmulatorFile
from pyemu.emulator.errors import ExportError
from pyemu.emulator.from_checkpoint import FORMATS, checkpoint_card, export_checkpoint
from pyemu.emulator.kinds import KINDS
from pyemu.emulator.verify import LegResult, Verification, verify
from pyemu.zoo import load_checkpoint
from pyemu.zoo.radiation import SYSTEMS

ROOT = Path(__file__).parents[1]
ROUTES = ("torch", "engine", "libpyemu", "fortran")
PAGE = """# Parity

One Fortran program, `pyemu_verify FILE`, runs every network in every format; only the name of the file changes (and, for files
that carry code, `--allow-code` follows it). It binds real64 arrays and replays the reference columns in the file.

The numbers are the largest difference of each route from what torch gave when the file was written, over all outputs, as a
share of the tolerance on the card: above 1 fails, 0 is equal to the last bit. The engine is the library that the file is made
for: called by itself from Python, by libpyemu from Python, and by libpyemu from Fortran. `budget` is the largest residual of
the column's energy by these routes. `export` is the time to write the file, a comparison with torch at three batch sizes
included, while other work may run on the machine.

{trained}

A `.py` file holds the program that torch.export made of the network, which torch runs; its record is what the program gave, so
the column `torch` compares the program with the network.

    {command}

{facts}

"""


@dataclass(frozen=True)
class Subject:
    """A network by name, its torch module, and what writes it to a path in the format of its suffix."""

    name: str
    module: torch.nn.Module
    write: Callable[[Path], Path]


@dataclass(frozen=True)
class Replay:
    """One file: the verdict on it, or the reason why it was not written; and the time to write it [s], if it was."""

    path: Path
    verification: Verification | None
    problem: str = ""
    seconds: float | None = None

    @property
    def passed(self) -> bool:
        """Whether the file was written and every route agreed."""
        return self.verification is not None and self.verification.passed


def of_net(net: nets.Net) -> Subject:
    """A network of the benchmark."""
    return Subject(
        net.name, net.module, lambda path: nets.WRITERS[path.suffix[1:]](net.module, net.card, net.reference, path)
    )


def of_checkpoint(name: str, checkpoint: Path) -> Subject:
    """A trained system of the zoo."""
    loaded, system = load_checkpoint(checkpoint), SYSTEMS[name]
    module = system.emulator(loaded.build())

    def write(path: Path) -> Path:
        if path.suffix[1:] in FORMATS:
            return export_checkpoint(checkpoint, path, path.suffix[1:])
        card = checkpoint_card(loaded)
        return nets.WRITERS[path.suffix[1:]](module, card, loaded.reference_inputs, path)

    return Subject(name, module, write)


def checkpoint_of(name: str, runs: Path) -> Path:
    """Where ``pyemu train`` leaves the default network of a system."""
    return runs / f"{name}-{SYSTEMS[name].default_network}.ckpt"


def subjects(chosen: list[str], runs: Path) -> Iterable[Subject]:
    """Networks by their names."""
    for net in nets.nets():
        if net.name in chosen:
            yield of_net(net)
    for name in SYSTEMS:
        if name in chosen:
            yield of_checkpoint(name, checkpoint_of(name, runs))


def replay(subject: Subject, path: Path, reuse: bool) -> Replay:
    """Write a file, unless it may be reused and is there, and replay it by every route."""
    seconds = None
    if not (reuse and path.exists()):
        start = time.perf_counter()
        try:
            subject.write(path)
        except ExportError as error:
            return Replay(path, None, str(error))
        seconds = time.perf_counter() - start
    verification = verify(EmulatorFile.open(path), module=subject.module, allow_code=True)
    return Replay(path, verification, seconds=seconds)


def share(leg: LegResult) -> str:
    """The largest difference over the tolerance, or that the route could not be run."""
    if leg.problem is not None:
        return "not run"
    rows = ((row.max_abs_difference, row.tolerance) for row in leg.outputs)
    largest = max(0.0 if found == 0.0 else found / allowed if allowed else float("inf") for found, allowed in rows)
    return f"{largest:.2g}"


def cells(found: Replay) -> list[str]:
    """One row of the table."""
    head = [found.path.stem, found.path.suffix, KINDS[found.path.suffix[1:]].engine]
    if found.verification is None:
        return [*head, *["not written"] * len(ROUTES), "", "", ""]
    legs = found.verification.legs
    residuals = [row.max_abs_residual for leg in legs for row in leg.budgets]
    return [
        *head,
        *(share(leg) for leg in legs),
        f"{max(residuals):.1e}" if residuals else "-",
        "-" if found.seconds is None else f"{found.seconds:.1f}",
        f"{len(found.verification.file.data) / 1e6:.2f}",
    ]


def line(values: Iterable[str]) -> str:
    """A row in Markdown."""
    return f"| {' | '.join(values)} |"


def table(found: list[Replay]) -> str:
    """All files, and below them what went wrong."""
    head = ["network", "file", "engine", "torch", "engine from Python", "libpyemu from Python", "libpyemu from Fortran"]
    head += ["budget [W m-2]", "export [s]", "size [MB]"]
    lines = [line(head), "|---|---|---|" + "---:|" * 7, *(line(cells(item)) for item in found)]
    for item in found:
        legs = item.verification.legs if item.verification else ()
        problems = [item.problem, *(leg.problem or "" for leg in legs)]
        lines += [f"\n{item.path.name}: {problem}" for problem in problems if problem]
    return "\n".join(lines)


def tolerances(found: list[Replay]) -> str:
    """What is allowed for each output over the recorded columns, once for each network, and why."""
    lines = [
        line(["network", "columns", "output", "tolerance", "of the largest", "units"]),
        "|---|---:|---|---:|---:|---|",
    ]
    reasons: dict[str, list[str]] = {}
    for name in dict.fromkeys(item.path.stem for item in found if item.verification):
        file = next(item.verification.file for item in found if item.verification and item.path.stem == name)
        for variable in file.card.outputs:
            largest = float(abs(file.outputs()[variable.name]).max())
            allowed = file.card.tolerance.of(variable.name)
            lines.append(
                line([name, str(file.columns), variable.name, f"{allowed:.0e}", f"{largest:.3g}", variable.units])
            )
        reasons.setdefault(file.card.tolerance.reason, []).append(f"`{name}`")
    lines += ["\n" + textwrap.fill(f"{', '.join(names)}: {reason}.", 128) for reason, names in reasons.items()]
    return "\n".join(lines)


def facts() -> str:
    """The machine and the versions."""
    compilers = [path.name for path in (pyemu.runtime.library_directory().parent / "include" / "pyemu").iterdir()]
    libraries = ", ".join(f"{title} {version(name)}" for title, name in (("torch", "torch"), ("NumPy", "numpy")))
    return (
        f"{bench_runtime.processor()}, {os.cpu_count()} cores; libpyemu {pyemu.runtime.version()}, {libraries}, ONNX Runtime "
        f"{version('onnxruntime')}, Python {sys.version.split()[0]}, Fortran compiler {', '.join(sorted(compilers))}."
    )


def page(found: list[Replay], trained: str) -> str:
    """The page of the documentation."""
    command = shlex.join(["python", "benchmarks/parity.py", *sys.argv[1:]])
    text = PAGE.format(command=command, facts=facts(), trained=trained)
    return f"{text}{table(found)}\n\n## Tolerances\n\n{tolerances(found)}\n"


def describe_training(chosen: list[str], runs: Path) -> str:
    """What was trained, and how, in one sentence."""
    loaded = [load_checkpoint(checkpoint_of(name, runs)) for name in SYSTEMS if name in chosen]
    commands = [f"`pyemu train {item.system} --budget {item.training['budget']['name']}`" for item in loaded]
    trained = (
        f"Trained by {' and '.join(commands)}; all others have random weights." if commands else "None is trained."
    )
    return textwrap.fill(trained, 128)


def arguments() -> argparse.Namespace:
    """The command line."""
    names = [*(net.name for net in nets.nets()), *SYSTEMS]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of checkpoints of the default networks")
    parser.add_argument("--directory", type=Path, default=ROOT / "build" / "parity", help="folder for the files")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--formats", nargs="+", choices=sorted(nets.WRITERS), default=list(nets.WRITERS))
    parser.add_argument("--reuse", action="store_true", help="take files that are there instead of writing them anew")
    parser.add_argument("--page", type=Path, help="file for the page of the documentation, in Markdown")
    found = parser.parse_args()
    for name in SYSTEMS:
        path = checkpoint_of(name, found.runs)
        if name in found.only and not path.exists():
            parser.error(
                f"no checkpoint {path}: make it with 'pyemu train {name} --budget small --output-dir {found.runs}', give "
                "another --runs, or choose networks with --only"
            )
    return found


def main() -> int:
    """Write, replay, print, and write the page if asked to."""
    given = arguments()
    given.directory.mkdir(parents=True, exist_ok=True)
    found = []
    with tempfile.TemporaryDirectory() as cache:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache  # an empty one: times are those of a first export
        for subject in subjects(given.only, given.runs):
            for suffix in given.formats:
                found.append(replay(subject, given.directory / f"{subject.name}.{suffix}", given.reuse))
                print(line(cells(found[-1])), flush=True)
    print(f"\n{table(found)}\n\n{tolerances(found)}")
    if given.page:
        given.page.parent.mkdir(parents=True, exist_ok=True)
        given.page.write_text(page(found, describe_training(given.only, given.runs)), encoding="utf-8")
    return 0 if all(item.passed for item in found) else 1


if __name__ == "__main__":
    sys.exit(main())
