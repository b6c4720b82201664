"""A configuration that is not understood is refused with the place and the known keys."""

from pathlib import Path

import pytest
from pydantic import Field

from pyemu.config import Config, ConfigError, load_config


class Inner(Config):
    width: float = 1.0
    height: float = 1.0


class Outer(Config):
    name: str
    one: Inner = Inner()
    many: tuple[Inner, ...] = ()
    named: dict[str, Inner] = Field(default_factory=dict)


def load(tmp_path: Path, text: str) -> Outer:
    path = tmp_path / "some.yaml"
    path.write_text(text)
    return load_config(path, Outer)


def message(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    return str(caught.value)


def test_values_and_defaults_are_read(tmp_path: Path) -> None:
    found = load(tmp_path, "name: radiation\nmany: [{width: 2}]\n")
    assert (found.name, found.many[0].width, found.one.height) == ("radiation", 2.0, 1.0)


def test_configuration_cannot_be_changed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="frozen"):
        load(tmp_path, "name: radiation").name = "other"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: a\nwidht: 1", "widht: unknown key; known keys: name, one, many, named"),
        ("name: a\none: {widht: 1}", "one.widht: unknown key; did you mean 'width'? known keys: width, height"),
        ("name: a\nmany: [{}, {hight: 1}]", "many[1].hight: unknown key; did you mean 'height'? known keys: width"),
        ("name: a\nnamed: {x: {colour: 1}}", "named.x.colour: unknown key; known keys: width, height"),
        ("name: a\none: {width: wide}", "one.width: Input should be a valid number"),
        ("one: {}", "name: Field required"),
        ("- a\n- b", "holds list, expected keys such as name, one, many, named"),
        ("name: [unclosed", "is not YAML"),
    ],
)
def test_problem_is_located(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in message(tmp_path, text)


def test_every_problem_is_reported_at_once(tmp_path: Path) -> None:
    assert len(message(tmp_path, "name: 3\nwidht: 1\none: {height: high}").splitlines()) == 4


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"absent\.yaml does not exist"):
        load_config(tmp_path / "absent.yaml", Outer)
