"""A challenger whose contract is not the champion's: each answers by its own, or a person decides and reads why."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contract import Contract, Feature
from contract.model import Outliers
from contract.sides import side_of
from steps.dataset import RawRows
from steps.seen import UndecidedError, seen_by
from steps.trained import load_model
from tests.unit.pipeline.conftest import HYPERPARAMETERS, evaluate_into, train_in
from tests.unit.pipeline.factory import Row, crown, numbered, pack, synthetic_rows, write_dataset

FAST = tuple("14" if value == "60" else value for value in HYPERPARAMETERS)
Rows = Sequence[Row]


def file_rows(contract: Contract) -> list[Row]:
    """What a file holds, by its columns: more than the contract reads."""
    random = np.random.default_rng(5)
    return [
        row | {"lot_area": float(random.integers(100, 900)), "region": str(random.choice(["north", "south"]))}
        for row in synthetic_rows(900, contract)
    ]


def read_by(contract: Contract, rows: Rows) -> list[Row]:
    """Rows of a file as the contract names their columns; numbers that a category reads are written as texts."""
    found = []
    for row in rows:
        values = {item.name: row.get(item.field.column) for item in contract.features}
        for item in contract.categorical:
            if isinstance(values[item.name], float):
                values[item.name] = f"{values[item.name]:g}"
        found.append({**values, contract.target.name: row[contract.target.field.column]})
    return found


def changed(contract: Contract, feature: str, **changes: Any) -> Contract:
    features = tuple(replace(item, **changes) if item.name == feature else item for item in contract.features)
    return replace(contract, features=features)


def without(contract: Contract, name: str) -> Contract:
    return replace(contract, features=tuple(item for item in contract.features if item.name != name))


def with_feature(contract: Contract, **described: Any) -> Contract:
    added = Feature(name="lot_area", type="number", **described)
    return replace(contract, features=(*contract.features, added))


@pytest.fixture(scope="module")
def before(contract: Contract) -> Contract:
    """The champion's. It has no derived features, which would name the columns that are renamed here."""
    return replace(contract, derived=(), outliers=Outliers())


@pytest.fixture(scope="module")
def champion(tmp_path_factory: pytest.TempPathFactory, before: Contract) -> Path:
    """The folder of model.tar.gz."""
    return trained(tmp_path_factory.mktemp("champion"), before, file_rows(before))


def trained(folder: Path, contract: Contract, rows: Rows, hyperparameters: Sequence[str] = FAST) -> Path:
    import training_preprocessing

    write_dataset(folder / "dataset", contract, read_by(contract, rows))
    manifest = json.loads((folder / "dataset" / "manifest.json").read_text())
    read = {field.column for field in contract.rules_to_train.fields}
    manifest["ignored_columns"] = sorted({*rows[0]} - read)
    (folder / "dataset" / "manifest.json").write_text(json.dumps(manifest))
    options = ["--dataset", str(folder / "dataset"), "--output", str(folder / "prepared")]
    assert training_preprocessing.main([*options, "--contract-hash", contract.hash]) == 0
    status, model = train_in(folder / "train", folder / "prepared", hyperparameters=hyperparameters)
    assert status == 0
    return pack(model, folder / "packed")


def evaluated(
    folder: Path, contract: Contract, rows: Rows, champion: Path, hyperparameters: Sequence[str] = FAST
) -> dict[str, Any]:
    packed = trained(folder, contract, rows, hyperparameters)
    crowned = crown(folder / "crowned", champion)
    assert evaluate_into(folder / "output", packed, folder / "prepared", crowned) == 0
    found: dict[str, Any] = json.loads((folder / "output" / "evaluation.json").read_text())
    return found


def common(now: Contract, before: Contract, rows: Rows, taken: Callable[[Row], bool]) -> tuple[list[int], int, int]:
    """Test rows of `now` that `before` takes and did not train on; how many it trained on, and does not take."""
    ours = numbered(now, read_by(now, rows))
    theirs = numbered(before, read_by(before, rows))
    tested = [place for place, row in enumerate(ours) if side_of(row["row_id"], now.split) == "test"]
    accepted = [place for place in tested if taken(rows[place])]
    fitted = {place for place in accepted if side_of(theirs[place]["row_id"], before.split) == "train"}
    return [place for place in accepted if place not in fitted], len(fitted), len(tested) - len(accepted)


def rmse(model: Path, before: Contract, rows: Rows, places: Sequence[int]) -> float:
    """Of the champion, asked with its own records."""
    loaded = load_model(model / "model.tar.gz")
    answers = loaded.predict(loaded.recipe.apply([read_by(before, rows)[place] for place in places]))
    return float(np.sqrt(np.mean((answers - [rows[place]["median_house_value"] for place in places]) ** 2)))


AGE, LEVELS = "housing_median_age", ("<1H OCEAN", "INLAND", "ISLAND", "NEAR BAY", "NEAR OCEAN")
COMPARED: dict[str, tuple[Callable[[Contract], Contract], Callable[[Row], bool]]] = {
    "renamed": (lambda old: changed(old, AGE, name="age", column=AGE), lambda row: True),
    "added required": (lambda old: with_feature(old, min=0.0, max=1000.0), lambda row: True),
    "added nullable": (lambda old: with_feature(old, nullable=True), lambda row: True),
    "retyped": (
        lambda old: changed(
            old, AGE, type="category", unit=None, min=None, max=None, default=None, levels=tuple(map(str, range(1, 52)))
        ),
        lambda row: True,
    ),
    "another order": (
        lambda old: replace(old, features=(*old.features[1:], old.features[0])),
        lambda row: True,
    ),
    "a new level": (
        lambda old: changed(old, "ocean_proximity", levels=(*LEVELS, "LAKE")),
        lambda row: row["ocean_proximity"] != "LAKE",
    ),
    "other bounds": (lambda old: changed(old, AGE, max=500.0), lambda row: row[AGE] <= 120),
    "another objective": (
        lambda old: replace(
            old,
            training=replace(old.training, parameters={**old.training.parameters, "objective": "reg:absoluteerror"}),
        ),
        lambda row: True,
    ),
    "target renamed": (
        lambda old: replace(old, target=replace(old.target, name="price", column="median_house_value")),
        lambda row: True,
    ),
    "another salt": (lambda old: replace(old, split=replace(old.split, salt="other")), lambda row: True),
}


@pytest.mark.parametrize("kind", COMPARED)
def test_both_answer_to_the_rows_that_neither_was_fitted_on(
    tmp_path: Path, before: Contract, champion: Path, kind: str
) -> None:
    change, taken = COMPARED[kind]
    now, rows = change(before), file_rows(before)
    if kind == "a new level":
        rows = [row | {"ocean_proximity": "LAKE"} if place % 5 == 0 else row for place, row in enumerate(rows)]
    if kind == "other bounds":
        rows = [row | {AGE: 200.0} if place % 5 == 0 else row for place, row in enumerate(rows)]
    evaluation = evaluated(tmp_path, now, rows, champion)
    places, known, refused = common(now, before, rows, taken)
    found, gate = evaluation["champion"], evaluation["gate"]
    assert (found["rows"], found["left_out"], found["refused"]) == (len(places), known, refused)
    assert found["value"] == pytest.approx(rmse(champion, before, rows, places), rel=1e-6)
    assert found["verdict"] in ("better", "not_worse", "worse")
    assert gate["approval"] == "stage"
    assert (refused > 20) == (kind in ("a new level", "other bounds"))
    if refused:
        first = {"a new level": "ocean_proximity is 'LAKE'; known are", "other bounds": f"{AGE} must be at most"}
        assert (
            f"its contract does not take {'' if known else 'the other '}{refused} (the first: {first[kind]}"
            in (found["reason"])
        )
        page = (tmp_path / "output" / "report.html").read_text()
        assert f"<b>{len(places)}</b><span>of them compared with version 3</span>" in page


def test_a_worse_model_of_a_changed_contract_is_rejected(tmp_path: Path, before: Contract, champion: Path) -> None:
    """It was registered, and deployed in dev, because nobody compared."""
    now = with_feature(before, min=0.0, max=1000.0)
    generous = replace(now, gate=replace(now.gate, max=1_000_000.0))
    short = tuple("2" if value == "14" else value for value in FAST)
    evaluation = evaluated(tmp_path, generous, file_rows(before), champion, short)
    found, gate = evaluation["champion"], evaluation["gate"]
    assert (found["verdict"], gate["decision"]) == ("worse", "reject")
    assert f"; on {found['rows']} of {evaluation['rows']} test rows, it may know the others" in gate["reason"]


def gone(old: Contract) -> Contract:
    return without(old, AGE)


IMPOSSIBLE: dict[str, tuple[Callable[[Contract], Contract], str, str]] = {
    "dropped, and in the file": (gone, "", f"it reads the column {AGE}, which the contract does not name any more"),
    "dropped, and gone": (gone, AGE, f"it needs the column {AGE}, which the data do not have any more"),
    "renamed in the file": (
        lambda old: changed(old, AGE, name="age", column="lot_area"),
        AGE,
        f"it needs the column {AGE}, which the data do not have any more",
    ),
    "another unit": (
        lambda old: replace(old, target=replace(old.target, unit="EUR")),
        "",
        "it has another target (median_house_value in USD, now median_house_value in EUR)",
    ),
    "another column as target": (
        lambda old: replace(old, target=replace(old.target, column="lot_area", min=None, max=None, cap=None)),
        "",
        "it has another target (median_house_value in USD, now lot_area in USD)",
    ),
    "too few that it takes": (
        lambda old: changed(old, "ocean_proximity", levels=(*LEVELS, "LAKE")),
        "ocean_proximity",
        "its contract does not take ",
    ),
}


@pytest.mark.parametrize("kind", IMPOSSIBLE)
def test_where_nothing_can_be_compared_a_person_decides(
    tmp_path: Path, before: Contract, champion: Path, kind: str
) -> None:
    change, column, why = IMPOSSIBLE[kind]
    now, rows = change(before), file_rows(before)
    if kind == "too few that it takes":
        rows = [row | {column: "LAKE"} if place % 6 else row for place, row in enumerate(rows)]
    elif column:
        rows = [{name: value for name, value in row.items() if name != column} for row in rows]
    generous = replace(now, gate=replace(now.gate, max=1_000_000.0))
    evaluation = evaluated(tmp_path, generous, rows, champion)
    found, gate = evaluation["champion"], evaluation["gate"]
    assert (found["verdict"], found["model_version"], found["rows"]) == ("incomparable", 3, None)
    assert (gate["decision"], gate["approval"]) == ("register", "person")
    assert f"; a person has to approve it, because version 3 is not comparable: {why}" in gate["reason"]
    assert evaluation["registry"]["champion_verdict"] == "incomparable"
    if kind == "too few that it takes":
        places, _known, refused = common(generous, before, rows, lambda row: row[column] != "LAKE")
        assert (
            f"not take {refused} of the {evaluation['rows']} test rows (the first: {column} is 'LAKE'"
            in (gate["reason"])
        )
        assert gate["reason"].endswith(f"and the {len(places)} others are too few (50 rows are needed).")


def test_a_nullable_column_that_the_data_do_not_have_is_missing_to_the_champion(
    tmp_path: Path, before: Contract, champion: Path
) -> None:
    now = without(before, "total_bedrooms")
    rows = [{name: value for name, value in row.items() if name != "total_bedrooms"} for row in file_rows(before)]
    found = evaluated(tmp_path, now, rows, champion)["champion"]
    full = [row | {"total_bedrooms": None} for row in rows]
    places, known, _ = common(now, before, full, lambda row: True)
    assert (found["rows"], found["left_out"], found["refused"]) == (len(places), known, 0)
    assert found["value"] == pytest.approx(rmse(champion, before, full, places), rel=1e-6)
    assert "; it reads total_bedrooms as missing, which the data do not have)" in found["reason"]


def test_a_champion_of_another_group_is_asked_only_where_its_rows_are_known(
    tmp_path: Path, before: Contract, champion: Path
) -> None:
    grouped = replace(before, split=replace(before.split, group="region"))
    rows = file_rows(before)
    older = trained(tmp_path / "older", grouped, rows)
    found = evaluated(tmp_path, before, rows, older)
    assert found["gate"]["approval"] == "person"
    assert "its rows were split by the group region, which the test rows do not have" in found["gate"]["reason"]


def contract_with(before: Contract, **described: Any) -> Contract:
    return replace(before, features=(Feature(**described),))


@pytest.mark.parametrize(
    ("theirs", "ours", "values", "read", "refused"),
    [
        # Levels that spell numbers are what a number means.
        (
            {"name": "x", "type": "category", "levels": ("1", "2")},
            {"name": "y", "column": "x", "type": "number"},
            np.array([1.0, 2.0, 3.0]),
            ["1", "2", None],
            [False, False, True],
        ),
        (
            {"name": "x", "type": "number"},
            {"name": "x", "type": "category", "levels": ("01", "two")},
            ["01", "two"],
            [1.0, None],
            [False, True],
        ),
        # What it needs and what may be missing today.
        (
            {"name": "x", "type": "number"},
            {"name": "x", "type": "number", "nullable": True},
            np.array([1.0, np.nan]),
            [1.0, None],
            [False, True],
        ),
        (
            {"name": "x", "type": "number", "nullable": True},
            {"name": "x", "type": "number"},
            np.array([1.0, -2.5]),
            [1.0, -2.5],
            [False, False],
        ),
    ],
)
def test_a_value_is_read_as_the_champion_reads_it(
    before: Contract,
    theirs: dict[str, Any],
    ours: dict[str, Any],
    values: Any,
    read: list[object],
    refused: list[bool],
) -> None:
    now = contract_with(before, **ours)
    raw = RawRows({now.features[0].name: values})
    seen = seen_by(contract_with(before, **theirs), now, raw, {"ignored_columns": []})
    assert seen.raw.column("x") == read
    assert seen.refused.tolist() == refused
    assert bool(seen.why) == any(refused)


def test_numbers_in_texts_have_the_decimal_mark_of_the_file(before: Contract) -> None:
    theirs = contract_with(before, name="x", type="number")
    ours = contract_with(before, name="x", type="category", levels=("1,5", "2"))
    seen = seen_by(theirs, ours, RawRows({"x": ["1,5", "2"]}), {"format": {"decimal": ","}})
    assert seen.raw.column("x") == [1.5, 2.0]


def test_a_manifest_that_does_not_name_other_columns_decides_nothing(before: Contract) -> None:
    theirs = contract_with(before, name="x", type="number", nullable=True)
    ours = contract_with(before, name="y", type="number")
    with pytest.raises(UndecidedError, match="it reads the column x, which the contract does not name any more"):
        seen_by(theirs, ours, RawRows({"y": np.array([1.0])}), {})
