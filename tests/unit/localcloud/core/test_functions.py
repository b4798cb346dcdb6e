"""Lambda functions in the running local cloud: isolation, identity, logs, failures, permissions."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

WORKER = "arn:aws:sts::000000000000:assumed-role/worker/worker"


def log_events(cloud, group="/core/worker"):
    return [event["message"] for event in cloud.client("logs").filter_log_events(logGroupName=group)["events"]]


def test_a_function_sees_boto3_its_bundle_and_its_layer_only(invoke):
    seen = invoke(do="who")["payload"]

    assert seen["arn"] == WORKER
    assert (seen["numpy"], seen["localcloud"], seen["layer"]) == (False, False, "from the layer")
    assert seen["files"] == ["index.py"]
    assert not [entry for entry in seen["path"] if "/main/.venv/" in entry or entry.endswith("/main")]
    assert seen["trace"].startswith("Root=1-")
    assert 0 < seen["remaining"] <= 5000


def test_nothing_of_the_host_environment_reaches_a_function(invoke):
    names = invoke(do="who")["payload"]["environment"]

    assert "AWS_PROFILE" not in names
    assert not [name for name in names if name.startswith(("MINISTACK", "GATEWAY", "LOCALCLOUD", "PYTEST", "VIRTUAL"))]


def test_a_warm_environment_is_reused_after_success_and_after_an_error(invoke):
    first = invoke(do="who")["payload"]["pid"]
    invoke(do="fail")

    assert invoke(do="who")["payload"]["pid"] == first


def test_an_allowed_call_works_and_a_denied_one_names_role_action_and_resource(cloud, invoke):
    cloud.reset_calls()

    assert invoke(do="put", key="allowed/a") == {"error": None, "payload": "stored"}
    refused = invoke(do="put", key="elsewhere/a")

    assert refused["error"] == "Unhandled"
    assert refused["payload"]["errorMessage"].endswith(
        f"User: {WORKER} is not authorized to perform: s3:PutObject on resource: arn:aws:s3:::data/elsewhere/a "
        "because no identity-based policy allows the s3:PutObject action"
    )
    calls = cloud.calls()
    assert calls["roles"]["worker"]["denied"] == 1
    assert calls["roles"]["worker"]["actions"]["s3:PutObject"] == 2
    assert [denial for denial in calls["denied"] if denial["role"] == "worker"] == [
        {"role": "worker", "action": "s3:PutObject", "resource": "arn:aws:s3:::data/elsewhere/a", "count": 1}
    ]


def test_passing_a_role_needs_permission(cloud, invoke):
    role = "arn:aws:iam::000000000000:role/worker"

    refused = invoke(do="pass", role=role)["payload"]["errorMessage"]

    assert f"is not authorized to perform: iam:PassRole on resource: {role}" in refused
    assert cloud.client("glue").get_jobs()["Jobs"] == []


def test_grants_that_no_call_needed_are_reported(cloud, invoke):
    invoke(do="put", key="allowed/a")

    actions = {(item["role"], item["action"]) for item in cloud.unused()["actions"]}

    assert ("worker", "s3:GetObject*") in actions
    assert ("worker", "s3:DeleteObject") in actions
    assert ("worker", "s3:PutObject") not in actions


def test_json_logs_carry_the_records_of_the_function_and_of_the_platform(cloud, invoke):
    invoke(do="log")

    events = log_events(cloud)
    assert "plain text" in events
    records = [json.loads(event) for event in events if event.startswith("{")]
    hello = next(record for record in records if record.get("message") == "hello")
    assert (hello["level"], hello["logger"], hello["run"]) == ("INFO", "root", "r1")
    report = next(
        r for r in records if r.get("type") == "platform.report" and r["record"]["requestId"] == hello["requestId"]
    )
    assert report["record"]["status"] == "success"


def test_a_failing_function_answers_as_lambda_does_and_logs_its_traceback(cloud, invoke):
    failed = invoke(do="fail")

    assert failed["error"] == "Unhandled"
    assert (failed["payload"]["errorType"], failed["payload"]["errorMessage"]) == ("ValueError", "broken on purpose")
    assert 'raise ValueError("broken on purpose")' in failed["payload"]["stackTrace"][-1]
    assert any("broken on purpose" in event and "stackTrace" in event for event in log_events(cloud))


@pytest.mark.parametrize(("event", "error_type"), [("exit", "Runtime.ExitError"), ("metadata", "Runtime.MarshalError")])
def test_a_function_that_cannot_answer_is_an_error(invoke, event, error_type):
    assert invoke(do=event)["payload"]["errorType"] == error_type


@pytest.mark.parametrize(
    ("handler", "error_type", "message"),
    [
        ("absent.handler", "Runtime.ImportModuleError", "Unable to import module 'absent': No module named 'absent'"),
        ("index.absent", "Runtime.HandlerNotFound", "Handler 'absent' missing on module 'index'"),
    ],
)
def test_a_handler_that_cannot_be_loaded_says_why(cloud, invoke, handler, error_type, message):
    cloud.client("lambda").update_function_configuration(FunctionName="worker", Handler=handler)

    payload = invoke(do="who")["payload"]

    cloud.client("lambda").update_function_configuration(FunctionName="worker", Handler="index.handler")
    assert (payload["errorType"], payload["errorMessage"]) == (error_type, message)


def test_invocations_at_the_same_time_have_environments_of_their_own(invoke):
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: invoke(do="nap"), range(3)))

    assert len({answer["payload"] for answer in answers}) == 3


def test_without_the_right_to_write_its_log_a_function_runs_and_has_none(cloud, invoke):
    function, logs = cloud.client("lambda"), cloud.client("logs")
    function.update_function_configuration(FunctionName="worker", LoggingConfig={"LogGroup": "/core/other"})
    cloud.reset_calls()

    assert invoke(do="log")["error"] is None

    own = {"LogFormat": "JSON", "LogGroup": "/core/worker"}
    function.update_function_configuration(FunctionName="worker", LoggingConfig=own)
    assert cloud.calls()["denied"][0]["action"] == "logs:CreateLogGroup"
    assert logs.describe_log_groups(logGroupNamePrefix="/core/other")["logGroups"] == []


def test_a_role_that_lambda_may_not_assume_runs_nothing(cloud, invoke):
    iam = cloud.client("iam")
    trust = iam.get_role(RoleName="worker")["Role"]["AssumeRolePolicyDocument"]
    foreign = json.dumps(trust).replace("lambda.amazonaws.com", "glue.amazonaws.com")
    iam.update_assume_role_policy(RoleName="worker", PolicyDocument=foreign)
    cloud.client("lambda").update_function_configuration(FunctionName="worker", MemorySize=256)

    payload = invoke(do="who")["payload"]

    iam.update_assume_role_policy(RoleName="worker", PolicyDocument=json.dumps(trust))
    assert payload["errorMessage"] == (
        "User: lambda.amazonaws.com is not authorized to perform: sts:AssumeRole on resource: "
        "arn:aws:iam::000000000000:role/worker because its trust policy does not allow it"
    )


def test_the_timeout_is_enforced(cloud, invoke):
    cloud.client("lambda").update_function_configuration(FunctionName="worker", Timeout=1)
    started = time.monotonic()

    payload = invoke(do="sleep")["payload"]

    cloud.client("lambda").update_function_configuration(FunctionName="worker", Timeout=5)
    assert payload["errorType"] == "Sandbox.Timedout"
    assert payload["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert time.monotonic() - started < 4


def test_an_event_that_keeps_failing_reaches_the_dead_letter_queue_unchanged(cloud, deployment):
    function, sqs = cloud.client("lambda"), cloud.client("sqs")
    function.put_function_event_invoke_config(FunctionName="worker", MaximumRetryAttempts=1)

    function.invoke(FunctionName="worker", InvocationType="Event", Payload=json.dumps({"do": "fail", "id": 7}))

    url = deployment.outputs["core"]["DeadLetters"]
    received = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10, MessageAttributeNames=["All"])["Messages"]
    assert json.loads(received[0]["Body"]) == {"do": "fail", "id": 7}
    assert received[0]["MessageAttributes"]["ErrorMessage"]["StringValue"] == "broken on purpose"


def test_a_role_that_may_no_longer_read_its_queue_gets_no_message(cloud, deployment):
    sqs, iam, function = cloud.client("sqs"), cloud.client("iam"), cloud.client("lambda")
    url = sqs.create_queue(QueueName="inbox", Attributes={"VisibilityTimeout": "30"})["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:000000000000:inbox"
    actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": arn}]}
    iam.put_role_policy(RoleName="worker", PolicyName="inbox", PolicyDocument=json.dumps(policy))
    function.create_event_source_mapping(FunctionName="worker", EventSourceArn=arn)
    iam.delete_role_policy(RoleName="worker", PolicyName="inbox")

    sqs.send_message(QueueUrl=url, MessageBody="{}")

    wanted = {"role": "worker", "action": "sqs:ReceiveMessage", "resource": arn, "count": 1}
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and wanted not in cloud.calls()["denied"]:
        time.sleep(0.05)
    assert wanted in cloud.calls()["denied"]
    left = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert sum(int(left[f"ApproximateNumberOfMessages{state}"]) for state in ("", "NotVisible", "Delayed")) == 1
