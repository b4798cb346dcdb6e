"""Endpoints: fleets of server processes behind a name. An update serves the old fleet until the new one answers."""

import threading
from dataclasses import dataclass, field
from typing import Any

from localcloud import platform
from localcloud.sagemaker import autoscaling, endpointconfigs, events, guardrails, quotas, shapes, tags
from localcloud.sagemaker.deployment import Deployment
from localcloud.sagemaker.faults import invalid
from localcloud.sagemaker.fleets import Fleet
from localcloud.sagemaker.guardrails import Plan
from localcloud.sagemaker.listing import Listing
from localcloud.sagemaker.naming import arn, now
from localcloud.sagemaker.store import STORE

Json = dict[str, Any]
IN_PROGRESS = ("Creating", "Updating", "RollingBack", "Deleting")
_LISTING = Listing("ListEndpoints", "Endpoints", "EndpointName", status="EndpointStatus")


@dataclass
class Endpoint:
    record: Json
    live: Fleet | None = None
    """What serves; None until the first deployment is through."""
    candidate: Fleet | None = None
    """The new fleet of an update that has a share of the traffic."""
    share: float = 0.0
    config: Json = field(default_factory=dict)
    """The configuration that it was given last: quotas count it from then on."""
    _owed: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def name(self) -> str:
        return str(self.record["EndpointName"])

    def description(self) -> Json:
        shown = dict(self.record)
        if self.live is not None:
            shown["ProductionVariants"] = [variant.summary() for variant in self.live.variants]
        return shapes.response("DescribeEndpoint", shown)

    def change(self, status: str, **members: Any) -> None:
        self.record |= {**members, "EndpointStatus": status, "LastModifiedTime": now()}
        self.announce()

    def announce(self) -> None:
        events.endpoint_changed(self.description())

    def route_to(self, candidate: Fleet | None, share: float) -> None:
        with self._lock:
            self.candidate, self.share, self._owed = candidate, share, 0.0

    def fleet(self) -> Fleet | None:
        """The fleet that the next request goes to. Shares are exact: one request in five of a fifth."""
        with self._lock:
            if self.candidate is None:
                return self.live
            self._owed += self.share
            if self._owed < 1 - 1e-9:
                return self.live
            self._owed -= 1
            return self.candidate


def create(request: Json) -> Json:
    name = request["EndpointName"]
    endpoint_arn, moment = arn("endpoint", name), now()
    config = endpointconfigs.find(request["EndpointConfigName"])
    if deployment := request.get("DeploymentConfig"):
        guardrails.check(deployment, config, None)
    with STORE.lock:
        if name in STORE.endpoints:
            raise invalid(f'Cannot create already existing endpoint "{endpoint_arn}".')
        quotas.check_endpoint(config)
        record = {
            "EndpointName": name,
            "EndpointArn": endpoint_arn,
            "EndpointConfigName": config["EndpointConfigName"],
            "EndpointStatus": "Creating",
            "CreationTime": moment,
            "LastModifiedTime": moment,
        }
        if deployment:
            record["LastDeploymentConfig"] = deployment
        endpoint = STORE.endpoints[name] = Endpoint(record, config=config)
    tags.put(endpoint_arn, request.get("Tags", []))
    platform.spawn(Deployment(endpoint, config, Plan()).run)
    return {"EndpointArn": endpoint_arn}


def update(request: Json) -> Json:
    endpoint, config = find(request["EndpointName"]), endpointconfigs.find(request["EndpointConfigName"])
    with STORE.lock:
        _settled(endpoint, "update")
        if endpoint.live is not None:
            _check_mode(endpoint, config)
            autoscaling.check_update(endpoint.name, endpoint.live.config, config)
        quotas.check_endpoint(config, instead_of=endpoint)
        deployment = request.get("DeploymentConfig")
        if deployment is None and request.get("RetainDeploymentConfig"):
            deployment = endpoint.record.get("LastDeploymentConfig")
        if deployment:
            guardrails.check(deployment, config, endpoint.live.config if endpoint.live else None)
            endpoint.record["LastDeploymentConfig"] = deployment
        else:
            endpoint.record.pop("LastDeploymentConfig", None)
        endpoint.config = config
        endpoint.record |= {"EndpointStatus": "Updating", "LastModifiedTime": now()}
        endpoint.record.pop("FailureReason", None)
    # A failed update leaves a working endpoint InService with its old configuration: that is AWS's rollback.
    platform.spawn(Deployment(endpoint, config, guardrails.plan(deployment or {}, config)).run)
    return {"EndpointArn": endpoint.record["EndpointArn"]}


def _check_mode(endpoint: Endpoint, config: Json) -> None:
    """AWS's guide to serverless endpoints: a real-time endpoint cannot be updated to one. The other way is possible."""
    if endpoint.live is not None and not endpoint.live.serverless and endpointconfigs.is_serverless(config):
        raise invalid(
            f'Updating the real-time endpoint "{endpoint.record["EndpointArn"]}" to a serverless endpoint is not '
            "supported."
        )


def _settled(endpoint: Endpoint, verb: str) -> None:
    """Raise ValidationException while a change of the endpoint is under way."""
    status = endpoint.record["EndpointStatus"]
    if status in IN_PROGRESS:
        raise invalid(
            f'Cannot {verb} in-progress endpoint "{endpoint.record["EndpointArn"]}" (its status is {status}).'
        )


def find(name: str) -> Endpoint:
    endpoint = STORE.endpoints.get(name)
    if endpoint is None:
        raise invalid(f'Could not find endpoint "{arn("endpoint", name)}".')
    return endpoint


def delete(request: Json) -> Json:
    endpoint = find(request["EndpointName"])
    with STORE.lock:
        _settled(endpoint, "delete")
        endpoint.record["EndpointStatus"] = "Deleting"
    platform.spawn(_delete, endpoint)
    return {}


def _delete(endpoint: Endpoint) -> None:
    endpoint.announce()
    live, endpoint.live = endpoint.live, None
    if live is not None:
        live.stop()
    STORE.endpoints.pop(endpoint.name, None)
    tags.forget(str(endpoint.record["EndpointArn"]))


OPERATIONS = {
    "CreateEndpoint": create,
    "UpdateEndpoint": update,
    "DeleteEndpoint": delete,
    "DescribeEndpoint": lambda request: find(request["EndpointName"]).description(),
    "ListEndpoints": lambda request: _LISTING.page(request, [item.record for item in list(STORE.endpoints.values())]),
}
