"""kubectl, overlays as it renders them, and a stand-in for a cluster."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.k8s.cluster import Cluster, running

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """apiVersion: v1
kind: Config
current-context: stand-in
clusters: [{name: stand-in, cluster: {server: "%s"}}]
contexts: [{name: stand-in, context: {cluster: stand-in, user: nobody}}]
users: [{name: nobody, user: {}}]
"""


def kubectl() -> str:
    """The one of the lock; there is no wheel of it for every machine."""
    locked = Path(sys.executable).with_name("kubectl")
    found = str(locked) if locked.exists() else shutil.which("kubectl")
    if found is None:
        pytest.skip("kubectl is not on this machine")
    return found


@cache
def rendered(overlay: str) -> tuple[dict[str, Any], ...]:
    done = subprocess.run(
        [kubectl(), "kustomize", f"k8s/overlays/{overlay}"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return tuple(yaml.safe_load_all(done.stdout))


@dataclass(frozen=True)
class Rehearsal:
    """A cluster, and an environment in which `kubectl` and the scripts of `.ci` talk to it."""

    cluster: Cluster
    folder: Path
    environment: dict[str, str]

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {**self.environment, **variables}
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=60
        )

    def roll_out(self, image: str, *, overlay: str = "eks") -> subprocess.CompletedProcess[str]:
        return self.run(".ci/rollout", overlay, IMAGE=image, ROLLOUT_SECONDS="20")


@pytest.fixture
def rehearsal(tmp_path: Path) -> Iterator[Rehearsal]:
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "kubectl").symlink_to(kubectl())
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    shutil.copytree(ROOT / "k8s", tmp_path / "k8s")
    with running() as cluster:
        config = tmp_path / "config"
        config.write_text(CONFIG % cluster.url)
        environment = {"PATH": f"{tools}:{os.environ['PATH']}", "KUBECONFIG": str(config), "HOME": str(tmp_path)}
        yield Rehearsal(cluster, tmp_path, environment)
