"""InputFilter and OutputFilter of a transform job on CSV: a row is a JSON array, "$[1:]" leaves out its first field."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WHOLE = "$"
_PATH = re.compile(r"\$\[(?P<parts>[-\d:,\s]+)\]")
_INDEX = re.compile(r"-?\d+")
_SLICE = re.compile(r"(-?\d+)?:(-?\d+)?")


class FilterError(ValueError):
    """A filter that is none, or one that does not fit its rows."""


@dataclass(frozen=True)
class Filter:
    parts: tuple[int | slice, ...]
    text: str

    @classmethod
    def parse(cls, text: str) -> "Filter | None":
        """None for "$", which leaves rows as they are."""
        if text.strip() == WHOLE:
            return None
        match = _PATH.fullmatch(text.strip())
        if match is None:
            raise FilterError(f"{text} does not select fields of a CSV row (as $[1:] or $[0,2:] do)")
        return cls(tuple(_part(item.strip(), text) for item in match["parts"].split(",")), text)

    def select(self, row: Sequence[str]) -> list[str]:
        chosen: list[str] = []
        for part in self.parts:
            if isinstance(part, slice):
                chosen.extend(row[part])
            elif -len(row) <= part < len(row):
                chosen.append(row[part])
            else:
                raise FilterError(f"{self.text} asks for field {part} of a row of {len(row)} fields")
        return chosen

    def apply(self, lines: Sequence[bytes]) -> list[bytes]:
        return formatted(self.select(row) for row in parsed(lines))


def _part(item: str, text: str) -> int | slice:
    if _INDEX.fullmatch(item):
        return int(item)
    if bounds := _SLICE.fullmatch(item):
        return slice(*(int(bound) if bound else None for bound in bounds.groups()))
    raise FilterError(f"{text}: {item} is neither an index nor a slice")


def parsed(lines: Sequence[bytes]) -> list[list[str]]:
    """One row a line. Bytes that are not UTF-8 survive."""
    try:
        rows = list(csv.reader((line.decode(errors="surrogateescape") for line in lines), strict=True))
    except csv.Error as error:
        raise FilterError(f"a line is not CSV: {error}") from error
    if len(rows) != len(lines):
        raise FilterError("a quoted field goes over more than one line")
    return rows


def formatted(rows: Iterable[Sequence[str]]) -> list[bytes]:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode(errors="surrogateescape").split(b"\n")[:-1]
