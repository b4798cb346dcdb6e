"""Rows of a batch as they come back: RFC 4180, with the delimiter and the decimal mark of the file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from contract.reading import fields_of


@dataclass(frozen=True)
class Output:
    """`added`: how many fields a row gets, the reason among them."""

    delimiter: str
    decimal: str
    added: int

    def header(self, text: str, added: Iterable[str]) -> str:
        return self.delimiter.join((self.valid(text), *added))

    def predicted(self, text: str, value: float, label: str | None) -> str:
        """The number with every digit, and no reason."""
        mark, number = self.delimiter, repr(value)
        if self.decimal != ".":
            number = self.field(number.replace(".", self.decimal))
        added = number if label is None else f"{number}{mark}{self.field(label)}"
        return f"{self.valid(text)}{mark}{added}{mark}"

    def refused(self, text: str, reason: str) -> str:
        return self.valid(text) + self.delimiter * self.added + _quoted(reason)

    def no_row(self, text: str, reason: str, width: int) -> str:
        """Whole in the first column, so that what follows stays where the header says."""
        whole = _quoted(_readable(text)) + self.delimiter * (width - 1)
        return whole + self.delimiter * self.added + _quoted(_readable(reason))

    def row(self, fields: Sequence[str]) -> str:
        return self.delimiter.join(map(self.field, fields))

    def valid(self, text: str) -> str:
        """A record as it stood in the file; written anew where its quotes are not those of RFC 4180."""
        if '"' not in text and text.isascii():
            return text
        text = _readable(text)
        if '"' not in text or self._well_quoted.fullmatch(text):
            return text
        return self.row(fields_of(text, self.delimiter))

    def field(self, text: str) -> str:
        return _quoted(text) if any(mark in text for mark in (self.delimiter, '"', "\n", "\r")) else text

    @cached_property
    def _well_quoted(self) -> re.Pattern[str]:
        mark = re.escape(self.delimiter)
        field = rf'(?:"[^"]*+(?:""[^"]*+)*+"|[^"{mark}]*+)'
        return re.compile(rf"{field}(?:{mark}{field})*+")


def _readable(text: str) -> str:
    """Bytes that were no text as their codes: what comes back is always UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
