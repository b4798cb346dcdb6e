"""What the REST API answers, as frozen dataclasses. Members that an older API leaves out have a neutral value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from contract.reading import Data, Field, FileRules, field_of
from frontend.kinds import NUMBER, Control, control_for

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Metric:
    name: str
    value: float

    @classmethod
    def of(cls, document: Json | None) -> Metric | None:
        return cls(str(document["name"]), float(document["value"])) if document else None


@dataclass(frozen=True)
class LiveVersion:
    version: int
    run_id: str
    since: datetime | None
    metric: Metric | None


@dataclass(frozen=True)
class Target:
    """What a model predicts. `levels` are the two of a binary model, the positive one last."""

    name: str
    unit: str
    levels: tuple[str, ...]


@dataclass(frozen=True)
class Summary:
    """`notice`: what the deployed contract says otherwise than that of the live version, "" for nothing."""

    name: str
    task: str
    description: str
    target: Target
    live: LiveVersion | None
    notice: str = ""

    @classmethod
    def of(cls, document: Json) -> Summary:
        target, live = document["target"], document.get("live")
        return cls(
            name=str(document["name"]),
            task=str(document["task"]),
            description=str(document.get("description") or ""),
            target=Target(str(target["name"]), str(target.get("unit") or ""), tuple(target.get("levels") or ())),
            live=_live(live) if live else None,
            notice=str(document.get("notice") or ""),
        )


@dataclass(frozen=True)
class Feature:
    """An input of a model. `minimum` and `maximum` are inclusive; a nullable one may be unknown.

    `column` is its name in the header of a file, `control` asks for its values.
    """

    name: str
    type: str
    column: str = ""
    minimum: float | None = None
    maximum: float | None = None
    levels: tuple[str, ...] = ()
    nullable: bool = False
    unit: str = ""
    description: str = ""
    default: float | str | bool | None = None
    control: Control = field(default=NUMBER, compare=False)

    @classmethod
    def of(cls, document: Json, schema: Json | None = None) -> Feature:
        """`schema`: JSON Schema of its values. An API that tells none tells levels where there are some.

        Raises ValueError where the page has no way to ask for such values.
        """
        described = schema or ({"enum": document["levels"]} if document.get("levels") else {"type": "number"})
        return cls(
            name=str(document["name"]),
            type=str(document["type"]),
            column=str(document.get("column") or document["name"]),
            minimum=_number(document.get("min")),
            maximum=_number(document.get("max")),
            levels=tuple(document.get("levels") or ()),
            nullable=bool(document.get("nullable", False)),
            unit=str(document.get("unit") or ""),
            description=str(document.get("description") or ""),
            default=document.get("default"),
            control=control_for(described),
        )


@dataclass(frozen=True)
class Model:
    """A model's contract, as the API tells it. `fields`: how a file is read for the features."""

    summary: Summary
    features: tuple[Feature, ...]
    fields: tuple[Field, ...]
    gate: Json
    derived: Mapping[str, str]
    max_instances: int
    threshold: float | None
    data: Data = field(default_factory=Data)

    @classmethod
    def of(cls, document: Json) -> Model:
        schemas: Json = (document.get("schema") or {}).get("properties") or {}
        return cls(
            summary=Summary.of(document),
            features=tuple(Feature.of(item, schemas.get(item["name"])) for item in document["features"]),
            fields=tuple(map(field_of, document["features"])),
            gate=dict(document.get("gate") or {}),
            derived=dict(document.get("derived") or {}),
            max_instances=int(document.get("max_instances") or 500),
            threshold=_number(document.get("threshold")),
            data=_data(document.get("data") or {}),
        )

    @cached_property
    def rules(self) -> FileRules:
        """How a file of rows to predict is read."""
        optional = frozenset(field.name for field in self.fields if field.nullable)
        return FileRules(self.fields, data=self.data, optional=optional)

    @property
    def name(self) -> str:
        return self.summary.name

    @property
    def target(self) -> Target:
        return self.summary.target


@dataclass(frozen=True)
class Interval:
    low: float
    high: float
    level: float


@dataclass(frozen=True)
class Contribution:
    """How much one feature moves a prediction away from the base; `value` is None for a derived feature."""

    feature: str
    value: float | str | bool | None
    contribution: float


@dataclass(frozen=True)
class Explanation:
    """`base` and the contributions add up to the prediction, or to its log-odds (`output`)."""

    base: float
    contributions: tuple[Contribution, ...]
    output: str

    @classmethod
    def of(cls, document: Json) -> Explanation:
        items = document["contributions"]
        return cls(
            base=float(document["base"]),
            contributions=tuple(
                Contribution(str(item["feature"]), item.get("value"), float(item["contribution"])) for item in items
            ),
            output=str(document.get("output") or "value"),
        )

    @property
    def total(self) -> float:
        return self.base + sum(item.contribution for item in self.contributions)


@dataclass(frozen=True)
class Prediction:
    """`value` has the target's unit; for a binary model it is the probability of the positive level."""

    value: float
    label: str | None
    interval: Interval | None
    explanation: Explanation | None

    @classmethod
    def of(cls, document: Json) -> Prediction:
        interval, explanation = document.get("interval"), document.get("explanation")
        return cls(
            value=float(document["value"]),
            label=document.get("label"),
            interval=_interval(interval) if interval else None,
            explanation=Explanation.of(explanation) if explanation else None,
        )


@dataclass(frozen=True)
class Predictions:
    model_version: str
    request_id: str
    items: tuple[Prediction, ...]

    @classmethod
    def of(cls, document: Json) -> Predictions:
        return cls(
            model_version=str(document["model_version"] or "unknown"),
            request_id=str(document.get("request_id") or ""),
            items=tuple(Prediction.of(item) for item in document["predictions"]),
        )


def time_of(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _data(document: Json) -> Data:
    return Data(
        missing_only=tuple(map(str, document.get("missing") or ())),
        delimiter=document.get("delimiter"),
        decimal=document.get("decimal"),
        encoding=document.get("encoding"),
    )


def _live(document: Json) -> LiveVersion:
    return LiveVersion(
        version=int(document["version"]),
        run_id=str(document.get("run_id") or ""),
        since=time_of(document.get("since")),
        metric=Metric.of(document.get("metric")),
    )


def _interval(document: Json) -> Interval:
    return Interval(float(document["low"]), float(document["high"]), float(document["level"]))


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
