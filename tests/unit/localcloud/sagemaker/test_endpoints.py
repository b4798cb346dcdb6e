"""Models and endpoints: created, asked, updated, rolled back, deleted."""

import json
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.localcloud.sagemaker.support import (
    IMAGE,
    INFERENCE,
    INSTANCE,
    JOB_POLICY,
    ROLES,
    SERVERLESS,
    ask,
    create_role,
    settled,
    until,
)


@pytest.fixture(scope="module")
def live(sagemaker: Any, config: Callable[..., str]) -> dict[str, Any]:
    sagemaker.create_endpoint(EndpointName="live", EndpointConfigName=config("live-1"))
    assert sagemaker.describe_endpoint(EndpointName="live")["EndpointStatus"] == "Creating"
    return settled(sagemaker, "live")


def test_an_endpoint_answers_from_its_model(live: dict[str, Any], runtime: Any) -> None:
    assert live["EndpointStatus"] == "InService", live
    assert live["ProductionVariants"][0]["CurrentServerlessConfig"] == SERVERLESS["ServerlessConfig"]
    assert ask(runtime, "live", [1, 2.5]) == {"predictions": [2.0, 5.0], "version": "live-1"}
    answer = runtime.invoke_endpoint(EndpointName="live", Body=b"1\n3\n", ContentType="text/csv", Accept="text/csv")
    assert (answer["Body"].read(), answer["ContentType"]) == (b"2.0\n6.0\n", "text/csv")
    assert answer["InvokedProductionVariant"] == "AllTraffic"


def test_nobody_but_the_local_cloud_asks_the_model_server(cloud: Any, live: dict[str, Any]) -> None:
    ports = [int(file.read_text()) for file in cloud.state_dir.rglob("port")]
    assert ports
    for port in ports:
        for method, path in (("GET", "/ping"), ("POST", "/invocations")):
            with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
                connection.request(method, path, b"1", {"Content-Type": "text/csv", "X-Localcloud-Key": "guessed"})
                assert connection.getresponse().status == 403


def test_bad_input_is_the_clients_error(live: dict[str, Any], runtime: Any) -> None:
    with pytest.raises(ClientError) as caught:
        ask(runtime, live["EndpointName"], {"instances": 1})
    response = caught.value.response
    assert response["Error"]["Code"] == "ModelError"
    assert (response["ResponseMetadata"]["HTTPStatusCode"], response["OriginalStatusCode"]) == (424, 400)
    errors = [{"field": "instances", "reason": "must be a list"}]
    assert json.loads(response["OriginalMessage"]) == {"errors": errors}
    assert response["LogStreamArn"].endswith("log-group:/aws/sagemaker/Endpoints/live")


def test_of_what_a_container_says_as_much_is_passed_on_as_the_service_declares(
    live: dict[str, Any], runtime: Any
) -> None:
    declared = runtime.meta.service_model.shape_for("ModelError").members
    with pytest.raises(ClientError) as caught:
        ask(runtime, live["EndpointName"], {"instances": 1, "marks": 3000})
    told = caught.value.response
    for name, text in (("OriginalMessage", told["OriginalMessage"]), ("Message", told["Error"]["Message"])):
        assert len(text) == declared[name].metadata["max"] == 2048


def test_a_fault_of_the_model_is_a_server_error(live: dict[str, Any], runtime: Any) -> None:
    with pytest.raises(ClientError) as caught:
        ask(runtime, live["EndpointName"], ["a", {}])
    assert caught.value.response["OriginalStatusCode"] == 500
    assert "Received server error (500) from primary" in str(caught.value)
    # Flask's page: why is in the log alone.
    assert "<h1>Internal Server Error</h1>" in caught.value.response["OriginalMessage"]


def test_the_servers_output_lies_in_its_log_group(cloud: Any, live: dict[str, Any], runtime: Any) -> None:
    with pytest.raises(ClientError, match="Internal Server Error"):
        ask(runtime, live["EndpointName"], [{}, []])
    logs = cloud.client("logs")

    def logged() -> bool:
        groups = logs.describe_log_groups(logGroupNamePrefix="/aws/sagemaker/Endpoints/live")["logGroups"]
        events = [e for g in groups for e in logs.filter_log_events(logGroupName=g["logGroupName"])["events"]]
        return any("unsupported operand" in event["message"] for event in events)

    until(logged)


def test_an_update_swaps_the_model_and_a_broken_one_is_rolled_back(
    live: dict[str, Any], sagemaker: Any, runtime: Any, config: Callable[..., str]
) -> None:
    name = live["EndpointName"]
    sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config("live-2", weight=3.0))
    assert ask(runtime, name, [1])["predictions"][0] in (2.0, 3.0), "it answers while it updates"
    updated = settled(sagemaker, name)
    assert (updated["EndpointConfigName"], ask(runtime, name, [1])["predictions"]) == ("live-2", [3.0])

    broken = INFERENCE.replace("return float", "raise RuntimeError('no such weight'); return float")
    sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config("live-3", inference=broken))
    assert sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Updating"
    rolled_back = settled(sagemaker, name)
    assert (rolled_back["EndpointStatus"], rolled_back["EndpointConfigName"]) == ("InService", "live-2")
    assert "variant AllTraffic did not pass the ping health check" in rolled_back["FailureReason"]
    assert "RuntimeError: no such weight" in rolled_back["FailureReason"]
    assert ask(runtime, name, [1])["predictions"] == [3.0]


def test_the_events_of_an_endpoint(bus: Any, sagemaker: Any, config: Callable[..., str]) -> None:
    sagemaker.create_endpoint(EndpointName="observed", EndpointConfigName=config("observed", **INSTANCE))
    assert settled(sagemaker, "observed")["ProductionVariants"][0]["CurrentInstanceCount"] == 1
    sagemaker.delete_endpoint(EndpointName="observed")
    events = bus.details("SageMaker Endpoint State Change", wanted=3, EndpointName="observed")
    assert [detail["EndpointStatus"] for detail in events] == ["CREATING", "IN_SERVICE", "DELETING"]
    assert events[1]["EndpointConfigName"] == "observed"


def test_a_deleted_endpoint_is_gone(sagemaker: Any, runtime: Any, config: Callable[..., str]) -> None:
    sagemaker.create_endpoint(EndpointName="short", EndpointConfigName=config("short"))
    settled(sagemaker, "short")
    sagemaker.delete_endpoint(EndpointName="short")

    def gone() -> bool:
        return "short" not in [item["EndpointName"] for item in sagemaker.list_endpoints()["Endpoints"]]

    until(gone)
    with pytest.raises(ClientError, match=r"ValidationException.*Could not find endpoint"):
        sagemaker.describe_endpoint(EndpointName="short")
    with pytest.raises(ClientError, match=r"ValidationError.*Endpoint short of account 000000000000 not found"):
        ask(runtime, "short", [1])


def test_a_model_that_does_not_load_fails_the_endpoint(
    sagemaker: Any, runtime: Any, config: Callable[..., str]
) -> None:
    name = config("unloadable", inference="def model_fn(model_dir): pass")
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    failed = settled(sagemaker, name)
    assert failed["EndpointStatus"] == "Failed"
    assert "Please provide an implementation of input_fn, predict_fn, output_fn" in failed["FailureReason"]
    with pytest.raises(ClientError, match="is not InService: Failed"):
        ask(runtime, name, [1])


def test_a_body_above_the_limit_is_refused(live: dict[str, Any], runtime: Any) -> None:
    with pytest.raises(ClientError, match=r"ValidationError.*takes 4194304"):
        runtime.invoke_endpoint(EndpointName=live["EndpointName"], Body=b"1" * (4 * 2**20 + 1))


def test_a_role_that_cannot_read_the_artifact_is_named(cloud: Any, sagemaker: Any, model_data: str) -> None:
    role = create_role(
        cloud, "no-artifact", [*JOB_POLICY, {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}]
    )
    container = {"Image": IMAGE, "ModelDataUrl": model_data}
    with pytest.raises(ClientError) as caught:
        sagemaker.create_model(ModelName="unreadable", ExecutionRoleArn=role, PrimaryContainer=container)
    for part in (model_data, "no-artifact", "s3:GetObject", "arn:aws:s3:::artifacts/double/model.tar.gz"):
        assert part in str(caught.value)


def test_a_model_of_a_package_needs_its_approval(sagemaker: Any, model_data: str, runtime: Any) -> None:
    sagemaker.create_model_package_group(ModelPackageGroupName="doubles")
    container = {
        "Image": IMAGE,
        "ModelDataUrl": model_data,
        "Environment": {"SAGEMAKER_PROGRAM": "inference.py", "MODEL_VERSION": "package"},
    }
    package = sagemaker.create_model_package(
        ModelPackageGroupName="doubles",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": [],
            "SupportedResponseMIMETypes": [],
        },
    )["ModelPackageArn"]
    model = {
        "ModelName": "of-package",
        "ExecutionRoleArn": f"{ROLES}/job",
        "Containers": [{"ModelPackageName": package, "Environment": {"MODEL_VERSION": "7"}}],
    }
    with pytest.raises(ClientError, match="is not approved for deployment: its status is PendingManualApproval"):
        sagemaker.create_model(**model)
    sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved", ApprovalDescription="ok")
    sagemaker.create_model(**model)
    variant = {"VariantName": "Main", "ModelName": "of-package", **SERVERLESS}
    sagemaker.create_endpoint_config(EndpointConfigName="of-package", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="of-package", EndpointConfigName="of-package")
    assert settled(sagemaker, "of-package")["EndpointStatus"] == "InService"
    assert ask(runtime, "of-package", [2]) == {"predictions": [4.0], "version": "7"}


def test_names_are_used_once_and_what_is_missing_is_named(live: dict[str, Any], sagemaker: Any) -> None:
    with pytest.raises(ClientError, match=r"Cannot create already existing endpoint \"arn:aws:sagemaker"):
        sagemaker.create_endpoint(EndpointName=live["EndpointName"], EndpointConfigName="live-1")
    with pytest.raises(ClientError, match="Could not find endpoint configuration"):
        sagemaker.create_endpoint(EndpointName="other", EndpointConfigName="nowhere")
    variant = {"VariantName": "Main", "ModelName": "nobody", **SERVERLESS}
    with pytest.raises(ClientError, match="Could not find model"):
        sagemaker.create_endpoint_config(EndpointConfigName="other", ProductionVariants=[variant])


def test_two_variants_are_told_apart(sagemaker: Any, runtime: Any, config: Callable[..., str]) -> None:
    variants = [
        {"VariantName": name, "ModelName": model, "InitialVariantWeight": 1.0, **INSTANCE}
        for name, model in (("Champion", config("two")), ("Challenger", config("three", weight=3.0)))
    ]
    sagemaker.create_endpoint_config(EndpointConfigName="both", ProductionVariants=variants)
    sagemaker.create_endpoint(EndpointName="both", EndpointConfigName="both")
    assert len(settled(sagemaker, "both")["ProductionVariants"]) == 2
    assert ask(runtime, "both", [1], TargetVariant="Challenger")["predictions"] == [3.0]
    assert ask(runtime, "both", [1], TargetVariant="Champion")["predictions"] == [2.0]


def test_a_serverless_endpoint_becomes_instances_and_not_the_other_way(
    sagemaker: Any, runtime: Any, config: Callable[..., str]
) -> None:
    """AWS: updating a real-time endpoint to a serverless one is not supported."""
    sagemaker.create_endpoint(EndpointName="mode", EndpointConfigName=config("mode-1"))
    assert settled(sagemaker, "mode")["EndpointStatus"] == "InService"
    sagemaker.update_endpoint(EndpointName="mode", EndpointConfigName=config("mode-2", weight=3.0, **INSTANCE))
    assert settled(sagemaker, "mode")["EndpointConfigName"] == "mode-2"
    with pytest.raises(ClientError, match=r"ValidationException.*to a serverless endpoint is not supported"):
        sagemaker.update_endpoint(EndpointName="mode", EndpointConfigName="mode-1")
    assert sagemaker.describe_endpoint(EndpointName="mode")["EndpointStatus"] == "InService"
    assert ask(runtime, "mode", [1])["predictions"] == [3.0]


def test_an_artifact_that_is_gone_is_told_from_one_that_may_not_be_read(
    cloud: Any, sagemaker: Any, s3: Any, config: Callable[..., str]
) -> None:
    missing = {"Image": IMAGE, "ModelDataUrl": "s3://artifacts/nowhere/model.tar.gz"}
    with pytest.raises(ClientError, match=r"Could not find model data at s3://artifacts/nowhere/model.tar.gz\."):
        sagemaker.create_model(ModelName="gone", ExecutionRoleArn=f"{ROLES}/job", PrimaryContainer=missing)
    blind = [statement for statement in JOB_POLICY if "s3:ListBucket" not in statement["Action"]]
    role = create_role(cloud, "no-listing", blind)
    with pytest.raises(ClientError, match="Could not access model data at"):
        sagemaker.create_model(ModelName="gone", ExecutionRoleArn=role, PrimaryContainer=missing)


def test_an_archive_that_is_none_fails_the_endpoint_in_the_words_of_sagemaker(
    sagemaker: Any, s3: Any, model_data: str
) -> None:
    s3.put_object(Bucket="artifacts", Key="none/model.tar.gz", Body=b"no archive")
    container = {"Image": IMAGE, "ModelDataUrl": "s3://artifacts/none/model.tar.gz"}
    sagemaker.create_model(ModelName="none", ExecutionRoleArn=f"{ROLES}/job", PrimaryContainer=container)
    variant = {"VariantName": "Main", "ModelName": "none", **SERVERLESS}
    sagemaker.create_endpoint_config(EndpointConfigName="none", ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="none", EndpointConfigName="none")
    failed = settled(sagemaker, "none")
    assert failed["EndpointStatus"] == "Failed"
    assert failed["FailureReason"].startswith('Failed to extract model data archive for container "container_1" from')
