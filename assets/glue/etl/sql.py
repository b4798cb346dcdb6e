"""Statements as text, in what Spark's SQL and DuckDB's have in common but for the quotes around names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

# A statement to its rows.
Ask = Callable[[str], list[Sequence[Any]]]
# The columns that are wanted to a statement that has them.
Columns = Callable[[Sequence[str]], str]

# Between two selections: Spark plans and compiles each by itself, where it would else write the expressions of one into
# those of the other, and make methods of more than 64 KB of them. It changes no partition.
APART = "/*+ coalesce(100000) */"


def quoted(name: str) -> str:
    """SQL may have its own use for a name: order, group, select."""
    return f"`{name}`"


def listed(names: Iterable[str]) -> str:
    return ", ".join(map(quoted, names))


def word(text: str) -> str:
    """A literal. Engines differ in how they write a quote or a backslash inside one."""
    assert text.replace("#", "").isalnum() or text == "#", f"{text!r} is no plain word"
    return f"'{text}'"


def select(columns: str | Iterable[str], source: str, *, where: str = "", apart: bool = False) -> str:
    """`source`: the name of a view, or a statement. Names come from a contract, which has checked them."""
    shown = columns if isinstance(columns, str) else ", ".join(columns)
    origin = f"({source}) as `__source`" if source.startswith("select ") else quoted(source)
    hint = f"{APART} " if apart else ""
    return f"select {hint}{shown} from {origin}" + (f" where {where}" if where else "")  # noqa: S608


def counted(source: str, *, where: str = "") -> str:
    return select("count(*)", source, where=where)
