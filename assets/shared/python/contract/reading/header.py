"""The names in a header against the columns that are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from unicodedata import normalize

from contract.reading.records import Record
from contract.reading.rules import FileRules
from contract.values import even_blanks, quoted

_SHOWN = 10


class FileError(ValueError):
    """A file that cannot be read as a table with these columns. The text says why and what to do."""


class ColumnsError(FileError):
    """A file whose columns, the `names`, are not those that are asked for."""

    def __init__(self, text: str, names: Sequence[str]) -> None:
        super().__init__(text)
        self.names = tuple(names)


def usable(names: Sequence[str], rules: FileRules) -> int:
    """How many of the fields a header has."""
    return sum(1 for field in rules.fields if field.column in names)


def check_names(header: Record, names: Sequence[str], rules: FileRules) -> tuple[tuple[str, ...], dict[str, int]]:
    """Names, and the position of each field. Raises FileError for a column that is missing or stands twice.

    A header on line 0 is the schema of a file that names its columns by itself.
    """
    place = f"line {header.line}" if header.line else "the schema"
    if header.fields is None:
        raise FileError(f"{place}, the header: {header.problem}; write the column names, separated by commas")
    absent = [field.column for field in rules.fields if field.column not in names]
    needed = {field.column for field in rules.required}
    # A column that may be absent is not, where a name is the same but for its case or blanks.
    missing = [column for column in absent if column in needed or _near(column, names)]
    if missing and not usable(names, rules) and not any(_near(column, names) for column in missing):
        # The line may be data, so it is not shown.
        raise ColumnsError(f"{place} names none of the columns; it must be a header with {_listed(missing)}", names)
    if missing:
        told = f"{place}{_as_header(header)} lacks {_listed(missing)}{_hints(missing, names, rules)}"
        raise ColumnsError(told, names)
    columns = [field.column for field in rules.fields]
    twice = [column for column in dict.fromkeys(columns) if list(names).count(column) > 1]
    if twice:
        raise FileError(f"{place}{_as_header(header)} names {_listed(twice)} twice; keep one of each")
    found = {name: index for index, name in enumerate(names)}
    return tuple(names), {field.name: found[field.column] for field in rules.fields if field.column in found}


def _as_header(header: Record) -> str:
    return ", the header," if header.line else ""


def _hints(missing: Sequence[str], names: Sequence[str], rules: FileRules) -> str:
    near = [(column, name) for column in missing if (name := _near(column, names))]
    if near:
        said = "; ".join(
            f"{quoted(name)} differs from {quoted(column)} in {_difference(name, column)}" for column, name in near
        )
        return f": {said}; write them alike"
    columns = {field.column for field in rules.fields}
    unknown = [quoted(name) for name in names if name not in columns]
    more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
    return (
        f"; add what is missing; not known: {', '.join(unknown[:_SHOWN])}{more}" if unknown else "; add what is missing"
    )


def _near(column: str, names: Sequence[str]) -> str | None:
    return next((name for name in names if _bare(name) == _bare(column)), None)


def _difference(name: str, column: str) -> str:
    if normalize("NFC", name) == normalize("NFC", column):
        return "how accents are written, as one character with the letter or as one of their own"
    if even_blanks(name) == even_blanks(column):
        return "blanks"
    return "upper and lower case" if name.casefold() == column.casefold() else "blanks, or upper and lower case"


def _bare(name: str) -> str:
    return "".join(normalize("NFC", name).split()).casefold()


def _listed(columns: Sequence[str]) -> str:
    return ", ".join(quoted(column)[1:-1] for column in columns)
