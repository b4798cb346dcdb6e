from __future__ import annotations

import codecs

import pytest

from contract import HEAD_BYTES, Contract
from etl import checks
from etl.checks import Tally, layout_of
from etl.run import Refused

HEADER = b"rooms,beds,people,town,price\n"


def refusal(head: bytes, contract: Contract) -> str:
    with pytest.raises(Refused) as refused:
        layout_of(head, contract, "f.csv")
    return str(refused.value)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_the_header_gives_the_place_of_each_column(end: bytes, contract: Contract) -> None:
    layout = layout_of(b'town, note,"rooms",price,beds,people' + end + b"D,x,1,2,3,4" + end, contract, "f.csv")
    assert (layout.header_line, layout.width) == (1, 6)
    assert layout.positions == (2, 4, 5, 0, 3)
    assert layout.ignored == ("note",)


def test_a_byte_order_mark_and_blank_lines_may_precede_the_header(contract: Contract) -> None:
    layout = layout_of(codecs.BOM_UTF8 + b"\n \n" + HEADER, contract, "f.csv")
    assert (layout.header_line, layout.positions) == (3, (0, 1, 2, 3, 4))


def test_a_character_cut_at_the_end_of_the_head_is_no_fault(contract: Contract) -> None:
    head = HEADER + b"x" * (HEAD_BYTES - len(HEADER) - 1) + "é".encode()[:1]
    assert layout_of(head, contract, "f.csv").header_line == 1


@pytest.mark.parametrize("head", [b"", b"\n\n", b" \r\n\t", codecs.BOM_UTF8])
def test_an_empty_file_is_refused(head: bytes, contract: Contract) -> None:
    assert refusal(head, contract) == "f.csv: the file is empty; upload a CSV file with a header and rows"


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"\x1f\x8b\x08rest", "not a CSV file but a gzip archive; upload the uncompressed CSV"),
        (b"PK\x03\x04rest", "not a CSV file but a zip archive or a spreadsheet; save it as CSV"),
        (b"PAR1rest", "not a CSV file but a Parquet file; export it as CSV"),
        ("rooms".encode("utf-16"), "not a CSV file but UTF-16 text; save it as UTF-8"),
        (b"ab\x00c", "a binary file (byte 2 is zero); upload a CSV file in UTF-8"),
        (HEADER + b"1,2,3,caf\xe9,5\n", "line 2 is not UTF-8 text (byte 38); save the file as UTF-8"),
    ],
)
def test_what_is_no_utf8_text_is_refused(head: bytes, reason: str, contract: Contract) -> None:
    assert refusal(head, contract) == f"f.csv: {reason}"


def test_missing_columns_are_named(contract: Contract) -> None:
    expected = "f.csv: line 1, the header, lacks beds, town; add what is missing; not known: Beds, city"
    assert refusal(b"rooms,Beds,people,city,price\n", contract) == expected


def test_a_header_without_any_column_is_not_quoted(contract: Contract) -> None:
    expected = "f.csv: line 1 names none of the columns; it must be a header with rooms, beds, people, town, price"
    assert refusal(b"1.5,2,3,D,4\n", contract) == expected
    hint = "; separate fields by commas, not by ';'"
    assert refusal(b"rooms;beds;people;town;price\n", contract) == expected + hint


def test_a_column_named_twice_is_refused(contract: Contract) -> None:
    expected = "f.csv: line 1, the header, names beds twice; keep one of each"
    assert refusal(b"rooms,beds,people,town,price,beds\n", contract) == expected


def test_a_header_with_an_open_quote_is_refused(contract: Contract) -> None:
    assert refusal(b'rooms,"beds,people\n', contract).startswith("f.csv: line 1, the header: a quote is opened")


def test_a_first_line_without_end_is_refused(contract: Contract) -> None:
    expected = "f.csv: line 1 is longer than 65536 bytes; the first line must name the columns"
    assert refusal(b"x" * HEAD_BYTES, contract) == expected


def test_an_unknown_model_is_refused(contract: Contract) -> None:
    with pytest.raises(Refused) as refused:
        checks.check_model("boats", {"flats": contract}, "f.csv")
    expected = "f.csv: there is no model boats; upload below the folder of a known model (flats)"
    assert str(refused.value) == expected


def test_a_share_of_rejects_at_the_limit_passes_and_above_it_is_refused(contract: Contract) -> None:
    checks.check_rejects(Tally(20, 10, {"beds: missing": 10}, {"beds: missing": 2}), contract, "f.csv")
    reasons, first = {"field count": 4, "beds: missing": 7}, {"field count": 9, "beds: missing": 3}
    with pytest.raises(Refused) as refused:
        checks.check_rejects(Tally(20, 11, reasons, first), contract, "f.csv")
    assert str(refused.value) == (
        "f.csv: 11 of 20 rows rejected (55.0%, the limit is 50.0%); most often beds: missing "
        "(7 rows, first on line 3). Every row and its reason stand in rejects/; correct the file and upload it again"
    )


def test_too_few_rows_and_an_empty_split_are_refused(contract: Contract) -> None:
    with pytest.raises(Refused, match="7 usable rows; the model flats needs at least 8; upload more"):
        checks.check_rows({"train": 5, "validation": 1, "test": 1}, contract, "f.csv")
    with pytest.raises(Refused, match="none of the 9 usable rows fell into the test split"):
        checks.check_rows({"train": 8, "validation": 1, "test": 0}, contract, "f.csv")


def test_train_rows_that_are_all_outliers_are_refused(contract: Contract) -> None:
    with pytest.raises(Refused, match="every train row is an outlier by the outlier factor 3 of rooms, per_person"):
        checks.check_kept(0, contract, "f.csv")


def test_a_derived_feature_without_measure_is_refused() -> None:
    checks.check_ranges({"a": [-1e100, 0, 1e100], "b": []}, "f.csv")
    with pytest.raises(Refused, match="the derived feature a exceeds 1e\\+100"):
        checks.check_ranges({"a": [0, 0, 1.1e100]}, "f.csv")


def test_a_refusal_reads_as_one_at_the_end_of_a_traceback() -> None:
    import traceback

    assert traceback.format_exception_only(Refused("f.csv: why")) == ["Refused: f.csv: why\n"]
