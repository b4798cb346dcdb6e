"""Real files and hostile ones, used as they are: what the ETL makes of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contract import Contract, contract_of
from tests.unit.etl.harness import SMALL, SPLITS, Job, Outcome

CASES = Path(__file__).resolve().parents[4] / "shared" / "cases"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the cases lie beside the project")


def number(column: str | None = None, *, nullable: bool = False) -> dict[str, Any]:
    return {"type": "number", **({"column": column} if column else {}), **({"nullable": True} if nullable else {})}


def category(levels: list[str], column: str | None = None, *, nullable: bool = False) -> dict[str, Any]:
    named = {"column": column} if column else {}
    return {"type": "category", "levels": levels, **named, **({"nullable": True} if nullable else {})}


def described(features: dict[str, Any], target: dict[str, Any], **more: dict[str, Any]) -> Contract:
    task = "binary" if "levels" in target else "regression"
    gate = {"metric": "auc", "min": 0.5} if task == "binary" else {"metric": "rmse", "max": 100.0}
    tables = {name: table for name, table in SMALL.items() if name not in ("derived", "outliers")}
    model = {"name": "case", "task": task, "description": "A case"}
    return contract_of({**tables, "model": model, "features": features, "target": target, "gate": gate, **more})


def run(duckdb: Job, folder: Path, name: str, contract: Contract) -> Outcome:
    return duckdb.run((CASES / name).read_bytes(), folder, contract)


HOUSING = [
    # file, rows read, rejected, missing total_bedrooms, the beginning of its warning
    ("na_words.csv", 10, 0, 6, None),
    ("excel_empty_rows.csv", 400, 0, 0, None),
    ("no_nullable_column.csv", None, 0, None, "the column total_bedrooms is not in the file"),
    ("quoted_newline.csv", 10, 0, 0, None),
    (
        "one_bad_byte_early.csv",
        None,
        0,
        0,
        "1 row has bytes that are no text in a column",
    ),
    ("nbsp_level.csv", None, 0, 0, None),
]


@pytest.mark.parametrize(("name", "read", "rejected", "missing", "warning"), HOUSING)
def test_a_housing_file_is_read_as_it_should_be(
    name: str,
    read: int | None,
    rejected: int,
    missing: int | None,
    warning: str | None,
    duckdb: Job,
    tmp_path: Path,
    california: Contract,
) -> None:
    tables: dict[str, Any] = california.to_dict()
    tables |= {"quality": {"min_rows": 5, "max_reject_share": 0.2}, "outliers": {"columns": [], "factor": 3.0}}
    tables["split"] = {"train": 0.4, "validation": 0.2, "test": 0.4, "salt": "cases-1"}
    outcome = run(duckdb, tmp_path, name, contract_of(tables))
    manifest = outcome.manifest
    rows = manifest["rows"]
    assert rows["read"] == (read or rows["read"])
    assert rows["rejected"] == rejected
    assert rows["read"] == sum(rows.values()) - rows["read"]
    share = outcome.document("profile.json")["features"]["total_bedrooms"]["missing_share"]
    assert share == 1.0 if missing is None else (share > 0) == (missing > 0)
    assert [text for text in manifest["warnings"] if "no row fell" not in text] == (
        [text for text in manifest["warnings"] if warning and text.startswith(warning)]
    )
    assert any(warning and text.startswith(warning) for text in manifest["warnings"]) == bool(warning)


def test_a_lone_carriage_return_ends_a_row(duckdb: Job, tmp_path: Path, california: Contract) -> None:
    lines = (CASES / "lone_cr_batch.csv").read_bytes().replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    tables: dict[str, Any] = california.to_dict() | {"quality": {"min_rows": 5000, "max_reject_share": 1}}
    refused = run(duckdb, tmp_path, "lone_cr_batch.csv", contract_of(tables)).refused
    rows = sum(1 for line in lines if line) - 1
    assert refused == f"f.csv: {rows} usable rows; the model california_housing needs at least 5000; upload more"


def test_a_header_with_markup_is_shown_in_quotes(duckdb: Job, tmp_path: Path, california: Contract) -> None:
    refused = run(duckdb, tmp_path, "markup_header.csv", california).refused
    assert refused
    assert "'[/price]'" in refused


def test_penguins_are_used_without_renaming_a_column(duckdb: Job, tmp_path: Path) -> None:
    contract = described(
        {
            "island": category(["Biscoe", "Dream", "Torgersen"], "Island"),
            "stage": category(["Adult, 1 Egg Stage"], "Stage"),
            "culmen_length": number("Culmen Length (mm)", nullable=True),
            "flipper": number("Flipper Length (mm)", nullable=True),
            "delta_15": number("Delta 15 N (o/oo)", nullable=True),
        },
        {"name": "sex", "column": "Sex", "levels": ["FEMALE", "MALE"]},
    )
    outcome = run(duckdb, tmp_path, "penguins_raw.csv", contract)
    manifest = outcome.manifest
    assert manifest["rows"]["read"] == 344
    assert set(manifest["reasons"]) <= {"Sex: missing", "Sex: unknown level"}
    assert manifest["rows"]["rejected"] < 15
    assert "Comments" in manifest["ignored_columns"]


def test_cars_have_a_marker_of_their_own_for_missing(duckdb: Job, tmp_path: Path) -> None:
    contract = described(
        {
            "cylinders": number("Cylinders"),
            "horsepower": number("Horsepower", nullable=True),
            "weight": number("Weight_in_lbs"),
            "origin": category(["USA", "Europe", "Japan"], "Origin"),
        },
        {"name": "mpg", "column": "Miles_per_Gallon"},
        data={"missing": ["?"]},
    )
    outcome = run(duckdb, tmp_path, "auto_mpg.csv", contract)
    manifest = outcome.manifest
    assert (manifest["rows"]["read"], manifest["rows"]["rejected"]) == (406, 8)
    assert manifest["reasons"] == {"Miles_per_Gallon: missing": 8}
    assert manifest["examples"]["Miles_per_Gallon: missing"].endswith("Miles_per_Gallon is missing")


def test_bikes_are_used_as_they_are(duckdb: Job, tmp_path: Path) -> None:
    hours = [f"{hour % 12 or 12}{'am' if hour < 12 else 'pm'}" for hour in range(24)]
    contract = described(
        {
            "season": category(["spring", "summer", "fall", "winter"]),
            "hr": category(hours),
            "holiday": category(["No", "Yes"]),
            "temp": number(),
            "hum": number(),
        },
        {"name": "cnt"},
    )
    outcome = run(duckdb, tmp_path, "bike.csv", contract)
    rows = outcome.manifest["rows"]
    assert (rows["read"], rows["rejected"], rows["dropped_equal"]) == (17379, 0, 0)
    assert sum(outcome.table(split).num_rows for split in SPLITS) == 17379
