"""A run of a model that is a Python object: ``python -m pyemu.hosts.in_process run.json``.

The request says what makes the model, its settings, how many steps it takes, and which fields are written to ``output.nc``.
"""

import importlib
import json
import sys
import traceback
from pathlib import Path
from typing import Any, Protocol, Self

import netCDF4
import numpy as np

BLOW_UP = 3  # exit status
OUTPUT = "output.nc"
RECORDS_BETWEEN_SYNCS = 50
OWN = ("n_steps", "output_interval")  # settings that are not the model's


class Model(Protocol):
    """What the object must have. ``step`` raises any exception when the model blows up."""

    def step(self, n: int) -> None:
        """Take ``n`` time steps."""

    def get(self, name: str) -> np.ndarray:
        """A copy of a field."""


def main(path: str) -> int:
    """Make the run of a request; the exit status is that of a program: 0, 1 for bad settings, 3 for a blow-up."""
    request = json.loads(Path(path).read_text())
    try:
        model = _made(request["factory"], request["entries"])
    except Exception as error:
        print(f"{request['factory']}: {error}", file=sys.stderr)
        return 1
    with _Output(request) as output:
        return _advance(model, request, output)


def _made(factory: str, entries: dict[str, Any]) -> Model:
    place, _, name = factory.rpartition(":")
    if place.endswith(".py"):
        sys.path.insert(0, str(Path(place).parent))
        place = Path(place).stem
    model: Model = getattr(importlib.import_module(place), name)(**entries)
    return model


def _advance(model: Model, request: dict[str, Any], output: "_Output") -> int:
    every = int(request["own"]["output_interval"])
    output.append(model)
    for _ in range(int(request["own"]["n_steps"]) // every):
        try:
            model.step(every)
        except Exception as error:
            traceback.print_exc()
            print(error, file=sys.stderr)
            return BLOW_UP
        output.append(model)
    return 0


class _Output:
    """The NetCDF file, record by record: what a run has written stays when its process is killed."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.fields: dict[str, tuple[list[str], str]] = request["fields"]
        self.step = request["time_step"] * int(request["own"]["output_interval"])
        self.n = 0
        self.file = netCDF4.Dataset(OUTPUT, "w")
        self.file.createDimension("time", None)
        self.file.createVariable("time", "f8", ("time",)).units = request["time_units"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def append(self, model: Model) -> None:
        """One record of every field."""
        for name, (dims, units) in self.fields.items():
            values = np.asarray(model.get(name))
            if self.n == 0:
                self._define(name, dims, units, values)
            self.file[name][self.n] = values
        self.file["time"][self.n] = self.step * self.n
        self.n += 1
        if self.n % RECORDS_BETWEEN_SYNCS == 0:
            self.file.sync()

    def _define(self, name: str, dims: list[str], units: str, values: np.ndarray) -> None:
        for dim, size in zip(dims, values.shape, strict=True):
            if dim not in self.file.dimensions:
                self.file.createDimension(dim, size)
        self.file.createVariable(name, values.dtype, ("time", *dims)).units = units


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
