"""deploy_model: the endpoint follows the newest approved version, and repeating an event changes nothing."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from botocore.stub import ANY, Stubber

from stacks.config_check import VERSION_SUFFIX
from tests.unit.lambdas.loading import load_function
from tests.unit.lambdas.scaling import expect_targets
from tracking.order import Order

GROUP = "mlops-dev-california-housing"
ROLE = "arn:aws:iam::111122223333:role/model"
PACKAGE = f"arn:aws:sagemaker:eu-west-1:111122223333:model-package/{GROUP}/7"
NOW = datetime(2026, 1, 2, tzinfo=UTC)
TAGS = [
    {"Key": "model", "Value": "california_housing"},
    {"Key": "model_version", "Value": "7"},
    {"Key": "run_id", "Value": "0123456789abcdef"},
]


PLACE = {"Bucket": "artifact", "Key": "california_housing/models/abc/model.tar.gz"}
ARTIFACT = f"s3://{PLACE['Bucket']}/{PLACE['Key']}"


def load(**environment: str) -> SimpleNamespace:
    settings = {"RESOURCE_PREFIX": "mlops-dev-", "STAGE": "dev", "MODEL_ROLE_ARN": ROLE, "VERIFY_FUNCTION": "verify"}
    settings |= {"LATE_SECONDS": "600", "DEPLOYMENT_QUEUE_URL": "https://deployments"}
    return load_function("deploy_model", {**settings, **environment})


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """Its look for versions that were taken back is tested in tests/unit/deployment/test_order.py."""
    function = load(SERVING_MODE="serverless")
    monkeypatch.setattr(function.handler, "evaluate_unheard", lambda *_: None)
    return function


@pytest.fixture
def sagemaker(function: SimpleNamespace) -> Iterator[Stubber]:
    with Stubber(function.handler.sagemaker) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def decided(
    group: str = GROUP, status: str = "Approved", version: int = 7, fields: list[str] | None = None
) -> dict[str, Any]:
    """`fields`: what was updated; None of a version that was made so."""
    detail: dict[str, Any] = {"ModelPackageGroupName": group, "ModelApprovalStatus": status}
    detail |= {"ModelPackageArn": f"{PACKAGE.removesuffix('7')}{version}", "ModelPackageVersion": version}
    detail |= {**({"UpdatedModelPackageFields": fields} if fields else {})}
    event = {"detail-type": "SageMaker Model Package State Change", "time": "2026-01-02T00:00:00Z", "detail": detail}
    body = json.dumps(event)
    return {"Records": [{"messageId": "m", "body": body}]}


def own_endpoint(function: SimpleNamespace, contract: Any, *, mode: str, role: str = ROLE) -> Any:
    order = Order.of({}, created=NOW, number=7)
    package = function.logic.Package(PACKAGE, 7, "0123456789abcdef", order=order)
    return function.logic.OwnEndpoint(GROUP, contract.serving, role, mode, contract=contract, package=package)


def test_the_longest_name_of_a_version_is_what_the_stacks_reckon_with() -> None:
    function = load()
    seventh = own_endpoint(function, function.handler.CONTRACTS[GROUP], mode="realtime")
    longest = replace(seventh, package=replace(seventh.package, version=99_999))
    assert len(longest.name) == len(GROUP) + len(VERSION_SUFFIX)
    assert longest.model_request()["ModelName"] == longest.config_request()["EndpointConfigName"] == longest.name


def test_a_model_is_made_in_the_network_that_is_configured() -> None:
    vpc = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1", "subnet-2"]}
    settings = [load(**variables).handler.SETTINGS for variables in ({"VPC_CONFIG": json.dumps(vpc)}, {})]
    assert [one.vpc_config for one in settings] == [vpc, {}]
    function = load()
    outside = own_endpoint(function, function.handler.CONTRACTS[GROUP], mode="realtime")
    inside = replace(outside, vpc_config=vpc)
    assert inside.model_request()["VpcConfig"] == vpc
    assert "VpcConfig" not in outside.model_request()
    # Another network is another model, and the endpoint moves to it.
    assert inside.name != outside.name


def name_of(function: SimpleNamespace, mode: str = "serverless", role: str = ROLE) -> str:
    contract = function.handler.CONTRACTS[GROUP]
    return str(own_endpoint(function, contract, mode=mode, role=role).name)


CONTAINER = {"Image": "image", "Environment": {"SAGEMAKER_PROGRAM": "it.py"}, "ModelDataUrl": ARTIFACT}


def expect_newest(
    sagemaker: Stubber, *, containers: tuple[dict[str, Any], ...] = (CONTAINER,), **metadata: str
) -> None:
    summary = {
        "ModelPackageArn": PACKAGE,
        "ModelPackageGroupName": GROUP,
        "ModelPackageVersion": 7,
        "CreationTime": NOW,
        "ModelPackageStatus": "Completed",
    }
    request = {
        "ModelPackageGroupName": GROUP,
        "ModelApprovalStatus": "Approved",
        "SortBy": "CreationTime",
        "SortOrder": "Descending",
    }
    sagemaker.add_response("list_model_packages", {"ModelPackageSummaryList": [summary]}, request)
    package = {
        **summary,
        "ModelPackageName": f"{GROUP}/7",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "CustomerMetadataProperties": {"run_id": "0123456789abcdef", **metadata},
        # What is recorded of a version modifies it.
        "LastModifiedTime": datetime.fromisoformat(metadata.get("deployment_recorded_at", NOW.isoformat())),
        **({"InferenceSpecification": {"Containers": list(containers)}} if containers else {}),
    }
    sagemaker.add_response("describe_model_package", package, {"ModelPackageName": PACKAGE})


def expect_endpoint(sagemaker: Stubber, config: str, status: str = "InService", **more: Any) -> None:
    endpoint = {
        "EndpointName": GROUP,
        "EndpointArn": f"arn:aws:sagemaker:eu-west-1:111122223333:endpoint/{GROUP}",
        "EndpointConfigName": config,
        "EndpointStatus": status,
        "CreationTime": NOW,
        "LastModifiedTime": NOW,
        **more,
    }
    sagemaker.add_response("describe_endpoint", endpoint, {"EndpointName": GROUP})


def expect_missing(sagemaker: Stubber, operation: str) -> None:
    sagemaker.add_client_error(operation, "ValidationException", 'Could not find "it".')


def expect_record(sagemaker: Stubber, arn: str, state: str, **more: str) -> None:
    request = {
        "ModelPackageArn": arn,
        "CustomerMetadataProperties": {
            "deployment_state": state,
            "deployment_reason": ANY,
            "deployment_recorded_at": ANY,
            **more,
        },
    }
    sagemaker.add_response("update_model_package", {"ModelPackageArn": arn}, request)


def expect_approved(sagemaker: Stubber, *numbers: int) -> None:
    """The second look at the registry: every approved version, the newest first."""
    summaries = [
        {
            "ModelPackageArn": f"{PACKAGE.removesuffix('7')}{number}",
            "ModelPackageVersion": number,
            "CreationTime": NOW,
            "ModelPackageStatus": "Completed",
        }
        for number in numbers
    ]
    request = dict.fromkeys(("ModelPackageGroupName", "ModelApprovalStatus", "SortBy", "SortOrder"), ANY)
    sagemaker.add_response("list_model_packages", {"ModelPackageSummaryList": summaries}, request)


def expect_state(sagemaker: Stubber, number: int, approval: str = "Approved", **metadata: str) -> None:
    package = {
        "ModelApprovalStatus": approval,
        "ModelPackageName": f"{GROUP}/{number}",
        "ModelPackageArn": f"{PACKAGE.removesuffix('7')}{number}",
        "ModelPackageVersion": number,
        "CreationTime": NOW,
        "ModelPackageStatus": "Completed",
        "ModelPackageStatusDetails": {"ValidationStatuses": []},
        "CustomerMetadataProperties": metadata,
    }
    sagemaker.add_response("describe_model_package", package, {"ModelPackageName": package["ModelPackageArn"]})


def expect_config(sagemaker: Stubber, config: str, capacity: dict[str, Any]) -> None:
    """The configuration that is live."""
    answer = {
        "EndpointConfigName": config,
        "EndpointConfigArn": "arn:aws:sagemaker:eu-west-1:1:endpoint-config/x",
        "ProductionVariants": [{"VariantName": "AllTraffic", **capacity}],
        "CreationTime": NOW,
    }
    sagemaker.add_response("describe_endpoint_config", answer, {"EndpointConfigName": config})


ONE_WORKER = {"SAGEMAKER_MODEL_SERVER_WORKERS": "1", "SAGEMAKER_USE_NGINX": "false"}
# How an endpoint that is there was seen when the change was requested.
SEEN = {"deployment_seen": "2026-01-02T00:00:00+00:00"}


def expect_creation(
    sagemaker: Stubber,
    name: str,
    capacity: dict[str, Any],
    *,
    first: bool = False,
    live_before: bool = False,
    seen: Any = SEEN["deployment_seen"],
) -> None:
    """`first`: there is no endpoint yet; else it was `seen` so. `live_before`: the version was right once."""
    expect_missing(sagemaker, "describe_model")
    model = {
        "ModelName": name,
        "PrimaryContainer": {
            "ModelPackageName": PACKAGE,
            "Environment": {
                "SAGEMAKER_PROGRAM": "it.py",
                "MODEL_VERSION": "7",
                **(ONE_WORKER if "ServerlessConfig" in capacity else {}),
            },
        },
        "ExecutionRoleArn": ROLE,
        "Tags": TAGS,
    }
    sagemaker.add_response("create_model", {"ModelArn": f"arn:aws:sagemaker:eu-west-1:1:model/{name}"}, model)
    expect_missing(sagemaker, "describe_endpoint_config")
    config = {
        "EndpointConfigName": name,
        "ProductionVariants": [{"VariantName": "AllTraffic", "ModelName": name, **capacity}],
        "Tags": TAGS,
    }
    answer = {"EndpointConfigArn": f"arn:aws:sagemaker:eu-west-1:1:endpoint-config/{name}"}
    sagemaker.add_response("create_endpoint_config", answer, config)
    before = {} if first else {"deployment_seen": seen}
    live = {"deployment_live_at": ANY} if live_before else {}
    expect_record(sagemaker, PACKAGE, "requested", **before, **live)


SERVERLESS = {"ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}}
REALTIME = {"InstanceType": "ml.m5.large", "InitialInstanceCount": 1, "InitialVariantWeight": 1.0}
ENDPOINT_ARN = {"EndpointArn": f"arn:aws:sagemaker:eu-west-1:111122223333:endpoint/{GROUP}"}


def test_first_approval_creates_the_endpoint(function: SimpleNamespace, sagemaker: Stubber) -> None:
    name = name_of(function)
    expect_newest(sagemaker)
    expect_missing(sagemaker, "describe_endpoint")
    expect_creation(sagemaker, name, SERVERLESS, first=True)
    request = {"EndpointName": GROUP, "EndpointConfigName": name, "Tags": TAGS}
    sagemaker.add_response("create_endpoint", ENDPOINT_ARN, request)
    expect_approved(sagemaker, 7)
    function.handler.handler(decided(), None)


def test_next_approval_updates_the_endpoint(function: SimpleNamespace, sagemaker: Stubber) -> None:
    name = name_of(function)
    expect_newest(sagemaker)
    expect_endpoint(sagemaker, config=f"{GROUP}-6-aaaaaa")
    expect_config(sagemaker, f"{GROUP}-6-aaaaaa", SERVERLESS)
    expect_creation(sagemaker, name, SERVERLESS)
    request = {"EndpointName": GROUP, "EndpointConfigName": name}
    sagemaker.add_response("update_endpoint", ENDPOINT_ARN, request)
    expect_approved(sagemaker, 7)
    function.handler.handler(decided(), None)


def test_versions_that_were_overtaken_are_recorded_as_superseded(function: SimpleNamespace, sagemaker: Stubber) -> None:
    """6 and 5 were approved in a row and never live; 4 was."""
    name = name_of(function)
    expect_newest(sagemaker)
    expect_endpoint(sagemaker, config=f"{GROUP}-4-aaaaaa")
    expect_config(sagemaker, f"{GROUP}-4-aaaaaa", SERVERLESS)
    expect_creation(sagemaker, name, SERVERLESS)
    sagemaker.add_response("update_endpoint", ENDPOINT_ARN, {"EndpointName": GROUP, "EndpointConfigName": name})
    expect_approved(sagemaker, 7, 6, 5, 4)
    expect_state(sagemaker, 6)
    expect_record(sagemaker, f"{PACKAGE.removesuffix('7')}6", "superseded")
    expect_state(sagemaker, 5, deployment_state="requested")
    expect_record(sagemaker, f"{PACKAGE.removesuffix('7')}5", "superseded")
    expect_state(sagemaker, 4, deployment_state="deployed")
    function.handler.handler(decided(), None)


def test_stage_without_a_mode_serves_as_the_contract_says() -> None:
    function = load()
    contract = function.handler.CONTRACTS[GROUP]
    assert contract.serving.mode == "serverless"
    with Stubber(function.handler.sagemaker) as sagemaker:
        name = name_of(function)
        expect_newest(sagemaker)
        expect_missing(sagemaker, "describe_endpoint")
        expect_creation(sagemaker, name, SERVERLESS, first=True)
        sagemaker.add_response(
            "create_endpoint", ENDPOINT_ARN, {"EndpointName": GROUP, "EndpointConfigName": name, "Tags": ANY}
        )
        expect_approved(sagemaker, 7)
        function.handler.handler(decided(), None)
        sagemaker.assert_no_pending_responses()


def test_realtime_endpoint_has_instances() -> None:
    function = load(SERVING_MODE="realtime")
    with Stubber(function.handler.sagemaker) as sagemaker:
        name = name_of(function, mode="realtime")
        expect_newest(sagemaker)
        expect_missing(sagemaker, "describe_endpoint")
        expect_creation(sagemaker, name, REALTIME, first=True)
        sagemaker.add_response(
            "create_endpoint", ENDPOINT_ARN, {"EndpointName": GROUP, "EndpointConfigName": name, "Tags": ANY}
        )
        expect_approved(sagemaker, 7)
        function.handler.handler(decided(), None)
        sagemaker.assert_no_pending_responses()


def test_second_event_of_a_live_version_changes_nothing(function: SimpleNamespace, sagemaker: Stubber) -> None:
    expect_newest(sagemaker, deployment_state="deployed")
    expect_endpoint(sagemaker, config=name_of(function))
    expect_approved(sagemaker, 7)
    function.handler.handler(decided(), None)


@pytest.mark.parametrize("status", ["Creating", "Updating"])
def test_second_event_during_the_deployment_changes_nothing(
    function: SimpleNamespace, sagemaker: Stubber, status: str
) -> None:
    expect_newest(sagemaker)
    pending = {"EndpointConfigName": name_of(function)}
    expect_endpoint(sagemaker, config=f"{GROUP}-6-aaaaaa", status=status, PendingDeploymentSummary=pending)
    expect_approved(sagemaker, 7)
    function.handler.handler(decided(), None)


def test_interrupted_deployment_goes_on_where_it_stopped(function: SimpleNamespace, sagemaker: Stubber) -> None:
    """The model and the configuration are there already; the endpoint is not."""
    name = name_of(function)
    expect_newest(sagemaker)
    expect_missing(sagemaker, "describe_endpoint")
    model = {"ModelName": name, "ModelArn": "arn:aws:sagemaker:eu-west-1:1:model/x", "CreationTime": NOW}
    sagemaker.add_response("describe_model", model, {"ModelName": name})
    config = {
        "EndpointConfigName": name,
        "EndpointConfigArn": "arn:aws:sagemaker:eu-west-1:1:endpoint-config/x",
        "ProductionVariants": [{"VariantName": "AllTraffic"}],
        "CreationTime": NOW,
    }
    sagemaker.add_response("describe_endpoint_config", config, {"EndpointConfigName": name})
    expect_record(sagemaker, PACKAGE, "requested")
    request = {"EndpointName": GROUP, "EndpointConfigName": name, "Tags": TAGS}
    sagemaker.add_response("create_endpoint", ENDPOINT_ARN, request)
    expect_approved(sagemaker, 7)
    function.handler.handler(decided(), None)


@pytest.mark.parametrize("status", ["Creating", "Updating", "RollingBack", "SystemUpdating", "Deleting"])
def test_busy_endpoint_hands_the_event_back(
    function: SimpleNamespace, sagemaker: Stubber, status: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Without an exception: a wait that is meant to be must not raise an alarm."""
    expect_newest(sagemaker)
    expect_endpoint(sagemaker, config=f"{GROUP}-6-aaaaaa", status=status)
    assert function.handler.handler(decided(), None) == {"batchItemFailures": [{"itemIdentifier": "m"}]}
    (record,) = [item for item in caplog.records if item.message == "Deployment waits"]
    assert (record.run_id, record.reason) == ("0123456789abcdef", f"Endpoint {GROUP} is {status}.")  # type: ignore[attr-defined]


def test_an_endpoint_that_is_busy_for_long_uses_up_no_attempts(
    function: SimpleNamespace, sagemaker: Stubber, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Waiting, however long, does not bring an approval to the dead letters: it is sent anew in time."""
    sent = list[dict[str, Any]]()
    monkeypatch.setattr(function.handler, "sqs", SimpleNamespace(send_message=lambda **message: sent.append(message)))
    event = decided()
    event["Records"][0]["attributes"] = {"ApproximateReceiveCount": "10"}
    expect_newest(sagemaker)
    expect_endpoint(sagemaker, config=f"{GROUP}-6-aaaaaa", status="Updating")
    assert function.handler.handler(event, None) == {"batchItemFailures": []}
    body = event["Records"][0]["body"]
    assert sent == [{"QueueUrl": "https://deployments", "MessageBody": body, "DelaySeconds": 60}]


def test_a_failed_endpoint_is_removed_and_made_anew(function: SimpleNamespace, sagemaker: Stubber) -> None:
    """SageMaker lets it be deleted only; nobody is answered by it."""
    expect_newest(sagemaker)
    expect_endpoint(sagemaker, config=f"{GROUP}-6-aaaaaa", status="Failed", FailureReason="no capacity")
    sagemaker.add_response("delete_endpoint", {}, {"EndpointName": GROUP})
    with Stubber(function.clients.autoscaling) as autoscaling:
        autoscaling.add_response("describe_scalable_targets", {"ScalableTargets": []})
        assert function.handler.handler(decided(), None) == {"batchItemFailures": [{"itemIdentifier": "m"}]}


def test_a_failed_endpoint_of_the_version_itself_is_judged_first(function: SimpleNamespace, sagemaker: Stubber) -> None:
    """It says why, and verify_deployment reads that."""
    expect_newest(sagemaker, deployment_state="requested")
    expect_endpoint(sagemaker, config=name_of(function), status="Failed", FailureReason="no capacity")
    expect_approved(sagemaker, 7)
    function.handler.handler(decided(), None)


def test_rejection_without_an_approved_version_changes_nothing(function: SimpleNamespace, sagemaker: Stubber) -> None:
    expect_state(sagemaker, 7, "Rejected")
    sagemaker.add_response(
        "list_model_packages",
        {"ModelPackageSummaryList": []},
        {**dict.fromkeys(("ModelPackageGroupName", "ModelApprovalStatus", "SortBy", "SortOrder"), ANY)},
    )
    expect_missing(sagemaker, "describe_endpoint")
    function.handler.handler(decided(status="Rejected"), None)


def test_rejected_live_version_gives_way_to_the_one_before(function: SimpleNamespace, sagemaker: Stubber) -> None:
    """Version 8 is live and rejected; 7 is the newest that is approved."""
    name = name_of(function)
    expect_state(sagemaker, 8, "Rejected")
    expect_newest(sagemaker)
    expect_endpoint(sagemaker, config=f"{GROUP}-8-bbbbbb")
    expect_config(sagemaker, f"{GROUP}-8-bbbbbb", SERVERLESS)
    expect_creation(sagemaker, name, SERVERLESS)
    request = {"EndpointName": GROUP, "EndpointConfigName": name}
    sagemaker.add_response("update_endpoint", ENDPOINT_ARN, request)
    expect_approved(sagemaker, 7)
    function.handler.handler(decided(status="Rejected", version=8), None)


def test_group_of_nobody_is_refused(function: SimpleNamespace, sagemaker: Stubber) -> None:
    with pytest.raises(function.handler.UnknownGroupError, match="mlops-dev-other"):
        function.handler.handler(decided(group="mlops-dev-other"), None)


@pytest.mark.parametrize("operation", ["list_model_packages", "describe_endpoint"])
def test_denied_call_is_raised(function: SimpleNamespace, sagemaker: Stubber, operation: str) -> None:
    if operation == "describe_endpoint":
        expect_newest(sagemaker)
    sagemaker.add_client_error(operation, "AccessDeniedException", "not authorized")
    with pytest.raises(ClientError, match="AccessDeniedException"):
        function.handler.handler(decided(), None)


def test_name_says_version_and_differs_by_what_is_served(function: SimpleNamespace) -> None:
    serverless, realtime = name_of(function), name_of(function, mode="realtime")
    assert re.fullmatch(rf"{GROUP}-7-[0-9a-f]{{6}}", serverless)
    assert len({serverless, realtime, name_of(function, role=ROLE + "2")}) == 3
    # The longest model name in the environment with the longest name leaves room for version 9999.
    longest = "mlops-prod-" + "m" * 40
    assert len(longest + serverless.removeprefix(GROUP).replace("7", "9999", 1)) <= 63


def realtime_deployment(function: SimpleNamespace, instances: int, **serving: int) -> Any:
    contract = function.handler.CONTRACTS[GROUP]
    changed = replace(contract.serving, mode="realtime", instance_count=instances, **serving)
    contract = replace(contract, serving=changed)
    return own_endpoint(function, contract, mode="realtime")


def test_a_fleet_is_updated_by_a_canary_that_alarms_roll_back(function: SimpleNamespace) -> None:
    config = realtime_deployment(function, 4).update_request(REALTIME)["DeploymentConfig"]
    assert config["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"] == {
        "Type": "CANARY",
        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 20},
        "WaitIntervalInSeconds": 300,
    }
    alarms = config["AutoRollbackConfiguration"]["Alarms"]
    assert alarms == [{"AlarmName": f"{GROUP}-5xx"}, {"AlarmName": f"{GROUP}-latency"}]


def test_one_instance_moves_at_once_and_is_watched_as_long(function: SimpleNamespace) -> None:
    config = realtime_deployment(function, 1).update_request(REALTIME)["DeploymentConfig"]
    routing = config["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert routing == {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 300}
    assert config["BlueGreenUpdatePolicy"]["TerminationWaitInSeconds"] == 300


@pytest.mark.parametrize("instances", [1, 4])
@pytest.mark.parametrize(("minutes", "seconds"), [(5, 3600), (15, 3600), (60, 9000)])
def test_an_update_has_more_time_than_it_waits(
    function: SimpleNamespace, instances: int, minutes: int, seconds: int
) -> None:
    deployment = realtime_deployment(function, instances, canary_minutes=minutes)
    policy = deployment.update_request(REALTIME)["DeploymentConfig"]["BlueGreenUpdatePolicy"]
    assert policy["MaximumExecutionTimeoutInSeconds"] == seconds
    waits = policy["TrafficRoutingConfiguration"]["WaitIntervalInSeconds"] + policy["TerminationWaitInSeconds"]
    assert waits < seconds


def test_an_update_keeps_the_instances_that_scaling_added(function: SimpleNamespace) -> None:
    """A fleet that may shrink to one instance has no half for a canary."""
    request = realtime_deployment(function, 2, min_instances=1, max_instances=4).update_request(REALTIME)
    assert request["RetainAllVariantProperties"] is True
    assert request["DeploymentConfig"]["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["Type"] == "ALL_AT_ONCE"
    other = {**REALTIME, "InstanceType": "ml.c5.large"}
    scaled = realtime_deployment(function, 2, min_instances=1, max_instances=4)
    assert "RetainAllVariantProperties" not in scaled.update_request(other)
    assert "RetainAllVariantProperties" not in realtime_deployment(function, 2).update_request(REALTIME)


@contextmanager
def alarms(function: SimpleNamespace, *on: str) -> Iterator[None]:
    """Of the two that watch an update, those that are on before it begins."""
    request = {"AlarmNames": [f"{GROUP}-5xx", f"{GROUP}-latency"], "StateValue": "ALARM"}
    with Stubber(function.clients.cloudwatch) as cloudwatch:
        found = {"MetricAlarms": [{"AlarmName": f"{GROUP}-{name}"} for name in on]}
        cloudwatch.add_response("describe_alarms", found, request)
        if on:
            cloudwatch.add_response("put_metric_data", {})
        yield


def test_an_alarm_of_the_live_version_is_no_fault_of_the_next_one() -> None:
    """Under it SageMaker rolls every update back, and the new version was rejected for what the old one did."""
    function = load(SERVING_MODE="realtime")
    before = f"{GROUP}-6-aaaaaa"
    with Stubber(function.handler.sagemaker) as sagemaker, alarms(function, "5xx"):
        expect_newest(sagemaker)
        expect_endpoint(sagemaker, config=before)
        expect_config(sagemaker, before, REALTIME)
        expect_state(sagemaker, 7)
        reason = (
            f"The alarm {GROUP}-5xx is on: SageMaker would roll back an update that begins now. "
            "It goes on when the alarm is over."
        )
        recorded = {"deployment_state": "blocked", "deployment_reason": reason, "deployment_recorded_at": ANY}
        request = {"ModelPackageArn": PACKAGE, "CustomerMetadataProperties": {**recorded, "deployment_attempts": "1"}}
        sagemaker.add_response("update_model_package", {"ModelPackageArn": PACKAGE}, request)
        function.handler.handler(decided(), None)
        sagemaker.assert_no_pending_responses()


def test_the_way_back_from_a_version_that_sets_off_alarms_is_open() -> None:
    """To one that was right before: all traffic at once, and no alarm that is on rolls it back."""
    function = load(SERVING_MODE="realtime")
    name, before = name_of(function, mode="realtime"), f"{GROUP}-8-aaaaaa"
    with Stubber(function.handler.sagemaker) as sagemaker, Stubber(function.clients.cloudwatch) as cloudwatch:
        on = {"MetricAlarms": [{"AlarmName": f"{GROUP}-latency"}]}
        cloudwatch.add_response("describe_alarms", on)
        expect_state(sagemaker, 8, "Rejected")
        expect_newest(sagemaker, deployment_state="deployed")
        expect_endpoint(sagemaker, config=before)
        expect_config(sagemaker, before, REALTIME)
        expect_creation(sagemaker, name, REALTIME, live_before=True)
        sagemaker.add_response("update_endpoint", ENDPOINT_ARN, {"EndpointName": GROUP, "EndpointConfigName": name})
        expect_approved(sagemaker, 7)
        function.handler.handler(decided(status="Rejected", version=8), None)
        sagemaker.assert_no_pending_responses()


@pytest.mark.parametrize("scaled", [True, False])
def test_instances_of_another_type_are_not_scaled_while_they_change(scaled: bool) -> None:
    function = load(SERVING_MODE="realtime")
    name, before = name_of(function, mode="realtime"), f"{GROUP}-6-aaaaaa"
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{GROUP}/variant/AllTraffic",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    with (
        Stubber(function.handler.sagemaker) as sagemaker,
        Stubber(function.clients.autoscaling) as autoscaling,
        alarms(function),
    ):
        expect_newest(sagemaker)
        expect_endpoint(sagemaker, config=before)
        expect_config(sagemaker, before, {**REALTIME, "InstanceType": "ml.c5.large"})
        expect_creation(sagemaker, name, REALTIME)
        expect_targets(autoscaling, target, *([target] if scaled else []))
        if scaled:
            autoscaling.add_response("deregister_scalable_target", {}, target)
        sagemaker.add_response("update_endpoint", ENDPOINT_ARN)
        expect_approved(sagemaker, 7)
        function.handler.handler(decided(), None)
        sagemaker.assert_no_pending_responses()
        autoscaling.assert_no_pending_responses()


def test_a_serverless_endpoint_turns_into_instances_without_guardrails() -> None:
    """SageMaker refuses a deployment configuration where the endpoint is serverless still."""
    function = load(SERVING_MODE="realtime")
    with Stubber(function.handler.sagemaker) as sagemaker:
        name = name_of(function, mode="realtime")
        expect_newest(sagemaker)
        expect_endpoint(sagemaker, config=f"{GROUP}-6-aaaaaa")
        expect_config(sagemaker, f"{GROUP}-6-aaaaaa", SERVERLESS)
        expect_creation(sagemaker, name, REALTIME)
        sagemaker.add_response("update_endpoint", ENDPOINT_ARN, {"EndpointName": GROUP, "EndpointConfigName": name})
        expect_approved(sagemaker, 7)
        function.handler.handler(decided(), None)
        sagemaker.assert_no_pending_responses()


def test_an_artifact_that_was_exchanged_after_its_approval_is_refused(
    function: SimpleNamespace, sagemaker: Stubber
) -> None:
    """With both digests, before any model is made of it."""
    registered, found = hashlib.sha256(b"approved").hexdigest(), hashlib.sha256(b"exchanged").hexdigest()
    body = StreamingBody(io.BytesIO(b"exchanged"), 9)
    expect_newest(sagemaker, artifact_sha256=registered, artifact_version="v1")
    expect_endpoint(sagemaker, config=f"{GROUP}-6-aaaaaa")
    message = f"Its artifact {ARTIFACT} was exchanged: its SHA-256 is {found}, registered was {registered}."
    with Stubber(function.clients.s3) as s3, refused(function, sagemaker, message):
        s3.add_response("head_object", {"VersionId": "v2"}, PLACE)
        s3.add_response("get_object", {"Body": body}, PLACE)
        function.handler.handler(decided(), None)
        s3.assert_no_pending_responses()


def test_an_artifact_that_is_gone_is_told_with_the_way_back(function: SimpleNamespace, sagemaker: Stubber) -> None:
    expect_newest(sagemaker, artifact_sha256="d" * 64, artifact_version="v1", run_id="0123456789abcdef")
    expect_endpoint(sagemaker, config=f"{GROUP}-6-aaaaaa")
    message = f"Its artifact {ARTIFACT} is gone. It is made again by: mlops retry 0123456789abcdef --fresh"
    with Stubber(function.clients.s3) as s3, refused(function, sagemaker, message):
        s3.add_client_error("head_object", "404", expected_params=PLACE)
        function.handler.handler(decided(), None)
        s3.assert_no_pending_responses()


def test_the_version_that_was_registered_is_deployed_unread(function: SimpleNamespace, sagemaker: Stubber) -> None:
    name = name_of(function)
    expect_newest(sagemaker, artifact_sha256="d" * 64, artifact_version="v1")
    expect_missing(sagemaker, "describe_endpoint")
    expect_creation(sagemaker, name, SERVERLESS, first=True)
    sagemaker.add_response("create_endpoint", ENDPOINT_ARN)
    expect_approved(sagemaker, 7)
    with Stubber(function.clients.s3) as s3:
        s3.add_response("head_object", {"VersionId": "v1"}, PLACE)
        function.handler.handler(decided(), None)
        s3.assert_no_pending_responses()


@contextmanager
def counted(function: SimpleNamespace, trouble: str = "DeploymentFailures") -> Iterator[None]:
    dimensions = [{"Name": "Model", "Value": "california_housing"}, {"Name": "Stage", "Value": "dev"}]
    metric = {"MetricName": trouble, "Dimensions": dimensions, "Value": 1.0, "Unit": "Count"}
    with Stubber(function.clients.cloudwatch) as cloudwatch:
        cloudwatch.add_response("put_metric_data", {}, {"Namespace": "mlops/dev", "MetricData": [metric]})
        yield
        cloudwatch.assert_no_pending_responses()


@contextmanager
def refused(function: SimpleNamespace, sagemaker: Stubber, message: str) -> Iterator[None]:
    """What deploy_model does next is to reject version 7, and to count that."""
    expect_state(sagemaker, 7)
    request = {
        "ModelPackageArn": PACKAGE,
        "ModelApprovalStatus": "Rejected",
        "ApprovalDescription": f"Not live (failed): {message}",
        "CustomerMetadataProperties": {
            "deployment_state": "failed",
            "deployment_reason": ANY,
            "deployment_recorded_at": ANY,
        },
    }
    sagemaker.add_response("update_model_package", {"ModelPackageArn": PACKAGE}, request)
    with counted(function):
        yield


@contextmanager
def blocked(function: SimpleNamespace, sagemaker: Stubber, reason: str, attempts: int = 1) -> Iterator[None]:
    """What deploy_model does next is to record why version 7 waits; its approval stays."""
    expect_state(sagemaker, 7, deployment_state="requested")
    metadata = {
        "deployment_state": "blocked",
        "deployment_reason": reason,
        "deployment_attempts": str(attempts),
        "deployment_recorded_at": ANY,
    }
    request = {"ModelPackageArn": PACKAGE, "CustomerMetadataProperties": metadata}
    sagemaker.add_response("update_model_package", {"ModelPackageArn": PACKAGE}, request)
    with counted(function):
        yield


def expect_refused_model(sagemaker: Stubber, code: str, message: str, **metadata: str) -> None:
    expect_newest(sagemaker, **metadata)
    expect_missing(sagemaker, "describe_endpoint")
    expect_missing(sagemaker, "describe_model")
    sagemaker.add_client_error("create_model", code, message)
    if code == "ValidationException":
        expect_missing(sagemaker, "describe_model")


def test_a_version_that_sagemaker_refuses_is_rejected_at_once(function: SimpleNamespace, sagemaker: Stubber) -> None:
    message = "Could not find model data at s3://x/y."
    expect_refused_model(sagemaker, "ValidationException", message)
    with refused(function, sagemaker, message):
        function.handler.handler(decided(), None)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ValidationException", "Role arn:aws:iam::1:role/model cannot be assumed."),
        ("ValidationException", "The subnet ID subnet-1 does not exist."),
        ("AccessDeniedException", "not authorized to perform iam:PassRole"),
        ("ThrottlingException", "Rate exceeded"),
        ("ValidationException", "Something that nobody has met yet"),
    ],
)
def test_what_lies_elsewhere_leaves_the_approval_alone(
    function: SimpleNamespace, sagemaker: Stubber, code: str, message: str
) -> None:
    expect_refused_model(sagemaker, code, message)
    told = message if code == "ValidationException" else f"{code}: {message}"
    with blocked(function, sagemaker, told):
        assert function.handler.handler(decided(), None) == {"batchItemFailures": []}


@pytest.mark.parametrize(("containers", "many"), [((), "no container"), ((CONTAINER, CONTAINER), "2 containers")])
def test_a_version_that_somebody_registered_otherwise_is_rejected(
    function: SimpleNamespace, sagemaker: Stubber, containers: tuple[dict[str, Any], ...], many: str
) -> None:
    """It kept every other version from its endpoint: each event of the model failed."""
    expect_newest(sagemaker, containers=containers)
    with refused(function, sagemaker, f"It was registered with {many}: a version is served by one."):
        function.handler.handler(decided(), None)


def test_a_version_that_was_live_and_right_once_is_not_rejected(function: SimpleNamespace, sagemaker: Stubber) -> None:
    message = "Could not find model data at s3://x/y."
    expect_refused_model(sagemaker, "ValidationException", message, deployment_live_at="2026-01-01T00:00:00+00:00")
    with blocked(function, sagemaker, f"It was live and right before: {message}"):
        function.handler.handler(decided(), None)


def test_of_a_version_that_was_rejected_meanwhile_nothing_is_recorded(
    function: SimpleNamespace, sagemaker: Stubber
) -> None:
    expect_refused_model(sagemaker, "ValidationException", "Model package 7 is not approved for deployment")
    expect_state(sagemaker, 7, approval="Rejected")
    function.handler.handler(decided(), None)


def expect_refused_update(sagemaker: Stubber, name: str, code: str, message: str) -> None:
    expect_newest(sagemaker)
    expect_endpoint(sagemaker, config=f"{GROUP}-6-aaaaaa")
    expect_config(sagemaker, f"{GROUP}-6-aaaaaa", SERVERLESS)
    expect_creation(sagemaker, name, SERVERLESS)
    sagemaker.add_client_error("update_endpoint", code, message)


def test_an_update_that_sagemaker_refuses_waits_for_its_turn(function: SimpleNamespace, sagemaker: Stubber) -> None:
    message = "Alarm x-5xx does not exist."
    expect_refused_update(sagemaker, name_of(function), "ValidationException", message)
    expect_endpoint(sagemaker, config=f"{GROUP}-6-aaaaaa")
    with blocked(function, sagemaker, message):
        function.handler.handler(decided(), None)


def test_a_quota_is_told_with_its_name_and_the_number_to_ask_for(function: SimpleNamespace, sagemaker: Stubber) -> None:
    message = (
        "The account-level service limit 'ml.m5.large for endpoint usage' is 0 Instances, with current utilization of "
        "0 Instances and a request delta of 1 Instances. Please use AWS Service Quotas to request an increase."
    )
    expect_refused_update(sagemaker, name_of(function), "ResourceLimitExceeded", message)
    told = (
        "The account quota ml.m5.large for endpoint usage is 0 and 0 of it are in use: "
        "ask Service Quotas Amazon SageMaker for 1 or more"
    )
    with blocked(function, sagemaker, told):
        function.handler.handler(decided(), None)


def test_instances_do_not_become_serverless_by_half(function: SimpleNamespace, sagemaker: Stubber) -> None:
    """SageMaker refuses it. Nothing is made, nothing requested: the sentence says what to do."""
    expect_newest(sagemaker)
    expect_endpoint(sagemaker, config=f"{GROUP}-6-aaaaaa")
    expect_config(sagemaker, f"{GROUP}-6-aaaaaa", REALTIME)
    told = (
        f"Endpoint {GROUP} has instances and SageMaker cannot make it serverless. Run mlops stop "
        "california_housing and mlops deploy california_housing: "
        "requests are refused in between. Or keep mode = realtime."
    )
    with blocked(function, sagemaker, told):
        function.handler.handler(decided(), None)


AT = "2026-01-02T00:00:00+00:00"


@pytest.mark.parametrize("state", ["stopped", "blocked"])
@pytest.mark.parametrize("fields", [["CustomerMetadataProperties"], ["ModelApprovalStatus"]])
def test_late_and_own_events_move_nothing_that_was_stopped_or_blocked(
    function: SimpleNamespace, sagemaker: Stubber, state: str, fields: list[str]
) -> None:
    expect_newest(sagemaker, deployment_state=state, deployment_recorded_at=AT, deployment_attempts="1")
    assert function.handler.handler(decided(version=7, fields=fields), None) == {"batchItemFailures": []}


@pytest.mark.parametrize("state", ["stopped", "blocked"])
def test_a_newer_approval_of_the_version_moves_it(function: SimpleNamespace, sagemaker: Stubber, state: str) -> None:
    name = name_of(function)
    expect_newest(sagemaker, deployment_state=state, deployment_recorded_at="2026-01-01T23:59:59+00:00")
    expect_missing(sagemaker, "describe_endpoint")
    expect_creation(sagemaker, name, SERVERLESS, first=True)
    sagemaker.add_response("create_endpoint", ENDPOINT_ARN)
    expect_approved(sagemaker, 7)
    function.handler.handler(decided(version=7, fields=["ModelApprovalStatus"]), None)


def test_a_check_tries_again_what_was_blocked(function: SimpleNamespace, sagemaker: Stubber) -> None:
    only(function)
    expect_newest(sagemaker, deployment_state="blocked", deployment_recorded_at=AT, deployment_attempts="1")
    expect_missing(sagemaker, "describe_endpoint")
    expect_creation(sagemaker, name_of(function), SERVERLESS, first=True)
    sagemaker.add_response("create_endpoint", ENDPOINT_ARN)
    expect_approved(sagemaker, 7)
    function.handler.handler({"source": "aws.events"}, None)


def test_a_check_waits_longer_after_each_refusal_and_keeps_the_alarm_on(
    function: SimpleNamespace, sagemaker: Stubber
) -> None:
    only(function)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    expect_newest(sagemaker, deployment_state="blocked", deployment_recorded_at=now, deployment_attempts="2")
    with counted(function):
        function.handler.handler({"source": "aws.events"}, None)
    waits = [function.events.wait(attempts).total_seconds() / 60 for attempts in range(1, 7)]
    assert waits == [0, 10, 20, 40, 60, 60]
    assert function.events.wait(10**9).total_seconds() == 3600


@pytest.mark.parametrize("state", ["requested", "deployed", "stopped"])
def test_a_check_moves_nothing_else(function: SimpleNamespace, sagemaker: Stubber, state: str) -> None:
    only(function)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    expect_newest(sagemaker, deployment_state=state, deployment_recorded_at=now)
    function.handler.handler({"source": "aws.events"}, None)


@pytest.mark.parametrize("metadata", [{}, {"deployment_state": "requested", "deployment_recorded_at": AT}])
def test_a_check_finds_an_event_or_a_verdict_that_was_lost(
    function: SimpleNamespace, sagemaker: Stubber, metadata: dict[str, str]
) -> None:
    only(function)
    expect_newest(sagemaker, **metadata)
    expect_missing(sagemaker, "describe_endpoint")
    expect_missing(sagemaker, "describe_endpoint")
    expect_creation(sagemaker, name_of(function), SERVERLESS, first=True)
    sagemaker.add_response("create_endpoint", ENDPOINT_ARN)
    expect_approved(sagemaker, 7)
    with lost(function):
        function.handler.handler({"source": "aws.events"}, None)


def test_a_check_leaves_a_version_to_the_event_of_its_approval_which_may_still_come(
    function: SimpleNamespace, sagemaker: Stubber
) -> None:
    only(function)
    expect_newest(sagemaker, deployment_state="superseded", deployment_recorded_at=ago(9).isoformat())
    function.handler.handler({"source": "aws.events"}, None)


def ago(minutes: int) -> datetime:
    return datetime.now(UTC) - timedelta(minutes=minutes)


def requested(minutes: int) -> dict[str, str]:
    return {"deployment_state": "requested", "deployment_recorded_at": ago(minutes).isoformat()}


@pytest.mark.parametrize("status", ["InService", "Failed", "UpdateRollbackFailed"])
def test_a_check_asks_for_the_verdict_that_the_end_of_a_change_did_not_bring(
    function: SimpleNamespace, sagemaker: Stubber, status: str
) -> None:
    only(function)
    expect_newest(sagemaker, **requested(12))
    expect_endpoint(sagemaker, name_of(function), status=status, LastModifiedTime=ago(11))
    with lost(function), Stubber(function.clients.functions) as functions:
        payload = json.dumps({"detail": {"EndpointName": GROUP}}).encode()
        request = {"FunctionName": "verify", "InvocationType": "Event", "Payload": payload}
        functions.add_response("invoke", {"StatusCode": 202}, request)
        function.handler.handler({"source": "aws.events"}, None)
        functions.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("status", "changed"), [("Updating", 11), ("Creating", 11), ("RollingBack", 11), ("InService", 9)]
)
def test_a_verdict_is_not_late_while_the_endpoint_changes_or_has_just_changed(
    function: SimpleNamespace, sagemaker: Stubber, status: str, changed: int
) -> None:
    only(function)
    expect_newest(sagemaker, **requested(12))
    expect_endpoint(sagemaker, name_of(function), status=status, LastModifiedTime=ago(changed))
    function.handler.handler({"source": "aws.events"}, None)


def test_a_check_goes_back_to_the_version_before_when_a_rejection_did_not_arrive(
    function: SimpleNamespace, sagemaker: Stubber
) -> None:
    only(function)
    old, new = f"{GROUP}-8-aaaaaa", name_of(function)
    expect_newest(sagemaker, deployment_state="deployed", deployment_recorded_at=ago(60).isoformat())
    expect_endpoint(sagemaker, old, LastModifiedTime=ago(30))
    expect_served(sagemaker, old, f"{PACKAGE.removesuffix('7')}8")
    expect_endpoint(sagemaker, old, LastModifiedTime=ago(30))
    expect_config(sagemaker, old, SERVERLESS)
    expect_creation(sagemaker, new, SERVERLESS, live_before=True, seen=ANY)
    sagemaker.add_response("update_endpoint", ENDPOINT_ARN)
    expect_approved(sagemaker, 7)
    with lost(function):
        function.handler.handler({"source": "aws.events"}, None)


@pytest.mark.parametrize("served", [PACKAGE, ""])
def test_a_check_leaves_alone_what_answers_as_it_should_or_is_nobodys_version(
    function: SimpleNamespace, sagemaker: Stubber, served: str
) -> None:
    only(function)
    expect_newest(sagemaker, deployment_state="deployed", deployment_recorded_at=ago(60).isoformat())
    expect_endpoint(sagemaker, "by-hand", LastModifiedTime=ago(30))
    expect_served(sagemaker, "by-hand", served)
    function.handler.handler({"source": "aws.events"}, None)


def test_once_an_hour_a_check_also_looks_at_versions_that_were_approved_too_late(
    function: SimpleNamespace, sagemaker: Stubber
) -> None:
    """The event of their approval is lost: nothing would tell their runs that they are overtaken."""
    only(function, full=True)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    expect_newest(sagemaker, deployment_state="deployed", deployment_recorded_at=now)
    expect_approved(sagemaker, 7, 6, 5)
    expect_state(sagemaker, 6)
    expect_record(sagemaker, f"{PACKAGE.removesuffix('7')}6", "superseded")
    expect_state(sagemaker, 5, deployment_state="deployed")
    function.handler.handler({"source": "aws.events"}, None)


def expect_served(sagemaker: Stubber, config: str, package: str) -> None:
    """What lies behind the endpoint's configuration."""
    expect_config(sagemaker, config, {**SERVERLESS, "ModelName": config})
    container = {"ModelPackageName": package} if package else {"Image": "image"}
    model = {"ModelName": config, "ModelArn": f"arn:aws:sagemaker:eu-west-1:1:model/{config}", "CreationTime": NOW}
    sagemaker.add_response("describe_model", {**model, "PrimaryContainer": container}, {"ModelName": config})


@contextmanager
def lost(function: SimpleNamespace) -> Iterator[None]:
    """One event is counted as lost."""
    with Stubber(function.handler.cloudwatch) as cloudwatch:
        dimensions = [{"Name": "Stage", "Value": "dev"}]
        metric = {"MetricName": "LostEvents", "Dimensions": dimensions, "Value": 1.0, "Unit": "Count"}
        cloudwatch.add_response("put_metric_data", {}, {"Namespace": "mlops/dev", "MetricData": [metric]})
        yield
        cloudwatch.assert_no_pending_responses()


def test_an_endpoint_that_somebody_deleted_stays_away(function: SimpleNamespace, sagemaker: Stubber) -> None:
    """Whatever event comes late: `mlops deploy` and an approval bring it back."""
    expect_newest(sagemaker, deployment_state="deployed", deployment_recorded_at=AT)
    expect_missing(sagemaker, "describe_endpoint")
    function.handler.handler(decided(version=7, fields=["ModelApprovalStatus"]), None)


def test_a_rejected_version_that_serves_because_no_other_is_approved_is_told(
    function: SimpleNamespace, sagemaker: Stubber
) -> None:
    only(function)
    expect_state(sagemaker, 7, "Rejected")
    for event in (decided(status="Rejected"), {"source": "aws.events"}):
        expect_approved(sagemaker)
        expect_endpoint(sagemaker, config=f"{GROUP}-6-aaaaaa")
        with counted(function, "RejectedServing"):
            function.handler.handler(event, None)


def test_a_version_that_is_there_and_was_not_right_is_verified_again(
    function: SimpleNamespace, sagemaker: Stubber
) -> None:
    """It was blocked, or `mlops deploy` asks for it: no event of the endpoint would come."""
    expect_newest(sagemaker)
    expect_endpoint(sagemaker, config=name_of(function))
    expect_record(sagemaker, PACKAGE, "requested")
    expect_approved(sagemaker, 7)
    with Stubber(function.clients.functions) as functions:
        payload = json.dumps({"detail": {"EndpointName": GROUP}}).encode()
        request = {"FunctionName": "verify", "InvocationType": "Event", "Payload": payload}
        functions.add_response("invoke", {"StatusCode": 202}, request)
        function.handler.handler(decided(), None)
        functions.assert_no_pending_responses()


def only(function: SimpleNamespace, *, full: bool = False) -> None:
    """Of the models, this one alone. `full`: a check looks at its older versions, too, whatever the time is."""
    function.losses.MINUTES = 60 if full else 0
    contract = function.handler.CONTRACTS[GROUP]
    function.handler.CONTRACTS.clear()
    function.handler.CONTRACTS[GROUP] = contract


@pytest.mark.parametrize("first", [True, False])
def test_two_deliveries_at_once_are_one_deployment(function: SimpleNamespace, sagemaker: Stubber, first: bool) -> None:
    """The other one was a moment earlier: what is recorded of the request stays."""
    name = name_of(function)
    if first:
        expect_newest(sagemaker)
        expect_missing(sagemaker, "describe_endpoint")
        expect_creation(sagemaker, name, SERVERLESS, first=True)
        sagemaker.add_client_error("create_endpoint", "ValidationException", "Cannot create already existing endpoint")
        expect_endpoint(sagemaker, config=name, status="Creating")
    else:
        expect_refused_update(sagemaker, name, "ValidationException", "Cannot update in-progress endpoint.")
        pending = {"EndpointConfigName": name}
        expect_endpoint(sagemaker, f"{GROUP}-6-aaaaaa", status="Updating", PendingDeploymentSummary=pending)
    expect_approved(sagemaker, 7)
    assert function.handler.handler(decided(), None) == {"batchItemFailures": []}


def test_an_endpoint_that_another_changes_at_the_same_time_is_waited_for(
    function: SimpleNamespace, sagemaker: Stubber
) -> None:
    """The version waits as if nothing had been requested: how the other change ends says nothing about it."""
    expect_refused_update(sagemaker, name_of(function), "ValidationException", "Cannot update in-progress endpoint.")
    expect_endpoint(sagemaker, config=f"{GROUP}-6-aaaaaa", status="Updating")
    withdrawn = ["deployment_state", "deployment_reason", "deployment_seen", "deployment_recorded_at"]
    request = {"ModelPackageArn": PACKAGE, "CustomerMetadataPropertiesToRemove": withdrawn}
    sagemaker.add_response("update_model_package", {"ModelPackageArn": PACKAGE}, request)
    assert function.handler.handler(decided(), None) == {"batchItemFailures": [{"itemIdentifier": "m"}]}


def test_a_delivery_that_comes_late_leaves_the_request_of_the_first_alone(
    function: SimpleNamespace, sagemaker: Stubber
) -> None:
    """It saw the endpoint before the first one changed it, and SageMaker is on the way back by now."""
    name = name_of(function)
    expect_newest(sagemaker, deployment_state="requested")
    expect_endpoint(sagemaker, config=f"{GROUP}-6-aaaaaa")
    expect_config(sagemaker, f"{GROUP}-6-aaaaaa", SERVERLESS)
    model = {"ModelName": name, "ModelArn": "arn:aws:sagemaker:eu-west-1:1:model/x", "CreationTime": NOW}
    sagemaker.add_response("describe_model", model, {"ModelName": name})
    expect_config(sagemaker, name, SERVERLESS)
    sagemaker.add_client_error("update_endpoint", "ValidationException", "Cannot update in-progress endpoint.")
    expect_endpoint(sagemaker, config=f"{GROUP}-6-aaaaaa", status="RollingBack")
    assert function.handler.handler(decided(), None) == {"batchItemFailures": [{"itemIdentifier": "m"}]}
    sagemaker.assert_no_pending_responses()


def test_a_model_that_another_delivery_makes_at_the_same_time_is_used(
    function: SimpleNamespace, sagemaker: Stubber
) -> None:
    name = name_of(function)
    model = {"ModelName": name, "ModelArn": "arn:aws:sagemaker:eu-west-1:1:model/x", "CreationTime": NOW}
    expect_newest(sagemaker)
    expect_missing(sagemaker, "describe_endpoint")
    expect_missing(sagemaker, "describe_model")
    sagemaker.add_client_error("create_model", "ValidationException", "Cannot create already existing model.")
    sagemaker.add_response("describe_model", model, {"ModelName": name})
    expect_missing(sagemaker, "describe_endpoint_config")
    answer = {"EndpointConfigArn": f"arn:aws:sagemaker:eu-west-1:1:endpoint-config/{name}"}
    sagemaker.add_response("create_endpoint_config", answer)
    expect_record(sagemaker, PACKAGE, "requested")
    request = {"EndpointName": GROUP, "EndpointConfigName": name, "Tags": TAGS}
    sagemaker.add_response("create_endpoint", ENDPOINT_ARN, request)
    expect_approved(sagemaker, 7)
    function.handler.handler(decided(), None)
