"""Write a torch module as an emulator file, and refuse to write one that another library would run differently."""

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import torch

from pyemu.emulator import legs, reference
from pyemu.emulator.card import Card, Variable
from pyemu.emulator.compare import budget_residuals, compare_outputs
from pyemu.emulator.derivative import embed
from pyemu.emulator.derivative_card import derivative_card, directions
from pyemu.emulator.differentiate import Derivative, frozen, trace
from pyemu.emulator.errors import EmulatorFileError, ExportError
from pyemu.emulator.file import check_graph
from pyemu.emulator.kinds import CARD_KEY, REFERENCE_KEY
from pyemu.emulator.program import Positional, as_tensors, free_columns, quiet
from pyemu.emulator.scalars import EXACT_SCALARS

OPSET = 20
BATCH_SIZES = (1, 7)  # columns per call, besides all at once: a graph with its batch size frozen in fails here

ReferenceInputs = Mapping[str, np.ndarray | torch.Tensor]


def export_onnx(
    module: torch.nn.Module,
    card: Card,
    reference_inputs: ReferenceInputs,
    path: str | Path,
    derivatives: Sequence[str] = (),
) -> Path:
    """Export ``module`` to one ``.onnx`` file with its card and reference columns inside.

    Main arguments: ``module`` takes tensors in the order of ``card.inputs`` and returns a tuple in the order of
    ``card.outputs``, columns first; ``reference_inputs`` holds two or more recorded columns of every input;
    ``derivatives`` names those that the file shall carry: ``"vjp"``, the adjoint, and ``"jvp"``, the tangent linear (see
    ``docs/how-to/take-derivatives.md``). Returns the path.

    Raises:
        ExportError: inputs or outputs contradict the card, the graph cannot be exported or has no derivative, or ONNX
            Runtime differs from torch beyond the card's tolerance, whatever the number of columns. Nothing is written
            then.
    """
    path = Path(path)
    inputs = as_arrays(card, reference_inputs)
    derivative_cards = {kind: derivative_card(card, kind) for kind in derivatives}
    outputs = torch_outputs(module, card, inputs)
    card = stamped(card, "torch", "onnx", "onnxscript", "onnxruntime")
    model = _graph(module, card, inputs)
    embed_card(model, card, inputs | outputs)
    check_model(model, card, path)
    data = model.SerializeToString(deterministic=True)
    check_runs(legs.onnxruntime(data), "ONNX Runtime", card, inputs, outputs)
    for kind, own_card in derivative_cards.items():
        own_card = own_card.model_copy(update={"provenance": card.provenance})
        try:
            embed(model, kind, _derivative(module, card, kind, own_card, inputs | outputs, path))
        except ExportError as error:
            raise ExportError(f"derivative '{kind}': {error}") from error
    write(path, model.SerializeToString(deterministic=True) if derivatives else data)
    return path


def _derivative(
    module: torch.nn.Module, card: Card, kind: str, own_card: Card, values: dict[str, np.ndarray], path: Path
) -> onnx.ModelProto:
    """The model of a derivative, with its card and reference columns, after the same checks as the emulator's."""
    inputs = {variable.name: values[variable.name] for variable in card.inputs} | directions(card, kind, values)
    with quiet(), frozen(module):
        traced = trace(module, card, kind, own_card, inputs)
        outputs = torch_outputs(Derivative(module, card, kind), own_card, inputs)
    model = _graph(traced, own_card, inputs)
    model.graph.name = f"emulator_{kind}"
    embed_card(model, own_card, inputs | outputs)
    check_model(model, own_card, path)
    check_runs(legs.onnxruntime(model.SerializeToString()), f"ONNX Runtime ({kind})", own_card, inputs, outputs)
    return model


def torch_outputs(module: torch.nn.Module, card: Card, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Run ``module`` in evaluation mode on arrays by name; raises ``ExportError`` if its outputs contradict the card."""
    module.eval()
    with torch.no_grad():
        found = module(*as_tensors(card, inputs))
    if not isinstance(found, tuple) or len(found) != len(card.outputs):
        what = f"a tuple of {len(found)}" if isinstance(found, tuple) else type(found).__name__
        raise ExportError(
            f"the module returned {what}, expected a tuple of {len(card.outputs)} tensors: see card.outputs"
        )
    columns = card.columns(inputs)
    return {
        variable.name: checked(card, variable, tensor.detach().cpu().numpy(), columns)
        for variable, tensor in zip(card.outputs, found, strict=True)
    }


def as_arrays(card: Card, values: ReferenceInputs) -> dict[str, np.ndarray]:
    """Copies of the reference inputs in the card's types; raises ``ExportError`` if they contradict the card."""
    expected = [variable.name for variable in card.inputs]
    if set(values) != set(expected):
        missing, unknown = sorted(set(expected) - set(values)), sorted(set(values) - set(expected))
        raise ExportError(f"reference inputs: missing {missing}, not on the card {unknown}; the card lists {expected}")
    columns = card.columns(values)
    if columns < 2 and any(variable.has_batch for variable in card.inputs):
        raise ExportError(f"{columns} reference column found, expected 2 or more (32 is a good number)")
    return {
        variable.name: checked(card, variable, _as_array(values[variable.name], variable), columns)
        for variable in card.inputs
    }


def _as_array(values: np.ndarray | torch.Tensor, variable: Variable) -> np.ndarray:
    array = values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)
    return np.array(array, dtype=variable.dtype, order="C")  # a copy: torch wants memory it may write to


def checked(card: Card, variable: Variable, array: np.ndarray, columns: int) -> np.ndarray:
    """The array; raises ``ExportError`` if its shape or type is not the card's, or a value is not finite."""
    expected = card.shape(variable, columns)
    if array.shape != expected or array.dtype != variable.dtype:
        raise ExportError(
            f"'{variable.name}' is {array.dtype}{list(array.shape)}, its card says {variable.dtype}{list(expected)}"
        )
    if not np.isfinite(array).all():
        raise ExportError(f"'{variable.name}' is not finite in {int((~np.isfinite(array)).sum())} places")
    return array


def stamped(card: Card, *libraries: str) -> Card:
    """The card with the versions of the exporting libraries and, if it has none, the time."""
    versions = {name: version(name) for name in libraries}
    created = card.provenance.created or datetime.now(UTC).isoformat(timespec="seconds")
    provenance = card.provenance.model_copy(update={"exporter": versions, "created": created})
    return card.model_copy(update={"provenance": provenance})


def _graph(module: torch.nn.Module, card: Card, inputs: Mapping[str, np.ndarray]) -> onnx.ModelProto:
    """Export through ``torch.export``, optimised, with the column dimension free."""
    try:
        with quiet():
            program = torch.onnx.export(
                Positional(module),
                as_tensors(card, inputs),
                dynamic_shapes=free_columns(card),
                input_names=[variable.name for variable in card.inputs],
                output_names=[variable.name for variable in card.outputs],
                opset_version=OPSET,
                dynamo=True,
                external_data=False,
                custom_translation_table=EXACT_SCALARS,
                optimize=True,
                verbose=False,
            )
    except Exception as error:  # torch raises many kinds; all mean that the module has no graph
        raise ExportError(f"torch cannot export {type(module).__name__} to ONNX: {error}") from error
    if program is None:
        raise ExportError(f"torch returned no ONNX program for {type(module).__name__}")
    return plain_model(program.model_proto)


def plain_model(model: onnx.ModelProto) -> onnx.ModelProto:
    """Drop the exporter's notes: stack traces with paths of the machine, and names of Python objects."""
    for node in model.graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    for values in (model.graph.input, model.graph.output, model.graph.value_info, model.graph.initializer):
        for value in values:
            value.ClearField("metadata_props")
            value.ClearField("doc_string")
    model.graph.ClearField("metadata_props")
    model.graph.ClearField("value_info")
    model.graph.name = "emulator"
    return model


def embed_card(model: onnx.ModelProto, card: Card, values: dict[str, np.ndarray]) -> None:
    """Put the card and the reference columns into the model."""
    onnx.helper.set_model_props(model, {CARD_KEY: card.to_json(), REFERENCE_KEY: reference.encode(card, values)})
    model.doc_string = card.summary


def check_model(model: onnx.ModelProto, card: Card, path: Path) -> None:
    """Raise ``ExportError`` unless the model is valid ONNX and its graph has what the card says."""
    try:
        onnx.checker.check_model(model, full_check=True)
        check_graph(model, card, path.name)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, EmulatorFileError) as error:
        raise ExportError(f"{path.name} not written: {error}") from error


def check_runs(
    run: legs.Runner, route: str, card: Card, inputs: dict[str, np.ndarray], outputs: dict[str, np.ndarray]
) -> None:
    """Raise ``ExportError`` unless ``route`` gives the outputs of torch, whatever the number of columns per call."""
    for columns in (card.columns(inputs), *BATCH_SIZES):
        _check_parity(run, route, card, inputs, outputs, columns)
    _check_budgets(run, card, inputs)


def _check_parity(
    run: legs.Runner,
    route: str,
    card: Card,
    inputs: dict[str, np.ndarray],
    outputs: dict[str, np.ndarray],
    columns: int,
) -> None:
    """So many columns per call must give torch's numbers."""
    pieces = [
        _run(run, route, _piece(card, inputs, start, columns), columns)
        for start in range(0, card.columns(inputs), columns)
    ]
    found = {
        variable.name: np.concatenate([piece[variable.name] for piece in pieces])
        if variable.has_batch
        else pieces[0][variable.name]
        for variable in card.outputs
    }
    for variable in card.outputs:
        if found[variable.name].shape != outputs[variable.name].shape:
            raise ExportError(
                f"{route} gives '{variable.name}' the shape {list(found[variable.name].shape)} at {columns} columns per "
                f"call, torch {list(outputs[variable.name].shape)}. Nothing was written. Look for sizes taken from the "
                "example input"
            )
    failed = [row for row in compare_outputs(card, outputs, found) if not row.passed]
    if failed:
        worst = max(failed, key=lambda row: row.max_abs_difference / row.tolerance if row.tolerance else np.inf)
        raise ExportError(
            f"{route} differs from torch at {columns} columns per call: '{worst.name}' by "
            f"{worst.max_abs_difference:.3g} {worst.units}, tolerance {worst.tolerance:.3g}. Nothing was written. Look for "
            "random or stateful layers, or sizes taken from the example input"
        )


def _piece(card: Card, inputs: dict[str, np.ndarray], start: int, columns: int) -> dict[str, np.ndarray]:
    """So many columns; what holds for all columns stays."""
    return {
        variable.name: inputs[variable.name][start : start + columns] if variable.has_batch else inputs[variable.name]
        for variable in card.inputs
    }


def _run(run: legs.Runner, route: str, inputs: dict[str, np.ndarray], columns: int) -> dict[str, np.ndarray]:
    try:
        return run(inputs)
    except Exception as error:  # each route raises its own kinds; all mean that the graph does not take these columns
        raise ExportError(
            f"{route} fails at {columns} columns per call: {error}. Nothing was written. Look for sizes taken from the "
            "example input"
        ) from error


def _check_budgets(run: legs.Runner, card: Card, inputs: dict[str, np.ndarray]) -> None:
    """The budgets on the card must close in the graph itself, not only in torch."""
    for row in budget_residuals(card, inputs | run(inputs)):
        if not row.passed:
            raise ExportError(
                f"budget '{row.name}' does not close in the exported graph: residual {row.max_abs_residual:.3g} "
                f"{row.units}, tolerance {row.tolerance:.3g}. Nothing was written. Close it in the network: "
                "docs/how-to/conserve.md"
            )


def write(path: Path, data: bytes) -> None:
    """All or nothing: a reader never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(data)
    os.replace(partial, path)
