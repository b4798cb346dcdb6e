"""Batch mode: every line comes back in its place, with the value of an online request or its reasons."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xgboost
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import batch_rows
import inference
from contract import Contract, FileRefusal, Recipe, contract_of
from contract.reading import on_one_line
from tests.unit.pipeline.binary import DOCUMENT, binary_contract
from tests.unit.pipeline.factory import synthetic_rows

GOOD = "-122.23,37.88,41,880,129,322,126,8.3252,NEAR BAY"


@pytest.fixture(scope="module")
def model(model_dir: Path) -> inference.Model:
    return inference.model_fn(str(model_dir))


@pytest.fixture(scope="module")
def names(contract: Contract) -> list[str]:
    return [feature.name for feature in contract.features]


@dataclass(frozen=True)
class Batch:
    """A file with these columns, taken through the served functions request by request."""

    model: inference.Model
    columns: Sequence[str]

    def text(self, body: str | bytes) -> str:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("BATCH_COLUMNS", json.dumps(self.columns))
            data = inference.input_fn(body, "text/csv; header=absent")
            answer, kind = inference.output_fn(inference.predict_fn(data, self.model), "text/csv")
        assert kind == "text/csv"
        return answer

    def rows(self, body: str | bytes) -> list[list[str]]:
        return list(csv.reader(io.StringIO(self.text(body), newline=""), strict=True))


@pytest.fixture(scope="module")
def batch(model: inference.Model, names: list[str]) -> Batch:
    return Batch(model, names)


def online(model: inference.Model, record: dict[str, object]) -> tuple[str, str]:
    """Value as JSON has it and reasons of a request with this one record; one of them is empty."""
    try:
        text, _ = inference.output_fn(inference.predict_fn([record], model), "application/json")
    except inference.InputError as refused:
        return "", "; ".join(f"{error['field']} {error['reason']}" for error in refused.errors)
    return repr(json.loads(text)["predictions"][0]["value"]), ""


def line_of(record: dict[str, object], names: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(["" if record[name] is None else record[name] for name in names])
    return text.getvalue()


def test_values_are_those_of_online_requests(batch: Batch, contract: Contract, names: list[str]) -> None:
    rows = [{name: row[name] for name in names} for row in synthetic_rows(30, contract, seed=9)]
    found = batch.rows("\n".join(line_of(row, names) for row in rows))
    assert [(row[-2], row[-1]) for row in found] == [online(batch.model, row) for row in rows]
    assert len({row[-2] for row in found}) > 20


numbers = st.one_of(
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-130, 50_000),
    st.sampled_from([0.1, 20.0, 1.0, -124.9999, 42.5]),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_record_is_answered_as_online(data: st.DataObject, batch: Batch, contract: Contract) -> None:
    """Good or bad, and among other rows: the same value, or the same reasons."""
    levels = st.sampled_from(
        [None, "INLAND", "<1H OCEAN", 'sea, "shore"', "inland", " NEAR  BAY", "NA", "1.0", "\u00e9"]
    )
    fields = {item.name: numbers if item.type == "number" else levels for item in contract.features}
    base = {item.name: item.default for item in contract.features}
    records = [
        base | data.draw(st.fixed_dictionaries({}, optional=fields)) for _ in range(data.draw(st.integers(1, 4)))
    ]
    found = batch.rows("\n".join(line_of(record, list(base)) for record in records))
    assert [(row[-2], row[-1]) for row in found] == [online(batch.model, record) for record in records]


def test_bad_rows_come_back_in_their_place_with_every_reason(batch: Batch) -> None:
    bad = GOOD.replace("322", "-1").replace("NEAR BAY", "MOON")
    first, second, third = batch.text(f"{GOOD}\n{bad}\n{GOOD}\n").splitlines()
    assert first == third
    assert first.startswith(f"{GOOD},")
    assert float(first.split(",")[-2]) > 10_000
    assert second == (
        f"{bad},,\"population must be at least 1, is -1; ocean_proximity is 'MOON'; known are '<1H OCEAN', 'INLAND', "
        "'ISLAND', 'NEAR BAY' and 'NEAR OCEAN'\""
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (GOOD.replace("880", "many"), "total_rooms must be a number, is 'many'"),
        (GOOD.replace("880", "nan"), "total_rooms is missing"),
        (GOOD.replace("880", "8_80"), "total_rooms must be a number, is '8_80'"),
        (GOOD.replace("880", "1e999"), "total_rooms must be a finite number"),
        (GOOD.replace("880", ""), "total_rooms is missing"),
        (GOOD.replace("NEAR BAY", ""), "ocean_proximity is missing"),
    ],
)
def test_what_is_no_value_is_named(batch: Batch, text: str, reason: str) -> None:
    assert batch.rows(text) == [[*text.split(","), "", reason]]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"1,2,3", "3 fields, the header has 9"),
        (GOOD.encode() + b",1", "10 fields, the header has 9"),
        (GOOD.encode().replace(b"NEAR", b'"NEAR'), "a quote is opened and never closed"),
    ],
)
def test_a_line_that_is_no_row_stands_whole_in_the_first_column(batch: Batch, line: bytes, reason: str) -> None:
    before, found, after = batch.rows(GOOD.encode() + b"\n" + line + b"\n" + GOOD.encode())
    assert found == [line.decode(errors="backslashreplace"), *[""] * 8, "", reason]
    assert before == after
    assert before[-1] == ""


def test_other_columns_and_quotes_come_back_as_they_are(batch: Batch, names: list[str]) -> None:
    wide = Batch(batch.model, ["id", *reversed(names), "note"])
    turned = ",".join(reversed(GOOD.split(",")))
    line = f'7,{turned},"says ""hi"", twice"'
    value = batch.rows(GOOD)[0][-2]
    assert wide.text(line) == f"{line},{value},\n"


def test_quotes_that_only_this_reader_takes_come_back_as_everybody_reads_them(batch: Batch, names: list[str]) -> None:
    wide = Batch(batch.model, [*names, "note"])
    value = batch.rows(GOOD)[0][-2]
    assert wide.text(f'{GOOD}, "a, b"') == f'{GOOD},"a, b",{value},\n'
    assert wide.rows(f'{GOOD},5" pipe') == [[*GOOD.split(","), '5" pipe', value, ""]]


def test_a_record_with_line_breaks_comes_back_with_them(batch: Batch, names: list[str]) -> None:
    wide = Batch(batch.model, [*names, "note"])
    record = f'{GOOD},"two\r\nlines, and \x1b"'
    found = wide.rows(f"{on_one_line(record)}\n{GOOD},\n")
    assert [row[9] for row in found] == ["two\r\nlines, and \x1b", ""]
    assert found[0][-2] == found[1][-2] != ""


def test_what_was_no_row_before_the_file_was_cut_is_none_here(batch: Batch) -> None:
    (found,) = batch.rows(on_one_line(GOOD, "the header stands here again"))
    assert found == [GOOD, *[""] * 9, "the header stands here again"]


def test_bytes_that_are_no_text_cost_a_row_where_the_column_is_used(batch: Batch, names: list[str]) -> None:
    wide = Batch(batch.model, [*names, "note"])
    good, bad = wide.rows(GOOD.encode() + b",caf\xe9\n" + GOOD.encode().replace(b"BAY", b"B\xc4Y") + b",")
    assert (good[9], good[-1]) == ("caf\\xe9", "")
    assert (bad[8], bad[-2]) == ("NEAR B\\xc4Y", "")
    assert bad[-1] == r"ocean_proximity is 'NEAR B\xc4Y', which is not UTF-8 text"


@pytest.mark.parametrize(
    ("delimiter", "decimal", "line", "start"),
    [
        (";", ",", "-122,23;37,88;41;880;129;322;126;8,3252;NEAR BAY", ""),
        ("\t", ".", GOOD.replace(",", "\t"), ""),
        (",", ",", '"-122,23","37,88",41,880,129,322,126,"8,3252",NEAR BAY', '"'),
    ],
)
def test_the_files_marks_are_kept(
    batch: Batch, monkeypatch: pytest.MonkeyPatch, delimiter: str, decimal: str, line: str, start: str
) -> None:
    monkeypatch.setenv("BATCH_FORMAT", json.dumps({"delimiter": delimiter, "decimal": decimal, "encoding": "cp1252"}))
    value = batch_value(batch, monkeypatch)
    text = batch.text(line)
    assert text == f"{line}{delimiter}{start}{value.replace('.', decimal)}{start}{delimiter}\n"


def batch_value(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> str:
    with monkeypatch.context() as patch:
        patch.delenv("BATCH_FORMAT")
        return batch.rows(GOOD)[0][-2]


def test_missing_words_and_numbers_that_spell_a_level(monkeypatch: pytest.MonkeyPatch) -> None:
    features = {
        "price": {"type": "number", "min": -100, "nullable": True},
        "rooms": {"type": "category", "levels": ["1", "2", "NA"]},
    }
    document = {**DOCUMENT, "features": features, "derived": {}, "data": {"missing": ["-9"]}}
    spec = contract_of(document)
    recipe = Recipe.fitted(spec, impute={"price": 7.0}, fences={}, mean={"price": 0.0}, std={"price": 1.0})
    monkeypatch.setenv("BATCH_COLUMNS", '["price", "rooms"]')
    seen: list[list[float]] = []

    def predict(inputs: np.ndarray) -> np.ndarray:
        seen.extend(inputs.tolist())
        return np.full(len(inputs), 0.5, dtype=np.float32)

    lines = batch_rows.lines_of("-9,1\nN/A,2.0\n-10,NA\n-8,\n,1")
    found = list(csv.reader(io.StringIO(batch_rows.answer(lines, recipe, predict).text)))
    assert [row[-1] for row in found] == ["", "", "", "rooms is missing", ""]
    assert seen == [[7, 1, 0, 0], [7, 0, 1, 0], [-10, 0, 0, 1], [7, 1, 0, 0]]


def test_a_column_that_may_be_missing_need_not_be_there(batch: Batch, names: list[str]) -> None:
    less = Batch(batch.model, [name for name in names if name != "total_bedrooms"])
    value = batch.rows(GOOD.replace("129", ""))[0][-2]
    assert less.rows(GOOD.replace("129,", ""))[0][-2:] == [value, ""]


def test_a_column_that_this_version_needs_and_the_file_lacks_fails_the_job(batch: Batch, names: list[str]) -> None:
    less = Batch(batch.model, [name for name in names if name != "population"])
    with pytest.raises(inference.InputError, match="lacks population"):
        less.text(GOOD.replace("322,", ""))


def test_a_parquet_file_is_answered_whole(
    batch: Batch, names: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (
        {name: text if name == "ocean_proximity" else float(text) for name, text in zip(names, line, strict=True)}
        for line in (GOOD.split(","), GOOD.replace("322", "-1").split(","))
    )
    nothing = dict.fromkeys([*names, "note"])
    rows = [first | {"note": "a,b"}, nothing, second | {"total_bedrooms": None, "note": ""}, nothing]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "rows.parquet")
    monkeypatch.setenv("BATCH_FORMAT", "{}")
    data = inference.input_fn((tmp_path / "rows.parquet").read_bytes(), "application/x-parquet")
    text, kind = inference.output_fn(inference.predict_fn(data, batch.model), "text/csv")
    header, good, blank, bad, last = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert (blank, last) == ([], [])
    assert kind == "text/csv"
    assert header == [*names, "note", "prediction", "prediction_error"]
    assert good[-3:] == ["a,b", batch.rows(GOOD)[0][-2], ""]
    assert bad[-3:] == ["", "", "population must be at least 1, is -1"]


def whole(batch: Batch, body: bytes, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("BATCH_FORMAT", "{}")
    data = inference.input_fn(body, "application/x-parquet")
    text, kind = inference.output_fn(inference.predict_fn(data, batch.model), "text/csv")
    assert kind == "text/csv"
    return text


def parquet(columns: dict[str, list[object]]) -> bytes:
    body = io.BytesIO()
    pq.write_table(pa.table(columns), body)
    return body.getvalue()


def test_why_nothing_of_a_parquet_file_is_predicted_is_an_answer(
    batch: Batch, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job whose container fails tells no reason, and nobody but the version looks into the file."""
    one: dict[str, list[object]] = {name: [1.0] for name in names} | {"ocean_proximity": ["INLAND"]}
    less = {name: values for name, values in one.items() if name != "population"}
    for body, words, columns in (
        (b"PAR1 and so on PAR1", "a Parquet file that cannot be read", ()),
        (parquet(less | {"people": [3]}), "the schema lacks population; add what is missing; not known: 'people'", 1),
        (parquet(one | {"population": [[1, 2]]}), "population", ()),
        (parquet(one | {"prediction": [1.0]}), "prediction, which a batch adds", ()),
    ):
        refused = FileRefusal.read(whole(batch, body, monkeypatch))
        assert refused is not None
        assert words in refused.reason
        assert refused.names == (columns and (*less, "people"))


def test_the_header_is_answered_by_a_header_wherever_a_request_begins(batch: Batch, names: list[str]) -> None:
    header = ",".join(names)
    text = batch.text(f"\ufeff{header}\r\n\r\n{GOOD}\r\n \n")
    assert text.splitlines()[0] == f"{header},prediction,prediction_error"
    assert [line.split(",")[0] for line in text.splitlines()] == ["longitude", "-122.23"]
    assert text == batch.text(f"{header}\n") + batch.text(f"{GOOD}\n")


def test_progress_is_told(batch: Batch, capsys: pytest.CaptureFixture[str]) -> None:
    batch.text(f"{GOOD}\n1\n\n{GOOD}\n")
    assert json.loads(capsys.readouterr().out) == {"event": "batch rows", "lines": 3, "not_predicted": 1}


def test_a_binary_model_adds_the_label(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = binary_contract(target={"levels": ["no", "yes, soon"]})
    fitted = {"price": 1.0, "rooms": 2.0, "per_room": 3.0}
    recipe = Recipe.fitted(spec, impute=fitted, fences={}, mean=fitted, std=fitted)
    monkeypatch.setenv("BATCH_COLUMNS", '["price", "rooms", "town"]')
    lines = batch_rows.lines_of("price,rooms,town\n100,,A\n5,1,B\n-1,1,B")
    found = batch_rows.answer(lines, recipe, lambda inputs: np.float32([0.25, 0.5])[: len(inputs)])
    assert found.text.splitlines() == [
        "price,rooms,town,prediction,prediction_label,prediction_error",
        "100,,A,0.25,no,",
        '5,1,B,0.5,"yes, soon",',
        '-1,1,B,,,"price must be at least 0, is -1"',
    ]


def test_without_the_columns_csv_is_answered_as_ever(model: inference.Model) -> None:
    text, kind = inference.output_fn(inference.predict_fn(inference.input_fn(GOOD, "text/csv"), model), "text/csv")
    assert kind == "application/json"
    assert len(json.loads(text)["predictions"]) == 1
    refused = inference.predict_fn(inference.input_fn("1,2", "text/csv"), model)
    with pytest.raises(inference.InputError):
        inference.output_fn(refused, "text/csv")


def test_many_rows_are_predicted_as_one(batch: Batch, model_dir: Path) -> None:
    """The trees see one matrix: a call a row would take minutes for a million rows."""
    calls = []

    def predict(inputs: np.ndarray) -> np.ndarray:
        calls.append(len(inputs))
        return xgboost.Booster(model_file=model_dir / "model.ubj").inplace_predict(inputs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BATCH_COLUMNS", json.dumps(batch.columns))
        batch_rows.answer(batch_rows.lines_of(f"{GOOD}\n" * 500 + "1\n"), batch.model.recipe, predict)
    assert calls == [500]
