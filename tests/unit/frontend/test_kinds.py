"""The page has a way to ask for the values of every feature type, found by their JSON Schema."""

from __future__ import annotations

from typing import Any

import pytest

from contract import json_schema
from contract.kinds import FEATURE_KINDS
from frontend.answers import Contribution, Explanation, Feature, Model
from frontend.batchfile import template
from frontend.explaining import effects_of
from frontend.kinds import control_for
from tests.fakeapi import documents
from tests.unit.etl.harness import small_contract

TABLES: dict[str, dict[str, Any]] = {
    "number": {"type": "number"},
    "category": {"type": "category", "levels": ["a", "b"]},
    "boolean": {"type": "boolean", "levels": ["no", "yes"]},
}
CONTROLS = {"number": "Number", "category": "Choice", "boolean": "Flag"}


@pytest.mark.parametrize("nullable", [False, True])
@pytest.mark.parametrize("kind", FEATURE_KINDS)
def test_every_feature_type_is_asked_for(kind: str, nullable: bool) -> None:
    contract = small_contract(features={"x": {**TABLES[kind], "nullable": nullable}})
    properties: Any = json_schema(contract)["properties"]
    document = documents.detail(contract, live=True)
    told = next(item for item in document["features"] if item["name"] == "x")
    feature = Feature.of(told, properties["x"])
    assert type(feature.control).__name__ == CONTROLS[kind]
    start = feature.control.start(feature)
    assert start in feature.control.values(feature, start, 5)
    assert feature.control.text(feature, start)


def test_whole_numbers_are_numbers_and_other_values_are_said() -> None:
    assert control_for({"type": ["integer", "null"]}) is control_for({"type": "number"})
    with pytest.raises(ValueError, match="the page cannot ask for values of the type 'object'; update it"):
        control_for({"type": "object"})


def test_a_boolean_is_shown_and_written_as_the_file_has_it() -> None:
    lift = {"type": "boolean", "levels": ["no", "yes"], "default": True}
    contract = small_contract(features={"lift": lift}, derived={})
    model = Model.of(documents.detail(contract, live=True))
    assert template(model).splitlines()[1].split(",")[-1] == "yes"
    found = Explanation(base=1.0, contributions=(Contribution("lift", False, 2.0),), output="value")
    (effect,) = effects_of(found, model.features, model.derived)
    assert effect.label == "Lift = no"
