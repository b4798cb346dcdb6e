"""start_etl: each upload waits for its turn once, whatever is delivered twice, late or after a failure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.stub import Stubber
from moto import mock_aws

from contract import load_all
from tests.contracts import MODELS
from tests.unit.lambdas.loading import load_function

BUCKET = "processed"
KEY = "california_housing/2024/housing (1).csv"
ETAG = "d41d8cd98f00b204e9800998ecf8427e"
SEQUENCER = "0055AED6DCD90281E5"
WORKFLOW_RUN = "wr_0123456789abcdef"
ENVIRONMENT = {
    "WORKFLOW_NAME": "mlops-dev-etl",
    "PROCESSED_BUCKET": BUCKET,
    "ETL_CODE_HASH": "c0de",
    "LONGEST_RUN_SECONDS": "3600",
    "CONCURRENT_RUNS": "3",
    "UPLOAD_QUEUE_ARN": "arn:aws:sqs:eu-west-1:111122223333:uploads",
    "UPLOAD_DLQ_URL": "https://sqs.eu-west-1.amazonaws.com/111122223333/dead",
}


@pytest.fixture
def function() -> Iterator[SimpleNamespace]:
    with mock_aws():
        function = load_function("start_etl", ENVIRONMENT)
        location = {"LocationConstraint": "eu-west-1"}
        function.handler.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
        yield function


@pytest.fixture
def glue(function: SimpleNamespace) -> Iterator[Stubber]:
    with Stubber(function.settings.glue) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def uploaded(key: str = KEY, *, size: int = 1_423_529, etag: str = ETAG, version: str = "v1") -> dict[str, Any]:
    """The event that S3 sends through EventBridge; keys are not URL-encoded in it."""
    return {
        "version": "0",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "time": "2026-01-02T03:04:05Z",
        "detail": {
            "bucket": {"name": "raw"},
            "object": {"key": key, "size": size, "etag": etag, "version-id": version, "sequencer": SEQUENCER},
        },
    }


def batch(*events: object) -> dict[str, Any]:
    bodies = [event if isinstance(event, str) else json.dumps(event) for event in events]
    return {"Records": [{"messageId": f"m{position}", "body": body} for position, body in enumerate(bodies)]}


def run_id(*, size: int = 1_423_529, etag: str = ETAG) -> str:
    contract = load_all(MODELS)["california_housing"]
    identity = ["california_housing", etag, str(size), contract.hash, "c0de"]
    return hashlib.sha256("\n".join(identity).encode()).hexdigest()[:16]


def put_raw(function: SimpleNamespace, body: bytes, *, parts: int = 1, **settings: str) -> dict[str, Any]:
    """The event of an object that is in the raw bucket, sent at once or in parts of 5 MB."""
    s3 = function.handler.s3
    s3.create_bucket(Bucket="raw", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_versioning(Bucket="raw", VersioningConfiguration={"Status": "Enabled"})
    place = {"Bucket": "raw", "Key": KEY}
    if parts == 1:
        answer = s3.put_object(**place, Body=body, **settings)
    else:
        upload = {**place, "UploadId": s3.create_multipart_upload(**place, **settings)["UploadId"]}
        size = 5 << 20
        pieces = [body[start : start + size] for start in range(0, len(body), size)]
        done = [s3.upload_part(**upload, PartNumber=n, Body=piece)["ETag"] for n, piece in enumerate(pieces, 1)]
        listed = {"Parts": [{"PartNumber": n, "ETag": etag} for n, etag in enumerate(done, 1)]}
        answer = s3.complete_multipart_upload(**upload, MultipartUpload=listed)
    return uploaded(size=len(body), etag=answer["ETag"].strip('"'), version=answer["VersionId"])


LONG = bytes(range(256)) * (24 << 10)


@pytest.mark.parametrize("how", [{}, {"parts": 2}, {"ServerSideEncryption": "aws:kms"}], ids=["once", "parts", "kms"])
def test_the_same_bytes_are_one_run_however_they_were_sent(
    function: SimpleNamespace, glue: Stubber, how: dict[str, Any]
) -> None:
    event = put_raw(function, LONG, **how)
    described = event["detail"]["object"]
    assert ("-" in described["etag"]) == ("parts" in how)
    assert function.handler.handler(batch(event), None) == {"batchItemFailures": []}
    wanted = run_id(size=len(LONG), etag=hashlib.md5(LONG).hexdigest())
    assert [ticket.endswith(f"_{wanted}.json") for ticket in waiting(function)] == [True]


def test_a_file_in_one_part_is_not_read(function: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    event = put_raw(function, b"rows")
    upload = function.logic.upload_of(json.dumps(event))
    monkeypatch.setattr(function.handler.s3, "get_object", lambda **_: pytest.fail("read"))
    assert function.content.content_of(function.handler.s3, upload) == hashlib.md5(b"rows").hexdigest()


def test_a_version_that_is_gone_keeps_its_etag(function: SimpleNamespace) -> None:
    """The ETL job has the sentence for it."""
    event = put_raw(function, b"rows")
    upload = function.logic.upload_of(json.dumps(event))
    function.handler.s3.delete_object(Bucket="raw", Key=KEY, VersionId=upload.version)
    assert function.content.content_of(function.handler.s3, upload) == upload.etag


def facts(**changed: object) -> dict[str, Any]:
    """What a claim and a ticket say of the upload."""
    return {
        "model": "california_housing",
        "bucket": "raw",
        "key": KEY,
        "version": "v1",
        "etag": ETAG,
        "size": 1_423_529,
        "uploaded_at": "2026-01-02T03:04:05Z",
        "sequencer": SEQUENCER,
        "run_id": run_id(),
        **changed,
    }


def expect_status(glue: Stubber, status: str, *, minutes: int = 1) -> None:
    """`minutes`: how long ago the run was started."""
    request = {"Name": "mlops-dev-etl", "RunId": WORKFLOW_RUN}
    run = {"Status": status, "StartedOn": datetime.now(UTC) - timedelta(minutes=minutes)}
    glue.add_response("get_workflow_run", {"Run": run}, request)


def claim_of(function: SimpleNamespace) -> dict[str, Any]:
    key = f"california_housing/run={run_id()}/claim.json"
    return json.loads(function.handler.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())


def waiting(function: SimpleNamespace) -> list[str]:
    listed = function.handler.s3.list_objects_v2(Bucket=BUCKET, Prefix="_waiting/")
    return [item["Key"] for item in listed.get("Contents", [])]


def take_off_the_list(function: SimpleNamespace) -> None:
    for key in waiting(function):
        function.handler.s3.delete_object(Bucket=BUCKET, Key=key)


def put(function: SimpleNamespace, name: str, content: dict[str, Any]) -> None:
    key = f"california_housing/run={run_id()}/{name}"
    function.handler.s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(content).encode())


def started(function: SimpleNamespace, **upload: object) -> None:
    """What `dispatch` leaves of a file whose workflow run it started."""
    take_off_the_list(function)
    put(function, "claim.json", {**facts(**upload), "state": "started", "workflow_run": WORKFLOW_RUN})


def test_upload_waits_with_all_that_its_start_needs(function: SimpleNamespace, glue: Stubber) -> None:
    assert function.handler.handler(batch(uploaded()), None) == {"batchItemFailures": []}
    claim = claim_of(function)
    assert claim["state"] == "waiting"
    assert {name: claim[name] for name in facts()} == facts()
    [ticket] = waiting(function)
    assert ticket == f"_waiting/california_housing/2026-01-02T03:04:05Z_{SEQUENCER}00_{run_id()}.json"
    body = function.handler.s3.get_object(Bucket=BUCKET, Key=ticket)["Body"].read()
    assert json.loads(body) == facts()


def test_etag_in_quotes_is_the_same_run(function: SimpleNamespace, glue: Stubber) -> None:
    function.handler.handler(batch(uploaded(etag=f'"{ETAG}"')), None)
    assert claim_of(function)["run_id"] == run_id()


def test_the_same_bytes_wait_once_and_keep_their_place(function: SimpleNamespace, glue: Stubber) -> None:
    again = uploaded("california_housing/copy.csv", version="v2")
    again["time"] = "2026-01-02T04:00:00Z"
    for event in (uploaded(), uploaded(), again):
        assert function.handler.handler(batch(event), None) == {"batchItemFailures": []}
    [ticket] = waiting(function)
    assert "T03:04:05Z" in ticket


def test_a_delivery_that_died_before_the_ticket_is_made_up_for(function: SimpleNamespace, glue: Stubber) -> None:
    function.handler.handler(batch(uploaded()), None)
    before = waiting(function)
    take_off_the_list(function)
    function.handler.handler(batch(uploaded()), None)
    assert waiting(function) == before


def test_second_delivery_waits_for_nothing_while_the_run_is_under_way(function: SimpleNamespace, glue: Stubber) -> None:
    started(function)
    expect_status(glue, "RUNNING")
    assert function.handler.handler(batch(uploaded()), None) == {"batchItemFailures": []}
    assert waiting(function) == []


def test_same_file_under_another_name_starts_nothing_once_its_data_set_is_there(
    function: SimpleNamespace, glue: Stubber
) -> None:
    started(function)
    put(function, "manifest.json", {})
    again = uploaded("california_housing/copy.csv", version="v2")
    assert function.handler.handler(batch(again), None) == {"batchItemFailures": []}
    assert waiting(function) == []


@pytest.mark.parametrize("status", ["COMPLETED", "STOPPED", "ERROR"])
def test_refused_or_failed_run_waits_again_when_the_file_is_uploaded_again(
    function: SimpleNamespace, glue: Stubber, status: str
) -> None:
    started(function)
    put(function, "refused.json", {"reason": "a column is missing"})
    expect_status(glue, status)
    assert function.handler.handler(batch(uploaded(version="v2")), None) == {"batchItemFailures": []}
    assert (claim_of(function)["version"], claim_of(function)["state"]) == ("v2", "waiting")
    assert "workflow_run" not in claim_of(function)
    assert len(waiting(function)) == 1


@pytest.mark.parametrize("status", ["RUNNING", "STOPPING"])
def test_run_that_goes_on_for_longer_than_its_job_may_waits_again(
    function: SimpleNamespace, glue: Stubber, status: str
) -> None:
    """Glue has ended the job by then: nothing is going to follow from the run."""
    started(function)
    expect_status(glue, status, minutes=61)
    function.handler.handler(batch(uploaded()), None)
    assert len(waiting(function)) == 1


def test_run_that_glue_forgot_waits_again(function: SimpleNamespace, glue: Stubber) -> None:
    started(function)
    glue.add_client_error("get_workflow_run", "EntityNotFoundException")
    function.handler.handler(batch(uploaded()), None)
    assert len(waiting(function)) == 1


def test_what_glue_did_not_take_waits_again_when_it_is_put_back(function: SimpleNamespace, glue: Stubber) -> None:
    put(function, "claim.json", {**facts(), "state": "failed", "reason": "InvalidInputException"})
    function.handler.handler(batch(uploaded()), None)
    assert claim_of(function)["state"] == "waiting"
    assert len(waiting(function)) == 1


def test_a_superseded_file_comes_back_by_a_new_upload_and_not_by_its_old_event(
    function: SimpleNamespace, glue: Stubber
) -> None:
    put(function, "claim.json", {**facts(), "state": "superseded", "reason": "newer.csv"})
    function.handler.handler(batch(uploaded()), None)
    assert waiting(function) == []
    function.handler.handler(batch(uploaded(version="v2")), None)
    assert len(waiting(function)) == 1


def test_a_claim_of_an_earlier_release_gets_its_ticket(function: SimpleNamespace, glue: Stubber) -> None:
    """It was written before Glue was asked: `dispatch` finds out what came of that."""
    put(function, "claim.json", {"run_id": run_id(), "claimed_at": datetime.now(UTC).isoformat()})
    assert function.handler.handler(batch(uploaded()), None) == {"batchItemFailures": []}
    assert len(waiting(function)) == 1


def test_lost_race_for_an_old_claim_hands_the_message_back(
    function: SimpleNamespace, glue: Stubber, monkeypatch: pytest.MonkeyPatch
) -> None:
    started(function)
    expect_status(glue, "COMPLETED")
    real = function.handler.s3.get_object

    def get_and_lose(**request: str) -> dict[str, Any]:
        answer = real(**request)
        put(function, "claim.json", {"claimed_by": "another delivery"})
        return answer

    monkeypatch.setattr(function.handler.s3, "get_object", get_and_lose)
    assert function.handler.handler(batch(uploaded()), None) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}


def test_one_bad_message_does_not_hold_up_the_others(function: SimpleNamespace, glue: Stubber) -> None:
    events = batch("not json", uploaded(), uploaded("unknown_model/a.csv"), {"detail": {"object": {}}})
    failures = [item["itemIdentifier"] for item in function.handler.handler(events, None)["batchItemFailures"]]
    assert failures == ["m0", "m2", "m3"]
    assert len(waiting(function)) == 1


def test_event_of_an_unversioned_bucket_is_refused(function: SimpleNamespace, glue: Stubber) -> None:
    event = uploaded()
    del event["detail"]["object"]["version-id"]
    assert function.handler.handler(batch(event), None) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}


def test_folder_marker_is_ignored(function: SimpleNamespace, glue: Stubber) -> None:
    assert function.handler.handler(batch(uploaded("california_housing/2024/", size=0)), None) == {
        "batchItemFailures": []
    }
    assert function.handler.s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0


def test_empty_file_waits_for_a_run_that_will_say_why_it_is_refused(function: SimpleNamespace, glue: Stubber) -> None:
    assert function.handler.handler(batch(uploaded(size=0)), None) == {"batchItemFailures": []}
    assert waiting(function)[0].endswith(f"_{run_id(size=0)}.json")


@pytest.mark.parametrize("setting", sorted(ENVIRONMENT))
def test_missing_setting_fails_at_start(setting: str) -> None:
    environment = {name: value for name, value in ENVIRONMENT.items() if name != setting}
    with pytest.raises(KeyError, match=setting):
        load_function("start_etl", environment)


@pytest.mark.parametrize(
    "name",
    ["a b.csv", "100%20+x.csv", "what?#[x].csv", "caf\u00e9 \U0001f600.csv", f"{'long/' * 175}rows.csv", "x" * 900],
)
def test_any_key_goes_its_way(function: SimpleNamespace, glue: Stubber, name: str) -> None:
    key = f"california_housing/{name}"
    function.handler.handler(batch(uploaded(key)), None)
    assert claim_of(function)["key"] == key
    assert len(waiting(function)) == 1
