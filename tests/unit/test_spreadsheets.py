"""Cells that a spreadsheet would compute, in files and in the page's downloads."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.spreadsheet import excel_safe, excel_safe_lines, write_excel_safe
from frontend import spreadsheet

FORMULAS = [
    "=1+1",
    '=HYPERLINK("http://a.example";"x")',
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-1+1",
    "-",
    "+49 170 1234567",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\ttext",
    "  =1+1",
    "\u00a0=1",
    "\uff1d1+1",
    "\uff0b1",
    "\uff0d1",
    "\uff20SUM(A1)",
    "-1e5x",
    "--5",
    "-inf",
    "-1_000",
    "-1,000",
    "=",
]
HARMLESS = [
    "",
    "5",
    "-5",
    "+5",
    "+3.2e-1",
    "-.5",
    " -5 ",
    "-5.",
    "-1E+10",
    "a=1",
    "a-b",
    "'=1",
    "NEAR BAY",
    "<1H OCEAN",
    "1-2",
]


@pytest.mark.parametrize("cell", FORMULAS)
def test_a_formula_is_quoted(cell: str) -> None:
    assert excel_safe(cell) == spreadsheet.excel_safe(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", HARMLESS)
def test_numbers_and_words_stay(cell: str) -> None:
    assert excel_safe(cell) == spreadsheet.excel_safe(cell) == cell


@given(st.text())
def test_files_and_downloads_agree(cell: str) -> None:
    safe = excel_safe(cell)
    assert spreadsheet.excel_safe(cell) == safe
    assert excel_safe(safe) == safe
    assert safe in (cell, f"'{cell}")


@pytest.mark.parametrize(
    ("line", "safe"),
    [
        ("1,-2,=3", "1,-2,'=3"),
        ('"a, b","=c",1', '"a, b",\'=c,1'),
        ('"=SUM(1,2)","say ""hi"""', '"\'=SUM(1,2)","say ""hi"""'),
        ('"a, b" ,  "c"', '"a, b" ,  "c"'),
        ('=a"b', '"\'=a""b"'),
        ("@x", "'@x"),
        ("", ""),
        ("=x,,", "'=x,,"),
    ],
)
def test_a_row_keeps_its_cells_and_their_quotes(line: str, safe: str) -> None:
    assert list(excel_safe_lines([line])) == [safe]


@given(st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"])), min_size=2))
def test_every_cell_comes_back(cells: list[str]) -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(cells)
    (line,) = excel_safe_lines([out.getvalue()])
    assert next(csv.reader([line])) == [excel_safe(cell) for cell in cells]


def test_a_file_keeps_its_lines_and_its_ends(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes("name,x\r\n=1+1,2\r\ncaf\u00e9\u2028\x85,-3\n@a,4".encode())
    write_excel_safe(tmp_path / "in.csv", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == "name,x\r\n'=1+1,2\r\ncaf\u00e9\u2028\x85,-3\n'@a,4".encode()


def test_a_cell_with_a_line_break_and_another_delimiter_are_read_as_a_spreadsheet_does(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(b'a;b\n"two\n=lines";=1+1\n"=two\nlines";x\n1,5;-3\n')
    write_excel_safe(tmp_path / "in.csv", tmp_path / "out.csv", delimiter=";")
    safe = b'a;b\n"two\n=lines";\'=1+1\n"\'=two\nlines";x\n1,5;-3\n'
    assert (tmp_path / "out.csv").read_bytes() == safe


def test_a_download_has_safe_cells_and_headings() -> None:
    frame = pd.DataFrame({"=x": ["=1", "-5"], "number": [-1.5, 2.0], "mixed": ["@a", 3], "none": [None, "a,b"]})
    assert spreadsheet.csv_of(frame).splitlines() == ["'=x,number,mixed,none", "'=1,-1.5,'@a,", '-5,2.0,3,"a,b"']
