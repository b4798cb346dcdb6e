"""Files of records: reading, requests of a bounded size, refused rows, waiting, and an end that loses nothing."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from contract import load_all
from contract.reading import Data
from frontend.answers import Model, Prediction, Predictions
from frontend.batches import MAX_WAITS, Outcome, run
from frontend.batchfile import FileError, Problem, Row, read, template
from frontend.client import Api
from frontend.errors import ApiError, FieldError, Kind
from frontend.forms import Value, fields_of, record_of
from frontend.outputs import output_of
from frontend.results import rejected_frame, results_frame
from frontend.upload import Upload
from tests.fakeapi import documents

NAMES = "longitude latitude housing_median_age total_rooms total_bedrooms population households median_income"
HEADER = ",".join([*NAMES.split(), "ocean_proximity"])
GOOD = "-119.5,36,29,2100,435,1200,410,3.5,INLAND"


def rows(count: int) -> list[Row]:
    return [Row(line=place + 2, cells={}, instance={"x": float(place)}) for place in range(count)]


class Endpoint:
    """Answers each instance with its x; raises what stands in `errors` first, and counts what it got."""

    def __init__(self, *errors: ApiError | None) -> None:
        self.errors = list(errors)
        self.sizes: list[int] = []

    def __call__(self, instances: Sequence[Mapping[str, Value]]) -> Predictions:
        self.sizes.append(len(instances))
        if self.errors and (error := self.errors.pop(0)):
            raise error
        items = tuple(Prediction(float(item["x"] or 0), None, None, None) for item in instances)
        return Predictions("3", "r-1", items)


def outcome_of(given: Sequence[Row], endpoint: Endpoint, *, size: int = 4, slept: list[float] | None = None) -> Outcome:
    *_, last = run(given, endpoint, size=size, sleep=(slept if slept is not None else []).append)
    return last


def test_the_template_is_a_file_that_can_be_predicted(housing_model: Model) -> None:
    (row,) = read(template(housing_model).encode(), housing_model).rows
    assert row.problems == ()
    assert row.instance == {feature.name: feature.default for feature in housing_model.features}


def test_columns_may_come_in_any_order_and_others_are_kept(housing_model: Model) -> None:
    names, values = HEADER.split(",")[::-1], GOOD.split(",")[::-1]
    text = f"{','.join(names)},note\n{','.join(values)},mine\n"
    file = read(b"\xef\xbb\xbf" + text.encode(), housing_model)
    assert file.ignored == ("note",)
    assert file.rows[0].instance["longitude"] == -119.5
    assert file.rows[0].cells["note"] == "mine"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (GOOD.replace("2100", "many"), Problem("total_rooms", "must be a number, is 'many'")),
        (GOOD.replace("2100", ""), Problem("total_rooms", "is missing")),
        (GOOD.replace("2100", "1e999"), Problem("total_rooms", "must be a finite number")),
        (GOOD.replace("2100", "1_000"), Problem("total_rooms", "must be a number, is '1_000'")),
        (GOOD.replace("2100", "\u0661\u0662"), Problem("total_rooms", "must be a number, is '\u0661\u0662'")),
        (GOOD.replace("INLAND", ""), Problem("ocean_proximity", "is missing")),
        (GOOD + ",1", Problem("", "10 fields, the header has 9")),
    ],
)
def test_a_bad_row_is_named_and_the_others_stay(housing_model: Model, line: str, problem: Problem) -> None:
    file = read(f"{HEADER}\n{GOOD}\n\n{line}\n".encode(), housing_model)
    good, bad = file.rows
    assert good.problems == ()
    assert (bad.line, bad.problems) == (4, (problem,))


def test_an_unknown_value_is_null_where_it_may_be(housing_model: Model) -> None:
    (row,) = read(f"{HEADER}\n{GOOD.replace('435', 'NA')}\n".encode(), housing_model).rows
    assert row.problems == () and row.instance["total_bedrooms"] is None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (HEADER.encode(), "a header and no row below it"),
        (GOOD.encode(), "line 1 names none of the columns; it must be a header with longitude, latitude"),
        (HEADER.replace(",households", "").encode(), "lacks households; add what is missing"),
        (f"{HEADER},longitude\n".encode(), "names longitude twice"),
        (b"PAR1 and so on", "a Parquet file that cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(housing_model: Model, content: bytes, words: str) -> None:
    with pytest.raises(FileError, match=words):
        read(content, housing_model)


def test_a_file_is_read_however_it_is_written(housing_model: Model) -> None:
    text = f"{HEADER},note\r\n{GOOD},1\r\n\r\n".replace(",", ";").replace(".", ",")
    for content in (text.encode("utf-16"), gzip.compress(f"sep=;\r\n{text}".encode(), mtime=0)):
        file = read(content, housing_model)
        assert (file.delimiter, file.decimal, file.ignored) == (";", ",", ("note",))
        assert file.rows[0].instance == {
            feature.name: GOOD.split(",")[place] if feature.type == "category" else float(GOOD.split(",")[place])
            for place, feature in enumerate(housing_model.features)
        }


def test_a_parquet_file_is_read(housing_model: Model, tmp_path: Path) -> None:
    names, texts = HEADER.split(","), GOOD.split(",")
    row = {name: text if name == "ocean_proximity" else float(text) for name, text in zip(names, texts, strict=True)}
    rows = [{**row, "id": 7}, {**row, "total_bedrooms": None, "id": 8}, {**row, "population": -1.0, "id": 9}]
    pd.DataFrame(rows).to_parquet(tmp_path / "rows.parquet")
    file = read((tmp_path / "rows.parquet").read_bytes(), housing_model)
    assert [row.cells["id"] for row in file.rows] == ["7", "8", "9"]
    assert [row.instance["total_bedrooms"] for row in file.rows] == [435.0, None, 435.0]
    assert [row.problems for row in file.rows] == [(), (), (Problem("population", "must be at least 1, is -1"),)]
    assert [row.line for row in file.rows] == [1, 2, 3]


def test_columns_of_the_file_have_their_own_names() -> None:
    document = documents.detail(documents.CONTRACTS["breast_cancer"], live=True)
    document["features"][0]["column"] = "Radius (mm)"
    model = Model.of(document)
    first, *_ = model.features
    text = template(model)
    assert text.startswith("Radius (mm),")
    (row,) = read(text.encode(), model).rows
    assert row.instance[first.name] == first.default


BARE = load_all(Path(__file__).parents[2] / "data" / "models")


@pytest.mark.parametrize("name", BARE)
def test_form_and_template_of_a_contract_without_defaults_are_those_of_its_example(name: str) -> None:
    document = documents.detail(BARE[name], live=True)
    model = Model.of(document)
    fields = fields_of(model.features)
    assert record_of(fields, {field.name: field.default for field in fields}) == document["example"]
    (row,) = read(template(model).encode(), model).rows
    assert (row.instance, row.problems) == (document["example"], ())


def test_the_template_is_written_as_the_contract_says(housing_model: Model) -> None:
    model = replace(housing_model, data=Data(delimiter=";", decimal=","))
    assert template(model).splitlines()[1].startswith("-119,5;36;29;")
    (row,) = read(template(model).encode(), model).rows
    assert (row.instance["longitude"], row.problems) == (-119.5, ())


def test_columns_without_a_name_and_with_the_same_one_are_kept_apart(housing_model: Model) -> None:
    file = read(f"{HEADER},note,note,\n{GOOD},a,b,c\n".encode(), housing_model)
    assert file.ignored == ("note", "note (2)", "column 12")
    assert [file.rows[0].cells[name] for name in file.ignored] == ["a", "b", "c"]


def test_what_costs_no_row_is_a_warning(housing_model: Model) -> None:
    less, row = HEADER.replace("total_bedrooms,", ""), GOOD.replace("435,", "")
    file = read(f"{less},note\n{row},caf\u00e9\n".encode("latin-1"), housing_model)
    assert file.warnings == (
        "the column total_bedrooms is not in the file: it is missing in every row",
        "bytes that are no UTF-8 text in a column that is not used: line 2, note",
    )
    assert (file.rows[0].problems, file.rows[0].cells["note"]) == ((), "caf\\xe9")


def test_the_download_is_written_as_the_file_was(api: Api, housing_model: Model) -> None:
    """A decimal point beside decimal commas would be read as nothing for sure when it is uploaded again."""
    text = f"{HEADER}\n{GOOD}\n".replace(",", ";").replace(".", ",")
    upload = Upload(housing_model, "1", "2", read(text.encode(), housing_model))
    *_, outcome = run(upload.file.rows, lambda instances: api.predict(housing_model.name, instances), size=500)
    upload.keep(outcome)
    csv = upload.predicted.results.csv
    assert csv.splitlines()[1] == "206855,0;156855,0;266855,0;" + text.splitlines()[1]
    (again,) = read(csv.encode(), housing_model).rows
    assert again.instance == upload.file.rows[0].instance


def test_requests_have_a_bounded_size() -> None:
    endpoint = Endpoint()
    outcome = outcome_of(rows(10), endpoint)
    assert endpoint.sizes == [4, 4, 2]
    assert {index: item.value for index, item in outcome.predictions.items()} == {i: float(i) for i in range(10)}


def test_progress_is_told_after_every_request() -> None:
    assert [outcome.done for outcome in run(rows(10), Endpoint(), size=4)] == [4, 8, 10, 10]


def test_rows_that_the_api_names_are_listed_and_the_others_predicted() -> None:
    refusal = ApiError(Kind.INVALID, "2 invalid", errors=(FieldError(1, "x", "is odd"), FieldError(3, "x", "is odd")))
    endpoint = Endpoint(None, refusal)
    outcome = outcome_of(rows(8), endpoint)
    assert endpoint.sizes == [4, 4, 2]
    assert outcome.rejects == {5: (Problem("x", "is odd"),), 7: (Problem("x", "is odd"),)}
    assert sorted(outcome.predictions) == [0, 1, 2, 3, 4, 6]
    assert outcome.done == outcome.total == 8


def test_rows_that_cannot_be_sent_are_not_sent() -> None:
    bad = Row(line=9, cells={}, instance={}, problems=(Problem("x", "is missing"),))
    endpoint = Endpoint()
    outcome = outcome_of([*rows(2), bad], endpoint)
    assert endpoint.sizes == [2]
    assert outcome.rejects == {2: (Problem("x", "is missing"),)}


def test_a_throttled_request_waits_as_long_as_it_is_told() -> None:
    slept: list[float] = []
    throttled = ApiError(Kind.THROTTLED, "Too many", retry_after=7.0)
    outcome = outcome_of(rows(4), Endpoint(throttled, ApiError(Kind.UNAVAILABLE, "Starting")), slept=slept)
    assert slept == [7.0, 2.0]
    assert len(outcome.predictions) == 4 and outcome.waiting == ""


def test_an_api_that_goes_away_leaves_what_was_predicted() -> None:
    gone = ApiError(Kind.UNREACHABLE, "gone")
    outcome = outcome_of(rows(10), Endpoint(None, gone))
    assert outcome.stopped is gone
    assert sorted(outcome.predictions) == [0, 1, 2, 3]


def test_waiting_has_an_end() -> None:
    slept: list[float] = []
    throttled = [ApiError(Kind.THROTTLED, "Too many", retry_after=99.0)] * (MAX_WAITS + 1)
    outcome = outcome_of(rows(4), Endpoint(*throttled), slept=slept)
    assert slept == [30.0] * MAX_WAITS
    assert outcome.stopped is throttled[0]


def test_a_refusal_that_names_no_row_stops() -> None:
    refusal = ApiError(Kind.INVALID, "no")
    assert outcome_of(rows(4), Endpoint(refusal)).stopped is refusal


def test_results_and_refused_rows_as_tables(api: Api, housing_model: Model) -> None:
    far = GOOD.replace("-119.5", "12")
    file = read(f"{HEADER},id\n{GOOD},a\n{far},b\n{GOOD},c\n".encode(), housing_model)
    *_, outcome = run(file.rows, lambda instances: api.predict(housing_model.name, instances), size=500)
    good, bad = results_frame(housing_model, file, outcome), rejected_frame(file, outcome)
    assert good["id"].tolist() == ["a", "c"]
    assert good[output_of(housing_model).column].tolist() == [206_855.0, 206_855.0]
    assert bad[["line", "reason", "id"]].to_numpy().tolist() == [[3, "longitude must be at most -114, is 12", "b"]]


def test_the_download_uploaded_again_shows_new_answers_and_keeps_the_old_ones_apart(
    api: Api, housing_model: Model
) -> None:
    first = f"{HEADER},low,line\n{GOOD},1,old\n"
    for _ in range(2):
        file = read(first.encode(), housing_model)
        *_, outcome = run(file.rows, lambda instances: api.predict(housing_model.name, instances), size=500)
        frame = results_frame(housing_model, file, outcome)
        first = frame.assign(predicted_median_house_value=5.0, low=4.0, high=6.0).to_csv(index=False)
    (row,) = frame.to_dict("records")
    assert list(row)[:3] == ["predicted_median_house_value", "low", "high"]
    assert (row["predicted_median_house_value"], row["low"], row["high"]) == (206_855.0, 156_855.0, 266_855.0)
    assert {name: row[name] for name in row if name.endswith(")")} == {
        "predicted_median_house_value (given)": "5.0",
        "low (given)": "1",
        "low (given) (given)": "4.0",
        "high (given)": "6.0",
    }
    assert row["line"] == "old"


def test_rows_of_several_versions_say_which_one_answered(api: Api, housing_model: Model) -> None:
    """Another version goes live between two requests."""
    file = read(f"{HEADER},model_version\n{GOOD},mine\n{GOOD},mine\n".encode(), housing_model)
    versions = iter(["3", "4"])

    def predict(instances: Sequence[Mapping[str, Value]]) -> Predictions:
        return replace(api.predict(housing_model.name, instances), model_version=next(versions))

    *_, outcome = run(file.rows, predict, size=1)
    frame = results_frame(housing_model, file, outcome)
    assert outcome.versions == {"3", "4"}
    assert frame["model_version"].tolist() == ["3", "4"]
    assert frame["model_version (given)"].tolist() == ["mine", "mine"]
    *_, outcome = run(file.rows, lambda instances: api.predict(housing_model.name, instances), size=1)
    assert results_frame(housing_model, file, outcome)["model_version"].tolist() == ["mine", "mine"]


def test_a_file_of_refused_rows_uploaded_again_tells_the_new_reasons(api: Api, housing_model: Model) -> None:
    file = read(f"line,reason,{HEADER}\n77,was odd,{GOOD.replace('-119.5', '12')}\n".encode(), housing_model)
    *_, outcome = run(file.rows, lambda instances: api.predict(housing_model.name, instances), size=500)
    (row,) = rejected_frame(file, outcome).to_dict("records")
    assert (row["line"], row["reason"]) == (2, "longitude must be at most -114, is 12")
    assert (row["line (given)"], row["reason (given)"]) == ("77", "was odd")


def test_more_bad_rows_than_one_answer_names_are_all_found(api: Api, housing_model: Model) -> None:
    far = GOOD.replace("-119.5", "12")
    file = read("\n".join([HEADER, *[far] * 250, GOOD]).encode(), housing_model)
    *_, outcome = run(file.rows, lambda instances: api.predict(housing_model.name, instances), size=500)
    assert (len(outcome.rejects), list(outcome.predictions)) == (250, [250])


def test_a_binary_model_has_label_and_probability(api: Api, cancer_model: Model) -> None:
    file = read(template(cancer_model).encode(), cancer_model)
    *_, outcome = run(file.rows, lambda instances: api.predict(cancer_model.name, instances), size=500)
    (row,) = results_frame(cancer_model, file, outcome).to_dict("records")
    assert row["predicted_diagnosis"] == "benign"
    assert row["probability"] == pytest.approx(0.37754, abs=1e-5)
