"""Booleans from a real file: bike sharing (UCI, CC BY 4.0), which says Yes and No of holidays and working days."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from contract import Contract, contract_of, load
from tests.contracts import DATA, REAL
from tests.unit.etl.harness import RAW, SPLITS, Job

FILE = (DATA / "cases" / "bike_hours.csv").read_bytes()
FLAGS = ("holiday", "workingday")


def bikes(**members: Any) -> Contract:
    """`members`: of the features that are flags."""
    document: dict[str, Any] = load(REAL / "bike" / "model.toml").to_dict()
    for name in FLAGS:
        document["features"][name] |= members
    return contract_of(document)


def test_booleans_are_read_and_split_as_categories_are_and_have_one_input(duckdb: Job, tmp_path: Path) -> None:
    flags = duckdb.run(FILE, tmp_path / "flags", bikes(type="boolean"))
    levels = duckdb.run(FILE, tmp_path / "levels", bikes())
    assert flags.manifest["rows"] == levels.manifest["rows"]
    assert (flags.manifest["rows"]["read"], flags.manifest["rows"]["rejected"]) == (290, 0)
    for folder in (*SPLITS, *RAW):
        assert flags.rows(folder) == levels.rows(folder)
    found = [(column.name, column.level) for column in flags.recipe.columns if column.source in FLAGS]
    assert found == [("holiday_yes", "Yes"), ("workingday_yes", "Yes")]
    days = [row["workingday"] for row in flags.rows("raw/train")]
    assert flags.document("profile.json")["features"]["workingday"] == {
        "type": "boolean",
        "missing_share": 0.0,
        "levels": {level: round(days.count(level) / len(days), 12) for level in ("No", "Yes")},
    }


def test_what_is_neither_of_both_spellings_is_rejected_with_them(duckdb: Job, tmp_path: Path) -> None:
    header, first, second, *others = FILE.decode().splitlines()
    wrong = [first.replace(",No,", ",maybe,", 1), second.replace(",No,", ",,", 1)]
    outcome = duckdb.run("\n".join([header, *wrong, *others]), tmp_path, bikes(type="boolean"))
    reasons = {reject["line"]: reject["reason"] for reject in outcome.rejects}
    assert reasons == {2: "holiday is 'maybe'; known are 'No' and 'Yes'", 3: "holiday is missing"}
    assert outcome.manifest["reasons"] == {"holiday: unknown level": 1, "holiday: missing": 1}


def test_a_boolean_may_be_missing(duckdb: Job, tmp_path: Path) -> None:
    header, first, *others = FILE.decode().splitlines()
    text = "\n".join([header, first.replace(",No,", ",,", 1), *others])
    outcome = duckdb.run(text, tmp_path, bikes(type="boolean", nullable=True))
    assert outcome.manifest["rows"]["rejected"] == 0
    found = [row["holiday"] for side in RAW for row in outcome.rows(side)]
    assert (found.count(None), found.count("Yes"), len(found)) == (1, 10, 290)
