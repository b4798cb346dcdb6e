"""A recipe: its arithmetic by hand, its JSON there and back, and what it refuses."""

from __future__ import annotations

import json
import pickle
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract import Column, Contract, Recipe, RecipeError, columns_of, rounded
from contract.loading import contract_of_toml

TINY = """
[model]
name = "tiny"
task = "regression"
description = "Tiny"
[features]
a = { type = "number", nullable = true }
colour = { type = "category", levels = ["<1 RED", ">1 red", "???", "b"], nullable = true }
b = { type = "number" }
[target]
name = "colour_b"
unit = "kg"
[derived]
ratio = "a / b"
twice = "2 * ratio"
[quality]
min_rows = 1
max_reject_share = 0
[split]
train = 0.5
validation = 0.25
test = 0.25
salt = "s"
[training]
rounds = 1
early_stopping_rounds = 1
seed = 0
[gate]
metric = "mae"
max = 1
[serving]
mode = "realtime"
"""


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return Recipe.fitted(
        contract_of_toml(TINY, "tiny"),
        impute={"a": 6, "ratio": 9, "twice": 1},
        fences={"ratio": (0, 100)},
        mean={"a": 1, "b": 2, "ratio": 3, "twice": 4},
        std={"a": 2, "b": 0.0, "ratio": None, "twice": 0.5},
    )


def test_columns_are_numbers_then_derived_then_levels(recipe: Recipe) -> None:
    assert recipe.columns == (
        Column("a", "number", "a"),
        Column("b", "number", "b"),
        Column("ratio", "derived", "ratio"),
        Column("twice", "derived", "twice"),
        Column("colour_1_red", "level", "colour", "<1 RED"),
        Column("colour_1_red_2", "level", "colour", ">1 red"),
        Column("colour_level", "level", "colour", "???"),
        Column("colour_b_2", "level", "colour", "b"),  # the target has the plain name
    )


def test_rows_are_imputed_derived_and_scaled_in_that_order(recipe: Recipe) -> None:
    records = [
        {"a": 8.0, "b": 4, "colour": "b"},
        {"a": None, "b": 2, "colour": ">1 red"},
        {"a": 5.0, "b": 0.0},
    ]
    expected = [
        [(8 - 1) / 2, 4 - 2, 2 - 3, (4 - 4) / 0.5, 0, 0, 0, 1],
        [(6 - 1) / 2, 2 - 2, 3 - 3, (6 - 4) / 0.5, 0, 1, 0, 0],
        [(5 - 1) / 2, 0 - 2, 9 - 3, (18 - 4) / 0.5, 0, 0, 0, 0],  # 5 / 0 is imputed before `twice` uses it
    ]
    matrix = recipe.apply(records)
    assert (matrix.dtype, matrix.flags.c_contiguous) == (np.float64, True)
    np.testing.assert_array_equal(matrix, expected)


def test_columns_in_arrays_give_the_same(recipe: Recipe) -> None:
    records = [{"a": 8.0, "b": 4.0, "colour": "b"}, {"a": None, "b": 2.0, "colour": None}]
    arrays = {
        "a": np.array([8.0, np.nan]),
        "b": np.array([4.0, 2.0]),
        "colour": np.array(["b", None], dtype=object),
    }
    np.testing.assert_array_equal(recipe.apply_columns(arrays), recipe.apply(records))


def test_no_records_give_an_empty_matrix(recipe: Recipe) -> None:
    assert recipe.apply([]).shape == (0, 8)


def test_a_recipe_survives_json_and_pickle(recipe: Recipe) -> None:
    recipe.apply([{feature.name: feature.default for feature in recipe.contract.features}])  # compiles expressions
    assert Recipe.from_json(recipe.to_json()) == recipe
    assert pickle.loads(pickle.dumps(recipe)) == recipe


def test_json_holds_what_others_read(recipe: Recipe) -> None:
    document = json.loads(recipe.to_json())
    assert list(document) == ["version", "contract", "contract_hash", "impute", "fences", "mean", "std", "columns"]
    assert document["contract_hash"] == recipe.contract.hash
    assert document["std"] == {"a": 2.0, "b": 1.0, "ratio": 1.0, "twice": 0.5}
    assert document["columns"][4] == {"name": "colour_1_red", "kind": "level", "source": "colour", "level": "<1 RED"}


@settings(deadline=None, database=None)
@given(number=st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False))
def test_rounding_keeps_twelve_digits_and_is_stable(number: float) -> None:
    assert rounded(number) == pytest.approx(number, rel=5e-12, abs=1e-300)
    assert rounded(rounded(number)) == rounded(number)


def test_rounding_hides_what_engines_differ_in() -> None:
    assert rounded(537.8705525375618) == rounded(537.8705525375620) == 537.870552538


def changed(recipe: Recipe, **parts: object) -> str:
    return json.dumps(json.loads(recipe.to_json()) | parts)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"version": 2}, "version 1"),
        ({"contract_hash": "0" * 64}, "contract_hash does not belong to its contract"),
        ({"impute": {"a": 1.0, "ratio": 2.0}}, "impute.twice must be a finite number, is None"),
        ({"mean": {}}, "mean.a must be a finite number, is None"),
        ({"std": {"a": "x"}}, "std.a must be a finite number, is 'x'"),
        ({"std": {"a": float("nan")}}, "std.a must be a finite number, is nan"),
        ({"columns": []}, "columns do not follow from its contract"),
        ({"columns": [{"nme": "a"}]}, "does not have the shape of a recipe"),
        ({"fences": {"ratio": [1]}}, "does not have the shape of a recipe"),
        ({"fences": 3}, "does not have the shape of a recipe"),
    ],
)
def test_a_changed_recipe_is_refused(recipe: Recipe, parts: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Recipe.from_json(changed(recipe, **parts))


@pytest.mark.parametrize(
    ("text", "message"), [("{", "is not valid JSON"), ("[]", "must be an object"), ("{}", "version")]
)
def test_what_is_no_recipe_is_refused(text: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Recipe.from_json(text)


def test_a_recipe_without_a_part_is_refused(recipe: Recipe) -> None:
    document = json.loads(recipe.to_json())
    del document["mean"]
    with pytest.raises(RecipeError, match=r"lacks mean; run the ETL job again"):
        Recipe.from_json(json.dumps(document))


def test_reordered_features_are_noticed(recipe: Recipe) -> None:
    """JSON written with sorted keys would silently give the model its inputs in another order."""
    text = json.dumps(json.loads(recipe.to_json()), sort_keys=True)
    with pytest.raises(RecipeError, match="contract_hash does not belong"):
        Recipe.from_json(text)


def test_california_housing_columns_are_unique_and_safe(contract: Contract) -> None:
    names = [column.name for column in columns_of(contract)]
    assert len(set(names)) == len(names) == 8 + len(contract.derived) + 5
    assert all(name.replace("_", "").isalnum() and name == name.lower() for name in names)
    assert names[-5:] == [
        f"ocean_proximity_{level}" for level in ("1h_ocean", "inland", "island", "near_bay", "near_ocean")
    ]


def test_one_row_takes_under_a_millisecond(contract: Contract, record: dict[str, object]) -> None:
    names = [feature.name for feature in contract.numeric] + [derived.name for derived in contract.derived]
    ones = dict.fromkeys(names, 1.0)
    recipe = Recipe.fitted(contract, impute=ones, fences={}, mean=ones, std=ones)
    timings = []
    for _ in range(50):
        start = time.perf_counter()
        recipe.apply([record])
        timings.append(time.perf_counter() - start)
    assert min(timings) < 1e-3
