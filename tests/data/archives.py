"""Emulator files that carry code: archives as PyTorch writes them and Python modules, good and damaged."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path


def write_zip(
    path: Path, entries: list[tuple[str, str]], method: int = zipfile.ZIP_STORED, comment: bytes = b""
) -> None:
    """Write an archive with the given names and texts."""
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.comment = comment
        for name, text in entries:
            archive.writestr(zipfile.ZipInfo(name), text, method)


def patched(archive: bytes, name: str, offset: int, values: bytes) -> bytes:
    """Overwrite bytes of the entry of the directory that is called ``name``, counted from its start."""
    at = archive.rindex(name.encode()) - 46 + offset
    return archive[:at] + values + archive[at + len(values) :]


def with_large_numbers(archive: bytes, name: str) -> bytes:
    """Move size and offset of one entry into an extra field, and the end record into one of 64 bits."""
    end = archive.rindex(b"PK\x05\x06")
    count, size, start = struct.unpack("<HII", archive[end + 10 : end + 20])
    at = archive.rindex(name.encode())
    header, body = archive[at - 46 : at], archive[at : at + len(name)]
    sizes, offset = header[20:28], header[42:46]
    large = sizes[4:] + bytes(4) + sizes[:4] + bytes(4) + offset + bytes(4)
    extra = struct.pack("<HHI", 0x4246, 4, 7) + struct.pack("<HH", 1, len(large)) + large
    all_ones = b"\xff" * 4
    entry = header[:20] + 2 * all_ones + header[28:30] + struct.pack("<H", len(extra)) + header[32:42] + all_ones
    before, after = archive[: at - 46], archive[at + len(name) : end]
    directory = before + entry + body + extra + after
    record = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, count, count, size + len(extra), start)
    locator = struct.pack("<IIQI", 0x07064B50, 0, len(directory), 1)
    return directory + record + locator + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, *2 * [0xFFFF], *2 * [2**32 - 1], 0)


def write_archives(directory: Path, card: str, reference: str) -> None:
    """Write archives with the entries that PyTorch's have, and everything that can be wrong with one."""
    texts = [("toy/extra/pyemu", card), ("toy/extra/pyemu_reference", reference)]
    script = [("toy/code/__torch__.py", "pass"), ("toy/constants.pkl", ""), *texts]
    write_zip(directory / "toy.pt", script)
    write_zip(directory / "toy.pt2", [("toy/data/aotinductor/model/x.so", "code"), *texts], comment=b"PK\x05\x06 or so")
    write_zip(directory / "zip_of_weights.pt", [("toy/data.pkl", ""), ("toy/data/0", ""), *texts])
    write_zip(directory / "zip_no_card.pt", script[:2])
    write_zip(directory / "zip_no_reference.pt", script[:3])
    write_zip(directory / "zip_compressed.pt", script, zipfile.ZIP_DEFLATED)
    write_zip(directory / "zip_two_cards.pt", [*script, ("other/extra/pyemu", card)])
    write_zip(directory / "zip_empty.pt", [])
    good = (directory / "toy.pt").read_bytes()
    last = "toy/extra/pyemu_reference"
    changes = {
        "zip_encrypted": patched(good, last, 8, b"\x01"),
        "zip_checksum": patched(good, last, 16, b"abcd"),
        "zip_size": patched(good, last, 20, 2 * struct.pack("<I", 0x7FFFFFFF)),
        "zip_two_sizes": patched(good, last, 20, struct.pack("<I", 1)),
        "zip_offset": patched(good, last, 42, struct.pack("<I", 0xFFFFFFFE)),
        "zip_offset_inside": patched(good, last, 42, struct.pack("<I", 5)),
        "zip_no_large_numbers": patched(good, last, 42, struct.pack("<I", 0xFFFFFFFF)),
        "zip_long_name": patched(good, last, 28, struct.pack("<H", 0xFFFF)),
        "zip_short_name": patched(good, last, 28, struct.pack("<H", len(last) - 1)),
        "zip_other_name": good.replace(last.encode(), last.upper().encode(), 1),
        "zip_cut": good[:-1],
        "zip_more": good + b"x",
        "zip_two_disks": good[:-18] + b"\x01" + good[-17:],
        "zip_many_entries": good[:-14] + 2 * struct.pack("<H", 60000) + good[-10:],
        "zip_few_entries": good[:-14] + 2 * struct.pack("<H", 3) + good[-10:],
        "zip_large_numbers": with_large_numbers(good, last),
    }
    large = changes["zip_large_numbers"]
    changes["zip_locator"] = large[:-34] + b"\xff" * 8 + large[-26:]
    changes["zip_locator_inside"] = large[:-34] + bytes(8) + large[-26:]
    changes["zip_large_count"] = large[: -98 + 24] + 2 * struct.pack("<Q", 2**60) + large[-98 + 40 :]
    for name, data in changes.items():
        (directory / f"{name}.pt").write_bytes(data)


def write_modules(directory: Path, card: str, reference: str) -> None:
    """Write Python modules that carry a card, and what can be wrong with one."""
    first, texts = "# pyemu emulator\n", f"CARD = r'''\n{card}\n'''\nREFERENCE = r'''{reference}'''\n"
    modules = {
        "toy": f"{first}import numpy\n\n{texts}\n\ndef emulate(**fields):\n    return fields\n",
        "module_dos": (first + texts).replace("\n", "\r\n"),
        "module_no_card": first + "pass\n",
        "module_indented": first + "if True:\n    " + texts,
        "module_two_cards": first + texts + "CARD = r'''{}'''\n",
        "module_quoted": first + texts + "TEXT = (\nREFERENCE = r'''{}''')\n",
        "module_cut": (first + texts)[:-5],
        "module_other": "# pyemu emulators\n" + texts,
    }
    for name, text in modules.items():
        (directory / f"{name}.py").write_bytes(text.encode())
