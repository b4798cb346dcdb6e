"""One environment: its stacks, and what they hand to each other."""

from collections.abc import Mapping

from aws_cdk import Stack, Stage, Tags
from constructs import Construct

from contract import SHARED_ENDPOINT, Contract
from stacks.batch import BatchStack
from stacks.bundles import Bundles
from stacks.config import StageConfig
from stacks.constructs.customer_key import encrypt
from stacks.constructs.network import place_functions
from stacks.data import DataStack
from stacks.etl import EtlStack
from stacks.monitoring import MonitoringStack
from stacks.platform_stack import Foundation
from stacks.recovery import Followers, RecoveryStack
from stacks.serving import ServingStack
from stacks.training import TrainingStack


class MlopsStage(Stage):
    def __init__(
        self,
        scope: Construct,
        *,
        config: StageConfig,
        contracts: Mapping[str, Contract],
        bundles: Bundles,
        commit: str = "unknown",
    ) -> None:
        super().__init__(scope, config.name)
        monitoring = MonitoringStack(self, "Monitoring", config=config)
        data = DataStack(self, "Data", config=config, contracts=contracts)
        foundation = Foundation(config, contracts, bundles, data.buckets, monitoring.alerts)
        etl = EtlStack(self, "Etl", foundation=foundation)
        training = TrainingStack(self, "Training", foundation=foundation, commit=commit)
        # By name only: a pipeline registers versions in a group of the data stack.
        training.add_stack_dependency(data)
        ServingStack(self, "Serving", foundation=foundation)
        batch = BatchStack(self, "Batch", foundation=foundation)
        followers = Followers(etl.uploads, training.start, batch.uploads, batch.finish)
        RecoveryStack(self, "Recovery", foundation=foundation, followers=followers)
        endpoints = [SHARED_ENDPOINT if config.is_shared(contract) else name for name, contract in contracts.items()]
        monitoring.add_dashboard(dict.fromkeys(endpoints))
        if data.key is not None:
            encrypt(self, data.key)
        if config.network is not None:
            place_functions(self, config.network)
        for name, value in config.tags.items():
            Tags.of(self).add(name, value)
            # Stacks take no tags from above; CloudFormation hands theirs to resources that others made.
            for stack in (child for child in self.node.children if isinstance(child, Stack)):
                stack.tags.set_tag(name, value)
