"""Service Quotas: the limit that this cloud keeps (executions of functions), and names for those that it does not."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from localcloud import concurrency, platform
from localcloud.jsonservice import service_model

Json = dict[str, Any]
# Of what has no limit here.
PLENTY = 1000.0
PAGE = 100
SERVERLESS = ("L-96300102", "Maximum total concurrency that can be allocated across all serverless endpoints")
# What SageMaker counts instances for, and the shape with the types that there are for it.
INSTANCES = {
    "endpoint": "ProductionVariantInstanceType",
    "processing job": "ProcessingInstanceType",
    "training job": "TrainingInstanceType",
    "transform job": "TransformInstanceType",
}


def _code(name: str) -> str:
    """Like AWS's, and the same at every start; AWS's own codes for instances are not known here."""
    return f"L-{hashlib.sha256(name.encode()).hexdigest()[:8].upper()}"


@cache
def _instances() -> tuple[tuple[str, str], ...]:
    model = service_model("sagemaker")
    names = [f"{kind} for {use} usage" for use, shape in INSTANCES.items() for kind in model.shape_for(shape).enum]
    return tuple((_code(name), name) for name in names)


def _quotas(service: str) -> Iterator[tuple[str, str, float]]:
    """Code, name and value."""
    if service == "lambda":
        yield "L-B99A9384", "Concurrent executions", float(concurrency.limit())
    elif service == "glue":
        yield "L-08F3B322", "Max task DPUs per account", PLENTY
        name = "Max concurrent job runs per account"
        yield _code(name), name, PLENTY
    elif service == "sagemaker":
        for code, name in (SERVERLESS, *_instances()):
            yield code, name, PLENTY
    else:
        raise platform.OperationError("NoSuchResourceException", f"There are no quotas of the service {service} here.")


def _described(service: str) -> list[Json]:
    return [
        {
            "ServiceCode": service,
            "QuotaCode": code,
            "QuotaName": name,
            "QuotaArn": platform.arn("servicequotas", f"{service}/{code}"),
            "Value": value,
            "Adjustable": True,
            "GlobalQuota": False,
        }
        for code, name, value in _quotas(service)
    ]


def listed(request: Json) -> Json:
    found, start = _described(request["ServiceCode"]), int(request.get("NextToken", 0))
    end = start + int(request.get("MaxResults", PAGE))
    return {"Quotas": found[start:end], **({"NextToken": str(end)} if end < len(found) else {})}


def get(request: Json) -> Json:
    for quota in _described(request["ServiceCode"]):
        if quota["QuotaCode"] == request["QuotaCode"]:
            return {"Quota": quota}
    raise platform.OperationError("NoSuchResourceException", f"There is no quota {request['QuotaCode']} here.")


OPERATIONS: Mapping[str, Callable[[Json], Json]] = {
    "GetServiceQuota": get,
    "ListAWSDefaultServiceQuotas": listed,
    "ListServiceQuotas": listed,
}


def install() -> None:
    platform.json_target_service(
        "servicequotas",
        target_prefix="ServiceQuotasV20190624.",
        operations=OPERATIONS,
        botocore_service="service-quotas",
    )
