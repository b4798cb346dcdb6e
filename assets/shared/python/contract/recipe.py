"""The fitted transform of a model: raw records in, model inputs out, the same at training and at inference."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from contract.kinds import feature_kind
from contract.model import Contract
from contract.names import slug
from contract.parsing import contract_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VERSION = 1


class RecipeError(ValueError):
    """A recipe.json that cannot be used."""


@dataclass(frozen=True)
class Column:
    """A model input. `source` is the feature or derived feature it comes from."""

    name: str
    kind: Literal["number", "derived", "level"]
    source: str
    level: str | None = None


def columns_of(contract: Contract) -> tuple[Column, ...]:
    """Model inputs in order: numbers, derived features, then one 0/1 column for each level that has one."""
    columns = [Column(feature.name, "number", feature.name) for feature in contract.numeric]
    columns += [Column(derived.name, "derived", derived.name) for derived in contract.derived]
    taken = {column.name for column in columns} | set(contract.columns)
    for feature in contract.categorical:
        for level in feature_kind(feature.type).encoded(feature):
            name = _unique(f"{feature.name}_{slug(level)}", taken)
            taken.add(name)
            columns.append(Column(name, "level", feature.name, level))
    return tuple(columns)


def rounded(number: float) -> float:
    """12 significant digits: what engines and thread counts agree on."""
    return float(f"{number:.11e}")


@dataclass(frozen=True)
class Recipe:
    """Statistics of the train rows: `impute` holds medians, `fences` (low, high) limits used in training only."""

    contract: Contract
    impute: Mapping[str, float]
    fences: Mapping[str, tuple[float, float]]
    mean: Mapping[str, float]
    std: Mapping[str, float]
    columns: tuple[Column, ...]

    @classmethod
    def fitted(
        cls,
        contract: Contract,
        *,
        impute: Mapping[str, float],
        fences: Mapping[str, tuple[float, float]],
        mean: Mapping[str, float],
        std: Mapping[str, float | None],
    ) -> Recipe:
        """Rounds the statistics. A standard deviation that is missing or 0 becomes 1. Raises RecipeError."""
        recipe = cls(
            contract=contract,
            impute={name: rounded(value) for name, value in impute.items()},
            fences={name: (rounded(low), rounded(high)) for name, (low, high) in fences.items()},
            mean={name: rounded(value) for name, value in mean.items()},
            std={name: rounded(value) if value else 1.0 for name, value in std.items()},
            columns=columns_of(contract),
        )
        _check(recipe)
        return recipe

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Raises RecipeError, or ContractError when the contract inside is wrong."""
        from json import JSONDecodeError, loads

        try:
            document = loads(text)
        except JSONDecodeError as error:
            raise RecipeError(f"recipe.json is not valid JSON: {error}") from error
        return _recipe_of(document)

    def to_json(self) -> str:
        from json import dumps

        document = {
            "version": VERSION,
            "contract": self.contract.to_dict(),
            "contract_hash": self.contract.hash,
            "impute": dict(self.impute),
            "fences": {name: list(fence) for name, fence in self.fences.items()},
            "mean": dict(self.mean),
            "std": dict(self.std),
            "columns": [vars(column) for column in self.columns],
        }
        return dumps(document, indent=1, allow_nan=False) + "\n"

    def apply(self, records: Sequence[Mapping[str, Any]]) -> NDArray[np.float64]:
        """Validated raw records to model inputs, shape (len(records), len(columns))."""
        features = self.contract.features
        return self.apply_columns({item.name: [record.get(item.name) for record in records] for item in features})

    def apply_columns(self, values: Mapping[str, Any]) -> NDArray[np.float64]:
        """The same for one array or list a feature. Missing numbers are None or NaN."""
        import numpy as np

        numbers = self.numbers(values)
        rows = len(values[self.contract.features[0].name])
        result = np.empty((rows, len(self.columns)))
        for index, column in enumerate(self.columns):
            if column.kind == "level":
                result[:, index] = np.asarray(values[column.source], dtype=object) == column.level
            else:
                result[:, index] = numbers[column.source]
        return (result - self._shift) / self._scale

    def numbers(self, values: Mapping[str, Any]) -> dict[str, NDArray[np.float64]]:
        """Imputed numeric features, then derived features in order: an expression may use an earlier one."""
        import numpy as np

        numbers: dict[str, NDArray[np.float64]] = {}
        for feature in self.contract.numeric:
            column = np.asarray(values[feature.name], dtype=float)
            fill = self.impute.get(feature.name)
            numbers[feature.name] = column if fill is None else np.where(np.isnan(column), fill, column)
        with np.errstate(all="ignore"):
            for derived in self.contract.derived:
                numbers[derived.name] = derived.expression.evaluate_quietly(numbers, self.impute[derived.name])
        return numbers

    @cached_property
    def _shift(self) -> NDArray[np.float64]:
        return self._by_column(self.mean, default=0.0)

    @cached_property
    def _scale(self) -> NDArray[np.float64]:
        return self._by_column({name: value or 1.0 for name, value in self.std.items()}, default=1.0)

    def _by_column(self, statistics: Mapping[str, float], default: float) -> NDArray[np.float64]:
        """Level columns stay 0 and 1."""
        import numpy as np

        return np.array([default if item.kind == "level" else statistics[item.source] for item in self.columns])


def _recipe_of(document: Any) -> Recipe:
    if not isinstance(document, dict) or document.get("version") != VERSION:
        raise RecipeError(f"recipe.json must be an object with version {VERSION}; run the ETL job again")
    missing = {"contract", "contract_hash", "impute", "fences", "mean", "std", "columns"} - document.keys()
    if missing:
        raise RecipeError(f"recipe.json lacks {', '.join(sorted(missing))}; run the ETL job again")
    contract = contract_of(document["contract"], file="recipe.json")
    if document["contract_hash"] != contract.hash:
        raise RecipeError("recipe.json: contract_hash does not belong to its contract; the file was changed by hand")
    try:
        recipe = Recipe(
            contract=contract,
            impute=dict(document["impute"]),
            fences={name: (low, high) for name, (low, high) in document["fences"].items()},
            mean=dict(document["mean"]),
            std={name: 1.0 if value is None else value for name, value in document["std"].items()},
            columns=tuple(Column(**column) for column in document["columns"]),
        )
    except (TypeError, ValueError, AttributeError) as error:
        raise RecipeError(
            f"recipe.json does not have the shape of a recipe ({error}); run the ETL job again"
        ) from error
    _check(recipe)
    return recipe


def _check(recipe: Recipe) -> None:
    """Names that have no statistic, statistics that are no number, and columns in another order."""
    contract = recipe.contract
    derived = [item.name for item in contract.derived]
    scaled = [feature.name for feature in contract.numeric] + derived
    imputed = [feature.name for feature in contract.numeric if feature.nullable] + derived
    for label, statistics, names in (
        ("impute", recipe.impute, imputed),
        ("mean", recipe.mean, scaled),
        ("std", recipe.std, scaled),
    ):
        for name in names:
            value = statistics.get(name)
            if not isinstance(value, int | float) or not math.isfinite(value):
                raise RecipeError(f"recipe.json: {label}.{name} must be a finite number, is {value!r}")
    if recipe.columns != columns_of(contract):
        raise RecipeError("recipe.json: columns do not follow from its contract; run the ETL job again")


def _unique(name: str, taken: set[str]) -> str:
    candidates = (name if number == 1 else f"{name}_{number}" for number in range(1, len(taken) + 2))
    return next(candidate for candidate in candidates if candidate not in taken)
