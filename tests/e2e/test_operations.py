"""Running the platform: each alarm fires when its cause happens, what was given up goes back, a run's log is one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cli import dead_letters, runs
from cli.dead_letters import Letter, Queue
from cli.errors import CliError
from cli.function_logs import function_logs
from cli.redrive import redrive
from tests.e2e.alarms import fired, wait_until, wait_until_fired
from tests.e2e.conftest import MODEL, Platform
from tests.e2e.test_grants import Grant, without
from tracking.logs import run_lines
from tracking.runs import RunReader

Rows = Callable[..., Path]


@pytest.fixture(scope="module")
def notices(platform: Platform) -> str:
    """URL of a queue that hears the topic of the alarms, as a person's mailbox would."""
    sqs, topic = platform.target.client("sqs"), platform.target.output("AlertsTopicArn")
    url: str = sqs.create_queue(QueueName="mailbox")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allowed = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [{**allowed, "Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    platform.target.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    return url


def heard(platform: Platform, url: str, name: str) -> dict[str, Any]:
    """The message that an alarm sent to people."""
    sqs, deadline = platform.target.client("sqs"), time.monotonic() + 20
    while time.monotonic() < deadline:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            notice: dict[str, Any] = json.loads(json.loads(message["Body"])["Message"])
            if notice.get("AlarmName") == f"mlops-dev-{name}":
                return notice
        time.sleep(0.1)
    raise AssertionError(f"nobody heard of {name}")


@contextmanager
def fires(platform: Platform, name: str) -> Iterator[None]:
    """The alarm goes off because of what happens in the block."""
    wait_until(platform, name, "OK")
    before = fired(platform, name)
    yield
    wait_until_fired(platform, name, before)


def letters(platform: Platform, name: str, *, seconds: float = 90) -> tuple[Queue, list[Letter]]:
    """A dead letter queue with what is in it, once there is something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        (queue,) = dead_letters.queues(platform.target, name)
        if queue.waiting and (found := dead_letters.look(platform.target, queue)):
            return queue, found
        time.sleep(0.2)
    raise AssertionError(f"nothing came to {name}")


def test_a_refused_file_is_told_and_is_no_failure_of_the_etl(platform: Platform, notices: str, tmp_path: Path) -> None:
    (tmp_path / "nothing.csv").write_bytes(b"")
    failures = fired(platform, "etl-failures")
    with fires(platform, "refused-files"):
        assert platform.run(tmp_path / "nothing.csv").state == "refused"
    assert "docs/runbooks/refused-files.md" in heard(platform, notices, "refused-files")["AlarmDescription"]
    kept = platform.target.client("logs").filter_log_events(logGroupName="/aws/events/mlops-dev-alerts")["events"]
    assert any("/refused.json" in event["message"] for event in kept)
    assert fired(platform, "etl-failures") == failures


def test_a_crash_of_the_etl_is_told_and_is_no_refusal(platform: Platform, rows_file: Rows) -> None:
    wait_until(platform, "refused-files", "OK")
    refused = fired(platform, "refused-files")
    with (
        fires(platform, "etl-failures"),
        without(platform, Grant("PreProcessingRole", "s3:PutObject", "processed")),
    ):
        assert platform.run(rows_file(seed=401)).state == "failed"
    assert fired(platform, "refused-files") == refused


@pytest.fixture(scope="module")
def stopped(platform: Platform, housing: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run whose training could not start. EventBridge invokes the function; Lambda gives up after three attempts."""
    path = tmp_path_factory.mktemp("stopped") / "stopped.csv"
    path.write_text("\n".join(housing.read_text().splitlines()[:6001]) + "\n")
    with (
        without(platform, Grant("StartTrainingRole", "sagemaker:StartPipelineExecution", "pipeline")),
        fires(platform, "start-training-errors"),
        fires(platform, "training-dlq"),
    ):
        run_id = platform.upload(path)
        letters(platform, "training")
    return run_id


def test_a_training_that_could_not_start_is_told_and_goes_on_after_a_redrive(platform: Platform, stopped: str) -> None:
    queue, (letter,) = letters(platform, "training")
    assert letter.about == f"Object Created {MODEL}/run={stopped}/manifest.json"
    assert "sagemaker:StartPipelineExecution" in letter.reason
    assert f"run-{stopped}" not in platform.executions()
    (returned,) = redrive(platform.target, queue)
    assert ":function:mlops-dev-training-StartTraining" in returned.to
    run = platform.follow(stopped)
    assert run.state == "live", run.reason
    wait_until(platform, "training-dlq", "OK")


def test_a_runs_log_goes_from_its_upload_to_its_deployment(platform: Platform, stopped: str) -> None:
    """Of the run before, with what went wrong on its way."""
    run, groups = RunReader(platform.target.place, model=MODEL).read(stopped), function_logs(platform.target)
    lines = run_lines(platform.target.place, run, functions=groups)
    assert lines == sorted(lines)
    assert all(stopped in line.message for line in lines)
    told = [(line.source, line.record.get("event") or line.record.get("message")) for line in lines]
    wanted = [
        ("StartEtl", "Upload waits"),
        ("DispatchEtl", "Workflow started"),
        ("mlops-dev-pre-processing", "finished"),
        *[("StartTraining", "Failed")] * 3,
        ("StartTraining", "Training started"),
        ("Prepare", "prepared"),
        ("Train", "trained"),
        ("Evaluate", "evaluated"),
        ("DeployModel", "Deployment started"),
        ("VerificationVerifyDeployment", "Deployment recorded"),
    ]
    assert [item for item in told if item in wanted] == wanted
    # Lambda's own report of an exception quotes the key of the manifest, and carries no ids.
    assert {line.record.get("run_id") for line in lines if "stackTrace" not in line.record} == {stopped}
    more = run_lines(platform.target.place, run, functions=groups, everything=True)
    assert set(lines) < set(more)
    assert any("validation-rmse" in line.message for line in more)


def test_an_upload_that_was_given_up_is_told_and_goes_on_by_a_retry(platform: Platform, tmp_path: Path) -> None:
    """The queue hands it out five times, three minutes apart."""
    (tmp_path / "late.csv").write_text("longitude\n-122.2\n")
    with (
        without(platform, Grant("StartEtlRole", "s3:PutObject", "processed")),
        fires(platform, "upload-dlq"),
    ):
        run_id = platform.upload(tmp_path / "late.csv")
        _, (letter,) = letters(platform, "upload", seconds=60)
    assert letter.source.rsplit(":", 1)[1].startswith("mlops-dev-etl-UploadQueue")
    given_up = runs.find_run(platform.target, model=None, run_id=run_id)
    assert (given_up.state, given_up.file) == ("failed", f"{MODEL}/late.csv")
    assert given_up.reason.endswith(f"mlops retry {run_id}")
    with pytest.raises(CliError, match=r"no dead letter queue 'nothing' in dev\. Queues: batch, dispatch, "):
        dead_letters.queues(platform.target, "nothing")
    assert runs.retry(platform.target, given_up) == ""
    assert platform.follow(run_id).state == "refused"
    assert dead_letters.queues(platform.target, "upload")[0].waiting == 0


def test_what_nobody_knows_the_way_of_stays(platform: Platform) -> None:
    (queue,) = dead_letters.queues(platform.target, "serving")
    sqs = platform.target.client("sqs")
    with fires(platform, "serving-dlq"):
        sqs.send_message(QueueUrl=queue.url, MessageBody="by hand")
        queue, _ = letters(platform, "serving")
    (left,) = redrive(platform.target, queue)
    assert (left.about, left.to, left.why) == (
        "a message",
        "",
        "Neither SQS nor EventBridge nor Lambda put it there.",
    )
    _, (still,) = letters(platform, "serving")
    assert still.body == "by hand"
    sqs.purge_queue(QueueUrl=queue.url)


def test_alarms_are_over_when_their_cause_is(platform: Platform) -> None:
    found = platform.target.client("cloudwatch").describe_alarms(AlarmNamePrefix="mlops-dev-")["MetricAlarms"]
    assert len(found) > 20
    for alarm in found:
        wait_until(platform, alarm["AlarmName"].removeprefix("mlops-dev-"), "OK")
