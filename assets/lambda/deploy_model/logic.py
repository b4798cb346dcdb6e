"""What an approved model package becomes: the requests that put it behind its endpoint."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from contract import Contract, Serving
from tracking.artifacts import NOWHERE, Artifact
from tracking.order import Order
from tracking.scaling import VARIANT

# The same as a registered version has: its code is installed without a package index.
OFFLINE: Mapping[str, str] = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0"}
# A worker takes 268 MB, and a serverless container answers one request at a time. Nor is it known where it may write:
# nginx wants a file in /etc, and the server behind it listens on the port itself when told to.
SERVERLESS: Mapping[str, str] = {"SAGEMAKER_MODEL_SERVER_WORKERS": "1", "SAGEMAKER_USE_NGINX": "false"}


@dataclass(frozen=True)
class Package:
    """A version in the model registry. `environment` is what it sets in its container.

    `state` is what was recorded of its deployment, "" before there was one; `recorded` when that was (ISO
    8601), `attempts` how often in a row it was blocked. `verified`: it was live and right once. `modified`: when it was
    decided on, or something was recorded of it.
    `order`: the greater one of two versions is the newer. `by_gate`: nobody decided on it but the gate, which has
    `compared` it with that version ("none": there was no champion, "": not known).
    `flaw`: why nothing can serve it, "" for nothing.
    """

    arn: str
    version: int
    run_id: str
    environment: Mapping[str, str] = field(default_factory=dict)
    artifact: Artifact = NOWHERE
    state: str = ""
    recorded: str = ""
    attempts: int = 0
    verified: bool = False
    modified: datetime | None = None
    flaw: str = ""
    by_gate: bool = False
    compared: str = ""
    order: Order = field(kw_only=True)


@dataclass(frozen=True)
class Deployment(ABC):
    """A container on its way to an endpoint. Equal inputs give equal names: repeating it changes nothing."""

    endpoint: str
    serving: Serving
    role_arn: str
    mode: str
    # Subnets and security groups of the containers; empty: outside of any VPC.
    vpc_config: Mapping[str, Any] = field(default_factory=dict, kw_only=True)

    @property
    @abstractmethod
    def model(self) -> str:
        """For which it is made, as commands name it."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Name of the model and of the endpoint configuration: what is served in another way has another name."""

    @property
    @abstractmethod
    def tags(self) -> list[dict[str, str]]: ...

    @property
    @abstractmethod
    def artifact(self) -> str | None:
        """S3 URI of the version's artifact; None where image and artifacts of the container are the environment's."""

    @abstractmethod
    def container(self) -> dict[str, Any]: ...

    @property
    def instance_type(self) -> str | None:
        """None: serverless."""
        return self.serving.instance_type if self.mode == "realtime" else None

    def model_request(self) -> dict[str, Any]:
        return {
            "ModelName": self.name,
            "PrimaryContainer": self.container(),
            "ExecutionRoleArn": self.role_arn,
            "Tags": self.tags,
            **({"VpcConfig": self.vpc_config} if self.vpc_config else {}),
        }

    def config_request(self) -> dict[str, Any]:
        variant = {"VariantName": VARIANT, "ModelName": self.name, **self._capacity()}
        return {"EndpointConfigName": self.name, "ProductionVariants": [variant], "Tags": self.tags}

    def update_request(self, current: Mapping[str, Any], *, watched: bool = True) -> dict[str, Any]:
        """`current`: the variant that is live. Alarms may roll it back; not `watched`, all traffic moves at once."""
        request: dict[str, Any] = {"EndpointName": self.endpoint, "EndpointConfigName": self.name}
        alarms = self.alarms(current)
        if alarms and self.serving.scaling and self.instance_type == current["InstanceType"]:
            # As many instances as scaling has brought it to, not as many as it once began with.
            request["RetainAllVariantProperties"] = True
        if alarms and watched:
            request["DeploymentConfig"] = {
                "BlueGreenUpdatePolicy": {
                    **self._routing(),
                    "MaximumExecutionTimeoutInSeconds": self.serving.update_seconds,
                },
                "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarms]},
            }
        return request

    def _routing(self) -> dict[str, Any]:
        """A canary is at most half of a fleet: one instance takes all the traffic at once, and is watched as long."""
        seconds = self.serving.canary_minutes * 60
        if self.serving.least_instances < 2:
            # Without a step there is no interval to watch: the instance before waits for its end as long.
            routing = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": seconds}
            return {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": seconds}
        size = {"Type": "CAPACITY_PERCENT", "Value": self.serving.canary_percent}
        routing = {"Type": "CANARY", "CanarySize": size, "WaitIntervalInSeconds": seconds}
        return {"TrafficRoutingConfiguration": routing, "TerminationWaitInSeconds": 0}

    def alarms(self, current: Mapping[str, Any]) -> tuple[str, ...]:
        """That can roll an update back, named by the stack, which makes them for each real-time endpoint.

        A serverless endpoint, before or after, cannot be watched while its traffic moves.
        """
        if self.instance_type is None or "InstanceType" not in current:
            return ()
        return (f"{self.endpoint}-5xx", f"{self.endpoint}-latency")

    def _place(self) -> list[Any]:
        """What a name tells apart besides the container: role, capacity and network."""
        return [self.role_arn, self._capacity(), *filter(None, [self.vpc_config])]

    def _capacity(self) -> dict[str, Any]:
        if self.mode == "serverless":
            limits = {"MemorySizeInMB": self.serving.memory_mb, "MaxConcurrency": self.serving.max_concurrency}
            return {"ServerlessConfig": limits}
        return {
            "InstanceType": self.serving.instance_type,
            "InitialInstanceCount": self.serving.instance_count,
            "InitialVariantWeight": 1.0,
        }


@dataclass(frozen=True)
class OwnEndpoint(Deployment):
    """A version behind the endpoint of its model."""

    contract: Contract
    package: Package

    @property
    def model(self) -> str:
        return self.contract.name

    @property
    def name(self) -> str:
        identity = [self.package.arn, *self._place()]
        return f"{self.endpoint}-{self.package.version}-{_short_hash(identity)}"

    @property
    def tags(self) -> list[dict[str, str]]:
        tags = {"model": self.contract.name, "model_version": str(self.package.version), "run_id": self.package.run_id}
        return [{"Key": key, "Value": value} for key, value in tags.items() if value]

    @property
    def artifact(self) -> str:
        return self.package.artifact.uri

    def container(self) -> dict[str, Any]:
        # The package's own variables once more: no documentation says whether these are added to them or replace them.
        version = {"MODEL_VERSION": str(self.package.version)}
        environment = {**self.package.environment, **version, **({} if self.instance_type else SERVERLESS)}
        return {"ModelPackageName": self.package.arn, "Environment": environment}


@dataclass(frozen=True)
class SharedEndpoint(Deployment):
    """The container that loads any version of any model below a prefix, with one code for all of them.

    `models` is the S3 URI of the prefix, `code` that of the archive with inference.py. Any of its models
    may want it: `wanted_for`.
    """

    image: str
    models: str
    code: str
    region: str
    wanted_for: str

    @property
    def model(self) -> str:
        return self.wanted_for

    @property
    def name(self) -> str:
        return f"{self.endpoint}-{_short_hash([self.container(), *self._place()])}"

    @property
    def tags(self) -> list[dict[str, str]]:
        return [{"Key": "hosting", "Value": "multi-model"}]

    @property
    def artifact(self) -> None:
        return None

    def container(self) -> dict[str, Any]:
        return {
            "Image": self.image,
            "Mode": "MultiModel",
            "ModelDataUrl": self.models,
            "Environment": {
                "SAGEMAKER_PROGRAM": "inference.py",
                "SAGEMAKER_SUBMIT_DIRECTORY": self.code,
                "SAGEMAKER_REGION": self.region,
                **OFFLINE,
            },
        }


def _short_hash(identity: object) -> str:
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:6]
