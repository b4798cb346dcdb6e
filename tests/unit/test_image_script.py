"""`./dev image`: which engine it takes, and what it hands over, with stand-ins for the engines."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PIP = """:env:.cert='{folder}/ca.pem'
global.index-url='https://mirror.example/simple'
global.extra-index-url='file:///wheels'
:env:.default-timeout='180'"""


@dataclass(frozen=True)
class Machine:
    """A copy of what the script reads, and a PATH that holds little else than stand-ins."""

    folder: Path

    def stand_in(self, name: str, body: str = "") -> None:
        path = self.folder / "bin" / name
        path.unlink(missing_ok=True)
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>"{self.folder}/calls"\n{body}\n')
        path.chmod(0o755)

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": f"{self.folder}/bin", "HOME": str(self.folder), **variables}
        script = [str(self.folder / "frontend" / "image"), *arguments]
        return subprocess.run(script, env=environment, capture_output=True, text=True, check=False)

    @property
    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    (tmp_path / "frontend").mkdir()
    (tmp_path / "bin").mkdir()
    for name in ("image", "Dockerfile"):
        shutil.copy(ROOT / "frontend" / name, tmp_path / "frontend" / name)
    for tool in ("sh", "sed", "grep", "sort", "head", "cat", "mktemp", "rm", "dirname"):
        found = shutil.which(tool)
        assert found
        (tmp_path / "bin" / tool).symlink_to(found)
    (tmp_path / "ca.pem").write_text("certificates\n")
    made = Machine(tmp_path)
    made.stand_in("python3", f'cat "{tmp_path}/pip"')
    (tmp_path / "pip").write_text(PIP.format(folder=tmp_path) + "\n")
    return made


# Keeps what a build was given in the secret `pip`.
KEEP = 'for word in "$@"; do case $word in id=pip,src=*) cat "${word#id=pip,src=}" >kept ;; esac; done'


def test_a_docker_engine_builds_with_the_settings_of_pip(machine: Machine) -> None:
    machine.stand_in("docker", KEEP)
    assert machine.run("build", IMAGE="name:1").returncode == 0
    assert machine.calls[-1].startswith("docker build --file frontend/Dockerfile --secret id=pip,src=")
    assert machine.calls[-1].endswith("--tag name:1 .")
    assert (machine.folder / "kept").read_text().splitlines() == [
        "[global]",
        "index-url = https://mirror.example/simple",
        "timeout = 180",
        "cert = /run/secrets/ca",
    ]


def test_without_an_engine_buildah_builds_on_the_pinned_base(machine: Machine) -> None:
    machine.stand_in("docker", "exit 1")
    machine.stand_in("podman")
    machine.stand_in("buildah")
    assert machine.run("build").returncode == 0
    assert machine.calls[-2].startswith("buildah pull --quiet python:3.13-slim@sha256:")
    base = machine.calls[-2].rpartition(" ")[2]
    assert machine.calls[-1].startswith("buildah bud --format docker --layers --secret")
    assert f"--tag mlops-page:local --build-arg BASE={base} --file " in machine.calls[-1]


def test_without_a_registry_the_base_is_made_of_packages(machine: Machine) -> None:
    machine.stand_in("podman", 'case "$*" in *exists*) exit 1 ;; esac')
    machine.stand_in("buildah", '[ "$1" != pull ]')
    machine.stand_in("mmdebstrap")
    done = machine.run("build")
    assert (done.returncode, "good for trying and not for shipping" in done.stderr) == (0, True)
    assert [call.split()[0] for call in machine.calls if "config" not in call] == [
        "buildah",
        "podman",
        "mmdebstrap",
        "podman",
        "buildah",
    ]
    assert "BASE=localhost/mlops-page-base" in machine.calls[-1]


@pytest.mark.parametrize("engine", ["docker", "podman"])
def test_it_runs_as_in_a_cluster_and_the_key_is_in_no_argument(machine: Machine, engine: str) -> None:
    machine.stand_in(engine)
    machine.stand_in("buildah")
    assert machine.run("run", API_KEY="the-key", API_URL="https://api.example/v1", PORT="9000").returncode == 0
    call = machine.calls[-1]
    assert (
        "--read-only --tmpfs /tmp --cap-drop all --security-opt no-new-privileges --env API_URL --env API_KEY" in call
    )
    assert ("--publish 127.0.0.1:9000:8501" in call) == (engine == "docker")
    assert call.endswith("mlops-page:local --address 127.0.0.1 --port 9000") == (engine == "podman")
    assert "the-key" not in "\n".join(machine.calls)


def test_a_machine_without_any_engine_is_told_what_to_install(machine: Machine) -> None:
    done = machine.run("build")
    assert (done.returncode, "apt-get install buildah podman runc" in done.stderr) == (1, True)


def test_an_unknown_verb_is_a_wrong_argument(machine: Machine) -> None:
    done = machine.run("shrink")
    assert (done.returncode, done.stderr) == (2, "usage: ./dev image [build | run | base]\n")
