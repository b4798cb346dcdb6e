"""Records of a CSV file: those of the csv module where quotes are right, and a stray quote costs one row."""

from __future__ import annotations

import csv
import io
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.reading import LONGEST_RECORD, Record, RecordReader, fields_of, on_one_line, restored

SETTINGS = settings(deadline=None, database=None, max_examples=200)
cells = st.text(alphabet='ab,;" \n\r#\u00e9\u2028\x1b\x1c', max_size=6)
tables = st.lists(st.lists(cells, min_size=3, max_size=3), max_size=8)
pieces = st.lists(st.integers(0, 200), max_size=5)


def written(row: list[str], ending: str) -> str:
    """With quotes around everything where a cell breaks lines: csv leaves out what its own ending does not need."""
    text = io.StringIO()
    quoting = csv.QUOTE_ALL if any(mark in cell for cell in row for mark in "\r\n") else csv.QUOTE_MINIMAL
    csv.writer(text, lineterminator=ending, quoting=quoting).writerow(row)
    return text.getvalue()


def read(text: str, cuts: list[int] | None = None, *, width: int | None = 3, delimiter: str = ",") -> list[Record]:
    reader = RecordReader(delimiter, width=width)
    places = [0, *sorted(min(cut, len(text)) for cut in cuts or []), len(text)]
    found = [record for start, end in pairwise(places) for record in reader.feed(text[start:end])]
    return found + reader.feed("", final=True)


@SETTINGS
@given(rows=tables, ending=st.sampled_from(["\n", "\r\n", "\r"]), cuts=pieces)
def test_what_the_csv_module_writes_is_read(rows: list[list[str]], ending: str, cuts: list[int]) -> None:
    """However the text is cut, and with the line that each record begins on."""
    text = "".join(written(row, ending) for row in rows)
    expected, line = [], 1
    for row in rows:
        own = written(row, ending)
        if any(cell.strip() for cell in row):
            expected.append((line, [cell.strip() for cell in row], own.removesuffix(ending)))
        line += len(io.StringIO(own, newline=None).readlines())
    found = [(record.line, record.fields, record.text) for record in read(text, cuts)]
    # A carriage return at the very end of a record's text is of the line's end.
    assert [item[:2] for item in found] == [item[:2] for item in expected]
    assert [item[2].rstrip("\r\n") for item in found] == [item[2].rstrip("\r\n") for item in expected]


@SETTINGS
@given(text=st.text(alphabet='a,"\n\r #', max_size=60), cuts=pieces)
def test_any_text_is_the_same_however_it_is_cut(text: str, cuts: list[int]) -> None:
    assert read(text, cuts) == read(text)


@SETTINGS
@given(text=st.text(alphabet='a,"\n\r #\x1b\udce9\u00e9', max_size=60))
def test_a_record_on_one_line_is_the_same_record(text: str) -> None:
    for record in read(text):
        line = on_one_line(record.text, record.problem)
        assert "\n" not in line and "\r" not in line
        line.encode()
        assert restored(line) == (record.text, record.problem)
        if record.fields is not None:
            assert fields_of(record.text, ",") == record.fields


@pytest.mark.parametrize("stray", ['x,"y,z', '"x,y,z', 'x,y,"z', '"'])
def test_a_stray_quote_costs_one_row(stray: str) -> None:
    first, bad, *rest = read(f"1,2,3\n{stray}\n4,5,6\n7,8,9\n")
    assert (first.fields, bad.line, bad.text, bad.fields) == (["1", "2", "3"], 2, stray, None)
    assert bad.problem == "a quote is opened and never closed"
    assert [record.fields for record in rest] == [["4", "5", "6"], ["7", "8", "9"]]


def test_two_stray_quotes_cost_two_rows() -> None:
    found = read('a,"b,c\n1,2,3\nd,"e,f\n4,5,6\n')
    assert [(record.line, record.fields) for record in found] == [
        (1, None),
        (2, ["1", "2", "3"]),
        (3, None),
        (4, ["4", "5", "6"]),
    ]
    assert found[0].problem == "a quote is opened, and closed on line 3 within a field"
    (bad, *_) = read('a,"b\n1,2,3\n"\n4,5,6\n')
    assert bad.problem == "a quote is opened, and closed on line 3: 2 fields up to there, the header has 3"


@pytest.mark.parametrize("blank", ["", " ", ",,", " , ,\t", "\u00a0,,", '"",""," "'])
def test_blank_rows_are_no_rows_and_count_as_lines(blank: str) -> None:
    found = read(f"1,2,3\n{blank}\n4,5,6")
    assert [(record.line, record.fields) for record in found] == [(1, ["1", "2", "3"]), (3, ["4", "5", "6"])]


def test_a_comment_is_told_from_a_row() -> None:
    reader = RecordReader(",", width=3)
    found = reader.feed('# made by hand\n#1,2,3\n  # two, fields\n# "open\n4,5,6\n', final=True)
    assert [(record.line, record.fields) for record in found] == [(2, ["#1", "2", "3"]), (5, ["4", "5", "6"])]
    assert reader.comments == 3


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("step", [1 << 16, 1 << 20, 1 << 22])
def test_a_line_that_is_too_long_costs_itself(ending: str, step: int) -> None:
    long = "x" * (LONGEST_RECORD + 1)
    text = ending.join(["1,2,3", f"{long},2,3", f"{long * 2},2", "4,5,6"])
    found = read(text, list(range(0, len(text), step)))
    assert [(record.line, record.fields) for record in found] == [
        (1, ["1", "2", "3"]),
        (2, None),
        (3, None),
        (4, ["4", "5", "6"]),
    ]
    assert found[1].problem == "the line is longer than 1,048,576 characters"
    assert found[1].text == f"{'x' * 1000}..."


def test_a_line_that_is_just_not_too_long_is_a_row() -> None:
    text = "x" * (LONGEST_RECORD - 4)
    assert [record.fields for record in read(f"{text},2,3\r\n4,5,6")] == [[text, "2", "3"], ["4", "5", "6"]]


def test_a_quote_that_stays_open_for_too_long_costs_its_line_alone() -> None:
    rows = ["4,5,6"] * (LONGEST_RECORD // 6 + 10)
    found = read("\n".join(['1,"2,3', *rows]), [100, 5000])
    assert (found[0].line, found[0].problem) == (1, "a quote is opened and never closed")
    assert [record.fields for record in found[1:]] == [["4", "5", "6"]] * len(rows)
