"""Inference: answers equal the booster on recipe-applied rows; wrong input is named by instance and field."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import xgboost

import inference
from contract import Contract, Recipe
from tests.unit.pipeline.factory import RUN_ID, synthetic_rows


@pytest.fixture(scope="module")
def model(model_dir: Path) -> inference.Model:
    return inference.model_fn(str(model_dir))


@pytest.fixture(scope="module")
def records(contract: Contract) -> list[dict[str, object]]:
    target = contract.target.name
    return [
        {name: value for name, value in row.items() if name != target} for row in synthetic_rows(20, contract, seed=8)
    ]


@pytest.fixture(scope="module")
def expected(model_dir: Path, records: list[dict[str, object]]) -> list[float]:
    recipe = Recipe.from_json((model_dir / "recipe.json").read_text())
    matrix = xgboost.DMatrix(recipe.apply(records), feature_names=[column.name for column in recipe.columns])
    return xgboost.Booster(model_file=model_dir / "model.ubj").predict(matrix).tolist()


def answer(model: inference.Model, body: str | bytes, content_type: str = "application/json") -> dict:
    prediction = inference.predict_fn(inference.input_fn(body, content_type), model)
    text, kind = inference.output_fn(prediction, "*/*")
    assert kind == "application/json"
    return json.loads(text)


def values(found: dict) -> list[float]:
    return [item["value"] for item in found["predictions"]]


def test_json_records_are_predicted(model: inference.Model, records: list, expected: list[float]) -> None:
    found = answer(model, json.dumps({"instances": records}))
    assert values(found) == pytest.approx(expected, rel=1e-6)
    assert {key: found[key] for key in ("model", "run_id", "model_version")} == {
        "model": "california_housing",
        "run_id": RUN_ID,
        "model_version": None,
    }
    assert len(set(np.round(expected))) > 15


def test_a_bare_list_and_bytes_are_read_too(model: inference.Model, records: list, expected: list[float]) -> None:
    found = answer(model, json.dumps(records).encode(), "application/json; charset=utf-8")
    assert values(found) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("header", [True, False])
def test_csv_rows_are_predicted(
    model: inference.Model, records: list, expected: list[float], contract: Contract, header: bool
) -> None:
    names = [feature.name for feature in contract.features]
    lines = [",".join("" if record[name] is None else str(record[name]) for name in names) for record in records]
    text = "\n".join([",".join(names), *lines] if header else lines)
    assert values(answer(model, text, "text/csv")) == pytest.approx(expected, rel=1e-6)


def test_the_version_comes_from_the_environment(
    model_dir: Path, monkeypatch: pytest.MonkeyPatch, records: list
) -> None:
    monkeypatch.setenv("MODEL_VERSION", "12")
    assert answer(inference.model_fn(str(model_dir)), json.dumps(records))["model_version"] == "12"


def test_a_refusal_names_the_version_whose_contract_it_is(
    model_dir: Path, monkeypatch: pytest.MonkeyPatch, contract: Contract
) -> None:
    """Under a canary nobody but the container knows which version answers."""
    monkeypatch.setenv("MODEL_VERSION", "12")
    model = inference.model_fn(str(model_dir))
    for body, kind in (("[{}]", "application/json"), ("[", "application/json"), ("x", "text/plain")):
        with pytest.raises(inference.InputError) as caught:
            answer(model, body, kind)
        document = json.loads(str(caught.value))
        assert document.pop("errors")
        assert document == {
            "model": contract.name,
            "run_id": model.run_id,
            "model_version": "12",
            "contract_hash": contract.hash,
        }


def test_a_refusal_may_come_as_an_answer(model: inference.Model) -> None:
    """Beside an error SageMaker passes on 2,048 characters of what the container says."""
    body = json.dumps({"instances": [{}] * 20, "refusals": "answer"})
    prediction = inference.predict_fn(inference.input_fn(body, "application/json"), model)
    text, kind = inference.output_fn(prediction, "*/*")
    document = json.loads(text)
    assert (kind, document["run_id"], len(document["errors"])) == ("application/json", RUN_ID, 100)
    assert len(text) > 2048


def errors_of(model: inference.Model, body: str | bytes, content_type: str = "application/json") -> list[dict]:
    with pytest.raises(inference.InputError) as caught:
        answer(model, body, content_type)
    assert isinstance(caught.value, ValueError)
    assert caught.value.status_code == (415 if content_type == "text/plain" else 400)
    assert str(caught.value) == caught.value.message
    return json.loads(str(caught.value))["errors"]


def test_wrong_fields_are_named_by_instance(model: inference.Model, records: list) -> None:
    wrong = [records[0], records[1] | {"population": -1, "rooms": 2}, records[2] | {"ocean_proximity": "SEA"}]
    found = errors_of(model, json.dumps(wrong))
    assert [(error["instance"], error["field"]) for error in found] == [
        (1, "population"),
        (1, "rooms"),
        (2, "ocean_proximity"),
    ]
    assert found[0]["reason"] == "must be at least 1, is -1"


def test_every_wrong_csv_field_is_named_by_instance(model: inference.Model) -> None:
    good = "-122.23,37.88,41,880,129,322,126,8.3252,NEAR BAY"
    text = "\n".join(
        [good, good.replace("322", "many"), "1,2", good, good.replace("880", "-1").replace("NEAR BAY", "")]
    )
    assert errors_of(model, text, "text/csv") == [
        {"instance": 1, "field": "population", "reason": "must be a number, is 'many'"},
        {"instance": 2, "field": "", "reason": "2 fields, the header has 9"},
        {"instance": 4, "field": "total_rooms", "reason": "must be at least 1, is -1"},
        {"instance": 4, "field": "ocean_proximity", "reason": "is missing"},
    ]


def test_a_csv_header_that_does_not_do_says_why(model: inference.Model) -> None:
    [error] = errors_of(model, "latitude,rooms\n1,2", "text/csv")
    assert error["instance"] is None
    assert "line 1, the header, lacks longitude, housing_median_age" in error["reason"]


def test_a_csv_body_is_read_as_a_file_is(model: inference.Model) -> None:
    """Another delimiter, a decimal comma, a column that is no feature, missing words, a quoted line break."""
    names = "note;longitude;latitude;housing_median_age;total_rooms;total_bedrooms;population;households;median_income"
    text = f'sep=;\n{names};ocean_proximity\n"a\nb";-122,23;37,88;41;880;NA;322;126;8,3252; NEAR BAY\n;;;;;;;;;\n'
    json_record = {
        **dict(zip(names.split(";")[1:], [-122.23, 37.88, 41, 880, None, 322, 126, 8.3252], strict=True)),
        "ocean_proximity": "NEAR BAY",
    }
    assert values(answer(model, text, "text/csv")) == values(answer(model, json.dumps([json_record])))


def test_json_texts_mean_what_they_mean_in_a_file(model: inference.Model, records: list) -> None:
    """A level is trimmed; the explanation shows the level as declared."""
    trimmed = records[0] | {"ocean_proximity": "INLAND"}
    spelled = records[0] | {"ocean_proximity": "\u00a0INLAND "}
    body = {"instances": [spelled], "explain": True}
    found = answer(model, json.dumps(body))
    assert values(found) == values(answer(model, json.dumps([trimmed])))
    shown = {item["feature"]: item["value"] for item in found["predictions"][0]["explanation"]["contributions"]}
    assert shown["ocean_proximity"] == "INLAND"


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        ("{", "application/json", "the body is not valid JSON: "),
        ("3", "application/json", "the body must be "),
        ("{}", "application/json", "the body must be "),
        ('{"instances": []}', "application/json", "at least one record"),
        ("[" * 100_000, "application/json", "the body is not valid JSON: "),
        (b"\xff", "application/json", "the body is not UTF-8 text: "),
        ("a", "text/plain", "the content type 'text/plain' is not known; send application/json or text/csv"),
        ("", "text/csv", "there is no data row"),
    ],
)
def test_a_body_that_cannot_be_read_says_why(
    model: inference.Model, body: str | bytes, content_type: str, reason: str
) -> None:
    [error] = errors_of(model, body, content_type)
    assert (error["instance"], error["field"], reason in error["reason"]) == (None, "", True), error


@pytest.mark.parametrize("in_request", [True, False])
def test_each_of_sagemakers_servers_gets_the_status_in_its_own_way(
    model: inference.Model, monkeypatch: pytest.MonkeyPatch, in_request: bool
) -> None:
    """In the image there is Flask for both: only the server of a single model answers within one of its requests."""
    flask = SimpleNamespace(
        has_request_context=lambda: in_request, Response=lambda body, **more: SimpleNamespace(body=body, **more)
    )
    monkeypatch.setitem(sys.modules, "flask", flask)
    refused = inference.predict_fn(inference.input_fn("{", "application/json"), model)
    if not in_request:
        with pytest.raises(inference.InputError):
            inference.output_fn(refused, "application/json")
        return
    answered = inference.output_fn(refused, "application/json")
    assert (answered.status, answered.mimetype) == (400, "application/json")
    assert json.loads(answered.body)["errors"][0]["reason"].startswith("the body is not valid JSON")


def test_at_most_a_hundred_errors_are_listed(model: inference.Model) -> None:
    assert len(errors_of(model, json.dumps([{}] * 200))) == 100


def test_json_that_holds_nan_is_refused(model: inference.Model, records: list) -> None:
    [error] = errors_of(model, json.dumps([records[0] | {"population": float("nan")}]))
    assert (error["field"], error["reason"]) == ("population", "must be a finite number")


def test_the_packed_code_serves_by_itself(
    tmp_path: Path, model_dir: Path, records: list, expected: list[float]
) -> None:
    """As in the container: only the model's code folder is on the path."""
    unpacked = shutil.copytree(model_dir, tmp_path / "model")
    script = (
        "import sys, json, inference;"
        "model = inference.model_fn(sys.argv[1]);"
        "data = inference.input_fn(sys.stdin.read(), 'application/json');"
        "print(inference.output_fn(inference.predict_fn(data, model), 'application/json')[0])"
    )
    command = [sys.executable, "-c", script, str(unpacked)]
    environment = {"PYTHONPATH": str(unpacked / "code"), "PATH": os.environ["PATH"]}
    found = subprocess.run(
        command, input=json.dumps(records), env=environment, capture_output=True, text=True, check=True, cwd=tmp_path
    )
    loaded, answered = map(json.loads, found.stdout.splitlines())
    assert (loaded["event"], loaded["run_id"]) == ("Model loaded", RUN_ID)
    assert values(answered) == pytest.approx(expected, rel=1e-6)


def test_one_row_is_answered_within_milliseconds(model: inference.Model, records: list) -> None:
    body = json.dumps([records[0]])
    timings = []
    for _ in range(50):
        start = time.perf_counter()
        answer(model, body)
        timings.append(time.perf_counter() - start)
    assert min(timings) < 5e-3
