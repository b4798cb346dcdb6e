"""Test rows of a data set as a champion of another contract reads them: against what the job made of them for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contract import Contract, contract_of
from steps.known import known_rows
from steps.seen import UndecidedError, seen_by
from tests.unit.etl.champions import model_of, raw_of
from tests.unit.etl.harness import SMALL, Job, csv_text, flats

COLUMNS = ("rooms", "beds", "people", "town", "price", "area", "no")
FEATURES = SMALL["features"]


def with_features(features: dict[str, Any]) -> Contract:
    """Without derived features, which would name what is renamed, and without outliers, which stand in no part."""
    tables = {name: table for name, table in SMALL.items() if name != "derived"}
    return contract_of({**tables, "features": features, "outliers": {"columns": []}})


NUMBER = {"no": {"type": "number"}}  # says which row of the file it is
OLD = {**FEATURES, **NUMBER}
SIX = {"type": "category", "levels": ["1", "2", "3", "4", "5", "6"], "default": "4"}
RENAMED = {"persons" if name == "people" else name: item for name, item in OLD.items()}
RENAMED["persons"] = {**FEATURES["people"], "column": "people"}
CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "renamed": (OLD, RENAMED),
    "added": (OLD, {**OLD, "area": {"type": "number", "nullable": True}}),
    "reordered": (OLD, dict(reversed(OLD.items()))),
    "a number as a category": (OLD, {**OLD, "people": SIX}),
    "a category as a number": ({**OLD, "people": SIX}, OLD),
    "more levels": ({**OLD, "town": {**FEATURES["town"], "levels": ["D", "B, C"], "default": "D"}}, OLD),
    "narrower bounds": ({**OLD, "people": {**FEATURES["people"], "max": 4}}, OLD),
    "nullable now": ({**OLD, "beds": {"type": "number", "min": 0, "default": 2}}, OLD),
}


def file_of(rows: int) -> str:
    generator = np.random.default_rng(3)
    lines = [[*row, f"{generator.uniform(1, 9):.1f}", place] for place, row in enumerate(flats(rows))]
    return csv_text(lines, COLUMNS)


@pytest.mark.parametrize("change", CHANGES)
def test_the_champion_reads_and_knows_the_rows_as_its_own_data_set_has_them(
    change: str, duckdb: Job, tmp_path: Path
) -> None:
    before, now = CHANGES[change]
    theirs, ours = with_features(before), with_features(now)
    text = file_of(400)
    old, new = duckdb.run(text, tmp_path / "old", theirs), duckdb.run(text, tmp_path / "new", ours)
    raw = raw_of(new, ours)
    seen = seen_by(theirs, ours, raw, new.manifest)
    known = known_rows(model_of(old, refit=True), model_of(new, refit=True), raw, seen.raw)
    own = {row["no"]: row for row in old.rows("raw/test")}
    rejected = {float(item["row"].rsplit(",", 1)[1]) for item in old.rejects}
    numbers = raw.column("no")
    assert seen.refused.tolist() == [number in rejected for number in numbers]
    taken = [place for place, refused in enumerate(seen.refused.tolist()) if not refused]
    # It was fitted on train and validation rows: what it does not know stands on its test side.
    assert [not known[place] for place in taken] == [numbers[place] in own for place in taken]
    both = [place for place in taken if not known[place]]
    assert len(both) > 10
    for item in theirs.features:
        values = seen.raw.column(item.name)
        assert [values[place] for place in both] == [own[numbers[place]][item.name] for place in both]


def test_what_the_file_has_and_the_contract_does_not_read_is_undecided(duckdb: Job, tmp_path: Path) -> None:
    theirs = with_features({**OLD, "area": {"type": "number", "nullable": True}})
    ours = with_features(OLD)
    new = duckdb.run(file_of(60), tmp_path, ours)
    raw = raw_of(new, ours)
    with pytest.raises(UndecidedError, match="it reads the column area, which the contract does not name any more"):
        seen_by(theirs, ours, raw, new.manifest)
    without = with_features(FEATURES)
    other = duckdb.run(csv_text(flats(60)), tmp_path / "without", without)
    assert seen_by(
        with_features({**FEATURES, "area": {"type": "number", "nullable": True}}),
        without,
        raw_of(other, without),
        other.manifest,
    ).absent == ("area",)
