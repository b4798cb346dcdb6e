"""`mlops stop` and `mlops deploy`, with the real functions on the other side of the registry."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner, Result

from cli import deployment, lifecycle, registry, serving
from cli.main import app
from tests.unit.deployment.fake import GROUP, clients
from tests.unit.deployment.platform import Platform, platform
from tracking.place import Place, resource_name
from tracking.states import State

MODEL, OTHER = "california_housing", "breast_cancer"


class Target:
    """The world as the command line sees it; `records` are those of the multi-model endpoint, by model."""

    stage, where, models = "dev", "local", (OTHER, MODEL)

    def __init__(self, here: Platform, *, shared: bool = False) -> None:
        self._clients = {
            **clients(here.world),
            "application-autoscaling": clients(here.world)["autoscaling"],
            "s3": self,
        }
        self.records: dict[str, bytes] = {}
        bucket = "artifact" if shared else None
        self.place = Place(self.client, "mlops-dev-", "processed", "etl", "artifact", shared_bucket=bucket)

    def client(self, service: str) -> Any:
        return self._clients[service]

    def resource_name(self, model: str) -> str:
        return resource_name("mlops-dev-", model)

    def get_object(self, *, Key: str, **_: Any) -> Any:  # noqa: N803  (AWS's name)
        if Key not in self.records:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "gone"}}, "GetObject")
        return {"Body": io.BytesIO(self.records[Key]), "ETag": "e"}

    def delete_object(self, *, Key: str, **_: Any) -> None:  # noqa: N803
        self.records.pop(Key, None)


@pytest.fixture
def here(functions: tuple[SimpleNamespace, SimpleNamespace], monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    with platform(functions) as made:
        meet(made, Target(made), monkeypatch)
        yield made


def meet(here: Platform, target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (serving, lifecycle):
        monkeypatch.setattr(module, "find_target", lambda **_: target)
    monkeypatch.setattr(serving, "wait_for", lambda *_, **__: None)
    for module in (serving, registry):
        monkeypatch.setattr(module, "decider", lambda _: "me")
    for module in (serving, deployment):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: 0.0, sleep=lambda _: here.run()))


def mlops(*words: str, answer: str = "y\n") -> Result:
    done = CliRunner().invoke(app, list(words), input=answer)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.output
    return done


def test_a_model_goes_and_comes_back(here: Platform) -> None:
    done = mlops("stop", MODEL)
    assert done.exit_code == 0, done.output
    assert f"{GROUP} will be deleted" in " ".join(done.output.split())
    assert "503" in done.output
    here.again()
    here.run()
    assert (here.world.endpoint, here.state(1)) == (None, State.STOPPED)
    assert json.loads(mlops("deploy", MODEL, "--json").stdout)["deployment"] == "live"
    assert (here.world.live(), here.state(1)) == (1, State.LIVE)


def test_who_says_no_keeps_it(here: Platform) -> None:
    assert mlops("stop", MODEL, answer="n\n").exit_code != 0
    assert here.world.live() == 1
    assert here.world.writes == []


def test_an_endpoint_that_changes_is_waited_for(here: Platform) -> None:
    here.decide(2, "Approved")
    here.run(settle=False)
    assert here.world.pending
    assert mlops("stop", MODEL, "--yes").exit_code == 0
    here.run()
    assert (here.world.endpoint, here.state(2)) == (None, State.STOPPED)


def test_what_is_stopped_is_not_stopped_again(here: Platform) -> None:
    mlops("stop", MODEL, "--yes")
    done = mlops("stop", MODEL, "--yes")
    assert done.exit_code == 1
    assert f"mlops deploy {MODEL}" in " ".join(done.output.split())


def test_an_endpoint_that_is_gone_is_brought_back(here: Platform) -> None:
    here.lose()
    assert here.state(1) == State.GONE
    assert mlops("deploy", MODEL).exit_code == 0
    assert here.state(1) == State.LIVE


def test_what_the_environment_refuses_is_told_and_waits(here: Platform) -> None:
    here.lose()
    here.world.broken = ("ValidationException", "The subnet ID 'subnet-1' does not exist")
    done = mlops("deploy", MODEL, "--json")
    told = json.loads(done.stdout)
    assert done.exit_code == 1
    assert told["error"] == (
        "Version 1 stays approved, and cannot be deployed now: The subnet ID subnet-1 does not exist."
    )
    assert f"mlops deploy {MODEL}" in told["hint"]
    here.world.broken = None
    assert mlops("deploy", MODEL).exit_code == 0


def test_approve_tells_it_in_the_same_words(here: Platform) -> None:
    here.world.broken = ("ValidationException", "The subnet ID 'subnet-1' does not exist")
    told = json.loads(mlops("approve", "2", "--model", MODEL, "--json").stdout)
    assert told["error"] == (
        "Version 2 stays approved, and cannot be deployed now: The subnet ID subnet-1 does not exist."
    )


def test_a_version_that_is_overtaken_while_it_is_waited_for_says_by_which(
    here: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.lose()
    monkeypatch.setattr(deployment.time, "sleep", lambda _: here.decide(2, "Approved"))
    told = json.loads(mlops("deploy", MODEL, "--json").stdout)
    assert told["error"] == "Version 1 is no longer the newest approved one: 2 is."


def test_without_an_approved_version_there_is_nothing_to_deploy(here: Platform) -> None:
    here.decide(1, "Rejected")
    here.run()
    done = mlops("deploy", MODEL)
    assert (done.exit_code, here.state(1)) == (1, State.STILL_SERVING)
    assert "No version of california_housing is approved" in " ".join(done.output.split())


def test_an_approval_after_the_stop_ends_it(here: Platform) -> None:
    mlops("stop", MODEL, "--yes")
    here.world.tick(5)
    here.decide(2, "Approved")
    here.run()
    assert (here.world.live(), here.state(2), here.state(1)) == (2, State.LIVE, State.SUPERSEDED)


@pytest.mark.parametrize("others", [True, False])
def test_of_a_shared_endpoint_a_model_is_taken_off_and_the_last_one_takes_it_along(
    functions: tuple[SimpleNamespace, SimpleNamespace], monkeypatch: pytest.MonkeyPatch, others: bool
) -> None:
    with platform(functions) as here:
        target = Target(here, shared=True)
        meet(here, target, monkeypatch)
        record = {"package": "p", "version": 1, "target": "t"}
        sharing = [MODEL, OTHER] if others else [MODEL]
        for model in sharing:
            target.records[f"multi-model/live/{model}.json"] = json.dumps(record).encode()
        deleted: list[str] = []
        sagemaker = target.client("sagemaker")
        monkeypatch.setattr(sagemaker, "describe_endpoint", lambda **_: {"EndpointStatus": "InService"})
        monkeypatch.setattr(sagemaker, "delete_endpoint", lambda **request: deleted.append(request["EndpointName"]))
        plan = serving._endpoints(target, MODEL)  # type: ignore[arg-type]
        assert ("stays, and costs, for breast_cancer" in serving._question(target, MODEL, plan)) is others  # type: ignore[arg-type]
        serving._take_down(target, MODEL, plan)  # type: ignore[arg-type]
        shared = "mlops-dev-multi-model"
        assert (shared in deleted) is not others
        assert f"multi-model/live/{MODEL}.json" not in target.records
