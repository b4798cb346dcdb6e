"""What drove a prediction: XGBoost's contributions of the model inputs (TreeSHAP), by feature. Lies in the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from contract import Recipe, as_sent
from trees import bounded

if TYPE_CHECKING:
    import numpy as np
    import xgboost
    from numpy.typing import NDArray


def explain(booster: xgboost.Booster, recipe: Recipe, records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """For each validated record: base and contributions, which add up to the prediction, or to its log-odds.

    A feature's contribution is that of all its model inputs: the level columns of a category count as one. Derived
    features stand for themselves. The largest contribution comes first.
    """
    import xgboost

    inputs = bounded(recipe.apply(records))
    names = [column.name for column in recipe.columns]
    matrix = xgboost.DMatrix(inputs, feature_names=names, nthread=1)
    found: NDArray[np.float32] = booster.predict(matrix, pred_contribs=True)
    shown = _values(recipe, records)
    output = recipe.contract.rules.explained
    return [_one(row.tolist(), values, recipe, output) for row, values in zip(found, shown, strict=True)]


def _one(row: list[float], values: Mapping[str, Any], recipe: Recipe, output: str) -> dict[str, Any]:
    """`row`: one contribution a model input, and the base at its end."""
    *own, base = row
    by_feature: dict[str, float] = {}
    for column, contribution in zip(recipe.columns, own, strict=True):
        by_feature[column.source] = by_feature.get(column.source, 0.0) + contribution
    ordered = sorted(by_feature.items(), key=lambda item: -abs(item[1]))
    contributions = [{"feature": name, "value": values[name], "contribution": amount} for name, amount in ordered]
    return {"output": output, "base": base, "sum": base + sum(by_feature.values()), "contributions": contributions}


def _values(recipe: Recipe, records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Features as they were sent, derived features as they were computed: those of a missing number are guesses."""
    contract = recipe.contract
    numbers = recipe.numbers({item.name: [record.get(item.name) for record in records] for item in contract.features})
    return [
        as_sent(contract, record) | {item.name: float(numbers[item.name][position]) for item in contract.derived}
        for position, record in enumerate(records)
    ]
