"""The Python half of the engine "python": runs inside the host, compiled into the engine's library.

A model is a module with a function ``f(**fields)`` that takes arrays by variable name, (column, level) or (column), and
returns a mapping of such arrays, one for every output.
"""

import gc
import traceback
import weakref

import numpy as np

SAME_MODEL = 0.01  # share of an output's largest recorded value: what differs more is another model


class RefusedError(Exception):
    """An error whose text says all there is to say."""


class Model:
    """The function of one module and the tensors on its card: tuples of name, type and shape, columns as -1."""

    def __init__(self, source, path, inputs, outputs):
        self.inputs, self.outputs = inputs, outputs
        namespace = {"__name__": "pyemu_emulator", "__file__": path}
        exec(compile(source, path, "exec"), namespace)
        self.function = namespace.get("f")
        if not callable(self.function):
            raise RefusedError("the module has no function f(**fields)")

    def run(self, columns, memory):
        """Call the function on memory of the host: arrays of bytes, read-only for inputs, then for outputs."""
        arrays = [
            flat.view(dtype).reshape(sized(shape, columns))
            for (_, dtype, shape), flat in zip(self.inputs + self.outputs, memory, strict=True)
        ]
        fields = {item[0]: array for item, array in zip(self.inputs, arrays[: len(self.inputs)], strict=True)}
        found = self.function(**fields)
        values = self.checked(found, columns)
        for array, value in zip(arrays[len(self.inputs) :], values, strict=True):
            np.copyto(array, value, casting="no")

    def checked(self, found, columns):
        """The outputs in the card's order; another name, shape or type is never made to fit."""
        names = [name for name, _, _ in self.outputs]
        if not hasattr(found, "keys"):
            raise RefusedError(f"f returned {type(found).__name__}; expected a dict with the arrays {', '.join(names)}")
        if set(found.keys()) != set(names):
            given = ", ".join(sorted(map(str, found.keys()))) or "nothing"
            raise RefusedError(f"f returned {given}; the card lists {', '.join(names)}")
        values = [np.asarray(found[name]) for name in names]
        for (name, dtype, shape), value in zip(self.outputs, values, strict=True):
            expected = sized(shape, columns)
            if value.dtype != dtype or value.shape != expected:
                raise RefusedError(
                    f"'{name}' returned by f is {value.dtype}{list(value.shape)}, but the card says "
                    f"{dtype}{list(expected)}"
                )
        return values

    def replay(self, columns, memory):
        """Run the reference columns, ``memory`` of inputs and outputs as recorded, and compare."""
        n = len(self.inputs)
        outputs = [np.zeros_like(flat) for flat in memory[n:]]
        self.run(columns, [*memory[:n], *outputs])
        for (name, dtype, _), recorded, found in zip(self.outputs, memory[n:], outputs, strict=True):
            expected = recorded.view(dtype).astype(np.float64)
            largest = np.abs(expected).max()
            difference = np.abs(found.view(dtype) - expected).max()
            if largest > 0 and not difference <= SAME_MODEL * largest:
                raise RefusedError(
                    f"'{name}' returned by f differs from its recorded values by up to {difference:g}, which is more "
                    f"than {100 * SAME_MODEL:g} % of the largest, {largest:g}: this is not the function of the card"
                )


def sized(shape, columns):
    """The shape for so many columns."""
    return tuple(columns if size == -1 else size for size in shape)


def load(source, path, inputs, outputs):
    """Run the module ``source`` and take its function."""
    return Model(source, path, inputs, outputs)


def call(method, columns, views):
    """Call ``run`` or ``replay`` of a model on memory of the host, which may go when the call has ended.

    An array that is kept would then lie nowhere. Every array cut from another one keeps the one it was cut from alive,
    so it is enough to watch the first.
    """
    memory = [np.frombuffer(view, np.uint8) for view in views]
    watched = [weakref.ref(flat) for flat in memory]
    method(columns, memory)
    memory.clear()
    if any(flat() is not None for flat in watched):
        gc.collect()  # arrays in a cycle of references are gone now
    if any(flat() is not None for flat in watched):
        raise RefusedError("f kept an array that it was given beyond the call: keep a copy of it")


def describe(error):
    """One line: what was raised, and where; and the frames are let go, which hold arrays of the host."""
    text = " ".join(str(error).split())
    if isinstance(error, RefusedError):
        line = text
    else:
        frames = traceback.extract_tb(error.__traceback__)
        where = f" ({frames[-1].filename}, line {frames[-1].lineno}, in {frames[-1].name})" if frames else ""
        if isinstance(error, SyntaxError):
            where = f" ({error.filename}, line {error.lineno})"
            text = error.msg
        line = f"{type(error).__name__}: {text}{where}" if text else f"{type(error).__name__}{where}"
    traceback.clear_frames(error.__traceback__)
    return line
