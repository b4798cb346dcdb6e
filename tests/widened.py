"""A contract with a category of many levels, and sides of a data set for it, as Prepare leaves them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from contract import Contract, Recipe, contract_of


def widened(contract: Contract, levels: int, *, nullable: bool = False) -> Recipe:
    """Of the contract with so many levels in its categories. Numbers stay as they are: they are not scaled."""
    document = contract.to_dict()
    features: dict[str, Any] = dict(document["features"])  # type: ignore[call-overload]
    words = [f"district {number}" for number in range(levels)]
    for item in contract.categorical:
        features[item.name] = {**features[item.name], "levels": words, "default": words[0]}
        if nullable:
            features[item.name]["nullable"] = True
    wide = contract_of({**document, "features": features})
    numbers = [*(item.name for item in wide.numeric), *(item.name for item in wide.derived)]
    ones = dict.fromkeys(numbers, 1.0)
    return Recipe.fitted(wide, impute=ones, fences={}, mean=dict.fromkeys(numbers, 0.0), std=ones)


def numbers_of(recipe: Recipe) -> list[str]:
    """Names of the model inputs that are no levels."""
    return [column.source for column in recipe.columns if column.kind != "level"]


def write_side(
    folder: Path, recipe: Recipe, numbers: NDArray[np.float64], codes: NDArray[np.int64], target: NDArray[np.float64]
) -> None:
    """`numbers`: a column for each of `numbers_of`; `codes`: the place of each row's level, below 0 for none."""
    (category,) = recipe.contract.categorical
    levels = [category.levels[code] if code >= 0 else None for code in codes.tolist()]
    columns = dict(zip(numbers_of(recipe), numbers.T, strict=True))
    words = pa.array(levels, pa.string())
    folder.mkdir(parents=True)
    pq.write_table(
        pa.table({recipe.contract.target.name: target, **columns, category.name: words}), folder / "data.parquet"
    )
