"""Write a torch module in torch's own formats: AOTInductor packages and TorchScript archives. Both carry code."""

import io
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pyemu.emulator import legs, reference
from pyemu.emulator.card import Card, Variable
from pyemu.emulator.errors import ExportError
from pyemu.emulator.export import ReferenceInputs, as_arrays, check_runs, stamped, torch_outputs, write
from pyemu.emulator.kinds import CARD_KEY, REFERENCE_KEY
from pyemu.emulator.program import Positional, as_tensors, free_columns, quiet

TENSORS_KEY = "pyemu_tensors"  # in the metadata of a package: see signature


def export_torchscript(
    module: torch.nn.Module, card: Card, reference_inputs: ReferenceInputs, path: str | Path
) -> Path:
    """Export ``module`` to one TorchScript archive, ``.pt``, by tracing and freezing it.

    PyTorch has deprecated TorchScript: prefer ``export_onnx`` or ``export_pt2``. Arguments and errors are those of
    ``export_onnx``, with TorchScript in the place of ONNX Runtime.
    """
    path = Path(path)
    inputs = as_arrays(card, reference_inputs)
    outputs = torch_outputs(module, card, inputs)
    card = stamped(card, "torch")
    buffer = io.BytesIO()
    torch.jit.save(_traced(module, card, inputs), buffer)
    data = _with_texts(buffer.getvalue(), card, inputs | outputs)
    check_runs(legs.torchscript(data, card), "TorchScript", card, inputs, outputs)
    write(path, data)
    return path


def export_pt2(
    module: torch.nn.Module,
    card: Card,
    reference_inputs: ReferenceInputs,
    path: str | Path,
    freezing: bool = False,
) -> Path:
    """Compile ``module`` with AOTInductor into one package, ``.pt2``, for the processor it is compiled on.

    ``freezing`` turns weights into constants, packed for the kernels that use them: faster from about a hundred columns
    on, slower for a few. Other arguments and errors are those of ``export_onnx``, with AOTInductor in the place of ONNX
    Runtime. A C++ compiler is needed; compiling takes 10 s for a small network, minutes for a graph of 1000 nodes.
    """
    path = Path(path)
    inputs = as_arrays(card, reference_inputs)
    outputs = torch_outputs(module, card, inputs)
    card = stamped(card, "torch")
    data = _with_texts(_compiled(module, card, inputs, freezing), card, inputs | outputs)
    check_runs(legs.aoti(data, card), "AOTInductor", card, inputs, outputs)
    write(path, data)
    return path


def signature(card: Card) -> str:
    """The tensors that a package is compiled for, as text: compiled code looks at no sizes, so the engine compares this."""

    def text(variables: tuple[Variable, ...]) -> str:
        return " ".join(f"{variable.dtype}[{','.join(sizes(variable))}]" for variable in variables)

    def sizes(variable: Variable) -> list[str]:
        shape = [str(size) for size in card.shape(variable, 1)]
        return ["n", *shape[1:]] if variable.has_batch else shape

    return f"{text(card.inputs)} -> {text(card.outputs)}"


def _traced(module: torch.nn.Module, card: Card, inputs: dict[str, np.ndarray]) -> torch.jit.ScriptModule:
    try:
        _program(module, card, inputs)  # which refuses what a trace gets wrong without a word: branches on values
        with quiet(), torch.no_grad():
            traced = torch.jit.trace(Positional(module).eval(), as_tensors(card, inputs), check_trace=False)
            return torch.jit.freeze(traced)
    except Exception as error:  # torch raises many kinds; all mean that the module has no graph
        raise ExportError(f"torch cannot export {type(module).__name__} to TorchScript: {error}") from error


def _compiled(module: torch.nn.Module, card: Card, inputs: dict[str, np.ndarray], freezing: bool) -> bytes:
    options: dict[str, Any] = {
        "aot_inductor.metadata": {TENSORS_KEY: signature(card)},
        "cpp.dynamic_threads": True,  # as many as the host allows, not as many as there were at export
        "freezing": freezing,
        **_compiler(),
    }
    try:
        with quiet(), torch.no_grad(), tempfile.TemporaryDirectory(prefix="pyemu_") as folder:
            package = torch._inductor.aoti_compile_and_package(
                _program(module, card, inputs),
                package_path=str(Path(folder) / f"{card.name}.pt2"),
                inductor_configs=options,
            )
            return Path(package).read_bytes()
    except Exception as error:
        raise ExportError(f"torch cannot compile {type(module).__name__}: {error}") from error


def _program(module: torch.nn.Module, card: Card, inputs: dict[str, np.ndarray]) -> torch.export.ExportedProgram:
    with quiet(), torch.no_grad():
        return torch.export.export(
            Positional(module).eval(), as_tensors(card, inputs), dynamic_shapes=free_columns(card)
        )


def _compiler() -> dict[str, Any]:
    """Options that not every release of torch has.

    Compile for the published level of the processor's instructions, not for all that this one machine has: the engine
    can compare the level with another machine's processor. And without tables of source lines, which hold its paths.
    """
    from torch._inductor import config, cpu_vec_isa

    options: dict[str, Any] = {}
    if hasattr(config.aot_inductor, "enable_line_tables"):
        options["aot_inductor.enable_line_tables"] = False
    found = str(cpu_vec_isa.pick_vec_isa()).upper()
    levels = {"AVX512": "x86-64-v4", "AVX2": "x86-64-v3"}
    level = next((level for name, level in levels.items() if name in found), None)
    if level and hasattr(config.cpp, "march"):
        options["cpp.march"] = level
    return options


def _with_texts(archive: bytes, card: Card, values: dict[str, np.ndarray]) -> bytes:
    """The archive with card and reference columns, and without torch's notes: sources, with paths of the machine."""
    texts = {CARD_KEY: card.to_json(), REFERENCE_KEY: reference.encode(card, values)}
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as new:
        for name in old.namelist():
            if name.endswith(".debug_pkl"):
                continue
            # torch finds a package's metadata by the name of its source; the source itself it does not read.
            data = b"" if name.endswith(".cpp") else old.read(name)
            new.writestr(zipfile.ZipInfo(name), data)
        root = old.namelist()[0].split("/")[0]
        for key, text in texts.items():
            new.writestr(zipfile.ZipInfo(f"{root}/extra/{key}"), text)
    return buffer.getvalue()
