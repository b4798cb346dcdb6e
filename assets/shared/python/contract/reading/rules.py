"""What a file is read for: its columns, and what the contract says of how files are written."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property

from contract.values import MISSING_WORDS, Field

DELIMITERS = (",", ";", "\t", "|")
DECIMALS = (".", ",")


@dataclass(frozen=True)
class Data:
    """[data] of a model.toml. None: found from the file. `key`: the column by which rows are one thing.

    `missing` adds to what pandas takes for missing, `missing_only` replaces it; an empty field is always missing.
    """

    key: str | None = None
    missing: tuple[str, ...] = ()
    missing_only: tuple[str, ...] = ()
    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None

    @cached_property
    def missing_words(self) -> frozenset[str]:
        if self.missing_only:
            return frozenset(("", *self.missing_only))
        return MISSING_WORDS | frozenset(self.missing)


@dataclass(frozen=True)
class FileRules:
    """How a file is read for a purpose. `optional`: names of fields whose column may be absent."""

    fields: tuple[Field, ...]
    data: Data = field(default_factory=Data)
    optional: frozenset[str] = frozenset()

    @cached_property
    def missing_words(self) -> Collection[str]:
        return self.data.missing_words

    @cached_property
    def required(self) -> tuple[Field, ...]:
        return tuple(item for item in self.fields if item.name not in self.optional)
