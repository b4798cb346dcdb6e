"""What the functions make of a model's versions, whatever happens in whatever order: every sequence of four events."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from tests.unit.deployment.fake import GROUP, World, clients
from tests.unit.lambdas.loading import load_function
from tracking.states import Facts, State, state_of
from tracking.versions import BOOKKEEPING

QUOTA = (
    "ResourceLimitExceeded",
    "The account-level service limit 'ml.m5.large for endpoint usage' is 0 Instances, with current utilization of 0 "
    "Instances and a request delta of 1 Instances. Please contact AWS support to request an increase for this limit.",
)
CAPACITY = "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error."
ALARMS = "One or more alarms of the auto-rollback configuration went into the ALARM state"
DEPLOY = {"RESOURCE_PREFIX": "mlops-dev-", "STAGE": "dev", "MODEL_ROLE_ARN": "role", "VERIFY_FUNCTION": "verify"}
VERIFY = {"RESOURCE_PREFIX": "mlops-dev-", "STAGE": "dev", "ALERTS_TOPIC_ARN": "topic"}


class Platform:
    """The two functions in a world, and what people do in it. Time passes between events."""

    def __init__(self, deploy: SimpleNamespace, verify: SimpleNamespace, world: World) -> None:
        self._deploy, self._verify, self.world = deploy, verify, world

    # What the machine does.

    def deliver(self, message: dict[str, Any]) -> bool:
        """False when the message has to wait for the endpoint."""
        self.world.writer = "deploy_model"
        self.world.tick()
        record = {"messageId": "m", "body": json.dumps(message)}
        waits = self._deploy.handler.handler({"Records": [record]}, None)["batchItemFailures"]
        self.world.delivered = [*self.world.delivered, message][-4:]
        return not waits

    def verify(self, event: dict[str, Any]) -> None:
        self.world.writer = "verify_deployment"
        self.world.tick()
        self._verify.handler.handler(event, None)
        self.world.told = [*self.world.told, event][-2:]

    def check(self) -> None:
        """The clock's event."""
        self.world.writer = "deploy_model"
        self.world.tick(3600)
        self._deploy.handler.handler({"source": "aws.events"}, None)

    def run(self, *, settle: bool = True, rounds: int = 60) -> None:
        """Everything that is on its way arrives, and the endpoint gets through."""
        waiting: list[dict[str, Any]] = []
        for _ in range(rounds):
            while self.world.queue or self.world.changed:
                if self.world.changed:
                    self.verify(self.world.changed.pop(0))
                elif not self.deliver(message := self.world.queue.pop(0)):
                    waiting.append(message)
            if self.world.pending and settle:
                self.world.settle()
            elif not waiting:
                return
            elif not settle:
                self.world.queue += waiting
                return
            self.world.queue += waiting
            waiting = []
        raise AssertionError("it does not come to rest")

    # What people do.

    def decide(self, number: int, approval: str) -> None:
        self.world.writer = "person"
        self.world.tick()
        arn = self.world.versions[number]["ModelPackageArn"]
        sagemaker = clients(self.world)["sagemaker"]
        sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus=approval)

    def stop(self) -> None:
        """As `mlops stop` does it: marks, newest first, and then the endpoint goes once it may."""
        self.world.tick()
        self.world.writer = "person"
        sagemaker = clients(self.world)["sagemaker"]
        for number in sorted(self.world.versions, reverse=True):
            if self.world.approval(number) == "Approved":
                mark = {
                    "deployment_state": "stopped",
                    "deployment_reason": "-",
                    "deployment_recorded_at": self.world.now.isoformat(),
                }
                if self.world.recorded(number) == "deployed":
                    mark["deployment_live_at"] = self.world.now.isoformat()
                sagemaker.update_model_package(
                    ModelPackageArn=self.world.versions[number]["ModelPackageArn"], CustomerMetadataProperties=mark
                )
        self.world.tick()
        self.world.settle()
        self.world.endpoint = None

    def bring_back(self) -> None:
        """As `mlops deploy` does it."""
        self.world.tick()
        self.world.writer = "person"
        approved = [number for number in self.world.versions if self.world.approval(number) == "Approved"]
        if not approved or self.world.pending:
            return
        clients(self.world)["sagemaker"].update_model_package(
            ModelPackageArn=self.world.versions[max(approved)]["ModelPackageArn"],
            CustomerMetadataProperties={"deployment_asked_at": self.world.now.isoformat()},
            CustomerMetadataPropertiesToRemove=list(BOOKKEEPING),
        )

    def lose(self) -> None:
        """Somebody deletes the endpoint by hand."""
        self.world.settle()
        self.world.endpoint = None

    def again(self) -> None:
        """Everything that was delivered is delivered once more: doubled, and late."""
        self.world.queue += self.world.delivered
        self.world.changed += self.world.told

    # What there is to see.

    def facts(self, number: int) -> Facts:
        approved = [n for n in self.world.versions if self.world.approval(n) == "Approved"]
        live = self.world.live()
        return Facts(
            self.world.approval(number),
            self.world.recorded(number),
            live=live == number,
            wanted=bool(approved) and number == max(approved),
            answered=live is not None,
            successor=bool(approved),
        )

    def state(self, number: int) -> State:
        return state_of(self.facts(number))

    def summary(self) -> list[tuple[str, str, bool]]:
        return [
            (self.world.approval(n), self.world.recorded(n), self.world.live() == n)
            for n in sorted(self.world.versions)
        ]


@pytest.fixture(scope="module")
def functions() -> tuple[SimpleNamespace, SimpleNamespace]:
    loaded = load_function("deploy_model", DEPLOY), load_function("verify_deployment", VERIFY)
    for function in loaded:
        contracts = function.handler.CONTRACTS
        for group in set(contracts) - {GROUP}:
            del contracts[group]
    return loaded


@contextmanager
def platform(functions: tuple[SimpleNamespace, SimpleNamespace], count: int = 3) -> Iterator[Platform]:
    """Version 1 is live and right; the others wait for a decision."""
    world = World()
    for number in range(1, count + 1):
        world.add(number)
    made = clients(world)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return world.now.astimezone(tz or UTC)

    with mock.patch.multiple("time", sleep=lambda _: None):
        patches = []
        for function in functions:
            for module in vars(function).values():
                if isinstance(module, ModuleType):
                    patches += [mock.patch.object(module, n, c) for n, c in made.items() if hasattr(module, n)]
                    if hasattr(module, "datetime"):
                        patches.append(mock.patch.object(module, "datetime", Clock))
        for patch in patches:
            patch.start()
        try:
            here = Platform(*functions, world)
            here.decide(1, "Approved")
            here.run()
            assert here.summary()[0] == ("Approved", "deployed", True)
            world.writes.clear()
            yield here
        finally:
            for patch in patches:
                patch.stop()


Act = Callable[[Platform], None]


def _broken(here: Platform) -> None:
    here.world.broken = QUOTA


def _bad(number: int, where: str) -> Act:
    def make(here: Platform) -> None:
        getattr(here.world, where).add(number)

    return make


LONGEST = 4
# Each of these may happen at any moment. What SageMaker does about a version is prepared, and then met or not.
ACTS: dict[str, Act] = {
    "approve 2": lambda here: here.decide(2, "Approved"),
    "approve 3": lambda here: here.decide(3, "Approved"),
    "reject 1": lambda here: here.decide(1, "Rejected"),
    "reject 3": lambda here: here.decide(3, "Rejected"),
    "verified": lambda here: here.run(),
    "failed": lambda here: (_bad(3, "wrong_rows")(here), here.run())[1],
    "refused for the version": lambda here: (_bad(2, "no_artifact")(here), here.run())[1],
    "refused by the environment": lambda here: (_broken(here), here.run())[1],
    "endpoint gone": lambda here: here.lose(),
    "stop": lambda here: here.stop(),
    "deploy": lambda here: here.bring_back(),
    "duplicate": lambda here: here.again(),
    "late": lambda here: here.run(settle=False),
}


def faulty(here: Platform, number: int) -> bool:
    return number in here.world.no_artifact | here.world.wrong_rows


def hold(here: Platform, story: Any) -> None:
    """What is true at every moment, of everything that was written so far."""
    for writer, number, approval, state in here.world.writes:
        if writer != "person" and approval == "Rejected" and state in ("failed", "rolled_back"):
            assert faulty(here, number), (story, "a version was rejected that is sound", number)
            assert number != 1, (story, "a version that was right once was rejected", number)
    for number in here.world.versions:
        if here.world.recorded(number) == "stopped" and here.world.approval(number) == "Approved":
            assert here.world.live() != number, (story, "a stopped version answers")


def act(here: Platform, story: tuple[str, ...]) -> None:
    """The last act of the story; the others were before."""
    before = here.world.live()
    ACTS[story[-1]](here)
    hold(here, story)
    # The live version stays until another one is there, or somebody takes the endpoint away.
    if before is not None and here.world.live() is None:
        assert story[-1] in ("stop", "endpoint gone"), story


def mend(here: Platform) -> None:
    here.world.broken, here.world.outage = None, ""
    here.run()
    for _ in range(3):
        here.check()
        here.run()


def comes_to_rest(here: Platform, story: tuple[str, ...]) -> None:
    here.run()
    hold(here, story)
    mend(here)
    hold(here, story)
    states = {number: here.state(number) for number in here.world.versions}
    # Nothing is on its way any more, and nothing waits for what will not come.
    moving = {State.WAITING, State.REQUESTED, State.VERIFYING, State.LEAVING}
    for number, state in states.items():
        # Blocked for good is what was right once and is no longer: a person decides on it.
        stuck = state in (State.BLOCKED, State.LIVE_BLOCKED) and not faulty(here, number)
        assert state not in moving and not stuck, (story, states)
    settled = here.summary()
    here.again()
    here.run()
    assert here.summary() == settled, (story, "what was doubled and late changed something")


def explore(here: Platform, story: tuple[str, ...], seen: dict[str, int]) -> int:
    """Every continuation of the story up to LONGEST. Two that lead to the same world go on in the same way."""
    kept, stories = here.world.keep(), 1
    comes_to_rest(here, story)
    for name in ACTS if len(story) < LONGEST else ():
        here.world.restore(kept)
        act(here, longer := (*story, name))
        likeness = here.world.likeness()
        if seen.get(likeness, LONGEST + 1) > len(longer):
            seen[likeness] = len(longer)
            stories += explore(here, longer, seen)
    return stories


@pytest.mark.parametrize("first", ACTS)
def test_every_sequence_comes_to_rest_in_a_state_that_is_right(
    functions: tuple[SimpleNamespace, SimpleNamespace], first: str
) -> None:
    logging.disable(logging.CRITICAL)
    try:
        with platform(functions) as here:
            act(here, (first,))
            assert explore(here, (first,), {}) > len(ACTS)
    finally:
        logging.disable(logging.NOTSET)


def test_a_rejection_never_rejects_another(functions: tuple[SimpleNamespace, SimpleNamespace]) -> None:
    """Four approved versions, and an endpoint that no change is possible on."""
    with platform(functions, count=4) as here:
        for number in (2, 3, 4):
            here.decide(number, "Approved")
            here.run()
        here.world.broken = QUOTA
        here.decide(4, "Rejected")
        here.run()
        here.again()
        here.run()
        assert [here.world.approval(n) for n in (1, 2, 3, 4)] == ["Approved", "Approved", "Approved", "Rejected"]
        assert (here.state(4), here.state(3)) == (State.LEAVING, State.BLOCKED)
        reason = here.world.versions[3]["CustomerMetadataProperties"]["deployment_reason"]
        assert "ml.m5.large for endpoint usage is 0" in reason
        here.world.broken = None
        here.check()
        here.run()
        assert (here.state(4), here.state(3)) == (State.REJECTED, State.LIVE)


@pytest.mark.parametrize(("outage", "approval"), [(CAPACITY, "Approved"), (ALARMS, "Rejected"), ("", "Approved")])
def test_a_fleet_that_does_not_come_up_is_judged_by_its_reason(
    functions: tuple[SimpleNamespace, SimpleNamespace], outage: str, approval: str
) -> None:
    with platform(functions) as here:
        here.world.outage = outage
        here.decide(2, "Approved")
        here.run()
        assert here.world.approval(2) == approval
        here.world.outage = ""
        here.check()
        here.run()
        assert here.world.live() == (1 if approval == "Rejected" else 2)
