"""Metrics by hand, of both tasks, over all rows and over slices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from contract import Contract, Recipe
from steps import metrics
from steps.dataset import Rows
from steps.slices import Slice, slices_of
from steps.tasks import evaluation_of, metrics_of
from steps.wording import amount, share, title
from tests.unit.pipeline.binary import binary_contract
from tests.unit.pipeline.factory import synthetic_rows


def test_metrics_of_four_rows(contract: Contract) -> None:
    found = metrics_of(contract, np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 2.0, 3.0, 8.0]))
    assert found == {"rmse": 2.0, "mae": 1.0, "r2": pytest.approx(1 - 16 / 5)}


def test_r2_of_a_constant_target_is_zero() -> None:
    assert metrics.r2(np.array([2.0, 2.0]), np.array([2.0, 3.0])) == 0.0


def test_metrics_of_five_probabilities() -> None:
    actual, predicted = np.array([1.0, 1.0, 1.0, 0.0, 0.0]), np.array([0.9, 0.6, 0.4, 0.5, 0.1])
    found = metrics_of(binary_contract(), actual, predicted)
    assert found == {
        "auc": pytest.approx(5 / 6),  # of six pairs, only 0.4 against 0.5 is in the wrong order
        "logloss": pytest.approx(-np.mean(np.log([0.9, 0.6, 0.4, 0.5, 0.9]))),
        "accuracy": 0.6,
        "precision": pytest.approx(2 / 3),
        "recall": pytest.approx(2 / 3),
        "f1": pytest.approx(2 / 3),
    }


def test_labels_follow_the_threshold_of_the_contract() -> None:
    strict = binary_contract(serving={"threshold": 0.55})
    actual, predicted = np.array([1.0, 1.0, 0.0, 0.0]), np.array([0.9, 0.5, 0.5, 0.1])
    found = metrics_of(strict, actual, predicted)
    assert (found["precision"], found["recall"], found["accuracy"]) == (1.0, 0.5, 0.75)
    nothing = metrics_of(strict, actual, np.full(4, 0.1))
    assert (nothing["precision"], nothing["recall"], nothing["f1"]) == (0.0, 0.0, 0.0)


def test_the_area_counts_pairs() -> None:
    random = np.random.default_rng(4)
    actual, predicted = (random.random(300) < 0.3).astype(float), random.integers(0, 20, 300) / 20
    pairs = predicted[actual == 1][:, None] - predicted[actual == 0][None, :]
    assert metrics.auc(actual, predicted) == pytest.approx(np.mean((pairs > 0) + (pairs == 0) / 2), rel=1e-12)
    assert metrics.auc(np.ones(3), np.arange(3.0)) is None
    assert "auc" not in metrics_of(binary_contract(), np.ones(3), np.full(3, 0.5))


def test_a_certain_mistake_has_a_finite_loss() -> None:
    assert metrics.logloss(np.array([1.0]), np.array([0.0])) == pytest.approx(-np.log(1e-15))


def test_metrics_are_named_as_sagemaker_names_them(contract: Contract) -> None:
    assert metrics.described({"rmse": 2.0, "r2": 0.5}, {"rmse": 0.1}) == {
        "rmse": {"value": 2.0, "standard_deviation": 0.1},
        "r2": {"value": 0.5},
    }
    names = [evaluation_of(item).statistics for item in (contract, binary_contract())]
    assert names == ["regression_metrics", "binary_classification_metrics"]


def recipe_of(contract: Contract) -> Recipe:
    names = [item.name for item in (*contract.numeric, *contract.derived)]
    ones = dict.fromkeys(names, 1.0)
    return Recipe.fitted(contract, impute=ones, fences={}, mean=ones, std=ones)


def described(contract: Contract, rows: Rows, predicted: np.ndarray) -> list[tuple]:
    found = slices_of(rows, recipe_of(contract))
    return [tuple(item.document(contract, rows.target, predicted).values()) for item in found]


def test_slices_are_levels_and_the_capped_target(contract: Contract) -> None:
    rows = synthetic_rows(60, contract)
    for index, row in enumerate(rows):
        row["ocean_proximity"] = ["INLAND", "NEAR BAY", None][index % 3]
    target = np.array([400_000.0, 500_001.0, 100.0] * 20)
    predicted = target + np.array([3.0, -4.0, 5.0] * 20)
    assert described(contract, Rows(inputs=recipe_of(contract).apply(rows), target=target), predicted) == [
        ("ocean_proximity", "INLAND", 20, 3.0, 3.0),
        ("ocean_proximity", "NEAR BAY", 20, 4.0, 4.0),
        ("ocean_proximity", "(missing)", 20, 5.0, 5.0),
        ("median_house_value", "below 500,001 USD", 40, pytest.approx(np.sqrt(17)), 4.0),
        ("median_house_value", "capped at 500,001 USD", 20, 4.0, 4.0),
    ]


def test_a_target_without_a_cap_has_no_such_slice(contract: Contract) -> None:
    uncapped = replace(contract, target=replace(contract.target, cap=None))
    rows = synthetic_rows(20, contract)
    found = slices_of(Rows(recipe_of(uncapped).apply(rows), np.ones(20)), recipe_of(uncapped))
    assert {item.name for item in found} == {"ocean_proximity"}


def test_slices_of_a_binary_target_are_its_levels() -> None:
    contract = binary_contract()
    rows = [{"price": 1.0, "rooms": 1.0, "town": town} for town in ("A", "A", "B", "B")]
    target, predicted = np.array([0.0, 1.0, 1.0, 1.0]), np.array([0.2, 0.9, 0.9, 0.4])
    found = slices_of(Rows(recipe_of(contract).apply(rows), target), recipe_of(contract))
    documents = [item.document(contract, target, predicted) for item in found]
    assert [(item["name"], item["value"], item["rows"]) for item in documents] == [
        ("town", "A", 2),
        ("town", "B", 2),
        ("sold", "no", 1),
        ("sold", "yes", 3),
    ]
    assert documents[0]["auc"] == 1.0
    assert documents[1] == {
        "name": "town",
        "value": "B",
        "rows": 2,
        "accuracy": 0.5,
        "logloss": documents[1]["logloss"],
    }
    assert documents[3]["accuracy"] == pytest.approx(2 / 3)


def test_a_slice_knows_its_rows() -> None:
    assert Slice("a", "b", np.array([True, False, True])).rows == 2


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(41_903.2, "USD", "41,903 USD"), (0.123456, "kg", "0.1235 kg"), (12.0, "", "12"), (-1500.0, "m", "-1,500 m")],
)
def test_amounts_read_well(value: float, unit: str, text: str) -> None:
    assert amount(value, unit) == text


def test_names_and_shares_read_well() -> None:
    assert title("median_house_value") == "Median house value"
    assert (share(0.95), share(0.125), share(2.0)) == ("95 %", "12.5 %", "200 %")
