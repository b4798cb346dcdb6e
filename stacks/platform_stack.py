"""What the stacks of an environment have in common: name, protection, and what they build on."""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Duration, Stack
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
        self._bundles, self._buckets, self._alerts = foundation.bundles, foundation.buckets, foundation.alerts
