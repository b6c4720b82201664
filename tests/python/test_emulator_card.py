"""The card is strict: what it does not understand is an error with a place and a reason."""

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from toy_emulator import HEATING, LAYERS, toy_budget, toy_card

from pyemu.emulator import Card, TrainingRange, Variable
from pyemu.emulator.card import json_schema
from pyemu.emulator.units import check_units
from pyemu.fields import FIELDS

SCHEMA_FILE = Path(__file__).parents[2] / "docs" / "reference" / "card-schema.json"


def changed(**changes: object) -> dict:
    return toy_card().to_dict() | changes


def test_card_survives_json() -> None:
    assert Card.model_validate_json(toy_card().to_json()) == toy_card()


def test_card_keys_are_those_of_the_file_format() -> None:
    assert list(toy_card().to_dict())[:8] == [
        "schema", "name", "version", "kind", "summary", "licence", "vertical_order", "dimensions",
    ]  # fmt: skip
    assert toy_card().to_dict()["schema"] == 1


def test_committed_schema_is_the_one_of_the_code() -> None:
    assert json.loads(SCHEMA_FILE.read_text()) == json_schema(), (
        "run: python -m pyemu.emulator.schema > docs/reference/card-schema.json"
    )


def test_unknown_key_is_an_error() -> None:
    with pytest.raises(ValidationError, match="emitted_by"):
        Card.model_validate(changed(emitted_by="someone"))


def test_name_used_twice_is_an_error() -> None:
    card = toy_card().to_dict()
    with pytest.raises(ValidationError, match="named twice: air_temperature"):
        Card.model_validate(card | {"inputs": card["inputs"] + card["inputs"][:1]})


def test_wrong_units_of_a_known_variable_are_an_error() -> None:
    temperature = Variable.of("air_temperature", dtype="float32").model_dump()
    with pytest.raises(ValidationError, match="do not parse at 'degC'"):
        Variable.model_validate(temperature | {"units": "degC"})
    with pytest.raises(ValidationError, match="has units 'mK', expected 'K'"):
        Variable.model_validate(temperature | {"units": "mK"})


def test_training_range_must_have_one_value_per_level() -> None:
    short = Variable.of("air_temperature", dtype="float32", training_range=TrainingRange(minimum=(1,), maximum=(2,)))
    with pytest.raises(ValidationError, match=f"has 1 levels, expected {LAYERS}"):
        Card.model_validate(toy_card().model_dump(by_alias=True) | {"inputs": (short, *toy_card().inputs[1:])})


def test_training_range_upside_down_is_an_error() -> None:
    with pytest.raises(ValidationError, match="minimum exceeds maximum"):
        TrainingRange(minimum=(3.0,), maximum=(2.0,))


def test_dimension_without_size_is_an_error() -> None:
    with pytest.raises(ValidationError, match="has dimension 'interface', not in"):
        Card.model_validate(changed(dimensions={"layer": LAYERS}))


def test_budget_of_an_absent_variable_is_an_error() -> None:
    budget = toy_budget().model_dump() | {"tendency": "tendency_of_air_temperature_due_to_shortwave_heating"}
    with pytest.raises(ValidationError, match="names tendency_of_air_temperature_due_to_shortwave_heating, not a"):
        Card.model_validate(changed(budgets=[budget]))


def test_card_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        toy_card().name = "other"


def test_variable_of_an_unknown_name_suggests_close_ones() -> None:
    with pytest.raises(KeyError, match="air_temperature"):
        Variable.of("air_temperatur", dtype="float32")


def test_heating_has_levels_and_a_scalar_has_none() -> None:
    card = toy_card()
    by_name = {variable.name: variable for variable in card.variables}
    assert card.shape(by_name[HEATING], 3) == (3, LAYERS)
    assert card.shape(by_name["surface_temperature"], 3) == (3,)


@pytest.mark.parametrize("units", sorted({field.units for field in FIELDS.values()} | {"Pa s-1", "m2 s-2", "hPa", "%"}))
def test_units_of_the_vocabulary_parse(units: str) -> None:
    assert check_units(units) == units


@pytest.mark.parametrize("units", ["", "Kelvin", "W/m2", "W  m-2", "K s-", "kg kg-1 ", "w m-2"])
def test_units_in_any_other_spelling_are_refused(units: str) -> None:
    with pytest.raises(ValueError, match="do not parse at"):
        check_units(units)


def field_card(dims: list[str], **changes: Any) -> dict[str, Any]:
    """A card of fields, as JSON values, whose input has the dimensions given."""
    values = toy_card().to_dict() | {"kind": "field", "dimensions": {"channel": 2, "y": 3, "x": 4}, "budgets": []}
    entry = {"standard_name": "sea_surface_height", "units": "m", "dtype": "float32"}
    values["inputs"] = [{"name": "ssh", "dims": dims} | entry]
    values["outputs"] = [{"name": "ssh_next", "dims": ["sample", "y", "x"]} | entry]
    values["tolerance"] = {}
    return values | changes


def test_a_field_has_the_shape_of_its_dimensions() -> None:
    card = Card.model_validate(field_card(["sample", "channel", "y", "x"]))
    assert card.shape(card.inputs[0], 7) == (7, 2, 3, 4)
    assert card.inputs[0].level is None and card.inputs[0].has_batch
    whole = Card.model_validate(field_card(["y", "x"]))
    assert whole.shape(whole.inputs[0], 7) == (3, 4)


@pytest.mark.parametrize(
    ("values", "piece"),
    [
        (field_card(["column", "y"]), "expected \\['sample', DIMENSION"),
        (field_card(["y", "sample"]), "expected \\['sample', DIMENSION"),
        (field_card(["sample", "z"]), "dimension 'z', not in"),
        (field_card(["sample", "y", "x"], kind="column"), "expected \\['column'\\]"),
    ],
)
def test_dimensions_must_fit_the_kind(values: dict[str, Any], piece: str) -> None:
    with pytest.raises(ValidationError, match=piece):
        Card.model_validate(values)


def test_only_inputs_may_hold_for_all_columns() -> None:
    values = toy_card().to_dict()
    values["inputs"][0]["dims"] = []
    values["inputs"][0]["training_range"] = None
    assert Card.model_validate(values).shape(Card.model_validate(values).inputs[0], 5) == ()
    values["outputs"][0]["dims"] = []
    with pytest.raises(ValidationError, match="only inputs may hold for all columns"):
        Card.model_validate(values)
