"""The engine "python": a module's own function behind the same calls, in a Fortran program and inside this Python."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from toy_emulator import HEATING, LAYERS, UPWELLING, toy_card, toy_inputs
from typer.testing import CliRunner

from pyemu.cli import app
from pyemu.emulator import Card, EmulatorFile, ExportError, Variable
from pyemu.emulator.export_python import export_python
from pyemu.emulator.verify import verify
from pyemu.runtime import Emulator, EmulatorError, program

REOPENED = Path(__file__).with_name("reopened.py")

MODULE = '''
"""A grey atmosphere's guess."""

from __future__ import annotations

import numpy as np


def f(air_temperature, surface_temperature):
    """Upwelling flux and heating."""
    temperature = air_temperature.astype(np.float64)
    surface = surface_temperature.astype(np.float64)[:, None]
    levels = np.arange(1.0, temperature.shape[1] + 2.0)
    {line}
    up = 5.67e-8 * surface**4 / levels
    return {{
        "upwelling_longwave_flux_in_air_at_interfaces": up,
        "tendency_of_air_temperature_due_to_longwave_heating": (surface - temperature) * levels[1:] * 1e-6,
    }}
'''


def card() -> Card:
    inputs = tuple(Variable.of(name, dtype="float32") for name in ("air_temperature", "surface_temperature"))
    outputs = tuple(Variable.of(name, dtype="float64") for name in (UPWELLING, HEATING))
    return toy_card(inputs=inputs, outputs=outputs, budgets=(), summary="it's '''quoted''' — twice")


def inputs(columns: int = 12, seed: int = 3) -> dict[str, np.ndarray]:
    drawn = toy_inputs(columns, seed)
    return {name: drawn[name] for name in ("air_temperature", "surface_temperature")}


def expected(fields: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    namespace: dict = {}
    exec(MODULE.format(line="pass"), namespace)
    return namespace["f"](**fields)


def exported(folder: Path, line: str = "pass") -> Path:
    (folder / "source.py").write_text(MODULE.format(line=line), encoding="utf-8")
    return export_python(folder / "source.py", card(), inputs(), folder / "emulator.py")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return exported(tmp_path_factory.mktemp("module"))


def bound(emulator: Emulator, columns: int, seed: int) -> dict[str, np.ndarray]:
    arrays = inputs(columns, seed) | {
        UPWELLING: np.full((columns, LAYERS + 1), np.nan),
        HEATING: np.full((columns, LAYERS), np.nan),
    }
    emulator.unbind()
    for name, array in arrays.items():
        emulator.bind(name, array)
    return arrays


def test_all_routes_give_the_same_bits(path: Path) -> None:
    verdict = verify(EmulatorFile.open(path), allow_code=True)
    assert verdict.passed, verdict.to_dict()
    assert [leg.leg for leg in verdict.legs] == ["python", "libpyemu", "fortran"]
    assert {row.max_abs_difference for leg in verdict.legs for row in leg.outputs} == {0.0}


def test_texts_survive_quotes_and_a_second_export(path: Path, tmp_path: Path) -> None:
    first = EmulatorFile.open(path)
    assert first.card.summary == "it's '''quoted''' — twice"
    assert first.kind.engine == "python"
    again = export_python(path, first.card, inputs(), tmp_path / "again.py")
    assert again.read_text() == path.read_text()


def test_nothing_runs_without_leave(path: Path, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    trap = tmp_path / "trap.py"
    text = path.read_text(encoding="utf-8").replace('"""A grey', f'open({str(marker)!r}, "w").close()\n"""A grey')
    trap.write_text(text.replace("from __future__ import annotations", ""), encoding="utf-8")
    with pytest.raises(EmulatorError, match="carries code") as caught:
        Emulator.open(trap)
    assert caught.value.status_name == "PYEMU_ERR_CODE"
    assert CliRunner().invoke(app, ["info", str(trap)]).exit_code == 0
    assert CliRunner().invoke(app, ["verify", str(trap)]).exit_code == 1
    assert not marker.exists()
    Emulator.open(trap, allow_code=True).close()
    assert marker.exists()


def test_no_device_but_the_cpu(path: Path) -> None:
    with pytest.raises(EmulatorError, match="engine 'python' does not run on device 'cuda:0'") as caught:
        Emulator.open(path, allow_code=True, device="cuda:0")
    assert caught.value.status_name == "PYEMU_ERR_UNSUPPORTED"


def test_columns_may_change_and_handles_do_not_mix(path: Path) -> None:
    with Emulator.open(path, allow_code=True) as one, Emulator.open(path, allow_code=True) as two:
        for step, columns in enumerate((40, 1, 7)):
            first, second = bound(one, columns, step), bound(two, columns + 1, step + 10)
            one.run()
            two.run()
            for arrays in (first, second):
                for name, values in expected({key: arrays[key] for key in inputs()}).items():
                    np.testing.assert_array_equal(arrays[name], values)


def test_handles_in_threads_take_turns(path: Path) -> None:
    failures = []

    def work(seed: int) -> None:
        try:
            with Emulator.open(path, allow_code=True) as emulator:
                arrays = bound(emulator, 20, seed)
                for _ in range(50):
                    emulator.run()
                values = expected({key: arrays[key] for key in inputs()})
                np.testing.assert_array_equal(arrays[HEATING], values[HEATING])
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def changed(path: Path, folder: Path, change: Callable[[str], str]) -> Path:
    """A copy of the emulator file whose module is another."""
    copy = folder / "changed.py"
    copy.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    return copy


@pytest.mark.parametrize(
    ("old", "new", "piece"),
    [
        ("def f(", "def g(", "the module has no function f(**fields)"),
        ("def f(", "def f(:", "SyntaxError: "),
        ("import numpy as np", "import no_such_module", "ModuleNotFoundError: No module named 'no_such_module' ("),
        ("import numpy as np", "raise SystemExit(3)", "SystemExit: 3 ("),
        ("(air_temperature,", "(air_pressure,", "TypeError: f() got an unexpected keyword argument"),
        ("    return {", "    return 3, {", "f returned tuple; expected a dict with the arrays"),
        ('"upwelling_', '"downwelling_', "f returned downwelling_longwave_flux_in_air_at_interfaces, tendency"),
        ("up = 5", "up = 1.1 * 5", "differs from its recorded values by up to"),
        (": up,", ": up.astype('f4'),", "is float32[12, 7], but the card says float64[12, 7]"),
        (": up,", ": up[:1],", "is float64[1, 7], but the card says float64[12, 7]"),
        (": up,", ": -up,", "differs from its recorded values by up to"),
        ("    up = ", "    surface_temperature[0] = 0\n    up = ", "assignment destination is read-only"),
        ("    up = ", "    global kept; kept = surface_temperature\n    up = ", "f kept an array that it was given"),
    ],
)
def test_module_that_does_not_fit_is_refused(path: Path, tmp_path: Path, old: str, new: str, piece: str) -> None:
    with pytest.raises(EmulatorError) as caught:
        Emulator.open(changed(path, tmp_path, lambda text: text.replace(old, new, 1)), allow_code=True)
    assert caught.value.status_name == "PYEMU_ERR_GRAPH"
    assert piece in str(caught.value) and "\n" not in str(caught.value)


def test_exception_in_a_run_names_type_and_line_and_leaves_outputs(tmp_path: Path) -> None:
    path = exported(tmp_path, "if surface.min() < 0: raise ValueError(f'cold:\\n{surface.min():g} K')")
    with Emulator.open(path, allow_code=True) as emulator:
        arrays = bound(emulator, 3, 1)
        arrays["surface_temperature"][1] = -1.0
        with pytest.raises(EmulatorError) as caught:
            emulator.run()
        assert caught.value.status_name == "PYEMU_ERR_INFERENCE"
        line = next(i for i, text in enumerate(path.read_text().splitlines(), 1) if "raise ValueError" in text)
        assert f"ValueError: cold: -1 K ({path}, line {line}, in f)" in str(caught.value)
        assert np.isnan(arrays[HEATING]).all()
        arrays["surface_temperature"][1] = 280.0
        emulator.run()
        assert np.isfinite(arrays[HEATING]).all()


def test_cycles_that_hold_arrays_are_cleared(tmp_path: Path) -> None:
    path = exported(tmp_path, "cycle = [surface_temperature]; cycle.append(cycle)")
    with Emulator.open(path, allow_code=True) as emulator:
        bound(emulator, 3, 1)
        emulator.run()


def replayed(path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program("pyemu_verify"), path, "--allow-code"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )


def test_fortran_program_finds_the_packages_or_says_where_it_looked(path: Path, tmp_path: Path) -> None:
    assert replayed(path, PYEMU_PYTHON=sys.executable).returncode == 0
    (tmp_path / "bin").mkdir()
    (tmp_path / "pyvenv.cfg").write_text(f"home = {sys.base_prefix}/bin\nversion = 3.1.4\n")
    done = replayed(path, PYEMU_PYTHON=str(tmp_path / "bin" / "python"))
    assert done.returncode == 1 and "belongs to Python 3.1.4" in done.stdout
    version, alone = ".".join(map(str, sys.version_info[:3])), "include-system-site-packages = false"
    (tmp_path / "pyvenv.cfg").write_text(f"home = {sys.base_prefix}/bin\nversion = {version}\n{alone}\n")
    done = replayed(path, PYEMU_PYTHON=str(tmp_path / "bin" / "python"))
    assert done.returncode == 1
    assert "the engine 'python' needs NumPy: No module named 'numpy'" in done.stdout
    assert "set PYEMU_PYTHON to the Python program of an environment with NumPy" in done.stdout
    assert done.stderr == ""


def test_fortran_program_keeps_its_working_directory_out(path: Path, tmp_path: Path) -> None:
    """A file beside the host must not stand in for a package."""
    (tmp_path / "numpy.py").write_text("raise RuntimeError('wrong numpy')\n")
    done = subprocess.run(
        [program("pyemu_verify"), path, "--allow-code"], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout


def test_threads_of_a_fortran_host_take_turns(path: Path, openmp_host: Path) -> None:
    done = subprocess.run([openmp_host, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    before, *after, together = (line.split() for line in done.stdout.splitlines())
    assert before == ["before", "3"]
    assert [line[:3] for line in after] == [["after", "3", "3"]] * 2
    assert max(float(line[-1]) for line in (*after, together)) == 0.0


def test_opening_twenty_times_takes_no_memory(path: Path) -> None:
    done = subprocess.run([sys.executable, REOPENED, path], capture_output=True, text=True, check=True)
    assert int(done.stdout.split()[0]) < 2_000_000


@pytest.mark.parametrize(
    ("line", "piece"),
    [
        ("raise KeyError('x')", "fails on the reference inputs: KeyError"),
        ("surface = surface - surface.mean()", "the module differs from torch"),
        ("surface = surface + np.nan", "is not finite in 84 places"),
    ],
)
def test_export_of_a_module_that_does_not_fit_writes_nothing(tmp_path: Path, line: str, piece: str) -> None:
    with pytest.raises(ExportError, match=piece.replace("(", r"\(")):
        exported(tmp_path, line)
    assert [item.name for item in tmp_path.iterdir()] == ["source.py"]
