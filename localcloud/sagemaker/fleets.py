"""A fleet: the running variants of one endpoint configuration."""

import random
from dataclasses import dataclass
from typing import Any

from localcloud.sagemaker import endpointconfigs, variants
from localcloud.sagemaker.faults import invalid
from localcloud.sagemaker.variants import Variant

Json = dict[str, Any]


@dataclass(frozen=True)
class Fleet:
    config: Json
    """The endpoint configuration that it runs."""
    variants: tuple[Variant, ...]

    @property
    def config_name(self) -> str:
        return str(self.config["EndpointConfigName"])

    @property
    def serverless(self) -> bool:
        return endpointconfigs.is_serverless(self.config)

    def choose(self, name: str | None) -> Variant:
        """The named variant, or one at random by weight."""
        if name is None:
            return random.choices(self.variants, [variant.weight for variant in self.variants])[0]  # noqa: S311
        for variant in self.variants:
            if variant.name == name:
                return variant
        raise invalid(f"Variant {name} not found in endpoint configuration {self.config_name}")

    def stop(self) -> None:
        variants.stop(self.variants)


def start(endpoint_name: str, config: Json) -> Fleet:
    """All variants, or none: what has started is stopped when one of them fails. Raises variants.EXPECTED."""
    started: list[Variant] = []
    try:
        for variant in config["ProductionVariants"]:
            started.append(variants.start(endpoint_name, variant))
    except Exception:
        variants.stop(started)
        raise
    return Fleet(config, tuple(started))
