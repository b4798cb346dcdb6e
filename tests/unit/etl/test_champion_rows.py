"""Which test rows of a data set a champion of another rule was fitted on: against the champion's own data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contract import Contract
from contract.reading import Value
from steps.known import UndecidedError, known_rows
from tests.unit.etl.champions import model_of, raw_of
from tests.unit.etl.harness import HEADER, Job, Outcome, csv_text, flats, small_contract

COLUMNS = (*HEADER, "no", "house")
SALT = {"split": {"salt": "another"}}
KEYED = {"data": {"key": "no"}}
GROUPED = {"split": {"group": "house"}}
BOTH = {**KEYED, **GROUPED}


def contract_of(**changes: Any) -> Contract:
    # An outlier stands in no part of a data set.
    return small_contract(**{**changes, "outliers": {"columns": []}})


def file_of(rows: int) -> str:
    """Each row with a number of its own, so that it is found again; houses of three."""
    return csv_text([[*row, f"n{place}", f"house {place // 3}"] for place, row in enumerate(flats(rows))], COLUMNS)


def rows_of(outcome: Outcome, side: str, contract: Contract) -> list[tuple[Value, ...]]:
    """By what they hold: ids differ with the salt."""
    return [tuple(row[name] for name in contract.columns) for row in outcome.rows(f"raw/{side}")]


@pytest.mark.parametrize(
    ("now", "before"),
    [
        ({}, SALT),
        (KEYED, {**KEYED, **SALT}),
        (GROUPED, {"split": {**GROUPED["split"], **SALT["split"]}}),
        (BOTH, KEYED),
        ({**KEYED, "split": {**GROUPED["split"], **SALT["split"]}}, GROUPED),
        (BOTH, SALT),
        (KEYED, {"split": {"group": "town"}}),
    ],
    ids=[
        "salt",
        "key and salt",
        "group and salt",
        "once by key",
        "by the group without a key",
        "once by row",
        "by a feature",
    ],
)
def test_known_are_the_rows_of_the_champions_train_side(
    now: dict[str, Any], before: dict[str, Any], duckdb: Job, tmp_path: Path
) -> None:
    ours, theirs = contract_of(**now), contract_of(**before)
    text = file_of(300)
    new, old = duckdb.run(text, tmp_path / "new", ours), duckdb.run(text, tmp_path / "old", theirs)
    known = known_rows(model_of(old, refit=False), model_of(new, refit=False), raw_of(new, ours))
    fitted = set(rows_of(old, "train", theirs))
    assert len(fitted) == old.manifest["rows"]["train"]
    expected = [row in fitted for row in rows_of(new, "test", ours)]
    assert known.tolist() == expected
    assert 0 < sum(expected) < len(expected)


def test_a_column_that_only_the_champion_read_leaves_it_undecided(duckdb: Job, tmp_path: Path) -> None:
    ours, theirs = contract_of(**KEYED), contract_of(**GROUPED)
    new, old = duckdb.run(file_of(90), tmp_path / "n", ours), duckdb.run(file_of(90), tmp_path / "o", theirs)
    with pytest.raises(UndecidedError, match="split by the group house, which the test rows do not have"):
        known_rows(model_of(old, refit=False), model_of(new, refit=False), raw_of(new, ours))
