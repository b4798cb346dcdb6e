"""Another ETL of a run: what is withdrawn, what is announced, and what is said when the file is gone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from cli import etl
from cli.errors import CliError
from cli.etl import run_etl_again
from cli.upload import run_id_of
from tests.unit.cli.test_commands import MODEL, run_in
from tracking.run import Run

KEY, BODY = f"{MODEL}/odd name+%20é🙂.csv", b"a,b\n1,2\n"
ETAG = hashlib.md5(BODY).hexdigest()


class Target:
    """Two buckets and a queue. `code`: the hash of the ETL's code that is deployed."""

    event_source = "mlops.dev"

    def __init__(self) -> None:
        self.code = "c"
        self.clients = {name: boto3.client(name, region_name="us-east-1") for name in ("s3", "sqs")}
        for bucket in ("raw", "processed"):
            self.clients["s3"].create_bucket(Bucket=bucket)
            versioned = {"Status": "Enabled"}
            self.clients["s3"].put_bucket_versioning(Bucket=bucket, VersioningConfiguration=versioned)
        self.queue = self.clients["sqs"].create_queue(QueueName="upload")["QueueUrl"]
        self.place = SimpleNamespace(processed_bucket="processed", client=self.client)

    def client(self, service: str) -> Any:
        return self.clients[service]

    def output(self, name: str) -> str:
        hashes = json.dumps({MODEL: "contract"})
        return {"UploadQueueUrl": self.queue, "ContractHashes": hashes, "EtlCodeHash": self.code}[name]

    def put(self, bucket: str, key: str, body: bytes) -> str:
        return str(self.clients["s3"].put_object(Bucket=bucket, Key=key, Body=body)["VersionId"])

    def has(self, key: str) -> bool:
        return bool(self.clients["s3"].list_objects_v2(Bucket="processed", Prefix=key)["KeyCount"])

    def told(self) -> list[Any]:
        messages = self.clients["sqs"].receive_message(QueueUrl=self.queue).get("Messages", [])
        return [json.loads(message["Body"]) for message in messages]


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    reader = SimpleNamespace(read=lambda run_id: replace(run_in("uploaded"), run_id=run_id))
    monkeypatch.setattr(etl, "RunReader", lambda *_, **__: reader)
    with mock_aws():
        yield Target()


def ended(target: Any, **changes: Any) -> Run:
    """A run of BODY, with its data set."""
    version = target.put("raw", KEY, BODY)
    source = {"bucket": "raw", "key": KEY, "version": version, "etag": ETAG, "size": len(BODY), **changes}
    run_id = run_id_of(target, model=MODEL, content=ETAG, size=len(BODY))
    target.put("processed", f"{MODEL}/run={run_id}/manifest.json", b"{}")
    return replace(run_in("failed"), run_id=run_id, source=source)


def test_the_data_set_is_withdrawn_and_the_upload_announced_as_s3_did(target: Any) -> None:
    run = ended(target)
    assert run_etl_again(target, run).run_id == run.run_id
    assert not target.has(f"{MODEL}/run={run.run_id}/manifest.json")
    (event,) = target.told()
    head = target.client("s3").head_object(Bucket="raw", Key=KEY)
    assert event["detail-type"] == "Object Created"
    assert datetime.fromisoformat(event["time"]) == head["LastModified"].astimezone(UTC)
    told = {"key": KEY, "version-id": head["VersionId"], "etag": ETAG, "size": len(BODY), "sequencer": ""}
    assert event["detail"] == {"bucket": {"name": "raw"}, "object": told}


def test_by_another_code_it_is_another_run_and_the_data_set_stays(target: Any) -> None:
    run = ended(target)
    target.code = "newer"
    assert run_etl_again(target, run).run_id not in ("", run.run_id)
    assert target.has(f"{MODEL}/run={run.run_id}/manifest.json")
    assert len(target.told()) == 1


def test_a_file_that_is_gone_is_said_and_nothing_is_withdrawn(target: Any) -> None:
    run = ended(target)
    target.client("s3").delete_object(Bucket="raw", Key=KEY, VersionId=run.source["version"])  # type: ignore[index]
    with pytest.raises(CliError) as told:
        run_etl_again(target, run)
    assert told.value.message == f"The file {KEY} of run {run.run_id} is gone from the raw bucket."
    assert told.value.hint == (
        f"Upload it again: mlops upload 'odd name+%20é🙂.csv'. Then: mlops retry {run.run_id} --from etl"
    )
    assert target.has(f"{MODEL}/run={run.run_id}/manifest.json")
    assert target.told() == []


def test_the_same_bytes_that_were_uploaded_again_are_taken(target: Any) -> None:
    run = ended(target)
    target.client("s3").delete_object(Bucket="raw", Key=KEY, VersionId=run.source["version"])  # type: ignore[index]
    target.put("raw", KEY, b"other,bytes\n")
    again = target.put("raw", KEY, BODY)
    target.put("raw", KEY, b"later,bytes\n")
    run_etl_again(target, run)
    (event,) = target.told()
    assert event["detail"]["object"]["version-id"] == again


def test_without_other_traces_the_claim_says_which_file_it_was(target: Any) -> None:
    run = ended(target)
    claim = json.dumps({**(run.source or {}), "model": MODEL, "run_id": run.run_id}).encode()
    lost = replace(run, source=None)
    with pytest.raises(CliError, match=f"Nothing says which file run {run.run_id} was made of"):
        run_etl_again(target, lost)
    target.put("processed", f"{MODEL}/run={run.run_id}/claim.json", claim)
    run_etl_again(target, lost)
    assert len(target.told()) == 1
