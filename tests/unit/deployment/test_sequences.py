"""What the functions make of a model's versions, whatever happens in whatever order: every sequence of four events."""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.deployment.platform import Platform, platform
from tracking.states import State

QUOTA = (
    "ResourceLimitExceeded",
    "The account-level service limit 'ml.m5.large for endpoint usage' is 0 Instances, with current utilization of 0 "
    "Instances and a request delta of 1 Instances. Please contact AWS support to request an increase for this limit.",
)
CAPACITY = "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error."
ALARMS = "One or more alarms of the auto-rollback configuration went into the ALARM state"

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
    "lost": lambda here: here.forget(),
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
        # Its run has ended too: what a newer one overtook does not wait for the endpoint.
        assert state != State.SUPERSEDED or here.world.recorded(number), (story, states)
    # A stop ends for all of them: one that was overtaken is not left as stopped.
    newest = here.world.newest()
    if newest is not None and states[newest] == State.LIVE:
        stopped = [n for n in states if here.world.approval(n) == "Approved" and here.world.recorded(n) == "stopped"]
        assert not stopped, (story, stopped)
    settled = here.summary()
    here.again()
    here.run()
    assert here.summary() == settled, (story, "what was doubled and late changed something")


def explore(here: Platform, story: tuple[str, ...], seen: dict[str, int]) -> int:
    """Every continuation of the story up to LONGEST. Two that lead to the same world go on in the same way."""
    kept, stories = here.keep(), 1
    comes_to_rest(here, story)
    for name in ACTS if len(story) < LONGEST else ():
        here.restore(kept)
        act(here, longer := (*story, name))
        likeness = here.likeness()
        if seen.get(likeness, LONGEST + 1) > len(longer):
            seen[likeness] = len(longer)
            stories += explore(here, longer, seen)
    return stories


@pytest.mark.parametrize("uploads", [(1, 2, 3), (1, 3, 2)], ids=["in order", "the later upload first"])
@pytest.mark.parametrize("first", ACTS)
def test_every_sequence_comes_to_rest_in_a_state_that_is_right(
    functions: tuple[SimpleNamespace, SimpleNamespace], first: str, uploads: tuple[int, ...]
) -> None:
    logging.disable(logging.CRITICAL)
    try:
        with platform(functions, uploads=uploads) as here:
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
