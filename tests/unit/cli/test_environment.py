"""`mlops local env`: lines that shells evaluate, and nothing when there is no local cloud."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import environment
from cli import target as targets
from cli.main import app

VALUES = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_SECRET_ACCESS_KEY": 'it\'s; $(odd) "secret"'}


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        found = {
            "endpoint": f"http://127.0.0.1:{listener.getsockname()[1]}",
            "pid": os.getpid(),
            "stage": "dev",
            "region": "eu-west-1",
            "access_key": "AKIALOCAL",
            "secret_key": "secret",
        }
        file = tmp_path / "cloud.json"
        file.write_text(json.dumps(found))
        monkeypatch.setattr(targets, "STATE_FILE", file)
        yield found


def test_a_shell_that_evaluates_it_has_the_values_and_no_session_of_aws() -> None:
    script = f"{environment.commands(VALUES, 'posix')}\nenv -0"
    before = {"AWS_SESSION_TOKEN": "of aws", "AWS_PROFILE": "work", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["sh", "-c", script], env=before, capture_output=True, text=True, check=True)
    found = dict(line.split("=", 1) for line in done.stdout.split("\0") if line)
    assert {name: value for name, value in found.items() if name.startswith("AWS_")} == VALUES


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish")
def test_fish_has_them_too() -> None:
    script = f"{environment.commands(VALUES, 'fish')}\nenv -0"
    done = subprocess.run(["fish", "-c", script], capture_output=True, text=True, check=True)
    assert f"AWS_ENDPOINT_URL={VALUES['AWS_ENDPOINT_URL']}\0" in done.stdout


def test_each_shell_has_its_own_words() -> None:
    plain = {"AWS_REGION": "eu-west-1"}
    unset = {"posix": "unset AWS_PROFILE", "fish": "set --erase AWS_PROFILE", "powershell": "$env:AWS_PROFILE = $null"}
    words = {
        "posix": "export AWS_REGION=eu-west-1",
        "fish": "set --export --global AWS_REGION 'eu-west-1'",
        "powershell": "$env:AWS_REGION = 'eu-west-1'",
    }
    for shell in environment.SHELLS:
        lines = environment.commands(plain, shell).splitlines()
        assert unset[shell] in lines
        assert lines[-1] == words[shell]


def test_the_command_prints_endpoint_region_and_keys(state: dict[str, str]) -> None:
    done = CliRunner().invoke(app, ["local", "env", "--json"])
    assert json.loads(done.stdout) == {
        "AWS_ENDPOINT_URL": state["endpoint"],
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "AKIALOCAL",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }


def test_without_a_local_cloud_there_is_nothing_to_evaluate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(targets, "STATE_FILE", tmp_path / "none.json")
    done = CliRunner().invoke(app, ["local", "env"])
    assert (done.exit_code, done.stdout) == (1, "")
