"""What the texts of a field mean, for all different texts of a block at once: the same as contract.reading says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from contract.identity import spelled
from contract.kinds import kind_of
from contract.reading import Field, FileRules, decimal
from etl.arrow import Bools, Doubles, Places, coded, doubles, doubles_of, strings
from etl.texts import Column

Rows = NDArray[np.int64]

# Texts, each different one once.
WORDS = pa.dictionary(pa.int32(), pa.string())
_MISSING, _UNKNOWN = -1, -2
# The grammar of contract.reading.decimal.
_DECIMAL = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\z"


@dataclass(frozen=True)
class Values:
    """Of each different text: whether a row may have it, whether it is missing, and the number or the level's place."""

    field: Field
    places: Places
    good: Bools
    missing: Bools
    numbers: Doubles
    levels: Places
    texts: pa.StringArray

    @property
    def bad_rows(self) -> Bools:
        if self.good.all():
            return np.zeros(len(self.places), np.bool_)
        bad: Bools = ~self.good[self.places]
        return bad

    def taken(self, rows: Rows) -> pa.Array:
        """Doubles, or words by their place in a dictionary; null for missing ones."""
        places = self.places[rows]
        match kind_of(self.field.type).held:
            case "number":
                return doubles(self.numbers[places], self.missing[places])
            case "level":
                return coded(self.levels[places], strings(self.field.levels))
            case "text":
                return coded(places, self.texts)
            case other:
                assert_never(other)

    def indicator(self, rows: Rows) -> pa.DoubleArray:
        """1 for the last one of two levels, 0 for the first."""
        return doubles(self.levels[self.places[rows]].astype(np.float64))

    def spelled(self, rows: Rows, before: str = "") -> pa.StringArray:
        """The one spelling of each value, behind `before`."""
        return self.spellings(before).take(pa.Array.from_buffers(pa.int32(), len(rows), [None, self._buffer(rows)]))

    def spellings(self, before: str = "") -> pa.StringArray:
        """The same for each different text."""
        words = self._words()
        return pc.binary_join_element_wise(pa.scalar(before), words, "") if before else words

    def _words(self) -> pa.StringArray:
        match kind_of(self.field.type).held:
            case "number":
                return pc.if_else(_array(self.missing), pa.scalar(""), spelled_numbers(self.numbers))
            case "level":
                return strings([self.field.levels[place] if place >= 0 else "" for place in self.levels.tolist()])
            case "text":
                return self.texts
            case other:
                assert_never(other)

    def _buffer(self, rows: Rows) -> pa.Buffer:
        return pa.py_buffer(np.ascontiguousarray(self.places[rows]))


def arrow_type(kind: str) -> pa.DataType:
    """Of a column of values, by the name of their kind."""
    return pa.float64() if kind_of(kind).held == "number" else WORDS


class Meaning:
    """Reads the fields of one file."""

    def __init__(self, rules: FileRules, mark: str) -> None:
        self._words, self._mark = rules.missing_words, mark
        self._set = strings(sorted(self._words))

    def values(self, field: Field, column: Column) -> Values:
        size = len(column.texts)
        levels = np.full(size, _MISSING, np.int32)
        numbers = np.zeros(size)
        match kind_of(field.type).held:
            case "number":
                missing = self._missing(column)
                numbers = self._numbers(column.texts, missing)
                known = ~missing & _within(field, numbers)
            case "level":
                levels = self._levels(field, column.texts)
                missing, known = levels == _MISSING, levels >= 0
            case "text":
                missing = self._missing(column)
                known = ~missing
            case other:
                assert_never(other)
        good = known | missing if field.nullable else known
        return Values(field, column.places, good, missing, numbers, levels, column.texts)

    def _missing(self, column: Column) -> Bools:
        return _bools(pc.is_in(column.texts, value_set=self._set))

    def _levels(self, field: Field, texts: pa.StringArray) -> Places:
        place = {level: number for number, level in enumerate(field.levels)}

        def code(text: str) -> int:
            if field.is_missing(text, self._words):
                return _MISSING
            level = field.level_of(text)
            return _UNKNOWN if level is None else place[level]

        return np.fromiter(map(code, texts.to_pylist()), np.int32, len(texts))

    def _numbers(self, texts: pa.StringArray, missing: Bools) -> Doubles:
        """NaN for what is no number."""
        plain = texts
        if self._mark != ".":
            plain = pc.replace_substring(texts, self._mark, ".", max_replacements=1)
            plain = pc.if_else(pc.match_substring(texts, "."), pa.scalar(""), plain)
        if missing.any():
            plain = pc.if_else(_array(missing), pa.scalar("0"), plain)
        # Whatever Arrow reads as a finite number is one.
        found = _cast(plain)
        if found is not None and np.isfinite(found).all():
            return found
        known = pc.match_substring_regex(plain, _DECIMAL)
        found = _cast(pc.if_else(known, plain, pa.scalar("0")))
        if found is not None:
            return np.where(_bools(known), found, np.nan)
        read = (decimal(text) for text in plain.to_pylist())
        return np.fromiter((np.nan if value is None else value for value in read), np.float64, len(texts))


def spelled_numbers(numbers: Doubles) -> pa.StringArray:
    """What `spelled` gives for each: Arrow writes numbers of common sizes with the same digits, at once."""
    sizes = np.abs(numbers)
    common = np.isfinite(numbers) & (((sizes >= 1e-4) & (sizes < 1e10)) | (sizes == 0))
    if not common.all():
        return strings([spelled(number) for number in numbers.tolist()])
    texts = pc.cast(doubles(numbers + 0.0), pa.string())
    whole = pc.invert(pc.match_substring(texts, "."))
    return pc.if_else(whole, pc.binary_join_element_wise(texts, pa.scalar(".0"), ""), texts)


def _cast(texts: pa.StringArray) -> Doubles | None:
    try:
        return doubles_of(pc.cast(texts, pa.float64()))
    except pa.ArrowInvalid:
        return None


def _within(field: Field, numbers: Doubles) -> Bools:
    within = np.ones(len(numbers), np.bool_)
    for limit in kind_of(field.type).limits(field):
        within &= limit.within.numpy(numbers)
    return within


def _bools(array: pa.BooleanArray) -> Bools:
    bits = np.frombuffer(array.buffers()[1], np.uint8)
    return np.unpackbits(bits, bitorder="little")[array.offset : array.offset + len(array)].astype(np.bool_)


def _array(values: Bools) -> pa.BooleanArray:
    bits = pa.py_buffer(np.packbits(values, bitorder="little"))
    return pa.Array.from_buffers(pa.bool_(), len(values), [None, bits])
