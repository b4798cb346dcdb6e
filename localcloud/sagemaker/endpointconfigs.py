"""Endpoint configurations: which models, on which instances or serverless."""

from typing import Any

from localcloud.sagemaker import models, shapes, tags
from localcloud.sagemaker.faults import invalid, unsupported
from localcloud.sagemaker.listing import Listing
from localcloud.sagemaker.naming import arn, now
from localcloud.sagemaker.store import STORE

Json = dict[str, Any]
_LISTING = Listing("ListEndpointConfigs", "EndpointConfigs", "EndpointConfigName")
_UNSUPPORTED = ("AsyncInferenceConfig", "DataCaptureConfig", "ExplainerConfig", "ShadowProductionVariants")


def create(request: Json) -> Json:
    name = request["EndpointConfigName"]
    config_arn = arn("endpoint-config", name)
    for member in _UNSUPPORTED:
        if request.get(member):
            raise unsupported(f"{member} of an endpoint configuration")
    for variant in request["ProductionVariants"]:
        _check_variant(variant)
    with STORE.lock:
        if name in STORE.endpoint_configs:
            raise invalid(f'Cannot create already existing endpoint configuration "{config_arn}".')
        STORE.endpoint_configs[name] = {
            **{key: value for key, value in request.items() if key != "Tags"},
            "EndpointConfigArn": config_arn,
            "CreationTime": now(),
            "EnableNetworkIsolation": request.get("EnableNetworkIsolation", False),
        }
    tags.put(config_arn, request.get("Tags", []))
    return {"EndpointConfigArn": config_arn}


def _check_variant(variant: Json) -> None:
    name = variant["VariantName"]
    if "ModelName" not in variant:
        raise unsupported(f"Production variant {name} without a ModelName (inference components)")
    served = models.served_container(models.find(variant["ModelName"]))
    serverless = "ServerlessConfig" in variant
    if serverless and served.multi_model:
        raise invalid(f"Production variant {name}: multi-model containers are not supported for serverless endpoints")
    if serverless == ("InstanceType" in variant):
        raise invalid(f"Production variant {name} takes either a ServerlessConfig or an InstanceType")


def find(name: str) -> Json:
    if name not in STORE.endpoint_configs:
        raise invalid(f'Could not find endpoint configuration "{arn("endpoint-config", name)}".')
    return STORE.endpoint_configs[name]


def is_serverless(config: Json) -> bool:
    return any("ServerlessConfig" in variant for variant in config["ProductionVariants"])


def describe(request: Json) -> Json:
    return shapes.response("DescribeEndpointConfig", find(request["EndpointConfigName"]))


def listed(request: Json) -> Json:
    return _LISTING.page(request, list(STORE.endpoint_configs.values()))


def delete(request: Json) -> Json:
    record = find(request["EndpointConfigName"])
    del STORE.endpoint_configs[record["EndpointConfigName"]]
    tags.forget(record["EndpointConfigArn"])
    return {}


OPERATIONS = {
    "CreateEndpointConfig": create,
    "DescribeEndpointConfig": describe,
    "ListEndpointConfigs": listed,
    "DeleteEndpointConfig": delete,
}
