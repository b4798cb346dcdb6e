"""The smoke test: what counts as an answer, and what the command says of it."""

from __future__ import annotations

import json
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from typer.testing import CliRunner

from cli import api, delivery, smoke
from cli.errors import CliError
from cli.main import app
from cli.target import Target

ANSWER = {"model_version": 3, "predictions": [{"value": 206855.5}]}


class Environment:
    stage = "dev"
    models = ("breast_cancer", "california_housing")

    def client(self, service: str) -> str:
        return service

    def resource_name(self, model: str) -> str:
        return f"mlops-dev-{model}"


APPROVED = {"ModelPackageVersion": 3}


def refused(model: str) -> api.RefusedError:
    return api.RefusedError(
        f"The REST API refused the request (503): no version of {model} is live; GET /models/{model} says why",
        status=503,
    )


def verdicts(
    monkeypatch: pytest.MonkeyPatch,
    answer: dict[str, Any] | CliError | None,
    approved: dict[str, Any] | None = APPROVED,
) -> set[tuple[str, str]]:
    """Of an `answer`; None: no version is live."""

    def predict(target: Any, *, model: str, instances: list[dict[str, Any]]) -> dict[str, Any]:
        assert instances == [{"rooms": 3}]
        if answer is None:
            raise refused(model)
        if isinstance(answer, CliError):
            raise answer
        return answer

    monkeypatch.setattr(api, "predict", predict)
    if isinstance(answer, dict):
        monkeypatch.setattr(smoke, "newest_approved", lambda *_: approved)
    monkeypatch.setattr(api, "model_document", lambda *_: {"example": {"rooms": 3}})
    return {(item.verdict, item.detail) for item in smoke.check(Environment())}  # type: ignore[arg-type]


def test_a_number_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert verdicts(monkeypatch, ANSWER) == {("ok", "version 3 answers 206,856")}


def test_a_rejected_version_that_goes_on_serving_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    told = "version 3 answers 206,856; it is rejected, still serving, nothing to go back to"
    assert verdicts(monkeypatch, ANSWER, approved=None) == {("rejected", told)}


def test_a_stopped_model_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    package = {"ModelPackageVersion": 4, "CustomerMetadataProperties": {"deployment_state": "stopped"}}
    monkeypatch.setattr(smoke, "newest_approved", lambda *_: package)
    found = verdicts(monkeypatch, None)
    assert found == {("stopped", f"Bring it back: mlops deploy {model}.") for model in Environment.models}


@pytest.mark.parametrize("value", [None, "12", float("nan"), float("inf")])
def test_anything_else_is_a_failure(monkeypatch: pytest.MonkeyPatch, value: Any) -> None:
    ((verdict, detail),) = verdicts(monkeypatch, {"predictions": [{"value": value}]})
    assert (verdict, detail.partition(":")[0]) == ("failed", "The answer holds no number")


def test_a_fresh_environment_has_no_model_and_is_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smoke, "newest_approved", lambda *_: None)
    assert verdicts(monkeypatch, None) == {("no model yet", refused(model).message) for model in Environment.models}


def test_an_approved_version_that_does_not_answer_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its endpoint failed, say, or was deleted."""
    groups: list[str] = []

    def newest(_: Any, group: str) -> dict[str, Any]:
        groups.append(group)
        return {"ModelPackageVersion": 4}

    monkeypatch.setattr(smoke, "newest_approved", newest)
    found = verdicts(monkeypatch, None)
    assert found == {("failed", f"Version 4 is approved. {refused(model).message}") for model in Environment.models}
    assert groups == ["mlops-dev-breast_cancer", "mlops-dev-california_housing"]


def test_a_refusal_for_another_reason_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    message = "The REST API refused the request (502): The prediction failed."
    assert verdicts(monkeypatch, api.RefusedError(message, status=502)) == {("failed", message)}


@pytest.mark.parametrize("status", [429, 503, 504])
def test_a_cold_model_is_asked_again(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    clock = SimpleNamespace(now=0.0, asked=0)

    def sleep(seconds: float) -> None:
        clock.now += seconds

    def predict(*_: Any, **__: Any) -> dict[str, Any]:
        clock.asked += 1
        if clock.now < clock.warm:
            raise api.RefusedError("it may be starting", status=status)
        return ANSWER

    monkeypatch.setattr(smoke, "time", SimpleNamespace(monotonic=lambda: clock.now, sleep=sleep))
    monkeypatch.setattr(api, "predict", predict)
    monkeypatch.setattr(smoke, "newest_approved", lambda *_: APPROVED)
    monkeypatch.setattr(api, "model_document", lambda *_: {"example": {"rooms": 3}})
    clock.warm = 60.0
    assert smoke._ask(Environment(), "breast_cancer").verdict == "ok"  # type: ignore[arg-type]
    assert clock.asked == 7
    clock.warm = float("inf")
    answer = smoke._ask(Environment(), "breast_cancer")  # type: ignore[arg-type]
    assert (answer.verdict, answer.detail) == ("failed", "it may be starting")
    assert 60 + smoke.PATIENCE_SECONDS <= clock.now <= 60 + smoke.PATIENCE_SECONDS + 2 * smoke.PAUSE_SECONDS


def deployed(target: Target, **outputs: str) -> str:
    described = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
    stack = {"StackName": "s", "CreationTime": datetime(2026, 1, 2), "StackStatus": "CREATE_COMPLETE"}
    with Stubber(target.client("cloudformation")) as cloudformation:
        answer = {"Stacks": [{**stack, "Outputs": described}]}
        cloudformation.add_response("describe_stacks", answer, {"StackName": "mlops-dev-training"})
        return smoke.deployed_commit(target)


def test_the_deployed_commit_is_what_the_stack_says() -> None:
    target = Target(stage="dev", session=boto3.Session("x", "x", region_name="eu-west-1"))
    assert deployed(target, ModelNames="a", CodeCommit="c0ffee") == "c0ffee"
    assert deployed(target, ModelNames="a") == "unknown"
    with Stubber(target.client("cloudformation")) as cloudformation:
        cloudformation.add_client_error("describe_stacks", "ValidationError")
        # Neither the stack nor one of GitHub's roles: nothing is deployed here yet.
        cloudformation.add_client_error("describe_stacks", "ValidationError")
        assert smoke.deployed_commit(target) == "unknown"
        cloudformation.add_client_error("describe_stacks", "AccessDenied")
        with pytest.raises(ClientError, match="AccessDenied"):
            smoke.deployed_commit(target)


@pytest.mark.parametrize(("stage", "here"), [("dev", True), ("prod", False)])
def test_an_account_of_another_environment_is_told_by_its_roles(stage: str, here: bool) -> None:
    target = Target(stage=stage, session=boto3.Session("x", "x", region_name="eu-west-1"))
    outputs = [{"OutputKey": f"{role}RoleArn", "OutputValue": "arn"} for role in ("Diff", "DeployDev", "Push")]
    delivery_stack = {"StackName": "mlops-delivery", "CreationTime": datetime(2026, 1, 2), "Outputs": outputs}
    with Stubber(target.client("cloudformation")) as cloudformation:
        cloudformation.add_client_error("describe_stacks", "ValidationError")
        answer = {"Stacks": [{**delivery_stack, "StackStatus": "CREATE_COMPLETE"}]}
        cloudformation.add_response("describe_stacks", answer, {"StackName": "mlops-delivery"})
        if here:
            assert smoke.deployed_commit(target) == "unknown"
            return
        with pytest.raises(CliError) as raised:
            smoke.deployed_commit(target)
    assert raised.value.message == ("This is not the account of prod: its stack mlops-delivery has roles for dev.")
    assert "DiffRoleArn" in raised.value.hint


def test_a_missing_lookup_role_names_the_bootstrap() -> None:
    target = Target(stage="dev", session=boto3.Session("x", "x", region_name="eu-west-1"))
    identity = {"UserId": "u", "Account": "111122223333", "Arn": "arn:aws:sts::111122223333:assumed-role/diff/x"}
    with Stubber(target.client("sts")) as sts:
        sts.add_response("get_caller_identity", identity)
        sts.add_client_error("assume_role", "AccessDenied")
        with pytest.raises(CliError) as raised:
            smoke.through_lookup_role(target)
    assert "cdk-hnb659fds-lookup-role-111122223333-eu-west-1" in raised.value.message
    assert raised.value.hint == "Bootstrap that region: ./dev cdk bootstrap aws://111122223333/eu-west-1."


@pytest.mark.parametrize(("answer", "code"), [(ANSWER, 0), (CliError("The REST API did not answer"), 1)])
def test_the_command_fails_when_a_model_does(
    monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any] | CliError, code: int
) -> None:
    verdicts(monkeypatch, answer)
    monkeypatch.setattr(delivery, "find_target", lambda **_: Environment())
    done = CliRunner().invoke(app, ["smoke", "--json"])
    document = json.loads(done.stdout)
    assert (done.exit_code, document["ok"]) == (code, not code)
    assert [item["model"] for item in document["models"]] == list(Environment.models)
