"""Random networks of all operators of the engine ``native``: the same bits in every way that they can be run."""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_native_engine import kinds_of_this_processor

from pyemu.runtime import library_directory

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
import bits  # noqa: E402
import random_operators  # noqa: E402
from bits import Programs  # noqa: E402

HAS_MPI = bool(shutil.which("mpirun")) and any(library_directory().parent.glob("include/pyemu/*/pyemu_mpi.mod"))
N_OPERATORS = len(random_operators.NAMES)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    return bits.build(tmp_path_factory.mktemp("bits"), HAS_MPI)


def planned() -> set[str]:
    """The operators in the engine's own tables."""
    texts = [path.read_text() for path in (ROOT / "csrc" / "engines" / "native").glob("*.c")]
    tables = [body for text in texts for body in re.findall(r"struct planner \w+\[\] = \{(.*?)\n\};", text, re.DOTALL)]
    return {name for table in tables for name in re.findall(r'\{"(\w+)"', table)}


def made(row: dict[str, str]) -> set[str]:
    """The checks of a row."""
    return {name for name, cell in row.items() if name not in bits.ABOUT and cell != "-"}


def test_every_operator_of_the_engine_is_drawn() -> None:
    """Who teaches the engine an operator adds it to benchmarks/random_operators.py."""
    assert len(planned()) > 100
    assert set(random_operators.NAMES) == planned()
    for number in range(3 * N_OPERATORS):
        assert random_operators.theme(number) in random_operators.draw(number).operators


def test_networks_are_those_of_onnx() -> None:
    for number in range(2 * N_OPERATORS):
        onnx.checker.check_model(random_operators.draw(number).model(), full_check=True)


def test_a_number_is_always_the_same_network() -> None:
    for number in (0, 149, 12345):
        one, other = random_operators.draw(number), random_operators.draw(number)
        assert one.file() == other.file()
        for a, b in zip(one.draw_inputs(9), other.draw_inputs(9), strict=True):
            assert a.tobytes() == b.tobytes()


def test_every_operator_has_the_same_bits(programs: Programs) -> None:
    found = bits.try_cases(range(N_OPERATORS), replace(programs, on_ranks=None, compiler=()))
    assert not bits.differing(found.rows)
    every = {"blocks of 1", "blocks of 7", "blocks of 16", "blocks of 33", "2 threads", "3 threads", "4 threads"}
    assert all(made(row) >= every | kinds_of_this_processor() for row in found.rows)
    assert sum("blocks of 1000" in made(row) for row in found.rows) > 100


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**9))
def test_generated_c_has_the_bits_of_the_engine(programs: Programs, number: int) -> None:
    found = bits.try_cases(range(number, number + 2), replace(programs, on_ranks=None))
    assert not bits.differing(found.rows)
    assert all(made(row) >= {"C one column", "C all columns", "other order"} for row in found.rows)


@pytest.mark.skipif(not HAS_MPI, reason="no MPI")
def test_ranks_have_the_same_bits(programs: Programs) -> None:
    found = bits.try_cases(range(200, 212), replace(programs, compiler=()))
    assert not bits.differing(found.rows)
    assert all(made(row) >= {"1 rank", "2 ranks", "3 ranks", "4 ranks"} for row in found.rows)
    assert any("4 ranks, one engine" in made(row) for row in found.rows)


# --- What differs is found ---


def layer(number: int) -> random_operators.Net:
    """A network of one layer."""
    net = random_operators.Net(number)
    net.real = "float32"
    net.add_output(random_operators.OPERATORS["Gemm"](net, net.add_input((5,), "float32")))
    return net


def folder_with(net: random_operators.Net, folder: Path) -> Path:
    folder.mkdir()
    bits.write(net, folder)
    bits.list_cases([net], folder)
    return folder


def test_another_bit_of_a_weight_is_found(programs: Programs, tmp_path: Path) -> None:
    """C of a network that is the same but for one bit."""
    net, other = layer(7), layer(7)
    name = max(other.constants, key=lambda name: other.constants[name].size)
    other.constants[name] = np.nextafter(other.constants[name], np.float32(10))
    library = bits.generate([other], folder_with(other, tmp_path / "other"), programs.compiler)
    (row,) = bits.rows_of(programs, folder_with(net, tmp_path / "net"), library)
    wrong = {name for name in made(row) if bits.counts(row[name])[0] > 0}
    assert wrong == {"C one column", "C all columns"}
    assert "C one column" in bits.differing([row])[0]


@pytest.mark.skipif(not HAS_MPI, reason="no MPI")
def test_another_bit_of_an_output_is_found_on_its_rank(programs: Programs, tmp_path: Path) -> None:
    net = layer(8)
    folder = folder_with(net, tmp_path / "net")
    rows = bits.rows_of(programs, folder, None)
    path = folder / "8.out"
    data = bytearray(path.read_bytes())
    data[-4] ^= 1
    path.write_bytes(data)
    assert programs.on_ranks is not None
    bits.add_ranks(rows, 2, bits.run("mpirun", "-n", 2, programs.on_ranks, folder))
    assert (rows[0]["2 ranks"], rows[0]["2 ranks, one engine"]) == ("1+0", "1+0")


def test_a_number_that_is_missing_is_an_error(programs: Programs, tmp_path: Path) -> None:
    folder = folder_with(layer(9), tmp_path / "net")
    (folder / "9.in").write_bytes(b"1234")
    with pytest.raises(RuntimeError, match="case 9: the file of inputs is too short"):
        bits.rows_of(programs, folder, None)


def test_the_page_counts_what_was_compared(programs: Programs) -> None:
    """The committed log: many networks, every operator, no difference."""
    text = (ROOT / "docs" / "reference" / "bits.md").read_text(encoding="utf-8")
    networks = int(re.findall(r"^([\d,]+) random networks", text, re.MULTILINE)[0].replace(",", ""))
    assert networks >= 10_000 and "none of" in text
    for name in random_operators.NAMES:
        (count,) = re.findall(rf"\| {name} \| ([\d,]+) \|", text)
        assert int(count.replace(",", "")) > 50, name
    lines = (ROOT / "docs" / "reference" / "bits.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].split(",") == list(bits.HEAD)
    assert sum(int(line.split(",")[1]) - int(line.split(",")[0]) + 1 for line in lines[1:]) == networks
