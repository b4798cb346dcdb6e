"""The job on DuckDB and contract.Recipe with numpy are two writings of one transform."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from contract import Contract, Recipe, csv_rows
from tests.unit.etl.harness import SMALL, SPLITS, Job, Outcome, csv_text, flats, numbered, row_id, small_contract

numbers = st.one_of(
    st.just("0"),
    st.integers(0, 1000).map(str),
    st.floats(1e-9, 1000).map(repr),
)
row = st.tuples(
    numbers, st.one_of(st.just(""), numbers), numbers, st.sampled_from(SMALL["features"]["town"]["levels"]), numbers
)
expression = st.sampled_from(
    [
        "rooms / people",
        "beds / rooms / people",
        "sqrt(rooms - people)",
        "ln(beds) + 0.1 * rooms",
        "power(people - 3, -2)",
        "exp(-rooms / 100) * sin(beds) - cos(people)",
        "-abs(rooms - beds) / (people - people)",
        "exp(rooms / 10)",
    ]
)


def inputs(table: pa.Table, recipe: Recipe) -> np.ndarray:
    """The model inputs of a part, a level as a column of 0 and 1."""
    numbers = [column.name for column in recipe.columns if column.kind != "level"]
    levels = [feature.name for feature in recipe.contract.categorical]
    assert table.column_names == ["row_id", recipe.contract.target.name, *numbers, *levels]
    columns = [
        table[column.name].to_numpy()
        if column.kind != "level"
        else np.array([level == column.level for level in table[column.source].to_pylist()], dtype=float)
        for column in recipe.columns
    ]
    return np.array(columns).T


def assert_agreement(outcome: Outcome, contract: Contract, rows: Sequence[Sequence[str]]) -> None:
    """Every written row equals what inference makes of the same text, to 1e-9. `rows`: fields in contract order."""
    features = [list(fields[:-1]) for fields in rows]
    records = [row.values for row in csv_rows(contract, csv_text(features, contract.columns[:-1]))]
    ids = numbered([row_id(contract, fields) for fields in features], rows)
    expected = dict(zip(ids, outcome.recipe.apply(records), strict=True))
    for split in SPLITS:
        table = outcome.table(split)
        found = inputs(table, outcome.recipe)
        wanted = np.array([expected[key] for key in table["row_id"].to_pylist()])
        np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)


# A run takes a second: no shrinking.
@settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.lists(row, min_size=80, max_size=120), st.lists(expression, min_size=2, max_size=3, unique=True))
def test_the_job_writes_what_inference_computes(duckdb: Job, drawn: list[tuple[str, ...]], texts: list[str]) -> None:
    derived = {f"d{index}": text for index, text in enumerate(texts)} | {"last": "d0 - 2 * d1 / beds"}
    contract = small_contract(derived=derived, outliers={"columns": ["rooms", "last"]})
    rows = [*flats(20), *map(list, drawn)]
    with tempfile.TemporaryDirectory() as folder:
        outcome = duckdb.run(csv_text(rows), Path(folder), contract)
        assert outcome.refused is None
        assert_agreement(outcome, contract, rows)


def test_the_shipped_contract_agrees_on_the_data_and_rejects_no_row(
    duckdb: Job, tmp_path: Path, california: Contract, housing: Path
) -> None:
    outcome = duckdb.run(housing.read_bytes(), tmp_path, california)
    counts = outcome.manifest["rows"]
    assert (counts["read"], counts["rejected"], outcome.manifest["equal_rows"]) == (20640, 0, 0)
    assert counts["test"] / 20640 == pytest.approx(0.2, abs=0.01)
    with housing.open() as file:
        rows = [[row[name] for name in california.columns] for row in csv.DictReader(file)]
    assert_agreement(outcome, california, rows)
