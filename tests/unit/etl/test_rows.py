from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract import split_fields
from contract.identity import RowIdentity
from etl.rows import Layout, is_data, record

IDENTITY = RowIdentity("salt", (True,))
LAYOUT = Layout(header_line=1, width=3, positions=(2, 0), ignored=("b",), identity=IDENTITY)


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("1,2,3", ["1", "2", "3"]),
        (" 1 ,\t2, 3 ", ["1", "2", "3"]),
        ('"a, b",c', ["a, b", "c"]),
        ('1, "a, b" ,c', ["1", "a, b", "c"]),
        ('"say ""x""",2', ['say "x"', "2"]),
        ("1,,", ["1", "", ""]),
    ],
)
def test_a_line_is_split_as_csv_and_trimmed(line: str, fields: list[str]) -> None:
    assert split_fields(line) == fields


def test_an_open_quote_is_no_csv_line() -> None:
    with pytest.raises(ValueError, match="a quote is opened and not closed on this line"):
        split_fields('1,"a,2')


def test_a_field_beyond_the_limit_of_the_reader_is_no_csv_line() -> None:
    with pytest.raises(ValueError, match="field larger than field limit"):
        split_fields('"' + "x" * 200_000 + '"')


def test_columns_stand_in_contract_order() -> None:
    assert record(7, "1, 2 ,3", LAYOUT) == (7, "1, 2 ,3", None, None, IDENTITY.row_id(["3"]), "3", "1")


@pytest.mark.parametrize(
    ("line", "kind", "reason"),
    [
        ("1,2", "field count", "2 fields, the header has 3"),
        ("1,2,3,4", "field count", "4 fields, the header has 3"),
        ('1,"2,3', "malformed line", "a quote is opened and not closed on this line"),
        ("1,\ufffd\ufffd,3", "encoding", "the line is not UTF-8 text"),
    ],
)
def test_a_line_that_is_no_row_carries_its_reason(line: str, kind: str, reason: str) -> None:
    assert record(2, line, LAYOUT)[2:] == (kind, reason, "", "", "")


def test_bad_bytes_look_the_same_however_often_they_were_replaced() -> None:
    assert record(2, "a\ufffd\ufffd\ufffd,b", LAYOUT)[1] == "a\ufffd,b"


def test_header_and_blank_lines_hold_no_row() -> None:
    assert [is_data(number, line, LAYOUT) for number, line in [(1, "a,b,c"), (2, ""), (3, " \t"), (4, "1,2,3")]] == [
        False,
        False,
        False,
        True,
    ]


@given(st.text(alphabet=st.characters(blacklist_characters="\r\n", blacklist_categories=["Cs"]), max_size=60))
def test_every_line_gives_a_record_of_one_shape(line: str) -> None:
    found = record(3, line, LAYOUT)
    assert len(found) == len(LAYOUT.columns)
    assert (found[2] is None) == (found[3] is None)
    assert all(isinstance(value, str) for value in found[4:])
