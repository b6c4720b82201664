"""An emulator on stored samples: ``python -m pyemu.hosts.offline run.json``.

The samples are a NetCDF file with the variables of the emulator's card by name, samples first: a file of training data, or a
record of a host (``pyemu.Emulator.record_host``). ``output.nc`` has the emulator's outputs and all other variables of the
samples; ``time`` counts them. Without an emulator it has the samples as they are, which are the truth.
"""

import json
import sys
from pathlib import Path

import netCDF4
import numpy as np

from pyemu.runtime import Emulator, EmulatorError
from pyemu.runtime.arrays import Variable

OUTPUT = "output.nc"
CHUNK = 4096  # samples that are computed, and held in memory, at a time
REFUSED = 1  # exit status


def main(path: str) -> int:
    """Make the run of a request; the exit status is 0, or 1 with one line on standard error."""
    request = json.loads(Path(path).read_text())
    try:
        with netCDF4.Dataset(request["data_file"]) as samples:
            samples.set_auto_maskandscale(False)
            if not request["emulator_file"]:
                _copy(samples)
                return 0
            with Emulator.open(
                request["emulator_file"], request["engine"] or None, device=request["device"]
            ) as emulator:
                _compute(emulator, samples, int(request["seed"]))
    except (OSError, ValueError, EmulatorError) as error:
        print(f"{request['data_file']}: {error}" if isinstance(error, OSError) else error, file=sys.stderr)
        return REFUSED
    return 0


def _copy(samples: netCDF4.Dataset) -> None:
    """The samples as they are, counted along the first dimension of their first variable."""
    dim = next((one.dimensions[0] for one in samples.variables.values() if one.dimensions), "")
    if not dim:
        raise ValueError("the samples have no variable with a dimension")
    with netCDF4.Dataset(OUTPUT, "w") as file:
        _define(file, samples, dim, [])
        for part in _chunks(_count(samples, dim)):
            _write(file, samples, dim, [], part)


def _compute(emulator: Emulator, samples: netCDF4.Dataset, seed: int) -> None:
    """Raises ``ValueError`` if the samples lack an input, or it has another shape or unit."""
    variables = emulator.variables
    inputs = [one for one in variables if one.is_input and _is_read(one, samples)]
    is_carrying = any(one.is_carried for one in inputs)
    outputs = [one for one in variables if not one.is_input and (is_carrying or not one.is_carried)]
    for variable in inputs:
        _check(variable, samples)
    dim = _dimension(inputs, samples)
    n = _count(samples, dim)
    room = max(1, min(CHUNK, n))
    arrays = {
        one.name: np.zeros((*([room] if one.has_batch else []), *one.shape), one.dtype) for one in [*inputs, *outputs]
    }
    for name, array in arrays.items():
        emulator.bind(name, array)
    ids = np.zeros(room, np.int64)
    if any(one.noise is not None or one.is_carried for one in variables):
        emulator.set_noise(seed)
        emulator.bind_ids(ids)
    with netCDF4.Dataset(OUTPUT, "w") as file:
        _define(file, samples, dim, outputs)
        for part in _chunks(n):
            size = part.stop - part.start
            for one in inputs:
                if one.has_batch:
                    arrays[one.name][:size] = samples[one.name][part]
                else:
                    arrays[one.name][...] = samples[one.name][...]
            ids[:size] = np.arange(part.start, part.stop)
            emulator.run(1, columns=size)
            _write(file, samples, dim, outputs, part)
            for one in outputs:
                file[one.name][part] = arrays[one.name][:size]


def _is_read(variable: Variable, samples: netCDF4.Dataset) -> bool:
    """Whether an input is taken from the samples: noise, and what is carried, only if they have it; else the library's."""
    return variable.name in samples.variables or (variable.noise is None and not variable.is_carried)


def _chunks(n: int) -> list[slice]:
    return [slice(first, min(first + CHUNK, n)) for first in range(0, n, CHUNK)]


def _check(variable: Variable, samples: netCDF4.Dataset) -> None:
    if variable.name not in samples.variables:
        raise ValueError(
            f"the samples have no {variable.name}, which the emulator reads; they have {', '.join(samples.variables)}"
        )
    found = samples[variable.name]
    shape = found.shape[1:] if variable.has_batch else found.shape
    if tuple(shape) != tuple(variable.shape):
        raise ValueError(
            f"{variable.name} has the shape {tuple(shape)} for a sample, the emulator reads {tuple(variable.shape)}"
        )
    units = getattr(found, "units", variable.units)
    if units != variable.units:
        raise ValueError(f"{variable.name} is in '{units}', the emulator reads '{variable.units}'")


def _dimension(inputs: list[Variable], samples: netCDF4.Dataset) -> str:
    """That of the samples."""
    dims = {samples[one.name].dimensions[0] for one in inputs if one.has_batch}
    if len(dims) != 1:
        found = ", ".join(sorted(dims)) or "none"
        raise ValueError(f"the first dimension of all inputs must be that of the samples, found {found}")
    return str(dims.pop())


def _count(samples: netCDF4.Dataset, dim: str) -> int:
    """How many there are: of a record, those that are complete. Raises ``ValueError`` for another dimension ``time``."""
    if "time" in samples.dimensions and dim != "time":
        raise ValueError(f"the samples are along {dim}, and have another dimension time: rename it")
    return int(getattr(samples, "pyemu_columns", samples.dimensions[dim].size))


def _kept(samples: netCDF4.Dataset, outputs: list[Variable]) -> list[tuple[str, netCDF4.Variable]]:
    """Variables of the samples that go along: numbers that the emulator does not compute."""
    others = {*samples.variables} - {one.name for one in outputs} - {"time"}
    return [(name, one) for name, one in samples.variables.items() if name in others and one.dtype.kind in "fiu"]


def _define(file: netCDF4.Dataset, samples: netCDF4.Dataset, dim: str, outputs: list[Variable]) -> None:
    file.createDimension("time", None)
    file.createVariable("time", "f8", ("time",)).units = "samples"
    for name, dimension in samples.dimensions.items():
        if name != dim:
            file.createDimension(name, dimension.size)
    for one in outputs:
        for name, size in zip(one.dims, one.shape, strict=True):
            if name not in file.dimensions:
                file.createDimension(name, size)
        file.createVariable(one.name, one.dtype, ("time", *one.dims)).units = one.units
    for name, source in _kept(samples, outputs):
        dims = tuple("time" if one == dim else one for one in source.dimensions)
        new = file.createVariable(name, source.dtype.newbyteorder("="), dims)
        if hasattr(source, "units"):
            new.units = source.units
        if dim not in source.dimensions:
            new[...] = source[...]


def _write(file: netCDF4.Dataset, samples: netCDF4.Dataset, dim: str, outputs: list[Variable], part: slice) -> None:
    """What goes along of some samples, and their numbers."""
    file["time"][part] = np.arange(part.start, part.stop)
    for name, source in _kept(samples, outputs):
        if dim in source.dimensions:
            file[name][part] = source[part]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
