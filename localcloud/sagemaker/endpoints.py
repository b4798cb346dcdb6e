"""Endpoints: server processes behind a name. An update serves the old variants until the new ones answer."""

import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from localcloud import platform
from localcloud.sagemaker import endpointconfigs, events, shapes, tags, variants
from localcloud.sagemaker.faults import invalid
from localcloud.sagemaker.listing import Listing
from localcloud.sagemaker.naming import arn, now
from localcloud.sagemaker.store import STORE
from localcloud.sagemaker.variants import Variant

Json = dict[str, Any]
_LISTING = Listing("ListEndpoints", "Endpoints", "EndpointName", status="EndpointStatus")
logger = logging.getLogger("localcloud")


@dataclass
class Endpoint:
    record: Json
    variants: Sequence[Variant] = ()
    serverless: bool = False
    deleted: bool = False

    @property
    def name(self) -> str:
        return str(self.record["EndpointName"])

    def description(self) -> Json:
        shown = dict(self.record)
        if self.variants:
            shown["ProductionVariants"] = [variant.summary() for variant in self.variants]
        return shapes.response("DescribeEndpoint", shown)

    def change(self, status: str, **members: Any) -> None:
        self.record |= {**members, "EndpointStatus": status, "LastModifiedTime": now()}
        events.endpoint_changed(self.description())

    def choose(self, name: str | None) -> Variant:
        """The named variant, or one at random by weight."""
        if name is None:
            return random.choices(self.variants, [variant.weight for variant in self.variants])[0]  # noqa: S311
        for variant in self.variants:
            if variant.name == name:
                return variant
        raise invalid(f"Variant {name} not found in endpoint {self.name}")


def create(request: Json) -> Json:
    name = request["EndpointName"]
    endpoint_arn, moment = arn("endpoint", name), now()
    config = _checked_config(request)
    with STORE.lock:
        if name in STORE.endpoints:
            raise invalid(f'Cannot create already existing endpoint "{endpoint_arn}".')
        record = {
            "EndpointName": name,
            "EndpointArn": endpoint_arn,
            "EndpointConfigName": config["EndpointConfigName"],
            "EndpointStatus": "Creating",
            "CreationTime": moment,
            "LastModifiedTime": moment,
        }
        if "DeploymentConfig" in request:
            record["LastDeploymentConfig"] = request["DeploymentConfig"]
        endpoint = STORE.endpoints[name] = Endpoint(record)
    tags.put(endpoint_arn, request.get("Tags", []))
    platform.spawn(_deploy, endpoint, config, "Creating", "Failed")
    return {"EndpointArn": endpoint_arn}


def update(request: Json) -> Json:
    endpoint, config = find(request["EndpointName"]), _checked_config(request)
    with STORE.lock:
        status = endpoint.record["EndpointStatus"]
        if status not in ("InService", "Failed"):
            raise invalid(
                f'Cannot update in-progress endpoint "{endpoint.record["EndpointArn"]}" (its status is {status}).'
            )
        if "DeploymentConfig" in request:
            endpoint.record["LastDeploymentConfig"] = request["DeploymentConfig"]
        elif not request.get("RetainDeploymentConfig"):
            endpoint.record.pop("LastDeploymentConfig", None)
        endpoint.record["EndpointStatus"] = "Updating"
        endpoint.record.pop("FailureReason", None)
    # A failed update leaves a working endpoint InService with its old configuration: that is AWS's rollback.
    platform.spawn(_deploy, endpoint, config, "Updating", "InService" if endpoint.variants else "Failed")
    return {"EndpointArn": endpoint.record["EndpointArn"]}


def _checked_config(request: Json) -> Json:
    config = endpointconfigs.find(request["EndpointConfigName"])
    if request.get("DeploymentConfig") and endpointconfigs.is_serverless(config):
        raise invalid("DeploymentConfig is not supported for endpoints with serverless variants")
    return config


def _deploy(endpoint: Endpoint, config: Json, status: str, failed: str) -> None:
    endpoint.change(status)
    started: list[Variant] = []
    try:
        for variant in config["ProductionVariants"]:
            started.append(variants.start(endpoint.name, variant))
    except variants.EXPECTED as error:
        _give_up(endpoint, started, failed, str(error))
        return
    except Exception as error:
        logger.exception("endpoint %s", endpoint.name)
        _give_up(endpoint, started, failed, f"InternalServerError: {type(error).__name__}: {error}")
        return
    with STORE.lock:
        unwanted = started if endpoint.deleted else endpoint.variants
        if not endpoint.deleted:
            endpoint.variants, endpoint.serverless = tuple(started), endpointconfigs.is_serverless(config)
    if not endpoint.deleted:
        endpoint.change("InService", EndpointConfigName=config["EndpointConfigName"])
    variants.stop(unwanted)


def _give_up(endpoint: Endpoint, started: Sequence[Variant], status: str, reason: str) -> None:
    variants.stop(started)
    if not endpoint.deleted:
        endpoint.change(status, FailureReason=reason[:1024])


def find(name: str) -> Endpoint:
    endpoint = STORE.endpoints.get(name)
    if endpoint is None:
        raise invalid(f'Could not find endpoint "{arn("endpoint", name)}".')
    return endpoint


def delete(request: Json) -> Json:
    endpoint = find(request["EndpointName"])
    with STORE.lock:
        endpoint.deleted = True
    platform.spawn(_delete, endpoint)
    return {}


def _delete(endpoint: Endpoint) -> None:
    endpoint.change("Deleting")
    variants.stop(endpoint.variants)
    STORE.endpoints.pop(endpoint.name, None)


OPERATIONS = {
    "CreateEndpoint": create,
    "UpdateEndpoint": update,
    "DeleteEndpoint": delete,
    "DescribeEndpoint": lambda request: find(request["EndpointName"]).description(),
    "ListEndpoints": lambda request: _LISTING.page(request, [item.record for item in list(STORE.endpoints.values())]),
}
