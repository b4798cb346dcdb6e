"""Parts of the test rows that are looked at by themselves: levels of categories, and sides of the target."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract import Contract, Feature, Recipe
from contract.kinds import feature_kind
from steps.dataset import Rows
from steps.metrics import Vector
from steps.tasks import evaluation_of, metrics_of


@dataclass(frozen=True)
class Slice:
    """`name` is a column, `value` says in words which rows of it, `chosen` marks them."""

    name: str
    value: str
    chosen: NDArray[np.bool_]

    @property
    def rows(self) -> int:
        return int(self.chosen.sum())

    def metrics(self, contract: Contract, actual: Vector, predicted: Vector) -> dict[str, float]:
        found = metrics_of(contract, actual[self.chosen], predicted[self.chosen])
        return {name: found[name] for name in evaluation_of(contract).of_slices if name in found}

    def document(self, contract: Contract, actual: Vector, predicted: Vector) -> dict[str, Any]:
        return {
            "name": self.name,
            "value": self.value,
            "rows": self.rows,
            **self.metrics(contract, actual, predicted),
        }


def slices_of(rows: Rows, recipe: Recipe) -> tuple[Slice, ...]:
    """By level of each feature that has some, then by the target's cap or level. Slices without a row are left out."""
    contract = recipe.contract
    by_target = evaluation_of(contract).slices(contract.target, rows.target)
    found = (*_by_level(rows, recipe), *((contract.target.name, value, chosen) for value, chosen in by_target))
    return tuple(Slice(name, value, chosen) for name, value, chosen in found if chosen.any())


def _by_level(rows: Rows, recipe: Recipe) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    for feature in recipe.contract.categorical:
        known = np.zeros(len(rows.target), dtype=bool)
        for index, column in enumerate(recipe.columns):
            if column.source == feature.name and column.level is not None:
                chosen = rows.having(index)
                known |= chosen
                yield feature.name, column.level, chosen
        yield feature.name, _without_input(feature), ~known


def _without_input(feature: Feature) -> str:
    """What a row says that has a 1 in no input of the feature: the one level that has none, or nothing."""
    encoded = feature_kind(feature.type).encoded(feature)
    return next((level for level in feature.levels if level not in encoded), "(missing)")
