"""Compute again what an emulator has recorded, and say where it differs."""

from __future__ import annotations

import hashlib
import itertools
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pyemu.runtime.emulator import Emulator
from pyemu.runtime.record_file import RecordedVariable, RecordError, RecordFile

DEFAULT_TOLERANCE = 2e-5  # of the largest recorded value, for a graph without a card
_KNOWN_ENGINES = ("native", "onnxruntime", "aoti", "torchscript", "python")
Arrays = dict[str, np.ndarray]


@dataclass
class Difference:
    """How one output differs from the recorded one, in its units.

    Attributes:
        values, differing: numbers compared, and those that have other bits (any two NaN are equal).
        max_abs, rms: largest difference and root mean square; infinite where only one of the two is a number.
        max_abs_recorded: the largest recorded value.
        tolerance: the largest difference allowed; ``None``: any.
        index, step, global_id, place: where the largest difference is: the column in the file, counted from 0, its step and
            id (-1: none), and the place in the column's value. ``None`` if there is none.
    """

    name: str
    units: str
    values: int = 0
    differing: int = 0
    max_abs: float = 0.0
    rms: float = 0.0
    max_abs_recorded: float = 0.0
    tolerance: float | None = None
    index: int | None = None
    step: int | None = None
    global_id: int | None = None
    place: tuple[int, ...] | None = None
    _squares: float = field(default=0.0, repr=False)

    @property
    def passed(self) -> bool:
        """Whether no difference exceeds the tolerance; with a tolerance of 0 all bits are equal."""
        if self.tolerance is None:
            return True
        return self.differing == 0 if self.tolerance == 0.0 else self.max_abs <= self.tolerance

    def add(self, recorded: np.ndarray, found: np.ndarray, first: int) -> None:
        """Compare some columns, of which the first is number ``first`` in the file."""
        apart = _bits(recorded) != _bits(found)
        apart &= ~(np.isnan(recorded) & np.isnan(found))
        with np.errstate(invalid="ignore"):
            distance = np.where(apart, np.abs(recorded.astype(np.float64) - found.astype(np.float64)), 0.0)
        distance[np.isnan(distance)] = np.inf
        self.values += recorded.size
        self.differing += int(apart.sum())
        self._squares += float((distance**2).sum())
        self.rms = float(np.sqrt(self._squares / self.values)) if self.values else 0.0
        finite = np.abs(recorded[np.isfinite(recorded)])
        self.max_abs_recorded = max(self.max_abs_recorded, float(finite.max(initial=0.0)))
        if apart.any() and (self.index is None or distance.max() > self.max_abs):
            column, *place = np.unravel_index(int(np.where(apart, distance, -1.0).argmax()), distance.shape)
            self.max_abs, self.index, self.place = float(distance.max()), first + int(column), tuple(map(int, place))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {key: value for key, value in asdict(self).items() if key != "_squares"} | {"passed": self.passed}


@dataclass(frozen=True)
class Replay:
    """What came of a replay.

    Attributes:
        record, model, engine: what was compared.
        is_same_model: whether the model is the file that was recorded.
        is_of_host: whether what was recorded is the host's own scheme.
        reason: why the tolerance is what it is.
        columns: those that were computed again.
        stopped: why the recording had ended early, or an empty string.
    """

    record: Path
    model: Path
    engine: str
    is_same_model: bool
    is_of_host: bool
    reason: str
    columns: int
    stopped: str
    differences: list[Difference]

    @property
    def passed(self) -> bool:
        """Whether all outputs are within their tolerance."""
        return all(difference.passed for difference in self.differences)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **{key: str(getattr(self, key)) for key in ("record", "model", "engine", "reason", "stopped")},
            **{key: getattr(self, key) for key in ("is_same_model", "is_of_host", "columns", "passed")},
            "outputs": [difference.to_dict() for difference in self.differences],
        }


def replay(
    record: str | os.PathLike[str],
    model: str | os.PathLike[str],
    *,
    engine: str | None = None,
    any_model: bool = False,
    tolerance: float | None = None,
    **options: Any,
) -> Replay:
    """Feed the recorded inputs to a model and compare its outputs with the recorded ones.

    With the engine ``native`` on both sides every bit must be equal; otherwise differences may be as large as the card
    allows, relative to the largest recorded value of each output. What a host recorded of its own scheme is compared
    without a limit.

    Main arguments:
        record: the file.
        model: the emulator file.

    Other Arguments:
        engine: that runs the model now; default: the one that was recorded.
        any_model: compare with another emulator of the same variables, too.
        tolerance: largest difference allowed, relative to the largest recorded value of each output.
        options: of :meth:`Emulator.open`: ``allow_code``, ``threads`` and the like.

    Raises:
        RecordError: the record is not whole, or the model is another one.
        EmulatorError: the model cannot be opened or run.
    """
    with RecordFile(record) as recorded:
        if recorded.columns == 0:
            raise RecordError(f"{recorded.path} has no columns: there is nothing to replay")
        digest = hashlib.sha256(Path(model).read_bytes()).hexdigest()
        chosen = _engine(recorded, digest, engine, options)
        with Emulator.open(model, chosen, check_finite=False, **options) as emulator:
            problems = _mismatches(recorded, emulator)
            if problems or (digest != recorded.sha256 and not any_model):
                raise RecordError(_wrong_model(recorded, emulator, Path(model), digest, problems))
            relative, reason = _tolerance(recorded, emulator, digest, tolerance)
            differences = _compare(recorded, emulator)
            _judge(differences, recorded, relative)
            return Replay(
                record=recorded.path,
                model=Path(model),
                engine=emulator.engine,
                is_same_model=digest == recorded.sha256,
                is_of_host=recorded.is_of_host,
                reason=reason,
                columns=recorded.columns,
                stopped=recorded.stopped,
                differences=differences,
            )


def _engine(recorded: RecordFile, digest: str, asked: str | None, options: dict[str, Any]) -> str | None:
    """The engine to open the model with, and what else the record needs among the options."""
    made = str(recorded.attribute("pyemu_engine"))
    chosen = asked or (made if made in _KNOWN_ENGINES and digest == recorded.sha256 else None)
    if chosen == "native" and recorded.attribute("pyemu_precision") == "real64":
        options.setdefault("precision", "real64")
    if not recorded.card:
        options.setdefault("raw", True)
    return chosen


def _mismatches(recorded: RecordFile, emulator: Emulator) -> list[str]:
    """What stands in the way of feeding the record to the model, in words."""
    own = {variable.name: variable for variable in emulator.variables}
    problems = [f"it has no '{name}'" for name in recorded.variables if name not in own]
    for name, variable in own.items():
        found = recorded.variables.get(name)
        if found is None:
            problems.append(f"its '{name}' is not in the record")
        elif found.shape != variable.shape:
            problems.append(f"its '{name}' has shape {variable.shape}, in the record {found.shape}")
        elif found.is_input != variable.is_input:
            problems.append(f"its '{name}' is an {'input' if variable.is_input else 'output'}, not so in the record")
        elif variable.units and found.units != variable.units:
            problems.append(f"its '{name}' is in '{variable.units}', in the record in '{found.units}'")
    return problems


def _wrong_model(recorded: RecordFile, emulator: Emulator, model: Path, digest: str, problems: list[str]) -> str:
    text = (
        f"{recorded.path} was recorded with {_title(recorded.card)}, SHA-256 {recorded.sha256}; "
        f"{model} is {_title(_card_of(emulator))}, SHA-256 {digest}"
    )
    if problems:
        return f"{text}: {'; '.join(problems)}"
    return f"{text}: its variables are the same; give the file that was recorded, or compare with --any-model"


def _card_of(emulator: Emulator) -> dict[str, Any]:
    try:
        return emulator.card
    except ValueError:  # a graph without a card has an empty one
        return {}


def _title(card: dict[str, Any]) -> str:
    return f"'{card['name']}', version {card['version']}" if card else "a graph without a card"


def _tolerance(
    recorded: RecordFile, emulator: Emulator, digest: str, asked: float | None
) -> tuple[dict[str, float] | None, str]:
    """The tolerance of each output, relative to its largest recorded value, and why."""
    outputs = {variable.name: variable for variable in emulator.variables if not variable.is_input}
    if asked is not None:
        return dict.fromkeys(outputs, asked), f"asked for: {asked:g} of the largest recorded value"
    if recorded.is_of_host:
        return None, "none: the record is of the host's own scheme; ask for one with --tolerance"
    made = (str(recorded.attribute("pyemu_engine")), str(recorded.attribute("pyemu_engine_version")))
    if made == (emulator.engine, emulator.engine_version) and made[0] == "native" and digest == recorded.sha256:
        return dict.fromkeys(outputs, 0.0), "the engine 'native' gives the same bits whenever a column is computed"
    card = recorded.card.get("tolerance", {"relative": DEFAULT_TOLERANCE, "by_output": {}})
    general = {name: 0.0 if output.dtype.kind == "i" else card["relative"] for name, output in outputs.items()}
    chosen = {name: float(card["by_output"].get(name, relative)) for name, relative in general.items()}
    return (
        chosen,
        f"of the card, for engine '{emulator.engine}' against '{made[0]}': relative to the largest recorded value",
    )


def _judge(differences: list[Difference], recorded: RecordFile, relative: dict[str, float] | None) -> None:
    """Set the tolerances, and what is known of the columns with the largest differences."""
    steps, ids = recorded.read("step"), recorded.read("global_id")
    for difference in differences:
        if relative is not None:
            difference.tolerance = relative[difference.name] * difference.max_abs_recorded
        if difference.index is not None:
            difference.step, difference.global_id = int(steps[difference.index]), int(ids[difference.index])


def _compare(recorded: RecordFile, emulator: Emulator) -> list[Difference]:
    outputs = [variable for variable in recorded.variables.values() if not variable.is_input]
    differences = {variable.name: Difference(variable.name, variable.units) for variable in outputs}
    for stretch in recorded.stretches():
        inputs = {name: recorded.read(name, stretch) for name, found in recorded.variables.items() if found.is_input}
        found = _run(emulator, inputs, outputs, _groups(emulator, recorded.read("call", stretch)))
        for name, difference in differences.items():
            difference.add(recorded.read(name, stretch), found[name], stretch.start)
    return list(differences.values())


def _groups(emulator: Emulator, calls: np.ndarray) -> list[slice]:
    """Columns that are run together: those of one call, so that an engine may take what it took then. The native engine does
    not care, unless one value holds for all columns of a call.
    """
    if emulator.engine == "native" and all(variable.has_batch for variable in emulator.variables):
        return [slice(0, calls.size)]
    bounds = [0, *(np.flatnonzero(np.diff(calls)) + 1).tolist(), calls.size]
    return [slice(first, last) for first, last in itertools.pairwise(bounds)]


def _run(emulator: Emulator, inputs: Arrays, outputs: list[RecordedVariable], groups: list[slice]) -> Arrays:
    """The outputs of all columns of a stretch."""
    room = max(group.stop - group.start for group in groups)
    columns = len(next(iter(inputs.values()))) if inputs else 0
    found = {variable.name: np.empty((columns, *variable.shape), variable.dtype) for variable in outputs}
    has_batch = {variable.name: variable.has_batch for variable in emulator.variables}
    arrays: Arrays = {}
    emulator.unbind()
    for name, values in (inputs | found).items():
        shape = (room, *values.shape[1:]) if has_batch[name] else values.shape[1:]
        arrays[name] = np.zeros(shape, values.dtype)
        emulator.bind(name, arrays[name])
    for group in groups:
        n = group.stop - group.start
        for name, values in inputs.items():
            if has_batch[name]:
                arrays[name][:n] = values[group]
            else:
                arrays[name][...] = values[group.start]
        emulator.run(columns=n)
        for name, values in found.items():
            values[group] = arrays[name][:n]
    return found


def _bits(values: np.ndarray) -> np.ndarray:
    """The values as whole numbers of their size."""
    bits: np.ndarray = np.ascontiguousarray(values).view(f"u{values.dtype.itemsize}")
    return bits
