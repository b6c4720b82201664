"""One emulator in torch's own formats: the same numbers by every route, for any number of columns, whatever the host does."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_emulator import DOWNWELLING, HEATING, UPWELLING, ToyLongwave, toy_inputs

from pyemu.emulator import EmulatorFile, legs
from pyemu.emulator.verify import verify
from pyemu.runtime import Emulator

REOPENED = Path(__file__).parents[1] / "python" / "reopened.py"

OUTPUTS = (UPWELLING, DOWNWELLING, HEATING)
TOY = ToyLongwave()  # made once: making one draws from torch's generator, which threads would share


@pytest.fixture(params=["toy_pt", "toy_pt2"])
def path(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param)


def in_torch(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    with torch.no_grad():
        found = TOY(*(torch.from_numpy(values) for values in inputs.values()))
    return dict(zip(OUTPUTS, (tensor.numpy() for tensor in found), strict=True))


def test_all_routes_agree_within_a_tenth_of_the_tolerance(path: Path) -> None:
    verdict = verify(EmulatorFile.open(path), module=ToyLongwave(), allow_code=True)
    assert verdict.passed, verdict.to_dict()
    native = "aoti" if path.suffix == ".pt2" else "torchscript"
    assert [leg.leg for leg in verdict.legs] == ["torch", native, "libpyemu", "fortran"]
    assert max(row.relative_difference for leg in verdict.legs for row in leg.outputs) < 2e-6


@pytest.mark.parametrize("columns", [1, 2, 33, 500])
def test_other_columns_give_the_numbers_of_torch(path: Path, columns: int) -> None:
    inputs = toy_inputs(columns, seed=21)
    found = legs.libpyemu(path, EmulatorFile.open(path).card, inputs, allow_code=True)
    for name, expected in in_torch(inputs).items():
        np.testing.assert_allclose(found[name], expected, rtol=0, atol=2e-6 * np.abs(expected).max())


def bound(emulator: Emulator, columns: int, seed: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Bind arrays with columns last, as Fortran hosts have them; return inputs as drawn, and all that is bound."""
    inputs = toy_inputs(columns, seed)
    sizes = {variable.name: (columns, variable.size) for variable in emulator.variables}
    arrays = {
        name: np.asfortranarray(inputs[name].reshape(size) if name in inputs else np.full(size, np.nan), np.float64)
        for name, size in sizes.items()
    }
    emulator.unbind()
    for name, array in arrays.items():
        emulator.bind(name, array[:, 0] if name == "surface_temperature" else array)
    return inputs, arrays


def assert_right(inputs: dict[str, np.ndarray], arrays: dict[str, np.ndarray]) -> None:
    for name, expected in in_torch(inputs).items():
        np.testing.assert_allclose(arrays[name], expected, rtol=0, atol=2e-6 * np.abs(expected).max())


def test_number_of_columns_may_change_between_runs(path: Path) -> None:
    with Emulator.open(path, allow_code=True) as emulator:
        for step, columns in enumerate((40, 1, 40, 7)):
            inputs, arrays = bound(emulator, columns, seed=step)
            emulator.run(step)
            assert_right(inputs, arrays)


def test_two_handles_do_not_mix(path: Path) -> None:
    with Emulator.open(path, allow_code=True) as first, Emulator.open(path, allow_code=True, threads=2) as second:
        one, two = bound(first, 9, seed=1), bound(second, 5, seed=2)
        first.run()
        second.run()
        assert_right(*one)
        assert_right(*two)


def test_handles_in_threads_are_independent(path: Path) -> None:
    errors = []

    def work(seed: int) -> None:
        try:
            with Emulator.open(path, allow_code=True) as emulator:
                inputs, arrays = bound(emulator, 20, seed)
                for _ in range(20):
                    emulator.run()
                assert_right(inputs, arrays)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors


def test_threads_of_a_run_are_not_those_of_torch_in_this_process(path: Path) -> None:
    before = torch.get_num_threads()
    for threads in (1, before + 1):
        with Emulator.open(path, allow_code=True, threads=threads) as emulator:
            inputs, arrays = bound(emulator, 20, seed=3)
            emulator.run()
            assert_right(inputs, arrays)
        assert torch.get_num_threads() == before


def test_opening_twenty_times_takes_no_memory_and_leaves_no_files(path: Path, tmp_path: Path) -> None:
    """In a process of its own, without torch in Python: torch's libraries alone do the work."""
    done = subprocess.run(
        [sys.executable, REOPENED, str(path)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    grown, has_torch = done.stdout.split()
    assert int(grown) < 2_000_000 and has_torch == "False"
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_a_fortran_host_keeps_its_own_threads(path: Path, openmp_host: Path) -> None:
    done = subprocess.run([openmp_host, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    before, *after, together = (line.split() for line in done.stdout.splitlines())
    assert before == ["before", "3"]
    assert [line[:3] for line in after] == [["after", "3", "3"]] * 2
    assert max(float(line[-1]) for line in (*after, together)) < 2e-6


def test_a_file_that_was_replaced_after_its_digest_was_taken_is_refused(path: Path, tmp_path: Path) -> None:
    digest = EmulatorFile.open(path).sha256
    with Emulator.open(path, sha256=digest) as emulator:
        assert emulator.card["name"] == "toy_longwave"
    changed = tmp_path / path.name
    changed.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(RuntimeError, match="another file, or was changed"):
        Emulator.open(changed, sha256=digest)
