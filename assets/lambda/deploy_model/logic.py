"""What an approved model package becomes: the requests that put it behind its endpoint."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from contract import Contract

# The same in every configuration: guardrails and alarms compare variants by name.
VARIANT = "AllTraffic"


@dataclass(frozen=True)
class Package:
    """A version in the model registry."""

    arn: str
    version: int
    run_id: str


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
        container = {
            "ModelPackageName": self.package.arn,
            "Environment": {"MODEL_VERSION": str(self.package.version)},
        }
        return {
            "ModelName": self.name,
            "PrimaryContainer": container,
            "ExecutionRoleArn": self.role_arn,
            "Tags": self.tags,
        }

    def config_request(self) -> dict[str, Any]:
        variant = {"VariantName": VARIANT, "ModelName": self.name, **self._capacity()}
        return {"EndpointConfigName": self.name, "ProductionVariants": [variant], "Tags": self.tags}

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
