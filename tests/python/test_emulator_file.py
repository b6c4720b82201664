"""Opening a file: every way in which it can be wrong has its own message."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from toy_emulator import HEATING, LAYERS, UPWELLING, toy_inputs

from pyemu.emulator import EmulatorFile, EmulatorFileError, reference
from pyemu.emulator.file import CARD_KEY, REFERENCE_KEY


def rewritten(toy_path: Path, tmp_path: Path, **metadata: str | None) -> Path:
    """A copy with metadata replaced, or dropped where the value is None."""
    model = onnx.load(toy_path)
    values = {entry.key: entry.value for entry in model.metadata_props} | metadata
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {key: value for key, value in values.items() if value is not None})
    path = tmp_path / "changed.onnx"
    onnx.save(model, path)
    return path


def card_text(toy_path: Path, **changes: object) -> str:
    return json.dumps(EmulatorFile.open(toy_path).card.to_dict() | changes)


def test_file_gives_card_reference_and_bytes(toy_path: Path) -> None:
    file = EmulatorFile.open(toy_path)
    assert file.card.name == "toy_longwave"
    assert file.data == toy_path.read_bytes()
    assert file.columns == 12
    for name, values in toy_inputs().items():
        np.testing.assert_array_equal(file.reference[name], values)
        assert file.reference[name].dtype == values.dtype
    assert file.reference[UPWELLING].shape == (12, LAYERS + 1)


def test_description_counts_weights_and_names_the_operator_set(toy_path: Path) -> None:
    described = EmulatorFile.open(toy_path).describe()
    assert described["opset"] == 20
    weights = (2 * LAYERS + 1) * 16 + 16 + 16 * 2 * (LAYERS + 1) + 2 * (LAYERS + 1)
    assert weights <= described["parameters"] < weights + 40  # and a few constants
    assert json.loads(json.dumps(described)) == described


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EmulatorFileError, match=r"nowhere\.onnx does not exist"):
        EmulatorFile.open(tmp_path / "nowhere.onnx")


def test_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmulatorFileError, match="is a directory"):
        EmulatorFile.open(tmp_path)


@pytest.mark.parametrize("fraction", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_truncated_file_is_refused_wherever_it_ends(toy_path: Path, tmp_path: Path, fraction: float) -> None:
    data = toy_path.read_bytes()
    path = tmp_path / "short.onnx"
    path.write_bytes(data[: int(len(data) * fraction)])
    with pytest.raises(EmulatorFileError, match=r"short\.onnx \(\d+ bytes\).*truncated"):
        EmulatorFile.open(path)


def test_text_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.onnx"
    path.write_text("this is not a graph\n")
    with pytest.raises(EmulatorFileError, match=r"not an ONNX file|holds no ONNX graph"):
        EmulatorFile.open(path)


def test_onnx_without_card_says_how_to_make_one(toy_path: Path, tmp_path: Path) -> None:
    with pytest.raises(EmulatorFileError, match=r"without an emulator card.*'pyemu export'"):
        EmulatorFile.open(rewritten(toy_path, tmp_path, **{CARD_KEY: None}))


def test_newer_schema_says_to_update(toy_path: Path, tmp_path: Path) -> None:
    newer = card_text(toy_path, schema=3, unheard_of=True)
    with pytest.raises(EmulatorFileError, match="card schema 3 found, this library reads up to 2: update libpyemu"):
        EmulatorFile.open(rewritten(toy_path, tmp_path, **{CARD_KEY: newer}))


@pytest.mark.parametrize("schema", [None, "1", 0, True, 1.5])
def test_schema_must_be_a_whole_number(toy_path: Path, tmp_path: Path, schema: object) -> None:
    with pytest.raises(EmulatorFileError, match=r"has schema .* expected a whole number"):
        EmulatorFile.open(rewritten(toy_path, tmp_path, **{CARD_KEY: card_text(toy_path, schema=schema)}))


def test_card_that_breaks_the_schema_is_located(toy_path: Path, tmp_path: Path) -> None:
    with pytest.raises(EmulatorFileError, match="breaks the schema: vertical_order"):
        EmulatorFile.open(rewritten(toy_path, tmp_path, **{CARD_KEY: card_text(toy_path, vertical_order="sideways")}))


def test_card_that_is_not_json_is_refused(toy_path: Path, tmp_path: Path) -> None:
    with pytest.raises(EmulatorFileError, match="is not JSON"):
        EmulatorFile.open(rewritten(toy_path, tmp_path, **{CARD_KEY: "{"}))


def test_card_that_contradicts_the_graph_is_refused(toy_path: Path, tmp_path: Path) -> None:
    outputs = EmulatorFile.open(toy_path).card.to_dict()["outputs"]
    swapped = card_text(toy_path, outputs=[outputs[1], outputs[0], outputs[2]])
    with pytest.raises(EmulatorFileError, match=r"has outputs .* its card says"):
        EmulatorFile.open(rewritten(toy_path, tmp_path, **{CARD_KEY: swapped}))


def test_missing_reference_columns_are_an_error(toy_path: Path, tmp_path: Path) -> None:
    with pytest.raises(EmulatorFileError, match="no reference columns"):
        EmulatorFile.open(rewritten(toy_path, tmp_path, **{REFERENCE_KEY: None}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"columns": 11}, "are not float32 values of shape"),
        ({"columns": "12"}, "and '12' columns"),
        ({"encoding": "hex"}, "have encoding 'hex'"),
        ({"values": {}}, "hold no 'air_temperature'"),
        ({"values": {"air_temperature": "?"}}, "are not float32 values"),
    ],
)
def test_damaged_reference_columns_are_an_error(toy_path: Path, tmp_path: Path, change: dict, message: str) -> None:
    file = EmulatorFile.open(toy_path)
    document = json.loads(reference.encode(file.card, file.reference)) | change
    with pytest.raises(EmulatorFileError, match=message):
        EmulatorFile.open(rewritten(toy_path, tmp_path, **{REFERENCE_KEY: json.dumps(document)}))


def test_reference_keeps_every_bit(toy_path: Path) -> None:
    file = EmulatorFile.open(toy_path)
    again = reference.decode(file.card, reference.encode(file.card, file.reference))
    assert again[HEATING].tobytes() == file.reference[HEATING].tobytes()
