"""The order of the uploads decides which version is the newer one, whichever was registered first."""

from __future__ import annotations

from types import SimpleNamespace

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
