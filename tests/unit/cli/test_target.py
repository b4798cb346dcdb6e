"""Where commands act, and what they say when there is nothing to act on."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from typer.testing import CliRunner

from cli import local, main
from cli import target as targets
from cli.errors import CliError
from cli.local import only_one
from cli.target import Target, find_target, local_target, running_cloud
from localcloud.door.keys import Keys

OUTPUTS = {
    "data": {"RawBucketName": "raw"},
    "etl": {"WorkflowName": "mlops-dev-etl"},
    "training": {"ModelNames": "california_housing,breast_cancer"},
    "serving": {"ApiUrl": "https://abc123.execute-api.eu-west-1.amazonaws.com/v1/", "ApiKeyId": "key"},
    "batch": {},
    "recovery": {},
    "monitoring": {},
}


def session() -> boto3.Session:
    return boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="eu-west-1")


def with_outputs(endpoint: str | None) -> Target:
    """A target whose stacks answer with OUTPUTS, once."""
    target = Target(stage="dev", session=session(), endpoint=endpoint)
    stubber = Stubber(target.client("cloudformation"))
    for stack, outputs in OUTPUTS.items():
        name = f"mlops-dev-{stack}"
        pairs = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
        described = {"StackName": name, "CreationTime": 0, "StackStatus": "CREATE_COMPLETE", "Outputs": pairs}
        stubber.add_response("describe_stacks", {"Stacks": [described]}, {"StackName": name})
    stubber.activate()
    return target


@pytest.fixture
def state_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "cloud.json"
    monkeypatch.setattr(targets, "STATE_FILE", path)
    return path


@pytest.fixture
def endpoint() -> Iterator[str]:
    """An address at which something listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def write_state(path: Path, **changes: Any) -> None:
    state = {"endpoint": "http://127.0.0.1:1", "pid": os.getpid(), "stage": "dev", "region": "us-east-1"}
    state |= {"access_key": "AKIALOCAL", "secret_key": "of this start"}
    path.write_text(json.dumps({**state, **changes}))


def test_the_api_of_aws_is_the_stack_output() -> None:
    assert with_outputs(None).api_url == "https://abc123.execute-api.eu-west-1.amazonaws.com/v1"


def test_the_local_api_goes_through_the_local_cloud() -> None:
    target = with_outputs("http://127.0.0.1:4599")
    assert target.api_url == "http://127.0.0.1:4599/_aws/execute-api/abc123/v1"


def test_names_follow_the_stage_and_take_no_underscore() -> None:
    target = Target(stage="prod", session=session())
    assert target.resource_name("california_housing") == "mlops-prod-california-housing"


def test_an_unknown_model_is_named_with_the_known_ones() -> None:
    target = with_outputs(None)
    target.check_model("breast_cancer")
    with pytest.raises(CliError, match=r"'wine' in dev.*california_housing, breast_cancer"):
        target.check_model("wine")


def test_a_missing_stack_says_how_to_deploy() -> None:
    target = Target(stage="dev", session=session())
    with Stubber(target.client("cloudformation")) as stubber:
        stubber.add_client_error("describe_stacks", "ValidationError", "Stack with id mlops-dev-data does not exist")
        with pytest.raises(CliError, match=r"mlops-dev-data was not found.*cdk deploy 'dev/\*'"):
            target.output("RawBucketName")


def test_the_local_cloud_is_taken_while_it_runs(state_file: Path, endpoint: str) -> None:
    write_state(state_file, endpoint=endpoint)
    found = find_target(where=None, stage=None)
    assert (found.where, found.endpoint, found.stage) == ("local", endpoint, "dev")
    with pytest.raises(CliError, match=f"is up already at {endpoint}"), only_one():
        pytest.fail("a second local cloud was let in")


@pytest.mark.parametrize("content", ["", "{bad", "{}", "[]"])
def test_a_spoilt_state_file_is_no_local_cloud(state_file: Path, content: str) -> None:
    state_file.write_text(content)
    assert running_cloud() is None
    with pytest.raises(CliError, match="The local cloud has died"):
        find_target(where=None, stage=None)


def test_another_process_with_the_number_of_a_dead_cloud_is_not_taken_for_it(state_file: Path) -> None:
    write_state(state_file)
    assert running_cloud() is None


def test_aws_is_taken_when_asked_for(state_file: Path, endpoint: str) -> None:
    write_state(state_file, endpoint=endpoint)
    assert find_target(where="aws", stage="prod").where == "aws"


@pytest.mark.parametrize("where", [None, "local"])
def test_a_local_cloud_that_died_is_said_and_aws_is_not_taken_for_it(
    state_file: Path, endpoint: str, where: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boto3, "Session", lambda **_: pytest.fail("it turned to AWS"))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    write_state(state_file, endpoint=endpoint, pid=ended.pid)
    with pytest.raises(CliError) as told:
        find_target(where=where, stage=None)
    assert told.value.message == (
        f"The local cloud at {endpoint} has died: nothing answers there, and what it held is gone."
    )
    assert told.value.hint.startswith("Start a new one in another terminal: mlops local up.")
    assert ("--on aws" in told.value.hint) == (where is None)


def test_without_a_local_cloud_aws_has_to_be_asked_for(state_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "Session", lambda **_: pytest.fail("it turned to AWS"))
    with pytest.raises(CliError, match=r"^No local cloud is running\. Start one .*: mlops local up\..*add --on aws"):
        find_target(where=None, stage="prod")


def test_a_dead_local_cloud_does_not_hinder_a_new_one(state_file: Path) -> None:
    write_state(state_file)
    with only_one():
        pass


@pytest.mark.parametrize(("chosen", "asked", "taken"), [("aws", [], "aws"), ("aws", ["--on", "local"], "local")])
def test_aws_may_be_chosen_for_a_shell(
    chosen: str, asked: list[str], taken: str, state_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = []

    def find(**options: Any) -> Target:
        places.append(options["where"])
        raise CliError("far enough")

    monkeypatch.setattr(main, "find_target", find)
    monkeypatch.setenv("MLOPS_ON", chosen)
    assert CliRunner().invoke(main.app, ["runs", *asked]).exit_code == 1
    assert places == [taken]


def test_nobodys_profile_changes_the_local_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "does-not-exist")
    keys = Keys("AKIALOCAL", "of this start")
    target = local_target(endpoint="http://127.0.0.1:1", stage="dev", region="us-east-1", keys=keys)
    found = target.session.get_credentials()
    assert (found.access_key, found.secret_key) == ("AKIALOCAL", "of this start")


def test_the_local_cloud_is_asked_with_the_keys_of_its_start(state_file: Path, endpoint: str) -> None:
    write_state(state_file, endpoint=endpoint, access_key="AKIAOTHER", secret_key="another")
    found = find_target(where="local", stage=None).session.get_credentials()
    assert (found.access_key, found.secret_key) == ("AKIAOTHER", "another")


def test_a_state_file_without_keys_is_no_local_cloud(state_file: Path, endpoint: str) -> None:
    write_state(state_file, endpoint=endpoint)
    state = json.loads(state_file.read_text())
    del state["secret_key"]
    state_file.write_text(json.dumps(state))
    assert running_cloud() is None


def test_nobody_else_reads_the_state_file(state_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "STATE_FILE", state_file)
    state_file.parent.chmod(0o755)
    cloud = SimpleNamespace(endpoint="http://127.0.0.1:1", region="us-east-1", keys=Keys("AKIALOCAL", "secret"))
    here: Any = SimpleNamespace(cloud=cloud, target=SimpleNamespace(stage="dev"))
    with local.announced(here):
        assert json.loads(state_file.read_text())["secret_key"] == "secret"
        modes = [stat.S_IMODE(path.stat().st_mode) for path in (state_file.parent, state_file)]
        assert modes == [0o700, 0o600]
    assert list(state_file.parent.iterdir()) == []
