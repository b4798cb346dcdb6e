"""Which test rows a champion knows, against data sets that are split here, row by row, by each contract."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from contract import Contract, Recipe, contract_of
from contract.identity import RowIdentity
from contract.sides import copy_id, digest_of, side_of
from steps.dataset import GROUP, KEY, RawRows
from steps.known import copies, known_rows
from steps.seen import UndecidedError, seen_by
from steps.trained import TrainedModel

DOCUMENT: dict[str, Any] = {
    "model": {"name": "churn", "task": "binary", "description": "Who leaves"},
    "features": {
        "months": {"type": "number", "min": -10, "nullable": True},
        "plan": {"type": "category", "levels": ["basic", "plus"]},
    },
    "target": {"name": "churned", "levels": ["no", "yes"]},
    "quality": {"min_rows": 1, "max_reject_share": 0.1},
    "split": {"train": 0.5, "validation": 0.2, "test": 0.3, "salt": "s-1"},
    "training": {"rounds": 10, "early_stopping_rounds": 5, "seed": 1},
    "gate": {"metric": "auc", "min": 0.5},
    "serving": {"mode": "serverless"},
}
Row = tuple[float | None, str, float, str, str]  # months, plan, churned, customer, house


def changed_contract(**changes: dict[str, Any]) -> Contract:
    return contract_of({name: DOCUMENT.get(name, {}) | changes.get(name, {}) for name in {**DOCUMENT, **changes}})


def file_of(rows: int, *, distinct: bool = False) -> list[Row]:
    """With few values, so that most rows have equals."""
    generator = random.Random(5)
    return [
        (
            float(number) if distinct else generator.choice([None, -9.0, 1.0, 2.0, 3.0]),
            generator.choice(["basic", "plus"]),
            float(generator.random() < 0.3),
            f"customer {number}",
            f"house {number // 3}",
        )
        for number in range(rows)
    ]


@dataclass(frozen=True)
class Split:
    """A file as a contract splits it: the number of each row in the file, its side, and its id."""

    contract: Contract
    rows: list[Row]
    sides: dict[int, str]
    ids: dict[int, str]
    manifest: dict[str, Any]

    def model(self, **training: Any) -> TrainedModel:
        ones = {"months": 1.0}
        recipe = Recipe.fitted(self.contract, impute=ones, fences={}, mean=ones, std=ones)
        unused: Any = None
        return TrainedModel(unused, recipe, "run", "", training, "digest", manifest=self.manifest)

    @property
    def tested(self) -> list[int]:
        return [number for number, side in self.sides.items() if side == "test"]

    def raw(self) -> RawRows:
        chosen = [self.rows[number] for number in self.tested]
        texts = {}
        if self.contract.data.key:
            texts[KEY] = [row[3] for row in chosen]
        if self.contract.split.group:
            texts[GROUP] = [row[4] for row in chosen]
        months = np.array([np.nan if row[0] is None else row[0] for row in chosen])
        features = {"months": months, "plan": [row[1] for row in chosen]}
        return RawRows(features, [self.ids[number] for number in self.tested], texts)


def split(contract: Contract, rows: list[Row]) -> Split:
    """As the ETL job does; months of -9 may be the way to say that there is none."""
    seen: Counter[tuple[object, ...]] = Counter()
    sides, ids, equal = {}, {}, 0
    if "-9" in contract.data.missing:
        rows = [(None if row[0] == -9.0 else row[0], *row[1:]) for row in rows]
    for number, row in enumerate(rows):
        read = row[:3] + ((row[3],) if contract.data.key else ()) + ((row[4],) if contract.split.group else ())
        seen[read] += 1
        equal += seen[read] > 1
        if seen[read] > 1 and contract.quality.equal_rows == "drop":
            continue
        digest = digest_of(contract, row[:2], copy=seen[read], key=row[3], group=row[4])
        sides[number] = side_of(digest, contract.split)
        ids[number] = copy_id(RowIdentity.under(contract).row_id(row[:2]), seen[read])
    return Split(contract, rows, sides, ids, {"rows": {}, "equal_rows": equal})


def learned(ours: Split, theirs: Split, *sides: str) -> list[bool]:
    """Of our test rows: whether that very row of the file was on one of the sides of the champion's."""
    return [theirs.sides.get(number) in sides for number in ours.tested]


def told(ours: Split, theirs: Split, **training: Any) -> list[bool]:
    return told_of(ours.raw(), ours, theirs, **training)


def told_of(raw: RawRows, ours: Split, theirs: Split, **training: Any) -> list[bool]:
    """Rows that it may know, or may read in another way."""
    seen = seen_by(theirs.contract, ours.contract, raw, ours.manifest)
    known = known_rows(theirs.model(**training), ours.model(), raw, seen.raw)
    return list((known | seen.refused).tolist())


SALT = {"split": {"salt": "s-2"}}
SHARES = {"split": {"train": 0.8, "validation": 0.1, "test": 0.1}}
KEYED = {"data": {"key": "customer"}}
GROUPED = {"split": {"group": "house"}}


@pytest.mark.parametrize("changes", [{}, KEYED, GROUPED, {"quality": {"equal_rows": "drop"}}])
def test_by_the_same_rule_no_test_row_is_known(changes: dict[str, Any]) -> None:
    ours = split(changed_contract(**changes), file_of(400))
    assert len(ours.tested) > 2
    assert told(ours, ours, refit=True) == [False] * len(ours.tested)


def test_the_same_rule_needs_no_texts() -> None:
    ours = split(changed_contract(**GROUPED), file_of(400))
    raw = replace(ours.raw(), texts={})
    assert not any(told_of(raw, ours, ours))
    other = split(changed_contract(split=GROUPED["split"] | SALT["split"]), file_of(400))
    with pytest.raises(UndecidedError, match="split by the group house, which the test rows do not have"):
        told_of(raw, ours, other)


@pytest.mark.parametrize("refit", [False, True])
@pytest.mark.parametrize(
    ("now", "before"),
    [
        ({}, SALT),
        ({}, SHARES),
        ({}, {"split": SALT["split"] | SHARES["split"]}),
        (KEYED, KEYED | SALT),
        (KEYED, KEYED | GROUPED),
        (GROUPED, {"split": GROUPED["split"] | SALT["split"]}),
    ],
)
def test_known_are_the_rows_of_the_file_that_it_was_fitted_on(
    now: dict[str, Any], before: dict[str, Any], refit: bool
) -> None:
    rows = file_of(900)
    ours, theirs = split(changed_contract(**now), rows), split(changed_contract(**before), rows)
    if before.get("split", {}).get("group") and not now.get("split", {}).get("group"):
        with pytest.raises(UndecidedError, match="split by the group house, which the test rows do not have"):
            told(ours, theirs)
        return
    expected = learned(ours, theirs, *(("train", "validation") if refit else ("train",)))
    assert any(expected)
    assert not all(expected)
    assert told(ours, theirs, refit=refit) == expected


def test_a_key_that_is_a_group_now_is_found_by_its_column() -> None:
    rows = file_of(600)
    theirs = split(changed_contract(data={"key": "house"}), [(*row[:3], row[4], row[4]) for row in rows])
    ours = split(changed_contract(**GROUPED), rows)
    sides = {row[4]: theirs.sides[number] for number, row in enumerate(rows)}
    assert told(ours, theirs) == [sides[rows[number][4]] == "train" for number in ours.tested]


def test_rows_split_by_a_feature_are_found_in_it() -> None:
    rows = file_of(600, distinct=True)
    ours, theirs = split(changed_contract(), rows), changed_contract(split={"group": "months"})
    found = told(ours, Split(theirs, rows, {}, {}, {"rows": {}}))
    digests = [digest_of(theirs, rows[number][:2], group=rows[number][0]) for number in ours.tested]
    assert found == [side_of(digest, theirs.split) == "train" for digest in digests]
    assert any(found)


@pytest.mark.parametrize("manifest", [{"rows": {"duplicates": 10}}, {"rows": {"dropped_equal": 10}, "equal_rows": 10}])
def test_equal_rows_were_one_row_to_a_champion_that_dropped_them(manifest: dict[str, Any]) -> None:
    """Either by its contract, or because it is from before equal rows were counted."""
    ours = split(changed_contract(), file_of(900))
    dropped = changed_contract(quality={"equal_rows": "drop"} if "equal_rows" in manifest else {})
    found = told(ours, Split(dropped, ours.rows, {}, {}, manifest))
    first = [side_of(digest_of(dropped, ours.rows[number][:2]), dropped.split) for number in ours.tested]
    assert found == [side == "train" for side in first]
    assert any(found)


@pytest.mark.parametrize(
    ("now", "before"), [({"quality": {"equal_rows": "drop"}}, {}), (KEYED, {}), (GROUPED, SALT), (KEYED, SALT)]
)
def test_how_equal_rows_were_numbered_may_be_unknown(now: dict[str, Any], before: dict[str, Any]) -> None:
    rows = file_of(600)
    ours, theirs = split(changed_contract(**now), rows), split(changed_contract(**before), rows)
    with pytest.raises(UndecidedError, match="it counted equal rows in another way"):
        told(ours, theirs)


@pytest.mark.parametrize("now", [{"quality": {"equal_rows": "drop"}}, KEYED, GROUPED])
def test_without_equal_rows_their_numbers_do_not_matter(now: dict[str, Any]) -> None:
    rows = file_of(600, distinct=True)
    ours, theirs = split(changed_contract(**now), rows), split(changed_contract(**SALT), rows)
    assert theirs.manifest["equal_rows"] == 0
    expected = learned(ours, theirs, "train")
    assert any(expected)
    assert told(ours, theirs) == expected


def test_rows_that_were_moved_to_the_test_side_are_known() -> None:
    ours = split(changed_contract(), file_of(300))
    moved = next(number for number, side in ours.sides.items() if side == "train")
    manifest = ours.manifest | {"split": {"unit": "row", "moved": {"test": 1}}}
    filled = replace(ours, sides=ours.sides | {moved: "test"}, manifest=manifest)
    assert told(filled, ours) == [number == moved for number in filled.tested]


def test_a_train_side_that_was_filled_is_not_known() -> None:
    ours = split(changed_contract(), file_of(300))
    theirs = replace(ours, manifest=ours.manifest | {"split": {"unit": "row", "moved": {"train": 1}}})
    with pytest.raises(UndecidedError, match="its train side was filled with rows that belong to another one"):
        told(ours, theirs)
    validation = replace(ours, manifest=ours.manifest | {"split": {"unit": "row", "moved": {"validation": 1}}})
    assert not any(told(ours, validation))
    with pytest.raises(UndecidedError, match="its validation side was filled"):
        told(ours, validation, refit=True)


def test_rows_with_what_only_one_contract_reads_as_missing_leave() -> None:
    ours = split(changed_contract(data={"missing": ["-9"]}), file_of(300))
    theirs = split(changed_contract(), file_of(300))
    for now, before in ((ours, theirs), (theirs, ours)):
        found, known = told(now, before), learned(now, before, "train")
        months = [now.rows[number][0] for number in now.tested]
        leave = [value is None or (value == -9.0 and before is ours) for value in months]
        assert {True, False} <= {*leave}
        assert found == leave
        # None that it learned from stays.
        assert not any(was and not gone for was, gone in zip(known, found, strict=True))


def test_ids_that_are_no_copies_of_their_values_are_not_searched_for_ever() -> None:
    ours, theirs = split(changed_contract(), file_of(50)), split(changed_contract(**SALT), file_of(50))
    raw = replace(ours.raw(), row_ids=["f" * 32] * len(ours.tested))
    with pytest.raises(UndecidedError, match="the ids of the test rows do not follow from their values"):
        told_of(raw, ours, theirs)


def test_the_number_of_a_copy_is_found_again() -> None:
    numbers = [1, 7, 2, 900, 3]
    assert copies(["a" * 32] * 5, [copy_id("a" * 32, number) for number in numbers]) == numbers
