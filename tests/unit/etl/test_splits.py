from __future__ import annotations

from pathlib import Path

from contract import Contract
from tests.unit.etl.harness import SPLITS, Job, Outcome, csv_text, flats, row_id, side, small_contract

NO_OUTLIERS = {"columns": [], "factor": 3.0}


def ids(outcome: Outcome) -> dict[str, list[str]]:
    return {split: [row["row_id"] for row in outcome.rows(split)] for split in SPLITS}


def test_each_row_falls_on_the_side_of_its_hash(duckdb: Job, tmp_path: Path) -> None:
    contract = small_contract(outliers=NO_OUTLIERS, split={"salt": "it's \\ salt"})
    rows = flats(400)
    found = ids(duckdb.run(csv_text(rows), tmp_path, contract))
    for split in SPLITS:
        expected = sorted(row_id(contract, row[:4]) for row in rows if side(contract, row[:4]) == split)
        assert sorted(found[split]) == expected


def test_the_shares_are_those_of_the_contract(duckdb: Job, tmp_path: Path) -> None:
    contract = small_contract(outliers=NO_OUTLIERS, split={"train": 0.7, "validation": 0.1, "test": 0.2})
    counts = duckdb.run(csv_text(flats(6000)), tmp_path, contract).manifest["rows"]
    shares = [counts[split] / 6000 for split in SPLITS]
    assert all(abs(share - wanted) < 0.02 for share, wanted in zip(shares, (0.7, 0.1, 0.2), strict=True))


def test_a_row_keeps_its_side_and_its_id_when_another_program_writes_the_file_again(
    duckdb: Job, tmp_path: Path, plain: Outcome
) -> None:
    def spelt(text: str) -> str:
        """As a spreadsheet does it: 880.0 is 880, and 12.50 is 12.5."""
        return f"{float(text):.12g}" if text else text

    rows = flats(60)
    again = [[*map(spelt, row[:3]), row[3], spelt(row[4])] for row in rows]
    floats = [[*(str(float(text)) if text else "" for text in row[:3]), *row[3:]] for row in rows]
    assert again != rows != floats
    for number, written in enumerate((again, floats)):
        outcome = duckdb.run(csv_text(written), tmp_path / str(number), small_contract())
        for split in SPLITS:
            assert outcome.table(split).equals(plain.table(split))


def test_a_row_keeps_its_side_when_rows_are_moved_and_added(
    duckdb: Job, tmp_path: Path, contract: Contract, plain: Outcome
) -> None:
    text = csv_text([*flats(30, seed=2), *reversed(flats(60))])
    before, after = ids(plain), ids(duckdb.run(text, tmp_path, contract))
    for split in ("validation", "test"):  # nothing is dropped from these
        assert set(before[split]) < set(after[split])
