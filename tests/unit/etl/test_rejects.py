from __future__ import annotations

from pathlib import Path

from tests.unit.etl.harness import HEADER, Job, Outcome, csv_text, flats, row_id, small_contract

LONG = "x" * 100
# The bad row as it stands in the file, its reason and the kind it is counted by.
BAD = [
    ("", None, None),  # a blank line is no row, and counts as a line
    ("abc,1,2,D,5", "rooms: 'abc' is not a number", "rooms: not a number"),
    ("NaN,1,2,D,5", "rooms: 'NaN' is not a number", "rooms: not a number"),
    ("inf,1,2,D,5", "rooms: 'inf' is not a number", "rooms: not a number"),
    ("-Infinity,1,2,D,5", "rooms: '-Infinity' is not a number", "rooms: not a number"),
    ("1_000,1,2,D,5", "rooms: '1_000' is not a number", "rooms: not a number"),
    ("0x1F,1,2,D,5", "rooms: '0x1F' is not a number", "rooms: not a number"),
    ("5d,1,2,D,5", "rooms: '5d' is not a number", "rooms: not a number"),
    ("1e999,1,2,D,5", "rooms: '1e999' is too large: over 1e+100", "rooms: too large"),
    (f"{LONG},1,2,D,5", f"rooms: '{LONG[:80]}' is not a number", "rooms: not a number"),
    (",1,2,D,5", "rooms: missing", "rooms: missing"),
    ("-0.5,1,2,D,5", "rooms: '-0.5' is below 0", "rooms: below 0"),
    ("1000.5,1,2,D,5", "rooms: '1000.5' is above 1000", "rooms: above 1000"),
    ("5,-1,2,D,5", "beds: '-1' is below 0", "beds: below 0"),
    ("5,1,2,MOON,5", "town: 'MOON' is not a known level", "town: unknown level"),
    ("5,1,2,d,5", "town: 'd' is not a known level", "town: unknown level"),
    ("5,1,2,,5", "town: missing", "town: missing"),
    ("5,1,2,D,", "price: missing", "price: missing"),
    ("5,1,2,D,-5", "price: '-5' is below 0", "price: below 0"),
    ("x,1,2,MOON,-5", "rooms: 'x' is not a number", "rooms: not a number"),  # the first of several reasons
    ("5,1,2,D", "4 fields, the header has 5", "field count"),
    ("5,1,2,B, C,5", "6 fields, the header has 5", "field count"),
    ('5,1,2,"D,5', "a quote is opened and not closed on this line", "malformed line"),
    ("5,1,2,D\ufffd,5", "the line is not UTF-8 text", "encoding"),
]
ODD = ["+1.5e1,,2,D,5", ".5 , 1., 2 ,  D,5e2", '"7","1","2","B, C","5"', "1E-3,0,0,<1H A,0"]


def test_every_bad_row_is_rejected_with_line_reason_and_text(duckdb: Job, tmp_path: Path) -> None:
    good = csv_text(flats(40)).splitlines()
    lines = [*good, *(row for row, _, _ in BAD), *ODD]
    outcome = duckdb.run("\n".join(lines) + "\n\n", tmp_path, small_contract())
    expected = [
        {"line": len(good) + index + 1, "reason": reason, "row": row}
        for index, (row, reason, _) in enumerate(BAD)
        if reason
    ]
    assert outcome.refused is None
    assert outcome.rejects == expected
    kinds = [kind for _, _, kind in BAD if kind]
    assert outcome.manifest["reasons"] == {kind: kinds.count(kind) for kind in kinds}
    rows = outcome.manifest["rows"]
    assert (rows["read"], rows["rejected"], rows["duplicates"]) == (40 + len(kinds) + len(ODD), len(kinds), 0)
    usable = rows["train"] + rows["validation"] + rows["test"] + rows["outliers"]
    assert usable == 40 + len(ODD)


def test_thousands_of_rejects_are_all_kept(duckdb: Job, tmp_path: Path) -> None:
    rows = [row if index % 2 else ["?", *row[1:]] for index, row in enumerate(flats(8000))]
    contract = small_contract(quality={"max_reject_share": 0.6})
    outcome = duckdb.run(csv_text(rows).encode() + b"1,2,3,\xe9\xff,5\n", tmp_path, contract)
    assert outcome.manifest["reasons"] == {"encoding": 1, "rooms: not a number": 4000}
    *numbers, encoding = outcome.rejects
    assert [reject["line"] for reject in numbers] == list(range(2, 8002, 2))
    assert encoding == {"line": 8002, "reason": "the line is not UTF-8 text", "row": "1,2,3,\ufffd,5"}


def test_the_look_of_a_file_does_not_change_its_rows(duckdb: Job, tmp_path: Path, plain: Outcome) -> None:
    rows = flats(60)
    order = [3, 4, 0, 2, 1]
    turned = csv_text([[row[i] for i in order] + ["x"] for row in rows], [HEADER[i] for i in order] + ["note"])
    dressed = ("\ufeff" + turned.replace(",", " , ").replace("B ,  C", "B, C")).replace("\n", "\r\n") + "\r\n\r\n"
    odd = duckdb.run(dressed, tmp_path, small_contract())
    for split in ("train", "validation", "test"):
        assert odd.table(split).equals(plain.table(split))
    assert odd.manifest["ignored_columns"] == ["note"]
    assert plain.manifest["ignored_columns"] == []
    assert (plain.folder / "recipe.json").read_text() == (odd.folder / "recipe.json").read_text()


def test_rows_with_the_same_value_in_every_column_count_once(duckdb: Job, tmp_path: Path) -> None:
    rows = flats(40)
    other_price, other_text = [*rows[0][:4], "1"], [rows[1][0] + "0", *rows[1][1:4], f"+{rows[1][4]}0"]
    zeros = [["5", zero, "2", "D", "5"] for zero in ("0", "-0.0")]
    lines = [*rows, *rows[:7], rows[0], other_price, other_text, *zeros]
    outcome = duckdb.run(csv_text(lines), tmp_path, small_contract())
    counts = outcome.manifest["rows"]
    assert (counts["read"], counts["duplicates"]) == (52, 10)
    # Rows that differ in the target only have one id, and so stand on one side.
    ids = [row["row_id"] for split in ("train", "validation", "test") for row in outcome.rows(split)]
    assert ids.count(row_id(small_contract(), rows[0][:4])) == 2
    assert len(ids) == 42
