"""Where the rows went that were read: what every manifest must say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contract.books import books_of

PARTS = ("rejected", "replaced", "dropped_equal", "outliers", "train", "validation", "test")


def assert_refusal_balances(refused: Mapping[str, Any]) -> None:
    """The same of a file that was refused, as far as it was read."""
    books = books_of(refused)
    if books is None:
        assert "reasons" not in refused, refused
        return
    assert books.balanced, refused
    assert sum(refused["reasons"].values()) == books.rejected, refused
    assert set(refused["examples"]) == set(refused["reasons"]), refused


def assert_books_balance(manifest: Mapping[str, Any] | None) -> None:
    """Every row is counted once, every rejected one by its reason, and the words say the same."""
    assert manifest is not None, "there is no data set"
    rows = manifest["rows"]
    assert set(rows) == {"read", *PARTS}, rows
    assert all(isinstance(count, int) and count >= 0 for count in rows.values()), rows
    assert rows["read"] == sum(rows[part] for part in PARTS), rows
    assert sum(manifest["reasons"].values()) == rows["rejected"], manifest["reasons"]
    assert set(manifest["examples"]) == set(manifest["reasons"]), manifest["examples"]
    assert rows["dropped_equal"] <= manifest["equal_rows"] < max(rows["read"], 1), manifest["equal_rows"]
    books = books_of(manifest)
    assert books is not None
    assert books.balanced
    assert not [text for text in books.warnings if "do not balance" in text]
