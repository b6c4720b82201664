"""The command line from outside: one JSON document, one message per error, the exit status."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from pyemu.cli import app

COMMANDS = ("info", "verify", "replay", "export", "compile", "train", "evaluate", "data", "couple", "doctor", "list")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_json(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "--json" in result.output


def test_info_prints_the_card_readably(toy_path: Path) -> None:
    result = run("info", toy_path)
    assert result.exit_code == 0
    for text in (
        "toy_longwave, version 1",
        "air_pressure_at_interfaces",
        "7 interfaces",
        "float64",
        "12 columns",
        "kg kg-1",
    ):
        assert text in result.output


def test_info_json_is_one_document(toy_path: Path) -> None:
    document = json.loads(run("info", toy_path, "--json").stdout)
    assert document["card"]["name"] == "toy_longwave"
    assert document["reference_columns"] == 12


def test_verify_reports_every_leg_and_the_reason_of_the_tolerance(toy_path: Path) -> None:
    result = run("verify", toy_path, "--leg", "onnxruntime")
    assert result.exit_code == 0
    assert "ONNX Runtime from Python" in result.output
    assert "pass" in result.output
    assert "float32" in result.output


def test_verify_of_all_legs_gives_json_and_succeeds(toy_path: Path) -> None:
    result = run("verify", toy_path, "--json")
    document = json.loads(result.stdout)
    assert document["pass"] is True, document
    assert list(document["legs"]) == ["onnxruntime", "libpyemu", "fortran", "native", "native_fortran"]
    assert result.exit_code == 0


def test_verify_fails_when_a_leg_cannot_run(toy_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> Path:
        raise FileNotFoundError(f"bin/{name} is nowhere")

    monkeypatch.setattr("pyemu.runtime.program", absent)
    result = run("verify", toy_path, "--leg", "fortran", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["legs"]["fortran"]["problem"] == "bin/pyemu_verify is nowhere"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("info", "nowhere.onnx"), "nowhere.onnx does not exist"),
        (("verify", "nowhere.onnx"), "nowhere.onnx does not exist"),
        (("couple", "nowhere.yaml"), "nowhere.yaml does not exist"),
        (("train", "rrtmg_microwave"), "no system 'rrtmg_microwave'"),
        (("train", "rrtmg_longwave", "--budget", "lavish"), "no budget 'lavish'"),
        (("data", "rrtmg_microwave"), "no system 'rrtmg_microwave'"),
        (("evaluate", "rrtmg_microwave"), "no system 'rrtmg_microwave'"),
        (("export", "nowhere.ckpt"), "nowhere.ckpt: No such file or directory"),
    ],
)
def test_mistake_is_one_message_and_status_one(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.stderr.startswith("pyemu: ")
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_mistake_with_json_is_a_document_too() -> None:
    result = run("info", "nowhere.onnx", "--json")
    assert result.exit_code == 1
    assert "does not exist" in json.loads(result.stdout)["error"]


def test_debug_shows_where_it_happened() -> None:
    result = run("--debug", "info", "nowhere.onnx")
    assert type(result.exception).__name__ == "EmulatorFileError"


def test_list_names_the_radiation_systems() -> None:
    document = json.loads(run("list", "--json").stdout)
    assert {"rrtmg_longwave", "rrtmg_shortwave"} <= set(document)


def test_info_and_help_never_import_torch(toy_path: Path) -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from pyemu.cli import app; "
        f"CliRunner().invoke(app, ['info', {str(toy_path)!r}, '--json']); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
