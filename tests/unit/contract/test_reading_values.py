"""What a text means: missing words, numbers, levels; and rows with everything that is wrong in them."""

from __future__ import annotations

import datetime
import decimal as decimals
import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas._libs.parsers import STR_NA_VALUES

from contract.reading import (
    MISSING_WORDS,
    Data,
    Field,
    FileError,
    FileRules,
    decimal,
    field_of,
    layout_of,
    quoted,
    read_table,
    text_of,
)

TOWN = Field("town", "town", "category", levels=("NEAR BAY", "1", "2.50", "NA", "na\u00efve"))
AGE = Field("age", "age", "number", min=0, max=130, nullable=True)


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (
            {"name": "age", "type": "number", "column": "Age (y)", "min": 0, "max": 130, "nullable": True, "unit": "y"},
            Field("age", "Age (y)", "number", min=0.0, max=130.0, nullable=True),
        ),
        ({"name": "t", "type": "category", "column": None, "levels": ["a"]}, Field("t", "t", "category", ("a",))),
        ({"name": "t", "type": "category", "levels": None, "min": None}, Field("t", "t", "category")),
    ],
)
def test_a_field_is_what_the_api_tells_of_a_feature(document: dict[str, object], field: Field) -> None:
    assert field_of(document) == field


def test_missing_is_what_pandas_takes_for_missing() -> None:
    assert MISSING_WORDS == STR_NA_VALUES


@pytest.mark.parametrize(
    ("data", "missing", "given"),
    [
        (Data(), ["", "NA", "n/a", "null", "None", "#N/A"], ["?", "-9"]),
        (Data(missing=("?", "-9")), ["", "NA", "?", "-9"], ["-", "nil"]),
        (Data(missing_only=("?",)), ["", "?"], ["NA", "null"]),
    ],
)
def test_a_contract_adds_words_or_replaces_them(data: Data, missing: list[str], given: list[str]) -> None:
    assert all(AGE.is_missing(word, data.missing_words) for word in missing)
    assert not any(AGE.is_missing(word, data.missing_words) for word in given)


def test_a_declared_level_of_that_name_is_a_value() -> None:
    assert not TOWN.is_missing("NA", MISSING_WORDS)
    assert TOWN.is_missing("NaN", MISSING_WORDS)
    assert TOWN.level_of("NA") == "NA"


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("NEAR BAY", "NEAR BAY"),
        ("NEAR\u00a0BAY", "NEAR BAY"),
        ("NEAR \t BAY", "NEAR BAY"),
        ("near bay", None),
        ("1.0", "1"),
        ("+1", "1"),
        ("1e0", "1"),
        ("01", "1"),
        ("2.5", "2.50"),
        ("2", None),
        ("na\u00efve", "na\u00efve"),
    ],
)
def test_levels(text: str, level: str | None) -> None:
    assert TOWN.level_of(text) == level


def test_a_number_that_two_levels_spell_is_neither() -> None:
    field = Field("a", "a", "category", levels=("1", "1.0", "2"))
    assert [field.level_of(text) for text in ("1", "1.0", "1.00", "2.0")] == ["1", "1.0", None, "2"]


@given(st.floats(allow_nan=False))
def test_every_number_is_read_as_it_is_written(value: float) -> None:
    if math.isfinite(value):
        assert decimal(repr(value)) == value
        assert decimal(repr(value).replace(".", ","), ",") == value
        assert pd.read_csv(__import__("io").StringIO(f"a\n{value!r}"), float_precision="round_trip")["a"][0] == value
    else:
        assert decimal(repr(value)) is None


@pytest.mark.parametrize("text", ["nan", "inf", "1_000", "0x1F", "1,5", "", " 1", "1 ", "\u0661", "1e", ".", "1.2.3"])
def test_what_is_no_number(text: str) -> None:
    assert decimal(text) is None


@pytest.mark.parametrize(("text", "value"), [("1,5", 1.5), (",5", 0.5), ("1", 1.0), ("1.5", None), ("1,2,3", None)])
def test_a_decimal_comma(text: str, value: float | None) -> None:
    assert decimal(text, ",") == value


def test_every_fault_of_a_row_is_named_with_its_value() -> None:
    rules = FileRules((AGE, TOWN, Field("rooms", "rooms", "number")))
    lines = ["age,town,rooms", "-1,near bay,", "131,x,1e400", "x\u0007,,1e101", "1,2", "age, town ,rooms", '1,1,"2']
    rows = read_table("\n".join(lines).encode(), rules).rows
    known = "known are 'NEAR BAY', '1', '2.50', 'NA' and 'na\u00efve'"
    assert [(row.line, row.reason) for row in rows] == [
        (
            2,
            f"age must be at least 0, is -1; town is 'near bay'; {known}; it differs from 'NEAR BAY' in upper and "
            "lower case; rooms is missing",
        ),
        (3, f"age must be at most 130, is 131; town is 'x'; {known}; rooms must be a finite number"),
        (4, r"age must be a number, is 'x\x07'; town is missing; rooms must be at most 1e+100 in size, is 1e+101"),
        (5, "2 fields, the header has 3"),
        (6, "the header stands here again"),
        (7, "a quote is opened and never closed"),
    ]
    assert [row.kind for row in rows] == [
        "age: below 0",
        "age: above 130",
        "age: not a number",
        "field count",
        "header again",
        "malformed line",
    ]


def test_of_many_levels_the_first_are_shown() -> None:
    field = Field("a", "a", "category", levels=tuple(f"L{n}" for n in range(3000)))
    (row,) = read_table(b"a\nx\n", FileRules((field,))).rows
    assert row.reason == "a is 'x'; known are 'L0', 'L1', 'L2', 'L3', 'L4', 'L5', 'L6', 'L7' and 2,992 more"


def test_a_value_that_is_shown_is_cut_and_harmless() -> None:
    assert quoted("x" * 100) == f"'{'x' * 57}...'"
    assert quoted("a\x1b[31m\u00a0\n\u202e") == r"'a\x1b[31m\xa0\n\u202e'"


def test_bytes_that_are_no_text_cost_a_row_only_where_the_column_is_used() -> None:
    rules = FileRules((AGE,))
    good, bad = read_table(b"age,note\n1,caf\xe9\n2\xe9,x\n", rules).rows
    assert (good.reason, good.unreadable, good.values) == ("", "note", {"age": 1.0})
    assert (bad.reason, bad.kind) == (r"age is '2\xe9', which is not UTF-8 text", "encoding")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (math.nan, ""),
        (0.1, "0.1"),
        (1e300, "1e+300"),
        (7, "7"),
        (True, "true"),
        (" a ", "a"),
        (b"a", "a"),
        (datetime.date(2026, 1, 2), "2026-01-02"),
        (decimals.Decimal("1.50"), "1.50"),
    ],
)
def test_cells_of_a_typed_table_as_texts(value: object, text: str) -> None:
    assert text_of(value) == text


def test_true_and_false_are_written_as_the_levels_are() -> None:
    level = Field("a", "a", "category", levels=("False", "True"))
    assert (text_of(True, level), text_of(False, level), text_of(True, AGE)) == ("True", "False", "1")


def test_accents_may_be_characters_of_their_own() -> None:
    town = Field("town", "town", "category", levels=("K\u00f6ln", "Sa\u0303o"))
    assert [town.level_of(text) for text in ("Ko\u0308ln", "S\u00e3o", "K\u00f6ln")] == [
        "K\u00f6ln",
        "Sa\u0303o",
        "K\u00f6ln",
    ]
    with pytest.raises(FileError, match="'Gro\u0308\u00dfe' differs from 'Gr\u00f6\u00dfe' in how accents are written"):
        layout_of("Gro\u0308\u00dfe\n1\n".encode(), FileRules((Field("size", "Gr\u00f6\u00dfe", "number"),)))
