from __future__ import annotations

from dataclasses import replace

from frontend.answers import Feature, Interval, Model, Prediction, Predictions
from frontend.visit import Asked, record_columns, table
from tests.fakeapi import documents


def test_features_named_as_parts_of_the_answer_do_not_hide_it(housing_model: Model) -> None:
    names = ("version", "low", "high", "probability", "rooms")
    model = replace(housing_model, features=tuple(Feature(name, "number") for name in names))
    answer = Predictions("3", "r-1", (Prediction(500.0, None, Interval(400.0, 600.0, 0.9), None),))
    record = {name: float(place) for place, name in enumerate(names)}
    (row,) = table(model, [Asked(documents.NOW, record, answer)]).to_dict("records")
    assert {name: row[name] for name in ("version", "median_house_value", "low", "high")} == {
        "version": "3",
        "median_house_value": 500.0,
        "low": 400.0,
        "high": 600.0,
    }
    assert {name: row[column] for name, column in record_columns(model).items()} == record
    assert record_columns(model)["low"] == "low (given)"
    assert record_columns(model)["rooms"] == "rooms"
