"""Quotas of endpoints: what an account may use of them in a region, refused by CreateEndpoint and UpdateEndpoint."""

import json
import os
from typing import Any

from localcloud.platform import OperationError
from localcloud.sagemaker.store import STORE

Json = dict[str, Any]
SERVERLESS = "Maximum total concurrency that can be allocated across all serverless endpoints"
INSTANCES = "{type} for endpoint usage"
# A JSON object of limits by the quota's name; what is not named is not limited. AWS gives every account its own: of
# serverless concurrency often 10 at first, of an instance type often 0.
VARIABLE = "LOCALCLOUD_QUOTAS"
_UNITS = {SERVERLESS: "ConcurrentInvocations"}


def check_endpoint(config: Json, *, instead_of: Any = None) -> None:
    """Raise ResourceLimitExceeded when the endpoints of the account would use more than a quota with this one.

    `instead_of` is the endpoint that takes the configuration, whose present use counts no more.
    """
    others = [item.config for item in list(STORE.endpoints.values()) if item is not instead_of]
    limits: dict[str, float] = json.loads(os.environ.get(VARIABLE, "{}"))
    for name, delta in usage(config).items():
        limit = limits.get(name)
        used = sum(usage(other).get(name, 0.0) for other in others)
        if limit is not None and used + delta > limit:
            unit = _UNITS.get(name, "Instances")
            raise OperationError(
                "ResourceLimitExceeded",
                f"The account-level service limit '{name}' is {limit:g} {unit}, with current utilization of {used:g} "
                f"{unit} and a request delta of {delta:g} {unit}. Please use AWS Service Quotas to request an increase "
                "for this quota. If AWS Service Quotas is not available, contact AWS support to request an increase "
                "for this quota.",
            )


def usage(config: Json) -> dict[str, float]:
    """What an endpoint with the configuration uses, by the name of the quota."""
    used: dict[str, float] = {}
    for variant in config.get("ProductionVariants", ()):
        if serverless := variant.get("ServerlessConfig"):
            used[SERVERLESS] = used.get(SERVERLESS, 0.0) + serverless["MaxConcurrency"]
        else:
            name = INSTANCES.format(type=variant["InstanceType"])
            used[name] = used.get(name, 0.0) + variant.get("InitialInstanceCount", 1)
    return used
