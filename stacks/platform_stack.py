"""What the stacks of an environment have in common: name, protection, and what they build on."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Duration, NestedStack, Stack
from aws_cdk import aws_s3 as s3
from constructs import Construct

from contract import Contract
from stacks.bundles import Bundles
from stacks.config import StageConfig
from stacks.constructs.alerts import Alerts

# Where the processed bucket keeps that the event of an upload arrived; functions know it as tracking.receipts.
RECEIPTS = "receipts/"
# How long an event may take that is not lost: nearly all come within seconds.
LATE = Duration.minutes(10)
# Of an environment with many models. Another number would move models from one group to another.
GROUPS = 16


@dataclass(frozen=True)
class Buckets:
    """What other stacks see of the data stack."""

    raw: s3.IBucket
    processed: s3.IBucket
    artifact: s3.IBucket


@dataclass(frozen=True)
class Foundation:
    """What every stack that does something for the models builds on. `alerts`: where people hear of a failure."""

    config: StageConfig
    contracts: Mapping[str, Contract]
    bundles: Bundles
    buckets: Buckets
    alerts: Alerts


class PlatformStack(Stack):
    """Called after its construct id. Protected where its environment is."""

    def __init__(self, scope: Construct, construct_id: str, *, config: StageConfig, description: str) -> None:
        super().__init__(
            scope,
            construct_id,
            stack_name=f"{config.prefix}{construct_id.lower()}",
            description=description,
            termination_protection=config.protected,
        )
        self._config = config


class ModelStack(PlatformStack):
    def __init__(self, scope: Construct, construct_id: str, *, foundation: Foundation, description: str) -> None:
        super().__init__(scope, construct_id, config=foundation.config, description=description)
        self._contracts, self._models = foundation.contracts, list(foundation.contracts)
        self._scopes = self._config.scopes(self._models)
        self._groups: dict[int, ModelGroup] = {}
        self._bundles, self._buckets, self._alerts = foundation.bundles, foundation.buckets, foundation.alerts

    def _home(self, model: str) -> Stack:
        """Where the model's own resources go: this stack, or, of many models, the group in it that has the model."""
        if not self._config.many_models:
            return self
        number = int(hashlib.sha256(model.encode()).hexdigest(), 16) % GROUPS
        if number not in self._groups:
            self._groups[number] = ModelGroup(self, f"Models{number}", description=f"Group {number} of the models")
        return self._groups[number]


class ModelGroup(NestedStack):
    """A share of an environment's many models. A model stays in its group, whichever others come and go."""
