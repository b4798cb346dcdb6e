"""The real kubectl against a stand-in for a cluster: apply, wait, go back, and the Secret."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from typer.testing import CliRunner

from cli import kubernetes
from cli.main import app
from tests.k8s.conftest import Rehearsal, rendered

KEY = "the-key-of-the-usage-plan"
SECRET_PATH = "/api/v1/namespaces/mlops/secrets/page-api-key"
DEPLOYMENT = "deployment/page"


class Environment:
    stage = "dev"
    page_key: str | None = KEY


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> type[Environment]:
    monkeypatch.setattr(kubernetes, "find_target", lambda **_: Environment)
    monkeypatch.setattr(Environment, "page_key", KEY)
    return Environment


def paths(overlay: str) -> set[str]:
    return {f"{item['kind']}/{item['metadata']['name']}" for item in rendered(overlay)}


@pytest.mark.parametrize("overlay", ["eks", "local"])
def test_an_overlay_is_applied_and_rolled_out(rehearsal: Rehearsal, overlay: str) -> None:
    done = rehearsal.roll_out("registry.example/page:1", overlay=overlay)
    assert (done.returncode, rehearsal.cluster.images()) == (0, ["registry.example/page:1"]), done.stderr
    kept = {f"{item['kind']}/{item['metadata']['name']}" for item in rehearsal.cluster.objects.values()}
    assert kept == paths(overlay) | {"ReplicaSet/page-1"}
    assert 'deployment "page" successfully rolled out' in done.stdout


def test_a_rollout_that_fails_goes_back_and_fails_the_job(rehearsal: Rehearsal) -> None:
    assert rehearsal.roll_out("registry.example/page:1").returncode == 0
    done = rehearsal.roll_out("registry.example/broken:2")
    assert (done.returncode, rehearsal.cluster.images()) == (1, ["registry.example/page:1"])
    assert "exceeded its progress deadline" in done.stderr
    assert "deployment.apps/page rolled back" in done.stdout
    # The next release is not held up by the one that failed.
    assert rehearsal.roll_out("registry.example/page:3").returncode == 0
    assert rehearsal.cluster.images() == ["registry.example/page:3"]


def test_a_rollout_that_changes_nothing_undoes_nothing(rehearsal: Rehearsal) -> None:
    """What is behind the release that runs may be one that was taken back for good reasons."""
    good, bad = "registry.example/page:1", "registry.example/broken:2"
    assert rehearsal.roll_out(good).returncode == 0
    assert rehearsal.roll_out(bad).returncode == 1
    rehearsal.cluster.get_stuck()
    done = rehearsal.roll_out(good)
    assert (done.returncode, rehearsal.cluster.images()) == (1, [good])
    assert "it changed nothing of what runs: revision 3 stays" in done.stderr


def test_a_release_that_is_refused_half_way_is_taken_back_to_what_ran(rehearsal: Rehearsal) -> None:
    assert rehearsal.roll_out("registry.example/page:1").returncode == 0
    assert rehearsal.roll_out("registry.example/broken:2").returncode == 1
    rehearsal.cluster.refuses = kind = "NetworkPolicy"
    kept = {path: item for path, item in rehearsal.cluster.objects.items() if item["kind"] != kind}
    rehearsal.cluster.objects = kept
    done = rehearsal.roll_out("registry.example/page:3")
    assert (done.returncode, rehearsal.cluster.images()) == (1, ["registry.example/page:1"]), done.stderr
    assert "going back to revision 3" in done.stderr


def test_a_cluster_that_refuses_everything_keeps_what_it_runs(rehearsal: Rehearsal) -> None:
    assert rehearsal.roll_out("registry.example/page:1").returncode == 0
    assert rehearsal.roll_out("registry.example/broken:2").returncode == 1
    rehearsal.cluster.refuses = "Deployment"
    done = rehearsal.roll_out("registry.example/page:3")
    assert (done.returncode, rehearsal.cluster.images()) == (1, ["registry.example/page:1"]), done.stderr
    assert "going back" not in done.stderr


def test_a_first_rollout_that_fails_stays_and_says_so(rehearsal: Rehearsal) -> None:
    done = rehearsal.roll_out("registry.example/broken:1")
    assert (done.returncode, rehearsal.cluster.images()) == (1, ["registry.example/broken:1"])
    assert "there is nothing to go back to" in done.stderr


def test_rollout_status_tells_by_its_exit_code(rehearsal: Rehearsal) -> None:
    status = ("kubectl", "--namespace", "mlops", "rollout", "status", DEPLOYMENT, "--timeout", "20s")
    assert rehearsal.run(*status).returncode == 1
    rehearsal.run("kubectl", "apply", "--kustomize", "k8s/overlays/local")
    assert rehearsal.run(*status).returncode == 0
    broken = ("kubectl", "--namespace", "mlops", "set", "image", DEPLOYMENT, "page=broken")
    assert rehearsal.run(*broken).returncode == 0
    assert rehearsal.run(*status).returncode == 1


def test_the_secret_is_applied_and_its_key_shown_nowhere(
    rehearsal: Rehearsal, stack: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PATH", "KUBECONFIG", "HOME"):
        monkeypatch.setenv(name, rehearsal.environment[name])
    done = CliRunner().invoke(app, ["k8s", "secret", "--apply"])
    encoded = base64.b64encode(KEY.encode()).decode()
    assert (done.exit_code, rehearsal.cluster.objects[SECRET_PATH]["data"]) == (0, {"API_KEY": encoded}), done.output
    assert "annotations" not in rehearsal.cluster.objects[SECRET_PATH]["metadata"]
    assert [word for word in (KEY, encoded) if word in done.output] == []


def test_a_cluster_that_is_not_there_is_an_error_without_the_key(
    rehearsal: Rehearsal, stack: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", rehearsal.environment["PATH"])
    config = rehearsal.folder / "config"
    config.write_text(config.read_text().replace(rehearsal.cluster.url, "http://127.0.0.1:1"))
    monkeypatch.setenv("KUBECONFIG", str(config))
    done = CliRunner().invoke(app, ["k8s", "secret", "--apply", "--json"])
    assert done.exit_code == 1
    assert "kubectl could not apply the Secret" in done.output
    assert [word for word in (KEY, base64.b64encode(KEY.encode()).decode()) if word in done.output] == []
