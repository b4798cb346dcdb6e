"""Calls of the API: answers, errors of every kind, and a key that no message holds."""

from __future__ import annotations

import logging
import socket
import traceback

import pytest

from frontend.client import Api
from frontend.errors import ApiError, FieldError, Kind
from frontend.settings import Settings
from tests.fakeapi import KEY, FakeApi, documents, serving

MODEL = "california_housing"
EXAMPLE = {feature.name: feature.default for feature in documents.CONTRACTS[MODEL].features}


def test_models_and_what_is_live(api: Api) -> None:
    by_name = {summary.name: summary for summary in api.models()}
    live = by_name[MODEL].live
    assert set(by_name) == set(documents.CONTRACTS)
    assert live is not None and live.metric is not None
    assert (live.version, live.metric.name, live.metric.value) == (3, "rmse", 40982.1)
    assert by_name["breast_cancer"].target.levels == ("benign", "malignant")


@pytest.mark.parametrize("name", documents.CONTRACTS)
def test_a_model_has_the_features_of_its_contract(api: Api, name: str) -> None:
    model, contract = api.model(name), documents.CONTRACTS[name]
    expected = [(f.name, f.type, f.min, f.max, f.levels, f.nullable, f.unit or "") for f in contract.features]
    found = [(f.name, f.type, f.minimum, f.maximum, f.levels, f.nullable, f.unit) for f in model.features]
    assert found == expected
    assert model.threshold == contract.serving.threshold


def test_a_prediction_with_what_drove_it(api: Api) -> None:
    answer = api.predict(MODEL, [EXAMPLE | {"median_income": 7.0}], explain=True)
    (first,) = answer.items
    assert answer.model_version == "3"
    assert first.explanation is not None and first.interval is not None
    assert first.explanation.total == pytest.approx(first.value)
    assert first.interval.high - first.interval.low == pytest.approx(110_000)


def test_the_key_goes_in_its_header_and_nowhere_else(api: Api, fake: FakeApi) -> None:
    api.predict(MODEL, [EXAMPLE])
    (request,) = fake.requests
    others = {name: value for name, value in request.headers.items() if name != "x-api-key"}
    assert request.headers["x-api-key"] == KEY
    assert KEY not in request.path + str(request.body) + str(others)


def test_refused_values_are_told_field_by_field(api: Api) -> None:
    with pytest.raises(ApiError) as raised:
        api.predict(MODEL, [EXAMPLE, EXAMPLE | {"longitude": 5.0, "ocean_proximity": "MOON"}])
    assert raised.value.kind is Kind.INVALID
    assert raised.value.errors[0] == FieldError(1, "longitude", "must be at most -114, is 5")
    assert raised.value.errors[1].field == "ocean_proximity"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (403, Kind.FORBIDDEN),
        (404, Kind.NOT_FOUND),
        (413, Kind.INVALID),
        (429, Kind.THROTTLED),
        (500, Kind.BROKEN),
        (502, Kind.BROKEN),
        (503, Kind.UNAVAILABLE),
        (301, Kind.BROKEN),
    ],
)
def test_each_status_is_a_kind_of_error(api: Api, fake: FakeApi, status: int, kind: Kind) -> None:
    fake.fail(status, "Because.", Retry_After="7")
    with pytest.raises(ApiError, match=f"{status}: Because.") as raised:
        api.models()
    assert (raised.value.kind, raised.value.retry_after, raised.value.request_id) == (kind, 7.0, "r-1")


def test_the_key_does_not_follow_a_redirect(api: Api, fake: FakeApi) -> None:
    with serving() as elsewhere:
        fake.answers.append((302, {}, {"Location": f"{elsewhere.url}/models"}))
        with pytest.raises(ApiError, match="302") as raised:
            api.models()
        assert elsewhere.requests == []
    assert raised.value.kind is Kind.BROKEN


@pytest.mark.parametrize("text", ["", "soon", "-3", "nan", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_time_to_wait_that_is_no_number_is_none(api: Api, fake: FakeApi, text: str) -> None:
    fake.fail(429, "Because.", Retry_After=text)
    with pytest.raises(ApiError) as raised:
        api.models()
    assert raised.value.retry_after is None


@pytest.mark.parametrize("answer", [{}, {"models": [{"name": "x"}]}, {"models": 3}, {"models": ["x"]}])
def test_an_answer_of_another_form_is_an_error(api: Api, fake: FakeApi, answer: dict[str, object]) -> None:
    fake.answers.append((200, answer, {}))
    with pytest.raises(ApiError, match=r"was not understood: \w+Error in the answer to GET /models"):
        api.models()


def test_fewer_predictions_than_instances_is_an_error(api: Api, fake: FakeApi) -> None:
    fake.answers.append((200, {"model_version": "3", "predictions": []}, {}))
    with pytest.raises(ApiError, match="0 predictions for 1 instances"):
        api.predict(MODEL, [EXAMPLE])


def test_a_name_cannot_leave_its_place_in_the_path(api: Api, fake: FakeApi) -> None:
    with pytest.raises(ApiError, match="404"):
        api.model("../models?x")
    assert fake.requests[0].path == "/v1/models/..%2Fmodels%3Fx"


def test_an_api_that_is_down_is_named_by_its_address(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    api = Api(Settings(api_url=f"http://127.0.0.1:{port}/v1", api_key=KEY))
    with caplog.at_level(logging.DEBUG), pytest.raises(ApiError) as raised:
        api.models()
    assert raised.value.kind is Kind.UNREACHABLE
    assert raised.value.detail == f"http://127.0.0.1:{port} did not answer: the connection was refused."
    assert KEY not in caplog.text + "".join(traceback.format_exception(raised.value))


def test_an_api_that_is_slow_is_given_up(fake: FakeApi) -> None:
    fake.delay = 1.0
    api = Api(Settings(api_url=fake.url, api_key=KEY), read_seconds=0.1)
    with pytest.raises(ApiError, match="did not answer: no answer in time") as raised:
        api.models()
    assert raised.value.kind is Kind.UNREACHABLE
    assert KEY not in "".join(traceback.format_exception(raised.value))


def test_the_rows_of_a_run(api: Api, fake: FakeApi) -> None:
    found = api.rejects(MODEL, "abc")
    assert fake.requests[-1].path.endswith("/runs/abc/rejects?limit=10000")
    assert ([item.line for item in found.items], found.more) == ([7, 12], False)
    assert found.csv.decode().splitlines()[:2] == [
        "line,reason,row",
        '7,"total_rooms must be a number, is \'many\'","-122.2,37.8,""many"",<b>"',
    ]
    fake.most_rejects = 1
    assert api.rejects(MODEL, "abc").more
    data = api.data(MODEL, "abc", "train")
    assert fake.requests[-1].path.endswith("/runs/abc/data?split=train")
    assert (data.rows, data.splits, data.files[0].name) == (13_012, ("train", "test"), "train-1.parquet")


def test_a_run_of_an_older_api_has_no_books(api: Api, fake: FakeApi) -> None:
    run = documents.run(documents.CONTRACTS[MODEL])
    del run["books"]
    fake.answers.append((200, run, {}))
    assert api.run(MODEL, "abc").books is None


def test_runs_versions_and_monitoring(api: Api, fake: FakeApi) -> None:
    (run,) = api.runs(MODEL, limit=5)
    assert fake.requests[-1].path.endswith("/runs?limit=5")
    assert (run.state, run.final) == ("live", True)
    assert run.books is not None
    assert run.books.sentence == "20,640 rows read = 198 rejected + 13,012 train + 3,302 validation + 4,128 test"
    assert api.run(MODEL, run.run_id).steps[0].log[-1] == "pre-processing: line 3"
    assert [version.number for version in api.versions(MODEL)] == [3, 2, 1]
    detail = api.version(MODEL, 3)
    assert detail.metrics["rmse"] == 40982.1
    assert detail.plots[0].url.startswith(fake.url.removesuffix("/v1"))
    found = api.monitoring(MODEL, hours=24)
    latency = next(series for series in found.metrics if series.name == "ModelLatency")
    assert found.endpoint is not None and found.endpoint.version == 3
    assert latency.anomalies == {latency.points[-6][0]}
    assert [alarm.state for alarm in found.alarms] == ["OK", "ALARM"]
