"""Reads [data] of a model.toml: how its files are written, and by which column rows are one thing."""

from __future__ import annotations

import codecs

from contract.reader import Table
from contract.reading import DECIMALS, DELIMITERS, Data
from contract.wording import shown

DATA_KEYS = ("key", "missing", "missing_only", "delimiter", "decimal", "encoding", "uploads")


def data_of(table: Table) -> Data:
    if "missing" in table.values and "missing_only" in table.values:
        table.add("missing", "adds to the known words for missing, and missing_only replaces them; keep one")
    data = Data(
        key=table.text("key", default="") or None,
        missing=table.texts("missing"),
        missing_only=table.texts("missing_only"),
        delimiter=_mark(table, "delimiter", DELIMITERS),
        decimal=_mark(table, "decimal", DECIMALS),
        encoding=_encoding(table),
    )
    if data.delimiter is not None and data.delimiter == data.decimal == ",":
        table.add("decimal", "is the delimiter too; numbers with a comma would have to stand in quotes, so declare one")
    return data


def _mark(table: Table, name: str, known: tuple[str, ...]) -> str | None:
    """One character. A blank is no text to the reader of texts, and a tab is a delimiter."""
    value = table.values.get(name)
    if value is None:
        return None
    if value not in known:
        table.add(name, f"must be one of {', '.join(map(repr, known))}, is {shown(value)}")
        return None
    return str(value)


def _encoding(table: Table) -> str | None:
    name = table.text("encoding", default="")
    if not name or table.problems.at(table.path("encoding")):
        return None
    try:
        found = codecs.lookup(name)
        "a,1".encode(found.name).decode(found.name)
    except (LookupError, UnicodeError, TypeError):
        table.add("encoding", f'must be the name of a text encoding, such as "latin-1" or "cp1252", is {shown(name)}')
        return None
    return found.name
