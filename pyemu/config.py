"""Strict configuration: a YAML file becomes a frozen model, and a key that is not known is an error."""

import difflib
import types
import typing
from pathlib import Path
from typing import TypeVar

import yaml  # type: ignore[import-untyped]
from pydantic import BaseModel, ConfigDict, ValidationError

LONGEST_SHOWN = 200  # characters of a wrong value that a message repeats


class ConfigError(ValueError):
    """A configuration is missing, not YAML, or says something that is not understood."""


class Config(BaseModel):
    """Base of all configurations: nothing unknown, nothing changed after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


AnyConfig = TypeVar("AnyConfig", bound=Config)


def load_config(path: str | Path, model: type[AnyConfig]) -> AnyConfig:
    """Read a YAML file as ``model``.

    Raises:
        ConfigError: one line per problem, each with its place; an unknown key lists the known ones.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"configuration {path} does not exist: check the path")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds {type(values).__name__}, expected keys such as {', '.join(_keys(model))}")
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = "\n".join(f"  {_describe(finding, model)}" for finding in error.errors(include_url=False))
        raise ConfigError(f"{path} is not a valid {model.__name__}:\n{problems}") from error


def _describe(finding: typing.Any, model: type[BaseModel]) -> str:
    """One finding of pydantic as a sentence with its place."""
    place = finding["loc"]
    if finding["type"] != "extra_forbidden":
        found = repr(finding["input"])
        shown = f" (found {found})" if len(found) <= LONGEST_SHOWN else ""
        return f"{_join(place)}: {finding['msg'].removeprefix('Value error, ')}{shown}"
    known = _keys(_model_at(model, place[:-1]))
    near = difflib.get_close_matches(str(place[-1]), known, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return f"{_join(place)}: unknown key; {hint}known keys: {', '.join(known)}"


def _join(place: tuple[int | str, ...]) -> str:
    """``('climates', 0, 'name')`` as ``climates[0].name``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".") or "file"


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_at(model: type[BaseModel], place: tuple[int | str, ...]) -> type[BaseModel]:
    """The model that a key at ``place`` belongs to."""
    for part in place:
        if isinstance(part, str) and part in model.model_fields:
            model = _model_in(model.model_fields[part].annotation) or model
    return model


def _model_in(annotation: typing.Any) -> type[BaseModel] | None:
    """The model inside ``tuple[Model, ...]``, ``Model | None``, ``dict[str, Model]`` or ``Model``."""
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return annotation if issubclass(annotation, BaseModel) else None
    return next((found for inner in typing.get_args(annotation) if (found := _model_in(inner))), None)
