"""Export to torch's own formats writes what torch computes, or nothing; a file with another card is refused."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_emulator import DOWNWELLING, UPWELLING, ToyLongwave, toy_card, toy_inputs
from typer.testing import CliRunner

from pyemu.cli import app
from pyemu.emulator import EmulatorFile, EmulatorFileError, ExportError, reference
from pyemu.emulator.export_torch import export_torchscript, signature
from pyemu.emulator.kinds import CARD_KEY, REFERENCE_KEY
from pyemu.emulator.verify import verify
from pyemu.runtime import Emulator, EmulatorError


class Wrong(ToyLongwave):
    """A toy whose outputs pass through ``change`` after the forward pass."""

    def __init__(self, change) -> None:
        super().__init__()
        self.change = change

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return self.change(super().forward(*tensors))


def refused(module: torch.nn.Module, tmp_path: Path) -> str:
    with pytest.raises(ExportError) as caught:
        export_torchscript(module, toy_card(), toy_inputs(), tmp_path / "refused.pt")
    assert list(tmp_path.iterdir()) == []
    return str(caught.value)


def rewritten(path: Path, folder: Path, **texts: str | None) -> Path:
    """A copy with card or reference columns replaced, or dropped where the value is None."""
    copy = folder / f"changed{path.suffix}"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
        for name in old.namelist():
            text = texts.get(name.rsplit("/extra/")[-1], old.read(name))
            if text is not None:
                new.writestr(name, text)
    return copy


def status(path: Path, **options: object) -> tuple[str, str]:
    with pytest.raises(EmulatorError) as caught:
        Emulator.open(path, allow_code=True, **options)
    return caught.value.status_name, str(caught.value)


@pytest.mark.parametrize("fixture", ["toy_pt", "toy_pt2"])
def test_archive_holds_card_and_columns_uncompressed_and_no_sources(
    fixture: str, request: pytest.FixtureRequest
) -> None:
    path = request.getfixturevalue(fixture)
    archive = zipfile.ZipFile(path)
    texts = {name.rsplit("/extra/")[-1]: name for name in archive.namelist() if "/extra/pyemu" in name}
    assert set(texts) == {CARD_KEY, REFERENCE_KEY}
    assert all(entry.compress_type == zipfile.ZIP_STORED for entry in archive.infolist())
    assert json.loads(archive.read(texts[CARD_KEY]))["provenance"]["exporter"] == {"torch": torch.__version__}
    assert not [name for name in archive.namelist() if name.endswith(".debug_pkl")]
    assert not any(archive.read(name) for name in archive.namelist() if name.endswith(".cpp"))
    assert b"toy_emulator.py" not in path.read_bytes()


def test_info_names_the_engine_and_runs_nothing(toy_pt2: Path) -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from pyemu.cli import app; "
        f"print(CliRunner().invoke(app, ['info', {str(toy_pt2)!r}, '--json']).stdout, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    document, has_torch = done.stdout.rsplit(" ", 1)
    found = json.loads(document)
    assert has_torch.strip() == "False"
    assert (found["format"], found["engine"], found["carries_code"]) == ("pt2", "aoti", True)
    assert found["opset"] is None and found["reference_columns"] == 12
    assert "which carries code; engine 'aoti'" in CliRunner().invoke(app, ["info", str(toy_pt2)]).output


def test_verify_needs_leave_to_run_code(toy_pt: Path) -> None:
    result = CliRunner().invoke(app, ["verify", str(toy_pt)])
    assert result.exit_code == 1
    assert "carries code, which runs with all your rights: if you trust it, add --allow-code" in result.stderr
    result = CliRunner().invoke(app, ["verify", str(toy_pt), "--allow-code", "--json"])
    assert result.exit_code == 0, result.output
    assert list(json.loads(result.stdout)["legs"]) == ["torchscript", "libpyemu", "fortran"]


def test_a_leg_of_another_format_says_which_it_is(toy_pt: Path) -> None:
    (leg,) = verify(EmulatorFile.open(toy_pt), legs=["onnxruntime"], allow_code=True).legs
    assert leg.problem == "the file is a TorchScript archive: its leg is 'torchscript'"


def test_random_layer_is_refused(tmp_path: Path) -> None:
    noisy = Wrong(lambda outputs: (outputs[0] + torch.rand_like(outputs[0]), *outputs[1:]))
    assert "TorchScript differs from torch" in refused(noisy, tmp_path)


def test_size_of_the_example_is_refused(tmp_path: Path) -> None:
    class Frozen(torch.nn.Module):
        """A number of columns that a trace keeps."""

        def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
            up, down, heating = ToyLongwave()(*tensors)
            return up + torch.zeros(12, 7, dtype=torch.float64), down, heating

    assert "cannot export Frozen to TorchScript" in refused(Frozen(), tmp_path)


def test_branch_on_values_is_refused(tmp_path: Path) -> None:
    branching = Wrong(lambda outputs: outputs if float(outputs[0].sum()) > 0.0 else outputs[::-1])
    assert "torch cannot export Wrong to TorchScript" in refused(branching, tmp_path)


def test_budget_that_does_not_close_is_refused(tmp_path: Path) -> None:
    leaking = Wrong(lambda outputs: (outputs[0], outputs[1], outputs[2] * 1.01))
    assert "budget 'longwave_column_energy' does not close" in refused(leaking, tmp_path)


def test_signature_lists_types_and_sizes_in_order() -> None:
    assert signature(toy_card()) == (
        "float32[n,6] float64[n,7] float32[n,6] float32[n] -> float64[n,7] float64[n,7] float64[n,6]"
    )


def swapped_card(path: Path) -> str:
    """The card with its first two outputs, which have the same shape, exchanged."""
    card = EmulatorFile.open(path).card.to_dict()
    card["outputs"][:2] = card["outputs"][1::-1]
    return json.dumps(card)


@pytest.mark.parametrize("fixture", ["toy_pt", "toy_pt2"])
def test_outputs_in_another_order_are_refused(fixture: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    path = request.getfixturevalue(fixture)
    found = status(rewritten(path, tmp_path, pyemu=swapped_card(path)))
    assert found[0] == "PYEMU_ERR_GRAPH"
    assert f"output '{DOWNWELLING}' of the model differs from its recorded values" in found[1]


def test_package_compiled_for_other_sizes_is_refused_before_it_runs(toy_pt2: Path, tmp_path: Path) -> None:
    """Compiled code looks at no sizes: it would read beyond the arrays."""
    file = EmulatorFile.open(toy_pt2)
    dimensions = {"layer": 5, "interface": 6}
    inputs = tuple(item.model_copy(update={"training_range": None}) for item in file.card.inputs)
    card = file.card.model_copy(update={"dimensions": dimensions, "inputs": inputs})
    values = {
        variable.name: file.reference[variable.name][..., : card.level_size(variable)] if variable.level else values
        for variable, values in zip(card.variables, file.reference.values(), strict=True)
    }
    changed = rewritten(toy_pt2, tmp_path, pyemu=card.to_json(), pyemu_reference=reference.encode(card, values))
    name, message = status(changed)
    assert name == "PYEMU_ERR_GRAPH"
    assert "the package was compiled for float32[n,6] float64[n,7]" in message
    assert "but the card says float32[n,5] float64[n,6]" in message


def with_metadata(path: Path, folder: Path, **changes: str | None) -> Path:
    """A copy of a package whose metadata is changed."""
    copy = folder / "changed.pt2"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith("_metadata.json"):
                values = json.loads(data) | changes
                data = json.dumps({key: value for key, value in values.items() if value is not None}).encode()
            new.writestr(name, data)
    return copy


@pytest.mark.parametrize(
    ("changes", "piece"),
    [
        ({"pyemu_tensors": None}, "does not say which tensors it was compiled for"),
        ({"AOTI_MACHINE": "riscv64"}, "the package was compiled for riscv64, but this machine is"),
        ({"AOTI_CPU_ISA": "AVX1024"}, "for a processor with avx1024, which this one lacks"),
        ({"AOTI_DEVICE_KEY": "cuda"}, "compiled for device 'cuda', but was opened for 'cpu'"),
    ],
)
def test_package_for_another_machine_is_refused(
    toy_pt2: Path, tmp_path: Path, changes: dict[str, str | None], piece: str
) -> None:
    name, message = status(with_metadata(toy_pt2, tmp_path, **changes))
    assert name == "PYEMU_ERR_GRAPH" and piece in message


def test_package_without_code_is_refused(toy_pt2: Path, tmp_path: Path) -> None:
    copy = tmp_path / "empty.pt2"
    with zipfile.ZipFile(toy_pt2) as old, zipfile.ZipFile(copy, "w") as new:
        for name in old.namelist():
            new.writestr(name, b"\x7fELF" if name.endswith(".so") else old.read(name))
    name, message = status(copy)
    assert name == "PYEMU_ERR_GRAPH" and "torch could not load the package: " in message and "\n" not in message


@pytest.mark.parametrize(
    ("texts", "piece"),
    [
        ({CARD_KEY: None}, "is a TorchScript archive without an emulator card"),
        ({REFERENCE_KEY: None}, "has a card but no reference columns"),
        ({CARD_KEY: "{"}, "is not JSON"),
    ],
)
def test_archive_with_damaged_texts_is_refused(
    toy_pt: Path, tmp_path: Path, texts: dict[str, str | None], piece: str
) -> None:
    with pytest.raises(EmulatorFileError, match=piece):
        EmulatorFile.open(rewritten(toy_pt, tmp_path, **texts))


def test_torch_leaves_nothing_to_the_cpu(toy_pt: Path) -> None:
    with pytest.raises(EmulatorError, match="leaves nothing to the CPU") as caught:
        Emulator.open(toy_pt, allow_code=True, device="cuda:0,cpu")
    assert caught.value.status_name == "PYEMU_ERR_UNSUPPORTED"


def test_archive_that_is_cut_or_of_another_kind_is_refused(toy_pt: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.pt"
    path.write_bytes(toy_pt.read_bytes()[:-100])
    with pytest.raises(EmulatorFileError, match="truncated or damaged archive"):
        EmulatorFile.open(path)
    torch.save({"weight": torch.ones(3)}, path)
    with pytest.raises(EmulatorFileError, match="neither an AOTInductor package nor TorchScript"):
        EmulatorFile.open(path)
    buffer = io.BytesIO(toy_pt.read_bytes())
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr("other/extra/pyemu", "{}")
    path.write_bytes(buffer.getvalue())
    with pytest.raises(EmulatorFileError, match="has 2 entries 'extra/pyemu'"):
        EmulatorFile.open(path)


def test_reference_columns_are_those_of_torch(toy_pt2: Path) -> None:
    file = EmulatorFile.open(toy_pt2)
    with torch.no_grad():
        expected = ToyLongwave()(*(torch.from_numpy(values) for values in toy_inputs().values()))
    for variable, tensor in zip(file.card.outputs, expected, strict=True):
        np.testing.assert_array_equal(file.reference[variable.name], tensor.numpy())
    assert file.card.outputs[0].name == UPWELLING


def test_format_is_checked_before_anything_is_exported() -> None:
    from pyemu.emulator.from_checkpoint import export_checkpoint

    with pytest.raises(ValueError, match="unknown format 'h5', expected one of onnx, pt2, pt"):
        export_checkpoint(Path("nowhere.ckpt"), Path("nowhere.h5"), "h5")
    with pytest.raises(ValueError, match="freezing is an option of AOTInductor packages"):
        export_checkpoint(Path("nowhere.ckpt"), Path("nowhere.onnx"), "onnx", freezing=True)


def test_command_exports_a_checkpoint_in_every_format_without_a_compiler(tmp_path: Path) -> None:
    """The untrained dense network: its file need not be good, but the same by every route."""
    from columns import small_columns

    from pyemu.zoo.checkpoint import Checkpoint
    from pyemu.zoo.radiation import SYSTEMS

    torch.manual_seed(2)
    name, columns = "rrtmg_longwave", small_columns(8)
    wanted = {item.name: columns[item.name] for item in SYSTEMS[name].inputs}
    wanted["air_pressure_at_interfaces"] = wanted["air_pressure_at_interfaces"].double()
    limits = {
        key: (values.amin(0).flatten().tolist(), values.amax(0).flatten().tolist()) for key, values in wanted.items()
    }
    network = SYSTEMS[name].build("dense")
    checkpoint = tmp_path / "dense.ckpt"
    Checkpoint(name, "dense", network.state_dict(), {}, "0" * 64, limits, wanted).save(checkpoint)
    result = CliRunner().invoke(app, ["export", str(checkpoint), "--format", "pt", "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["engine"] == "torchscript"
    verdict = verify(EmulatorFile.open(tmp_path / "dense.pt"), allow_code=True)
    assert verdict.passed, verdict.to_dict()
