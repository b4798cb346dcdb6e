"""Every runbook is carried out, from its alarm to a healthy state, by the commands that it prints.

The tests build on each other. `-rP` shows what each command printed.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from typer.testing import CliRunner

import cli.target
from cli import api, registry
from cli.errors import CliError
from cli.function_logs import function_logs
from cli.main import app
from tests.e2e.alarms import fired, fires, letters, wait_until
from tests.e2e.conftest import MODEL, Platform
from tests.e2e.hurry import hurry
from tests.e2e.runbooks import reading, written
from tests.e2e.test_grants import Grant, without
from tests.e2e.versions import (
    answering,
    copy_of,
    version,
    wait_for,
    wait_until_answering,
    wait_until_live,
    with_code,
)
from tests.records import example
from tracking.logs import run_lines
from tracking.runs import RunReader
from tracking.states import State
from tracking.versions import versions

Rows = Callable[..., Path]
YES = "y\n"
# Marks of records that the faulty version fails on, or thinks about for longer than is called slow.
FAILS_AT, SLOW_AT = -117.625, -117.375
FAULTY = f"""

_records_as_trained = _records


def _records(data, contract):
    import time
    found = _records_as_trained(data, contract)
    for values in found:
        if values["longitude"] == {FAILS_AT}:
            raise RuntimeError(f"no tree for {{values['ocean_proximity']}} at {{values['longitude']}}")
        if values["longitude"] == {SLOW_AT}:
            time.sleep(12.5)
    return found
"""

# Predicts otherwise than when it was evaluated.
WRONG = """

_answer_as_trained = _answer


def _answer(model, value):
    return _answer_as_trained(model, 2 * value)
"""


@pytest.fixture(scope="module", autouse=True)
def running(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The command line finds the cloud as it finds one that `mlops local up` started."""
    cloud, file = platform.here.cloud, tmp_path_factory.mktemp("up") / "cloud.json"
    state = {"endpoint": cloud.endpoint, "region": cloud.region, "stage": "dev", "pid": cloud.pid}
    file.write_text(json.dumps({**state, "access_key": cloud.keys.access_key, "secret_key": cloud.keys.secret_key}))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli.target, "STATE_FILE", file)
        patch.delenv("MLOPS_ON", raising=False)
        yield


@pytest.fixture(scope="module")
def mailbox(platform: Platform) -> str:
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


def live_number(platform: Platform) -> int:
    return int(answering(platform))


def approve(platform: Platform, number: int) -> None:
    registry.approve(platform.target, version(platform, number), reason="looks fine")


def ask(platform: Platform, *longitudes: float) -> list[Any]:
    record = example(MODEL)
    records = [{**record, "longitude": longitude} for longitude in longitudes]
    found: list[Any] = api.predict(platform.target, model=MODEL, instances=records)["predictions"]
    return found


def test_every_runbook_has_its_case_here() -> None:
    cases = {name.removeprefix("test_").replace("_", "-") for name in globals() if name.startswith("test_")}
    missing = written() - cases
    assert missing == set(), "add a test of its name that makes its alarm go off and carries out what it prints"


def test_refused_files(platform: Platform, mailbox: str, rows_file: Rows, tmp_path: Path) -> None:
    (tmp_path / "nothing.csv").write_bytes(b"")
    failures = fired(platform, "etl-failures")
    with reading(platform, "refused-files") as book:
        with fires(platform, "refused-files"):
            run_id = platform.upload(tmp_path / "nothing.csv")
            assert platform.follow(run_id).state == "refused"
        assert "docs/runbooks/refused-files.md" in heard(platform, mailbox, "refused-files")["AlarmDescription"]
        kept = platform.target.client("logs").filter_log_events(logGroupName="/aws/events/mlops-dev-alerts")["events"]
        assert any("/refused.json" in event["message"] for event in kept)
        assert fired(platform, "etl-failures") == failures, "a refused file is no failure of the ETL"
        book.run("mlops runs", run_id, "refused", "empty")
        book.run("mlops runs RUN_ID", "empty", run_id=run_id)
        book.run("mlops rejects RUN_ID", run_id=run_id)
        book.run("mlops upload FILE", "live: ", file=rows_file(seed=400, rows=6000))
    wait_until(platform, "refused-files", "OK")
    wait_until_answering(platform, 1)


def test_etl_failures(platform: Platform, rows_file: Rows) -> None:
    file, refused = rows_file(seed=401, rows=6000), fired(platform, "refused-files")
    with reading(platform, "etl-failures") as book:
        with (
            fires(platform, "etl-failures"),
            without(platform, Grant("PreProcessingRole", "s3:PutObject", "processed")),
        ):
            run_id = platform.upload(file)
            assert platform.follow(run_id).state == "failed"
        assert fired(platform, "refused-files") == refused, "a crash is no refusal"
        book.run("mlops runs", run_id, "failed")
        book.run("mlops runs RUN_ID", "s3:PutObject", run_id=run_id)
        book.run("mlops logs RUN_ID --all", "Traceback", "s3:PutObject", run_id=run_id)
        book.run("aws logs tail /aws/events/mlops-ENV-alerts --since 1d", "Glue Job State Change", "FAILED", env="dev")
        book.run("mlops retry RUN_ID --from etl", "live: ", run_id=run_id)
        book.run("mlops upload FILE", run_id, "live: ", file=file)
    wait_until(platform, "etl-failures", "OK")
    wait_until_answering(platform, 2)


def test_pipeline_failures(platform: Platform, rows_file: Rows) -> None:
    with reading(platform, "pipeline-failures") as book:
        with (
            fires(platform, "pipeline-failures"),
            without(platform, Grant("TrainRoleCaliforniaHousing", "s3:GetObject", "artifact")),
        ):
            run_id = platform.upload(rows_file(seed=402, rows=6000))
            assert platform.follow(run_id).state == "failed"
        book.run("mlops runs", run_id, "failed")
        book.run("mlops runs RUN_ID", "Train", "s3:GetObject", run_id=run_id)
        book.run("mlops logs RUN_ID", "prepared", run_id=run_id)
        failed = "SageMaker Model Building Pipeline Execution Step Status Change"
        book.run("aws logs tail /aws/events/mlops-ENV-alerts --since 1d", failed, env="dev")
        book.run("mlops retry RUN_ID", "Cached", "live: ", run_id=run_id)
        wait_until_answering(platform, 3)
        book.run("mlops retry RUN_ID --from etl", run_id=run_id)
        book.run("mlops retry RUN_ID --fresh", run_id=run_id)
    wait_until(platform, "pipeline-failures", "OK")


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


def test_function_errors(platform: Platform, stopped: str) -> None:
    elsewhere = {
        "./dev demo": "it is what these tests run on",
        "./dev cdk deploy 'dev/*'": "tests/e2e/test_cdk_cli.py deploys one commit over another",
    }
    with reading(platform, "function-errors", elsewhere=elsewhere) as book:
        book.run("mlops logs RUN_ID", "StartTraining", "sagemaker:StartPipelineExecution", run_id=stopped)
        manifest = f"Object Created {MODEL}/run={stopped}/manifest.json"
        book.run("mlops redrive --list", "training: 1 waiting", manifest, "sagemaker:StartPipelineExecution")
        assert f"run-{stopped}" not in platform.executions()
        book.run("mlops redrive", "1 of 1 went back.", answer=YES)
    run = platform.follow(stopped)
    assert run.state in ("live", "unchanged"), run.reason
    for alarm in ("start-training-errors", "training-dlq"):
        wait_until(platform, alarm, "OK")


def test_a_runs_log_goes_from_its_upload_to_its_endpoint(platform: Platform, stopped: str) -> None:
    """Of the run before, with what went wrong on its way."""
    run, groups = RunReader(platform.target.place, model=MODEL).read(stopped), function_logs(platform.target)
    lines = run_lines(platform.target.place, run, functions=groups)
    assert lines == sorted(lines)
    assert all(stopped in line.message for line in lines)
    told = [(line.source, line.record.get("event") or line.record.get("message")) for line in lines]
    wanted = [
        ("StartEtl", "Upload waits"),
        ("DispatchEtl", "Workflow started"),
        *[("StartTraining", "Failed")] * 3,
        ("StartTraining", "Training started"),
        ("Prepare", "prepared"),
        ("Train", "trained"),
        ("Evaluate", "evaluated"),
        ("DeployModel", "Deployment started"),
        ("VerificationVerifyDeployment", "Deployment recorded"),
    ]
    assert [item for item in told if item in wanted] == wanted
    # The job says so when its manifest is written: what that starts may be faster. A container loads as it starts.
    assert {("mlops-dev-pre-processing", "finished"), ("Endpoint", "Model loaded")} <= set(told)
    # Lambda's own report of an exception quotes the key of the manifest, and carries no ids.
    assert {line.record.get("run_id") for line in lines if "stackTrace" not in line.record} == {stopped}
    more = run_lines(platform.target.place, run, functions=groups, everything=True)
    assert set(lines) < set(more)
    assert any("validation-rmse" in line.message for line in more)


def test_dead_letters(platform: Platform, tmp_path: Path) -> None:
    """The queue of uploads hands a message out five times, three minutes apart."""
    runs = []
    with reading(platform, "dead-letters") as book:
        with (
            without(platform, Grant("StartEtlRole", "s3:PutObject", "processed")),
            fires(platform, "upload-dlq"),
        ):
            for name in ("late", "later"):
                (tmp_path / f"{name}.csv").write_text(f"longitude\n-122.{len(name)}\n")
                runs.append(platform.upload(tmp_path / f"{name}.csv"))
            letters(platform, "upload", count=2)
        first, second = runs
        book.run("mlops redrive --list", "upload: 2 waiting", f"{MODEL}/late.csv")
        book.run("mlops runs RUN_ID", f"mlops retry {first}", run_id=first)
        book.run("mlops logs RUN_ID", "start_etl", "Upload not taken", "AccessDenied", run_id=first)
        # It is put back, and the file itself is of no use.
        book.run("mlops retry RUN_ID", "refused", run_id=first, exit_code=1)
        book.run("mlops redrive upload", "1 of 1 went back.", answer=YES)
        assert platform.follow(second).state == "refused"
        wait_until(platform, "upload-dlq", "OK")
        queue, _ = by_hand(platform)
        told = "Left in serving: a message. Neither SQS nor EventBridge nor Lambda put it there."
        book.run("mlops redrive", told, "0 of 1 went back.", answer=YES)
        _, (still,) = letters(platform, "serving")
        assert still.body == "by hand"
        platform.target.client("sqs").purge_queue(QueueUrl=queue.url)
    wait_until(platform, "serving-dlq", "OK")


def by_hand(platform: Platform) -> Any:
    """A message that nobody knows the way of."""
    (url,) = platform.target.client("sqs").list_queues(QueueNamePrefix="mlops-dev-serving-ServingDlq")["QueueUrls"]
    with fires(platform, "serving-dlq"):
        platform.target.client("sqs").send_message(QueueUrl=url, MessageBody="by hand")
        return letters(platform, "serving")


@contextmanager
def held(functions: Any, name: str) -> Iterator[None]:
    """As somebody stops a function in the console."""
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        yield
    finally:
        functions.delete_function_concurrency(FunctionName=name)


def test_function_throttles(platform: Platform) -> None:
    once = Config(retries={"total_max_attempts": 1})
    functions = platform.target.session.client("lambda", endpoint_url=platform.target.endpoint, config=once)
    (name,) = [n for key, n in platform.target.resources("AWS::Lambda::Function").items() if "Predict" in key]
    with reading(platform, "function-throttles") as book:
        with fires(platform, "predict-throttles"), held(functions, name):
            with pytest.raises(CliError, match=r"\((503|429)\)"):
                answering(platform)
            told = "somebody set its concurrency to 0"
            book.run("mlops doctor", "Nothing runs ApiFunctionsPredict", told, exit_code=1)
            book.run("mlops redrive --list", "serving: 0 waiting")
        book.run("mlops doctor", "concurrency: 1000 executions at once")
        book.run("mlops redrive")
    wait_until(platform, "predict-throttles", "OK")
    assert answering(platform)


@dataclass(frozen=True)
class Pair:
    """Versions of which one is as good as the other, but for two places: on one it fails, on the other it is slow."""

    good: int
    faulty: int


@pytest.fixture(scope="module")
def pair(platform: Platform) -> Pair:
    """The faulty one is right on its golden rows, and live."""
    live = live_number(platform)
    number = copy_of(platform, live, ModelDataUrl=with_code(platform, version(platform, live).artifact, FAULTY))
    approve(platform, number)
    wait_for(platform, number, "deployed")
    return Pair(live, number)


def test_endpoint_errors(platform: Platform, pair: Pair) -> None:
    good, faulty = pair.good, pair.faulty
    alarm, endpoint = "california-housing-5xx", platform.target.resource_name(MODEL)
    with reading(platform, "endpoint-errors") as book:
        with fires(platform, alarm), pytest.raises(CliError) as failed:
            ask(platform, -118.0, -118.5, FAILS_AT)
        told = re.search(
            r"The model failed on instance 2\. Why is in the log: mlops logs --request (\S+)$", str(failed.value)
        )
        assert told, failed.value
        book.run("mlops models", f"{faulty} ", "live")
        book.run("mlops predict", "USD")
        tail = "aws logs tail /aws/sagemaker/Endpoints/ENDPOINT --since 1h --filter-pattern '\"Prediction failed\"'"
        book.run(tail, told[1], '"instance": 2', endpoint=endpoint)
        shown = book.run("mlops logs --request ID", "Model failed", "instance=2 instances=3", "in _records", id=told[1])
        assert f"model_version={faulty} " in shown
        assert "error=RuntimeError: no tree for ... at ... " in shown
        assert str(FAILS_AT) not in shown, "the content of the record"
        back = f"Back to version {faulty}, which was rejected for it: mlops approve {faulty}."
        book.run("mlops rollback", back)
        assert len(ask(platform, -118.0, -118.5, FAILS_AT)) == 3
        book.run('mlops approve NUMBER --reason "..."', "live", number=faulty)
        book.run("mlops rollback NUMBER", f"version {good}: Approved, live", number=good)
        book.run("mlops stop MODEL", "is stopped", answer=YES, model=MODEL)
        book.run("mlops deploy MODEL", f"version {good}: live", model=MODEL)
    wait_until(platform, alarm, "OK")
    assert len(ask(platform, FAILS_AT)) == 1


def test_endpoint_latency(platform: Platform, pair: Pair) -> None:
    faulty = pair.faulty
    alarm = "california-housing-latency"
    approve(platform, faulty)
    wait_until_live(platform, faulty)
    wait_for(platform, faulty, "deployed")
    elsewhere = {"mlops batch": "it is named for clients; tests/e2e/test_batch.py"}
    with reading(platform, "endpoint-latency", elsewhere=elsewhere) as book:
        with fires(platform, alarm):
            ask(platform, SLOW_AT)
        book.run("mlops models", f"{faulty} ", "live")
        book.run("time mlops predict", "USD")
        run_id = version(platform, faulty).metadata["run_id"]
        book.run("mlops model NUMBER", run_id, number=faulty)
        book.run("mlops logs RUN_ID", "trained", "rounds=", run_id=run_id)
        book.run("mlops rollback", f"mlops approve {faulty}")
    wait_until(platform, alarm, "OK")
    began = time.monotonic()
    ask(platform, SLOW_AT)
    assert time.monotonic() - began < 12


@contextmanager
def unreadable_artifacts(platform: Platform) -> Iterator[None]:
    """A fault of the environment: the role of the containers may not read."""
    iam = platform.target.client("iam")
    (role,) = [n for key, n in platform.target.resources("AWS::IAM::Role").items() if key.startswith("ModelRole")]
    deny = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    iam.put_role_policy(RoleName=role, PolicyName="fault", PolicyDocument=document)
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="fault")


def test_deployment_failures(platform: Platform) -> None:
    alarm, live = "california-housing-deployment-failures", live_number(platform)
    run_id = version(platform, live).metadata["run_id"]
    with reading(platform, "deployment-failures") as book:
        with unreadable_artifacts(platform):
            with fires(platform, alarm):
                approve(platform, blocked := copy_of(platform, live))
                wait_for(platform, blocked, "blocked")
            book.run("mlops models", "blocked", "Could not access model data")
            book.run("mlops model NUMBER", "Could not access model data", number=blocked)
            book.run("mlops logs RUN_ID", "deploy_model", "Could not access model data", run_id=run_id)
        book.run("mlops deploy MODEL", f"version {blocked}: live", model=MODEL)
        wait_until(platform, alarm, "OK")
        artifact = version(platform, live).artifact
        gone = artifact.replace("model.tar.gz", "gone.tar.gz")
        with fires(platform, alarm):
            approve(platform, failed := copy_of(platform, live, ModelDataUrl=gone))
            wait_for(platform, failed, "failed", "rolled_back")
        wait_until_answering(platform, blocked)
        book.run("mlops models", "failed", f"is gone. It is made again by: mlops retry {run_id} --fresh")
        put_back(platform, artifact, gone)
        book.run('mlops approve NUMBER --reason "..."', "It is tried again.", "live", number=failed)
        book.run("mlops rollback", f"version {blocked}: Approved, live", f"mlops approve {failed}.")
        book.run("mlops stop MODEL", "is stopped", answer=YES, model=MODEL)
        book.run("mlops deploy MODEL", f"version {blocked}: live", model=MODEL)
        book.run("mlops retry RUN_ID", answer=YES, run_id=run_id)
    wait_until(platform, alarm, "OK")
    assert answering(platform)


def put_back(platform: Platform, artifact: str, gone: str) -> None:
    (bucket, _, key), (_, _, wanted) = (uri.removeprefix("s3://").partition("/") for uri in (artifact, gone))
    platform.target.client("s3").copy_object(Bucket=bucket, Key=wanted, CopySource={"Bucket": bucket, "Key": key})


def test_rejected_serving(platform: Platform, rows_file: Rows) -> None:
    """After a rollback to a version that its verification rejects, with nothing else approved."""
    alarm, live = "california-housing-rejected-serving", live_number(platform)
    bad = copy_of(platform, live, ModelDataUrl=with_code(platform, version(platform, live).artifact, WRONG))
    approve(platform, good := copy_of(platform, live))
    wait_for(platform, good, "deployed")
    for other in versions(platform.target.place, MODEL):
        if other.number not in (good, bad):
            registry.reject(platform.target, other, reason="not any more")
    with reading(platform, "rejected-serving") as book:
        with fires(platform, alarm):
            went = CliRunner().invoke(app, ["rollback", str(bad), "--reason", "prices look odd"])
            said = " ".join(went.output.split())
            assert went.exit_code == 1, said
            assert said.endswith(f"Back to version {good}, which was rejected for it: mlops approve {good}."), said
        assert version(platform, bad).state == State.STILL_SERVING
        book.run("mlops models", "rejected, still serving, nothing to go back to", "golden rows predict otherwise")
        book.run("mlops smoke", f"version {bad} answers")
        book.run("mlops stop MODEL", "is stopped", answer=YES, model=MODEL)
        with pytest.raises(CliError, match="no version of california_housing is live"):
            answering(platform)
        book.run('mlops approve NUMBER --reason "..."', f"version {good}: Approved, live", number=good)
        wait_until_answering(platform, good)
        book.run("mlops upload FILE", file=rows_file(seed=403, rows=6000))
    wait_until(platform, alarm, "OK")
    assert answering(platform)


def test_lost_events(platform: Platform, rows_file: Rows) -> None:
    hurry(platform)
    file = rows_file(seed=404, rows=6000)
    with reading(platform, "lost-events") as book:
        with fires(platform, "lost-events"):
            platform.here.cloud.lose(source="aws.s3", detail_type="Object Created", containing=f"{MODEL}/{file.name}")
            platform.here.cloud.lose(source="aws.s3", detail_type="Object Created", containing="/manifest.json")
            run = platform.run(file)
        assert len(platform.here.cloud.losses()["lost"]) == 2
        platform.here.cloud.forget_losses()
        book.run("mlops runs", run.run_id, run.state)
        book.run("mlops logs RUN_ID", "Data set without an event: it is trained on now", run_id=run.run_id)
    wait_until(platform, "lost-events", "OK")
    assert run.state in ("live", "rejected", "unchanged"), run.reason
    assert answering(platform)


def test_alarms_are_over_when_their_cause_is(platform: Platform) -> None:
    found = platform.target.client("cloudwatch").describe_alarms(AlarmNamePrefix="mlops-dev-")["MetricAlarms"]
    assert len(found) > 20
    for alarm in found:
        wait_until(platform, alarm["AlarmName"].removeprefix("mlops-dev-"), "OK")


def test_budget(platform: Platform) -> None:
    """Nothing is spent here: what AWS Budgets writes, and about what, tests/infrastructure/test_alarms.py holds."""
    with reading(platform, "budget") as book:
        book.run("mlops models", "live")
        book.run("mlops runs", "live")
        book.run("mlops destroy --env dev", answer=YES)
    assert platform.target.client("sagemaker").list_endpoints()["Endpoints"] == []
