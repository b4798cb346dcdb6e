"""Runs that wait in a dead letter queue: found by their id, told, and put back by `mlops retry`."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.response import StreamingBody

from cli import dead_letters, given_up, redrive, runs
from cli.dead_letters import Letter, Queue
from cli.redrive import Returned
from cli.upload import run_id_of
from tests.unit.cli.test_commands import run_in

MODEL = "california_housing"
BODY = b"longitude,latitude"
MD5 = hashlib.md5(BODY).hexdigest()
NAMES = {"ContractHashes": json.dumps({MODEL: "c0ffee"}), "EtlCodeHash": "c0de"}
UPLOADS = Queue("upload", "https://uploads", "arn:aws:sqs:eu-west-1:1:uploads-dead", waiting=1)
TRAINING = replace(UPLOADS, name="training", url="https://training")
SERVING = replace(UPLOADS, name="serving", url="https://serving")


def client(_service: str) -> SimpleNamespace:
    body = StreamingBody(io.BytesIO(BODY), len(BODY))
    return SimpleNamespace(get_object=lambda **_: {"Body": body})


TARGET: Any = SimpleNamespace(
    models=[MODEL], output=NAMES.__getitem__, client=client, resource_name=lambda model: f"mlops-dev-{model}"
)
RUN_ID = run_id_of(TARGET, model=MODEL, content=MD5, size=len(BODY))
SOURCE = "arn:aws:sqs:eu-west-1:1:uploads"


def letter(detail: dict[str, Any], source: str = SOURCE) -> Letter:
    body = json.dumps({"detail-type": "Object Created", "detail": detail})
    return Letter(body=body, receipt="r", sent=datetime.now(UTC), source=source, facts={})


def uploaded(etag: str = MD5, key: str = f"{MODEL}/a.csv") -> Letter:
    thing = {"key": key, "etag": etag, "size": len(BODY), "version-id": "v1"}
    return letter({"bucket": {"name": "raw"}, "object": thing})


def prepared(run_id: str = RUN_ID) -> Letter:
    return letter({"object": {"key": f"{MODEL}/run={run_id}/manifest.json"}})


@pytest.fixture
def letters(monkeypatch: pytest.MonkeyPatch) -> dict[Queue, list[Letter]]:
    """What each queue holds; to be filled by the test."""
    held = dict[Queue, list[Letter]]()
    monkeypatch.setattr(dead_letters, "queues", lambda _target: list(held))
    monkeypatch.setattr(dead_letters, "look", lambda _target, queue: held[queue])
    return held


@pytest.mark.parametrize("etag", [MD5, f'"{MD5}"', "0123456789abcdef0123456789abcdef-2"])
def test_an_upload_that_was_given_up_is_found_by_its_run(letters: dict[Queue, list[Letter]], etag: str) -> None:
    letters[UPLOADS] = [uploaded("f" * 32, f"{MODEL}/other.csv"), uploaded(etag)]
    run = given_up.unknown(TARGET, RUN_ID, model=None)
    assert run is not None
    assert (run.model, run.state, run.file) == (MODEL, "failed", f"{MODEL}/a.csv")
    assert "dead letters of upload" in run.reason
    assert run.reason.endswith(f"mlops retry {RUN_ID}")


def test_a_run_of_another_model_or_of_nobody_is_not_found(letters: dict[Queue, list[Letter]]) -> None:
    letters[UPLOADS] = [letter({}), Letter("no json", "r", datetime.now(UTC), "", {}), uploaded(key="gone/a.csv")]
    assert given_up.unknown(TARGET, RUN_ID, model=None) is None
    letters[UPLOADS] = [uploaded()]
    assert given_up.unknown(TARGET, RUN_ID, model="churn") is None


@pytest.mark.parametrize("asked", [prepared(), letter({"model": MODEL, "run_id": RUN_ID})], ids=["manifest", "asked"])
def test_a_training_that_was_given_up_has_failed(letters: dict[Queue, list[Letter]], asked: Letter) -> None:
    letters[TRAINING] = [prepared("0" * 16), asked]
    run = given_up.seen(TARGET, replace(run_in("training"), run_id=RUN_ID, model=MODEL))
    assert (run.state, run.final) == ("failed", True)
    assert "dead letters of training" in run.reason


def test_a_deployment_that_was_given_up_has_failed(letters: dict[Queue, list[Letter]]) -> None:
    arn = f"arn:aws:sagemaker:eu-west-1:1:model-package/mlops-dev-{MODEL}"
    letters[SERVING] = [letter({"ModelPackageArn": f"{arn}/7"})]
    deploying = replace(run_in("deploying"), run_id=RUN_ID, model=MODEL, model_version=7)
    assert given_up.seen(TARGET, deploying).state == "failed"
    assert given_up.seen(TARGET, replace(deploying, model_version=17)).state == "deploying"


@pytest.mark.parametrize("state", ["live", "refused", "queued", "etl"])
def test_what_is_done_or_goes_on_is_not_looked_up(state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(given_up, "find", lambda *_, **__: pytest.fail("looked up"))
    assert given_up.seen(TARGET, run_in(state)).state == state


def test_retry_puts_the_letters_of_the_run_back_and_no_others(
    letters: dict[Queue, list[Letter]], monkeypatch: pytest.MonkeyPatch
) -> None:
    letters[UPLOADS] = [uploaded("f" * 32), uploaded()]
    sent = list[Letter]()
    monkeypatch.setattr(redrive, "received", lambda _target, queue, limit: [letters[queue][: limit + 1]])
    monkeypatch.setattr(redrive, "_send", lambda _target, to, item: sent.append(item))
    monkeypatch.setattr(redrive, "release", lambda _target, _queue, kept: letters.update({UPLOADS: kept}))
    run = given_up.unknown(TARGET, RUN_ID, model=None)
    assert run is not None
    target: Any = SimpleNamespace(
        **{**vars(TARGET), "client": lambda _service: SimpleNamespace(delete_message=lambda **_: None)}
    )
    assert runs.retry(target, run) == ""
    assert [item.body for item in sent] == [uploaded().body]
    assert [item.body for item in letters[UPLOADS]] == [uploaded("f" * 32).body]


def test_what_nobody_knows_the_way_of_is_not_put_back(
    letters: dict[Queue, list[Letter]], monkeypatch: pytest.MonkeyPatch
) -> None:
    letters[UPLOADS] = [uploaded()]
    stays = [Returned("upload", "Object Created", "", "Neither SQS nor EventBridge nor Lambda put it there.")]
    monkeypatch.setattr(redrive, "redrive", lambda *_: stays)
    assert given_up.put_back(TARGET, replace(run_in("failed"), run_id=RUN_ID, model=MODEL)) is False
