"""A random forest of scikit-learn as an emulator file: its trees between two torch graphs in physical units."""

from pathlib import Path
from typing import Protocol

import numpy as np
import onnx
import torch
from onnx import compose
from torch import nn

from pyemu.emulator import legs
from pyemu.emulator.card import Card
from pyemu.emulator.compare import compare_outputs
from pyemu.emulator.errors import ExportError
from pyemu.emulator.export import (
    OPSET,
    ReferenceInputs,
    as_arrays,
    check_model,
    check_runs,
    embed_card,
    plain_model,
    stamped,
    write,
)
from pyemu.emulator.program import Positional, quiet
from pyemu.emulator.scalars import EXACT_SCALARS

TREES_OPSET = 3  # of ai.onnx.ml: TreeEnsembleRegressor
MOST_MOVED = 0.2  # share of the reference columns that may fall on the other side of a threshold


class Trees(Protocol):
    """A fitted regressor of scikit-learn."""

    n_features_in_: int

    def predict(self, features: np.ndarray) -> np.ndarray:
        """(column, feature) to (column, output)."""
        ...


def export_forest(
    trees: Trees,
    before: nn.Module,
    after: nn.Module,
    also: tuple[str, ...],
    card: Card,
    inputs: ReferenceInputs,
    path: Path,
) -> Path:
    """Write one ``.onnx`` file; engine ``onnxruntime`` runs it.

    Main arguments:
        before: takes tensors in the order of ``card.inputs``, returns features (column, feature) in single precision.
        after: takes what the trees say (column, output), and the inputs named by ``also``; returns a tuple in the order of
            ``card.outputs``.
        inputs: two or more recorded columns of every input.

    A feature that lies on a threshold may go left here and right there, by a last bit. The outputs in the file are therefore
    those of ONNX Runtime, after they have been compared with scikit-learn's.

    Raises:
        ExportError: inputs or outputs contradict the card, or the graph differs from scikit-learn in more columns than
            thresholds explain.
    """
    arrays = as_arrays(card, inputs)
    tensors = [torch.from_numpy(arrays[variable.name]) for variable in card.inputs]
    chosen = [torch.from_numpy(arrays[name]) for name in also]
    with torch.no_grad():
        features = before(*tensors)
        found = torch.from_numpy(trees.predict(features.numpy()).astype(np.float32))
        wanted = {v.name: t.numpy() for v, t in zip(card.outputs, after(found, *chosen), strict=True)}
    card = stamped(card, "torch", "onnx", "onnxruntime", "skl2onnx", "scikit-learn")
    model = _joined(
        _torch_graph(before, tensors, [variable.name for variable in card.inputs], ["features"]),
        _trees_graph(trees),
        _torch_graph(after, [found, *chosen], ["trees", *also], [variable.name for variable in card.outputs]),
        also,
    )
    run = legs.onnxruntime(model.SerializeToString())
    outputs = run(arrays)
    _check_columns(card, wanted, outputs)
    embed_card(model, card, arrays | outputs)
    check_model(model, card, path)
    check_runs(run, "ONNX Runtime", card, arrays, outputs)
    write(path, model.SerializeToString(deterministic=True))
    return path


def _torch_graph(
    module: nn.Module, tensors: list[torch.Tensor], inputs: list[str], outputs: list[str]
) -> onnx.ModelProto:
    columns = torch.export.Dim("column")
    with quiet():
        program = torch.onnx.export(
            Positional(module.eval()),
            tuple(tensors),
            dynamic_shapes=(tuple({0: columns} for _ in tensors),),
            input_names=inputs,
            output_names=outputs,
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            custom_translation_table=EXACT_SCALARS,
            optimize=True,
            verbose=False,
        )
    if program is None:
        raise ExportError(f"torch returned no ONNX program for {type(module).__name__}")
    return plain_model(program.model_proto)


def _trees_graph(trees: Trees) -> onnx.ModelProto:
    from skl2onnx import to_onnx  # type: ignore[import-untyped]
    from skl2onnx.common.data_types import FloatTensorType  # type: ignore[import-untyped]

    found = to_onnx(
        trees,
        initial_types=[("features", FloatTensorType([None, trees.n_features_in_]))],
        target_opset={"": OPSET, "ai.onnx.ml": TREES_OPSET},
    )
    return found


def _joined(
    before: onnx.ModelProto, trees: onnx.ModelProto, after: onnx.ModelProto, also: tuple[str, ...]
) -> onnx.ModelProto:
    """One model: the inputs named by ``also`` go to both ends."""
    version = before.ir_version
    trees.ir_version = after.ir_version = version
    opsets = {"": OPSET, "ai.onnx.ml": TREES_OPSET}
    for model in (before, trees, after):
        del model.opset_import[:]
        model.opset_import.extend(onnx.helper.make_opsetid(domain, number) for domain, number in opsets.items())
    first = compose.add_prefix(before, "before_", rename_inputs=False, rename_outputs=False)
    middle = compose.add_prefix(trees, "trees_", rename_inputs=False, rename_outputs=False)
    last = compose.add_prefix(after, "after_", rename_inputs=False, rename_outputs=False)
    nodes = [*first.graph.node, *middle.graph.node, *last.graph.node]
    answer = middle.graph.output[0].name
    for node in last.graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = answer if name == "trees" else name
    graph = onnx.helper.make_graph(
        nodes,
        "emulator",
        list(before.graph.input),
        list(after.graph.output),
        [*first.graph.initializer, *middle.graph.initializer, *last.graph.initializer],
    )
    return onnx.helper.make_model(graph, opset_imports=list(before.opset_import), ir_version=version)


def _check_columns(card: Card, wanted: dict[str, np.ndarray], found: dict[str, np.ndarray]) -> None:
    """Most columns must agree; the others may have crossed a threshold."""
    n = len(next(iter(wanted.values())))
    moved = sum(not all(row.passed for row in compare_outputs(card, _one(wanted, i), _one(found, i))) for i in range(n))
    if moved > MOST_MOVED * n:
        raise ExportError(
            f"ONNX Runtime differs from scikit-learn in {moved} of {n} reference columns, expected at most "
            f"{int(MOST_MOVED * n)}. Nothing was written. Look for features that are not single precision"
        )


def _one(values: dict[str, np.ndarray], i: int) -> dict[str, np.ndarray]:
    return {name: array[i : i + 1] for name, array in values.items()}
