"""How a file is opened: where its columns stand, and which files are refused."""

from __future__ import annotations

import codecs
import gzip

import pytest

from contract import HEAD_BYTES, Contract
from contract.reading import FileError, layout_of

HEADER = b"rooms,beds,people,town,price\n"


def refusal(head: bytes, contract: Contract) -> str:
    with pytest.raises(FileError) as refused:
        layout_of(head, contract.rules_to_train)
    return str(refused.value)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_the_header_gives_the_place_of_each_column(end: bytes, contract: Contract) -> None:
    layout = layout_of(b'town, note,"rooms",price,beds,people' + end + b"D,x,1,2,3,4" + end, contract.rules_to_train)
    assert (layout.header_line, layout.width) == (1, 6)
    assert layout.positions == {"rooms": 2, "beds": 4, "people": 5, "town": 0, "price": 3}
    assert layout.ignored == ("note",)


def test_a_byte_order_mark_and_blank_lines_may_precede_the_header(contract: Contract) -> None:
    layout = layout_of(codecs.BOM_UTF8 + b"\n \n" + HEADER, contract.rules_to_train)
    assert (layout.header_line, list(layout.positions.values())) == (3, [0, 1, 2, 3, 4])


def test_a_character_cut_at_the_end_of_the_head_is_no_fault(contract: Contract) -> None:
    head = HEADER + b"x" * (HEAD_BYTES - len(HEADER) - 1) + "é".encode()[:1]
    assert layout_of(head, contract.rules_to_train).header_line == 1


@pytest.mark.parametrize("head", [b"", b"\n\n", b" \r\n\t", codecs.BOM_UTF8])
def test_an_empty_file_is_refused(head: bytes, contract: Contract) -> None:
    assert refusal(head, contract) == "the file is empty; upload a CSV file with a header and rows"


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (gzip.compress(HEADER, mtime=0)[:-4], "a gzip archive that ends too early; upload it again"),
        (b"PK\x03\x04rest", "not a CSV file but a zip archive or a spreadsheet; save it as CSV"),
        ("rooms".encode("utf-32"), "not a CSV file but UTF-32 text; save it as UTF-8"),
        (b"ab\x00c", "a binary file (byte 2 is zero); upload a CSV file"),
    ],
)
def test_what_is_no_text_is_refused(head: bytes, reason: str, contract: Contract) -> None:
    assert refusal(head, contract) == reason


def test_missing_columns_are_named(contract: Contract) -> None:
    expected = "line 1, the header, lacks town; add what is missing; not known: 'city'"
    assert refusal(b"rooms,people,city,price\n", contract) == expected


@pytest.mark.parametrize(
    ("name", "difference"),
    [("Beds", "upper and lower case"), ("be ds", "blanks, or upper and lower case"), ("TOWN", "upper and lower case")],
)
def test_a_column_that_differs_in_case_or_blanks_is_not_taken_for_absent(
    name: str, difference: str, contract: Contract
) -> None:
    column = "town" if name == "TOWN" else "beds"
    header = HEADER.replace(column.encode(), name.encode())
    assert refusal(header, contract) == (
        f"line 1, the header, lacks {column}: '{name}' differs from '{column}' in {difference}; write them alike"
    )


def test_a_nullable_column_may_be_absent(contract: Contract) -> None:
    layout = layout_of(b"rooms,people,town,price\n1,2,D,3\n", contract.rules_to_train)
    assert layout.absent == ("beds",)
    assert layout.warnings == ("the column beds is not in the file: it is missing in every row",)


def test_a_header_without_any_column_is_not_quoted(contract: Contract) -> None:
    expected = "line 1 names none of the columns; it must be a header with rooms, people, town, price"
    assert refusal(b"1.5,2,3,D,4\n", contract) == expected


@pytest.mark.parametrize("mark", [b";", b"\t", b"|"])
def test_the_delimiter_is_found(mark: bytes, contract: Contract) -> None:
    layout = layout_of(HEADER.replace(b",", mark) + mark.join([b"1", b"2", b"3", b"D", b"4"]), contract.rules_to_train)
    assert (layout.delimiter, layout.width) == (mark.decode(), 5)


def test_a_gzip_archive_is_read_as_what_it_holds(contract: Contract) -> None:
    layout = layout_of(gzip.compress(HEADER + b"1,2,3,D,4\n", mtime=0), contract.rules_to_train)
    assert (layout.compression, layout.width) == ("gzip", 5)


def test_a_column_named_twice_is_refused(contract: Contract) -> None:
    expected = "line 1, the header, names beds twice; keep one of each"
    assert refusal(b"rooms,beds,people,town,price,beds\n", contract) == expected


def test_a_first_line_without_end_is_refused(contract: Contract) -> None:
    expected = "line 1 is longer than 65536 bytes; the first line must name the columns"
    assert refusal(b"x" * HEAD_BYTES, contract) == expected
