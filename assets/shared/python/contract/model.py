"""What a model.toml says, as frozen dataclasses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any, Literal

from contract.expression import Expression
from contract.feature import Feature
from contract.kinds import TEXT, kind_of
from contract.reading import Data, Field, FileRules
from contract.serving import Serving
from contract.target import Target
from contract.tasks import Task, task_of

Scalar = float | int | str | bool


@dataclass(frozen=True)
class Derived:
    name: str
    expression: Expression


@dataclass(frozen=True)
class Outliers:
    """Rows outside [q1 - factor * iqr, q3 + factor * iqr] of any of the columns are dropped where trees learn."""

    columns: tuple[str, ...] = ()
    factor: float = 3.0


@dataclass(frozen=True)
class Quality:
    """`equal_rows`: rows that are equal in every column read are kept, each one counts; or one of them is."""

    min_rows: int
    max_reject_share: float
    equal_rows: Literal["keep", "drop"] = "keep"


@dataclass(frozen=True)
class Split:
    """`group`: a column of the file; all rows with the same text in it fall on one side."""

    train: float
    validation: float
    test: float
    salt: str
    group: str | None = None


@dataclass(frozen=True)
class Training:
    """`refit`: once the validation rows have shown how many rounds are best, grow as many on train and validation rows.

    `parameters` are XGBoost's own, by name.
    """

    rounds: int
    early_stopping_rounds: int
    seed: int
    parameters: Mapping[str, Scalar]
    refit: bool = False


@dataclass(frozen=True)
class Gate:
    """What a new version must reach: `max` or `min` of the metric, and no more than these shares behind the champion.

    `slice_margin` counts for slices of at least `slice_min_rows` test rows.
    """

    metric: str
    max: float | None = None
    min: float | None = None
    margin: float = 0.0
    slice_margin: float = 0.1
    slice_min_rows: int = 100

    @property
    def limit(self) -> float:
        limit = self.max if self.min is None else self.min
        assert limit is not None, "the contract's check asks for the limit that the metric has"
        return limit

    @property
    def higher_is_better(self) -> bool:
        return self.min is not None


@dataclass(frozen=True)
class Contract:
    """`uploads`: whether each uploaded file is run, or of those that wait for their turn the newest one alone.

    That says nothing of what a model is: it changes no hash, and stands in no document of a version.
    """

    name: str
    task: str
    description: str
    features: tuple[Feature, ...]
    target: Target
    derived: tuple[Derived, ...]
    outliers: Outliers
    quality: Quality
    split: Split
    training: Training
    gate: Gate
    serving: Serving
    data: Data = field(default_factory=Data)
    uploads: Literal["all", "newest"] = "all"

    @cached_property
    def key_field(self) -> Field | None:
        """The column by which rows are one thing."""
        return self._named_field("key", self.data.key)

    @cached_property
    def group_field(self) -> Field | None:
        """The column whose rows stay on one side of the split."""
        return self._named_field("group", self.split.group)

    def _named_field(self, role: str, column: str | None) -> Field | None:
        """As the feature or the target of that name is read, or as any text; never missing."""
        if column is None:
            return None
        read = [*(feature.field for feature in self.features), self.target.field]
        known = {**{item.name: item for item in read}, **{item.column: item for item in read}}
        found = known.get(column) or Field(name=column, column=column, type=TEXT.name)
        return replace(found, name=f"{role} {found.column}", min=None, max=None, nullable=False, label="")

    @cached_property
    def rules_to_train(self) -> FileRules:
        """How a file to learn from is read: the features, the target, key and group."""
        extra = [item for item in (self.key_field, self.group_field) if item is not None]
        fields = (*(feature.field for feature in self.features), self.target.field, *extra)
        return FileRules(fields, data=self.data, optional=self._optional)

    @cached_property
    def rules_to_predict(self) -> FileRules:
        """How a file of rows to predict is read: the features."""
        return FileRules(tuple(feature.field for feature in self.features), data=self.data, optional=self._optional)

    @cached_property
    def _optional(self) -> frozenset[str]:
        return frozenset(feature.name for feature in self.features if feature.nullable)

    @cached_property
    def numeric(self) -> tuple[Feature, ...]:
        """Features whose values are numbers."""
        return tuple(feature for feature in self.features if kind_of(feature.type).held == "number")

    @cached_property
    def categorical(self) -> tuple[Feature, ...]:
        """Features whose values are levels."""
        return tuple(feature for feature in self.features if kind_of(feature.type).held == "level")

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of the features and the target."""
        return (*(feature.name for feature in self.features), self.target.name)

    @cached_property
    def rules(self) -> Task:
        """What follows from the task."""
        return task_of(self.task)

    @cached_property
    def hash(self) -> str:
        """sha256 (hex) of the canonical JSON: the order of features changes it, comments and layout do not."""
        from hashlib import sha256
        from json import dumps

        return sha256(dumps(self.to_dict(), separators=(",", ":"), allow_nan=False).encode()).hexdigest()

    def to_dict(self) -> dict[str, object]:
        """The shape of the TOML document, without `uploads`. The order of keys counts: features are ordered."""
        quality = _table(self.quality, skip="equal_rows" if self.quality.equal_rows == "keep" else "")
        data = _table(self.data)
        return {
            "model": {"name": self.name, "task": self.task, "description": self.description},
            **({"data": data} if data else {}),
            "features": {feature.name: _table(feature, skip="name") for feature in self.features},
            "target": _table(self.target),
            "derived": {derived.name: derived.expression.text for derived in self.derived},
            "outliers": _table(self.outliers),
            "quality": quality,
            "split": _table(self.split),
            "training": {**_table(self.training), "parameters": dict(sorted(self.training.parameters.items()))},
            "gate": _table(self.gate),
            "serving": _table(self.serving),
        }


def _table(instance: Any, skip: str = "") -> dict[str, object]:
    """The fields that are set, in the order of the class. An unset field is one that TOML would not hold."""
    found = {item.name: getattr(instance, item.name) for item in fields(instance)}
    listed = {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}
    return {name: value for name, value in listed.items() if name != skip and _is_set(name, value)}


def _is_set(name: str, value: object) -> bool:
    """A flag that is false is one that nobody set; a default that is false is one that somebody did."""
    return value is not None and value not in ("", []) and (value is not False or name == "default")
