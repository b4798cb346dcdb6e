"""start_etl: each upload starts one workflow run, whatever is delivered twice, late or after a failure."""

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
from tests.unit.lambdas.loading import ROOT, load_function

BUCKET = "processed"
KEY = "california_housing/2024/housing (1).csv"
ETAG = "d41d8cd98f00b204e9800998ecf8427e"
WORKFLOW_RUN = "wr_0123456789abcdef"


@pytest.fixture
def function() -> Iterator[SimpleNamespace]:
    environment = {"WORKFLOW_NAME": "mlops-dev-etl", "PROCESSED_BUCKET": BUCKET, "ETL_CODE_HASH": "c0de"}
    with mock_aws():
        function = load_function("start_etl", environment)
        location = {"LocationConstraint": "eu-west-1"}
        function.handler.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
        yield function


@pytest.fixture
def glue(function: SimpleNamespace) -> Iterator[Stubber]:
    with Stubber(function.handler.glue) as stubber:
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
            "object": {"key": key, "size": size, "etag": etag, "version-id": version},
        },
    }


def batch(*events: object) -> dict[str, Any]:
    bodies = [event if isinstance(event, str) else json.dumps(event) for event in events]
    return {"Records": [{"messageId": f"m{position}", "body": body} for position, body in enumerate(bodies)]}


def run_id(*, size: int = 1_423_529, etag: str = ETAG) -> str:
    contract = load_all(ROOT / "models")["california_housing"]
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
    wanted = run_id(size=len(LONG), etag=hashlib.md5(LONG).hexdigest())
    changed = {"version": described["version-id"], "etag": described["etag"], "size": str(len(LONG))}
    glue.add_response(
        "start_workflow_run",
        {"RunId": WORKFLOW_RUN},
        {"Name": "mlops-dev-etl", "RunProperties": properties(run_id=wanted, **changed)},
    )
    assert function.handler.handler(batch(event), None) == {"batchItemFailures": []}


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


def properties(**changed: str) -> dict[str, str]:
    return {
        "model": "california_housing",
        "bucket": "raw",
        "key": KEY,
        "version": "v1",
        "etag": ETAG,
        "size": "1423529",
        "uploaded_at": "2026-01-02T03:04:05Z",
        "run_id": run_id(),
        **changed,
    }


def expect_start(glue: Stubber, run: str = WORKFLOW_RUN, **changed: str) -> None:
    request = {"Name": "mlops-dev-etl", "RunProperties": properties(**changed)}
    glue.add_response("start_workflow_run", {"RunId": run}, request)


def expect_status(glue: Stubber, status: str) -> None:
    request = {"Name": "mlops-dev-etl", "RunId": WORKFLOW_RUN}
    glue.add_response("get_workflow_run", {"Run": {"Status": status}}, request)


def expect_runs(glue: Stubber, *runs: tuple[str, str, str]) -> None:
    """Workflow runs by id, run id and status, one a page."""
    for position, (workflow_run, owner, status) in enumerate(runs or (("wr_other", "other", "RUNNING"),)):
        run = {"WorkflowRunId": workflow_run, "WorkflowRunProperties": {"run_id": owner}, "Status": status}
        request = {"Name": "mlops-dev-etl", **({"NextToken": str(position)} if position else {})}
        more = {"NextToken": str(position + 1)} if position + 1 < len(runs) else {}
        glue.add_response("get_workflow_runs", {"Runs": [run], **more}, request)


def claim_of(function: SimpleNamespace) -> dict[str, Any]:
    key = f"california_housing/run={run_id()}/claim.json"
    return json.loads(function.handler.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())


def put(function: SimpleNamespace, name: str, content: dict[str, Any]) -> None:
    key = f"california_housing/run={run_id()}/{name}"
    function.handler.s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(content).encode())


def age_claims(function: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, age: timedelta) -> None:
    """Let the function believe that so much time has passed."""

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + age

    monkeypatch.setattr(function.claims, "datetime", Later)


def test_upload_starts_the_workflow_with_its_properties(function: SimpleNamespace, glue: Stubber) -> None:
    expect_start(glue)
    assert function.handler.handler(batch(uploaded()), None) == {"batchItemFailures": []}
    claim = claim_of(function)
    assert claim["workflow_run"] == WORKFLOW_RUN
    assert {name: str(claim[name]) for name in properties()} == properties()


def test_etag_in_quotes_is_the_same_run(function: SimpleNamespace, glue: Stubber) -> None:
    expect_start(glue)
    function.handler.handler(batch(uploaded(etag=f'"{ETAG}"')), None)


def test_second_delivery_starts_nothing_while_the_run_is_under_way(function: SimpleNamespace, glue: Stubber) -> None:
    expect_start(glue)
    expect_status(glue, "RUNNING")
    for _ in range(2):
        assert function.handler.handler(batch(uploaded()), None) == {"batchItemFailures": []}


def test_same_file_under_another_name_starts_nothing_once_its_data_set_is_there(
    function: SimpleNamespace, glue: Stubber
) -> None:
    expect_start(glue)
    function.handler.handler(batch(uploaded()), None)
    put(function, "manifest.json", {})
    again = uploaded("california_housing/copy.csv", version="v2")
    assert function.handler.handler(batch(again), None) == {"batchItemFailures": []}


@pytest.mark.parametrize("status", ["COMPLETED", "STOPPED", "ERROR"])
def test_refused_or_failed_run_starts_again_when_the_file_is_uploaded_again(
    function: SimpleNamespace, glue: Stubber, status: str
) -> None:
    expect_start(glue)
    expect_status(glue, status)
    expect_start(glue, run="wr_second", version="v2")
    function.handler.handler(batch(uploaded()), None)
    put(function, "refused.json", {"reason": "a column is missing"})
    assert function.handler.handler(batch(uploaded(version="v2")), None) == {"batchItemFailures": []}
    assert claim_of(function)["workflow_run"] == "wr_second"


def test_run_that_glue_forgot_starts_again(function: SimpleNamespace, glue: Stubber) -> None:
    expect_start(glue)
    glue.add_client_error("get_workflow_run", "EntityNotFoundException")
    expect_start(glue)
    for _ in range(2):
        function.handler.handler(batch(uploaded()), None)


def test_full_workflow_hands_the_message_back_and_the_next_delivery_starts_it(
    function: SimpleNamespace, glue: Stubber
) -> None:
    """However soon it comes: nothing was started, so there is no lease to wait for."""
    for _ in range(2):
        glue.add_client_error("start_workflow_run", "ConcurrentRunsExceededException")
        assert function.handler.handler(batch(uploaded()), None) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    expect_start(glue)
    assert function.handler.handler(batch(uploaded()), None) == {"batchItemFailures": []}
    assert claim_of(function)["workflow_run"] == WORKFLOW_RUN
    expect_status(glue, "RUNNING")
    assert function.handler.handler(batch(uploaded()), None) == {"batchItemFailures": []}


def test_a_start_without_an_answer_keeps_its_claim(function: SimpleNamespace, glue: Stubber) -> None:
    """The run may have started."""
    glue.add_client_error("start_workflow_run", "InternalServiceException")
    for _ in range(2):
        assert function.handler.handler(batch(uploaded()), None) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}


def test_a_run_that_started_without_an_answer_is_left_alone(
    function: SimpleNamespace, glue: Stubber, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second one would delete the folder that the first one writes."""
    assert function.handler.glue.meta.config.retries["total_max_attempts"] == 1
    put(function, "claim.json", {})
    age_claims(function, monkeypatch, timedelta(seconds=178))
    expect_runs(glue, ("wr_old", run_id(), "ERROR"), ("wr_other", "other", "RUNNING"), ("wr_ours", run_id(), "RUNNING"))
    assert function.handler.handler(batch(uploaded()), None) == {"batchItemFailures": []}


def test_a_claim_whose_run_ended_or_never_was_is_taken_over(
    function: SimpleNamespace, glue: Stubber, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(function, "claim.json", {})
    age_claims(function, monkeypatch, timedelta(seconds=178))
    expect_runs(glue, ("wr_old", run_id(), "STOPPED"), ("wr_other", "other", "RUNNING"))
    expect_start(glue)
    assert function.handler.handler(batch(uploaded()), None) == {"batchItemFailures": []}
    assert claim_of(function)["workflow_run"] == WORKFLOW_RUN


def test_claim_that_is_being_started_is_left_alone_for_now(function: SimpleNamespace, glue: Stubber) -> None:
    put(function, "claim.json", {"claimed_at": datetime.now(UTC).isoformat()})
    assert function.handler.handler(batch(uploaded()), None) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}


def test_lost_race_for_an_old_claim_hands_the_message_back(
    function: SimpleNamespace, glue: Stubber, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(function, "claim.json", {})
    age_claims(function, monkeypatch, timedelta(seconds=178))
    expect_runs(glue)
    real = function.handler.s3.get_object

    def get_and_lose(**request: str) -> dict[str, Any]:
        answer = real(**request)
        put(function, "claim.json", {"claimed_by": "another delivery"})
        return answer

    monkeypatch.setattr(function.handler.s3, "get_object", get_and_lose)
    assert function.handler.handler(batch(uploaded()), None) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}


def test_one_bad_message_does_not_hold_up_the_others(function: SimpleNamespace, glue: Stubber) -> None:
    expect_start(glue)
    events = batch("not json", uploaded(), uploaded("unknown_model/a.csv"), {"detail": {"object": {}}})
    failures = [item["itemIdentifier"] for item in function.handler.handler(events, None)["batchItemFailures"]]
    assert failures == ["m0", "m2", "m3"]


def test_event_of_an_unversioned_bucket_is_refused(function: SimpleNamespace, glue: Stubber) -> None:
    event = uploaded()
    del event["detail"]["object"]["version-id"]
    assert function.handler.handler(batch(event), None) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}


def test_folder_marker_is_ignored(function: SimpleNamespace, glue: Stubber) -> None:
    assert function.handler.handler(batch(uploaded("california_housing/2024/", size=0)), None) == {
        "batchItemFailures": []
    }
    assert function.handler.s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0


def test_empty_file_starts_a_run_that_will_say_why_it_is_refused(function: SimpleNamespace, glue: Stubber) -> None:
    expect_start(glue, size="0", run_id=run_id(size=0))
    assert function.handler.handler(batch(uploaded(size=0)), None) == {"batchItemFailures": []}


@pytest.mark.parametrize("setting", ["WORKFLOW_NAME", "PROCESSED_BUCKET", "ETL_CODE_HASH"])
def test_missing_setting_fails_at_start(setting: str) -> None:
    environment = {"WORKFLOW_NAME": "w", "PROCESSED_BUCKET": "b", "ETL_CODE_HASH": "c"}
    del environment[setting]
    with pytest.raises(KeyError, match=setting):
        load_function("start_etl", environment)


@pytest.mark.parametrize(
    "name",
    ["a b.csv", "100%20+x.csv", "what?#[x].csv", "caf\u00e9 \U0001f600.csv", f"{'long/' * 175}rows.csv", "x" * 900],
)
def test_any_key_goes_its_way(function: SimpleNamespace, glue: Stubber, name: str) -> None:
    key = f"california_housing/{name}"
    expect_start(glue, key=key)
    function.handler.handler(batch(uploaded(key)), None)
