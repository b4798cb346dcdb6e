"""Explanations: base and contributions add up to the answer, and a category is one feature."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xgboost

import inference
from contract import Contract
from tests.unit.pipeline.binary import binary_contract, binary_rows
from tests.unit.pipeline.conftest import train_in
from tests.unit.pipeline.factory import synthetic_rows, write_dataset


def explained(folder: Path, records: list[dict[str, object]]) -> tuple[inference.Model, list[dict]]:
    model = inference.model_fn(str(folder))
    body = json.dumps({"instances": records, "explain": True})
    prediction = inference.predict_fn(inference.input_fn(body, "application/json"), model)
    return model, json.loads(inference.output_fn(prediction, "application/json")[0])["predictions"]


@pytest.fixture(scope="module")
def records(contract: Contract) -> list[dict[str, object]]:
    rows = synthetic_rows(200, contract, seed=11)
    return [{name: value for name, value in row.items() if name != contract.target.name} for row in rows]


def test_contributions_add_up_to_the_value(model_dir: Path, records: list[dict[str, object]]) -> None:
    _, predictions = explained(model_dir, records)
    assert len({round(item["value"]) for item in predictions}) > 100
    for item in predictions:
        explanation = item["explanation"]
        total = explanation["base"] + sum(part["contribution"] for part in explanation["contributions"])
        assert (explanation["output"], explanation["sum"]) == ("value", pytest.approx(item["value"], rel=1e-3))
        assert total == pytest.approx(item["value"], rel=1e-3)


def test_every_feature_and_derived_feature_is_there_once_with_its_value(
    model_dir: Path, contract: Contract, records: list[dict[str, object]]
) -> None:
    _, predictions = explained(model_dir, records[:20])
    names = sorted([item.name for item in contract.features] + [item.name for item in contract.derived])
    for record, item in zip(records, predictions, strict=False):
        parts = item["explanation"]["contributions"]
        assert sorted(part["feature"] for part in parts) == names
        sizes = [abs(part["contribution"]) for part in parts]
        assert sizes == sorted(sizes, reverse=True)
        values = {part["feature"]: part["value"] for part in parts}
        assert {name: values[name] for name in record} == record
        assert values["rooms_per_household"] == pytest.approx(record["total_rooms"] / record["households"])


def test_a_category_counts_with_all_its_level_columns(model_dir: Path, records: list[dict[str, object]]) -> None:
    model, predictions = explained(model_dir, records[:20])
    names = [column.name for column in model.recipe.columns]
    matrix = xgboost.DMatrix(model.recipe.apply(records[:20]), feature_names=names)
    raw = model.trees.booster.predict(matrix, pred_contribs=True)
    levels = [at for at, column in enumerate(model.recipe.columns) if column.source == "ocean_proximity"]
    assert len(levels) == 5
    found = [
        next(p["contribution"] for p in item["explanation"]["contributions"] if p["feature"] == "ocean_proximity")
        for item in predictions
    ]
    assert found == pytest.approx(raw[:, levels].sum(axis=1).tolist(), rel=1e-3, abs=1e-2)


@pytest.fixture(scope="module")
def binary_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import training_preprocessing

    folder, contract = tmp_path_factory.mktemp("binary"), binary_contract()
    (folder / "data").mkdir()
    write_dataset(folder / "data", contract, binary_rows(600))
    prepared = ["--dataset", str(folder / "data"), "--output", str(folder / "prepared")]
    assert training_preprocessing.main([*prepared, "--contract-hash", contract.hash]) == 0
    status, model = train_in(folder, folder / "prepared")
    assert status == 0
    return model


def test_of_a_binary_model_they_add_up_to_the_log_odds(binary_dir: Path) -> None:
    assert not (binary_dir / "interval.json").exists()
    sent = [{name: row[name] for name in ("price", "rooms", "town")} for row in binary_rows(50, seed=9)]
    _, predictions = explained(binary_dir, sent)
    for item in predictions:
        explanation = item["explanation"]
        odds = np.log(item["value"] / (1 - item["value"]))
        assert (explanation["output"], explanation["sum"]) == ("log-odds", pytest.approx(odds, rel=1e-3, abs=1e-4))


@pytest.mark.parametrize("price", [1e30, 1e39, 1e100])
def test_a_number_that_only_a_double_can_hold_is_explained_like_a_very_large_one(
    binary_dir: Path, price: float
) -> None:
    record = {"price": price, "rooms": 2.0, "town": "A"}
    _, (large, item) = explained(binary_dir, [record | {"price": 1e20}, record])
    assert item["value"] == large["value"]
    parts = {part["feature"]: part for part in item["explanation"]["contributions"]}
    assert parts["price"]["value"] == price
    assert item["explanation"]["sum"] == large["explanation"]["sum"]


def test_nothing_is_explained_unasked(model_dir: Path, records: list[dict[str, object]]) -> None:
    model = inference.model_fn(str(model_dir))
    for body in ({"instances": records[:1]}, {"instances": records[:1], "explain": False}, records[:1]):
        prediction = inference.predict_fn(inference.input_fn(json.dumps(body), "application/json"), model)
        (answer,) = json.loads(inference.output_fn(prediction, "application/json")[0])["predictions"]
        assert answer.keys() == {"value", "interval"}
