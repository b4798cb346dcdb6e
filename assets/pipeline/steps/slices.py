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
from steps.metrics import OF_SLICES, Vector, metrics_of
from steps.wording import amount


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
        return {name: found[name] for name in OF_SLICES[contract.task] if name in found}

    def document(self, contract: Contract, actual: Vector, predicted: Vector) -> dict[str, Any]:
        return {
            "name": self.name,
            "value": self.value,
            "rows": self.rows,
            **self.metrics(contract, actual, predicted),
        }


def slices_of(rows: Rows, recipe: Recipe) -> tuple[Slice, ...]:
    """By level of each feature that has some, then by the target's cap or level. Slices without a row are left out."""
    found = (*_by_level(rows, recipe), *_by_target(rows, recipe.contract))
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


def _by_target(rows: Rows, contract: Contract) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    target = contract.target
    if target.cap is not None:
        cap = amount(target.cap, target.unit)
        yield target.name, f"below {cap}", rows.target < target.cap
        yield target.name, f"capped at {cap}", rows.target >= target.cap
    for value, level in enumerate(target.levels):
        yield target.name, level, rows.target == value
