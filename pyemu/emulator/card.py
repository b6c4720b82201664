"""The card: everything a host must know of an emulator besides its graph. Written and read as JSON, strictly."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sized
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from pyemu.emulator.units import check_units
from pyemu.fields import FIELDS, field

SCHEMA: Literal[2] = 2  # the newest card schema this library reads
SCHEMA_OF_NOISE = 2  # the first that has noise; cards without are written as schema 1, which older libraries read
_DIMS = {
    "column": "['column'], ['column', LEVEL], or [] for an input that holds for all columns",
    "field": "['sample', DIMENSION, ...], or the same without 'sample'",
}
BATCH_DIMENSIONS = {"column": "column", "field": "sample"}  # what enumerates a batch, by kind of emulator

DEFAULT_TOLERANCE = 2e-5  # of the largest absolute value of an output
DEFAULT_TOLERANCE_REASON = (
    "the graph computes in float32, and libraries add the terms of a matrix product in different orders: a sum of a "
    "few hundred float32 terms is then known to about sqrt(n) * 2**-24 = 1e-6 of its largest term, times a few layers"
)

Units = Annotated[str, AfterValidator(check_units)]


class _Strict(BaseModel):
    """Unknown keys are errors; a card once read does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class TrainingRange(_Strict):
    """Smallest and largest value seen in training, per level from the top down (one value for a scalar)."""

    minimum: tuple[float, ...] = Field(min_length=1)
    maximum: tuple[float, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if len(self.minimum) != len(self.maximum):
            raise ValueError(f"minimum has {len(self.minimum)} levels and maximum {len(self.maximum)}")
        if any(low > high for low, high in zip(self.minimum, self.maximum, strict=True)):
            raise ValueError("minimum exceeds maximum on some level")
        return self


class Noise(_Strict):
    """What the library fills an input with when the host binds no array to it: see ``docs/how-to/add-noise.md``."""

    distribution: Literal["normal", "uniform"] = Field(
        description="normal: mean 0, variance 1; uniform: between 0 and 1"
    )
    ar1: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="coefficient a of x = a x + sqrt(1 - a**2) e, per element of each column and run; normal noise only",
    )

    @model_validator(mode="after")
    def _only_normal_noise_has_memory(self) -> Self:
        if self.ar1 > 0 and self.distribution != "normal":
            raise ValueError(
                f"ar1 is {self.ar1}, which needs the distribution 'normal': sums of others are not of their kind"
            )
        return self


class Novelty(_Strict):
    """How the inputs of a column vary together in training: a Mahalanobis distance of low rank, made by ``fit_novelty``.

    With z the inputs, centred and scaled, d**2 = (|z|**2 - sum (v_k . z)**2) / residual_variance + sum (v_k . z)**2 /
    variance_k; the novelty of a column is d / distance.
    """

    inputs: tuple[str, ...] = Field(
        min_length=1, description="real inputs of every column, whose elements follow each other"
    )
    center: tuple[float, ...] = Field(description="by element, in the units of its input")
    scale: tuple[Annotated[float, Field(gt=0)], ...] = Field(description="by element, in the units of its input")
    vectors: tuple[tuple[float, ...], ...] = Field(max_length=64, description="v_k, of unit length and orthogonal")
    variances: tuple[Annotated[float, Field(gt=0)], ...] = Field(description="of z along each vector")
    residual_variance: float = Field(gt=0, description="of z along any other direction")
    distance: float = Field(gt=0, description="d at which a column is as novel as the end of a training range")

    @model_validator(mode="after")
    def _lists_agree(self) -> Self:
        sizes = {len(self.center), len(self.scale), *map(len, self.vectors)}
        if len(sizes) > 1 or len(self.vectors) != len(self.variances):
            raise ValueError(f"novelty has lists of {sorted(sizes)} elements and {len(self.variances)} variances")
        return self


class Carried(_Strict):
    """An output that is an input of the next step, from zeros: see ``docs/how-to/save-and-restart.md``."""

    input: str = Field(description="name of the input")
    output: str = Field(description="name of the output, of the same dtype and sizes")


class Variable(_Strict):
    """One input or output of the graph, in physical units."""

    name: str = Field(min_length=1, max_length=255, description="identifier in the graph and in bind")
    standard_name: str | None = Field(
        default=None, min_length=1, description="CF standard name; left out where CF has none, as for a derivative"
    )
    units: Units = Field(description="UDUNITS string")
    dims: tuple[str, ...] = Field(
        max_length=8,
        description="what enumerates a batch ('column', or 'sample' of fields), then the dimensions of one value: the "
        "vertical of a column, all dimensions of a field; without a batch one value holds for all columns",
    )
    dtype: Literal["float32", "float64", "int32"] = Field(description="element type of the graph tensor")
    valid_range: tuple[float, float] | None = Field(default=None, description="physically possible values")
    training_range: TrainingRange | None = Field(default=None, description="values seen in training")
    noise: Noise | None = Field(default=None, description="for an input that is noise; schema 2")

    @model_serializer(mode="wrap")
    def _without_absent(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Cards of schema 1 do not know the key of noise, and a standard name is text or not there."""
        values: dict[str, Any] = write(self)
        return {
            key: value for key, value in values.items() if key not in ("noise", "standard_name") or value is not None
        }

    @model_validator(mode="after")
    def _noise_is_real_and_of_columns(self) -> Self:
        if self.noise and (not self.has_batch or self.dtype == "int32"):
            raise ValueError(
                f"'{self.name}' is noise with dims {list(self.dims)} and dtype {self.dtype}, expected dims that begin with "
                "'column' or 'sample', and float32 or float64"
            )
        return self

    @model_validator(mode="after")
    def _agrees_with_vocabulary(self) -> Self:
        """A known name keeps its meaning: same units and standard name as in ``pyemu.fields``."""
        known = FIELDS.get(self.name)
        if known and self.units != known.units:
            raise ValueError(f"'{self.name}' has units '{self.units}', expected '{known.units}'")
        if known and self.standard_name != known.standard_name:
            raise ValueError(
                f"'{self.name}' has standard name '{self.standard_name}', expected '{known.standard_name}'"
            )
        return self

    @model_validator(mode="after")
    def _range_is_ordered(self) -> Self:
        if self.valid_range and self.valid_range[0] >= self.valid_range[1]:
            raise ValueError(f"valid_range of '{self.name}' is empty: {list(self.valid_range)}")
        return self

    @classmethod
    def of(cls, name: str, *, dtype: str, training_range: TrainingRange | None = None) -> Self:
        """A variable of the vocabulary ``pyemu.fields``; raises ``KeyError`` for a name that is not in it."""
        known = field(name)
        return cls.model_validate(
            {
                "name": name,
                "standard_name": known.standard_name,
                "units": known.units,
                "dims": ("column", *known.dims),
                "dtype": dtype,
                "valid_range": known.valid_range,
                "training_range": training_range,
            }
        )

    @property
    def has_batch(self) -> bool:
        """Whether there is a value for every column or sample, or one for all of them."""
        return bool(self.dims) and self.dims[0] in BATCH_DIMENSIONS.values()

    @property
    def level(self) -> str | None:
        """Name of the vertical dimension of a column, or None for one value per column."""
        return self.dims[1] if len(self.dims) == 2 and self.dims[0] == BATCH_DIMENSIONS["column"] else None


class Budget(_Strict):
    """A declared budget: the layer sum of ``tendency * heat_capacity * dp / g`` equals the net flux that stays inside.

    The net flux entering is ``downwelling - upwelling`` at the top minus the same at the surface [W m-2].
    """

    name: str
    description: str
    kind: Literal["flux_divergence"] = "flux_divergence"
    tendency: str
    upwelling: str
    downwelling: str
    pressure: str
    heat_capacity: float = Field(gt=0, description="J kg-1 K-1")
    gravity: float = Field(gt=0, description="m s-2")
    tolerance: float = Field(gt=0, description="largest residual allowed in a column, W m-2")

    @property
    def units(self) -> str:
        """Units of the residual."""
        return "W m-2"

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables the budget reads."""
        return (self.tendency, self.upwelling, self.downwelling, self.pressure)

    @property
    def terms(self) -> tuple[Term, ...]:
        """The same as a sum: heat stored, minus what enters at the top, plus what leaves at the surface."""
        return (
            Term(variable=self.tendency, factor=self.heat_capacity, where="layers"),
            Term(variable=self.downwelling, factor=-1.0, where="top"),
            Term(variable=self.upwelling, factor=1.0, where="top"),
            Term(variable=self.downwelling, factor=1.0, where="bottom"),
            Term(variable=self.upwelling, factor=-1.0, where="bottom"),
        )


class Term(_Strict):
    """One term of a linear budget: ``factor`` times a variable."""

    variable: str
    factor: float
    where: Literal["layers", "top", "bottom", "column"] = Field(
        description="the sum over layers, each times its mass dp / g; the value at the top or the bottom level; or the one "
        "value of a column"
    )


class LinearBudget(_Strict):
    """A sum of terms that is zero in every column: water, enthalpy, momentum or mass, as the card's author writes it."""

    name: str
    description: str
    kind: Literal["linear"] = "linear"
    terms: tuple[Term, ...] = Field(min_length=1, max_length=256)
    units: Units = Field(description="of the sum")
    pressure: str | None = Field(default=None, description="pressure at interfaces [Pa], for terms over layers")
    gravity: float | None = Field(default=None, gt=0, description="m s-2, for terms over layers")
    tolerance: float = Field(gt=0, description="largest residual allowed in a column")

    @model_validator(mode="after")
    def _has_mass(self) -> Self:
        if any(term.where == "layers" for term in self.terms) and (self.pressure is None or self.gravity is None):
            raise ValueError(f"budget '{self.name}' sums over layers: give 'pressure' at interfaces, and 'gravity'")
        return self

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables the budget reads."""
        return (*(term.variable for term in self.terms), *((self.pressure,) if self.pressure else ()))


class Tolerance(_Strict):
    """How far two libraries may differ on the reference columns, relative to the largest value of an output."""

    relative: float = Field(default=DEFAULT_TOLERANCE, gt=0, lt=1)
    reason: str = DEFAULT_TOLERANCE_REASON
    by_output: dict[str, Annotated[float, Field(gt=0, lt=1)]] = Field(
        default_factory=dict, description="outputs that need another relative tolerance"
    )

    def of(self, output: str) -> float:
        """Relative tolerance of one output."""
        return self.by_output.get(output, self.relative)


class Provenance(_Strict):
    """Where the emulator comes from."""

    data_sha256: str = Field(description="digest of the training data")
    code_version: str
    training: dict[str, JsonValue] = Field(default_factory=dict, description="configuration of the training")
    created: str = Field(description="ISO 8601 time, UTC")
    exporter: dict[str, str] = Field(default_factory=dict, description="versions of the libraries that wrote the graph")


class Card(_Strict):
    """The card of an emulator file."""

    schema_version: Literal[1, 2] = Field(
        default=1, alias="schema", description="version of this schema: 2 if an input is noise, else 1 is enough"
    )
    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    version: str
    kind: Literal["column", "field"] = "column"
    summary: str
    licence: str
    vertical_order: Literal["top_first", "bottom_first"]
    dimensions: dict[str, Annotated[int, Field(ge=1)]]
    inputs: tuple[Variable, ...] = Field(min_length=1)
    outputs: tuple[Variable, ...] = Field(min_length=1)
    time_step: float | None = Field(default=None, gt=0, description="host step it was trained for [s]; null: any")
    noise: None = Field(default=None, description="noise is said with the input that it fills")
    state: tuple[Carried, ...] = Field(default=(), description="outputs that are inputs of the next step")
    novelty: Novelty | None = Field(default=None, description="how inputs vary together, for the guard")
    budgets: tuple[Annotated[Budget | LinearBudget, Field(discriminator="kind")], ...] = ()
    tolerance: Tolerance = Tolerance()
    provenance: Provenance

    model_config = ConfigDict(populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _schema_is_the_oldest_that_says_it(cls, values: Any) -> Any:
        """A card that does not name its schema gets the oldest that has all it says."""
        if not isinstance(values, dict) or "schema" in values or "schema_version" in values:
            return values
        is_noisy = any(_says_noise(entry) for entry in values.get("inputs", ()))
        return values | {"schema": SCHEMA_OF_NOISE if is_noisy else 1}

    @model_validator(mode="after")
    def _noise_is_an_input_and_has_its_schema(self) -> Self:
        for variable in self.variables:
            if variable.noise and variable in self.outputs:
                raise ValueError(f"output '{variable.name}' is noise: only an input can be")
            if variable.noise and self.schema_version < SCHEMA_OF_NOISE:
                raise ValueError(f"'{variable.name}' is noise, which needs schema {SCHEMA_OF_NOISE}")
        return self

    @model_validator(mode="after")
    def _novelty_is_of_inputs(self) -> Self:
        if self.novelty is None:
            return self
        inputs = {
            variable.name: variable for variable in self.inputs if variable.has_batch and variable.dtype != "int32"
        }
        unknown = [name for name in self.novelty.inputs if name not in inputs]
        if unknown or len(set(self.novelty.inputs)) < len(self.novelty.inputs):
            raise ValueError(
                f"novelty is of {list(self.novelty.inputs)}; expected real inputs of every column, each once"
            )
        elements = sum(math.prod(self.dimensions[d] for d in inputs[name].dims[1:]) for name in self.novelty.inputs)
        if elements != len(self.novelty.center):
            raise ValueError(f"novelty has {len(self.novelty.center)} elements, its inputs have {elements}")
        return self

    @model_validator(mode="after")
    def _what_is_carried_fits(self) -> Self:
        inputs = {variable.name: variable for variable in self.inputs}
        outputs = {variable.name: variable for variable in self.outputs}
        names = [name for carried in self.state for name in (carried.input, carried.output)]
        if len(set(names)) < len(names):
            raise ValueError(f"state names {names}: every variable at most once")
        for carried in self.state:
            source, target = outputs.get(carried.output), inputs.get(carried.input)
            if source is None or target is None or target.noise:
                raise ValueError(
                    f"state carries '{carried.output}' to '{carried.input}': expected an output and an input"
                )
            if (source.dims, source.dtype) != (target.dims, target.dtype) or not source.has_batch:
                raise ValueError(
                    f"state carries '{carried.output}' {source.dims} {source.dtype} to '{carried.input}' {target.dims} "
                    f"{target.dtype}: expected the same, for every column"
                )
        return self

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [variable.name for variable in self.variables]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"named twice: {', '.join(twice)}")
        return self

    @model_validator(mode="after")
    def _dims_fit_the_kind(self) -> Self:
        for variable in self.variables:
            batch, own = variable.dims[: variable.has_batch], variable.dims[variable.has_batch :]
            other_kind = batch not in ((), (BATCH_DIMENSIONS[self.kind],)) or set(own) & set(BATCH_DIMENSIONS.values())
            if other_kind or (self.kind == "column" and len(own) > len(batch)):
                raise ValueError(f"'{variable.name}' has dims {list(variable.dims)}, expected {_DIMS[self.kind]}")
        for output in self.outputs:
            if self.kind == "column" and not output.has_batch:
                raise ValueError(
                    f"output '{output.name}' has no dimension 'column': only inputs may hold for all columns"
                )
        return self

    @model_validator(mode="after")
    def _sizes_are_known(self) -> Self:
        for variable in self.variables:
            unknown = [dim for dim in variable.dims[variable.has_batch :] if dim not in self.dimensions]
            if unknown:
                raise ValueError(f"'{variable.name}' has dimension '{unknown[0]}', not in {dict(self.dimensions)}")
            seen, size = variable.training_range, self.level_size(variable)
            if seen and len(seen.minimum) != size:
                raise ValueError(f"training_range of '{variable.name}' has {len(seen.minimum)} levels, expected {size}")
        return self

    @model_validator(mode="after")
    def _budgets_and_tolerances_name_variables(self) -> Self:
        known = {variable.name for variable in self.variables}
        for budget in self.budgets:
            missing = sorted(set(budget.variables) - known)
            if missing:
                raise ValueError(f"budget '{budget.name}' names {', '.join(missing)}, not a variable of this emulator")
        unknown = sorted(set(self.tolerance.by_output) - {variable.name for variable in self.outputs})
        if unknown:
            raise ValueError(f"tolerance.by_output names {', '.join(unknown)}, not an output of this emulator")
        return self

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Inputs, then outputs."""
        return self.inputs + self.outputs

    def level_size(self, variable: Variable) -> int:
        """Number of levels of a variable, 1 for one value per column."""
        return self.dimensions[variable.level] if variable.level else 1

    def shape(self, variable: Variable, columns: int) -> tuple[int, ...]:
        """Shape of the graph tensor of a variable for so many columns (or samples)."""
        sizes = tuple(self.dimensions[dim] for dim in variable.dims[variable.has_batch :])
        return (columns, *sizes) if variable.has_batch else sizes

    def noise_stream(self, name: str) -> int:
        """Number of the stream that fills the noise ``name``, for ``pyemu.fill_noise``."""
        return int(hashlib.sha256(f"{self.name}/{name}".encode()).hexdigest()[:8], 16) & 0x7FFFFFFF

    def columns(self, values: Mapping[str, Sized]) -> int:
        """Number of columns (or samples) of arrays by name; 1 if no variable among them has any."""
        return next((len(values[item.name]) for item in self.variables if item.has_batch and item.name in values), 1)

    def to_json(self) -> str:
        """The card as it stands in the file."""
        return self.model_dump_json(by_alias=True)

    def to_dict(self) -> dict[str, Any]:
        """The card as plain JSON values."""
        return self.model_dump(mode="json", by_alias=True)


def _says_noise(entry: Any) -> bool:
    """Whether an entry of the inputs, as given, is noise."""
    return (entry.get("noise") if isinstance(entry, Mapping) else getattr(entry, "noise", None)) is not None


def json_schema() -> dict[str, Any]:
    """The published JSON schema of the card (``docs/reference/card-schema.json``)."""
    return Card.model_json_schema(by_alias=True)
