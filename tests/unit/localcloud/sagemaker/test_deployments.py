"""Updates with a deployment configuration: shares of traffic, baking, alarms, rollback. A minute takes 0.6 s here."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.platform import OperationError
from localcloud.sagemaker import deployment, events, fleets, guardrails
from localcloud.sagemaker.endpoints import Endpoint
from localcloud.sagemaker.fleets import Fleet
from tests.unit.localcloud.sagemaker.support import (
    INFERENCE,
    SERVERLESS,
    allow,
    as_role,
    ask,
    settled,
    until,
)

FOUR = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 4}
FAILING = INFERENCE.replace("return [model", "raise RuntimeError('broken'); return [model")
DETAIL = "SageMaker Endpoint Deployment State Change"


def percent(value: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


def blue_green(kind: str, *, alarms: tuple[str, ...] = (), wait: int = 100, last: int = 0, **routing: Any) -> Any:
    policy = {
        "TrafficRoutingConfiguration": {"Type": kind, "WaitIntervalInSeconds": wait, **routing},
        "TerminationWaitInSeconds": last,
    }
    watched = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarms]}} if alarms else {}
    return {"BlueGreenUpdatePolicy": policy, **watched}


@pytest.fixture
def endpoint(sagemaker: Any, config: Callable[..., str], request: Any) -> str:
    """An endpoint in service on four instances, of weight 2."""
    name = request.node.name.replace("_", "-")[:50].strip("-")
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config(f"{name}-1", **FOUR))
    assert settled(sagemaker, name)["EndpointStatus"] == "InService"
    return str(name)


@pytest.fixture
def errors_alarm(cloud: Any, endpoint: str) -> str:
    cloud.client("cloudwatch").put_metric_alarm(
        AlarmName=f"{endpoint}-5xx",
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Dimensions=[{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": "AllTraffic"}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )
    return f"{endpoint}-5xx"


def stage(sagemaker: Any, name: str) -> str:
    pending = sagemaker.describe_endpoint(EndpointName=name).get("PendingDeploymentSummary")
    return pending["ProductionVariants"][0]["VariantStatus"][0]["Status"] if pending else ""


def test_a_canary_gets_its_share_and_then_everything(
    sagemaker: Any, runtime: Any, bus: Any, endpoint: str, config: Callable[..., str]
) -> None:
    deployment = blue_green("CANARY", wait=150, CanarySize=percent(25))
    sagemaker.update_endpoint(
        EndpointName=endpoint,
        EndpointConfigName=config(f"{endpoint}-2", weight=3.0, **FOUR),
        DeploymentConfig=deployment,
    )
    until(lambda: stage(sagemaker, endpoint) == "Baking")
    answers = Counter(ask(runtime, endpoint, [1])["predictions"][0] for _ in range(20))
    assert answers == {2.0: 15, 3.0: 5}
    baking = sagemaker.describe_endpoint(EndpointName=endpoint)
    assert (baking["EndpointStatus"], baking["EndpointConfigName"]) == ("Updating", f"{endpoint}-1")
    pending = baking["PendingDeploymentSummary"]
    assert pending["EndpointConfigName"] == f"{endpoint}-2"
    assert pending["ProductionVariants"][0]["VariantStatus"][0]["StatusMessage"] == (
        "Baking for 150 seconds (WaitIntervalInSeconds) with traffic enabled on canary capacity of 1 instance(s)."
    )
    done = settled(sagemaker, endpoint)
    assert (done["EndpointConfigName"], "PendingDeploymentSummary" in done) == (f"{endpoint}-2", False)
    assert done["LastDeploymentConfig"] == deployment
    assert ask(runtime, endpoint, [1])["predictions"] == [3.0]
    stages = [
        detail["PendingDeploymentSummary"]["ProductionVariants"][0]["VariantStatus"][0]["Status"]
        for detail in bus.details(DETAIL, wanted=6, EndpointName=endpoint)
    ]
    update = ["Creating", "ActivatingTraffic", "Baking", "ActivatingTraffic", "Baking"]
    assert stages == ["Creating", *update], "the first one is CreateEndpoint's"


def test_an_alarm_during_the_canary_rolls_back(
    sagemaker: Any, runtime: Any, bus: Any, endpoint: str, errors_alarm: str, config: Callable[..., str]
) -> None:
    deployment = blue_green("CANARY", wait=1000, CanarySize=percent(50), alarms=(errors_alarm,))
    sagemaker.update_endpoint(
        EndpointName=endpoint,
        EndpointConfigName=config(f"{endpoint}-2", inference=FAILING, **FOUR),
        DeploymentConfig=deployment,
    )
    until(lambda: stage(sagemaker, endpoint) == "Baking")
    assert ask(runtime, endpoint, [1])["predictions"] == [2.0]
    with pytest.raises(ClientError, match="Internal Server Error"):
        ask(runtime, endpoint, [1])
    done = settled(sagemaker, endpoint)
    assert (done["EndpointStatus"], done["EndpointConfigName"]) == ("InService", f"{endpoint}-1")
    assert f"went into the ALARM state during the deployment: {errors_alarm}." in done["FailureReason"]
    assert [ask(runtime, endpoint, [1])["predictions"][0] for _ in range(4)] == [2.0] * 4
    changes = bus.details("SageMaker Endpoint State Change", wanted=5, EndpointName=endpoint)
    assert [detail["EndpointStatus"] for detail in changes] == [
        "CREATING",
        "IN_SERVICE",
        "UPDATING",
        "ROLLING_BACK",
        "IN_SERVICE",
    ]
    assert (changes[4]["EndpointConfigName"], changes[4]["FailureReason"]) == (f"{endpoint}-1", done["FailureReason"])


def test_all_at_once_bakes_on_the_whole_fleet(
    sagemaker: Any, cloud: Any, endpoint: str, errors_alarm: str, runtime: Any, config: Callable[..., str]
) -> None:
    sagemaker.update_endpoint(
        EndpointName=endpoint,
        EndpointConfigName=config(f"{endpoint}-2", weight=3.0, **FOUR),
        DeploymentConfig=blue_green("ALL_AT_ONCE", last=1000, alarms=(errors_alarm,)),
    )
    until(lambda: stage(sagemaker, endpoint) == "Baking")
    assert [ask(runtime, endpoint, [1])["predictions"][0] for _ in range(3)] == [3.0] * 3
    with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
        sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=f"{endpoint}-1")
    with pytest.raises(ClientError, match="Cannot delete in-progress endpoint"):
        sagemaker.delete_endpoint(EndpointName=endpoint)
    cloud.client("cloudwatch").set_alarm_state(AlarmName=errors_alarm, StateValue="ALARM", StateReason="rehearsal")
    done = settled(sagemaker, endpoint)
    assert done["EndpointConfigName"] == f"{endpoint}-1"
    assert ask(runtime, endpoint, [1])["predictions"] == [2.0]


def routed(kind: str, **routing: Any) -> Any:
    return {
        "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": kind, "WaitIntervalInSeconds": 1} | routing}
    }


def configured(count: int = 4, name: str = "AllTraffic", **variant: Any) -> Any:
    return {
        "EndpointConfigName": "any",
        "ProductionVariants": [{"VariantName": name, **(variant or {"InitialInstanceCount": count})}],
    }


@pytest.mark.parametrize(
    ("deployment", "shares"),
    [
        ({}, [1.0]),
        (routed("ALL_AT_ONCE"), [1.0]),
        (routed("CANARY", CanarySize=percent(20)), [0.2, 1.0]),
        (routed("CANARY", CanarySize={"Type": "INSTANCE_COUNT", "Value": 1}), [0.25, 1.0]),
        (routed("LINEAR", LinearStepSize=percent(50)), [0.5, 1.0]),
        (routed("LINEAR", LinearStepSize=percent(30)), [0.3, 0.6, 0.9, 1.0]),
    ],
)
def test_the_steps_of_a_plan(deployment: Any, shares: list[float]) -> None:
    guardrails.check(deployment, configured(), configured())
    steps = guardrails.plan(deployment, configured()).steps
    assert [step.share for step in steps] == pytest.approx(shares)


@pytest.mark.parametrize(
    ("deployment", "new", "reason"),
    [
        (routed("CANARY", CanarySize=percent(51)), configured(), "at most 50% of the capacity of variant AllTraffic"),
        (
            routed("CANARY", CanarySize={"Type": "INSTANCE_COUNT", "Value": 1}),
            configured(1),
            "it is 100%",
        ),
        (routed("CANARY"), configured(), "CanarySize is required for traffic routing type CANARY"),
        (routed("LINEAR", LinearStepSize=percent(9)), configured(), "LinearStepSize must be at least 10%"),
        (routed("ALL_AT_ONCE", CanarySize=percent(10)), configured(), "CanarySize does not go with"),
        (routed("ALL_AT_ONCE"), configured(name="Other"), "any has AllTraffic, any has Other"),
        (routed("ALL_AT_ONCE"), configured(**SERVERLESS), "not supported for endpoints with serverless variants"),
        ({"RollingUpdatePolicy": {}}, configured(), "RollingUpdatePolicy .* is not supported by the local SageMaker"),
    ],
)
def test_what_aws_refuses(deployment: Any, new: Any, reason: str) -> None:
    with pytest.raises(Exception, match=reason):
        guardrails.check(deployment, new, configured())


def test_a_deployment_that_takes_too_long_is_rolled_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALCLOUD_TIME_SCALE", "0.0001")
    told: list[str] = []
    monkeypatch.setattr(events, "endpoint_changed", lambda shown: told.append(shown["EndpointStatus"]))
    monkeypatch.setattr(events, "deployment_changed", lambda shown: None)
    monkeypatch.setattr(fleets, "start", lambda name, config: Fleet(config, ()))
    record = {"EndpointName": "slow", "EndpointStatus": "Updating", "EndpointConfigName": "old"}
    endpoint = Endpoint(record, live=Fleet(configured(), ()))
    asked = blue_green("ALL_AT_ONCE", last=3600)
    asked["BlueGreenUpdatePolicy"]["MaximumExecutionTimeoutInSeconds"] = 600
    deployment.Deployment(endpoint, configured(), guardrails.plan(asked, configured())).run()
    assert told == ["Updating", "RollingBack", "InService"]
    assert (endpoint.record["EndpointConfigName"], endpoint.candidate) == ("old", None)
    assert "longer than MaximumExecutionTimeoutInSeconds (600)" in endpoint.record["FailureReason"]


def test_a_deployment_must_have_more_time_than_it_waits() -> None:
    asked = blue_green("CANARY", wait=600, last=600, CanarySize=percent(25))
    asked["BlueGreenUpdatePolicy"]["MaximumExecutionTimeoutInSeconds"] = 1200
    with pytest.raises(OperationError, match=r"\(1200\) must be larger than the total waiting time .* \(1200\)"):
        guardrails.check(asked, configured(), configured())
    asked["BlueGreenUpdatePolicy"]["MaximumExecutionTimeoutInSeconds"] = 1201
    guardrails.check(asked, configured(), configured())


def test_the_caller_may_see_the_alarms(
    cloud: Any, endpoint: str, errors_alarm: str, config: Callable[..., str]
) -> None:
    allowed = allow("sagemaker:UpdateEndpoint", "arn:aws:sagemaker:us-east-1:000000000000:*")
    deployer = as_role(cloud, "deployer", [allowed], "sagemaker")
    with pytest.raises(ClientError, match=rf"cloudwatch:DescribeAlarms on resource: .*:alarm:{errors_alarm}"):
        deployer.update_endpoint(
            EndpointName=endpoint,
            EndpointConfigName=f"{endpoint}-1",
            DeploymentConfig=blue_green("ALL_AT_ONCE", alarms=(errors_alarm,)),
        )


def test_an_alarm_must_exist(sagemaker: Any, endpoint: str) -> None:
    with pytest.raises(ClientError, match="Alarm nobody of the AutoRollbackConfiguration does not exist"):
        sagemaker.update_endpoint(
            EndpointName=endpoint,
            EndpointConfigName=f"{endpoint}-1",
            DeploymentConfig=blue_green("ALL_AT_ONCE", alarms=("nobody",)),
        )
