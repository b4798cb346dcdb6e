"""The retry policy of a target, with a target that fails as often as the test wants."""

import json

import pytest

from localcloud.events import counts, delivery, queues
from localcloud.events.delivery import Delivery, DeliveryError, deliver

RULE = "arn:aws:events:us-east-1:000000000000:rule/r"
DEAD = "arn:aws:sqs:us-east-1:000000000000:dead"


class Target:
    """Fails `failures` times, then succeeds."""

    def __init__(self, failures: int, *, retryable: bool = True) -> None:
        self.calls = 0
        self._failures = failures
        self._retryable = retryable

    def __call__(self) -> None:
        self.calls += 1
        if self.calls <= self._failures:
            raise DeliveryError("THROTTLING", f"refusal {self.calls}", retryable=self._retryable)


@pytest.fixture
def dead_letters(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict, dict]]:
    sent: list[tuple[str, dict, dict]] = []
    monkeypatch.setenv("LOCALCLOUD_TIME_SCALE", "0.0001")
    monkeypatch.setattr(counts, "count", lambda *_names, **_bus: None)
    monkeypatch.setattr(queues, "exists", lambda arn: True)
    monkeypatch.setattr(delivery, "queue_allows", lambda arn, **_: True)
    monkeypatch.setattr(
        queues, "put", lambda arn, body, *, attributes: sent.append((arn, json.loads(body), attributes))
    )
    return sent


def made(**policy: int) -> Delivery:
    target = {"Arn": "arn:target", "RetryPolicy": policy, "DeadLetterConfig": {"Arn": DEAD}}
    return Delivery(target=target, source_arn=RULE, event={"id": "e"})


def test_a_target_that_recovers_gets_the_event(dead_letters):
    target = Target(2)
    deliver(made(MaximumRetryAttempts=3), target)

    assert (target.calls, dead_letters) == (3, [])


def test_used_up_attempts_end_in_the_dead_letter_queue(dead_letters):
    target = Target(10)
    deliver(made(MaximumRetryAttempts=2), target)

    assert target.calls == 3
    expected = {
        "RULE_ARN": RULE,
        "TARGET_ARN": "arn:target",
        "ERROR_CODE": "THROTTLING",
        "ERROR_MESSAGE": "refusal 3",
        "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
        "RETRY_ATTEMPTS": "2",
    }
    assert dead_letters == [(DEAD, {"id": "e"}, expected)]


def test_an_event_that_is_too_old_is_given_up(dead_letters):
    deliver(made(MaximumEventAgeInSeconds=60), Target(1000))

    assert dead_letters[0][2]["EXHAUSTED_RETRY_CONDITION"] == "MaximumEventAgeInSeconds"


def test_what_cannot_be_mended_is_not_retried(dead_letters):
    target = Target(5, retryable=False)
    deliver(made(), target)

    assert target.calls == 1
    assert set(dead_letters[0][2]) == {"RULE_ARN", "TARGET_ARN", "ERROR_CODE", "ERROR_MESSAGE"}


def test_an_unexpected_fault_is_retried(dead_letters):
    calls = []

    def broken() -> None:
        calls.append(1)
        if len(calls) < 2:
            raise KeyError("fault")

    deliver(made(), broken)
    assert (len(calls), dead_letters) == (2, [])
