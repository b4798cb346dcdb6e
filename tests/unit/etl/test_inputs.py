"""Files that are no plain CSV in UTF-8, columns by other names, and names that SQL has a use for."""

from __future__ import annotations

import datetime
import gzip
import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contract import Contract, contract_of
from tests.unit.etl.harness import HEADER, RAW, SPLITS, Job, Outcome, csv_text, flats, small_contract


def assert_same(found: Outcome, plain: Outcome) -> None:
    assert found.manifest["rows"] == plain.manifest["rows"]
    for split in (*SPLITS, *RAW):
        assert found.table(split).equals(plain.table(split))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "gzip"])
def test_compression_and_encoding_change_no_row(
    encoding: str, duckdb: Job, tmp_path: Path, contract: Contract, plain: Outcome
) -> None:
    text = csv_text(flats(60))
    data = gzip.compress(text.encode()) if encoding == "gzip" else text.encode(encoding)
    outcome = duckdb.run(data, tmp_path, contract)
    assert_same(outcome, plain)
    found = outcome.manifest["format"]
    assert found["compression"] == ("gzip" if encoding == "gzip" else "none")
    assert found["encoding"] == {"utf-16": "utf-16-le", "gzip": "utf-8"}.get(encoding, encoding)


def test_semicolons_and_decimal_commas_change_no_row(
    duckdb: Job, tmp_path: Path, contract: Contract, plain: Outcome
) -> None:
    rows = [[text.replace(".", ",") for text in row[:3]] + [row[3], row[4].replace(".", ",")] for row in flats(60)]
    text = "\n".join(";".join(row) for row in [HEADER, *rows])
    outcome = duckdb.run(text, tmp_path, contract)
    assert_same(outcome, plain)
    assert (outcome.manifest["format"]["delimiter"], outcome.manifest["format"]["decimal"]) == (";", ",")


def parquet(columns: dict[str, pa.Array]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file, row_group_size=25)
    return file.getvalue()


def columns_of(rows: list[list[str]]) -> dict[str, pa.Array]:
    rooms, beds, people, towns, prices = zip(*rows, strict=True)
    return {
        "note": pa.array([{"a": 1}] * len(rows)),
        "rooms": pa.array([float(text) for text in rooms]),
        "beds": pa.array([int(text) if text else None for text in beds], pa.int8()),
        "people": pa.array([Decimal(text) for text in people], pa.decimal128(6, 2)),
        "town": pa.array(towns).dictionary_encode(),
        "price": pa.array([float(text) for text in prices]),
    }


def test_a_parquet_file_is_read_as_it_is(duckdb: Job, tmp_path: Path, contract: Contract, plain: Outcome) -> None:
    outcome = duckdb.run(parquet(columns_of(flats(60))), tmp_path, contract)
    assert_same(outcome, plain)
    assert outcome.manifest["format"]["encoding"] == "parquet"
    assert outcome.manifest["ignored_columns"] == ["note"]


def test_rows_of_a_parquet_file_are_rejected_by_their_number(duckdb: Job, tmp_path: Path, contract: Contract) -> None:
    columns = columns_of(flats(60))
    columns["rooms"] = pa.array([*columns["rooms"].to_pylist()[:58], None, 1e6])
    outcome = duckdb.run(parquet(columns), tmp_path, contract)
    assert [(row["line"], row["reason"]) for row in outcome.rejects] == [
        (59, "rooms is missing"),
        (60, "rooms must be at most 1000, is 1000000"),
    ]
    assert outcome.rejects[1]["row"].startswith("1000000")


def test_values_of_other_types_are_levels_by_their_text(duckdb: Job, tmp_path: Path) -> None:
    levels = {"town": {"levels": ["2024-01-31", "2024-02-29"]}}
    features = {**small_contract().to_dict()["features"], "town": {"type": "category", **levels["town"]}}  # type: ignore[dict-item]
    features["flag"] = {"type": "category", "levels": ["False", "True"], "nullable": True}
    features["size"] = {"type": "category", "levels": ["1", "2"]}
    contract = contract_of(small_contract().to_dict() | {"features": features})
    rows = 60
    days = [datetime.date(2024, 1, 31), datetime.date(2024, 2, 29)]
    columns = columns_of(flats(rows)) | {
        "town": pa.array([days[place % 2] for place in range(rows)]),
        "flag": pa.array([[True, False, None][place % 3] for place in range(rows)]),
        "size": pa.array([1.0 + place % 2 for place in range(rows)]),
    }
    outcome = duckdb.run(parquet(columns), tmp_path, contract)
    assert outcome.manifest["rows"]["rejected"] == 0
    test = [*outcome.rows("test"), *outcome.rows("train")]
    assert {row["town"] for row in test} == {"2024-01-31", "2024-02-29"}
    assert {row["flag"] for row in test} == {"True", "False", None}
    assert {row["size"] for row in test} == {"1", "2"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"rooms": pa.array([[1.0]] * 60)}, "the column rooms holds values of the type list<element: double>;"),
        ({"town": pa.array([b"D"] * 60)}, "the column town holds values of the type binary; write numbers or texts"),
        ({"people": None}, "the schema lacks people; add what is missing"),
    ],
)
def test_a_parquet_file_that_does_not_fit_is_refused(
    change: dict[str, Any], reason: str, duckdb: Job, tmp_path: Path, contract: Contract
) -> None:
    columns = {name: column for name, column in (columns_of(flats(60)) | change).items() if column is not None}
    refused = duckdb.run(parquet(columns), tmp_path, contract).refused
    assert refused
    assert refused.startswith(f"f.csv: {reason}")


def test_a_parquet_file_that_is_cut_is_refused(duckdb: Job, tmp_path: Path, contract: Contract) -> None:
    refused = duckdb.run(parquet(columns_of(flats(60)))[:-9], tmp_path, contract).refused
    assert refused
    assert refused.startswith("f.csv: a Parquet file that cannot be read (")


def test_names_that_sql_has_a_use_for_are_names_like_others(duckdb: Job, tmp_path: Path, plain: Outcome) -> None:
    """And a header names the columns as it likes."""
    tables = small_contract().to_dict()
    features: dict[str, Any] = dict(tables["features"])  # type: ignore[call-overload]
    names = {"rooms": "order", "beds": "select", "people": "group", "town": "table"}
    tables["features"] = {names[name]: {**item, "column": f"The {name} (m²)"} for name, item in features.items()}
    tables["target"] = {**tables["target"], "name": "from", "column": "Price"}  # type: ignore[dict-item]
    tables["derived"] = {"case": "order / group", "end": "select / order", "null": "case * 2 + end"}
    tables["outliers"] = {"columns": ["order", "case"], "factor": 3.0}
    header = ["The rooms (m²)", "The beds (m²)", "The people (m²)", "The town (m²)", "Price"]
    outcome = duckdb.run(csv_text(flats(60), header), tmp_path, contract_of(tables))
    assert outcome.manifest["rows"] == plain.manifest["rows"]
    for split in SPLITS:
        found, wanted = outcome.table(split), plain.table(split)
        assert found.column_names[:6] == ["row_id", "from", "order", "select", "group", "case"]
        assert found.rename_columns(wanted.column_names).equals(wanted)
    profile = outcome.document("profile.json")["features"]
    assert list(profile) == ["order", "select", "group", "table"]


def test_a_nullable_column_that_is_absent_is_missing_in_every_row(duckdb: Job, tmp_path: Path) -> None:
    rows = [[row[0], *row[2:]] for row in flats(60)]
    outcome = duckdb.run(csv_text(rows, ["rooms", "people", "town", "price"]), tmp_path, small_contract())
    assert outcome.manifest["warnings"] == ["the column beds is not in the file: it is missing in every row"]
    assert outcome.document("profile.json")["features"]["beds"]["missing_share"] == 1.0
    assert {row["beds"] for row in outcome.rows("raw/test")} == {None}
