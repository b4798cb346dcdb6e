"""What an approved model package becomes: the requests that put it behind its endpoint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from contract import Contract
from tracking.scaling import VARIANT

UPDATE_SECONDS = 3600


@dataclass(frozen=True)
class Package:
    """A version in the model registry. `environment` is what it sets in its container."""

    arn: str
    version: int
    run_id: str
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Deployment:
    """A model package on its way to an endpoint. Equal inputs give equal names: repeating it changes nothing."""

    contract: Contract
    package: Package
    endpoint: str
    role_arn: str
    mode: str

    @property
    def name(self) -> str:
        """Name of the model and of the endpoint configuration: a version served in another way is another name."""
        identity = json.dumps([self.package.arn, self.role_arn, self._capacity()], sort_keys=True)
        return f"{self.endpoint}-{self.package.version}-{hashlib.sha256(identity.encode()).hexdigest()[:6]}"

    @property
    def tags(self) -> list[dict[str, str]]:
        tags = {"model": self.contract.name, "model_version": str(self.package.version), "run_id": self.package.run_id}
        return [{"Key": key, "Value": value} for key, value in tags.items() if value]

    def model_request(self) -> dict[str, Any]:
        # The package's own variables once more: no documentation says whether these are added to them or replace them.
        environment = {**self.package.environment, "MODEL_VERSION": str(self.package.version)}
        container = {"ModelPackageName": self.package.arn, "Environment": environment}
        return {
            "ModelName": self.name,
            "PrimaryContainer": container,
            "ExecutionRoleArn": self.role_arn,
            "Tags": self.tags,
        }

    def config_request(self) -> dict[str, Any]:
        variant = {"VariantName": VARIANT, "ModelName": self.name, **self._capacity()}
        return {"EndpointConfigName": self.name, "ProductionVariants": [variant], "Tags": self.tags}

    @property
    def instance_type(self) -> str | None:
        """None: serverless."""
        return self.contract.serving.instance_type if self.mode == "realtime" else None

    def update_request(self, current: Mapping[str, Any]) -> dict[str, Any]:
        """`current`: the variant that is live."""
        request: dict[str, Any] = {"EndpointName": self.endpoint, "EndpointConfigName": self.name}
        # A serverless endpoint, before or after, cannot be watched while its traffic moves.
        if self.instance_type and "InstanceType" in current:
            if self.contract.serving.scaling and self.instance_type == current["InstanceType"]:
                # As many instances as scaling has brought it to, not as many as it once began with.
                request["RetainAllVariantProperties"] = True
            request["DeploymentConfig"] = {
                "BlueGreenUpdatePolicy": {
                    "TrafficRoutingConfiguration": self._routing(),
                    "TerminationWaitInSeconds": 0,
                    "MaximumExecutionTimeoutInSeconds": UPDATE_SECONDS,
                },
                "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in self._alarms()]},
            }
        return request

    def _routing(self) -> dict[str, Any]:
        """A canary is at most half of a fleet: one instance takes all the traffic at once, and is watched as long."""
        wait = {"WaitIntervalInSeconds": self.contract.serving.canary_minutes * 60}
        if self.contract.serving.least_instances < 2:
            return {"Type": "ALL_AT_ONCE", **wait}
        size = {"Type": "CAPACITY_PERCENT", "Value": self.contract.serving.canary_percent}
        return {"Type": "CANARY", "CanarySize": size, **wait}

    def _alarms(self) -> tuple[str, ...]:
        """Named by the stack, which makes them for each real-time endpoint."""
        return (f"{self.endpoint}-5xx", f"{self.endpoint}-latency")

    def _capacity(self) -> dict[str, Any]:
        serving = self.contract.serving
        if self.mode == "serverless":
            limits = {"MemorySizeInMB": serving.memory_mb, "MaxConcurrency": serving.max_concurrency}
            return {"ServerlessConfig": limits}
        return {
            "InstanceType": serving.instance_type,
            "InitialInstanceCount": serving.instance_count,
            "InitialVariantWeight": 1.0,
        }
