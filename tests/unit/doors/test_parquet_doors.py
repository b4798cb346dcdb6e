"""One reader, one rule, for Parquet files too: the same verdict at every door, row by row."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import inference
from contract import Contract, FileError
from frontend.answers import Model
from frontend.batchfile import read as read_page
from tests.fakeapi import documents
from tests.unit.doors.doors import Verdicts, functions, served
from tests.unit.etl.harness import small_contract

sys.path.append(str(Path(__file__).resolve().parents[3] / "assets" / "glue"))

from etl import parquet
from etl.reader import Reader
from etl.tally import Tally

TYPE = "application/x-parquet"
TARGET = "price is missing"


def training(content: bytes, contract: Contract, folder: Path) -> Verdicts:
    """What is said of the target is left out: the others do not ask for it."""
    path = folder / "rows.parquet"
    path.write_bytes(content)
    tally = Tally(folder / "rejects.json")
    tally.path.write_text("")
    file = parquet.opened(path)
    layout = parquet.layout_of(file, contract.rules_to_train)
    batches = Reader(contract, layout, tally).batches(parquet.texts_of(file, contract.rules_to_train, layout))
    found = {line: "" for batch in batches for line in batch.column("__line").to_pylist()}
    for reject in map(json.loads, tally.path.read_text().splitlines()):
        found[reject["line"]] = "; ".join(part for part in reject["reason"].split("; ") if part != TARGET)
    assert len(found) == tally.read
    return sorted(found.items())


def page(content: bytes, contract: Contract, _: Path) -> Verdicts:
    model = Model.of(json.loads(json.dumps(documents.detail(contract, live=False))))
    rows = read_page(content, model).rows
    return [(row.line, "; ".join(f"{p.field} {p.reason}".strip() for p in row.problems)) for row in rows]


def batch(content: bytes, contract: Contract, _: Path) -> Verdicts:
    """The first ten bad rows have their number told; the order tells that of the others."""
    _, finish = functions()
    with mock.patch.dict("os.environ", {"BATCH_FORMAT": "{}"}):
        data = inference.input_fn(content, TYPE)
        output = inference.output_fn(inference.predict_fn(data, served(contract)), "text/csv")[0].encode()
    header, *records = finish.logic.records_of(output.removesuffix(b"\n").split(b"\n"))
    try:
        tally = finish.logic.tally_of([header, *records], places=finish.logic.Places(first=0))
    except finish.logic.RefusedError as error:
        raise FileError(str(error)) from error
    told = {error["line"]: error["reason"] for error in tally.errors}
    rows = [(number, record) for number, record in enumerate(records, 1) if record]
    assert tally.rows == len(rows)
    assert {number for number, record in rows if not record.endswith(b",")} >= set(told)
    return [(number, told.get(number, "")) for number, _ in rows]


DOORS: dict[str, Callable[[bytes, Contract, Path], Verdicts]] = {"training": training, "page": page, "batch": batch}


def file_of(columns: dict[str, Any], *, group: int = 3) -> bytes:
    content = io.BytesIO()
    pq.write_table(pa.table(columns), content, row_group_size=group)
    return content.getvalue()


def columns_of(rows: int) -> dict[str, list[Any]]:
    return {
        "rooms": [float(place + 1) for place in range(rows)],
        "beds": [None if place % 2 else float(place) for place in range(rows)],
        "people": [2] * rows,
        "town": ["D", "<1H A"] * (rows // 2) + ["D"] * (rows % 2),
        "price": [100.0] * rows,
        "note": ["fine"] * rows,
        "count": [float(place) for place in range(rows)],
    }


def with_nothing(columns: dict[str, list[Any]], row: int, *, nothing: Any = None, but: dict[str, Any]) -> None:
    for name, values in columns.items():
        values[row] = but.get(name, "" if nothing is not None and name in ("town", "note") else nothing)


@pytest.fixture
def contract() -> Contract:
    return small_contract()


def verdicts(content: bytes, contract: Contract, folder: Path) -> Verdicts:
    """The same at every door."""
    found = {name: door(content, contract, folder) for name, door in DOORS.items()}
    assert found["page"] == found["training"]
    assert found["batch"] == found["training"]
    return found["training"]


MISSING = "rooms is missing; people is missing; town is missing"


@pytest.mark.parametrize("batch_rows", [4, 65_536])
@pytest.mark.parametrize("group", [2, 3, 100])
def test_a_row_with_nothing_in_any_column_is_blank(
    batch_rows: int, group: int, contract: Contract, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "_ROWS", batch_rows)
    columns = columns_of(12)
    with_nothing(columns, 1, but={})
    with_nothing(columns, 4, nothing=float("nan"), but={})
    with_nothing(columns, 6, but={"note": "see above"})
    with_nothing(columns, 7, but={"count": 0.0})
    with_nothing(columns, 8, but={"note": "  "})
    with_nothing(columns, 11, but={"price": 5.0})
    columns["rooms"][9] = -1.0
    found = verdicts(file_of(columns, group=group), contract, tmp_path)
    bad = {7: MISSING, 8: MISSING, 10: "rooms must be at least 0, is -1", 12: MISSING}
    assert found == [(row, bad.get(row, "")) for row in range(1, 13) if row not in (2, 5, 9)]


@pytest.mark.parametrize(
    ("name", "values", "type_", "bad"),
    [
        ("town", [b"D", b"x"], pa.binary(), None),
        ("town", [b"D", b"x"], pa.large_binary(), None),
        ("town", [b"D", b"x"], pa.binary(1), None),
        ("rooms", [[1.0], [2.0]], pa.list_(pa.float64()), None),
        ("rooms", [{"a": 1.0}, {"a": None}], pa.struct([("a", pa.float64())]), None),
        ("rooms", [True, False], pa.bool_(), 0),
        ("rooms", [Decimal("1.50"), Decimal("2000.00")], pa.decimal128(9, 2), 1),
        ("rooms", [date(2024, 1, 31), None], pa.date32(), 2),
        ("rooms", [1.5, float("nan")], pa.float32(), 1),
        ("rooms", [1.5, float("inf")], pa.float64(), 1),
        ("rooms", ["1.5", " 2 "], pa.large_string(), 0),
        ("town", [None, None], pa.null(), 2),
    ],
    ids=lambda value: None if isinstance(value, list) else str(value),
)
def test_a_type_is_read_or_refused_at_every_door(
    name: str, values: list[Any], type_: pa.DataType, bad: int | None, contract: Contract, tmp_path: Path
) -> None:
    content = file_of({**columns_of(2), name: pa.array(values, type_)})
    if bad is not None:
        assert sum(bool(reason) for _, reason in verdicts(content, contract, tmp_path)) == bad
        return
    for door in DOORS.values():
        with pytest.raises(FileError, match="write numbers or texts") as refused:
            door(content, contract, tmp_path)
        stored = pq.read_schema(io.BytesIO(content)).field(name).type
        assert f"the column {name} holds values of the type {stored};" in str(refused.value)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({"people": None}, "the schema lacks people; add what is missing"),
        ({"people": "People"}, "the schema lacks people: 'People' differs from 'people' in upper and lower case"),
        ({"note": "people "}, "the schema names people twice; keep one of each"),
    ],
)
def test_names_are_told_in_the_same_words_at_every_door(
    names: dict[str, str | None], words: str, contract: Contract, tmp_path: Path
) -> None:
    columns = {new: values for name, values in columns_of(2).items() if (new := names.get(name, name)) is not None}
    for door in DOORS.values():
        with pytest.raises(FileError) as refused:
            door(file_of(columns), contract, tmp_path)
        assert words in str(refused.value)


def test_blanks_around_a_name_are_none_of_it(contract: Contract, tmp_path: Path) -> None:
    columns = {f" {name} ": values for name, values in columns_of(4).items()}
    assert verdicts(file_of(columns), contract, tmp_path) == [(row, "") for row in range(1, 5)]
