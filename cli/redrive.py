"""The way back of what was given up.

SQS can move messages back itself (StartMessageMoveTask), but only those that it moved there; it stops at the first that
EventBridge or Lambda gave up, and these queues hold all three kinds. So each message goes back on its own: it is sent,
and then deleted, so that nothing is lost. What handles it can meet it twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from botocore.exceptions import ClientError

from cli.dead_letters import Letter, Queue, received, release
from cli.target import Target


@dataclass(frozen=True)
class Returned:
    """What became of a letter: where it went, or why it stays (`to` is "")."""

    queue: str
    about: str
    to: str
    why: str = ""


def redrive(target: Target, queue: Queue, wanted: Callable[[Letter], bool] = lambda _: True) -> list[Returned]:
    """Send what is in the queue now back. What nothing says the way of stays, and is the first to be mended by hand.

    `wanted`: which letters; the others stay, and are not told of.
    """
    done, kept = [], []
    for batch in received(target, queue, limit=queue.waiting):
        for letter in batch:
            if not wanted(letter):
                kept.append(letter)
                continue
            to, why = _destination(target, queue, letter)
            if to:
                _send(target, to, letter)
                target.client("sqs").delete_message(QueueUrl=queue.url, ReceiptHandle=letter.receipt)
            else:
                kept.append(letter)
            done.append(Returned(queue.name, letter.about, to, why))
    release(target, queue, kept)
    return done


def _destination(target: Target, queue: Queue, letter: Letter) -> tuple[str, str]:
    """The ARN of the queue or function that the letter was for, or "" and why it is not known."""
    if letter.source:
        return letter.source, ""
    if "TARGET_ARN" in letter.facts:
        return letter.facts["TARGET_ARN"], ""
    if "RequestID" not in letter.facts:
        return "", "Neither SQS nor EventBridge nor Lambda put it there."
    return _function(target, queue, letter)


def _function(target: Target, queue: Queue, letter: Letter) -> tuple[str, str]:
    """Lambda does not say whose invocation it was: the function that gives up here, and whose rule wants the event."""
    functions = [
        found["FunctionArn"]
        for name in target.resources("AWS::Lambda::Function").values()
        if (found := target.client("lambda").get_function_configuration(FunctionName=name))
        .get("DeadLetterConfig", {})
        .get("TargetArn")
        == queue.arn
    ]
    if len(functions) > 1:
        functions = [arn for arn in functions if _invited(target, arn, letter.body)]
    if len(functions) == 1:
        return functions[0], ""
    return "", f"{len(functions)} functions could have been invoked with it."


def _invited(target: Target, function_arn: str, event: str) -> bool:
    """Whether a rule of the function matches the event."""
    bus = target.client("events")
    for name in bus.list_rule_names_by_target(TargetArn=function_arn)["RuleNames"]:
        pattern = bus.describe_rule(Name=name)["EventPattern"]
        try:
            if bus.test_event_pattern(EventPattern=pattern, Event=event)["Result"]:
                return True
        except ClientError as error:
            # An invocation by hand can have any payload: it is no event, and no rule wants it.
            if error.response["Error"]["Code"] not in ("InvalidEventPatternException", "ValidationException"):
                raise
    return False


def _send(target: Target, arn: str, letter: Letter) -> None:
    service = arn.split(":")[2]
    if service == "lambda":
        target.client("lambda").invoke(FunctionName=arn, InvocationType="Event", Payload=letter.body.encode())
        return
    sqs, (account, name) = target.client("sqs"), arn.split(":")[4:6]
    url = sqs.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
    group = {"MessageGroupId": letter.group} if letter.group else {}
    sqs.send_message(QueueUrl=url, MessageBody=letter.body, **group)
