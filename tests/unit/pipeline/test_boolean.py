"""Booleans in the steps of the pipeline: their inputs are what serving computes, and both values are slices."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from contract import Contract, Recipe, checked
from steps.dataset import RawRows, read_rows, write_rows
from steps.golden import golden
from steps.slices import slices_of
from tests.unit.etl.harness import small_contract

LIFT = {"type": "boolean", "levels": ["no", "yes"]}
VALUES = {"needed": ["yes", "no", "no", "yes"], "nullable": ["yes", "no", None, "no"]}


def recipe_of(contract: Contract) -> Recipe:
    names = [*(item.name for item in contract.numeric), *(item.name for item in contract.derived)]
    zeros, ones = dict.fromkeys(names, 0.0), dict.fromkeys(names, 1.0)
    return Recipe.fitted(contract, impute=zeros, fences={}, mean=zeros, std=ones)


@pytest.mark.parametrize("case", VALUES)
def test_inputs_and_slices_of_a_boolean(case: str, tmp_path: Path) -> None:
    values, nullable = VALUES[case], case == "nullable"
    recipe = recipe_of(small_contract(features={"lift": {**LIFT, "nullable": nullable}}, derived={}))
    raw: dict[str, list[Any]] = {
        "rooms": [1.0, 2.0, 3.0, 4.0],
        "beds": [1.0] * 4,
        "people": [2.0] * 4,
        "town": ["D", "B, C", "D", "D"],
        "lift": values,
    }
    numbers = recipe.numbers(raw)
    table = pa.table(
        {
            "row_id": list("abcd"),
            "price": [1.0, 2.0, 3.0, 4.0],
            **{name: column.tolist() for name, column in numbers.items()},
            "town": raw["town"],
            "lift": pa.array(values, pa.string()),
        }
    )
    write_rows(table, tmp_path, recipe, keep_row_id=True)
    rows = read_rows(tmp_path, recipe)
    np.testing.assert_array_equal(rows.inputs, recipe.apply_columns(raw))
    found = {item.value: item.chosen.tolist() for item in slices_of(rows, recipe) if item.name == "lift"}
    levels = {"yes": "yes", "no": "no", None: "(missing)"}
    wanted = {levels[value]: [value == other for other in values] for value in values}
    assert found == wanted


def test_golden_rows_are_requests_that_mean_what_was_predicted() -> None:
    contract = small_contract(features={"lift": {**LIFT, "nullable": True}})
    recipe = recipe_of(contract)
    lift = ["yes", "no", None, "no"]
    raw = RawRows(
        {
            "rooms": np.array([1.0, 2.0, 3.0, 4.0]),
            "beds": np.array([1.0, np.nan, 1.0, 1.0]),
            "people": np.array([2.0] * 4),
            "town": ["D"] * 4,
            "lift": lift,
        }
    )
    asked: list[Any] = []

    def predict(inputs: Any) -> Any:
        asked.append(inputs)
        return inputs[:, 0]

    model: Any = SimpleNamespace(recipe=recipe, contract=contract, predict=predict)
    found = golden(model, raw)
    assert [item["lift"] for item in found["instances"]] == [True, False, None, False]
    meant = [checked(contract, item) for item in found["instances"]]
    assert [list(errors) for _, errors in meant] == [[]] * 4
    np.testing.assert_array_equal(recipe.apply([dict(values) for values, _ in meant]), asked[0])
