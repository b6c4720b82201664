"""Random networks through the engine ``native`` in every way, bit by bit: ``bits.py [--cases N] [--page FILE] ...``.

Every network of ``random_operators.py`` runs as one batch on one thread, and then: in blocks of 1, 7, 16, 33, 128 and 1000
columns with each kind of kernels that the processor has, on 2 to 4 threads, with columns in another order and adjacent in
memory (``bits.c``), as the C that ``pyemu compile`` writes, and on 1 to 4 MPI ranks (``bits_on_ranks.f90``). Any value with
other bits is a difference; what is not a number may have any sign and payload. Exit status 1 if there is one.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import os
import platform
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import numpy as np
import random_operators
from random_nets import SEED, Net

from pyemu.emulator.compile import compile_to_c
from pyemu.runtime import library_directory

FOLDER = Path(__file__).parent
RANKS = (1, 2, 3, 4)
PART = 2 * len(random_operators.NAMES)
LETTERS = {"float32": "f", "float64": "d", "int32": "i"}

# What Open MPI needs to run more ranks than there are cores, as root in a container; others ignore it.
MPI_ENVIRONMENT = {
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "OMPI_MCA_mpi_yield_when_idle": "1",
    "OMPI_MCA_hwloc_base_binding_policy": "none",
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
}
ABOUT = ("case", "columns", "values", "nan", "infinite", "tiny")


def run(*command: object, folder: Path | None = None) -> str:
    """What a command prints; an error if it fails."""
    texts = list(map(str, command))
    environment = {**os.environ, **MPI_ENVIRONMENT, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(texts, capture_output=True, text=True, check=False, cwd=folder, env=environment)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(texts)[:500]} stopped with status {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


# --- Programs ---


@dataclass(frozen=True)
class Programs:
    """The programs that compare, and how the generated C is compiled, if it is."""

    bits: Path
    on_ranks: Path | None
    compiler: tuple[str, ...] = ("gcc", "-O1")


def build(folder: Path, with_ranks: bool = True, compiler: Sequence[str] = ("gcc", "-O1")) -> Programs:
    """Compile the programs against the installed library."""
    lib = library_directory()
    link = [f"-L{lib}", f"-Wl,-rpath,{lib}"]
    bits, ranks = folder / "bits", folder / "bits_on_ranks"
    include = f"-I{lib.parent / 'include'}"
    run("gcc", "-O2", "-std=gnu11", include, FOLDER / "bits.c", "-o", bits, *link, "-lpyemu", "-ldl", "-lm")
    if with_ranks:
        (modules,) = (found.parent for found in (lib.parent / "include" / "pyemu").glob("GNU-*/pyemu_mpi.mod"))
        libraries = ("-lpyemu_mpi", "-lpyemu_fortran", "-lpyemu")
        source = FOLDER / "bits_on_ranks.f90"
        run("mpifort", "-O2", f"-I{modules}", f"-J{folder}", source, "-o", ranks, *link, *libraries)
    return Programs(bits, ranks if with_ranks else None, tuple(compiler))


# --- Cases ---


@dataclass
class Found:
    """What some cases gave: a row for each, operators, and digests of their files with inputs and of their outputs."""

    rows: list[dict[str, str]] = field(default_factory=list)
    operators: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    digests: list[tuple[int, int, str, str]] = field(default_factory=list)

    def add(self, other: Found) -> None:
        """Take in other cases."""
        self.rows += other.rows
        self.operators.update(other.operators)
        self.kinds.update(other.kinds)
        self.digests += other.digests


def write(net: Net, folder: Path) -> bytes:
    """The file and the inputs of a network; returns both."""
    inputs = b"".join(np.ascontiguousarray(values).tobytes() for values in net.draw_inputs(net.columns))
    data = net.file()
    (folder / f"{net.case}.onnx").write_bytes(data)
    (folder / f"{net.case}.in").write_bytes(inputs)
    return data + inputs


def list_cases(nets: Iterable[Net], folder: Path) -> None:
    """The list that the programs read."""
    lines = [f"{n.case} {n.columns} {''.join(LETTERS[port.value.dtype] for port in n.ports)}\n" for n in nets]
    (folder / "cases.txt").write_text("".join(lines))


def rows_of(programs: Programs, folder: Path, library: Path | None) -> list[dict[str, str]]:
    """What the program of one process says of every network, which it gives the outputs that it should have."""
    return list(csv.DictReader(run(programs.bits, folder, *([library] if library else [])).splitlines()))


def generate(nets: Iterable[Net], folder: Path, compiler: Sequence[str]) -> Path:
    """One library with the functions of all networks as C."""
    sources = [compile_to_c(folder / f"{net.case}.onnx").source for net in nets]
    library = folder / "generated.so"
    flags = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-shared", "-fPIC")
    run(*compiler, *flags, *(source.name for source in sources), "-o", library.name, "-lm", folder=folder)
    return library


def outputs_of(net: Net, folder: Path) -> bytes:
    """The outputs of a network with every NaN the same."""
    data, at, made = (folder / f"{net.case}.out").read_bytes(), 0, b""
    for port in net.outputs:
        count = net.columns * port.value.size
        values = np.frombuffer(data, port.value.dtype, count, at).copy()
        values[np.isnan(values)] = np.nan
        at, made = at + values.nbytes, made + values.tobytes()
    return made


def try_cases(numbers: range, programs: Programs) -> Found:
    """All checks of some networks."""
    with tempfile.TemporaryDirectory(prefix="bits") as name:
        folder, nets = Path(name), [random_operators.draw(number) for number in numbers]
        written = hashlib.sha256(b"".join(write(net, folder) for net in nets)).hexdigest()
        list_cases(nets, folder)
        library = generate(nets, folder, programs.compiler) if programs.compiler else None
        rows = rows_of(programs, folder, library)
        for ranks in RANKS if programs.on_ranks else ():
            add_ranks(rows, ranks, run("mpirun", "-n", ranks, programs.on_ranks, folder))
        outputs = hashlib.sha256(b"".join(outputs_of(net, folder) for net in nets)).hexdigest()
    if [int(row["case"]) for row in rows] != list(numbers):
        raise RuntimeError(f"cases {numbers.start} to {numbers.stop - 1} gave {len(rows)} rows")
    operators = Counter(name for net in nets for name in net.operators)
    kinds = Counter(kind for net in nets for kind in kinds_of(net))
    return Found(rows, operators, kinds, [(numbers.start, numbers.stop - 1, written, outputs)])


def kinds_of(net: Net) -> list[str]:
    """What a network is, for the counts."""
    rank = max(len(port.value.shape) for port in net.ports)
    shape = ("numbers", "vectors", "profiles", "fields", "volumes")[min(rank, 4)]
    return [shape, net.real, f"opset {net.opset}", f"{net.columns} columns"]


def add_ranks(rows: Sequence[dict[str, str]], ranks: int, printed: str) -> None:
    """Two more checks of every row."""
    lines = printed.splitlines()
    if len(lines) != len(rows):
        raise RuntimeError(f"{ranks} ranks gave {len(lines)} lines for {len(rows)} cases")
    word = "rank" if ranks == 1 else "ranks"
    for row, line in zip(rows, lines, strict=True):
        case, private, shared = line.split(",")
        if case != row["case"]:
            raise RuntimeError(f"{ranks} ranks gave case {case} instead of {row['case']}")
        row |= {f"{ranks} {word}": private, f"{ranks} {word}, one engine": shared}


def counts(cell: str) -> tuple[int, int]:
    """Values that differ, and NaNs of another sign or payload."""
    differing, nans = cell.split("+")
    return int(differing), int(nans)


def differing(rows: Iterable[Mapping[str, str]]) -> list[str]:
    """What to say of every case with a difference."""
    return [
        f"case {row['case']} ({random_operators.theme(int(row['case']))}): {counts(cell)[0]} values differ: {check}"
        for row in rows
        for check, cell in row.items()
        if check not in ABOUT and cell != "-" and counts(cell)[0] > 0
    ]


def try_all(numbers: range, size: int, jobs: int, programs: Programs) -> Found:
    """All cases, some at a time."""
    parts = [range(first, min(first + size, numbers.stop)) for first in range(numbers.start, numbers.stop, size)]
    found, start = Found(), time.monotonic()
    with ThreadPoolExecutor(jobs) as pool:
        for part in pool.map(lambda part: try_cases(part, programs), parts):
            found.add(part)
            seconds = time.monotonic() - start
            print(f"{len(found.rows)} of {len(numbers)} cases, {seconds:.0f} s", file=sys.stderr, flush=True)
            for text in differing(part.rows):
                print(text, file=sys.stderr, flush=True)
    return found


# --- Page ---

PAGE = """# Bits

{total:,} random networks were run by the engine `native` in every way below, and every output was compared with that of the
whole batch on one thread: {differences} of {values:,} compared values differ, but for sign and payload of NaN.

    {command}

Network N is the same wherever it is drawn (`benchmarks/random_nets.py`, `benchmarks/random_operators.py`); it holds operator N
modulo {n_operators}, the number of operators that the engine knows, among others that are drawn: chains with branches on columns,
profiles, fields and volumes, mostly of float32. Inputs are normal numbers, now and then all tiny or huge, and in some networks
with zeros, denormal and largest numbers, infinities and NaN in some columns. Of the outputs {finite:.1f} % are finite,
{tiny:.1f} % of these denormal. The sign and payload of a NaN may differ
(`docs/reference/native-functions.md`); where they do is in the last column: with plain C kernels, in blocks of so few columns
that they go one by one, and in C.

{facts}

## Checks

{checks}

- Blocks are tried with every kind of kernels; networks that need much work get fewer columns, and blocks that are no smaller
  than the batch are not counted.
- On 2 to 4 threads the batch runs whole and in blocks of 33 and of 128 columns.
- Adjacent columns: arrays as Fortran has them, with room for three more columns.
- C: what `pyemu compile` writes, compiled with `{compiler}`, called for each column and for all columns at once.
- Ranks: each has a block of the columns and an engine of its own (`open_on_all_ranks`), or all share that of rank 0
  (`open_shared`), which is for emulators of columns only.

## Networks

{kinds}

## Operators

In how many of the networks an operator is.

{operators}

## Digests

`docs/reference/bits.csv` has, for every {part} networks, SHA-256 digests of their files and inputs and of their outputs (with one
bit pattern for NaN). Where the first is equal the second must be: on another machine,
`python benchmarks/bits.py --compare docs/reference/bits.csv` says so.
"""


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table in Markdown, numbers to the right."""
    lines = [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}"]
    return "\n".join([*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows)])


HEAD_OF_CHECKS = ("check", "networks", "values", "differ", "NaN of other bits")


@dataclass(frozen=True)
class Check:
    """A check of all networks: in how many it was made, the values compared, those that differ, and NaNs of other bits."""

    name: str
    networks: int
    values: int
    differing: int
    nans: int


def check_of(name: str, rows: Iterable[Mapping[str, str]]) -> Check:
    """The sum over networks."""
    done = [row for row in rows if row[name] != "-"]
    found = [counts(row[name]) for row in done]
    values = sum(int(row["values"]) * times(name, row) for row in done)
    return Check(name, len(done), values, sum(f[0] for f in found), sum(f[1] for f in found))


def checks_of(rows: Sequence[Mapping[str, str]]) -> list[Check]:
    """All checks that were made."""
    made = [check_of(name, rows) for name in rows[0] if name not in ABOUT]
    return [check for check in made if check.networks]


def times(check: str, row: Mapping[str, str]) -> int:
    """How often a check compares all values of a row."""
    if check.startswith("blocks"):
        return sum(row[kind] != "-" for kind in ("avx512", "avx2", "neon", "scalar"))
    if check.endswith("threads"):
        return 1 + sum(int(row["columns"]) > size for size in (33, 128))
    return 1


def processor() -> str:
    """Name of the processor."""
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.machine()


def engine_digest() -> str:
    """A digest of the engine's sources, which have no version of their own."""
    files = sorted((FOLDER.parent / "csrc" / "engines" / "native").iterdir())
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()[:12]


def facts(compiler: Sequence[str], seconds: float) -> str:
    """Machine and versions."""
    name = run(compiler[0], "--version").splitlines()[0]
    libraries = ", ".join(f"{package} {version(package)}" for package in ("numpy", "onnx"))
    return (
        f"{processor()}, {os.cpu_count()} cores; libpyemu {version('libpyemu')} (digest of the engine's "
        f"sources: {engine_digest()}), {libraries}; {name}; seed {SEED}; {seconds / 60:.0f} minutes."
    )


def page(found: Found, arguments: argparse.Namespace, seconds: float) -> str:
    """The text of the page."""
    rows, checks = found.rows, checks_of(found.rows)
    sums = {key: sum(int(row[key]) for row in rows) for key in ABOUT[2:]}
    finite = sums["values"] - sums["nan"] - sums["infinite"]
    names = sorted(found.operators.items())
    thirds = [names[i : i + 3] for i in range(0, len(names), 3)]
    cells = [[cell for pair in line for cell in pair] + [""] * (6 - 2 * len(line)) for line in thirds]
    return PAGE.format(
        total=len(rows),
        differences=sum(check.differing for check in checks) or "none",
        values=sum(check.values for check in checks),
        command=f"python benchmarks/bits.py --first {arguments.first} --cases {arguments.cases} --jobs {arguments.jobs} "
        "--page docs/reference/bits.md",
        n_operators=len(random_operators.NAMES),
        finite=100 * finite / sums["values"],
        tiny=100 * sums["tiny"] / finite,
        facts=facts(arguments.compiler, seconds),
        checks=table(
            HEAD_OF_CHECKS, [[f.name, *(f"{n:,}" for n in (f.networks, f.values, f.differing, f.nans))] for f in checks]
        ),
        compiler=" ".join(arguments.compiler),
        kinds=table(["networks of", "number"], sorted(found.kinds.items(), key=lambda item: (len(item[0]), item))),
        operators=table(["operator", "networks"] * 3, cells),
        part=arguments.part,
    )


# --- Command ---


def read_arguments() -> argparse.Namespace:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cases", type=int, default=PART, help=f"number of networks, default {PART}")
    parser.add_argument("--first", type=int, default=0, help="number of the first network, default 0")
    parser.add_argument("--part", type=int, default=PART, help=f"networks at a time, default {PART}")
    parser.add_argument("--jobs", type=int, default=1, help="parts at the same time, default 1")
    parser.add_argument("--compiler", type=shlex.split, default=["gcc", "-O1"], help="for the C, default: 'gcc -O1'")
    parser.add_argument("--without-ranks", action="store_true", help="do not use MPI")
    parser.add_argument("--page", type=Path, help="page to write, with digests beside it in a .csv")
    parser.add_argument("--compare", type=Path, help="digests of another machine")
    return parser.parse_args()


HEAD = ("first", "last", "networks_sha256", "outputs_sha256")


def compare(digests: Iterable[tuple[int, int, str, str]], path: Path) -> bool:
    """Whether outputs have the digests of a file, where networks have."""
    with path.open(encoding="utf-8", newline="") as stream:
        known = {(int(row["first"]), int(row["last"])): row for row in csv.DictReader(stream)}
    pairs = [(known[item[:2]], item) for item in digests if item[:2] in known]
    same = [(row, item) for row, item in pairs if row["networks_sha256"] == item[2]]
    wrong = [item for row, item in same if row["outputs_sha256"] != item[3]]
    print(f"{len(same)} of {len(pairs)} parts have the networks of {path}; outputs of {len(wrong)} differ")
    for first, last, *_ in wrong:
        print(f"cases {first} to {last}: other outputs")
    return not wrong and len(same) > 0


def main() -> int:
    """Try all, say what differs, write the page."""
    arguments, start = read_arguments(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bits") as folder:
        programs = build(Path(folder), not arguments.without_ranks, arguments.compiler)
        numbers = range(arguments.first, arguments.first + arguments.cases)
        found = try_all(numbers, arguments.part, arguments.jobs, programs)
    checks = checks_of(found.rows)
    for check in checks:
        text = f"{check.name:20} {check.networks:7} networks {check.values:14} values {check.differing:6} differ"
        print(f"{text} {check.nans:9} NaN of other bits")
    if arguments.page:
        arguments.page.write_text(page(found, arguments, time.monotonic() - start), encoding="utf-8")
        with arguments.page.with_suffix(".csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerows([HEAD, *found.digests])
    is_same = compare(found.digests, arguments.compare) if arguments.compare else True
    return 0 if is_same and not any(check.differing for check in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
