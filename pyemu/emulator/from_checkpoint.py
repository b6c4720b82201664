"""From a training checkpoint to an emulator file: the system says what stands on its card, the rest is filled in here."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pyemu.emulator.card import (
    DEFAULT_TOLERANCE_REASON,
    Card,
    Provenance,
    TrainingRange,
    Variable,
)
from pyemu.emulator.export import export_onnx
from pyemu.emulator.export_torch import export_pt2, export_torchscript
from pyemu.emulator.version import code_version
from pyemu.fields import FIELDS
from pyemu.zoo.checkpoint import Checkpoint, load_checkpoint
from pyemu.zoo.registry import system as find_system

FORMATS = ("onnx", "pt2", "pt")


def export_checkpoint(
    checkpoint: Path,
    path: Path,
    suffix: str = "onnx",
    freezing: bool = False,
    derivatives: Sequence[str] = (),
    variant: str | None = None,
) -> Path:
    """Write the emulator file of a trained system; ``suffix`` is one of ``FORMATS``, ``freezing`` is for ``pt2``,
    ``derivatives`` (of ``"vjp"`` and ``"jvp"``) are for ``onnx``; ``variant`` is one of the system's, or its default.

    Raises ``ExportError`` when the exported graph does not give torch's numbers, ``ValueError`` for a foreign
    checkpoint, an unknown format or variant, or freezing or derivatives in another format.
    """
    if suffix not in FORMATS:
        raise ValueError(f"unknown format '{suffix}', expected one of {', '.join(FORMATS)}")
    if freezing and suffix != "pt2":
        raise ValueError(f"freezing is an option of AOTInductor packages: it needs the format pt2, found {suffix}")
    if derivatives and suffix != "onnx":
        raise ValueError(f"derivatives are graphs beside an ONNX graph: they need the format onnx, found {suffix}")
    loaded = load_checkpoint(Path(checkpoint))
    system = find_system(loaded.system)
    chosen = system.checked_variant(loaded.network, variant)
    reference = {name: values.numpy() for name, values in system.reference_inputs(loaded, chosen).items()}
    module, card = system.emulator(loaded.build(), chosen), checkpoint_card(loaded, chosen)
    if suffix == "pt2":
        return export_pt2(module, card, reference, path, freezing=freezing)
    if suffix == "pt":
        return export_torchscript(module, card, reference, path)
    return export_onnx(module, card, reference, path, derivatives=derivatives)


def export_variants(checkpoint: Path) -> list[Path]:
    """Write every variant of a trained system as ONNX beside its checkpoint.

    The default is ``NAME.onnx``, others are ``NAME-VARIANT.onnx``, in the order of ``System.variants``.
    """
    loaded = load_checkpoint(checkpoint)
    default, *others = find_system(loaded.system).variants(loaded.network)
    paths = {default: checkpoint.with_suffix(".onnx")}
    paths |= {name: checkpoint.with_name(f"{checkpoint.stem}-{name}.onnx") for name in others}
    return [export_checkpoint(checkpoint, path, variant=name) for name, path in paths.items()]


def checkpoint_card(checkpoint: Checkpoint, variant: str | None = None) -> Card:
    """The card of a checkpoint's emulator, of one of the variants of its system. Raises ``ValueError`` for another."""
    system = find_system(checkpoint.system)
    chosen = system.checked_variant(checkpoint.network, variant)
    entries = system.card(checkpoint, chosen)
    named = f"{checkpoint.network} network" + (f", {chosen}" if chosen else "")
    facts = {
        "name": system.name,
        "version": "1",
        "summary": f"{system.summary} ({named})",
        "licence": "Apache-2.0",
        "vertical_order": "top_first",
        "provenance": _provenance(checkpoint, chosen),
    }
    filled = {
        "inputs": [_variable(entry, checkpoint) for entry in entries["inputs"]],
        "outputs": [_variable(entry, checkpoint) for entry in entries["outputs"]],
        "tolerance": _tolerance(entries.get("tolerance", {})),
    }
    return Card.model_validate(facts | entries | filled)


def _provenance(checkpoint: Checkpoint, variant: str) -> Provenance:
    named = {"network": checkpoint.network} | ({"variant": variant} if variant else {})
    return Provenance(
        data_sha256=checkpoint.data_sha256,
        code_version=code_version(),
        training=checkpoint.training | named,
        created="",
    )


def _variable(entry: Mapping[str, Any], checkpoint: Checkpoint) -> Variable:
    """An entry with what the vocabulary and the checkpoint know of its name."""
    seen = checkpoint.training_range.get(entry["name"])
    ranges = {"training_range": TrainingRange(minimum=tuple(seen[0]), maximum=tuple(seen[1]))} if seen else {}
    if entry["name"] in FIELDS:
        known = Variable.of(entry["name"], dtype=entry["dtype"], **ranges)
        return known.model_copy(update={"dims": tuple(entry["dims"])}) if "dims" in entry else known
    return Variable.model_validate(ranges | dict(entry))


def _tolerance(entries: Mapping[str, Any]) -> dict[str, Any]:
    """The system's own reason is added to the one that holds for all."""
    if "reason" not in entries:
        return dict(entries)
    return dict(entries) | {"reason": f"{DEFAULT_TOLERANCE_REASON}; {entries['reason']}"}
