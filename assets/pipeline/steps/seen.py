"""Test rows as another contract reads them: how a champion is asked whose features differ from those of today."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contract import Contract, decimal
from contract.kinds import kind_of
from contract.reading import Field, Layout, RowReader, text_of
from steps.dataset import GROUP, KEY, RawRows

Mask = NDArray[np.bool_]
Read = Callable[[Any], tuple[Any, str]]


class UndecidedError(Exception):
    """Why test rows do not judge a champion: part of a sentence about it. `left_out`: those that it may know."""

    def __init__(self, reason: str, *, left_out: int = 0, refused: int = 0) -> None:
        super().__init__(reason)
        self.left_out, self.refused = left_out, refused


@dataclass(frozen=True)
class Seen:
    """`raw` has the features of the other contract. `refused`: rows that it does not take, or may read otherwise.

    `why` says of the first of them what is wrong, `absent` names columns that it reads as missing in every row.
    """

    raw: RawRows
    refused: Mask
    why: str = ""
    absent: tuple[str, ...] = ()


def seen_by(theirs: Contract, ours: Contract, raw: RawRows, manifest: Mapping[str, Any]) -> Seen:
    """`raw` and `manifest`: of a data set that `ours` has read. Raises UndecidedError for a column that is gone."""
    reading = _Reading(theirs, ours, raw, manifest)
    features: dict[str, Any] = {}
    refused, why = np.zeros(raw.rows, dtype=bool), ""
    for feature in theirs.features:
        features[feature.name], reasons = reading.column(feature.field)
        bad = np.array([bool(reason) for reason in reasons], dtype=bool)
        if not why and bad.any():
            why = f"{feature.name} {next(filter(None, reasons))}"
        refused |= bad
    return Seen(replace(raw, features=features), refused, why, reading.absent)


class _Reading:
    """Of the columns of a data set by the fields of another contract."""

    def __init__(self, theirs: Contract, ours: Contract, raw: RawRows, manifest: Mapping[str, Any]) -> None:
        self._theirs, self._ours, self._raw = theirs, ours, raw
        self._ignored = manifest.get("ignored_columns")
        self._mark = str((manifest.get("format") or {}).get("decimal", "."))
        before, now = theirs.data.missing_words, ours.data.missing_words
        # A number that only they take for missing may have been written so; what only we take for it was something.
        self._doubtful = {value for value in map(decimal, before - now) if value is not None}
        self._words_lost, self._same_words = bool(now - before), before == now
        self.absent: tuple[str, ...] = ()

    def column(self, field: Field) -> tuple[Any, Sequence[str]]:
        """Values as a RawRows has them, and for each row why it is not taken, or ""."""
        found = self._source(field)
        if found is None:
            self.absent += (field.column,)
            empty = np.full(self._raw.rows, np.nan) if _is_number(field) else [None] * self._raw.rows
            return empty, [""] * self._raw.rows
        source, values = found
        if replace(source, name=field.name) == field and self._same_words:
            kept = self._raw.features.get(source.name, values)
            return kept, [""] * self._raw.rows
        read = self._reader(field, source)
        known: dict[Any, tuple[Any, str]] = {}
        pairs = [known[value] if value in known else known.setdefault(value, read(value)) for value in values]
        taken = [value for value, _ in pairs]
        reasons = [reason for _, reason in pairs]
        return np.array(taken, dtype=float) if _is_number(field) else taken, reasons

    def _source(self, field: Field) -> tuple[Field, Sequence[Any]] | None:
        """What the test rows hold of the field's column; None where the file had no such column, which may be so."""
        for item in self._ours.features:
            if item.field.column == field.column:
                return item.field, self._raw.column(item.name)
        for place, extra in ((KEY, self._ours.key_field), (GROUP, self._ours.group_field)):
            if extra is not None and extra.column == field.column and place in self._raw.texts:
                return extra, self._raw.texts[place]
        if self._ignored is None or field.column in self._ignored:
            raise UndecidedError(
                f"it reads the column {field.column}, which the contract does not name any more, so the test rows do "
                "not have it"
            )
        if not field.nullable:
            raise UndecidedError(f"it needs the column {field.column}, which the data do not have any more")
        return None

    def _reader(self, field: Field, source: Field) -> Read:
        """How one value is taken over. A number is written with a point here, whatever the file's mark."""
        mark = self._mark if _is_number(field) and not _is_number(source) else "."
        rules = self._theirs.rules_to_predict
        rows = RowReader(rules, Layout.of_names([item.column for item in rules.fields], rules, decimal=mark))

        def read(value: Any) -> tuple[Any, str]:
            if value is None and self._words_lost:
                return None, "is missing by today's contract, and may be a value by its own"
            if isinstance(value, float) and value in self._doubtful:
                return None, f"is {value:.12g}, which may mean missing by its contract"
            taken, finding = rows.value(field, text_of(value, field))
            return taken, finding.reason if finding else ""

        return read


def _is_number(field: Field) -> bool:
    return kind_of(field.type).held == "number"
