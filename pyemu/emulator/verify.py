"""Replay the reference columns of a file by every route and compare with what torch gave at export."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pyemu.emulator import legs
from pyemu.emulator.compare import Arrays, BudgetResidual, OutputDifference, budget_residuals, compare_outputs
from pyemu.emulator.file import EmulatorFile

if TYPE_CHECKING:
    import torch

LEGS = ("torch", "onnxruntime", "libpyemu", "fortran")
DEFAULT_LEGS = LEGS[1:]
TITLES = {
    "torch": "torch, rebuilt from the checkpoint",
    "onnxruntime": "ONNX Runtime from Python",
    "libpyemu": "libpyemu from Python (cffi)",
    "fortran": "libpyemu from Fortran (pyemu_verify)",
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

    @property
    def passed(self) -> bool:
        """Whether every route that was asked for ran and agreed."""
        return all(leg.passed for leg in self.legs)

    def to_dict(self) -> dict[str, Any]:
        """The verdict as plain JSON values; differences in the units of each output."""
        tolerance = self.file.card.tolerance
        return {
            "file": str(self.file.path),
            "sha256": self.file.sha256,
            "reference_columns": self.file.columns,
            "tolerance": {"relative": tolerance.relative, "reason": tolerance.reason},
            "legs": {leg.leg: _leg_dict(leg) for leg in self.legs},
            "pass": self.passed,
        }


def verify(
    file: EmulatorFile, *, legs: Sequence[str] = DEFAULT_LEGS, module: "torch.nn.Module | None" = None
) -> Verification:
    """Run the reference columns through ``legs`` (names in ``LEGS``); ``module`` adds torch, recomputed.

    Raises:
        ValueError: an unknown leg, or ``torch`` without a module.
    """
    chosen = tuple(legs) if module is None or "torch" in legs else ("torch", *legs)
    unknown = sorted(set(chosen) - set(LEGS))
    if unknown:
        raise ValueError(f"unknown leg {unknown[0]!r}; known legs: {', '.join(LEGS)}")
    if "torch" in chosen and module is None:
        raise ValueError("the torch leg needs the trained module: give its checkpoint with --checkpoint")
    runners: dict[str, Callable[[], LegResult]] = {
        "torch": lambda: _torch(file, module),
        "onnxruntime": lambda: _compared(file, "onnxruntime", _onnxruntime(file)),
        "libpyemu": lambda: _compared(file, "libpyemu", _libpyemu(file)),
        "fortran": lambda: _fortran(file),
    }
    return Verification(file, tuple(_guarded(leg, runners[leg]) for leg in chosen))


def _guarded(leg: str, run: Callable[[], LegResult]) -> LegResult:
    """One route that fails must not hide the others."""
    try:
        return run()
    except (legs.LegError, ImportError, OSError, ValueError, RuntimeError) as error:
        return LegResult(leg, problem=str(error) or type(error).__name__)


def _torch(file: EmulatorFile, module: Any) -> LegResult:
    from pyemu.emulator.export import torch_outputs  # here, so that the other legs never import torch

    return _compared(file, "torch", torch_outputs(module, file.card, file.inputs()))


def _onnxruntime(file: EmulatorFile) -> Arrays:
    return legs.onnxruntime(file.onnx)(file.inputs())


def _libpyemu(file: EmulatorFile) -> Arrays:
    return legs.libpyemu(file.path, file.card, file.inputs())


def _fortran(file: EmulatorFile) -> LegResult:
    return LegResult("fortran", outputs=tuple(legs.fortran(file.path, file.card)))


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
                "units": "W m-2",
                "pass": row.passed,
            }
            for row in leg.budgets
        },
    }
