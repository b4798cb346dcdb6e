"""verify_deployment: what is live is checked, recorded, and taken back when it is not what was evaluated."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from botocore.stub import ANY, Stubber

from tests.unit.lambdas.loading import load_function
from tests.unit.lambdas.scaling import TARGET_ARN, expect_targets

GROUP = "mlops-dev-california-housing"
TOPIC = "arn:aws:sns:eu-west-1:111122223333:alerts"
ARTIFACT = "s3://artifact/model/models/train-1/output/model.tar.gz"
NOW = datetime(2026, 1, 2, tzinfo=UTC)
GOLDEN = {"version": 1, "instances": [{"a": 1}, {"a": 2}], "predictions": [100.0, 200.0], "tolerance": 1e-6}


def package_arn(version: int) -> str:
    return f"arn:aws:sagemaker:eu-west-1:111122223333:model-package/{GROUP}/{version}"


@pytest.fixture
def function() -> SimpleNamespace:
    environment = {"RESOURCE_PREFIX": "mlops-dev-", "STAGE": "dev", "ALERTS_TOPIC_ARN": TOPIC}
    return load_function("verify_deployment", environment)


class Services:
    """The clients of the function, stubbed; every stubbed answer must be asked for."""

    def __init__(self, clients: Any) -> None:
        self.sagemaker = Stubber(clients.sagemaker)
        self.runtime = Stubber(clients.runtime)
        self.s3 = Stubber(clients.s3)
        self.sns = Stubber(clients.sns)
        self.cloudwatch = Stubber(clients.cloudwatch)
        self.autoscaling = Stubber(clients.autoscaling)
        self.all = (self.sagemaker, self.runtime, self.s3, self.sns, self.cloudwatch, self.autoscaling)

    def wanted(self, version: int, *, state: str = "requested", **metadata: str) -> None:
        """The newest approved version and its metadata."""
        summary = {
            "ModelPackageArn": package_arn(version),
            "ModelPackageVersion": version,
            "CreationTime": NOW,
            "ModelPackageStatus": "Completed",
        }
        self.sagemaker.add_response("list_model_packages", {"ModelPackageSummaryList": [summary]})
        metadata |= {"evaluation_uri": "s3://artifact/model/evaluation/evaluation.json"}
        metadata |= {"deployment_state": state} if state else {}
        described = {
            **summary,
            "ModelPackageName": f"{GROUP}/{version}",
            "ModelPackageStatusDetails": {"ValidationStatuses": []},
            "CustomerMetadataProperties": metadata,
            "InferenceSpecification": {"Containers": [{"Image": "image", "ModelDataUrl": ARTIFACT}]},
        }
        self.sagemaker.add_response("describe_model_package", described, {"ModelPackageName": package_arn(version)})

    def live(self, version: int, *, status: str = "InService", failure: str = "", instances: int | None = None) -> None:
        """The endpoint, and the version that its configuration leads to."""
        endpoint = {
            "EndpointName": GROUP,
            "EndpointArn": f"arn:aws:sagemaker:eu-west-1:111122223333:endpoint/{GROUP}",
            "EndpointConfigName": "config",
            "EndpointStatus": status,
            "CreationTime": NOW,
            "LastModifiedTime": NOW,
            **({"FailureReason": failure} if failure else {}),
            "ProductionVariants": [
                {"VariantName": "AllTraffic", **({"CurrentInstanceCount": instances} if instances else {})}
            ],
        }
        arn = "arn:aws:sagemaker:eu-west-1:111122223333:endpoint-config/config"
        variant = {"VariantName": "AllTraffic", "ModelName": "model"}
        config = {
            "EndpointConfigName": "config",
            "EndpointConfigArn": arn,
            "ProductionVariants": [variant],
            "CreationTime": NOW,
        }
        container = {"ModelPackageName": package_arn(version)}
        model = {"ModelName": "model", "PrimaryContainer": container, "CreationTime": NOW, "ModelArn": arn}
        self.sagemaker.add_response("describe_endpoint", endpoint, {"EndpointName": GROUP})
        self.sagemaker.add_response("describe_endpoint_config", config, {"EndpointConfigName": "config"})
        self.sagemaker.add_response("describe_model", model, {"ModelName": "model"})

    def golden(self) -> None:
        request = {"Bucket": "artifact", "Key": "model/evaluation/golden.json"}
        self.s3.add_response("get_object", {"Body": body(GOLDEN)}, request)

    def answers(self, *values: float) -> None:
        answer = {"predictions": [{"value": value} for value in values]}
        request = {
            "EndpointName": GROUP,
            "ContentType": "application/json",
            "Accept": "application/json",
            "Body": json.dumps({"instances": GOLDEN["instances"]}).encode(),
        }
        self.runtime.add_response("invoke_endpoint", {"Body": body(answer)}, request)

    def looks_again(self, version: int, *, state: str = "requested", approval: str = "Approved") -> None:
        """Before a verdict is written."""
        described = {
            "ModelPackageName": f"{GROUP}/{version}",
            "ModelPackageArn": package_arn(version),
            "ModelPackageVersion": version,
            "ModelApprovalStatus": approval,
            "CreationTime": NOW,
            "ModelPackageStatus": "Completed",
            "ModelPackageStatusDetails": {"ValidationStatuses": []},
            "CustomerMetadataProperties": {"deployment_state": state},
        }
        self.sagemaker.add_response("describe_model_package", described, {"ModelPackageName": package_arn(version)})

    def records(self, version: int, state: str, **update: Any) -> None:
        self.looks_again(version)
        metadata = dict.fromkeys(("deployment_reason", "deployment_verified_at", "deployment_recorded_at"), ANY)
        metadata |= {"deployment_state": state}
        metadata |= {"deployment_live_at": ANY} if state == "deployed" else {}
        metadata |= {"deployment_attempts": "1"} if state == "blocked" else {}
        request = {"ModelPackageArn": package_arn(version), "CustomerMetadataProperties": metadata, **update}
        self.sagemaker.add_response("update_model_package", {"ModelPackageArn": package_arn(version)}, request)

    def alerts(self, subject: str) -> None:
        dimensions = [{"Name": "Model", "Value": "california_housing"}, {"Name": "Stage", "Value": "dev"}]
        metric = {"MetricName": "DeploymentFailures", "Dimensions": dimensions, "Value": 1.0, "Unit": "Count"}
        self.cloudwatch.add_response("put_metric_data", {}, {"Namespace": "mlops/dev", "MetricData": [metric]})
        self.sns.add_response("publish", {}, {"TopicArn": TOPIC, "Subject": subject, "Message": ANY})


def body(document: Any) -> StreamingBody:
    content = json.dumps(document).encode()
    return StreamingBody(io.BytesIO(content), len(content))


@pytest.fixture
def services(function: SimpleNamespace) -> Iterator[Services]:
    stubs = Services(function.clients)
    for stub in stubs.all:
        stub.activate()
    yield stubs
    for stub in stubs.all:
        stub.assert_no_pending_responses()
        stub.deactivate()


def changed(name: str = GROUP) -> dict[str, Any]:
    return {"detail-type": "SageMaker Endpoint State Change", "detail": {"EndpointName": name}}


def test_a_live_version_whose_golden_rows_agree_is_deployed(function: SimpleNamespace, services: Services) -> None:
    services.wanted(7)
    services.live(7)
    services.golden()
    services.answers(100.0, 200.0 * (1 + 1e-8))
    services.records(7, "deployed")
    assert function.handler.handler(changed(), None) == {"state": "deployed"}


def test_a_version_that_predicts_otherwise_is_rejected_and_alerted(
    function: SimpleNamespace, services: Services
) -> None:
    services.wanted(7)
    services.live(7)
    services.golden()
    services.answers(100.0, 201.0)
    why = (
        "Not live (failed): 1 of 2 golden rows predict otherwise than when the model was evaluated; "
        "row 1: 201, expected 200."
    )
    services.records(7, "failed", ModelApprovalStatus="Rejected", ApprovalDescription=why)
    services.alerts("california_housing version 7: failed")
    assert function.handler.handler(changed(), None) == {"state": "failed"}


def fail(services: Services, status: int) -> None:
    """The container answers with this status; 0 is SageMaker's for no answer in time."""
    services.runtime.add_client_error(
        "invoke_endpoint", "ModelError", f"Received error ({status})", modeled_fields={"OriginalStatusCode": status}
    )


@pytest.fixture
def hasty(function: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(function.golden, "PAUSE_SECONDS", 0.0)


@pytest.mark.parametrize("statuses", [(500, 500, 500), (0, 0, 0), (0, 400), (400,)])
@pytest.mark.usefixtures("hasty")
def test_a_model_that_fails_on_golden_rows_is_rejected(
    function: SimpleNamespace, services: Services, statuses: tuple[int, ...]
) -> None:
    services.wanted(7)
    services.live(7)
    services.golden()
    for status in statuses:
        fail(services, status)
    services.records(7, "failed", ModelApprovalStatus="Rejected", ApprovalDescription=ANY)
    services.alerts("california_housing version 7: failed")
    assert function.handler.handler(changed(), None) == {"state": "failed"}


@pytest.mark.parametrize("statuses", [(0,), (503,), (500, 0)])
@pytest.mark.usefixtures("hasty")
def test_a_cold_container_may_answer_late(
    function: SimpleNamespace, services: Services, statuses: tuple[int, ...]
) -> None:
    services.wanted(7)
    services.live(7)
    services.golden()
    for status in statuses:
        fail(services, status)
    services.answers(100.0, 200.0)
    services.records(7, "deployed")
    assert function.handler.handler(changed(), None) == {"state": "deployed"}


def test_a_version_without_golden_rows_is_deployed_when_it_is_live(
    function: SimpleNamespace, services: Services
) -> None:
    services.wanted(7)
    services.live(7)
    services.s3.add_client_error("get_object", "NoSuchKey")
    services.records(7, "deployed")
    assert function.handler.handler(changed(), None) == {"state": "deployed"}


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        (True, "golden.json is gone. A version that has them: mlops retry 0123456789abcdef --fresh"),
        (False, "none were kept with it."),
    ],
)
def test_golden_rows_that_are_lost_are_told_apart_from_none(
    function: SimpleNamespace, services: Services, kept: bool, words: str
) -> None:
    services.s3.add_client_error("get_object", "NoSuchKey")
    version = function.logic.Version(
        "arn", 7, "requested", "s3://artifact/e/evaluation.json", run_id="0123456789abcdef", records=kept
    )
    verdict = function.golden.check_golden_rows(version, GROUP)
    assert (verdict.state, verdict.reason) == (
        "deployed",
        f"The endpoint serves it. It was not asked for golden rows: {words}",
    )


def test_an_update_that_sagemaker_rolled_back_is_never_called_deployed(
    function: SimpleNamespace, services: Services
) -> None:
    services.wanted(7)
    services.live(6, failure="One or more alarms went off")
    why = "Not live (rolled_back): One or more alarms went off"
    services.records(7, "rolled_back", ModelApprovalStatus="Rejected", ApprovalDescription=why)
    services.alerts("california_housing version 7: rolled_back")
    assert function.handler.handler(changed(), None) == {"state": "rolled_back"}


@pytest.mark.parametrize(
    ("seen", "state"), [("2026-01-02T00:00:00+00:00", None), ("2026-01-01T23:59:59.999000+00:00", "rolled_back")]
)
def test_only_an_endpoint_that_changed_since_the_request_was_rolled_back(
    function: SimpleNamespace, services: Services, seen: str, state: str | None
) -> None:
    """The event may be that of the update before, while the new one is about to be asked for."""
    services.wanted(7, deployment_seen=seen)
    services.live(6, failure="One or more alarms went off")
    if state:
        services.records(7, state, ModelApprovalStatus="Rejected", ApprovalDescription=ANY)
        services.alerts("california_housing version 7: rolled_back")
    assert function.handler.handler(changed(), None) == {"state": state}


def test_a_version_that_waits_for_its_turn_is_left_alone(function: SimpleNamespace, services: Services) -> None:
    services.wanted(7, state="")
    services.live(6)
    assert function.handler.handler(changed(), None) == {"state": None}


def test_an_endpoint_that_is_changing_is_left_alone(function: SimpleNamespace, services: Services) -> None:
    services.wanted(7)
    services.live(6, status="Updating")
    assert function.handler.handler(changed(), None) == {"state": None}


def test_a_failed_endpoint_is_recorded_with_its_reason(function: SimpleNamespace, services: Services) -> None:
    services.wanted(7)
    services.live(7, status="Failed", failure="The container did not pass the ping health check.")
    why = "Not live (failed): The container did not pass the ping health check."
    services.records(7, "failed", ModelApprovalStatus="Rejected", ApprovalDescription=why)
    services.alerts("california_housing version 7: failed")
    assert function.handler.handler(changed(), None) == {"state": "failed"}


TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": f"endpoint/{GROUP}/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}


@pytest.mark.parametrize("scaled", [False, True])
def test_instances_are_scaled_as_the_contract_says(function: SimpleNamespace, services: Services, scaled: bool) -> None:
    """Whatever became of the version: an update that was rolled back may have ended the scaling."""
    contract = function.handler.CONTRACTS[GROUP]
    bounds = replace(contract.serving, min_instances=2, max_instances=5, invocations_per_instance=900)
    function.handler.CONTRACTS[GROUP] = replace(contract, serving=bounds)
    services.wanted(7, state="deployed")
    services.live(7, instances=3)
    expect_targets(services.autoscaling, TARGET, *([TARGET] if scaled else []))
    # Policies know a scalable target by its tags, which it gets when it is made.
    tags, capacity = {"project": "mlops", "stage": "dev"}, {"MinCapacity": 2, "MaxCapacity": 5}
    if scaled:
        services.autoscaling.add_response("tag_resource", {}, {"ResourceARN": TARGET_ARN, "Tags": tags})
        services.autoscaling.add_response("register_scalable_target", {}, {**TARGET, **capacity})
    else:
        services.autoscaling.add_response("register_scalable_target", {}, {**TARGET, **capacity, "Tags": tags})
    tracking = {
        "TargetValue": 900.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        "ScaleOutCooldown": 60,
        "ScaleInCooldown": 300,
    }
    policy = {
        "PolicyName": "invocations",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": tracking,
    }
    services.autoscaling.add_response("put_scaling_policy", {"PolicyARN": "arn:policy"}, {**TARGET, **policy})
    assert function.handler.handler(changed(), None) == {"state": None}


def test_a_contract_without_bounds_ends_the_scaling(function: SimpleNamespace, services: Services) -> None:
    services.wanted(7, state="deployed")
    services.live(7, instances=3)
    expect_targets(services.autoscaling, TARGET, TARGET)
    services.autoscaling.add_response("deregister_scalable_target", {}, TARGET)
    assert function.handler.handler(changed(), None) == {"state": None}


def test_instances_that_are_changing_are_not_scaled(function: SimpleNamespace, services: Services) -> None:
    services.wanted(7)
    services.live(6, status="Updating", instances=3)
    assert function.handler.handler(changed(), None) == {"state": None}


def test_a_verified_version_is_not_verified_again(function: SimpleNamespace, services: Services) -> None:
    services.wanted(7, state="deployed")
    services.live(7)
    assert function.handler.handler(changed(), None) == {"state": None}


def test_other_endpoints_of_the_account_are_ignored(function: SimpleNamespace, services: Services) -> None:
    assert function.handler.handler(changed("somebody-elses"), None) == {"state": None}


def test_a_failure_that_nobody_could_be_told_of_is_not_recorded(function: SimpleNamespace, services: Services) -> None:
    """The next delivery finds it again."""
    services.wanted(7)
    services.live(6, failure="One or more alarms went off")
    services.looks_again(7)
    services.cloudwatch.add_client_error("put_metric_data", "InternalServiceFault")
    with pytest.raises(ClientError, match="InternalServiceFault"):
        function.handler.handler(changed(), None)


@pytest.mark.parametrize(
    "failure", ["Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error.", ""]
)
@pytest.mark.parametrize(("live", "status"), [(6, "InService"), (7, "Failed"), (6, "UpdateRollbackFailed")])
def test_what_lies_elsewhere_leaves_the_approval_alone(
    function: SimpleNamespace, services: Services, live: int, status: str, failure: str
) -> None:
    services.wanted(7)
    services.live(live, status=status, failure=failure)
    services.records(7, "blocked")
    services.alerts("california_housing version 7: blocked")
    assert function.handler.handler(changed(), None) == {"state": "blocked"}


def test_a_failed_endpoint_of_another_version_says_nothing_of_the_wanted_one(
    function: SimpleNamespace, services: Services
) -> None:
    services.wanted(7)
    services.live(6, status="Failed", failure="The container did not pass the ping health check.")
    assert function.handler.handler(changed(), None) == {"state": None}


def test_a_version_that_was_live_and_right_once_is_not_rejected(function: SimpleNamespace, services: Services) -> None:
    """Nothing about it changed since: the environment did."""
    services.wanted(7, deployment_live_at="2026-01-01T00:00:00+00:00")
    services.live(7)
    services.golden()
    services.answers(100.0, 201.0)
    services.records(7, "blocked")
    services.alerts("california_housing version 7: blocked")
    assert function.handler.handler(changed(), None) == {"state": "blocked"}


@pytest.mark.parametrize(("state", "approval"), [("stopped", "Approved"), ("requested", "Rejected")])
def test_a_verdict_that_comes_after_a_decision_is_nothing(
    function: SimpleNamespace, services: Services, state: str, approval: str
) -> None:
    services.wanted(7)
    services.live(7)
    services.golden()
    services.answers(100.0, 200.0)
    services.looks_again(7, state=state, approval=approval)
    assert function.handler.handler(changed(), None) == {"state": None}


@pytest.mark.parametrize("state", ["stopped", "blocked", "superseded"])
def test_a_version_of_which_no_verdict_is_awaited_gets_none(
    function: SimpleNamespace, services: Services, state: str
) -> None:
    services.wanted(7, state=state)
    services.live(7)
    assert function.handler.handler(changed(), None) == {"state": None}


@pytest.mark.parametrize(("code", "state"), [("404", "failed"), ("403", "blocked")])
def test_only_a_look_tells_an_artifact_that_is_gone_from_one_that_a_role_may_not_read(
    function: SimpleNamespace, services: Services, code: str, state: str
) -> None:
    services.wanted(7)
    services.live(7, status="Failed", failure='Failed to download model data for container "container_1".')
    services.s3.add_client_error("head_object", code, http_status_code=int(code))
    rejected = {"ModelApprovalStatus": "Rejected", "ApprovalDescription": ANY} if state == "failed" else {}
    services.records(7, state, **rejected)
    services.alerts(f"california_housing version 7: {state}")
    assert function.handler.handler(changed(), None) == {"state": state}


def test_a_short_answer_is_a_failure(function: SimpleNamespace) -> None:
    verdict = function.logic.compare(GOLDEN, [100.0])
    assert verdict.state == "failed"
    assert verdict.reason == "The endpoint gave 1 predictions for 2 golden rows."
