"""What an emulator file can be, told by its content, and where its two texts are. Nothing in a file is run here."""

import io
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from pyemu.emulator.errors import EmulatorFileError

CARD_KEY = "pyemu"
REFERENCE_KEY = "pyemu_reference"
PYTHON_LINE = "# pyemu emulator"
MAX_TEXT = 1 << 30  # bytes of one text: more is no card, whatever an archive claims


@dataclass(frozen=True)
class Kind:
    """One format: its suffix, the engine that runs it, and whether opening it runs code from the file."""

    suffix: str
    engine: str
    description: str
    carries_code: bool = True


ONNX = Kind("onnx", "onnxruntime", "an ONNX graph", carries_code=False)
PT2 = Kind("pt2", "aoti", "an AOTInductor package")
PT = Kind("pt", "torchscript", "a TorchScript archive")
PY = Kind("py", "python", "a Python module")
KINDS = {kind.suffix: kind for kind in (ONNX, PT2, PT, PY)}


def kind_of(path: Path, data: bytes) -> Kind:
    """The kind of a file; what is nothing else is taken for ONNX.

    Raises:
        EmulatorFileError: a zip archive that torch did not write, or that is damaged.
    """
    if data.startswith(b"PK\x03\x04"):
        names = _archive(path, data).namelist()
        if any("/data/aotinductor/" in name for name in names):
            return PT2
        if any("/code/" in name for name in names) and any(name.endswith("constants.pkl") for name in names):
            return PT
        raise EmulatorFileError(
            f"{path} is a zip archive, but neither an AOTInductor package nor TorchScript: write it with 'pyemu export'"
        )
    return PY if data.splitlines()[:1] == [PYTHON_LINE.encode()] else ONNX


def read_texts(path: Path, data: bytes, kind: Kind) -> dict[str, str]:
    """The texts in a file by their keys, ``CARD_KEY`` and ``REFERENCE_KEY``; a text that is not there is left out.

    Raises:
        EmulatorFileError: the file is damaged.
    """
    if kind is ONNX:
        return {entry.key: entry.value for entry in parse_onnx(path, data).metadata_props}
    try:
        return _module_texts(data.decode()) if kind is PY else _archive_texts(path, data)
    except UnicodeDecodeError as error:
        raise EmulatorFileError(f"the texts in {path} are not UTF-8 ({error}): export the emulator again") from error


def parse_onnx(path: Path, data: bytes) -> onnx.ModelProto:
    """The ONNX model in a file. Protocol buffers accept some damaged files as empty ones, so an empty graph is refused.

    Raises:
        EmulatorFileError: truncated, or not ONNX.
    """
    try:
        model = onnx.load_model_from_string(data)
    except DecodeError as error:
        raise EmulatorFileError(
            f"{path} ({len(data)} bytes) is truncated or not an ONNX file: copy or export it again"
        ) from error
    if not model.graph.output:
        raise EmulatorFileError(
            f"{path} ({len(data)} bytes) holds no ONNX graph: it is truncated or not an emulator file"
        )
    return model


def _archive(path: Path, data: bytes) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile as error:
        raise EmulatorFileError(
            f"{path} ({len(data)} bytes) is a truncated or damaged archive ({error}): copy or export it again"
        ) from error


def _archive_texts(path: Path, data: bytes) -> dict[str, str]:
    archive = _archive(path, data)
    texts = {}
    for key in (CARD_KEY, REFERENCE_KEY):
        entries = [entry for entry in archive.infolist() if entry.filename.endswith(f"/extra/{key}")]
        if len(entries) > 1:
            raise EmulatorFileError(f"{path} has {len(entries)} entries 'extra/{key}', expected 1: export it again")
        if entries:
            texts[key] = _entry(path, archive, entries[0]).decode()
    return texts


def _entry(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    if entry.compress_type != zipfile.ZIP_STORED or entry.file_size > MAX_TEXT:
        raise EmulatorFileError(f"'{entry.filename}' in {path} is compressed or too long: export the emulator again")
    try:
        return archive.read(entry)
    except (zipfile.BadZipFile, RuntimeError, EOFError, zlib.error, NotImplementedError) as error:
        raise EmulatorFileError(
            f"'{entry.filename}' in {path} is damaged ({error}): copy or export the file again"
        ) from error


def _module_texts(text: str) -> dict[str, str]:
    """The two literals of a Python module, found as text."""
    names = {CARD_KEY: "CARD", REFERENCE_KEY: "REFERENCE"}
    found = {key: re.search(rf"^{name} = r'''(.*?)'''", text, re.DOTALL | re.MULTILINE) for key, name in names.items()}
    return {key: match.group(1) for key, match in found.items() if match}
