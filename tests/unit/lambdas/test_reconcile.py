"""reconcile: what an event that was lost should have started is started once, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.stub import ANY, Stubber
from moto import mock_aws

from contract import batch_folder, batch_id
from tests.unit.lambdas.loading import load_function
from tests.unit.lambdas.test_start_etl import ENVIRONMENT
from tracking.receipts import keep_receipt

MODEL = "california_housing"
RESOURCE = "mlops-dev-california-housing"
RUN = "0123456789abcdef"
MANIFEST = f"{MODEL}/run={RUN}/manifest.json"
KEY = f"{MODEL}/2026/housing (1).csv"
NOW = datetime.now(UTC)
BUCKETS = ("raw", "processed", "artifact")


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    with mock_aws():
        loaded = load_function(
            "reconcile",
            {
                "RESOURCE_PREFIX": "mlops-dev-",
                "STAGE": "dev",
                **{f"{name.upper()}_BUCKET": name for name in BUCKETS},
                "WORKFLOW": "mlops-dev-etl",
                "UPLOAD_QUEUE_URL": "uploads",
                "BATCH_QUEUE_URL": "batches",
                "START_TRAINING": "start-training",
                "FINISH_BATCH": "finish-batch",
                "LATE_SECONDS": "600",
            },
        )
        for name in BUCKETS:
            location = {"LocationConstraint": "eu-west-1"}
            loaded.clients.s3.create_bucket(Bucket=name, CreateBucketConfiguration=location)
        versioning = {"Status": "Enabled"}
        loaded.clients.s3.put_bucket_versioning(Bucket="raw", VersioningConfiguration=versioning)
        loaded.queues = {
            name: loaded.clients.sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("uploads", "batches")
        }
        settings = loaded.settings.SETTINGS
        object.__setattr__(settings, "upload_queue", loaded.queues["uploads"])
        object.__setattr__(settings, "batch_queue", loaded.queues["batches"])
        yield loaded


def put(function: SimpleNamespace, key: str = KEY, body: bytes = b"a,b\n1,2\n") -> str:
    """The id of the version."""
    return str(function.clients.s3.put_object(Bucket="raw", Key=key, Body=body)["VersionId"])


def uploads(function: SimpleNamespace, minutes: float = 11) -> int:
    """A look as it is so many minutes from now, which checks what came since a minute ago."""
    progress = function.progress.Progress({"uploads": (NOW - timedelta(minutes=1)).isoformat()})
    until = datetime.now(UTC) + timedelta(minutes=minutes - 10)
    return int(function.uploads.look(progress, until, function.handler.CONTRACTS)[1])


def sent(function: SimpleNamespace, queue: str = "uploads") -> list[dict[str, Any]]:
    answer = function.clients.sqs.receive_message(QueueUrl=function.queues[queue], MaxNumberOfMessages=10)
    return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


def test_an_upload_without_an_event_goes_to_the_queue_as_s3_would_have_told_of_it(function: SimpleNamespace) -> None:
    version = put(function)
    assert uploads(function) == 1
    (event,) = sent(function)
    described = function.clients.s3.head_object(Bucket="raw", Key=KEY)
    assert event["time"] == described["LastModified"].strftime("%Y-%m-%dT%H:%M:%SZ")
    etag = described["ETag"].strip('"')
    assert event["detail"] == {
        "bucket": {"name": "raw"},
        "object": {"key": KEY, "size": 8, "etag": etag, "version-id": version},
    }
    start = load_function("start_etl", ENVIRONMENT)
    upload = start.logic.upload_of(json.dumps(event))
    assert (upload.model, upload.key, upload.version, upload.etag) == (MODEL, KEY, version, etag)


def test_an_upload_whose_event_arrived_is_left_alone_whatever_became_of_it(function: SimpleNamespace) -> None:
    version = put(function)
    keep_receipt(function.clients.s3, "processed", key=KEY, version=version)
    assert uploads(function) == 0
    assert sent(function) == []


def test_each_version_of_a_file_has_an_event_of_its_own(function: SimpleNamespace) -> None:
    first, second = put(function, body=b"1"), put(function, body=b"2")
    keep_receipt(function.clients.s3, "processed", key=KEY, version=second)
    assert uploads(function) == 1
    assert [event["detail"]["object"]["version-id"] for event in sent(function)] == [first]


def test_an_event_that_may_still_come_is_waited_for(function: SimpleNamespace) -> None:
    put(function)
    assert uploads(function, minutes=9) == 0


def test_what_no_event_would_have_started_is_left_alone(function: SimpleNamespace) -> None:
    for key in (f"{MODEL}/2026/", "nobody/houses.csv", "houses.csv", "batch/houses.csv", "batch/nobody/houses.csv"):
        put(function, key)
    version = put(function)
    keep_receipt(function.clients.s3, "processed", key=KEY, version=version)
    function.clients.s3.delete_object(Bucket="raw", Key=KEY)
    assert uploads(function) == 0


def test_a_file_to_predict_goes_to_the_queue_of_batches_unless_its_batch_is_there(function: SimpleNamespace) -> None:
    lost, known = f"batch/{MODEL}/lost.csv", f"batch/{MODEL}/known.csv"
    put(function, lost)
    folder = batch_folder(MODEL, batch_id(MODEL, known, put(function, known)))
    function.clients.s3.put_object(Bucket="artifact", Key=f"{folder}/result.json", Body=b"{}")
    assert uploads(function) == 1
    assert [event["detail"]["object"]["key"] for event in sent(function, "batches")] == [lost]
    assert sent(function) == []


def test_a_long_listing_is_gone_through_by_several_looks_and_each_file_once(
    function: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [f"{MODEL}/{number}.csv" for number in range(7)]
    for key in keys:
        put(function, key)
    listing = function.clients.s3.list_object_versions
    monkeypatch.setattr(function.clients.s3, "list_object_versions", lambda **asked: listing(**asked, MaxKeys=2))
    monkeypatch.setattr(function.uploads, "PAGES", 1)
    progress = function.progress.Progress({"uploads": (NOW - timedelta(minutes=1)).isoformat()})
    began = datetime.now(UTC) + timedelta(minutes=1)
    counts = []
    for minutes in range(4):
        until = began + timedelta(minutes=10 * minutes)
        progress, started = function.uploads.look(progress, until, function.handler.CONTRACTS)
        counts.append(started)
    assert counts == [2, 2, 2, 1]
    assert sorted(event["detail"]["object"]["key"] for event in sent(function)) == keys
    # All of them were looked at as of the beginning: what came later is for the next time.
    assert progress == function.progress.Progress({"uploads": began.isoformat()})


def workflow(status: str = "COMPLETED", **changed: Any) -> dict[str, Any]:
    properties = {"model": MODEL, "run_id": RUN, **changed.pop("properties", {})}
    return {
        "Name": "mlops-dev-etl",
        "WorkflowRunId": "wr_1",
        "WorkflowRunProperties": properties,
        "StartedOn": NOW - timedelta(minutes=1),
        "CompletedOn": NOW,
        "Status": status,
        **changed,
    }


def datasets(function: SimpleNamespace, *runs: dict[str, Any], executions: list[str] | None = None) -> int:
    """`executions`: names of the pipeline executions since; None where nobody asks for them."""
    after = (NOW - timedelta(minutes=5)).isoformat()
    progress = function.progress.Progress({"data sets": after})
    with Stubber(function.clients.glue) as glue, Stubber(function.clients.sagemaker) as sagemaker:
        glue.add_response("get_workflow_runs", {"Runs": list(runs)}, {"Name": "mlops-dev-etl", "MaxResults": 1000})
        if executions is not None:
            listed = [{"PipelineExecutionDisplayName": name} for name in executions]
            asked = {"PipelineName": RESOURCE, "CreatedAfter": runs[0]["StartedOn"]}
            sagemaker.add_response("list_pipeline_executions", {"PipelineExecutionSummaries": listed}, asked)
        until = NOW + timedelta(minutes=1)
        progress, started = function.datasets.look(progress, until, function.handler.CONTRACTS)
        glue.assert_no_pending_responses()
        sagemaker.assert_no_pending_responses()
    assert progress.checked["data sets"] == until.isoformat()
    return int(started)


def test_a_data_set_that_nobody_trains_on_is_trained_on_as_its_manifest_would_have_made_it(
    function: SimpleNamespace,
) -> None:
    function.clients.s3.put_object(Bucket="processed", Key=MANIFEST, Body=b"{}")
    with Stubber(function.clients.functions) as functions:
        request = {"FunctionName": "start-training", "InvocationType": "Event", "Payload": ANY}
        functions.add_response("invoke", {"StatusCode": 202}, request)
        with payloads(function) as invoked:
            assert datasets(function, workflow(), executions=["run-ffffffffffffffff"]) == 1
    environment = {"PROCESSED_BUCKET": "processed", "ARTIFACT_BUCKET": "artifact", "CODE_COMMIT": "abc"}
    environment |= {"CODE_URIS": "", "WAITING_QUEUE_URL": "waiting"}
    training = load_function("start_training", {"RESOURCE_PREFIX": "mlops-dev-", **environment})
    request_of = training.logic.request_of
    wanted = request_of({"detail-type": "Object Created", "detail": {"object": {"key": MANIFEST}}})
    assert [request_of(event) for event in invoked] == [wanted]


def test_a_data_set_that_is_trained_on_is_left_alone(function: SimpleNamespace) -> None:
    function.clients.s3.put_object(Bucket="processed", Key=MANIFEST, Body=b"{}")
    assert datasets(function, workflow(), executions=[f"run-{RUN}"]) == 0


@pytest.mark.parametrize(
    "run",
    [
        workflow("RUNNING", CompletedOn=None),
        workflow(CompletedOn=NOW - timedelta(hours=1)),
        workflow(CompletedOn=NOW + timedelta(minutes=2)),
        workflow(properties={"model": "nobody"}),
        workflow(StartedOn=NOW + timedelta(hours=1)),  # the manifest is that of an earlier run
    ],
    ids=["runs", "checked before", "may still come", "of nobody", "older manifest"],
)
def test_a_data_set_is_looked_for_once_when_its_event_is_late(function: SimpleNamespace, run: dict[str, Any]) -> None:
    function.clients.s3.put_object(Bucket="processed", Key=MANIFEST, Body=b"{}")
    run = {name: value for name, value in run.items() if value is not None}
    assert datasets(function, run) == 0


def test_a_run_that_was_refused_or_failed_has_no_data_set_to_train_on(function: SimpleNamespace) -> None:
    function.clients.s3.put_object(Bucket="processed", Key=f"{MODEL}/run={RUN}/refused.json", Body=b"{}")
    assert datasets(function, workflow()) == 0


NOTHING_RAN = dict.fromkeys(("TotalActions", "SucceededActions", "FailedActions", "RunningActions"), 0)
UPLOAD = {
    "bucket": "raw",
    "key": KEY,
    "version": "v1",
    "etag": "e",
    "size": "8",
    "uploaded_at": "2026-01-02T03:04:05Z",
    "sequencer": "0055AED6DCD90281E5",
}


def test_a_workflow_run_whose_job_never_ran_has_its_upload_wait_once_more(function: SimpleNamespace) -> None:
    empty = workflow(properties=UPLOAD, Statistics=NOTHING_RAN)
    assert datasets(function, empty) == 1
    (event,) = sent(function)
    start = load_function("start_etl", ENVIRONMENT)
    assert start.logic.upload_of(json.dumps(event)).properties == {"model": MODEL, **UPLOAD}
    # What comes to nothing again is not started for ever.
    assert datasets(function, empty, {**empty, "WorkflowRunId": "wr_0"}) == 0
    assert sent(function) == []


@pytest.mark.parametrize(
    "run",
    [
        workflow(properties=UPLOAD, Statistics={**NOTHING_RAN, "FailedActions": 1}),
        workflow(properties=UPLOAD, Statistics={**NOTHING_RAN, "SucceededActions": 1}),
        workflow("STOPPED", properties=UPLOAD, Statistics=NOTHING_RAN),
        workflow("RUNNING", properties=UPLOAD, Statistics=NOTHING_RAN, CompletedOn=NOW + timedelta(hours=1)),
    ],
    ids=["failed", "refused or withdrawn", "stopped by hand", "runs"],
)
def test_what_ended_by_itself_or_by_hand_does_not_run_again(function: SimpleNamespace, run: dict[str, Any]) -> None:
    assert datasets(function, run) == 0
    assert sent(function) == []


def batches(function: SimpleNamespace, *jobs: tuple[str, datetime | None]) -> int:
    """`jobs`: names with their ends."""
    progress = function.progress.Progress({"batches": (NOW - timedelta(minutes=5)).isoformat()})
    contracts = {MODEL: function.handler.CONTRACTS[MODEL]}
    with Stubber(function.clients.sagemaker) as sagemaker:
        summaries = [
            {
                "TransformJobName": name,
                "TransformJobArn": f"arn:aws:sagemaker:eu-west-1:1:transform-job/{name}",
                "CreationTime": NOW,
                "TransformJobStatus": "Completed" if ended else "InProgress",
                **({"TransformEndTime": ended} if ended else {}),
            }
            for name, ended in jobs
        ]
        asked = {"NameContains": f"{RESOURCE}-", "LastModifiedTimeAfter": ANY}
        sagemaker.add_response("list_transform_jobs", {"TransformJobSummaries": summaries}, asked)
        return int(function.batches.look(progress, NOW + timedelta(minutes=1), contracts)[1])


def test_a_batch_that_ended_without_an_event_is_recorded(function: SimpleNamespace) -> None:
    for identity, names in (("a" * 11, ["request"]), ("b" * 11, ["request", "result"]), ("c" * 11, ["request"])):
        for name in names:
            key = f"{batch_folder(MODEL, identity)}/{name}.json"
            function.clients.s3.put_object(Bucket="artifact", Key=key, Body=b"{}")
    with Stubber(function.clients.functions) as functions:
        payload = json.dumps({"detail": {"TransformJobName": f"{RESOURCE}-{'a' * 11}"}}).encode()
        request = {"FunctionName": "finish-batch", "InvocationType": "Event", "Payload": payload}
        functions.add_response("invoke", {"StatusCode": 202}, request)
        found = batches(
            function,
            (f"{RESOURCE}-{'a' * 11}", NOW),
            (f"{RESOURCE}-{'b' * 11}", NOW),
            (f"{RESOURCE}-{'c' * 11}", None),
            (f"{RESOURCE}-of-another-model-{'d' * 11}", NOW),
            (f"{RESOURCE}-{'c' * 11}", NOW - timedelta(hours=1)),
        )
    assert found == 1


class payloads:  # noqa: N801  (a context manager used like a function)
    """What functions are invoked with, while their client is stubbed."""

    def __init__(self, function: SimpleNamespace) -> None:
        self._functions, self._seen = function.clients.functions, []

    def __enter__(self) -> list[dict[str, Any]]:
        events = self._functions.meta.events
        events.register("provide-client-params.lambda.Invoke", self._keep, unique_id="payloads")
        return self._seen

    def _keep(self, params: dict[str, Any], **_: Any) -> None:
        self._seen.append(json.loads(params["Payload"]))

    def __exit__(self, *_: object) -> None:
        self._functions.meta.events.unregister("provide-client-params.lambda.Invoke", unique_id="payloads")


@pytest.fixture
def nothing_else(function: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the looks, that at the uploads alone asks AWS."""
    quiet = {name: lambda progress, until, _: (progress, 0) for name in ("data sets", "batches")}
    monkeypatch.setattr(function.handler, "LOOKS", {**function.handler.LOOKS, **quiet})


def test_the_first_look_takes_nothing_of_what_was_there_before(function: SimpleNamespace, nothing_else: None) -> None:
    put(function)
    assert function.handler.handler({}, None) == {"uploads": 0, "data sets": 0, "batches": 0}
    progress = function.progress.read(function.clients.s3, "processed")
    checked = datetime.fromisoformat(progress.checked["uploads"])
    assert timedelta(minutes=10) <= datetime.now(UTC) - checked < timedelta(minutes=11)


def test_the_first_look_reads_nothing_that_is_not_there(
    function: SimpleNamespace, nothing_else: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its role may list below some keys alone: to such a role S3 says of a missing object that it may not be read."""
    monkeypatch.setattr(function.clients.s3, "get_object", lambda **_: pytest.fail("403"))
    function.handler.handler({}, None)


def test_what_was_started_is_counted_once_and_not_started_again(
    function: SimpleNamespace, nothing_else: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    object.__setattr__(function.settings.SETTINGS, "late", timedelta(seconds=-2))
    put(function)
    progress = function.progress.Progress({"uploads": (NOW - timedelta(minutes=1)).isoformat()})
    function.progress.write(function.clients.s3, "processed", progress)
    with Stubber(function.clients.cloudwatch) as cloudwatch:
        dimensions = [{"Name": "Stage", "Value": "dev"}]
        metric = {"MetricName": "LostEvents", "Dimensions": dimensions, "Value": 1.0, "Unit": "Count"}
        cloudwatch.add_response("put_metric_data", {}, {"Namespace": "mlops/dev", "MetricData": [metric]})
        assert function.handler.handler({}, None)["uploads"] == 1
        assert function.handler.handler({}, None)["uploads"] == 0
    assert len(sent(function)) == 1


def test_a_look_that_fails_keeps_no_other_from_its_end_and_is_made_again(
    function: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (NOW - timedelta(hours=1)).isoformat()
    names = ("uploads", "data sets", "batches")
    function.progress.write(function.clients.s3, "processed", function.progress.Progress(dict.fromkeys(names, before)))
    with Stubber(function.clients.glue) as glue, Stubber(function.clients.sagemaker) as sagemaker:
        glue.add_client_error("get_workflow_runs", "ThrottlingException")
        for _ in function.handler.CONTRACTS:
            sagemaker.add_response("list_transform_jobs", {"TransformJobSummaries": []})
        with pytest.raises(function.clients.glue.exceptions.ClientError, match="ThrottlingException"):
            function.handler.handler({}, None)
    checked = function.progress.read(function.clients.s3, "processed").checked
    assert checked["data sets"] == before
    assert min(checked["uploads"], checked["batches"]) > before
