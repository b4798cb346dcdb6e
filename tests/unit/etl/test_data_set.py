from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import Any

import pytest

from contract import Contract
from tests.unit.etl.harness import (
    HEADER,
    RAW,
    RUN_ID,
    SPLITS,
    Job,
    Outcome,
    binary_contract,
    csv_text,
    flats,
    row_id,
    side,
    small_contract,
)


def counts(**rows: int) -> dict[str, Any]:
    """What refused.json says of the rows of a file that was read to its end."""
    names = ("read", "rejected", "replaced", "dropped_equal", "usable")
    return {
        "rows": {**dict.fromkeys(names, 0), **rows},
        "comments": 0,
        "reasons": {},
        "examples": {},
        "warnings": [],
    }


UPLOADED = {"uploaded_at": "2026-01-01T00:00:00Z", "sequencer": "0055AED6DCD90281E5"}
SOURCE = {"bucket": "raw", "key": "flats/f.csv", "version": "v7", "etag": "abc", "size": 0, **UPLOADED}


def test_the_manifest_describes_the_data_set(duckdb: Job, tmp_path: Path, contract: Contract) -> None:
    text = csv_text([*flats(50), ["?", *flats(1)[0][1:]]])
    outcome = duckdb.run(text, tmp_path, contract)
    manifest = outcome.manifest
    assert manifest.pop("created_at").endswith("+00:00")
    sums = manifest.pop("sha256")
    written = [key.removeprefix(f"flats/run={RUN_ID}/") for keys in manifest["files"].values() for key in keys]
    assert sums.keys() == {*written, "recipe.json", "profile.json"}
    assert {name: hashlib.sha256(outcome.bytes(name)).hexdigest() for name in sums} == sums
    rows = manifest.pop("rows")
    assert rows == {
        "read": 51,
        "rejected": 1,
        "replaced": 0,
        "dropped_equal": 0,
        "outliers": 50 - sum(rows[split] for split in SPLITS),
        **{split: outcome.table(split).num_rows for split in SPLITS},
    }
    assert manifest == {
        "version": 1,
        "model": "flats",
        "run_id": RUN_ID,
        "contract_hash": contract.hash,
        "source": SOURCE | {"size": len(text)},
        "reasons": {"rooms: not a number": 1},
        "examples": {"rooms: not a number": "line 52: rooms must be a number, is '?'"},
        "equal_rows": 0,
        "comments": 0,
        "warnings": [],
        "split": {"unit": "row"},
        "format": {
            "encoding": "utf-8",
            "delimiter": ",",
            "decimal": ".",
            "compression": "none",
            "header_line": 1,
            "declared": [],
        },
        "files": {
            **{split: [f"flats/run={RUN_ID}/{split}/part-00000.parquet"] for split in SPLITS},
            **{f"raw_{split}": [f"flats/run={RUN_ID}/raw/{split}/part-00000.parquet"] for split in SPLITS},
        },
        "target": "price",
        "columns": [column.name for column in outcome.recipe.columns],
        "ignored_columns": [],
    }
    assert outcome.recipe.contract == contract


@pytest.mark.parametrize("split", SPLITS)
def test_the_rows_of_each_side_are_kept_as_the_file_has_them(split: str, duckdb: Job, tmp_path: Path) -> None:
    towns = {"type": "category", "levels": ["<1H A", "B, C", "D"], "nullable": True}
    contract = small_contract(features={"town": towns}, split={"salt": "flats-4"}, outliers={"columns": []})
    rows = [[*row[:3], "" if index % 5 == 0 else row[3], row[4]] for index, row in enumerate(flats(80))]
    outcome = duckdb.run(csv_text(rows), tmp_path, contract)
    expected = {
        row_id(contract, row[:4]): {
            "rooms": float(row[0]),
            "beds": float(row[1]) if row[1] else None,
            "people": float(row[2]),
            "town": row[3] or None,
            "price": float(row[4]),
        }
        for row in rows
        if side(contract, row[:4]) == split
    }
    assert outcome.manifest["rows"]["outliers"] == 0
    found = outcome.rows(f"raw/{split}")
    ids = [row.pop("row_id") for row in found]
    assert ids == [row["row_id"] for row in outcome.rows(split)]
    assert dict(zip(ids, found, strict=True)) == expected
    assert {None, "D"} <= {row["town"] for row in expected.values()}
    assert None in {row["beds"] for row in expected.values()}


def test_outliers_leave_the_raw_train_rows_too(duckdb: Job, tmp_path: Path) -> None:
    """By a derived feature, and by one that is imputed."""
    contract = small_contract(outliers={"columns": ["per_person", "beds"], "factor": 0.5})
    rows = flats(400)
    outcome = duckdb.run(csv_text(rows), tmp_path, contract)
    assert 20 < outcome.manifest["rows"]["outliers"] < 200
    by_id = {row_id(contract, row[:4]): row for row in rows}
    for split in SPLITS:
        raw = outcome.rows(f"raw/{split}")
        assert [(row["row_id"], row["price"]) for row in raw] == [
            (row["row_id"], row["price"]) for row in outcome.rows(split)
        ]
        assert [row["beds"] for row in raw] == [
            float(by_id[row["row_id"]][1]) if by_id[row["row_id"]][1] else None for row in raw
        ]
    assert None in {row["beds"] for row in outcome.rows("raw/train")}


@pytest.mark.parametrize("fenced", [True, False], ids=["outliers", "no outliers"])
def test_keys_and_groups_stand_beside_the_raw_rows_as_text(fenced: bool, duckdb: Job, tmp_path: Path) -> None:
    """A group that is a feature as it is spelled in ids, a key as it stands in the file."""
    outliers = {"columns": ["per_person"], "factor": 0.5} if fenced else {"columns": []}
    contract = binary_contract(data={"key": "no"}, split={"group": "people"}, outliers=outliers)
    rows = [[*row[:4], "yes" if place % 3 else "no", f" 0{place % 190}"] for place, row in enumerate(flats(200))]
    outcome = duckdb.run(csv_text(rows, [*contract.columns, "no"]), tmp_path, contract)
    last = {row[5].strip(): row for row in rows}
    assert outcome.manifest["rows"]["replaced"] == 10
    assert (outcome.manifest["rows"]["outliers"] > 0) == fenced
    for split in SPLITS:
        raw, table = outcome.rows(f"raw/{split}"), outcome.table(f"raw/{split}")
        assert table.column_names == ["row_id", *contract.columns, "__key", "__group"]
        assert [str(table.schema.field(name).type) for name in ("sold", "__key", "__group")] == [
            "double",
            "string",
            "string",
        ]
        assert [row["row_id"] for row in raw] == [row["row_id"] for row in outcome.rows(split)]
        for row in raw:
            source = last[row["__key"]]
            assert row["row_id"] == row_id(contract, source[:4])
            assert (row["sold"], row["__group"]) == (float(source[4] == "yes"), str(float(source[2])))


def test_a_binary_target_becomes_one_and_zero(duckdb: Job, tmp_path: Path) -> None:
    contract = binary_contract()
    rows = [[*row[:4], "yes" if index % 3 == 0 else "no"] for index, row in enumerate(flats(60))]
    bad = [[*rows[0][:4], value] for value in ("Yes", "1", "")]
    outcome = duckdb.run(csv_text([*rows, *bad], contract.columns), tmp_path, contract)
    assert outcome.manifest["reasons"] == {"sold: unknown level": 2, "sold: missing": 1}
    assert outcome.rejects[0]["reason"].startswith("sold is 'Yes'; known are 'no' and 'yes'; it differs from 'yes' in")
    sold = {row_id(contract, row[:4]): 1.0 if row[4] == "yes" else 0.0 for row in rows}
    written = [row for split in SPLITS for row in outcome.rows(split)]
    assert {row["row_id"]: row["sold"] for row in written} == {row["row_id"]: sold[row["row_id"]] for row in written}
    assert {row["sold"] for row in written} == {0.0, 1.0}
    assert outcome.document("profile.json")["target"]["type"] == "number"


def test_a_second_attempt_gives_the_same_and_leaves_nothing_of_the_first(
    duckdb: Job, tmp_path: Path, contract: Contract, plain: Outcome
) -> None:
    folder = tmp_path / "processed" / "flats" / f"run={RUN_ID}"
    stale = ("claim.json", "manifest.json", "refused.json", "train/part-00009.parquet", "rejects/part-00000.json")
    for name in stale:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("of an earlier attempt")
    again = duckdb.run(csv_text(flats(60)), tmp_path, contract)
    assert again.files() == plain.files() | {"claim.json"}
    for name in ("recipe.json", "profile.json"):
        assert (again.folder / name).read_bytes() == (plain.folder / name).read_bytes()
    for split in (*SPLITS, *RAW):
        assert again.table(split).equals(plain.table(split))


@pytest.mark.parametrize(
    ("data", "reason", "books"),
    [
        (b"", "the file is empty", {}),
        (",".join(HEADER).encode(), "there is a header and no row below it", counts(read=0)),
        (b"\x00\x01\x02", "a binary file (byte 0 is zero)", {}),
        (b"rooms,beds,town,price\n1,2,D,3\n", "line 1, the header, lacks people", {}),
        (csv_text(flats(5)).encode(), "5 usable rows; the model flats needs at least 8", counts(read=5, usable=5)),
        (
            csv_text([["?", *row[1:]] for row in flats(9)]).encode(),
            "9 of 9 rows rejected (100.0%, the limit is 50.0%)",
            {
                **counts(read=9, rejected=9),
                "reasons": {"rooms: not a number": 9},
                "examples": {"rooms: not a number": "line 2: rooms must be a number, is '?'"},
            },
        ),
        # The archive breaks off behind rows that were read: how many there are is not known.
        (gzip.compress(csv_text(flats(60)).encode())[:-20], "a gzip archive that ends too early", {}),
    ],
    ids=["empty", "no row", "binary", "no header", "few rows", "rejects", "broken"],
)
def test_a_refused_file_leaves_a_reason_and_no_manifest(
    data: bytes, reason: str, books: dict[str, Any], duckdb: Job, tmp_path: Path, contract: Contract
) -> None:
    stale = tmp_path / "processed" / "flats" / f"run={RUN_ID}" / "manifest.json"
    stale.parent.mkdir(parents=True)
    stale.write_text("of an earlier attempt")
    outcome = duckdb.run(data, tmp_path, contract)
    assert outcome.refused
    assert outcome.refused.startswith(f"f.csv: {reason}")
    refused = outcome.document("refused.json")
    assert refused.pop("at").endswith("+00:00")
    assert refused == {
        "version": 1,
        "model": "flats",
        "run_id": RUN_ID,
        "source": SOURCE | {"size": len(data)},
        "reason": outcome.refused,
        **books,
    }
    assert outcome.files() <= {"refused.json", "rejects/part-00000.json"}
    assert (tmp_path / "raw" / "flats" / "f.csv").read_bytes() == data


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"data": {"key": "no"}}, {"replaced": 6, "usable": 4}),
        ({"quality": {"equal_rows": "drop"}}, {"dropped_equal": 6, "usable": 4}),
    ],
    ids=["replaced", "dropped"],
)
def test_what_was_counted_before_the_refusal_stands_in_its_books(
    changes: dict[str, Any], expected: dict[str, int], duckdb: Job, tmp_path: Path
) -> None:
    rows = [[*row, str(place)] for place, row in enumerate(flats(4))]
    text = csv_text([*rows, *rows, *rows[:2], ["?", *rows[0][1:]]], [*HEADER, "no"])
    outcome = duckdb.run(text, tmp_path, small_contract(**changes))
    assert outcome.refused == "f.csv: 4 usable rows; the model flats needs at least 8; upload more"
    assert outcome.document("refused.json")["rows"] == counts(read=11, rejected=1, **expected)["rows"]


def test_the_rows_of_a_file_with_too_many_rejects_can_be_looked_up(duckdb: Job, tmp_path: Path) -> None:
    outcome = duckdb.run(csv_text([["?", *row[1:]] for row in flats(9)]), tmp_path, small_contract())
    assert [reject["line"] for reject in outcome.rejects] == list(range(2, 11))


def test_an_unknown_model_is_refused(duckdb: Job, tmp_path: Path, contract: Contract) -> None:
    outcome = duckdb.run(csv_text(flats(20)), tmp_path, contract, model="boats")
    expected = "f.csv: there is no model boats; upload below the folder of a known model (flats)"
    assert outcome.refused == expected
    assert outcome.document("refused.json")["reason"] == expected
