"""A local cloud for the whole session, with the small application in it."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.deploy import Deployment, deploy
from localcloud.host import LocalCloud
from tests.unit.localcloud.core.assemblies import template, write_assembly


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    poisoned = {
        "AWS_ACCESS_KEY_ID": "AKIAHOST",
        "AWS_SESSION_TOKEN": "host",
        "AWS_PROFILE": "nowhere",
        "AWS_REGION": "eu-west-3",
        # Nobody listens there.
        **dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9"),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in poisoned.items():
            patch.setenv(name, value)
        started = LocalCloud(state_dir=tmp_path_factory.mktemp("cloud"))
        started.start()
    yield started
    started.stop()


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_assembly(tmp_path_factory.mktemp("assembly"), "core", template())


@pytest.fixture(scope="session")
def deployment(cloud: LocalCloud, assembly: Path) -> Deployment:
    return deploy(assembly, cloud.session(), endpoint=cloud.endpoint)


@pytest.fixture(scope="session")
def invoke(cloud: LocalCloud, deployment: Deployment) -> Callable[..., dict[str, Any]]:
    function = cloud.client("lambda")

    def call(**event: object) -> dict[str, Any]:
        answer = function.invoke(FunctionName="worker", Payload=json.dumps(event))
        return {"error": answer.get("FunctionError"), "payload": json.load(answer["Payload"])}

    return call


@pytest.fixture
def deployed_elsewhere(tmp_path: Path, assembly: Path) -> Iterator[LocalCloud]:
    """A second local cloud, for tests that end it."""
    other = LocalCloud(state_dir=tmp_path / "other")
    other.start()
    deploy(assembly, other.session(), endpoint=other.endpoint)
    yield other
    other.stop()
