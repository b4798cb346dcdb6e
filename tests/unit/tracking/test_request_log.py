"""What a request left in the logs: found by its id, with the rest of its invocation and what the container wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from tracking.logs import run_lines
from tracking.place import Place
from tracking.request_log import REQUEST_ID, request_lines
from tracking.run import Run

NOW = datetime.now(UTC)
ID = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"
FUNCTIONS = {"Predict": "/aws/lambda/predict"}
ENDPOINT = "mlops-dev-m"
GROUP = f"/aws/sagemaker/Endpoints/{ENDPOINT}"


class Logs:
    """FilterLogEvents over lists of events, by group: (seconds before now, stream, message)."""

    exceptions = boto3.client("logs", "eu-west-1").exceptions

    def __init__(self, groups: Mapping[str, list[tuple[float, str, Any]]]) -> None:
        self.groups = groups
        self.asked: list[dict[str, Any]] = []

    def get_paginator(self, name: str) -> Logs:
        assert name == "filter_log_events"
        return self

    def paginate(self, **request: Any) -> Iterator[dict[str, Any]]:
        self.asked.append(request)
        if request["logGroupName"] not in self.groups:
            raise self.exceptions.ResourceNotFoundException({"Error": {"Code": "x"}}, "FilterLogEvents")
        events = []
        for ago, stream, message in self.groups[request["logGroupName"]]:
            at = int((NOW - timedelta(seconds=ago)).timestamp() * 1000)
            text = message if isinstance(message, str) else json.dumps(message)
            if (
                request.get("startTime", 0) <= at <= request.get("endTime", at)
                and stream.startswith(request.get("logStreamNamePrefix", ""))
                and request.get("filterPattern", '""').strip('"') in text
            ):
                events.append({"timestamp": at, "logStreamName": stream, "message": text})
        yield {"events": events}


def place(logs: Logs) -> Place:
    return Place(
        client=lambda _: logs, prefix="mlops-dev-", processed_bucket="b", workflow="w", artifact_bucket="artifact"
    )


def predict(ago: float, **more: Any) -> tuple[float, str, Any]:
    return (
        ago,
        "s",
        {"message": "Model failed", "request_id": ID, "requestId": "lambda-1", "endpoint": ENDPOINT, **more},
    )


REPORT = (9.0, "s", {"type": "platform.report", "record": {"requestId": "lambda-1"}})
CONTAINER = (10.5, "c", {"event": "Prediction failed", "request_id": ID, "instance": 3})
OTHER = (10.4, "c", {"event": "Prediction failed", "request_id": "another"})


def found(*predicting: Any, endpoint: list[Any] | None = None, everything: bool = False) -> list[str]:
    logs = Logs({"/aws/lambda/predict": list(predicting), **({GROUP: endpoint} if endpoint is not None else {})})
    lines = request_lines(place(logs), ID, functions=FUNCTIONS, everything=everything)
    assert lines == sorted(lines)
    return [
        f"{line.source}: {line.record.get('message') or line.record.get('event') or line.message}" for line in lines
    ]


def test_the_containers_line_of_the_request_comes_with_the_functions() -> None:
    assert found(predict(10), REPORT, endpoint=[CONTAINER, OTHER]) == [
        "Endpoint: Prediction failed",
        "Predict: Model failed",
    ]


def test_where_the_container_names_no_request_all_of_that_time_is_shown() -> None:
    lines = [OTHER, (11.0, "c", "Traceback (most recent call last):"), (500.0, "c", "long ago")]
    assert found(predict(10), endpoint=lines) == [
        "Endpoint: Traceback (most recent call last):",
        "Endpoint: Prediction failed",
        "Predict: Model failed",
    ]


def test_everything_is_what_lambda_and_the_endpoint_wrote_meanwhile() -> None:
    assert len(found(predict(10), REPORT, endpoint=[CONTAINER, OTHER], everything=True)) == 4


def test_an_exception_of_the_function_is_found_by_its_invocation() -> None:
    raised = (9.5, "s", {"errorType": "ValueError", "requestId": "lambda-1", "message": "no contract"})
    assert found(predict(10, message="Failed"), raised) == ["Predict: Failed", "Predict: no contract"]


@pytest.mark.parametrize(("ago", "looks"), [(60.0, 1), (7200.0, 2), (3 * 86400.0, 3)])
def test_a_request_is_found_however_old_it_is(ago: float, looks: int) -> None:
    logs = Logs({"/aws/lambda/predict": [predict(ago)]})
    assert len(request_lines(place(logs), ID, functions=FUNCTIONS)) == 1
    assert [request.get("filterPattern") for request in logs.asked].count(f'"{ID}"') == looks + 1, "and the endpoint's"


def test_of_what_nobody_named_nothing_is_shown() -> None:
    assert found() == []
    assert request_lines(place(Logs({})), ID, functions=FUNCTIONS) == []


@pytest.mark.parametrize("text", ["", '"', 'a" ?b', "a b", "%x%", "é", "x" * 65])
def test_what_a_filter_would_read_otherwise_is_no_id(text: str) -> None:
    assert REQUEST_ID.fullmatch(text) is None


def test_a_runs_log_goes_on_at_its_endpoint() -> None:
    own = [(5.0, "AllTraffic/1", {"event": "Model loaded", "run_id": "aa"}), (4.0, "AllTraffic/1", "[warning] x")]
    logs = Logs({GROUP: [*own, (3.0, "AllTraffic/2", "of another version")]})
    run = Run("aa", "m", "live", "", NOW - timedelta(minutes=1), "", (), None, None, "", 1)
    assert [line.source for line in run_lines(place(logs), run, functions={})] == ["Endpoint"]
    everything = run_lines(place(logs), run, functions={}, everything=True)
    assert [line.message for line in everything][1:] == ["[warning] x"]


def test_of_a_run_that_never_began_the_lines_of_its_file_are_shown() -> None:
    """What fails before the run has an id names the file alone."""
    lines = [(5.0, "s", {"message": "Upload not taken", "key": "m/late.csv"}), (4.0, "s", {"key": "m/other.csv"})]
    run = Run("aa", "m", "failed", "m/late.csv", None, "", (), None, None, "", None)
    (found,) = run_lines(place(Logs({"/start": lines})), run, functions={"StartEtl": "/start"})
    assert found.record["message"] == "Upload not taken"
