"""`mlops approve` and `rollback`, with the real functions on the other side of the registry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from botocore.exceptions import ClientError

from cli import registry
from cli.errors import CliError
from tests.unit.deployment.fake import SageMaker, refusal
from tests.unit.deployment.platform import Platform, platform
from tests.unit.deployment.test_stop_and_deploy import MODEL, Target
from tracking.states import State


@pytest.fixture
def here(functions: tuple[SimpleNamespace, SimpleNamespace]) -> Iterator[Platform]:
    """Five versions, each approved when its turn came: the last one is live."""
    with platform(functions, count=5) as made:
        for number in range(2, 6):
            made.decide(number, "Approved")
            made.run()
        made.world.writes.clear()
        yield made


@pytest.fixture
def target(here: Platform, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(registry, "decider", lambda _: "me")
    return Target(here)


@pytest.fixture
def begun(here: Platform, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The versions that the endpoint set out for."""
    found: list[int] = []
    begin = SageMaker._begin

    def seen(self: SageMaker, config: str, status: str) -> None:
        found.append(self.world.version_of(config))
        begin(self, config, status)

    monkeypatch.setattr(SageMaker, "_begin", seen)
    return found


def between_writes(work: Callable[[], None]) -> Any:
    """Something happens after each write of the command."""
    update = SageMaker.update_model_package

    def write(self: SageMaker, **request: Any) -> None:
        update(self, **request)
        if self.world.writer == "person":
            work()
            self.world.writer = "person"

    return mock.patch.object(SageMaker, "update_model_package", write)


@pytest.mark.parametrize("wanted", [1, 2, 3, 4])
@pytest.mark.parametrize("settle", [True, False])
def test_a_rollback_over_several_versions_is_one_step(
    here: Platform, target: Any, begun: list[int], wanted: int, settle: bool
) -> None:
    """Also when the functions work between any two writes, and when every event comes twice."""

    def work() -> None:
        here.run(settle=settle)
        here.again()
        here.run(settle=settle)

    here.world.writer = "person"
    with between_writes(work):
        registry.rollback(target, MODEL, number=wanted, reason="it is worse")
    here.again()
    here.run()
    assert begun == [wanted]
    assert (here.world.live(), here.state(wanted)) == (wanted, State.LIVE)
    assert [here.world.approval(number) for number in range(wanted + 1, 6)] == ["Rejected"] * (5 - wanted)


def test_a_rollback_to_a_rejected_version_approves_it_first(here: Platform, target: Any, begun: list[int]) -> None:
    here.decide(2, "Rejected")
    here.run()
    registry.rollback(target, MODEL, number=2, reason="it is worse")
    here.run()
    assert (begun, here.world.live()) == ([2], 2)


@pytest.mark.parametrize("last", [0, 1, 2])
def test_a_rollback_that_stops_on_its_way_changes_nothing_and_can_go_on(
    here: Platform, target: Any, begun: list[int], last: int
) -> None:
    update, written = SageMaker.update_model_package, []

    def write(self: SageMaker, **request: Any) -> None:
        if len(written) == last:
            raise refusal("ThrottlingException", "Rate exceeded", "UpdateModelPackage")
        written.append(request)
        update(self, **request)

    with mock.patch.object(SageMaker, "update_model_package", write), pytest.raises(CliError) as stopped:
        registry.rollback(target, MODEL, number=2, reason="it is worse")
    assert "version 5 stays live" in stopped.value.message
    assert stopped.value.hint == "Go on with it: mlops rollback 2."
    assert isinstance(stopped.value.__cause__, ClientError)
    here.run()
    assert (begun, here.world.live()) == ([], 5)
    registry.rollback(target, MODEL, number=2, reason="it is worse")
    here.run()
    assert (begun, here.world.live()) == ([2], 2)


def test_an_older_version_is_not_approved_but_rolled_back_to(here: Platform, target: Any, begun: list[int]) -> None:
    here.decide(3, "Rejected")
    here.run()
    here.world.writes.clear()
    version = registry.find_version(target, MODEL, 3)
    with pytest.raises(CliError) as refused:
        registry.approve(target, version, reason="it was good")
    assert refused.value.message == "Version 3 would not become live: version 5 has a later upload, and is approved."
    assert refused.value.hint == "Go back to it: mlops rollback 3."
    assert (here.world.writes, begun) == ([], [])


def test_what_is_approved_already_is_told(here: Platform, target: Any) -> None:
    with pytest.raises(CliError, match="Version 5 is approved and live already"):
        registry.approve(target, registry.find_version(target, MODEL, 5), reason="")
    here.lose()
    with pytest.raises(CliError, match="Version 5 is approved already: endpoint gone") as refused:
        registry.approve(target, registry.find_version(target, MODEL, 5), reason="")
    assert refused.value.hint == f"Bring it to the endpoint: mlops deploy {MODEL}."
    assert here.world.writes == []


def test_a_version_that_failed_is_tried_again_and_its_past_is_told(here: Platform, target: Any) -> None:
    here.world.add(6)
    here.world.wrong_rows.add(6)
    assert registry.approve(target, registry.find_version(target, MODEL, 6), reason="") == ""
    here.run()
    assert here.state(6) == State.FAILED
    here.world.wrong_rows.clear()
    told = registry.approve(target, registry.find_version(target, MODEL, 6), reason="")
    assert told.startswith("Version 6 failed before: ")
    assert told.endswith(". It is tried again.")
    here.run()
    assert here.world.live() == 6


def test_the_way_back_from_a_rollback_is_an_approval(here: Platform, target: Any, begun: list[int]) -> None:
    registry.rollback(target, MODEL, number=None, reason="it is worse")
    here.run()
    registry.approve(target, registry.find_version(target, MODEL, 5), reason="it was right")
    here.run()
    assert (begun, here.world.live()) == ([4, 5], 5)


def test_without_an_endpoint_a_rollback_says_how_it_comes_back(here: Platform, target: Any) -> None:
    here.lose()
    with pytest.raises(CliError, match="No version of california_housing is live") as refused:
        registry.rollback(target, MODEL, number=4, reason="it is worse")
    assert refused.value.hint == f"Bring the approved one back: mlops deploy {MODEL}."
