"""The emulator as a Python object: open, bind, run, close."""

from __future__ import annotations

import importlib.util
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from pyemu.runtime import library
from pyemu.runtime.arrays import Variable, bindable, from_tensor, is_tensor
from pyemu.runtime.description import describe, dtypes, id_dtypes, level_number
from pyemu.runtime.noise import noise_of
from pyemu.runtime.record import Recorded, record_report, set_record

MODES = ("off", "count", "clip", "fallback", "stop")  # of the guard
REASONS = ("not_finite", "invalid", "novel", "budget")


@dataclass(frozen=True)
class BudgetReport:
    """What the guard has found of one budget; see ``pyemu_budget`` in ``pyemu.h``.

    Attributes:
        name, units, tolerance: as on the card.
        columns, exceeded: residuals computed, and those beyond the tolerance.
        mean, rms: of the residuals.
        largest, at_step, at_column: the largest by magnitude, and where it was; -1 if there is none.
    """

    name: str
    units: str
    tolerance: float
    columns: int
    exceeded: int
    mean: float
    rms: float
    largest: float
    at_step: int
    at_column: int


@dataclass(frozen=True)
class Report:
    """What an emulator has done since it was opened; times in seconds.

    Attributes:
        engine, engine_version: the engine and the version of the library behind it.
        calls, columns: successful runs, and the columns of all of them.
        copied_bytes: copied because arrays did not have the layout and type of the graph.
        allocations: times that run took memory of the library's own.
        open_seconds, pack_seconds, engine_seconds, unpack_seconds: time to open, and in run to check and copy inputs,
            in the engine, and to copy outputs.
    """

    engine: str
    engine_version: str
    calls: int
    columns: int
    copied_bytes: int
    allocations: int
    open_seconds: float
    pack_seconds: float
    engine_seconds: float
    unpack_seconds: float


_NO_STEP = -(2**63)  # PYEMU_NO_STEP
_ONNXRUNTIME = ("onnxruntime", "capi", "PYEMU_ORT")  # package, folder of its library, the variable that chooses another


def _runtime_library(head: bytes) -> Path | None:
    """Return where this Python's onnxruntime or torch lies, unless the user has chosen one.

    Main arguments:
        head: first bytes of the emulator file, which tell its kind.
    """
    if head.startswith(b"#"):
        return None
    package, folder, chosen = ("torch", "lib", "PYEMU_TORCH") if head.startswith(b"PK") else _ONNXRUNTIME
    spec = None if os.environ.get(chosen) else importlib.util.find_spec(package)
    return Path(spec.origin).parent / folder if spec and spec.origin else None


def _head(path: str | os.PathLike[str]) -> bytes:
    """Return the first bytes of a file; none if it cannot be read, which is for the library to say."""
    try:
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as stream:
            return stream.read(4)
    except OSError:
        return b""


def _parts_of_state(columns: bool, counts: bool, more: bool) -> int:
    """Return the sum of PYEMU_STATE_COLUMNS, _COUNTS and _MORE."""
    return 1 * columns + 2 * counts + 4 * more


class Emulator:
    """An open emulator file, run by the library that Fortran hosts link.

    One thread at a time may use it. Use it as a context manager, or call :meth:`close`.
    """

    def __init__(self, handle: Any) -> None:
        self._ffi, self._lib = library.load()
        self._handle = handle
        self._bound: dict[Any, Any] = {}  # kept alive
        self._last_columns = 0
        self._ids: Any = None

    @classmethod
    def open(cls, path: str | os.PathLike[str], engine: str | None = None, **options: Any) -> Emulator:
        """Open an emulator file.

        Main arguments:
            path: the emulator file.
            engine: ``"native"``, ``"stub"``, or ``None`` for the one that runs the file's kind: ``"onnxruntime"``, ``"aoti"``,
                ``"torchscript"`` or ``"python"``.

        Other Arguments:
            device: ``"cpu"`` (default), ``"cuda:0"``, or ``"cuda:0,cpu"`` to let the CPU do what CUDA cannot. Arrays
                are in host memory in any case.
            threads: threads the engine may use inside one run, default 1.
            check_finite: whether run refuses inputs that are not finite, default true.
            runtime_library: file of the engine's runtime, default: that of this Python.
            allow_code: run the code that the file carries (all kinds but ONNX), default false.
            sha256: the digest that the file must have, 64 hexadecimal digits; a file of that digest may carry code.
            raw: run an ONNX graph that has no card, its inputs and outputs as they are; only for tests of engines.
            precision: ``"real32"`` (default), or ``"real64"`` with the engine ``"native"``: what is float32 in the graph
                is computed in float64, and float64 arrays are read and written without rounding.
            derivative: ``"jvp"`` (tangent linear) or ``"vjp"`` (adjoint): open that derivative of the emulator in its place,
                if the file carries it. Its inputs are the emulator's and ``tangent_of_<input>`` or
                ``adjoint_of_<output>``; its outputs are ``tangent_of_<output>`` or ``adjoint_of_<input>``.

        Raises:
            EmulatorError: the file cannot be opened; the message says why.
        """
        _, lib = library.load()
        return cls._open(lib.pyemu_open, (os.fsencode(path),), _head(path), engine, **options)

    @classmethod
    def from_bytes(cls, data: bytes, engine: str | None = None, **options: Any) -> Emulator:
        """Open an emulator file that is already in memory; otherwise as :meth:`open`."""
        ffi, lib = library.load()
        return cls._open(lib.pyemu_open_memory, (ffi.from_buffer(data), len(data)), data[:4], engine, **options)

    @classmethod
    def _open(
        cls,
        function: Any,
        source: tuple[Any, ...],
        head: bytes,
        engine: str | None,
        *,
        device: str | None = None,
        threads: int = 1,
        check_finite: bool = True,
        runtime_library: str | os.PathLike[str] | None = None,
        allow_code: bool = False,
        sha256: str | None = None,
        raw: bool = False,
        precision: str | None = None,
        derivative: str | None = None,
    ) -> Emulator:
        ffi, _ = library.load()
        runtime_library = runtime_library or _runtime_library(head)
        texts = [
            ffi.NULL if text is None else ffi.new("char[]", os.fsencode(text))
            for text in (engine, runtime_library, sha256, device, precision, derivative)
        ]
        fields = {
            "sizeof_options": ffi.sizeof("pyemu_options"),
            "engine": texts[0],
            "device": texts[3],
            "threads": threads,
            "check_finite": check_finite,
            "runtime_library": texts[1],
            "allow_code": allow_code,
            "sha256": texts[2],
            "raw": raw,
            "precision": texts[4],
            "derivative": texts[5],
        }
        options = ffi.new("pyemu_options *", fields)
        handle = ffi.new("pyemu_emulator **")
        library.call(function, *source, options, handle)
        return cls(handle)

    def bind(self, name: str, array: Any, units: str | None = None, level_dim: int = -1) -> None:
        """Bind an array to a variable: every later run reads it (an input) or writes it (an output).

        Main arguments:
            name: the variable, as on the card.
            array: a NumPy array, an xarray data array or a torch tensor on the CPU, of float32, float64 or int32, of any
                shape and strides; it is kept and never copied here. The standard name, units and dimensions of a data
                array are checked; its dimensions may be in any order.
            units: units of the array, compared with the card's; ``None`` checks those of a data array, or nothing.
            level_dim: the dimension that is the vertical of a column; all others enumerate columns, the first fastest.
                A field has the dimensions of the card, after one for the batch, if any.

        Raises:
            EmulatorError: name, units, sizes or type do not fit.
        """
        self._bind(self._lib.pyemu_bind, name, array, units, level_dim)
        self._bound[name] = array

    def _bind(self, function: Any, name: str, array: Any, units: str | None, level_dim: int) -> None:
        variable = self._variable(self._index(name))
        try:
            ready = bindable(variable, array, units, level_dim)
        except ValueError as reason:
            raise library.error(str(reason), self._lib.PYEMU_ERR_ARGUMENT) from reason
        description = describe(name, ready.values)
        if not ready.values.flags.writeable and not variable.is_input:
            raise library.error(f"the array for output '{name}' is read-only", self._lib.PYEMU_ERR_ARGUMENT)
        units_text = self._ffi.NULL if ready.units is None else ready.units.encode()
        level = level_number(ready.values, ready.level_dim)
        library.call(function, self._handle[0], name.encode(), description, units_text, level)

    def set_noise(self, seed: int, member: int = 0) -> None:
        """Say which noise the library makes: for any seed, and for a member of an ensemble, 0 to 2**31 - 1.

        Another seed or member than before forgets the memory of AR(1) noise: open an emulator for each member.

        Raises:
            EmulatorError: a number is out of range.
        """
        try:
            library.call(self._lib.pyemu_set_noise, self._handle[0], seed, member)
        except OverflowError as reason:
            message = f"seed and member must fit 64 bits ({reason})"
            raise library.error(message, self._lib.PYEMU_ERR_ARGUMENT) from reason

    def bind_ids(self, ids: Any) -> None:
        """Bind the columns' numbers in the whole model, 0 or more, which every run that makes noise reads.

        Main arguments:
            ids: a NumPy array or a torch tensor on the CPU of int32 or int64, of any shape and strides, with as many
                elements as there are columns; it is kept and never copied.

        Raises:
            EmulatorError: the array has another type. What else is wrong is for run to say.
        """
        try:
            values = from_tensor("ids", ids) if is_tensor(ids) else ids
        except ValueError as reason:
            raise library.error(str(reason), self._lib.PYEMU_ERR_ARGUMENT) from reason
        library.call(self._lib.pyemu_bind_ids, self._handle[0], describe("ids", values, id_dtypes()))
        self._ids = ids

    def unbind(self) -> None:
        """Forget all arrays, so that arrays with another number of columns can be bound."""
        library.call(self._lib.pyemu_unbind, self._handle[0])
        self._bound.clear()
        self._ids = None

    def run(self, step: int | None = None, columns: int | None = None) -> None:
        """Run the emulator on the bound arrays, or only on the first ``columns`` of their columns.

        ``step`` is the host's time step; an emulator with noise needs it.

        Raises:
            EmulatorError: an array is missing or an input is not finite; then no output has been touched.
        """
        self._last_columns = (self.columns or 0) if columns is None else columns
        step = _NO_STEP if step is None else step
        if columns is None:
            library.call(self._lib.pyemu_run, self._handle[0], step)
        else:
            library.call(self._lib.pyemu_run_columns, self._handle[0], step, columns)

    def set_guard(self, mode: str, *, reasons: Iterable[str] = REASONS, limit: float = 1.0, taper: float = 0.0) -> None:
        """Look at the inputs and outputs of every later run, column by column; counts start anew.

        Main arguments:
            mode: ``"off"``, ``"count"``, ``"clip"`` (inputs to the nearest bound), ``"fallback"`` (outputs of a flagged
                column are left as they are) or ``"stop"`` (run raises).

        Other Arguments:
            reasons: what is looked for: ``"not_finite"``, ``"invalid"`` (outside the card's valid range), ``"novel"`` (an
                input outside the range seen in training) and ``"budget"`` (one that does not close). Default: all.
            limit: novelty above which a column is flagged: the distance from the middle of the range seen in training,
                in half widths of it.
            taper: novelty from which on, up to ``limit``, outputs fade into the host's; 0: no taper.

        Raises:
            EmulatorError: a setting is impossible.
        """
        fields = {
            "sizeof_guard": self._ffi.sizeof("pyemu_guard"),
            "mode": self._constant("GUARD", mode, MODES),
            "reasons": sum(self._constant("REASON", reason, REASONS) for reason in set(reasons)),
            "limit": limit,
            "taper": taper,
        }
        library.call(self._lib.pyemu_set_guard, self._handle[0], self._ffi.new("pyemu_guard *", fields))

    def set_blend(
        self,
        weight: float = 1.0,
        to: float | None = None,
        *,
        first_step: int = 0,
        last_step: int | None = None,
        name: str | None = None,
    ) -> None:
        """Mix in every later run: weight * emulator + (1 - weight) * what the host's array holds before it.

        With weight 0 those numbers stay, with 1 they are the emulator's, to the bit. A guard multiplies the weight.

        Main arguments:
            weight: 0 to 1, in every step; before ``first_step`` if there is ``to``.
            to: the weight from ``last_step`` on; between the two steps there is a linear ramp.

        Other Arguments:
            first_step, last_step: the steps that ``run`` is given; ``last_step`` is ``first_step`` unless given.
            name: of one output; default: all real outputs.

        Raises:
            EmulatorError: a weight is not from 0 to 1, the ramp ends before it begins, or there is no such output.
        """
        fields = {
            "sizeof_blend": self._ffi.sizeof("pyemu_blend"),
            "from": weight,
            "to": weight if to is None else to,
            "first_step": first_step,
            "last_step": first_step if last_step is None else last_step,
        }
        library.call(
            self._lib.pyemu_set_blend, self._handle[0], self._text(name), self._ffi.new("pyemu_blend *", fields)
        )

    def bind_weight(self, weights: np.ndarray | None, name: str | None = None) -> None:
        """Bind a weight for each column, which every run reads and which multiplies that of the blend; ``None`` ends that.

        Main arguments:
            weights: float32 or float64, as many as columns, from 0 to 1; it is kept and never copied.
            name: of one output; default: all real outputs with a batch.

        Raises:
            EmulatorError: the array has another type. Wrong numbers are for run to say.
        """
        description = self._ffi.NULL if weights is None else describe("weight", weights)
        library.call(self._lib.pyemu_bind_weight, self._handle[0], self._text(name), description)
        self._bound["weight of", name] = weights

    def bind_aside(self, name: str, array: Any, units: str | None = None, level_dim: int = -1) -> None:
        """Bind an array that takes an output as the emulator gives it, whatever blend and guard do.

        The arguments are those of :meth:`bind`; an array of ``None`` ends it.
        """
        if array is None:
            null = self._ffi.NULL
            library.call(self._lib.pyemu_bind_aside, self._handle[0], name.encode(), null, null, -1)
        else:
            self._bind(self._lib.pyemu_bind_aside, name, array, units, level_dim)
        self._bound["aside of", name] = array

    def reasons(self) -> np.ndarray:
        """Return for each column of the last run the reasons to flag it, added up: 1 not finite, 2 invalid,
        4 novel, 8 a budget.
        """
        found = np.zeros(self._last_columns, np.int32)
        at = self._ffi.from_buffer("int32_t[]", found)
        library.call(self._lib.pyemu_guard_reasons, self._handle[0], at, found.size)
        return found

    def fallback(self) -> np.ndarray:
        """Return the columns of the last run whose outputs were left as they were, counted from 0."""
        found = np.zeros(max(self._lib.pyemu_guard_fallback_count(self._handle[0]), 0), np.int64)
        at = self._ffi.from_buffer("int64_t[]", found)
        library.call(self._lib.pyemu_guard_fallback, self._handle[0], at, found.size)
        return found

    def guard_counts(self, name: str, reason: str) -> np.ndarray:
        """Return how often the guard has found a reason in a variable since it was set, by level or place."""
        counts = np.zeros(self._variable(self._index(name)).shape, np.int64)
        at = self._ffi.from_buffer("int64_t[]", counts)
        number = self._constant("REASON", reason, REASONS)
        library.call(self._lib.pyemu_guard_counts, self._handle[0], name.encode(), number, at, counts.size)
        return counts

    def save_state(self, path: str | os.PathLike[str]) -> None:
        """Save what columns carry from step to step (AR(1) noise), by their ids, and what the guard has counted.

        Raises:
            EmulatorError: the file cannot be written; an old one is left as it was.
        """
        library.call(self._lib.pyemu_save_state, self._handle[0], os.fsencode(path))

    def load_state(
        self, path: str | os.PathLike[str], *, columns: bool = True, counts: bool = True, more: bool = False
    ) -> None:
        """Load what :meth:`save_state` has saved, of the same emulator file.

        Main arguments:
            path: the file. If there were several ranks, load the files of all, with ``more`` from the second on.

        Other Arguments:
            columns: what columns carry.
            counts: what the guard has counted; the guard must be set.
            more: keep what is there: of two rows of a column the later step stays, and counts are added up.

        Raises:
            EmulatorError: the state is of another file, seed or member, or damaged; then nothing has changed.
        """
        parts = _parts_of_state(columns, counts, more)
        library.call(self._lib.pyemu_load_state, self._handle[0], os.fsencode(path), parts)

    def state(self) -> bytes:
        """Return what :meth:`save_state` writes, for a host's own restart file."""
        self._check_open()
        found = bytearray(self._lib.pyemu_state_size(self._handle[0]))
        library.call(self._lib.pyemu_save_state_memory, self._handle[0], self._ffi.from_buffer(found), len(found))
        return bytes(found)

    def load_state_bytes(self, state: bytes, *, columns: bool = True, counts: bool = True, more: bool = False) -> None:
        """Load what :meth:`state` returned; otherwise as :meth:`load_state`."""
        parts = _parts_of_state(columns, counts, more)
        data = self._ffi.from_buffer(state)
        library.call(self._lib.pyemu_load_state_memory, self._handle[0], data, len(state), parts)

    def budgets(self) -> list[BudgetReport]:
        """Tell what the guard has found of the card's budgets since it was set."""
        return [self._budget(index) for index in range(self._lib.pyemu_budget_count(self._handle[0]))]

    def _budget(self, index: int) -> BudgetReport:
        found = self._ffi.new("pyemu_budget *", {"sizeof_budget": self._ffi.sizeof("pyemu_budget")})
        library.call(self._lib.pyemu_budget_report, self._handle[0], index, found)
        texts = {name: self._ffi.string(getattr(found, name)).decode() for name in ("name", "units")}
        numbers = {name: getattr(found, name) for name, _ in self._ffi.typeof("pyemu_budget").fields[3:]}
        return BudgetReport(**texts, **numbers)

    def set_record(self, path: str | os.PathLike[str], **settings: Any) -> None:
        """Record every later run in a NetCDF file, for ``pyemu replay`` and ``pyemu data from-record``.

        A recording never makes a run fail: if it cannot go on it ends, and :meth:`record_report` tells why.

        Main arguments:
            path: the file; ``{rank}`` in it becomes the rank.

        Other Arguments:
            rank: of this process, default none.
            replace: whether a file of that name is replaced, default false.
            source: ``"runs"`` (default), or ``"host"``: what the arrays hold when :meth:`record_host` is called.
            only: ``"all"`` columns (default), or those that the guard has ``"flagged"``.
            every_column: columns whose id, or without ids whose place, is a multiple of it.
            first_step, last_step, every: which steps; default all.
            max_bytes: the file does not grow beyond it; default 1 GiB.
            buffer: columns kept before they are written; default about 4 MiB.
            library: file of netcdf-c; default: PYEMU_NETCDF, the system's, or that of the wheel netCDF4.

        Raises:
            EmulatorError: a setting is impossible, or the file cannot be created.
        """
        set_record(self._handle[0], path, settings)

    def end_record(self) -> Recorded:
        """Write what is buffered, close the file, and tell what has been recorded."""
        library.call(self._lib.pyemu_set_record, self._handle[0], self._ffi.NULL)
        return record_report(self._handle[0])

    def record_host(self, step: int | None = None, columns: int | None = None) -> None:
        """Record the bound arrays as they are, without a run: inputs and outputs of the host's own scheme.

        Raises:
            EmulatorError: there is no recording with source ``"host"``, or an array is missing.
        """
        step, columns = _NO_STEP if step is None else step, -1 if columns is None else columns
        library.call(self._lib.pyemu_record_host, self._handle[0], step, columns)

    def record_report(self) -> Recorded:
        """Tell what has been recorded since :meth:`set_record`."""
        return record_report(self._handle[0])

    def report(self) -> Report:
        """Tell what the emulator has done since it was opened."""
        found = self._ffi.new("pyemu_counters *", {"sizeof_counters": self._ffi.sizeof("pyemu_counters")})
        library.call(self._lib.pyemu_report, self._handle[0], found)
        counters = {name: getattr(found, name) for name, _ in self._ffi.typeof("pyemu_counters").fields[1:]}
        return Report(engine=self.engine, engine_version=self.engine_version, **counters)

    def close(self) -> None:
        """Close the emulator; closing it twice is an :class:`EmulatorError`."""
        library.call(self._lib.pyemu_close, self._handle)
        self._bound.clear()

    @property
    def is_open(self) -> bool:
        """Whether the emulator is open."""
        return bool(self._handle[0] != self._ffi.NULL)

    @property
    def card(self) -> dict[str, Any]:
        """The card in the file."""
        self._check_open()
        card: dict[str, Any] = json.loads(self._ffi.string(self._lib.pyemu_card(self._handle[0])))
        return card

    @property
    def engine(self) -> str:
        """The name of the engine that runs the emulator."""
        self._check_open()
        return str(self._ffi.string(self._lib.pyemu_engine(self._handle[0])).decode())

    @property
    def device(self) -> str:
        """Where the emulator runs: ``"cpu"``, or ``"cuda:0"`` and the like."""
        self._check_open()
        return str(self._ffi.string(self._lib.pyemu_device(self._handle[0])).decode())

    @property
    def engine_version(self) -> str:
        """The version of the library behind the engine."""
        self._check_open()
        return str(self._ffi.string(self._lib.pyemu_engine_version(self._handle[0])).decode())

    @property
    def variables(self) -> list[Variable]:
        """All inputs, then all outputs."""
        self._check_open()
        return [self._variable(index) for index in range(self._lib.pyemu_variable_count(self._handle[0]))]

    @property
    def columns(self) -> int | None:
        """The number of columns of the bound arrays, ``None`` if none is bound."""
        count = self._lib.pyemu_column_count(self._handle[0])
        return count if count >= 0 else None

    @property
    def reference_columns(self) -> int:
        """The number of columns recorded in the file."""
        return int(self._lib.pyemu_reference_count(self._handle[0]))

    def reference(self, name: str) -> np.ndarray:
        """Return the recorded values of a variable, its batch first and then its dimensions, in its own type."""
        variable = self._variable(self._index(name))
        shape = (*([self.reference_columns] if variable.has_batch else []), *variable.shape)
        values = np.empty(shape, variable.dtype)
        library.call(self._lib.pyemu_reference, self._handle[0], name.encode(), describe(name, values), -1)
        return values

    def _constant(self, kind: str, word: str, words: tuple[str, ...]) -> int:
        if word not in words:
            expected = ", ".join(f"'{known}'" for known in words)
            raise library.error(f"'{word}' is not known; expected {expected}", self._lib.PYEMU_ERR_ARGUMENT)
        return int(getattr(self._lib, f"PYEMU_{kind}_{word.upper()}"))

    def _text(self, text: str | None) -> Any:
        return self._ffi.NULL if text is None else self._ffi.new("char[]", text.encode())

    def _check_open(self) -> None:
        if not self.is_open:
            raise library.error("the emulator is not open: it was closed already", self._lib.PYEMU_ERR_CLOSED)

    def _index(self, name: str) -> int:
        index = self._ffi.new("int64_t *")
        library.call(self._lib.pyemu_variable_find, self._handle[0], name.encode(), index)
        return int(index[0])

    def _variable(self, index: int) -> Variable:
        info = self._ffi.new("pyemu_variable *", {"sizeof_variable": self._ffi.sizeof("pyemu_variable")})
        library.call(self._lib.pyemu_variable_info, self._handle[0], index, info)
        texts = (info.name, info.standard_name, info.units, info.level_name)
        name, standard_name, units, level = (t and self._ffi.string(t).decode() for t in texts)
        return Variable(
            name=name,
            standard_name=standard_name,
            units=units,
            level=level or None,
            size=info.level_size,
            dims=tuple(self._ffi.string(info.dim_names[i]).decode() for i in range(info.n_dims)),
            shape=tuple(info.dim_sizes[i] for i in range(info.n_dims)),
            has_batch=bool(info.has_batch),
            dtype=dtypes()[info.dtype],
            is_input=info.direction == self._lib.PYEMU_INPUT,
            is_bound=bool(info.is_bound),
            noise=noise_of(info),
            is_carried=bool(info.is_carried),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.is_open:
            self.close()

    def __del__(self) -> None:
        if getattr(self, "_handle", None) is not None and self.is_open:
            self._lib.pyemu_close(self._handle, self._ffi.NULL, 0)
