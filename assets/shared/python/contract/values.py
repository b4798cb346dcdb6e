"""What a single text or JSON value means: missing, a number, a level. The same at every door."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from unicodedata import normalize

from contract.within import Within

# What pandas reads as missing (its default na_values).
MISSING_WORDS = frozenset(
    (
        *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
        *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
    )
)
# The squares in a standard deviation stay within a double.
LARGEST = 1e100
SHOWN_CHARACTERS = 60
SHOWN_LEVELS = 8
# Of a text that is compared with each of the levels.
_LONGEST_LEVEL = 1000

# Possessive: a million digits and a letter would be tried a million times otherwise.
_DECIMAL = re.compile(r"[+-]?+(?:\d++(?:\.\d*+)?+|\.\d++)(?:[eE][+-]?+\d++)?+", re.ASCII)
_BLANKS = re.compile(r"\s+")

# As contracts hold it: a number, a level or another text, None for what is missing.
Value = float | str | None


@dataclass(frozen=True)
class Finding:
    """Why a value cannot be used: `kind` is what rows are counted by, `reason` follows the field's name."""

    kind: str
    reason: str


@dataclass(frozen=True)
class Limit:
    """`kind` is what rows are counted by that break it. `reason` has a place for the value."""

    within: Within
    kind: str
    reason: str


_IS = "is {value:.12g}"
_FINITE = Limit(Within(-sys.float_info.max, sys.float_info.max), "too large", "must be a finite number")
_SQUARED = Limit(Within(-LARGEST, LARGEST), "too large", f"must be at most {LARGEST:g} in size, {_IS}")


@dataclass(frozen=True)
class Field:
    """A column that is read. `column` is its name in a file's header, `type` the name of one of the KINDS.

    `label`: what reasons call it, where that is not its name.
    """

    name: str
    column: str
    type: str
    levels: tuple[str, ...] = ()
    min: float | None = None
    max: float | None = None
    nullable: bool = False
    label: str = ""

    @property
    def called(self) -> str:
        return self.label or self.name

    @cached_property
    def _exact(self) -> Mapping[str, str]:
        """Levels by what a text may be: as declared, or with other blanks in it."""
        return {**{even_blanks(level): level for level in self.levels}, **{level: level for level in self.levels}}

    @cached_property
    def _numbers(self) -> Mapping[float, str]:
        """Levels by the number that they spell. A number that two levels spell stands for neither."""
        found: dict[float, list[str]] = {}
        for level in self.levels:
            value = decimal(level)
            if value is not None:
                found.setdefault(value, []).append(level)
        return {value: levels[0] for value, levels in found.items() if len(levels) == 1}

    @cached_property
    def limits(self) -> tuple[Limit, ...]:
        """What a number of this column keeps, in the order in which reasons are given."""
        limits = [_FINITE, _SQUARED]
        if self.min is not None:
            limits.append(Limit(Within(low=self.min), f"below {self.min:g}", f"must be at least {self.min:g}, {_IS}"))
        if self.max is not None:
            limits.append(Limit(Within(high=self.max), f"above {self.max:g}", f"must be at most {self.max:g}, {_IS}"))
        return tuple(limits)

    def level_of(self, text: str) -> str | None:
        """The level that a trimmed text means, None for an unknown one: 1.0 is the level "1"."""
        level = self._exact.get(text) or self._exact.get(even_blanks(text))
        if level is None and self._numbers:
            value = decimal(text)
            level = None if value is None else self._numbers.get(value)
        return level

    def is_missing(self, text: str, words: Collection[str]) -> bool:
        """Whether a trimmed text says that there is no value. A declared level of that name is a value."""
        return text in words and text not in self.levels


def even_blanks(text: str) -> str:
    """Each run of blanks, non-breaking ones among them, as one blank, none at the ends; accents as part of letters."""
    return _BLANKS.sub(" ", text if text.isascii() else normalize("NFC", text)).strip()


def decimal(text: str, mark: str = ".") -> float | None:
    """A number as CSV files write it, infinite where a double ends; None for anything else, such as nan or 1_000."""
    if mark != ".":
        if "." in text:
            return None
        text = text.replace(mark, ".", 1)
    return float(text) if _DECIMAL.fullmatch(text) else None


def missing(field: Field) -> Finding | None:
    return None if field.nullable else Finding(f"{field.called}: missing", "is missing")


def number_finding(field: Field, value: float) -> Finding | None:
    """What is wrong with a number, None for a good one."""
    broken = next((limit for limit in field.limits if not limit.within.holds(value)), None)
    if broken is None:
        return None
    return Finding(f"{field.called}: {broken.kind}", broken.reason.format(value=value))


def not_a_number(field: Field, text: str) -> Finding:
    return Finding(f"{field.called}: not a number", f"must be a number, is {quoted(text)}")


def unknown_level(field: Field, text: str) -> Finding:
    reason = f"is {quoted(text)}; known are {listed_levels(field.levels)}"
    wanted = even_blanks(text).casefold() if len(text) <= _LONGEST_LEVEL else None
    near = next((level for level in field.levels if level.casefold() == wanted), None)
    if near is not None:
        reason += f"; it differs from {quoted(near)} in upper and lower case"
    return Finding(f"{field.called}: unknown level", reason)


def listed_levels(levels: tuple[str, ...]) -> str:
    """'a', 'b' and 'c'; of many levels the first ones and how many more there are."""
    shown = [quoted(level) for level in levels[:SHOWN_LEVELS]]
    if len(levels) > SHOWN_LEVELS:
        return f"{', '.join(shown)} and {len(levels) - SHOWN_LEVELS:,} more"
    *rest, last = shown
    return f"{', '.join(rest)} and {last}" if rest else last


def quoted(text: str) -> str:
    """A value in a message: cut where it is long, with what cannot be printed as its code."""
    cut = text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 3]}..."
    return "'" + "".join(character if character.isprintable() else _code(character) for character in cut) + "'"


def _code(character: str) -> str:
    number = ord(character)
    if 0xDC80 <= number <= 0xDCFF:  # a byte that is no text in the file's encoding
        return f"\\x{number - 0xDC00:02x}"
    return character.encode("unicode_escape").decode("ascii")


def json_kind(value: object) -> str:
    """What a JSON value is, in words."""
    if value is None:
        return "null"
    names = {bool: "true or false", str: "text", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)
