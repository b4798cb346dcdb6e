"""start_training: one pipeline execution for a data set and attempt, with the champion that it is judged by."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from botocore.stub import Stubber

from tests.unit.lambdas.code import DIGEST, expect_code
from tests.unit.lambdas.loading import load_function
from tracking.code import ChangedCodeError

RUN_ID = "0123456789abcdef"
GROUP = "mlops-dev-california-housing"
KEY = f"california_housing/run={RUN_ID}/manifest.json"
ARN = f"arn:aws:sagemaker:eu-west-1:111122223333:pipeline/{GROUP}/execution/abc"
PACKAGE = f"arn:aws:sagemaker:eu-west-1:111122223333:model-package/{GROUP}/3"
CHAMPION = {
    "model_version": 3,
    "model_package_arn": PACKAGE,
    "run_id": "f" * 16,
    "contract_hash": "c" * 64,
    "model_data_url": "s3://artifact/california_housing/models/job/output/model.tar.gz",
    "artifact_version": "v3",
}


@pytest.fixture
def function() -> SimpleNamespace:
    environment = {"PROCESSED_BUCKET": "processed", "ARTIFACT_BUCKET": "artifact", "CODE_COMMIT": "abc123"}
    environment["CODE_URIS"] = f"s3://assets/{DIGEST}.zip s3://assets/{DIGEST}.gz"
    environment["WAITING_QUEUE_URL"] = "https://waiting"
    return load_function("start_training", {"RESOURCE_PREFIX": "mlops-dev-", **environment})


@pytest.fixture
def s3(function: SimpleNamespace) -> Iterator[Stubber]:
    with Stubber(function.handler.s3) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def sagemaker(function: SimpleNamespace) -> Iterator[Stubber]:
    with Stubber(function.handler.sagemaker) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def created(key: str = KEY) -> dict[str, Any]:
    return {"detail-type": "Object Created", "detail": {"bucket": {"name": "processed"}, "object": {"key": key}}}


def requested(**changed: object) -> dict[str, Any]:
    detail = {"model": "california_housing", "run_id": RUN_ID, "attempt": "again-2", **changed}
    return {"detail-type": "Training Requested", "detail": detail}


MANIFEST = {"model": "california_housing", "run_id": RUN_ID, "rows": {"train": 13}}
# Of the attempt that the data set starts.
FIRST = hashlib.sha256(json.dumps(MANIFEST).encode()).hexdigest()[:16]


def body_of(document: object) -> StreamingBody:
    body = json.dumps(document).encode()
    return StreamingBody(io.BytesIO(body), len(body))


def expect_manifest(s3: Stubber, **changed: object) -> None:
    manifest = {**MANIFEST, **changed}
    s3.add_response("get_object", {"Body": body_of(manifest)}, {"Bucket": "processed", "Key": KEY})
    if not changed:
        expect_code(s3, "zip")
        expect_code(s3, "gz")


def expect_lookup(sagemaker: Stubber, *, found: bool) -> None:
    request = {"ModelPackageGroupName": GROUP, "ModelApprovalStatus": "Approved", "SortBy": "CreationTime"}
    request["SortOrder"] = "Descending"
    created_at = {"CreationTime": datetime(2026, 1, 1, tzinfo=UTC), "ModelPackageStatus": "Completed"}
    summary = {"ModelPackageArn": PACKAGE, "ModelPackageName": f"{GROUP}/3", **created_at}
    sagemaker.add_response("list_model_packages", {"ModelPackageSummaryList": [summary] if found else []}, request)
    if found:
        package = {
            "ModelPackageName": f"{GROUP}/3",
            "ModelPackageArn": PACKAGE,
            "ModelPackageVersion": 3,
            "ModelPackageStatusDetails": {"ValidationStatuses": []},
            "CustomerMetadataProperties": {
                name: CHAMPION[name] for name in ("run_id", "contract_hash", "artifact_version")
            },
            "InferenceSpecification": {
                "Containers": [{"Image": "image", "ModelDataUrl": CHAMPION["model_data_url"]}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["application/json"],
            },
            **created_at,
        }
        sagemaker.add_response("describe_model_package", package, {"ModelPackageName": PACKAGE})


def expect_record(s3: Stubber, champion: object, *, attempt: str = FIRST, kept: object = None) -> None:
    """`kept`: the record that an earlier delivery wrote."""
    key = f"california_housing/champions/{RUN_ID}-{attempt}/champion.json"
    body = json.dumps({"version": 1, "champion": champion}).encode()
    request = {"Bucket": "artifact", "Key": key, "Body": body, "ContentType": "application/json", "IfNoneMatch": "*"}
    if kept is None:
        s3.add_response("put_object", {}, request)
        return
    s3.add_client_error("put_object", "PreconditionFailed", expected_params=request)
    s3.add_response("get_object", {"Body": body_of({"version": 1, **kept})}, {"Bucket": "artifact", "Key": key})  # type: ignore[dict-item]


def expect_look(s3: Stubber, code: str = "") -> None:
    """At the champion's artifact, by the version of it that was registered."""
    request = {"Bucket": "artifact", "Key": "california_housing/models/job/output/model.tar.gz", "VersionId": "v3"}
    if code:
        s3.add_client_error("head_object", code, expected_params=request)
    else:
        s3.add_response("head_object", {}, request)


def expect_copy(s3: Stubber, *, attempt: str = FIRST) -> None:
    request = {
        "Bucket": "artifact",
        "Key": f"california_housing/champions/{RUN_ID}-{attempt}/model.tar.gz",
        # The bytes that were registered, whatever was put in their place.
        "CopySource": {
            "Bucket": "artifact",
            "Key": "california_housing/models/job/output/model.tar.gz",
            "VersionId": "v3",
        },
        "TaggingDirective": "REPLACE",
    }
    s3.add_response("copy_object", {}, request)


def expect_start(sagemaker: Stubber, *, attempt: str = FIRST, cache: str = FIRST, **more: str) -> None:
    values = {
        "DataSetUri": f"s3://processed/california_housing/run={RUN_ID}",
        "RunId": RUN_ID,
        "ChampionUri": f"s3://artifact/california_housing/champions/{RUN_ID}-{attempt}",
        "CodeCommit": "abc123",
        **more,
        "CacheScope": cache,
    }
    request = {
        "PipelineName": GROUP,
        "PipelineExecutionDisplayName": f"run-{RUN_ID}",
        "ClientRequestToken": hashlib.sha256(f"{GROUP}\n{RUN_ID}\n{attempt}".encode()).hexdigest(),
        "PipelineParameters": [{"Name": name, "Value": value} for name, value in values.items()],
    }
    sagemaker.add_response("start_pipeline_execution", {"PipelineExecutionArn": ARN}, request)


def test_code_that_was_exchanged_starts_nothing(function: SimpleNamespace, s3: Stubber, sagemaker: Stubber) -> None:
    expect_manifest(s3, rows={"train": 14})
    expect_code(s3, "zip")
    expect_code(s3, "gz", name="exchanged.py")
    with pytest.raises(ChangedCodeError, match=rf"assets/{DIGEST}\.gz was exchanged: by its files its name would be"):
        function.handler.handler(created(), None)


def test_the_first_model_has_no_champion(function: SimpleNamespace, s3: Stubber, sagemaker: Stubber) -> None:
    expect_manifest(s3)
    expect_lookup(sagemaker, found=False)
    expect_record(s3, None)
    expect_start(sagemaker)
    assert function.handler.handler(created(), None) == {"execution": ARN}


def test_the_newest_approved_version_is_copied_for_the_run(
    function: SimpleNamespace, s3: Stubber, sagemaker: Stubber
) -> None:
    expect_manifest(s3)
    expect_lookup(sagemaker, found=True)
    expect_look(s3)
    expect_record(s3, CHAMPION)
    expect_copy(s3)
    expect_start(sagemaker, ChampionVersion="3")
    assert function.handler.handler(created(), None) == {"execution": ARN}


def test_a_second_event_keeps_the_champion_of_the_first(
    function: SimpleNamespace, s3: Stubber, sagemaker: Stubber
) -> None:
    """A version was approved between the two deliveries: the pipeline may be reading what the first one wrote."""
    expect_manifest(s3)
    expect_lookup(sagemaker, found=True)
    expect_look(s3)
    expect_record(s3, CHAMPION, kept={"champion": None})
    expect_start(sagemaker)
    assert function.handler.handler(created(), None) == {"execution": ARN}


def test_a_request_trains_again_under_its_own_token(function: SimpleNamespace, s3: Stubber, sagemaker: Stubber) -> None:
    expect_manifest(s3)
    expect_lookup(sagemaker, found=True)
    expect_look(s3)
    expect_record(s3, CHAMPION, attempt="again-2")
    expect_copy(s3, attempt="again-2")
    expect_start(sagemaker, attempt="again-2", ChampionVersion="3")
    assert function.handler.handler(requested(), None) == {"execution": ARN}


def test_an_attempt_keeps_the_time_of_the_upload(function: SimpleNamespace, s3: Stubber, sagemaker: Stubber) -> None:
    """Trained again, an older upload is older still."""
    source = {"uploaded_at": "2026-01-02T03:04:05Z", "sequencer": "0055AED6DCD90281E5"}
    expect_manifest(s3, source=source)
    expect_code(s3, "zip")
    expect_code(s3, "gz")
    expect_lookup(sagemaker, found=False)
    expect_record(s3, None, attempt="again-2")
    uploaded = {"UploadedAt": "2026-01-02T03:04:05Z", "UploadSequencer": "0055AED6DCD90281E5"}
    data_set = hashlib.sha256(json.dumps({**MANIFEST, "source": source}).encode()).hexdigest()[:16]
    expect_start(sagemaker, attempt="again-2", cache=data_set, **uploaded)
    assert function.handler.handler(requested(), None) == {"execution": ARN}


def test_a_fresh_training_takes_nothing_from_the_cache(
    function: SimpleNamespace, s3: Stubber, sagemaker: Stubber
) -> None:
    expect_manifest(s3)
    expect_lookup(sagemaker, found=False)
    expect_record(s3, None, attempt="again-2")
    expect_start(sagemaker, attempt="again-2", cache="again-2")
    assert function.handler.handler(requested(fresh=True), None) == {"execution": ARN}


def test_a_data_set_that_was_made_anew_is_trained_on_anew(
    function: SimpleNamespace, s3: Stubber, sagemaker: Stubber
) -> None:
    """By the same key: its first training would be the answer to a token of the run alone, and nothing started."""
    later = {**MANIFEST, "created_at": "2026-01-01T12:00:01+00:00"}
    s3.add_response("get_object", {"Body": body_of(later)}, {"Bucket": "processed", "Key": KEY})
    expect_code(s3, "zip")
    expect_code(s3, "gz")
    attempt = hashlib.sha256(json.dumps(later).encode()).hexdigest()[:16]
    expect_lookup(sagemaker, found=False)
    expect_record(s3, None, attempt=attempt)
    expect_start(sagemaker, attempt=attempt, cache=attempt)
    assert function.handler.handler(created(), None) == {"execution": ARN}


@pytest.mark.parametrize("code", ["404", "NoSuchVersion"])
def test_a_champion_whose_artifact_is_lost_is_recorded_as_that_and_training_starts(
    function: SimpleNamespace, s3: Stubber, sagemaker: Stubber, code: str
) -> None:
    expect_manifest(s3)
    expect_lookup(sagemaker, found=True)
    expect_look(s3, code)
    expect_record(s3, {**CHAMPION, "lost": True})
    expect_start(sagemaker, ChampionVersion="3")
    assert function.handler.handler(created(), None) == {"execution": ARN}


def test_a_champion_that_may_not_be_read_is_not_taken_for_lost(
    function: SimpleNamespace, s3: Stubber, sagemaker: Stubber
) -> None:
    expect_manifest(s3)
    expect_lookup(sagemaker, found=True)
    expect_look(s3, "403")
    with pytest.raises(ClientError, match="403"):
        function.handler.handler(created(), None)


def test_environments_that_train_on_one_file_have_tokens_of_their_own(function: SimpleNamespace) -> None:
    """SageMaker says not how far a token reaches, and the file has the same run id in each of them."""
    request = function.logic.request_of(created()).on(b"{}")
    names = ("mlops-dev-california-housing", "mlops-prod-california-housing")
    assert len({request.token(name) for name in names}) == 2
    assert request.token(names[0]) == request.token(names[0])


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"attempt": "../x"}, "attempt"),
        ({"attempt": ""}, "attempt"),
        ({"run_id": "x"}, "run_id"),
        ({"fresh": "yes"}, "fresh"),
        ({"model": "A", "run_id": None}, "model, run_id"),
    ],
)
def test_a_request_that_names_no_run_is_refused(
    function: SimpleNamespace, s3: Stubber, sagemaker: Stubber, changed: dict[str, object], named: str
) -> None:
    with pytest.raises(function.logic.InvalidRequestError, match=f"Requested: {named} is missing or malformed"):
        function.handler.handler(requested(**changed), None)


@pytest.mark.parametrize(
    "key",
    [
        f"california_housing/run={RUN_ID}/source/manifest.json",
        "california_housing/manifest.json",
        "california_housing/run=UPPER/manifest.json",
        f"../run={RUN_ID}/manifest.json",
    ],
)
def test_other_objects_start_nothing(function: SimpleNamespace, s3: Stubber, sagemaker: Stubber, key: str) -> None:
    assert function.handler.handler(created(key), None) == {"execution": None}


def test_manifest_of_another_run_is_refused(function: SimpleNamespace, s3: Stubber, sagemaker: Stubber) -> None:
    expect_manifest(s3, run_id="fedcba9876543210")
    with pytest.raises(function.handler.ManifestMismatchError, match="run fedcba9876543210"):
        function.handler.handler(created(), None)


def test_refusal_of_aws_is_raised_for_the_retry(function: SimpleNamespace, s3: Stubber, sagemaker: Stubber) -> None:
    expect_manifest(s3)
    expect_lookup(sagemaker, found=False)
    expect_record(s3, None)
    sagemaker.add_client_error("start_pipeline_execution", "ThrottlingException")
    with pytest.raises(ClientError, match="ThrottlingException"):
        function.handler.handler(created(), None)


def test_a_champion_that_cannot_be_recorded_starts_nothing(
    function: SimpleNamespace, s3: Stubber, sagemaker: Stubber
) -> None:
    expect_manifest(s3)
    expect_lookup(sagemaker, found=False)
    s3.add_client_error("put_object", "SlowDown")
    with pytest.raises(ClientError, match="SlowDown"):
        function.handler.handler(created(), None)


def test_a_full_account_is_waited_for_and_no_failure(
    function: SimpleNamespace, s3: Stubber, sagemaker: Stubber, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often: the event goes to a queue, comes back from it as a message, and starts the pipeline at last."""
    sent = list[dict[str, Any]]()
    monkeypatch.setattr(function.handler, "sqs", SimpleNamespace(send_message=lambda **message: sent.append(message)))
    event = created()
    for _ in range(3):
        expect_manifest(s3)
        expect_lookup(sagemaker, found=False)
        expect_record(s3, None)
        sagemaker.add_client_error("start_pipeline_execution", "ResourceLimitExceeded", "as many as you may")
        assert function.handler.handler(event, None) == {"execution": None}
        message = sent.pop()
        assert (message["QueueUrl"], message["DelaySeconds"]) == ("https://waiting", 300)
        assert json.loads(message["MessageBody"]) == created()
        event = {"Records": [{"body": message["MessageBody"]}]}
    expect_manifest(s3)
    expect_lookup(sagemaker, found=False)
    expect_record(s3, None)
    expect_start(sagemaker)
    assert function.handler.handler(event, None) == {"execution": ARN}
    assert sent == []
