"""Every row is counted: equal rows, keys, groups, sides that would be empty."""

from __future__ import annotations

import csv
import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from contract import contract_of
from etl.splits import Bounds, bounds_of, moved_units
from tests.unit.etl.harness import (
    HEADER,
    SPLITS,
    Job,
    Outcome,
    binary_contract,
    csv_text,
    flats,
    numbered,
    row_id,
    small_contract,
)

ALL = {"columns": [], "factor": 3.0}
CASES = Path(__file__).resolve().parents[4] / "shared" / "cases"

# What the three towns of the small contract leave empty under a salt.
SALTS = [
    ("flats-2", {"validation"}),
    ("flats-6", {"train"}),
    ("flats-8", {"test", "validation"}),
    ("flats-12", {"test"}),
    ("flats-63", {"test", "train"}),
    ("flats-86", {"train", "validation"}),
]


def rows_of(outcome: Outcome) -> Counter[tuple[str, ...]]:
    """How often each row stands on each side, without the order."""
    return Counter((split, *(repr(value) for value in row.values())) for split in SPLITS for row in outcome.rows(split))


def balanced(outcome: Outcome) -> dict[str, int]:
    rows: dict[str, int] = outcome.manifest["rows"]
    assert rows["read"] == sum(rows.values()) - rows["read"]
    for split in SPLITS:
        assert outcome.table(split).num_rows == rows[split]
    return rows


def test_equal_rows_stay(duckdb: Job, tmp_path: Path) -> None:
    rows = flats(40)
    other_price, other_text = [*rows[0][:4], "1"], [rows[1][0] + "0", *rows[1][1:4], f"+{rows[1][4]}0"]
    zeros = [["5", zero, "2", "D", "5"] for zero in ("0", "-0.0")]
    lines = [*rows, *rows[:7], rows[0], other_price, other_text, *zeros]
    contract = small_contract(outliers=ALL)
    outcome = duckdb.run(csv_text(lines), tmp_path, contract)
    counts = balanced(outcome)
    assert (counts["read"], counts["dropped_equal"], outcome.manifest["equal_rows"]) == (52, 0, 10)
    found = Counter(row["row_id"] for split in SPLITS for row in outcome.rows(split))
    first = [row_id(contract, row[:4]) for row in lines]
    assert found == Counter(numbered(first, lines))
    # Rows that differ in the target only have one id, and so stand on one side.
    assert found[first[0]] == 2
    assert outcome.manifest["warnings"] == []  # 19 in a hundred


def test_equal_rows_can_be_dropped(duckdb: Job, tmp_path: Path) -> None:
    rows = flats(40)
    contract = small_contract(quality={"equal_rows": "drop"})
    outcome = duckdb.run(csv_text([*rows, *rows[:15], rows[0]]), tmp_path, contract)
    counts = balanced(outcome)
    assert (counts["read"], counts["dropped_equal"], outcome.manifest["equal_rows"]) == (56, 16, 16)
    alone = duckdb.run(csv_text(rows), tmp_path / "alone", small_contract())
    assert Counter(row[:3] for row in rows_of(outcome)) == Counter(row[:3] for row in rows_of(alone))
    assert outcome.manifest["warnings"] == [
        "16 of 56 rows (29%) are equal to an earlier one in every column that is read: "
        "it looks like a file sent twice, unless the columns take few values"
    ]


@pytest.mark.skipif(not CASES.is_dir(), reason="the cases lie beside the project")
def test_customers_that_look_alike_are_all_kept(duckdb: Job, tmp_path: Path) -> None:
    tables = binary_contract().to_dict() | {
        "derived": {},
        "outliers": ALL,
        "target": {"name": "churned", "levels": ["no", "yes"]},
    }
    tables["features"] = {
        "months": {"type": "number", "min": 0},
        "calls": {"type": "number", "min": 0},
        "plan": {"type": "category", "levels": plans()},
    }
    outcome = duckdb.run((CASES / "equal_rows.csv").read_bytes(), tmp_path, contract_of(tables))
    counts = balanced(outcome)
    assert (counts["read"], counts["rejected"], counts["dropped_equal"]) == (12000, 0, 0)
    assert outcome.manifest["equal_rows"] > 11000
    for split in SPLITS:
        churned = outcome.table(split)["churned"].to_pylist()
        assert sum(churned) / len(churned) == pytest.approx(0.0314, abs=0.02)


def plans() -> list[str]:
    with (CASES / "equal_rows.csv").open(newline="") as file:
        return sorted({row["plan"] for row in csv.DictReader(file)})


few = st.lists(
    st.tuples(
        st.sampled_from("123"), st.sampled_from(["", "1"]), st.just("2"), st.sampled_from(["D", "<1H A"]), st.just("5")
    ),
    min_size=1,
    max_size=30,
)


# A run takes half a second: no shrinking.
@settings(
    max_examples=6, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(few, st.randoms(use_true_random=False))
def test_sides_are_a_function_of_the_multiset_and_stable_when_rows_are_added(
    duckdb: Job, drawn: list[tuple[str, ...]], shuffled: random.Random
) -> None:
    contract = small_contract(outliers=ALL)
    rows = [*flats(40), *drawn]
    turned = [[f"{float(row[0]):e}", *row[1:]] for row in shuffled.sample(rows, len(rows))]
    added = [*turned, *drawn[:5], *flats(9, seed=5)]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        first, again, more = (
            duckdb.run(csv_text(some), root / name, contract)
            for name, some in (("a", rows), ("b", turned), ("c", added))
        )
        sides = [Counter(row[:3] for row in rows_of(outcome).elements()) for outcome in (first, again, more)]
        # All that is written is the same for the same rows, whatever their order and spelling.
        assert rows_of(first) == rows_of(again)
        assert (first.folder / "recipe.json").read_text() == (again.folder / "recipe.json").read_text()
        # Rows are added, and none of those that were there moves.
        assert sides[0] <= sides[2]


def keyed(rows: Sequence[Sequence[str]], keys: Sequence[str]) -> str:
    return csv_text([[*row, key] for row, key in zip(rows, keys, strict=True)], [*HEADER, "Customer No"])


def test_of_a_key_the_last_row_counts(duckdb: Job, tmp_path: Path) -> None:
    contract = small_contract(data={"key": "Customer No"}, outliers=ALL)
    rows = flats(60)
    keys = [f"k{index % 45}" for index in range(58)] + ["", "NA"]
    outcome = duckdb.run(keyed(rows, keys), tmp_path, contract)
    counts = balanced(outcome)
    assert (counts["read"], counts["rejected"], counts["replaced"]) == (60, 2, 13)
    assert outcome.manifest["reasons"] == {"key Customer No: missing": 2}
    assert outcome.manifest["split"] == {"unit": "key"}
    assert outcome.rejects[0]["reason"] == "key Customer No is missing"
    last = {key: row for key, row in zip(keys, rows, strict=True) if key.startswith("k")}
    found = sorted(row["row_id"] for split in SPLITS for row in outcome.rows(split))
    assert found == sorted(row_id(contract, row[:4]) for row in last.values())


def test_a_key_keeps_its_side_when_its_row_changes(duckdb: Job, tmp_path: Path) -> None:
    contract = small_contract(data={"key": "Customer No"}, outliers=ALL)
    keys = [f"k{index}" for index in range(60)]
    sides: list[dict[str, str]] = []
    for seed in (1, 2):
        rows = [[*row[:4], f"{place}.5"] for place, row in enumerate(flats(60, seed=seed))]
        outcome = duckdb.run(keyed(rows, keys), tmp_path / str(seed), contract)
        sides.append({keys[int(row["price"])]: split for split in SPLITS for row in outcome.rows(split)})
    assert sides[0] == sides[1]
    assert set(sides[0].values()) == set(SPLITS)


@pytest.mark.parametrize("key", [None, "Customer No"])
def test_a_group_stays_on_one_side(duckdb: Job, tmp_path: Path, key: str | None) -> None:
    changes: dict[str, Any] = {"split": {"group": "street"}, "outliers": ALL} | ({"data": {"key": key}} if key else {})
    contract = small_contract(**changes)
    rows = [[*row[:4], f"{place}", f"street {place % 20}", f"k{place}"] for place, row in enumerate(flats(200))]
    rows.append([*rows[0][:5], "", "k999"])
    outcome = duckdb.run(csv_text(rows, [*HEADER, "street", "Customer No"]), tmp_path, contract)
    counts = balanced(outcome)
    assert (counts["read"], counts["rejected"]) == (201, 1)
    assert outcome.manifest["split"] == {"unit": "group"}
    sides: dict[int, set[str]] = {}
    for split in SPLITS:
        for row in outcome.rows(split):
            sides.setdefault(int(row["price"]) % 20, set()).add(split)
    assert len(sides) == 20
    assert all(len(side) == 1 for side in sides.values())


@pytest.mark.parametrize(("salt", "empty"), SALTS)
def test_an_empty_side_takes_the_groups_nearest_to_it(duckdb: Job, tmp_path: Path, salt: str, empty: set[str]) -> None:
    contract = small_contract(split={"group": "town", "salt": salt}, outliers=ALL)
    outcome = duckdb.run(csv_text(flats(90)), tmp_path, contract)
    manifest = outcome.manifest
    counts = balanced(outcome)
    towns = [{row["town"] for row in outcome.rows(split)} for split in SPLITS]
    assert [len(some) for some in towns] == [1, 1, 1]
    moved = manifest["split"]["moved"]
    assert set(moved) == empty
    assert moved == {side: counts[side] for side in moved}
    assert manifest["warnings"] == [
        f"no row fell on the {side} side: it took the {rows} rows of whole groups nearest to it"
        for side, rows in moved.items()
    ]


def test_too_few_groups_are_refused(duckdb: Job, tmp_path: Path) -> None:
    contract = small_contract(split={"group": "town"})
    rows = [[*row[:3], "D" if place % 2 else "<1H A", row[4]] for place, row in enumerate(flats(40))]
    assert duckdb.run(csv_text(rows), tmp_path, contract).refused == (
        "f.csv: the 40 usable rows have 2 groups, and train, validation and test rows need at least one each; "
        "upload more groups"
    )


def test_a_level_that_no_test_row_has_is_refused_before_anything_is_trained(duckdb: Job, tmp_path: Path) -> None:
    rows = [[*row[:4], "no"] for row in flats(60)]
    refused = duckdb.run(csv_text(rows, [*HEADER[:4], "sold"]), tmp_path, binary_contract()).refused
    assert refused
    assert refused.startswith("f.csv: no train row has sold 'yes', and the AUC of the gate needs both levels there (")


@given(st.lists(st.integers(0, 16**8 - 1), min_size=3, max_size=40, unique=True), st.integers(1, 9))
def test_no_side_is_left_empty_and_a_side_that_has_rows_takes_none(places: list[int], rows: int) -> None:
    contract = small_contract()
    units = {f"{place:08x}": rows for place in sorted(places)}
    before = sizes(units, bounds_of(contract))
    bounds, moved = moved_units(units, contract)
    after = sizes(units, bounds)
    assert all(after.values())
    assert sum(after.values()) == sum(before.values())
    assert set(moved) == {side for side, count in before.items() if not count}
    assert moved == {side: after[side] for side in moved}
    if all(before.values()):
        assert after == before


def sizes(units: dict[str, int], bounds: Bounds) -> dict[str, int]:
    found = dict.fromkeys(SPLITS, 0)
    for place, rows in units.items():
        later = "validation" if place < bounds.validation else "train"
        found["test" if place < bounds.test else later] += rows
    return found
