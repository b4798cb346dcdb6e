"""How a file is written: delimiter, decimal mark, encoding, compression, header; ambiguous files are refused."""

from __future__ import annotations

import gzip
from dataclasses import replace

import pytest

from contract.reading import Data, Field, FileError, FileRules, Layout, layout_of, read_table

PRICE = Field("price", "price", "number", nullable=True)
ROOMS = Field("rooms", "Rooms (n)", "number")
TOWN = Field("town", "town", "category", levels=("A", "B c"))
RULES = FileRules((PRICE, ROOMS, TOWN), optional=frozenset(["price"]))
ROWS = "price,Rooms (n),town\n1.5,2,A\n2.5,3,B c\n"


def declared(**data: object) -> FileRules:
    return replace(RULES, data=Data(**data))


def layout(text: str | bytes, rules: FileRules = RULES) -> Layout:
    return layout_of(text.encode() if isinstance(text, str) else text, rules, complete=True)


def refusal(text: str | bytes, rules: FileRules = RULES) -> str:
    with pytest.raises(FileError) as refused:
        layout(text, rules)
    return str(refused.value)


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(mark: str) -> None:
    assert layout(ROWS.replace(",", mark)).delimiter == mark


def test_the_delimiter_that_excel_names_counts() -> None:
    found = layout("\ufeffsep=;\r\n" + ROWS.replace(",", ";"))
    assert (found.delimiter, found.header_line, found.first_line) == (";", 2, 3)
    assert len(read_table(("sep=;\n" + ROWS.replace(",", ";")).encode(), RULES).rows) == 2


def test_a_header_that_two_delimiters_read_is_refused() -> None:
    rules = FileRules((Field("a", "a", "number"),))
    assert refusal("a,b;a\n1,2;3\n", FileRules((Field("b", "b;c", "number"), *rules.fields))).startswith(
        "line 1, the header, lacks"
    )
    both = FileRules((Field("a", "a", "number"), Field("b", "b", "number")), optional=frozenset(["a", "b"]))
    assert "can be read with the delimiter ',' or ';'" in refusal("a,x;b\n1,2;3\n", both)
    assert layout("a,x;b\n1,2;3\n", replace(both, data=Data(delimiter=";"))).delimiter == ";"


def test_a_declared_delimiter_is_the_only_one() -> None:
    assert refusal(ROWS, declared(delimiter=";")).startswith("line 1 names none of the columns")
    assert layout(ROWS, declared(delimiter=",")).declared == ("delimiter",)


@pytest.mark.parametrize(
    ("rows", "mark"),
    [
        ("1,5;2;A\n2,75;3;A", ","),
        ("1.5;2;A", "."),
        ("1;2;A", "."),
        ("NA;2;A\n-0,5;1e3;A", ","),
        ("1,234;2,5;A", ","),
    ],
)
def test_the_decimal_mark_is_found(rows: str, mark: str) -> None:
    assert layout(f"price;Rooms (n);town\n{rows}\n").decimal == mark


def test_a_comma_that_may_mark_thousands_is_refused_with_what_to_declare() -> None:
    text = "price;Rooms (n);town\n1,234;2;A\n2,345,678;3;A\n"
    assert refusal(text) == (
        "price is '1,234' on line 2: the comma may end the whole number or mark thousands; "
        'write numbers without marks for thousands, or say [data] decimal = "," in model.toml'
    )
    assert layout(text, declared(decimal=",")).decimal == ","


def test_both_marks_are_refused_with_both_places() -> None:
    reason = refusal("price;Rooms (n);town\n1,5;2;A\n2.5;3;A\n")
    assert "with a comma (price is '1,5' on line 2) and with a point (price is '2.5' on line 3)" in reason


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("packed", [False, True])
def test_the_encoding_and_the_compression_are_found(encoding: str, packed: bool) -> None:
    content = (ROWS + "\u00e9,1,A\n").encode(encoding)
    found = read_table(gzip.compress(content, mtime=0) if packed else content, RULES)
    assert [row.values.get("rooms") for row in found.rows] == [2.0, 3.0, 1.0]
    assert found.layout.compression == ("gzip" if packed else "none")
    assert found.rows[2].reason == "price must be a number, is '\u00e9'"


def test_a_declared_encoding_counts_where_the_file_is_not_utf_8() -> None:
    rules = FileRules((Field("town", "town", "category", levels=("Z\u00fcrich",)),), data=Data(encoding="cp1252"))
    for encoding in ("utf-8", "cp1252", "utf-16"):
        (row,) = read_table("town\nZ\u00fcrich\n".encode(encoding), rules).rows
        assert row.values == {"town": "Z\u00fcrich"}
    (row,) = read_table("town\nZ\u00fcrich\n".encode("cp1252"), replace(rules, data=Data())).rows
    assert row.reason == r"town is 'Z\xfcrich', which is not UTF-8 text"


def test_a_gzip_file_may_have_several_members() -> None:
    first, second = ROWS.encode().split(b"2.5")
    content = gzip.compress(first, mtime=0) + b"\0" * 3 + gzip.compress(b"2.5" + second)
    assert len(read_table(content, RULES).rows) == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty; upload a CSV file with a header and rows"),
        (b" \n\r\n", "the file is empty"),
        (b"# only\n# comments\n", "the file is empty"),
        (gzip.compress(ROWS.encode(), mtime=0)[:-9], "a gzip archive that ends too early; upload it again"),
        (b"\x1f\x8b\x08" + b"\xff" * 20, "a gzip archive that is broken"),
        (b"PK\x03\x04...", "not a CSV file but a zip archive or a spreadsheet; save it as CSV"),
        (b"%PDF-1.7", "not a CSV file but a PDF"),
        (b"\xff\xfe\0\0a\0\0\0", "UTF-32 text; save it as UTF-8"),
        (b"price,Rooms (n)\0,town", "a binary file (byte 15 is zero)"),
        (b"1,2,A\n3,4,A\n", "line 1 names none of the columns; it must be a header with Rooms (n), town"),
        (b"price,town\n", "line 1, the header, lacks Rooms (n); add what is missing"),
        (ROWS.replace("town", "town,town", 1).encode(), "line 1, the header, names town twice; keep one of each"),
        (ROWS.replace("town", "Town", 1).encode(), "'Town' differs from 'town' in upper and lower case; write them"),
        (ROWS.replace(" (n)", "\u00a0(n)").encode(), r"'Rooms\xa0(n)' differs from 'Rooms (n)' in blanks"),
        (ROWS.replace(" (n)", "(N)").encode(), "'Rooms(N)' differs from 'Rooms (n)' in blanks, or upper and lower"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(content: bytes, words: str) -> None:
    reason = refusal(content)
    assert words in reason


def test_a_small_archive_of_a_large_file_is_unpacked_in_bounded_steps() -> None:
    bomb = gzip.compress(ROWS.encode() + b"\n" * 200_000_000, mtime=0)
    assert len(bomb) < 250_000
    found = layout_of(bomb[:65_536], RULES, complete=False)
    assert found.compression == "gzip"


def test_comments_before_the_header_are_passed_over_and_lines_are_those_of_the_file() -> None:
    found = read_table(f"# exported\n\n# twice\n{ROWS}x,1,A\n".encode(), RULES)
    assert (found.layout.header_line, found.layout.first_line) == (4, 5)
    assert [(row.line, row.reason) for row in found.rows] == [(5, ""), (6, ""), (7, "price must be a number, is 'x'")]


def test_a_header_may_be_quoted_and_hold_line_breaks() -> None:
    found = read_table(b'"price","Rooms (n)","a\nnote",town,\n1,2,"x,\ny",A,\n', RULES)
    assert found.layout.names == ("price", "Rooms (n)", "a\nnote", "town", "")
    assert [(row.line, row.values) for row in found.rows] == [(3, {"price": 1.0, "rooms": 2.0, "town": "A"})]


def test_a_column_that_may_be_absent_is_a_warning() -> None:
    found = read_table(b"town,Rooms (n)\nA,1\n", RULES)
    assert found.rows[0].values == {"price": None, "rooms": 1.0, "town": "A"}
    assert found.layout.warnings == ("the column price is not in the file: it is missing in every row",)
