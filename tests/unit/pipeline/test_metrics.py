"""Metrics by hand: overall, interval, slices, gate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from contract import Contract, Gate, Recipe
from steps import metrics
from steps.dataset import Rows
from steps.wording import amount, title
from tests.unit.pipeline.factory import synthetic_rows


def test_metrics_of_four_rows() -> None:
    found = metrics.metrics_of(np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 2.0, 3.0, 8.0]))
    assert found == metrics.Metrics(rmse=2.0, mae=1.0, r2=pytest.approx(1 - 16 / 5))


def test_r2_of_a_constant_target_is_zero() -> None:
    assert metrics.metrics_of(np.array([2.0, 2.0]), np.array([2.0, 3.0])).r2 == 0.0


def test_the_interval_is_that_of_the_plain_bootstrap() -> None:
    random = np.random.default_rng(1)
    actual = random.normal(size=400)
    predicted = actual + random.normal(scale=3, size=400)
    found = metrics.rmse_interval(actual, predicted, seed=5)
    draws = np.random.default_rng(5)
    resampled = []
    for _ in range(metrics.RESAMPLES):
        rows = draws.integers(0, 400, 400, dtype=np.int32)
        resampled.append(np.sqrt(np.mean((predicted[rows] - actual[rows]) ** 2)))
    assert found.low == pytest.approx(np.quantile(resampled, 0.025), rel=0.02)
    assert found.high == pytest.approx(np.quantile(resampled, 0.975), rel=0.02)
    # The standard error of a root mean square of normal errors is s / sqrt(2 n).
    assert found.standard_deviation == pytest.approx(3 / np.sqrt(800), rel=0.15)
    assert found == metrics.rmse_interval(actual, predicted, seed=5)
    assert found != metrics.rmse_interval(actual, predicted, seed=6)


def test_large_test_sets_are_resampled_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "_DRAWS_AT_ONCE", 1000)
    actual, predicted = np.zeros(300), np.linspace(-1, 1, 300)
    found = metrics.rmse_interval(actual, predicted, seed=5)
    assert found.low < float(np.sqrt(np.mean(predicted**2))) < found.high


def recipe_of(contract: Contract) -> Recipe:
    names = [item.name for item in (*contract.numeric, *contract.derived)]
    ones = dict.fromkeys(names, 1.0)
    return Recipe.fitted(contract, impute=ones, fences={}, mean=ones, std=ones)


def test_slices_are_levels_and_the_capped_target(contract: Contract) -> None:
    rows = synthetic_rows(60, contract)
    for index, row in enumerate(rows):
        row["ocean_proximity"] = ["INLAND", "NEAR BAY", None][index % 3]
    target = np.array([400_000.0, 500_001.0, 100.0] * 20)
    recipe = recipe_of(contract)
    predicted = target + np.array([3.0, -4.0, 5.0] * 20)
    found = metrics.slices_of(Rows(inputs=recipe.apply(rows), target=target), predicted, recipe)
    assert found == (
        metrics.Slice("ocean_proximity", "INLAND", 20, 3.0, 3.0),
        metrics.Slice("ocean_proximity", "NEAR BAY", 20, 4.0, 4.0),
        metrics.Slice("ocean_proximity", "(missing)", 20, 5.0, 5.0),
        metrics.Slice("median_house_value", "below 500,001 USD", 40, pytest.approx(np.sqrt(17)), 4.0),
        metrics.Slice("median_house_value", "capped at 500,001 USD", 20, 4.0, 4.0),
    )


def test_a_target_without_a_cap_has_no_such_slice(contract: Contract) -> None:
    uncapped = replace(contract, target=replace(contract.target, cap=None))
    recipe = recipe_of(uncapped)
    rows = synthetic_rows(20, contract)
    found = metrics.slices_of(Rows(recipe.apply(rows), np.ones(20)), np.ones(20), recipe)
    assert {item.name for item in found} == {"ocean_proximity"}


@pytest.mark.parametrize(
    ("gate", "decision", "reason"),
    [
        (Gate("rmse", 60_000), "register", "Test RMSE 41,903 USD is within the limit of 60,000 USD."),
        (Gate("rmse", 41_903.25), "register", "Test RMSE 41,903 USD is within the limit of 41,903 USD."),
        (
            Gate("rmse", 40_000),
            "reject",
            "Test RMSE 41,903 USD is above the limit of 40,000 USD, so the model is not registered.",
        ),
        (Gate("mae", 30_000), "register", "Test MAE 27,001 USD is within the limit of 30,000 USD."),
    ],
)
def test_the_gate_decides_in_plain_words(gate: Gate, decision: str, reason: str) -> None:
    overall = metrics.Metrics(rmse=41_903.25, mae=27_000.6, r2=0.87)
    found = metrics.decide(gate, overall, "USD")
    assert (found.decision, found.reason, found.limit) == (decision, reason, gate.max)
    assert (found.metric, found.value) == (gate.metric, getattr(overall, gate.metric))


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(41_903.2, "USD", "41,903 USD"), (0.123456, "kg", "0.1235 kg"), (12.0, "", "12"), (-1500.0, "m", "-1,500 m")],
)
def test_amounts_read_well(value: float, unit: str, text: str) -> None:
    assert amount(value, unit) == text


def test_names_read_well() -> None:
    assert title("median_house_value") == "Median house value"
