from __future__ import annotations

from pathlib import Path

import pytest

from contract import Contract, contract_of
from tests.unit.etl.harness import Job, Outcome, csv_text, flats, row_id, side, small_contract

# With the salt golden-3186 the first six rows are train rows, then come one validation row and two test rows.
GOLDEN = [
    ["10", "1", "5", "D", "100"],
    ["20", "", "4", "<1H A", "200"],
    ["30", "3", "3", "B, C", "300"],
    ["40", "4", "0", "D", "400"],
    ["50", "5", "5", "D", "500"],
    ["60", "6", "2", "<1H A", "600"],
    ["70", "7", "7", "D", "700"],
    ["80", "", "0", "B, C", "800"],
    ["91", "1", "1", "D", "900"],
]


@pytest.fixture(scope="module")
def golden(duckdb: Job, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    contract = small_contract(split={"salt": "golden-3186"})
    return duckdb.run(csv_text(GOLDEN), tmp_path_factory.mktemp("golden"), contract)


def test_medians_are_those_of_the_train_rows(golden: Outcome) -> None:
    # beds 1 3 4 5 6; rooms / people 2 5 10 - 10 30; beds / rooms .1 .2 .1 .1 .1 .1, with the beds imputed
    assert golden.recipe.impute == {"beds": 4.0, "per_person": 10.0, "share": 0.1, "mixed": 20.1}


def test_fences_are_quartiles_and_three_times_their_distance(golden: Outcome) -> None:
    # rooms: quartiles 22.5 and 47.5; per_person with the imputed 10: 6.25 and 10
    assert golden.recipe.fences == {"rooms": (-52.5, 122.5), "per_person": (-5.0, 21.25)}


def test_scaling_is_fitted_without_the_outlier(golden: Outcome) -> None:
    assert golden.manifest["rows"] == {
        "read": 9,
        "rejected": 0,
        "replaced": 0,
        "dropped_equal": 0,
        "outliers": 1,
        "train": 5,
        "validation": 1,
        "test": 2,
    }
    recipe = golden.recipe
    mean = {"rooms": 30, "beds": 3.4, "people": 3.4, "per_person": 7.4, "share": 0.12, "mixed": 14.92}
    variance = {"rooms": 250, "beds": 2.3, "people": 4.3, "per_person": 13.8, "share": 0.002, "mixed": 54.962}
    assert dict(recipe.mean) == pytest.approx(mean, rel=1e-11)
    assert {name: std**2 for name, std in recipe.std.items()} == pytest.approx(variance, rel=1e-10)


def test_rows_are_imputed_derived_scaled_and_encoded(golden: Outcome) -> None:
    expected = {
        "price": 800.0,
        "rooms": (80 - 30) / 250**0.5,
        "beds": (4 - 3.4) / 2.3**0.5,
        "people": (0 - 3.4) / 4.3**0.5,
        "per_person": (10 - 7.4) / 13.8**0.5,
        "share": (0.05 - 0.12) / 0.002**0.5,
        "mixed": (20.05 - 14.92) / 54.962**0.5,
    }
    row, _ = golden.rows("test")
    assert list(row) == ["row_id", *expected, "town"]
    assert row.pop("town") == "B, C"
    assert row.pop("row_id") == row_id(small_contract(split={"salt": "golden-3186"}), GOLDEN[7][:4])
    assert row == pytest.approx(expected, rel=1e-10)


def test_the_profile_describes_all_train_rows_as_they_came(golden: Outcome) -> None:
    profile = golden.document("profile.json")
    assert profile["rows"] == 6
    beds = profile["features"]["beds"]
    assert beds["missing_share"] == pytest.approx(1 / 6, rel=1e-11)
    assert (beds["mean"], beds["edges"][0], beds["edges"][5], beds["edges"][-1]) == (3.8, 1.0, 4.0, 6.0)
    assert sum(beds["counts"]) == 5
    town = {"B, C": 0.166666666667, "D": 0.5, "<1H A": 0.333333333333}
    assert profile["features"]["town"] == {"type": "category", "missing_share": 0.0, "levels": town}
    price = profile["target"]
    assert price["edges"] == [100.0, 150.0, 200.0, 250.0, 300.0, 350.0, 400.0, 450.0, 500.0, 550.0, 600.0]
    assert price["counts"] == [1, 0, 1, 0, 1, 0, 1, 0, 1, 1]


def test_another_value_in_a_test_row_changes_no_statistic(
    duckdb: Job, tmp_path: Path, contract: Contract, plain: Outcome
) -> None:
    rows = flats(60)
    changed = [[*row[:4], "1e6"] if side(contract, row[:4]) != "train" else row for row in rows]
    # Another value of a feature gives the row another hash: take one that leaves it in test.
    index = next(i for i, row in enumerate(rows) if side(contract, row[:4]) == "test")
    moved = (["999", str(beds), "1", "D", "5"] for beds in range(100))
    changed[index] = next(row for row in moved if side(contract, row[:4]) == "test")
    outcome = duckdb.run(csv_text(changed), tmp_path, contract)
    assert plain.manifest["rows"] == outcome.manifest["rows"]
    assert not plain.table("test").equals(outcome.table("test"))
    assert (plain.folder / "recipe.json").read_text() == (outcome.folder / "recipe.json").read_text()
    assert plain.document("profile.json")["features"] == outcome.document("profile.json")["features"]


def test_outliers_are_dropped_from_train_rows_only(duckdb: Job, tmp_path: Path, contract: Contract) -> None:
    far = [["900", str(beds), "3", "D", "5"] for beds in range(9)]
    sides = [side(contract, row[:4]) for row in far]
    outcome = duckdb.run(csv_text([*flats(120), *far]), tmp_path, contract)
    found = {split: {row["row_id"] for row in outcome.rows(split)} for split in set(sides)}
    for row, split in zip(far, sides, strict=True):
        assert (row_id(contract, row[:4]) in found[split]) == (split != "train")
    assert {"train", "test"} <= set(sides)
    assert outcome.manifest["rows"]["outliers"] == sides.count("train")


def test_a_value_that_most_rows_share_is_no_outlier(duckdb: Job, tmp_path: Path) -> None:
    # 1/3 has more digits than the statistics keep.
    rows = [["1", str(beds), "3", "D", "5"] for beds in range(60)]
    assert duckdb.run(csv_text(rows), tmp_path, small_contract()).manifest["rows"]["outliers"] == 0


def test_a_model_may_do_without_numbers_derived_features_and_fences(duckdb: Job, tmp_path: Path) -> None:
    tables = small_contract().to_dict()
    levels = {"town": {"type": "category", "levels": ["A", "B"], "nullable": True}}
    tables |= {"features": {**levels, "street": {"type": "category", "levels": [f"S{i}" for i in range(40)]}}}
    del tables["derived"], tables["outliers"]
    contract = contract_of(tables)
    rows = [[town, f"S{i}", i] for i in range(40) for town in ("A", "B", "")]
    outcome = duckdb.run(csv_text(rows, ["town", "street", "price"]), tmp_path, contract)
    assert outcome.manifest["rows"]["read"] == 120
    test = outcome.rows("test")
    assert {row["town"] for row in test} == {"A", "B", None}
    assert all(row["street"] == f"S{row['price']:.0f}" for row in test)
    assert 0.2 < outcome.document("profile.json")["features"]["town"]["missing_share"] < 0.5


def test_constant_and_missing_columns_have_statistics_all_the_same(
    duckdb: Job, tmp_path: Path, contract: Contract
) -> None:
    outcome = duckdb.run(csv_text([[row[0], "", "0.1", "D", row[4]] for row in flats(60)]), tmp_path, contract)
    recipe = outcome.recipe
    assert recipe.impute["beds"] == 2.0  # the default of the contract, for want of a median
    assert (recipe.mean["people"], recipe.std["people"]) == (0.1, 1.0)
    assert {row["people"] for row in outcome.rows("train")} == {0.0}
    profile = outcome.document("profile.json")["features"]
    assert profile["beds"] | {"counts": [], "edges": []} == profile["beds"]
    assert (profile["beds"]["missing_share"], profile["beds"]["mean"]) == (1.0, None)
    assert (profile["people"]["edges"], len(profile["people"]["counts"])) == ([0.1, 0.1], 1)
