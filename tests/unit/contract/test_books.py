"""The books of a data set in words, of manifests of every age."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.books import books_of

ROWS = {
    "read": 12_050,
    "rejected": 12,
    "replaced": 7,
    "dropped_equal": 0,
    "outliers": 31,
    "train": 7_600,
    "validation": 1_900,
    "test": 2_500,
}
MANIFEST: dict[str, Any] = {
    "rows": ROWS,
    "equal_rows": 3_000,
    "comments": 1,
    "reasons": {"age: below 0": 3, "plan: unknown level": 6, "field count": 2, "calls: missing": 1},
    "examples": {"plan: unknown level": "line 2: plan is 'gold'; known are 'basic' and 'plus'"},
    "warnings": ["25 % of the rows are equal to an earlier one; it looks like a file sent twice"],
}


def test_the_parts_add_up_to_what_was_read() -> None:
    books = books_of(MANIFEST)
    assert books is not None
    assert books.balanced
    assert books.sentence == (
        "12,050 rows read = 12 rejected + 7 replaced by a later row of their key + 31 dropped as outliers "
        "+ 7,600 train + 1,900 validation + 2,500 test"
    )


def test_the_books_of_a_refused_file_balance_too() -> None:
    rows = {"read": 40, "rejected": 9, "replaced": 3, "dropped_equal": 0, "usable": 28}
    books = books_of({"reason": "f.csv: 28 usable rows", "rows": rows, "reasons": {"age: missing": 9}, "examples": {}})
    assert books is not None
    assert books.balanced
    assert books.lines == (
        "40 rows read = 9 rejected + 3 replaced by a later row of their key + 28 usable, of which nothing was made",
        "9 rejected: age: missing",
    )
    none = books_of({"rows": dict.fromkeys(rows, 0)})
    assert none is not None
    assert none.sentence == "0 rows read = 0 rejected + 0 usable, of which nothing was made"
    assert books_of({"reason": "f.csv: the file is empty"}) is None
    off = books_of({"rows": rows | {"usable": 27}})
    assert off is not None
    assert off.warnings == ("the books do not balance: 1 row of those read stand in no count",)


def test_the_three_most_frequent_reasons_come_with_a_value() -> None:
    books = books_of(MANIFEST)
    assert books is not None
    assert books.frequent == (
        "6 rejected: plan: unknown level (line 2: plan is 'gold'; known are 'basic' and 'plus')",
        "3 rejected: age: below 0",
        "2 rejected: field count",
        "1 rejected for 1 other reason",
    )
    assert [reason.kind for reason in books.reasons][-1] == "calls: missing"


def test_equal_rows_comments_and_warnings_are_told() -> None:
    books = books_of(MANIFEST)
    assert books is not None
    assert books.lines[-3:] == (
        "3,000 rows are equal to an earlier one in every column read, and count all the same",
        "1 comment line skipped",
        "warning: 25 % of the rows are equal to an earlier one; it looks like a file sent twice",
    )


def test_dropped_equal_rows_are_no_rows_that_count() -> None:
    rows = ROWS | {"dropped_equal": 2_999, "train": 7_600 - 2_999}
    books = books_of(MANIFEST | {"rows": rows, "comments": 0})
    assert books is not None
    assert books.balanced
    assert "2,999 dropped as equal" in books.sentence
    assert books.notes == ("1 row is equal to an earlier one in every column read, and counts all the same",)


def test_an_older_manifest_has_its_duplicates_dropped() -> None:
    rows = {"read": 1313, "rejected": 0, "duplicates": 958, "outliers": 0, "train": 230, "validation": 50, "test": 75}
    books = books_of({"rows": rows, "reasons": {}})
    assert books is not None
    assert books.balanced
    assert books.lines == ("1,313 rows read = 0 rejected + 958 dropped as equal + 230 train + 50 validation + 75 test",)


def test_books_that_do_not_balance_say_so() -> None:
    less, more = books_of({"rows": {"read": 10, "train": 6}}), books_of({"rows": {"read": 5, "train": 6}})
    assert less is not None
    assert more is not None
    assert not less.balanced
    assert less.warnings == ("the books do not balance: 4 rows of those read stand in no count",)
    assert more.warnings == ("the books do not balance: the counts hold 1 row more than were read",)


@pytest.mark.parametrize("manifest", [None, {}, {"rows": {}}])
def test_there_are_no_books_without_counts(manifest: dict[str, Any] | None) -> None:
    assert books_of(manifest) is None


@given(st.dictionaries(st.sampled_from([name for name in ROWS if name != "read"]), st.integers(0, 10**7)))
def test_the_numbers_in_the_sentence_are_those_of_the_manifest(parts: dict[str, int]) -> None:
    read = sum(parts.values())
    books = books_of({"rows": {"read": read, **parts}})
    assert books is not None
    assert books.balanced
    left, _, right = books.sentence.partition(" = ")
    assert int(left.split()[0].replace(",", "")) == read
    assert sum(int(part.split()[0].replace(",", "")) for part in right.split(" + ")) == read
