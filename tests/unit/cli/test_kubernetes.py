"""`mlops k8s secret`: the manifest that the page's Deployment refers to."""

from __future__ import annotations

import base64
import json

import kubernetes_validate
import pytest
from typer.testing import CliRunner

from cli import kubernetes
from cli.main import app


class Environment:
    stage = "prod"

    def __init__(self, key: str | None) -> None:
        self.page_key = key


def test_the_manifest_holds_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubernetes, "find_target", lambda **_: Environment("secret-key"))
    done = CliRunner().invoke(app, ["k8s", "secret"])
    manifest = json.loads(done.stdout)
    kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)
    assert (done.exit_code, manifest["metadata"]["name"], manifest["metadata"]["namespace"]) == (
        0,
        "page-api-key",
        "mlops",
    )
    assert base64.b64decode(manifest["data"]["API_KEY"]) == b"secret-key"


def test_an_api_without_a_key_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubernetes, "find_target", lambda **_: Environment(None))
    done = CliRunner().invoke(app, ["k8s", "secret", "--json"])
    assert done.exit_code == 1
    assert json.loads(done.stdout)["error"] == "The REST API of prod has no key: its callers sign with IAM."


def test_without_kubectl_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kubernetes, "find_target", lambda **_: Environment("secret-key"))
    monkeypatch.setenv("PATH", "")
    done = CliRunner().invoke(app, ["k8s", "secret", "--apply", "--json"])
    assert json.loads(done.stdout)["error"] == "kubectl was not found."
    assert "secret-key" not in done.output
