"""The two functions in a world of their own, and what people do in it."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

from tests.unit.deployment.fake import World, clients
from tracking import versions
from tracking.states import Facts, State, state_of
from tracking.versions import BOOKKEEPING


class Platform:
    """The two functions in a world, and what people do in it. Time passes between events."""

    def __init__(self, deploy: SimpleNamespace, verify: SimpleNamespace, world: World) -> None:
        self._deploy, self._verify, self.world = deploy, verify, world
        self._memories = [vars(memory) for memory in (deploy.settled.OVERTAKEN, deploy.settled.EVALUATED)]
        for memory in self._memories:
            memory["_known"] = {}

    @property
    def described(self) -> int:
        """How often deploy_model had a version described."""
        return int(self._deploy.clients.sagemaker.described)

    # To go back to, with what the functions remember.

    def keep(self) -> bytes:
        return pickle.dumps([vars(self.world), *self._memories])

    def restore(self, kept: bytes) -> None:
        for now, then in zip([vars(self.world), *self._memories], pickle.loads(kept), strict=True):
            now.update(then)
        versions._orders.clear()

    def likeness(self) -> str:
        """Equal where the same can happen."""
        remembered = [sorted(memory["_known"]) for memory in self._memories]
        return f"{self.world.likeness()} {remembered}"

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

    def check(self, *, later: timedelta = timedelta(hours=1)) -> None:
        """The clock's event."""
        self.world.writer = "deploy_model"
        self.world.tick(later.total_seconds())
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
        for number in sorted(self.world.versions, key=self.world.order, reverse=True):
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
        newest = self.world.newest()
        if newest is None or self.world.pending:
            return
        clients(self.world)["sagemaker"].update_model_package(
            ModelPackageArn=self.world.versions[newest]["ModelPackageArn"],
            CustomerMetadataProperties={"deployment_asked_at": self.world.now.isoformat()},
            CustomerMetadataPropertiesToRemove=list(BOOKKEEPING),
        )

    def lose(self) -> None:
        """Somebody deletes the endpoint by hand."""
        self.world.settle()
        self.world.endpoint = None

    def forget(self) -> None:
        """Every event that is on its way is lost, and so is that of the end of a change that is under way."""
        self.world.settle()
        self.world.queue.clear()
        self.world.changed.clear()

    def again(self) -> None:
        """Everything that was delivered is delivered once more: doubled, and late."""
        self.world.queue += self.world.delivered
        self.world.changed += self.world.told

    # What there is to see.

    def facts(self, number: int) -> Facts:
        newest, live = self.world.newest(), self.world.live()
        return Facts(
            self.world.approval(number),
            self.world.recorded(number),
            live=live == number,
            wanted=number == newest,
            answered=live is not None,
            successor=newest is not None,
        )

    def state(self, number: int) -> State:
        return state_of(self.facts(number))

    def summary(self) -> list[tuple[str, str, bool]]:
        return [
            (self.world.approval(n), self.world.recorded(n), self.world.live() == n)
            for n in sorted(self.world.versions)
        ]


@contextmanager
def platform(
    functions: tuple[SimpleNamespace, SimpleNamespace], count: int = 3, *, uploads: Sequence[int] = ()
) -> Iterator[Platform]:
    """Version 1 is live and right; the others wait for a decision.

    `uploads`: which place each version's upload had, when they were registered in another order.
    """
    world = World()
    for number, uploaded in enumerate(uploads or range(1, count + 1), start=1):
        world.add(number, uploaded=uploaded)
    made = clients(world)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
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
