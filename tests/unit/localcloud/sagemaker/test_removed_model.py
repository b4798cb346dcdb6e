"""What still runs of a model that was taken out of the application: named, ended, and its versions kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cli import main, removed
from cli.errors import CliError
from cli.running import of_model, running
from cli.target import Target, local_target
from localcloud.host import LocalCloud
from tests.unit.localcloud.sagemaker.support import INSTANCE, settled

GONE, LIVE = "mlops-dev-homes", "mlops-dev-homes-north"
SCALED = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": f"endpoint/{GONE}/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
NOTHING: Any = None


class Deployed(Target):
    """An environment whose application has one model of two that run."""

    models = ("homes_north",)
    place = SimpleNamespace(shared_bucket=None)


@pytest.fixture(scope="module")
def target(cloud: LocalCloud, sagemaker: Any, config: Callable[..., str]) -> Iterator[Target]:
    found = local_target(endpoint=cloud.endpoint, stage="dev", region=cloud.region, keys=cloud.keys)
    for name in (GONE, LIVE):
        config(f"{name}-1-0a1b2c3d", **INSTANCE)
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=f"{name}-1-0a1b2c3d")
        sagemaker.create_model_package_group(ModelPackageGroupName=name)
        sagemaker.create_model_package(ModelPackageGroupName=name)
    for name in (GONE, LIVE):
        assert settled(sagemaker, name)["EndpointStatus"] == "InService"
    cloud.client("application-autoscaling").register_scalable_target(**SCALED, MinCapacity=1, MaxCapacity=2)
    yield Deployed(stage="dev", session=found.session, endpoint=found.endpoint)
    sagemaker.delete_endpoint(EndpointName=LIVE)


def destroy(target: Target, monkeypatch: pytest.MonkeyPatch, model: str, *more: str, typed: str = "") -> Result:
    monkeypatch.setattr(main, "find_target", lambda **_: target)
    return CliRunner().invoke(main.app, ["destroy", "--env", "dev", "--model", model, *more], input=typed)


def test_doctor_names_the_endpoint_and_the_way_to_end_it(target: Target) -> None:
    (finding,) = removed.removed_models(target, NOTHING)
    assert finding.told == f"endpoint {GONE} belongs to no model of dev, and costs money"
    assert finding.advice == "End it: mlops destroy --env dev --model homes. Its data and versions stay."


def test_a_model_that_is_deployed_is_left_alone(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("homes_north", "homes-north"):
        done = destroy(target, monkeypatch, name, "--yes")
        assert (done.exit_code, "is part of the application" in done.output) == (1, True)
    assert running(target, of_model(target, "homes_north")).endpoints == (LIVE,)


def test_a_name_of_nothing_is_told_with_those_that_there_are(target: Target) -> None:
    with pytest.raises(CliError, match=r"nothing of home in dev\. Models that were removed: homes\."):
        removed.left_of(target, "home")


def test_it_ends_and_its_versions_stay(target: Target, monkeypatch: pytest.MonkeyPatch, cloud: LocalCloud) -> None:
    assert destroy(target, monkeypatch, "homes", typed="n\n").exit_code == 1
    assert running(target, of_model(target, "homes")).endpoints == (GONE,)
    done = destroy(target, monkeypatch, "homes", typed="y\n")
    assert done.exit_code == 0, done.output
    for line in (
        f"remove scalable target {SCALED['ResourceId']}",
        f"remove endpoint {GONE}",
        f"remove model {GONE}-1-0a1b2c3d",
    ):
        assert line in done.output
    assert f"keep   retained AWS::SageMaker::ModelPackageGroup {GONE}" in done.output
    assert running(target, of_model(target, "homes")).things() == []
    assert running(target).endpoints == (LIVE,)
    assert (
        cloud.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="sagemaker")[
            "ScalableTargets"
        ]
        == []
    )
    assert list(removed.removed_models(target, NOTHING)) == []
    packages = target.client("sagemaker").list_model_packages(ModelPackageGroupName=GONE)["ModelPackageSummaryList"]
    assert [item["ModelPackageVersion"] for item in packages] == [1]


def test_its_versions_go_by_the_name_of_their_group(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    done = destroy(target, monkeypatch, "homes", "--yes", "--delete-retained", LIVE)
    assert (done.exit_code, "nothing of this name is retained" in done.output) == (1, True)
    done = destroy(target, monkeypatch, "homes", "--yes", "--delete-retained", GONE, typed="dev\n")
    assert done.exit_code == 0, done.output
    groups = target.client("sagemaker").list_model_package_groups(NameContains="mlops-dev-")
    assert [item["ModelPackageGroupName"] for item in groups["ModelPackageGroupSummaryList"]] == [LIVE]
