"""EventBridge, asynchronous Lambda and SQS mappings in the running local cloud: permissions, retries, dead letters."""

import json
import time

import pytest
from botocore.exceptions import ClientError

from localcloud.host import LocalCloud
from tests.unit.localcloud.gaps.support import (
    StackError,
    allow,
    deploy,
    function,
    get,
    log_lines,
    permission,
    put_event,
    queue,
    queue_policy,
    receive,
    role,
    rule,
    until,
)
from tests.unit.localcloud.sagemaker.support import as_role

FAILING = "def handler(event, context):\n    raise ValueError('broken on purpose')\n"
# Fails the messages that say so; tells when each one arrived.
BATCH = """
import json, os, time
def handler(event, context):
    bodies = [(record["messageId"], json.loads(record["body"])) for record in event["Records"]]
    for _, body in bodies:
        print("got", body["n"], time.time() - body["sent"] < 0.2)
    if any(body.get("raise") for _, body in bodies):
        raise ValueError("whole batch")
    if any(body.get("malformed") for _, body in bodies):
        return {"batchItemFailures": [{"itemIdentifier": ""}]}
    return {"batchItemFailures": [{"itemIdentifier": one} for one, body in bodies if body.get("fail")]}
"""
LOGS = allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"])
POLLING = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]


def attributes(message: dict) -> dict[str, str]:
    return {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}


def log_policy(group: str) -> dict:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": ["events.amazonaws.com", "delivery.logs.amazonaws.com"]},
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": f"arn:aws:logs:us-east-1:000000000000:log-group:{group}:*",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return {"Type": "AWS::Logs::ResourcePolicy", "Properties": {"PolicyName": "events", "PolicyDocument": document}}


def test_a_policy_says_which_events_somebody_may_put(cloud: LocalCloud) -> None:
    """Each of a request: one that is not allowed does not come along with others."""
    own = {"StringEquals": {"events:source": "mlops.dev", "events:detail-type": "Training Requested"}}
    statement = {"Effect": "Allow", "Action": "events:PutEvents", "Resource": "*", "Condition": own}
    bus = as_role(cloud, "asks-in-dev", [statement], "events")

    def put(*events: tuple[str, str]) -> int:
        entries = [{"Source": source, "DetailType": kind, "Detail": "{}"} for source, kind in events]
        return bus.put_events(Entries=entries)["FailedEntryCount"]

    asked = ("mlops.dev", "Training Requested")
    assert put(asked) == put(asked, asked) == 0
    for other in (("mlops.prod", "Training Requested"), ("mlops.dev", "Something Else")):
        for events in ((other,), (other, asked), (asked, other)):
            with pytest.raises(ClientError, match=r"AccessDenied.*events:PutEvents"):
                put(*events)


@pytest.fixture(scope="module")
def rules(cloud: LocalCloud) -> dict[str, str]:
    dead_letters = {"DeadLetterConfig": {"Arn": get("Dead")}}
    # The engine's template: the payload that the function's own queue gets must be what the rule made of the event.
    transformed = {"InputTransformer": {"InputPathsMap": {"n": "$.detail.n"}, "InputTemplate": '{"number": <n>}'}}
    return deploy(
        cloud,
        "rules",
        {
            "Dead": queue(),
            "DeadPolicy": queue_policy("Dead", "events"),
            "Lost": queue(),
            "LostPolicy": queue_policy("Lost", "lambda"),
            "Closed": queue(),
            "Gone": queue(),
            "Open": queue(),
            "OpenPolicy": queue_policy("Open", "events"),
            "Key": {
                "Type": "AWS::KMS::Key",
                "Properties": {
                    "KeyPolicy": {
                        "Statement": [
                            {
                                "Effect": "Allow",
                                "Action": "kms:*",
                                "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
                                "Resource": "*",
                            }
                        ]
                    }
                },
            },
            "Sealed": queue(KmsMasterKeyId={"Ref": "Key"}),
            "SealedPolicy": queue_policy("Sealed", "events"),
            "Role": role("lambda", LOGS, allow("sqs:SendMessage", get("Failures")), name="failing"),
            "Failures": queue(),
            "Failing": function(FAILING, DeadLetterConfig={"TargetArn": get("Failures")}),
            "Uninvited": function(FAILING),
            "Allowed": permission("Failing", "events", get("Invoking")),
            "Invoking": rule("test.invoking", "Failing", **dead_letters, **transformed),
            "Uninviting": rule("test.uninviting", "Uninvited", **dead_letters),
            "ToOpen": rule("test.open", "Open", **transformed),
            "ToClosed": rule("test.closed", "Closed", **dead_letters),
            "ToSealed": rule("test.sealed", "Sealed", **dead_letters),
            "ToGone": rule("test.gone", "Gone", **dead_letters),
            "ToLost": rule("test.lost", "Closed", DeadLetterConfig={"Arn": get("Lost")}),
            "History": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/aws/events/history"}},
            "Silent": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/aws/events/silent"}},
            "HistoryPolicy": log_policy("/aws/events/history"),
            "ToHistory": rule("test.history", "History", **dead_letters),
            "ToSilent": rule("test.silent", "Silent", **dead_letters),
            "ToPart": rule("test.part", "History", InputPath="$.detail", **dead_letters),
        },
    )


def test_a_queue_gets_what_the_input_transformer_made(cloud, rules):
    put_event(cloud, "test.open", n=3)

    [message] = receive(cloud, rules["Open"])
    assert json.loads(message["Body"]) == {"number": 3}


def test_a_log_group_gets_the_event_in_a_stream_of_its_own(cloud, rules):
    put_event(cloud, "test.history", n=9)

    [line] = until(lambda: log_lines(cloud, "/aws/events/history"))
    event = json.loads(line)
    assert (event["source"], event["detail"]) == ("test.history", {"n": 9})
    assert log_lines(cloud, "/aws/events/history", stream=event["id"]) == [line]


@pytest.mark.parametrize(("source", "code"), [("test.silent", "NO_PERMISSIONS"), ("test.part", "INVALID_PARAMETER")])
def test_a_log_group_gets_whole_events_that_a_policy_of_logs_lets_in(cloud, rules, source, code):
    put_event(cloud, source, n=10)

    [message] = receive(cloud, rules["Dead"])
    assert attributes(message)["ERROR_CODE"] == code
    assert log_lines(cloud, "/aws/events/silent") == []


def test_a_failing_function_is_invoked_three_times_then_its_own_queue_gets_the_event(cloud, rules):
    put_event(cloud, "test.invoking", n=4)

    [message] = receive(cloud, rules["Failures"])
    assert json.loads(message["Body"]) == {"number": 4}
    assert attributes(message)["ErrorMessage"] == "broken on purpose"
    starts = [line for line in log_lines(cloud, f"/aws/lambda/{rules['Failing']}") if line.startswith("START")]
    assert len(starts) == 3


def test_errors_of_the_function_are_no_dead_letters_of_the_rule(cloud, rules):
    assert receive(cloud, rules["Dead"], seconds=0.3) == []


def test_a_function_without_permission_for_the_rule_is_not_invoked(cloud, rules):
    put_event(cloud, "test.uninviting", n=5)

    [message] = receive(cloud, rules["Dead"])
    found = attributes(message)
    assert json.loads(message["Body"])["detail"] == {"n": 5}
    assert found["ERROR_CODE"] == "NO_PERMISSIONS"
    assert found["RULE_ARN"].endswith(f":rule/{rules['Uninviting']}")
    assert found["TARGET_ARN"].endswith(f":function:{rules['Uninvited']}")
    assert "lambda:InvokeFunction" in found["ERROR_MESSAGE"]
    assert "EXHAUSTED_RETRY_CONDITION" not in found
    assert log_lines(cloud, f"/aws/lambda/{rules['Uninvited']}") == []


@pytest.mark.parametrize("source", ["test.closed", "test.sealed"])
def test_a_queue_whose_policy_or_key_does_not_let_eventbridge_send_is_not_reached(cloud, rules, source):
    put_event(cloud, source, n=6)

    [message] = receive(cloud, rules["Dead"])
    assert attributes(message)["ERROR_CODE"] == "NO_PERMISSIONS"


def test_a_deleted_target_is_not_retried(cloud, rules):
    cloud.client("sqs").delete_queue(QueueUrl=rules["Gone"])
    put_event(cloud, "test.gone", n=7)

    [message] = receive(cloud, rules["Dead"])
    assert attributes(message)["ERROR_CODE"] == "NO_RESOURCE"


def test_a_dead_letter_queue_without_a_policy_gets_nothing(cloud, rules):
    put_event(cloud, "test.lost", n=8)

    assert receive(cloud, rules["Lost"], seconds=0.3) == []
    assert until(lambda: "the event is lost" in cloud.log_tail())


def schedule(target: str, at: str) -> dict:
    """Fires once; its target acts as the role."""
    properties = {
        "ScheduleExpression": f"at({at})",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {
            "Arn": get(target),
            "RoleArn": get("Role"),
            "Input": '{"scheduled": true}',
            "DeadLetterConfig": {"Arn": get("Dead")},
        },
    }
    return {"Type": "AWS::Scheduler::Schedule", "Properties": properties}


def test_a_schedule_acts_as_the_role_of_its_target(cloud):
    now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    names = deploy(
        cloud,
        "schedule",
        {
            "Dead": queue(),
            "DeadPolicy": queue_policy("Dead", "scheduler"),
            "Granted": queue(),
            "Refused": queue(),
            "Role": role("scheduler", allow("sqs:SendMessage", get("Granted")), name="clock"),
            "ToGranted": schedule("Granted", now),
            "ToRefused": schedule("Refused", now),
        },
    )

    [message] = receive(cloud, names["Granted"])
    [lost] = receive(cloud, names["Dead"])
    assert message["Body"] == '{"scheduled": true}'
    assert (attributes(lost)["ERROR_CODE"], attributes(lost)["SCHEDULE_ARN"].rpartition("/")[2]) == (
        "NO_PERMISSIONS",
        names["ToRefused"],
    )


def test_a_rule_with_a_rate_fires_a_hundred_times_as_often(cloud):
    """Five minutes are three seconds."""
    rule = {
        "Type": "AWS::Events::Rule",
        "Properties": {
            "ScheduleExpression": "rate(5 minutes)",
            "State": "ENABLED",
            "Targets": [{"Arn": get("Ticked"), "Id": "Target"}],
        },
    }
    names = deploy(cloud, "rate", {"Ticked": queue(), "TickedPolicy": queue_policy("Ticked", "events"), "Clock": rule})

    [message] = receive(cloud, names["Ticked"], seconds=15)
    assert json.loads(message["Body"])["detail-type"] == "Scheduled Event"


def mapping(**properties: object) -> dict:
    own = {"FunctionName": {"Ref": "Function"}, "EventSourceArn": get("Source"), "BatchSize": 5}
    own["FunctionResponseTypes"] = ["ReportBatchItemFailures"]
    return {"Type": "AWS::Lambda::EventSourceMapping", "Properties": own | properties}


def consumer(*actions: str, visibility: int = 30, **properties: object) -> dict:
    """A queue with a dead-letter queue, and a function that consumes it with the given permissions."""
    redrive = {"deadLetterTargetArn": get("Dead"), "maxReceiveCount": 3}
    return {
        "Dead": queue(),
        "Source": queue(VisibilityTimeout=visibility, RedrivePolicy=redrive),
        "Role": role("lambda", LOGS, *([allow(list(actions), get("Source"))] if actions else [])),
        "Function": function(BATCH, Timeout=10),
        "Mapping": mapping(**properties),
    }


@pytest.fixture(scope="module")
def batches(cloud: LocalCloud) -> dict[str, str]:
    names = deploy(cloud, "batches", consumer(*POLLING))
    send(cloud, names, {"n": "warm"})
    until(lambda: handled(cloud, names, "warm"))
    return names


def send(cloud: LocalCloud, names: dict[str, str], *bodies: dict) -> None:
    entries = [
        {"Id": str(index), "MessageBody": json.dumps({**body, "sent": time.time()})}
        for index, body in enumerate(bodies)
    ]
    cloud.client("sqs").send_message_batch(QueueUrl=names["Source"], Entries=entries)


def handled(cloud: LocalCloud, names: dict[str, str], label: str) -> list[str]:
    """One entry per delivery of a message: whether it came within 200 ms of being sent."""
    lines = [line.split() for line in log_lines(cloud, f"/aws/lambda/{names['Function']}")]
    return [line[2] for line in lines if line[:2] == ["got", label]]


def test_a_message_reaches_a_warm_function_within_200_ms(cloud, batches):
    send(cloud, batches, {"n": "quick"})

    assert until(lambda: handled(cloud, batches, "quick")) == ["True"]


@pytest.mark.parametrize("several", [False, True], ids=["one", "batch"])
def test_a_delay_of_minutes_is_one_of_seconds(cloud, batches, several):
    label, begin = f"late-{several}", time.monotonic()
    message = {"MessageBody": json.dumps({"n": label, "sent": time.time()}), "DelaySeconds": 300}
    sqs = cloud.client("sqs")
    if several:
        sqs.send_message_batch(QueueUrl=batches["Source"], Entries=[{"Id": "1", **message}])
    else:
        sqs.send_message(QueueUrl=batches["Source"], **message)

    assert until(lambda: handled(cloud, batches, label)) == ["False"]
    assert 3 <= time.monotonic() - begin < 60


def test_failed_items_are_delivered_again_and_then_redriven_while_the_others_are_done(cloud, batches):
    send(cloud, batches, {"n": "good"}, {"n": "bad", "fail": True})

    [message] = receive(cloud, batches["Dead"])
    assert json.loads(message["Body"])["n"] == "bad"
    assert until(lambda: len(handled(cloud, batches, "bad")) == 3)
    assert len(handled(cloud, batches, "good")) == 1


@pytest.mark.parametrize("fault", ["raise", "malformed"])
def test_an_error_or_an_unreadable_answer_fails_the_whole_batch(cloud, batches, fault):
    send(cloud, batches, {"n": f"one-{fault}", fault: True}, {"n": f"two-{fault}"})

    first = receive(cloud, batches["Dead"])
    found = {json.loads(message["Body"])["n"] for message in first}
    if len(found) < 2:
        found |= {json.loads(message["Body"])["n"] for message in receive(cloud, batches["Dead"])}
    assert found == {f"one-{fault}", f"two-{fault}"}


def test_a_mapping_needs_the_permissions_of_the_role(cloud):
    missing = "The provided execution role does not have permissions to call ReceiveMessage on SQS"

    with pytest.raises(StackError, match=missing):
        deploy(cloud, "deaf", consumer("sqs:DeleteMessage", "sqs:GetQueueAttributes"))


def test_a_mapping_needs_a_visibility_timeout_as_long_as_the_function_may_take(cloud):
    with pytest.raises(StackError, match="visibility timeout: 5 seconds is less than Function timeout: 10 seconds"):
        deploy(cloud, "hasty", consumer(*POLLING, visibility=5))


def test_large_batches_need_a_window(cloud, batches):
    create = cloud.client("lambda").create_event_source_mapping
    arn = f"arn:aws:sqs:us-east-1:000000000000:{batches['Source'].rpartition('/')[2]}"

    with pytest.raises(cloud.client("lambda").exceptions.InvalidParameterValueException, match="batch window"):
        create(FunctionName=batches["Function"], EventSourceArn=arn, BatchSize=100)
