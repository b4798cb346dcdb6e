"""The prod environment: a person approves, instances serve, a canary goes first. The tests build on each other."""

from __future__ import annotations

import io
import json
import tarfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cli import local, registry
from cli.errors import CliError
from stacks.bundles import MODELS
from tests.e2e.conftest import MODEL, QUIET, Platform
from tests.e2e.versions import answering, copy_of, version, wait_for

Rows = Callable[..., Path]

# A small model, which two instances serve: a canary is at most half of a fleet.
CHANGES = {
    "rounds = 600": "rounds = 60",
    "eta = 0.05": "eta = 0.3",
    "max = 60000.0": "max = 100000.0",
    'mode = "serverless"': 'mode = "realtime"\nmin_instances = 2\nmax_instances = 4',
    "instance_count = 1": "instance_count = 2",
}


def write_model(folder: Path, name: str, **changes: str) -> None:
    text = (MODELS / MODEL / "model.toml").read_text()
    for old, new in {**CHANGES, **changes}.items():
        assert old in text
        text = text.replace(old, new, 1)
    (folder / name).mkdir()
    (folder / name / "model.toml").write_text(text)


@pytest.fixture(scope="module")
def prod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    models = tmp_path_factory.mktemp("models")
    write_model(models, MODEL)
    with local.deployed(stage="prod", console=QUIET, watch=local.Stopwatch(), models=models) as here:
        yield Platform(here)


@pytest.fixture(scope="module")
def alerts(prod: Platform) -> Callable[[], list[dict[str, Any]]]:
    """What the people who subscribed to the topic were told since the last call."""
    sqs, topic = prod.target.client("sqs"), prod.target.output("AlertsTopicArn")
    queue = sqs.create_queue(QueueName="subscriber")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    prod.target.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def read() -> list[dict[str, Any]]:
        messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
        for message in messages:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in messages]

    return read


@contextmanager
def traffic(platform: Platform) -> Iterator[Counter[str]]:
    """Requests of the REST API, one after another, for the time of the block; counts answers by version or error."""
    answers: Counter[str] = Counter()
    done = threading.Event()

    def ask() -> None:
        # Slower than the 50 requests a second that the environment's usage plan allows.
        while not done.wait(0.03):
            try:
                answers[answering(platform)] += 1
            except CliError as error:
                answers[str(error).partition(":")[0]] += 1

    client = threading.Thread(target=ask)
    client.start()
    try:
        yield answers
    finally:
        done.set()
        client.join()


def wait_until_calm(platform: Platform, seconds: float = 10) -> None:
    """Until the alarms that roll back are over: an update that begins before it would be rolled back at once."""
    deadline = time.monotonic() + seconds
    while platform.target.client("cloudwatch").describe_alarms(StateValue="ALARM")["MetricAlarms"]:
        assert time.monotonic() < deadline, "an alarm stays on"
        time.sleep(0.2)


def broken(platform: Platform, artifact: str) -> str:
    """A copy of the artifact that loads, passes its ping, and fails on every request; returns its URI."""
    s3 = platform.target.client("s3")
    bucket, _, key = artifact.removeprefix("s3://").partition("/")
    packed = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    made = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(packed)) as old, tarfile.open(fileobj=made, mode="w:gz") as new:
        for member in old.getmembers():
            file = old.extractfile(member)
            content = file.read() if file else b""
            if member.name.endswith("code/inference.py"):
                content += b"\ndef predict_fn(data, model):\n    raise RuntimeError('out of order')\n"
            member.size = len(content)
            new.addfile(member, io.BytesIO(content) if file else None)
    s3.put_object(Bucket=bucket, Key=f"{MODEL}/models/broken/model.tar.gz", Body=made.getvalue())
    return f"s3://{bucket}/{MODEL}/models/broken/model.tar.gz"


def test_a_version_waits_for_a_person_and_then_serves_from_scaled_instances(prod: Platform, rows_file: Rows) -> None:
    run = prod.run(rows_file(seed=401, rows=3000))
    assert (run.state, run.model_version) == ("waiting", 1), run.reason
    with pytest.raises(CliError, match="no model is live yet"):
        answering(prod)
    registry.approve(prod.target, version(prod, 1), reason="the first")
    assert wait_for(prod, 1, "deployed").live
    assert answering(prod) == "1"
    scaling = prod.target.client("application-autoscaling")
    (found,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert found["ResourceId"] == f"endpoint/{prod.target.resource_name(MODEL)}/variant/AllTraffic"
    assert (found["MinCapacity"], found["MaxCapacity"]) == (2, 4)
    (policy,) = scaling.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 6000.0


def test_a_version_that_fails_in_the_canary_is_rolled_back_and_told(
    prod: Platform, alerts: Callable[[], list[dict[str, Any]]]
) -> None:
    bad = copy_of(prod, 1, ModelDataUrl=broken(prod, version(prod, 1).artifact))
    with traffic(prod) as answers:
        registry.approve(prod.target, version(prod, bad), reason="looks fine")
        refused = wait_for(prod, bad, "rolled_back", "failed", "deployed")
    assert refused.metadata["deployment_state"] == "rolled_back"
    assert refused.approval == "Rejected"
    assert f"{prod.target.resource_name(MODEL)}-5xx" in refused.description
    assert (refused.live, version(prod, 1).live) == (False, True)
    assert answering(prod) == "1"
    # A fifth of the requests at most met the bad version, until the alarm went off.
    assert 0 < answers["The REST API refused the request (502)"] <= answers["1"] / 3
    told = {item["Subject"]: item["Message"] for item in alerts()}
    reason = json.loads(told[f"{MODEL} version {bad}: rolled_back"])["reason"]
    assert reason.startswith("One or more alarms")


def test_a_good_version_passes_the_canary(prod: Platform) -> None:
    wait_until_calm(prod)
    good = copy_of(prod, 1)
    with traffic(prod) as answers:
        registry.approve(prod.target, version(prod, good), reason="better")
        assert wait_for(prod, good, "rolled_back", "failed", "deployed").metadata["deployment_state"] == "deployed"
    assert set(answers) == {"1", str(good)}
    assert answering(prod) == str(good)
