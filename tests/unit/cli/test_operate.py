"""mlops redrive and mlops logs: where a message goes back to, what is asked, what is shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from typer.testing import CliRunner

from cli import dead_letters, operate, runs
from cli import redrive as redriving
from cli.dead_letters import Letter, Queue
from cli.main import app
from cli.redrive import Returned
from cli.target import Target
from tests.unit.cli.test_commands import run_in
from tracking.logs import Line

NOW = datetime.now(UTC)
QUEUE = Queue("training", "https://queue", "arn:aws:sqs:eu-west-1:1:dead", waiting=1)
EVENT = {"detail-type": "Object Created", "detail": {"object": {"key": "a_model/run=aa/manifest.json"}}}
LETTER = Letter(body=json.dumps(EVENT), receipt="r", sent=NOW - timedelta(hours=3), source="", facts={})
FUNCTION = "arn:aws:lambda:eu-west-1:1:function:"


class FakeTarget(Target):
    """Functions of the environment by name, and stubbed clients."""

    def resources(self, kind: str) -> dict[str, str]:
        assert kind == "AWS::Lambda::Function"
        return {"OneAAAAAAAA": "one", "TwoBBBBBBBB": "two", "OtherCCCCCCCC": "other"}


@pytest.fixture
def target() -> FakeTarget:
    return FakeTarget(stage="dev", session=boto3.Session("test", "test", region_name="eu-west-1"))


def expect_functions(target: Target, **queues: str) -> Stubber:
    stub = Stubber(target.client("lambda"))
    for name in ("one", "two", "other"):
        arn = f"{FUNCTION}{name}"
        settings: dict[str, Any] = {"FunctionName": name, "FunctionArn": arn}
        if name in queues:
            settings["DeadLetterConfig"] = {"TargetArn": queues[name]}
        stub.add_response("get_function_configuration", settings, {"FunctionName": name})
    return stub


def test_a_message_of_a_queue_goes_to_that_queue(target: FakeTarget) -> None:
    letter = replace(LETTER, source="arn:aws:sqs:eu-west-1:1:work")
    assert redriving._destination(target, QUEUE, letter) == ("arn:aws:sqs:eu-west-1:1:work", "")
    assert letter.reason.startswith("handed out from work as often as it may be")


def test_what_eventbridge_gave_up_goes_to_its_target(target: FakeTarget) -> None:
    facts = {"TARGET_ARN": f"{FUNCTION}one", "ERROR_CODE": "NO_PERMISSIONS", "ERROR_MESSAGE": "not invited"}
    letter = replace(LETTER, facts=facts)
    assert redriving._destination(target, QUEUE, letter) == (f"{FUNCTION}one", "")
    assert letter.reason == "NO_PERMISSIONS: not invited"
    assert letter.about == "Object Created a_model/run=aa/manifest.json"


def test_an_invocation_goes_to_the_only_function_that_gives_up_there(target: FakeTarget) -> None:
    letter = replace(LETTER, facts={"RequestID": "1", "ErrorCode": "200", "ErrorMessage": "no such key"})
    with expect_functions(target, one=QUEUE.arn, two="arn:aws:sqs:eu-west-1:1:another"):
        assert redriving._destination(target, QUEUE, letter) == (f"{FUNCTION}one", "")


def expect_rule(bus: Stubber, function: str, *, matches: bool) -> None:
    bus.add_response("list_rule_names_by_target", {"RuleNames": ["rule"]}, {"TargetArn": f"{FUNCTION}{function}"})
    bus.add_response("describe_rule", {"EventPattern": '{"source": ["x"]}'}, {"Name": "rule"})
    request = {"EventPattern": '{"source": ["x"]}', "Event": LETTER.body}
    bus.add_response("test_event_pattern", {"Result": matches}, request)


@pytest.mark.parametrize(
    ("wanted", "answer"),
    [
        ((False, True), (f"{FUNCTION}two", "")),
        ((False, False), ("", "0 functions could have been invoked with it.")),
        ((True, True), ("", "2 functions could have been invoked with it.")),
    ],
)
def test_of_several_functions_it_is_the_one_whose_rule_wants_the_event(
    target: FakeTarget, wanted: tuple[bool, bool], answer: tuple[str, str]
) -> None:
    letter = replace(LETTER, facts={"RequestID": "1"})
    with expect_functions(target, one=QUEUE.arn, two=QUEUE.arn), Stubber(target.client("events")) as bus:
        for name, matches in zip(("one", "two"), wanted, strict=True):
            expect_rule(bus, name, matches=matches)
        assert redriving._destination(target, QUEUE, letter) == answer


def test_a_message_is_deleted_once_it_is_sent(target: FakeTarget) -> None:
    stub = Stubber(target.client("sqs"))
    request = {
        "QueueUrl": QUEUE.url,
        "MaxNumberOfMessages": 1,
        "VisibilityTimeout": dead_letters.HOLD_SECONDS,
        "WaitTimeSeconds": 1,
        "MessageSystemAttributeNames": ["All"],
        "MessageAttributeNames": ["All"],
    }
    work = "arn:aws:sqs:eu-west-1:1:work"
    message = {
        "Body": LETTER.body,
        "ReceiptHandle": "r",
        "Attributes": {"SentTimestamp": "1700000000000", "DeadLetterQueueSourceArn": work},
    }
    stub.add_response("receive_message", {"Messages": [message]}, request)
    stub.add_response(
        "get_queue_url", {"QueueUrl": "https://work"}, {"QueueName": "work", "QueueOwnerAWSAccountId": "1"}
    )
    stub.add_response("send_message", {"MessageId": "m"}, {"QueueUrl": "https://work", "MessageBody": LETTER.body})
    stub.add_response("delete_message", {}, {"QueueUrl": QUEUE.url, "ReceiptHandle": "r"})
    with stub:
        assert redriving.redrive(target, QUEUE) == [Returned("training", LETTER.about, work)]
    stub.assert_no_pending_responses()


@pytest.fixture
def platform(target: FakeTarget, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Returned]]:
    """One message waits; yields what is put back."""
    done: list[Returned] = []

    def redrive(_target: Target, queue: Queue) -> list[Returned]:
        done.append(Returned(queue.name, LETTER.about, f"{FUNCTION}one"))
        return done

    monkeypatch.setattr(operate, "find_target", lambda **_: target)
    monkeypatch.setattr(dead_letters, "queues", lambda _target, _only: [QUEUE])
    monkeypatch.setattr(dead_letters, "look", lambda _target, _queue: [LETTER])
    monkeypatch.setattr(redriving, "redrive", redrive)
    yield done


def test_redrive_shows_what_waits_and_asks(platform: list[Returned]) -> None:
    refused = CliRunner().invoke(app, ["redrive"], input="n\n")
    assert refused.exit_code == 1
    assert refused.stdout.splitlines()[:2] == [
        "training: 1 waiting, the oldest for 3 h",
        "  Object Created a_model/run=aa/manifest.json: no reason",
    ]
    assert platform == []
    agreed = CliRunner().invoke(app, ["redrive"], input="y\n")
    assert agreed.exit_code == 0
    assert "1 of 1 went back." in agreed.stdout
    assert len(platform) == 1


def test_a_list_leaves_everything(platform: list[Returned]) -> None:
    shown = CliRunner().invoke(app, ["redrive", "--list", "--json"])
    (queue,) = json.loads(shown.stdout)["queues"]
    assert (queue["queue"], queue["waiting"], queue["oldest"]) == ("training", 1, LETTER.sent.isoformat())
    assert queue["messages"][0]["about"] == LETTER.about
    assert json.loads(shown.stdout)["redriven"] == []
    assert platform == []


def line(source: str, seconds: int, message: dict[str, Any] | str) -> Line:
    text = message if isinstance(message, str) else json.dumps(message)
    return Line(NOW + timedelta(seconds=seconds), source, f"/group/{source}", "stream", text)


LINES = [
    line("StartEtl", 0, {"level": "INFO", "message": "Workflow started", "logger": "start_etl", "run_id": "aa"}),
    line("Train", 5, {"level": "INFO", "event": "trained", "run_id": "aa", "rounds": 7}),
    line("Train", 6, "[25]\tvalidation-rmse:0.5"),
]


@pytest.fixture
def growing(target: FakeTarget, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], int]]:
    """A log that has one line more at each look, of a run that ends with the last; yields the number of looks."""
    looks: list[int] = []

    class Reader:
        def __init__(self, *_: Any, **__: Any) -> None: ...

        def read(self, _run_id: str) -> Any:
            looks.append(1)
            return run_in("live" if len(looks) >= len(LINES) else "training")

    monkeypatch.setattr(operate, "find_target", lambda **_: target)
    monkeypatch.setattr(runs, "find_run", lambda *_, **__: run_in("training"))
    monkeypatch.setattr(operate, "function_logs", lambda _target: {})
    monkeypatch.setattr(operate, "run_lines", lambda *_, **__: LINES[: len(looks)])
    monkeypatch.setattr(operate, "RunReader", Reader)
    monkeypatch.setattr(operate.time, "sleep", lambda _: None)
    monkeypatch.setattr(FakeTarget, "place", None)
    yield lambda: len(looks)


def test_logs_follow_a_run_to_its_end_and_show_each_line_once(growing: Callable[[], int]) -> None:
    shown = CliRunner().invoke(app, ["logs", "aa", "--follow", "--json"])
    assert shown.exit_code == 0, shown.output
    lines = [json.loads(text) for text in shown.stdout.splitlines()]
    assert [item["source"] for item in lines] == ["start_etl", "Train", "Train"]
    assert [item["record"].get("event") for item in lines] == [None, "trained", None]
    assert growing() == len(LINES) + 1, "once more after the end"


def test_logs_are_shown_with_time_source_and_facts(growing: Callable[[], int]) -> None:
    shown = CliRunner().invoke(app, ["logs", "aa", "--follow"])
    first, second, third = shown.stdout.splitlines()
    assert first.split() == [f"{LINES[0].at.astimezone():%H:%M:%S.%f}"[:-3], "start_etl", "Workflow", "started"]
    assert second.split()[1:] == ["Train", "trained", "rounds=7"]
    assert third.split()[1:] == ["Train", "[25]", "validation-rmse:0.5"]


@pytest.fixture
def requested(target: FakeTarget, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Two lines of a request; holds what was asked for."""
    asked: list[dict[str, Any]] = []

    def request_lines(_place: Any, request_id: str, **options: Any) -> list[Line]:
        asked.append({"request_id": request_id, **options})
        failed = {"event": "Prediction failed", "instance": 3, "traceback": "File a\n  in b"}
        return (
            [line("Predict", 1, {"message": "Model failed"}), line("Endpoint", 2, failed)] if "-" in request_id else []
        )

    monkeypatch.setattr(operate, "find_target", lambda **_: target)
    monkeypatch.setattr(operate, "function_logs", lambda _target, answering: {"Predict": "/p"} if answering else {})
    monkeypatch.setattr(operate, "request_lines", request_lines)
    monkeypatch.setattr(FakeTarget, "place", None)
    return asked


def test_a_request_is_shown_with_its_record_and_its_traceback(requested: list[dict[str, Any]]) -> None:
    shown = CliRunner().invoke(app, ["logs", "--request", "a-1"])
    assert shown.exit_code == 0, shown.output
    first, second, third = shown.stdout.splitlines()
    assert first.split()[1:] == ["Predict", "Model", "failed"]
    assert second.split()[1:] == ["Endpoint", "Prediction", "failed", "instance=3", "traceback=File", "a"]
    assert third == " " * operate.TEXT_COLUMN + "  in b"
    assert requested == [{"request_id": "a-1", "functions": {"Predict": "/p"}, "everything": False}]
    document = json.loads(CliRunner().invoke(app, ["logs", "--request", "a-1", "--json"]).stdout)
    assert [item["record"].get("instance") for item in document["lines"]] == [None, 3]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "Name a run, or a request with --request."),
        (["aa", "--request", "a-1"], "Name a run, or a request with --request."),
        (["--request", "a-1", "--follow"], "there is nothing to follow"),
        (["--request", 'a" "b'], "is no request id"),
        (["--request", "unknown"], "No log of dev names the request unknown."),
    ],
)
def test_what_cannot_be_shown_of_a_request_is_said(
    requested: list[dict[str, Any]], arguments: list[str], told: str
) -> None:
    shown = CliRunner().invoke(app, ["logs", *arguments])
    assert shown.exit_code == 1
    assert told in " ".join(shown.output.split())
