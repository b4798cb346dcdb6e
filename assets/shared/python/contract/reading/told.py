"""Fields as the REST API tells them, for whoever has no contract: the page and the command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contract.kinds import Json, feature_kind
from contract.values import Field, Value


def field_of(document: Mapping[str, Any]) -> Field:
    """From what the REST API tells of a feature. Members that an older API leaves out have a neutral value.

    Raises ValueError for a type that is not known here.
    """
    name = str(document["name"])
    low, high = document.get("min"), document.get("max")
    return Field(
        name=name,
        column=str(document.get("column") or name),
        type=feature_kind(str(document["type"])).name,
        levels=tuple(map(str, document.get("levels") or ())),
        min=None if low is None else float(low),
        max=None if high is None else float(high),
        nullable=bool(document.get("nullable", False)),
    )


def as_json(field: Field, value: Value) -> Json:
    """A good value of a feature, as a request has it."""
    return feature_kind(field.type).to_json(field, value)
