"""What the local cloud does not have says so by its name, however the client speaks."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.host import LocalCloud

# Of each protocol: JSON by target, REST with JSON, query, and the name of the service as its requests are signed.
ABSENT = [
    ("ce", "get_dimension_values", {"TimePeriod": {"Start": "2026-01-01", "End": "2026-01-02"}, "Dimension": "AZ"}),
    ("ds", "describe_directories", {}),
    ("polly", "describe_voices", {}),
    ("quicksight", "list_users", {"AwsAccountId": "000000000000", "Namespace": "default"}),
    ("redshift", "describe_clusters", {}),
    ("elasticbeanstalk", "describe_applications", {}),
    ("xray", "get_sampling_rules", {}),
]


@pytest.mark.parametrize(("service", "operation", "request_"), ABSENT, ids=[item[0] for item in ABSENT])
def test_a_service_that_is_not_there_is_named(
    cloud: LocalCloud, service: str, operation: str, request_: dict[str, Any]
) -> None:
    with pytest.raises(ClientError) as refused:
        getattr(cloud.client(service), operation)(**request_)
    error = refused.value.response["Error"]
    assert error["Code"] == "UnknownOperationException"
    assert error["Message"] == f"The local cloud does not have the service {service}."


@pytest.mark.parametrize("operation", ["search", "list_monitoring_schedules"])
def test_an_operation_that_is_not_there_is_named(cloud: LocalCloud, operation: str) -> None:
    request = {"Resource": "ModelPackage"} if operation == "search" else {}
    name = "".join(word.capitalize() for word in operation.split("_"))
    with pytest.raises(ClientError, match=f"{name} is not implemented by the local sagemaker"):
        getattr(cloud.client("sagemaker"), operation)(**request)
