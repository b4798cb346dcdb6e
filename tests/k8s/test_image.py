"""The running container: `./dev image`, then these tests; $IMAGE names another image than the one it builds."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

import pytest

from tests.k8s.conftest import ROOT

PODMAN = ["podman", "--runtime", "runc", "--cgroup-manager=cgroupfs"]
START_SECONDS = 60.0
HEALTH_SECONDS = 60.0
KEY = "the-key-of-the-usage-plan"


def answered(*command: str) -> bool:
    return (
        shutil.which(command[0]) is not None
        and subprocess.run(command, capture_output=True, check=False).returncode == 0
    )


@dataclass(frozen=True)
class Container:
    engine: list[str]
    name: str
    port: int

    def inside(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*self.engine, "exec", self.name, *command], capture_output=True, text=True, check=False)

    def get(self, path: str) -> tuple[int, str]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def healthy(self) -> bool:
        """What the image's own check says."""
        if self.engine[0] == "podman":
            return answered(*self.engine, "healthcheck", "run", self.name)
        status = [*self.engine, "inspect", "--format", "{{.State.Health.Status}}", self.name]
        return subprocess.run(status, capture_output=True, text=True, check=False).stdout.strip() == "healthy"


def engine(image: str) -> list[str]:
    """The engine that `frontend/image` takes, if it has the image. An image that somebody names must be there."""
    if answered("docker", "info"):
        found, command = answered("docker", "image", "inspect", image), ["docker"]
    else:
        found, command = answered("podman", "image", "exists", image), PODMAN
    if not found and "IMAGE" not in os.environ:
        pytest.skip("the image is not built: ./dev image (a minute or two, with Docker or with buildah and podman)")
    assert found, f"there is no image {image}"
    return command


@pytest.fixture(scope="module")
def container() -> Iterator[Container]:
    image = os.environ.get("IMAGE", "mlops-page:local")
    command = engine(image)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    name = f"page-{uuid.uuid4().hex[:8]}"
    variables = {"IMAGE": image, "PORT": str(port), "API_URL": "http://127.0.0.1:1/v1", "API_KEY": KEY}
    child = subprocess.Popen(
        ["frontend/image", "run", "--name", name],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    running = Container(command, name, port)
    try:
        _wait(child, running)
        yield running
    finally:
        subprocess.run([*command, "rm", "--force", name], capture_output=True, check=False)
        child.communicate(timeout=30)


def _wait(child: subprocess.Popen[str], running: Container) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if child.poll() is not None:
            pytest.fail(f"the container ended: {child.communicate()[0]}")
        try:
            if running.get("/_stcore/health")[0] == 200:
                return
        except (OSError, HTTPException):
            time.sleep(0.2)
    pytest.fail(f"the container did not answer in {START_SECONDS:.0f} s")


def test_the_page_answers(container: Container) -> None:
    assert container.get("/_stcore/health") == (200, "ok")
    status, page = container.get("/")
    assert (status, '<div id="root">' in page, KEY in page) == (200, True, False)


def test_what_was_taken_out_of_its_packages_is_not_missed(container: Container) -> None:
    """Tables and charts go to the browser by Arrow, maps and pictures by what Streamlit imports for them."""
    script = """
import io, altair, pandas, pyarrow.compute, pyarrow.parquet
import streamlit.elements.deck_gl_json_chart, streamlit.elements.image
from frontend import answers, charts, client, seriescharts, maps
from streamlit.dataframe_util import convert_pandas_df_to_arrow_bytes
frame = pandas.DataFrame({"price": [1.5], "town": ["x"]})
sent = convert_pandas_df_to_arrow_bytes(frame)
print(pyarrow.ipc.open_stream(io.BytesIO(sent)).read_pandas().equals(frame))
"""
    done = container.inside("python", "-c", script)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_the_image_checks_its_own_health(container: Container) -> None:
    deadline = time.monotonic() + HEALTH_SECONDS
    while not container.healthy() and time.monotonic() < deadline:
        time.sleep(1)
    assert container.healthy()


def test_it_is_nobody_and_may_do_nothing(container: Container) -> None:
    assert container.inside("id", "-u").stdout.strip() == "10001"
    status = dict(
        line.split(":\t") for line in container.inside("cat", "/proc/1/status").stdout.splitlines() if ":\t" in line
    )
    assert (int(status["CapEff"], 16), int(status["CapBnd"], 16), status["NoNewPrivs"]) == (0, 0, "1")


def test_its_root_is_read_only(container: Container) -> None:
    for place in ("/app", "/opt/page", "/etc"):
        assert "Read-only file system" in container.inside("touch", f"{place}/x").stderr
    assert container.inside("touch", "/tmp/x").returncode == 0


def test_it_holds_the_page_alone(container: Container) -> None:
    """No tool that installs, no tests, and nothing of the machine that built it."""
    assert container.inside("ls", "/app").stdout.split() == ["contract", "frontend"]
    assert container.inside("python", "-m", "pip", "--version").returncode == 1
    assert container.inside("ls", "/app/frontend/image", "/app/frontend/Dockerfile", "/run/secrets/pip").stdout == ""
