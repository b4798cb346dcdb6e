"""The order of the uploads decides which version is the newer one, whichever was registered first."""

from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace
from unittest import mock

import pytest

from tests.unit.deployment.platform import platform
from tracking.states import State

Functions = tuple[SimpleNamespace, SimpleNamespace]


def test_an_earlier_upload_that_is_registered_last_does_not_become_live(functions: Functions) -> None:
    """A large file, and its small correction that is through first."""
    with platform(functions, uploads=(1, 3, 2)) as here:
        here.decide(2, "Approved")
        here.run()
        here.decide(3, "Approved")
        here.run()
        assert (here.world.live(), here.state(2), here.state(3)) == (2, State.LIVE, State.SUPERSEDED)
        assert here.world.recorded(3) == "superseded"
        reason = here.world.versions[3]["CustomerMetadataProperties"]["deployment_reason"]
        assert reason == "Version 2 has the later upload and was approved before this one was live."
        here.check()
        here.again()
        here.run()
        assert here.world.live() == 2


def test_an_earlier_upload_is_live_once_the_later_one_is_rejected(functions: Functions) -> None:
    with platform(functions, uploads=(1, 3, 2)) as here:
        for number in (2, 3):
            here.decide(number, "Approved")
            here.run()
        here.decide(2, "Rejected")
        here.run()
        assert (here.world.live(), here.state(3)) == (3, State.LIVE)


def test_an_earlier_upload_does_not_end_a_stop(functions: Functions) -> None:
    with platform(functions, uploads=(1, 3, 2)) as here:
        here.decide(2, "Approved")
        here.run()
        here.stop()
        here.run()
        here.decide(3, "Approved")
        here.run()
        assert (here.world.live(), here.state(2), here.world.recorded(3)) == (None, State.STOPPED, "superseded")


def test_versions_that_do_not_tell_their_upload_count_from_their_registration(functions: Functions) -> None:
    with platform(functions) as here:
        for version in here.world.versions.values():
            del version["CustomerMetadataProperties"]["uploaded_at"]
        for number in (3, 2):
            here.decide(number, "Approved")
            here.run()
        assert (here.world.live(), here.world.recorded(2)) == (3, "superseded")


def test_what_was_compared_with_an_earlier_champion_is_evaluated_again(functions: Functions) -> None:
    """Two files at the same time: the second was compared with version 1, and version 2 is the champion since."""
    with platform(functions, count=1) as here:
        here.world.register(2, compared="1")
        here.run()
        assert here.world.asked == []
        here.world.register(3, compared="1")
        here.run()
        assert (here.world.live(), here.state(3), here.world.recorded(3)) == (2, State.OUTDATED, "outdated")
        reason = here.world.versions[3]["CustomerMetadataProperties"]["deployment_reason"]
        assert reason == "It was compared with version 1 and version 2 is the champion now: it is evaluated again."
        request = {"model": "california_housing", "run_id": f"{3:016x}", "attempt": "champion-2"}
        assert here.world.asked == [request]
        # What comes twice asks for the same attempt, which starts one training.
        here.again()
        here.check()
        here.run()
        assert {json.dumps(asked) for asked in here.world.asked} == {json.dumps(request)}
        here.world.register(4, compared="2", uploaded=3)
        here.run()
        assert (here.world.live(), here.state(4), here.state(3)) == (4, State.LIVE, State.OUTDATED)


def test_the_first_champion_counts_too(functions: Functions) -> None:
    with platform(functions, count=1) as here:
        here.world.register(2, compared="none")
        here.run()
        assert (here.world.live(), here.state(2)) == (1, State.OUTDATED)


@pytest.mark.parametrize("late", [True, False])
def test_a_lost_event_of_its_rejection_is_looked_for(functions: Functions, late: bool) -> None:
    """Nothing but that event asks for the evaluation: a check does, once the event is ten minutes late."""
    with platform(functions, count=1) as here:
        here.world.register(2, compared="1")
        here.run()
        here.world.register(3, compared="1")
        assert here.deliver(here.world.queue.pop())
        here.world.queue.clear()
        here.check(later=timedelta(minutes=10 if late else 9))
        here.check(later=timedelta(minutes=20 if late else 0))
        assert [asked["attempt"] for asked in here.world.asked] == ["champion-2"] * late
        assert here.world.counted.count("LostEvents") == late


@pytest.mark.parametrize("compared", ["1", ""])
def test_what_was_compared_with_the_champion_is_deployed(functions: Functions, compared: str) -> None:
    """Versions from before do not tell with what they were compared."""
    with platform(functions, count=1) as here:
        here.world.register(2, compared=compared)
        here.run()
        assert (here.world.live(), here.world.asked) == (2, [])


def test_a_later_version_of_an_earlier_upload_is_no_champion_of_this_one(functions: Functions) -> None:
    """While it waits for the endpoint another one is registered, and superseded at once: that takes nothing back."""
    with platform(functions, count=2) as here:
        here.decide(2, "Approved")
        here.run(settle=False)
        here.world.register(3, compared="2", uploaded=5)
        waits = here.world.queue.pop()
        assert not here.deliver(waits)
        here.world.register(4, compared="2", uploaded=4)
        here.world.queue.append(waits)
        here.run()
        assert (here.world.live(), here.state(3), here.world.recorded(4)) == (3, State.LIVE, "superseded")
        assert here.world.asked == []


def test_what_a_person_approves_is_not_taken_back(functions: Functions) -> None:
    """With the command, or in the console, which leaves no name."""
    with platform(functions, count=1) as here:
        here.world.register(2, compared="1")
        here.world.register(3, compared="1")
        here.run()
        assert here.state(3) == State.OUTDATED
        here.decide(3, "Approved")
        here.run()
        assert (here.world.live(), here.state(3)) == (3, State.LIVE)
        here.world.register(4, compared="1")
        here.world.queue.clear()
        here.decide(4, "Rejected")
        here.decide(4, "Approved")
        here.run()
        assert (here.world.live(), here.state(4)) == (4, State.LIVE)


def test_a_person_who_rejects_it_asks_for_nothing(functions: Functions) -> None:
    with platform(functions, count=1) as here:
        here.world.register(2, compared="1")
        here.world.register(3, compared="1")
        here.run()
        asked = list(here.world.asked)
        here.world.versions[3]["CustomerMetadataProperties"]["decided_by"] = "me"
        here.decide(3, "Rejected")
        here.run()
        assert here.world.asked == asked


def test_a_request_that_was_not_taken_is_made_again(functions: Functions) -> None:
    with platform(functions, count=1) as here:
        here.world.register(2, compared="1")
        here.run()
        here.world.register(3, compared="1")
        refused = {"FailedEntryCount": 1}
        assert here.deliver(here.world.queue.pop())
        (rejected,) = here.world.queue
        deploy = functions[0]
        with (
            mock.patch.object(deploy.evaluation, "bus", SimpleNamespace(put_events=lambda **_: refused)),
            pytest.raises(deploy.evaluation.NotAskedError, match="EventBridge did not take"),
        ):
            here.deliver(rejected)
        here.run()
        assert [asked["attempt"] for asked in here.world.asked] == ["champion-2"]


def test_the_calls_of_a_burst_do_not_grow_with_its_square(functions: Functions) -> None:
    """All of them registered after the upload of the last one, as many files at once are."""
    calls = {}
    for count in (20, 80):
        with platform(functions, uploads=[1] * count) as here:
            for number in range(2, count + 1):
                here.world.versions[number]["CustomerMetadataProperties"]["upload_sequencer"] = f"{number:04}"
                here.decide(number, "Approved")
            begin = here.described
            here.run()
            for _ in range(20):
                here.check(later=timedelta(minutes=1))
            calls[count] = here.described - begin
            assert (here.world.live(), here.state(count - 1)) == (count, State.SUPERSEDED)
    assert calls[80] < 4.5 * calls[20], calls


def test_a_stop_of_what_was_overtaken_ends_with_the_stop(functions: Functions) -> None:
    """A stop is recorded of every approved version, whatever was remembered of one before."""
    with platform(functions, uploads=(1, 3, 2)) as here:
        for number in (2, 3):
            here.decide(number, "Approved")
            here.run()
        assert here.world.recorded(3) == "superseded"
        here.stop()
        here.run()
        assert here.state(3) == State.STOPPED
        here.bring_back()
        here.run()
        assert (here.world.live(), here.world.recorded(3)) == (2, "superseded")
