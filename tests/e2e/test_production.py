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

from cli import local, registry, teardown
from cli.errors import CliError
from tests.e2e.conftest import MODEL, QUIET, Platform
from tests.e2e.light import write_model
from tests.e2e.versions import answering, copy_of, version, wait_for, wait_until_answering, wait_until_live
from tracking.hosting import SHARED
from tracking.versions import versions

Rows = Callable[..., Path]

# Two instances serve: a canary is at most half of a fleet.
CHANGES = {
    r'mode = "serverless"': 'mode = "realtime"\nmin_instances = 2\nmax_instances = 4',
    r"instance_count = 1": "instance_count = 2",
}
# Two more that share an endpoint, with what the first one learnt.
NORTH, SOUTH = "homes_north", "homes_south"
SHARING = {**CHANGES, r"\[serving\]": '[serving]\nhosting = "multi-model"'}


@pytest.fixture(scope="module")
def prod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    models = tmp_path_factory.mktemp("models")
    write_model(models, changes=CHANGES)
    for name in (NORTH, SOUTH):
        write_model(models, name, changes=SHARING)
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
def traffic(platform: Platform, model: str = MODEL) -> Iterator[Counter[str]]:
    """Requests of the REST API, one after another, for the time of the block; counts answers by version or error."""
    answers: Counter[str] = Counter()
    done = threading.Event()

    def ask() -> None:
        # Slower than the 50 requests a second that the environment's usage plan allows.
        while not done.wait(0.03):
            try:
                answers[answering(platform, model)] += 1
            except CliError as error:
                answers[str(error).partition(":")[0]] += 1

    client = threading.Thread(target=ask)
    client.start()
    try:
        yield answers
    finally:
        done.set()
        client.join()


def wait_until_calm(platform: Platform, seconds: float = 30) -> None:
    """Until the alarms that roll back are over: an update that begins before it would be rolled back at once."""
    deadline = time.monotonic() + seconds
    while platform.target.client("cloudwatch").describe_alarms(StateValue="ALARM")["MetricAlarms"]:
        assert time.monotonic() < deadline, "an alarm stays on"
        time.sleep(0.2)


def wait_until_answered(answers: Counter[str], number: int, seconds: float = 30) -> None:
    """By one of the requests of `traffic`."""
    deadline = time.monotonic() + seconds
    while str(number) not in answers:
        assert time.monotonic() < deadline, f"nobody was answered from version {number}, but so: {answers}"
        time.sleep(0.05)


def changed(platform: Platform, artifact: str, file: str, change: Callable[[bytes], bytes]) -> str:
    """A copy of the artifact in which one file is another; returns its URI."""
    s3 = platform.target.client("s3")
    bucket, _, key = artifact.removeprefix("s3://").partition("/")
    packed = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    made = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(packed)) as old, tarfile.open(fileobj=made, mode="w:gz") as new:
        for member in old.getmembers():
            opened = old.extractfile(member)
            content = opened.read() if opened else b""
            if member.name.endswith(file):
                content = change(content)
            member.size = len(content)
            new.addfile(member, io.BytesIO(content) if opened else None)
    key = f"{MODEL}/models/changed/{file}.tar.gz"
    s3.put_object(Bucket=bucket, Key=key, Body=made.getvalue())
    return f"s3://{bucket}/{key}"


def out_of_order(code: bytes) -> bytes:
    """Code that loads, passes its ping, and fails on every request."""
    return code + b"\ndef predict_fn(data, model):\n    raise RuntimeError('out of order')\n"


def test_a_version_waits_for_a_person_and_then_serves_from_scaled_instances(prod: Platform, rows_file: Rows) -> None:
    run = prod.run(rows_file(seed=401, rows=3000))
    assert (run.state, run.model_version) == ("waiting", 1), run.reason
    with pytest.raises(CliError, match="no version of california_housing is live"):
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
    artifact = changed(prod, version(prod, 1).artifact, "code/inference.py", out_of_order)
    bad = copy_of(prod, 1, ModelDataUrl=artifact)
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


def test_models_share_an_endpoint_that_the_first_approval_makes(prod: Platform) -> None:
    for model in (NORTH, SOUTH):
        assert copy_of(prod, 1, model=model) == 1
        registry.approve(prod.target, version(prod, 1, model), reason="small and seldom asked")
    for model in (NORTH, SOUTH):
        deployed = wait_for(prod, 1, "deployed", "failed", model=model)
        assert (deployed.live, deployed.metadata["deployment_state"]) == (True, "deployed")
        assert "golden rows predict as when the model was evaluated" in deployed.metadata["deployment_reason"]
        assert answering(prod, model) == "1"
    names = {item["EndpointName"] for item in prod.target.client("sagemaker").list_endpoints()["Endpoints"]}
    assert names == {prod.target.resource_name(MODEL), prod.target.resource_name(SHARED)}
    targets = prod.target.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")
    assert {item["ResourceId"].split("/")[1] for item in targets["ScalableTargets"]} == names


def test_a_shared_version_that_fails_on_golden_rows_is_never_asked(prod: Platform) -> None:
    artifact = version(prod, 1).artifact
    cut = changed(prod, artifact, "model.ubj", lambda content: content[:1000])
    bad = copy_of(prod, 1, model=NORTH, ModelDataUrl=cut)
    with traffic(prod, NORTH) as answers:
        registry.approve(prod.target, version(prod, bad, NORTH), reason="looks fine")
        refused = wait_for(prod, bad, "failed", "deployed", model=NORTH)
    assert refused.metadata["deployment_state"] == "failed"
    assert "The model fails on golden rows" in refused.description
    gone = copy_of(prod, 1, model=NORTH, ModelDataUrl=artifact.replace("model.tar.gz", "nothing.tar.gz"))
    registry.approve(prod.target, version(prod, gone, NORTH), reason="looks fine")
    assert "nothing.tar.gz is gone" in wait_for(prod, gone, "failed", "deployed", model=NORTH).description
    assert set(answers) == {"1"}


def test_a_shared_version_takes_over_and_is_rolled_back_without_an_error(prod: Platform) -> None:
    good = copy_of(prod, 1, model=NORTH)
    with traffic(prod, NORTH) as answers:
        registry.approve(prod.target, version(prod, good, NORTH), reason="better")
        assert wait_for(prod, good, "failed", "deployed", model=NORTH).live
        wait_until_answered(answers, good)
        registry.rollback(prod.target, NORTH, number=None, reason="rehearsal")
        wait_until_live(prod, 1, NORTH)
        wait_until_answering(prod, 1, NORTH)
    assert set(answers) == {"1", str(good)}
    assert answering(prod, SOUTH) == "1"


def test_what_prod_keeps(prod: Platform) -> None:
    """Endpoints and scaling go; data, registry and the versions in it stay."""
    assert prod.here.cloud.calls()["denied"] == []
    with pytest.raises(CliError, match="protected against deletion: mlops-prod-recovery, mlops-prod-batch, "):
        teardown.check_unprotected(prod.target)
    for stack in teardown.ORDER:
        prod.target.client("cloudformation").update_termination_protection(
            StackName=f"{prod.target.prefix}{stack}", EnableTerminationProtection=False
        )
    teardown.check_unprotected(prod.target)
    found = {thing.kind for thing in teardown.inventory(prod.target, protected=True) if not thing.kept}
    assert {"scalable target", "endpoint", "endpoint configuration", "model"} <= found
    assert "model version" not in found
    registered = [item.arn for item in versions(prod.target.place, MODEL)]
    kept = {thing.kind for thing in teardown.destroy(prod.target, protected=True, on_step=lambda _: None)}
    assert {"retained AWS::S3::Bucket", "retained AWS::SageMaker::ModelPackageGroup"} <= kept
    left = teardown.inventory(prod.target, protected=True)
    assert all(thing.kept for thing in left)
    assert set(registered) <= {thing.name for thing in left}
