from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.etl.harness import HEADER, SPLITS, Job, Outcome, csv_text, flats, small_contract

LONG = "x" * 100
NOT = "rooms: not a number"
KNOWN = "known are '<1H A', 'B, C' and 'D'"
# The bad row as it stands in the file, its reason and the kind it is counted by.
BAD = [
    ("", None, None),  # a blank line is no row, and counts as a line
    (" , ,,\t, ", None, None),  # nor is a line of separators
    ("# a remark, with a comma", None, None),
    ("abc,1,2,D,5", "rooms must be a number, is 'abc'", NOT),
    ("NaN,1,2,D,5", "rooms is missing", "rooms: missing"),
    ("inf,1,2,D,5", "rooms must be a number, is 'inf'", NOT),
    ("-Infinity,1,2,D,5", "rooms must be a number, is '-Infinity'", NOT),
    ("1_000,1,2,D,5", "rooms must be a number, is '1_000'", NOT),
    ("0x1F,1,2,D,5", "rooms must be a number, is '0x1F'", NOT),
    ("5d,1,2,D,5", "rooms must be a number, is '5d'", NOT),
    ("1e999,1,2,D,5", "rooms must be a finite number", "rooms: too large"),
    ("1e101,1,2,D,5", "rooms must be at most 1e+100 in size, is 1e+101", "rooms: too large"),
    (f"{LONG},1,2,D,5", f"rooms must be a number, is '{LONG[:57]}...'", NOT),
    (",1,2,D,5", "rooms is missing", "rooms: missing"),
    ("-0.5,1,2,D,5", "rooms must be at least 0, is -0.5", "rooms: below 0"),
    ("1000.5,1,2,D,5", "rooms must be at most 1000, is 1000.5", "rooms: above 1000"),
    ("5,-1,2,D,5", "beds must be at least 0, is -1", "beds: below 0"),
    ("5,1,2,MOON,5", f"town is 'MOON'; {KNOWN}", "town: unknown level"),
    ("5,1,2,d,5", f"town is 'd'; {KNOWN}; it differs from 'D' in upper and lower case", "town: unknown level"),
    ("5,1,2,,5", "town is missing", "town: missing"),
    ("5,1,2,D,null", "price is missing", "price: missing"),
    ("5,1,2,D,-5", "price must be at least 0, is -5", "price: below 0"),
    # every finding is told, and the first one counts
    ("x,1,2,MOON,5", f"rooms must be a number, is 'x'; town is 'MOON'; {KNOWN}", NOT),
    ("5,1,2,D", "4 fields, the header has 5", "field count"),
    ("5,1,2,B, C,5", "6 fields, the header has 5", "field count"),
    ("rooms,beds,people,town,price", "the header stands here again", "header again"),
    ("5,1,2,D\ufffd,5", f"town is 'D\ufffd'; {KNOWN}", "town: unknown level"),
]
ODD = ["+1.5e1,,2,D,5", ".5 , 1., 2 ,  D,5e2", '"7","1","2","B, C","5"', "1E-3,NA,0,<1H\xa0 A,0"]
# A quote that is never closed costs its line.
OPEN = (
    '5,1,2,"D,5',
    "a quote is opened, and closed on line 73 within a field",
    "malformed line",
)


@pytest.mark.parametrize("bad", [BAD, [*BAD, OPEN]], ids=["at once", "one by one"])
def test_every_bad_row_is_rejected_with_line_reason_and_text(
    duckdb: Job, tmp_path: Path, bad: list[tuple[str, str | None, str | None]]
) -> None:
    odd = [row for row in ODD if '"' not in row or bad != BAD]
    good = [",".join(row) for row in flats(60) if "," not in row[3]]
    lines = [",".join(HEADER), *good, *(row for row, _, _ in bad), *odd]
    outcome = duckdb.run("\n".join(lines) + "\n\n", tmp_path, small_contract())
    expected = [
        {"line": len(good) + index + 2, "reason": reason, "row": row}
        for index, (row, reason, _) in enumerate(bad)
        if reason
    ]
    assert outcome.refused is None
    assert outcome.rejects == expected
    kinds = [kind for _, _, kind in bad if kind]
    manifest = outcome.manifest
    assert manifest["reasons"] == {kind: kinds.count(kind) for kind in kinds}
    assert manifest["comments"] == 1
    place = {kind: kinds.index(kind) for kind in kinds}
    assert manifest["examples"] == {
        kind: f"line {expected[number]['line']}: {str(expected[number]['reason']).split('; town')[0]}"
        if kind == NOT
        else f"line {expected[number]['line']}: {expected[number]['reason']}"
        for kind, number in place.items()
    }
    rows = manifest["rows"]
    assert (rows["read"], rows["rejected"]) == (len(good) + len(kinds) + len(odd), len(kinds))
    assert rows["read"] == sum(rows.values()) - rows["read"]


def test_thousands_of_rejects_are_all_kept(duckdb: Job, tmp_path: Path) -> None:
    rows = [row if index % 2 else ["?", *row[1:]] for index, row in enumerate(flats(8000))]
    contract = small_contract(quality={"max_reject_share": 0.6})
    outcome = duckdb.run(csv_text(rows).encode() + b"1,2,3,\xe9\xff,5\n", tmp_path, contract)
    assert outcome.manifest["reasons"] == {"rooms: not a number": 4000, "encoding": 1}
    *numbers, encoding = outcome.rejects
    assert [reject["line"] for reject in numbers] == list(range(2, 8002, 2))
    reason = "town is '\\xe9\\xff', which is not UTF-8 text"
    assert encoding == {"line": 8002, "reason": reason, "row": "1,2,3,\ufffd\ufffd,5"}


def test_bytes_that_are_no_text_in_a_column_that_is_not_used_are_a_warning(duckdb: Job, tmp_path: Path) -> None:
    rows = [[*row, "note"] for row in flats(60)]
    text = csv_text(rows, [*HEADER, "remark"]).encode().replace(b"note", b"caf\xe9", 2)
    manifest = duckdb.run(text, tmp_path, small_contract()).manifest
    assert (manifest["rows"]["read"], manifest["rows"]["rejected"]) == (60, 0)
    [warning] = manifest["warnings"]
    assert warning == (
        "2 rows have bytes that are no text in a column that is not used; the first is 'remark' on line 2"
    )


def test_the_look_of_a_file_does_not_change_its_rows(duckdb: Job, tmp_path: Path, plain: Outcome) -> None:
    rows = flats(60)
    order = [3, 4, 0, 2, 1]
    turned = csv_text([[row[i] for i in order] + ["x"] for row in rows], [HEADER[i] for i in order] + ["note"])
    dressed = ("\ufeff" + turned.replace(",", " , ").replace("B ,  C", "B, C")).replace("\n", "\r\n") + "\r\n\r\n"
    odd = duckdb.run(dressed, tmp_path, small_contract())
    for split in SPLITS:
        assert odd.table(split).equals(plain.table(split))
    assert odd.manifest["ignored_columns"] == ["note"]
    assert plain.manifest["ignored_columns"] == []
    assert (plain.folder / "recipe.json").read_text() == (odd.folder / "recipe.json").read_text()
