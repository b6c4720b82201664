"""Replay the reference columns of a file by every route and compare with what torch gave at export."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyemu.emulator import legs
from pyemu.emulator.compare import Arrays, BudgetResidual, OutputDifference, budget_residuals, compare_outputs
from pyemu.emulator.compile import native_support
from pyemu.emulator.errors import EmulatorFileError
from pyemu.emulator.file import EmulatorFile

if TYPE_CHECKING:
    import torch

NATIVE_LEGS = ("onnxruntime", "aoti", "torchscript", "python")  # the library that each kind of file is made for
LEGS = ("torch", *NATIVE_LEGS, "libpyemu", "fortran", "native", "native_fortran")
TITLES = {
    "torch": "torch, rebuilt from the checkpoint",
    "onnxruntime": "ONNX Runtime from Python",
    "aoti": "AOTInductor from Python",
    "torchscript": "TorchScript from Python",
    "python": "the module's own function",
    "libpyemu": "libpyemu from Python (cffi)",
    "fortran": "libpyemu from Fortran (pyemu_verify)",
    "native": "libpyemu's own engine from Python",
    "native_fortran": "libpyemu's own engine from Fortran",
}


@dataclass(frozen=True)
class LegResult:
    """What one route gave: a row per output and per budget, or the reason why it could not be run."""

    leg: str
    outputs: tuple[OutputDifference, ...] = ()
    budgets: tuple[BudgetResidual, ...] = ()
    problem: str | None = None

    @property
    def passed(self) -> bool:
        """A route that could not be run has not passed."""
        if self.problem is not None:
            return False
        return all(row.passed for row in self.outputs) and all(row.passed for row in self.budgets)


@dataclass(frozen=True)
class Verification:
    """The verdict on one file."""

    file: EmulatorFile
    legs: tuple[LegResult, ...]
    derivative: str | None = None  # of which ``file`` is, if it is one
    derivatives: tuple["Verification", ...] = ()  # those that the file carries

    @property
    def passed(self) -> bool:
        """Whether every route that was asked for ran and agreed, and those of the derivatives too."""
        return all(leg.passed for leg in self.legs) and all(found.passed for found in self.derivatives)

    def to_dict(self) -> dict[str, Any]:
        """The verdict as plain JSON values; differences in the units of each output."""
        tolerance = self.file.card.tolerance
        return {
            "file": str(self.file.path),
            "sha256": self.file.sha256,
            "reference_columns": self.file.columns,
            "tolerance": {"relative": tolerance.relative, "reason": tolerance.reason},
            "legs": {leg.leg: _leg_dict(leg) for leg in self.legs},
            **({"derivatives": {str(d.derivative): d.to_dict() for d in self.derivatives}} if self.derivatives else {}),
            "pass": self.passed,
        }


def default_legs(file: EmulatorFile) -> tuple[str, ...]:
    """The routes that a file of this kind can take without its training module."""
    routes = (file.kind.engine, "libpyemu", "fortran")
    return (*routes, "native", "native_fortran") if native_support(file)["runs"] else routes


def verify(
    file: EmulatorFile,
    *,
    legs: Sequence[str] | None = None,
    module: "torch.nn.Module | None" = None,
    allow_code: bool = False,
) -> Verification:
    """Run the reference columns through ``legs`` (names in ``LEGS``); ``module`` adds torch, recomputed.

    ``legs`` is by default every route of a file of this kind. ``allow_code`` allows code from the file to run. Derivatives
    that the file carries take the same routes.

    Raises:
        ValueError: an unknown leg, or ``torch`` without a module.
        EmulatorFileError: the file carries code, which was not allowed.
    """
    result = _verify_graph(file, file, None, legs, module, allow_code)
    derivatives = [
        _verify_graph(file, file.derivative(kind), kind, legs, module, allow_code) for kind in file.derivatives
    ]
    return dataclasses.replace(result, derivatives=tuple(derivatives))


def _verify_graph(
    whole: EmulatorFile,
    file: EmulatorFile,
    derivative: str | None,
    legs: Sequence[str] | None,
    module: "torch.nn.Module | None",
    allow_code: bool,
) -> Verification:
    """The verdict on ``file``, which is ``whole`` or a derivative in it."""
    chosen = tuple(legs or default_legs(file))
    if module is not None and "torch" not in chosen:
        chosen = ("torch", *chosen)
    unknown = sorted(set(chosen) - set(LEGS))
    if unknown:
        raise ValueError(f"unknown leg {unknown[0]!r}; known legs: {', '.join(LEGS)}")
    if "torch" in chosen and module is None:
        raise ValueError("the torch leg needs the trained module: give its checkpoint with --checkpoint")
    if file.kind.carries_code and not allow_code:
        raise EmulatorFileError(
            f"{file.path} is {file.kind.description} and carries code, which runs with all your rights: if you trust it, "
            "add --allow-code (in Python, allow_code=True)"
        )
    runners: dict[str, Callable[[], LegResult]] = {
        "torch": lambda: _torch(whole, file, derivative, module),
        **{leg: functools.partial(_native, file, leg) for leg in NATIVE_LEGS},
        "libpyemu": lambda: _compared(file, "libpyemu", _libpyemu(file, derivative, allow_code)),
        "fortran": lambda: _fortran(file, derivative, "fortran", allow_code),
        "native": lambda: _compared(file, "native", _libpyemu(file, derivative, engine="native")),
        "native_fortran": lambda: _fortran(file, derivative, "native_fortran", engine="native"),
    }
    return Verification(file, tuple(_guarded(leg, runners[leg]) for leg in chosen), derivative)


def _guarded(leg: str, run: Callable[[], LegResult]) -> LegResult:
    """One route that fails must not hide the others."""
    try:
        return run()
    except (legs.LegError, ImportError, OSError, ValueError, RuntimeError) as error:
        return LegResult(leg, problem=str(error) or type(error).__name__)


def _torch(whole: EmulatorFile, file: EmulatorFile, derivative: str | None, module: Any) -> LegResult:
    from pyemu.emulator.differentiate import Derivative  # here, so that the other legs never import torch
    from pyemu.emulator.export import torch_outputs

    computed = Derivative(module, whole.card, derivative) if derivative else module
    return _compared(file, "torch", torch_outputs(computed, file.card, file.inputs()))


def _native(file: EmulatorFile, leg: str) -> LegResult:
    """The library that the file is made for, without libpyemu."""
    if leg != file.kind.engine:
        raise legs.LegError(f"the file is {file.kind.description}: its leg is '{file.kind.engine}'")
    if leg == "onnxruntime":
        return _compared(file, leg, legs.onnxruntime(file.data)(file.inputs()))
    load = {"aoti": legs.aoti, "torchscript": legs.torchscript, "python": legs.python}[leg]
    return _compared(file, leg, load(file.data, file.card)(file.inputs()))


def _libpyemu(
    file: EmulatorFile, derivative: str | None, allow_code: bool = False, engine: str | None = None
) -> Arrays:
    return legs.libpyemu(file.path, file.card, file.inputs(), allow_code, engine, derivative)


def _fortran(
    file: EmulatorFile, derivative: str | None, leg: str, allow_code: bool = False, engine: str | None = None
) -> LegResult:
    return LegResult(leg, outputs=tuple(legs.fortran(file.path, file.card, allow_code, engine, derivative)))


def _compared(file: EmulatorFile, leg: str, found: Arrays) -> LegResult:
    rows = compare_outputs(file.card, file.outputs(), found)
    residuals = budget_residuals(file.card, {**file.inputs(), **found})
    return LegResult(leg, outputs=tuple(rows), budgets=tuple(residuals))


def _leg_dict(leg: LegResult) -> dict[str, Any]:
    if leg.problem is not None:
        return {"pass": False, "problem": leg.problem}
    return {
        "pass": leg.passed,
        "outputs": {
            row.name: {
                "max_abs_difference": row.max_abs_difference,
                "max_abs_reference": row.max_abs_reference,
                "relative_difference": row.relative_difference,
                "tolerance": row.tolerance,
                "units": row.units,
                "pass": row.passed,
            }
            for row in leg.outputs
        },
        "budgets": {
            row.name: {
                "max_abs_residual": row.max_abs_residual,
                "tolerance": row.tolerance,
                "units": row.units,
                "pass": row.passed,
            }
            for row in leg.budgets
        },
    }
