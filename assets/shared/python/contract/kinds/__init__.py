"""Kinds of values. A new kind of feature is a file here, and a line in FEATURE_KINDS."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from contract.kinds.boolean import Boolean
from contract.kinds.category import Category
from contract.kinds.kind import FeatureKind, Held, Json, Kind, Read
from contract.kinds.number import Number
from contract.kinds.text import Text

__all__ = [
    "BOOLEAN",
    "CATEGORY",
    "FEATURE_KINDS",
    "JSON_TYPES",
    "NUMBER",
    "TEXT",
    "FeatureKind",
    "Held",
    "Json",
    "Kind",
    "Read",
    "feature_kind",
    "kind_of",
]

NUMBER, CATEGORY, BOOLEAN, TEXT = Number(), Category(), Boolean(), Text()


def _by_name(kinds: Iterable[FeatureKind]) -> Mapping[str, FeatureKind]:
    return {kind.name: kind for kind in kinds}


# What `type` may be in [features.*] of a model.toml.
FEATURE_KINDS = _by_name([NUMBER, CATEGORY, BOOLEAN])
_KINDS: Mapping[str, Kind] = {**FEATURE_KINDS, TEXT.name: TEXT}
# What a value of a record may be, but for null.
JSON_TYPES = tuple(dict.fromkeys(name for kind in FEATURE_KINDS.values() for name in kind.json_types))


def kind_of(name: str) -> Kind:
    """Of a column that is read, by `Field.type`. Raises ValueError for a name that no kind has."""
    return _KINDS.get(name) or feature_kind(name)


def feature_kind(name: str) -> FeatureKind:
    """By `Feature.type`. Raises ValueError for a name that no kind of features has."""
    kind = FEATURE_KINDS.get(name)
    if kind is None:
        raise ValueError(
            f"no feature type is called {name!r} here, only {', '.join(FEATURE_KINDS)}; update this program"
        )
    return kind
