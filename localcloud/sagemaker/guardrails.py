"""DeploymentConfig of an endpoint: what is allowed, and the steps in which traffic moves to the new fleet."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.cloudwatch import states
from localcloud.sagemaker import endpointconfigs
from localcloud.sagemaker.faults import invalid, unsupported

Json = dict[str, Any]
LARGEST_STEP, SMALLEST_LINEAR_STEP = 0.5, 0.1
_SIZES = {"ALL_AT_ONCE": None, "CANARY": "CanarySize", "LINEAR": "LinearStepSize"}


@dataclass(frozen=True)
class Step:
    """One shift of traffic and the baking after it, in seconds of AWS."""

    share: float
    bake_seconds: float
    wait: str
    """The setting that the seconds come from."""


@dataclass(frozen=True)
class Plan:
    """How an update moves traffic; `canary` names the capacity of the first step in messages."""

    steps: tuple[Step, ...] = (Step(1.0, 0.0, "TerminationWaitInSeconds"),)
    alarms: tuple[str, ...] = ()
    timeout_seconds: float | None = None


def plan(deployment: Mapping[str, Any], config: Json) -> Plan:
    """The plan of a checked DeploymentConfig for an update to `config`."""
    alarms = tuple(item["AlarmName"] for item in deployment.get("AutoRollbackConfiguration", {}).get("Alarms", ()))
    policy = deployment.get("BlueGreenUpdatePolicy")
    if policy is None:
        return Plan(alarms=alarms)
    routing = policy["TrafficRoutingConfiguration"]
    waits = [
        Step(share, routing["WaitIntervalInSeconds"], "WaitIntervalInSeconds") for share in _shares(routing, config)
    ]
    last = Step(1.0, policy.get("TerminationWaitInSeconds", 0), "TerminationWaitInSeconds")
    return Plan((*waits, last), alarms, policy.get("MaximumExecutionTimeoutInSeconds"))


def _shares(routing: Mapping[str, Any], config: Json) -> list[float]:
    """The shares of traffic before the whole of it."""
    member = _SIZES[routing["Type"]]
    if member is None:
        return []
    share = _share(routing[member], config["ProductionVariants"][0])
    if routing["Type"] == "CANARY":
        return [share]
    return [share * step for step in range(1, int(1 / share) + 1) if share * step < 1 - 1e-9]


def _share(size: Mapping[str, Any], variant: Mapping[str, Any]) -> float:
    if size["Type"] == "CAPACITY_PERCENT":
        return float(size["Value"]) / 100
    return float(size["Value"] / variant.get("InitialInstanceCount", 1))


def check(deployment: Mapping[str, Any], config: Json, current: Json | None) -> None:
    """Raise ValidationException for what AWS refuses; `current` is the configuration in service, if there is one."""
    for one in (config, current):
        if one is not None and endpointconfigs.is_serverless(one):
            raise invalid("DeploymentConfig is not supported for endpoints with serverless variants")
    if current is not None and _names(config) != _names(current):
        raise invalid(
            "DeploymentConfig needs the same variant names in both endpoint configurations: "
            f"{current['EndpointConfigName']} has {', '.join(_names(current))}, "
            f"{config['EndpointConfigName']} has {', '.join(_names(config))}"
        )
    if "RollingUpdatePolicy" in deployment:
        raise unsupported("RollingUpdatePolicy of a DeploymentConfig")
    if "BlueGreenUpdatePolicy" in deployment:
        _check_routing(deployment["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"], config)
        _check_time(plan(deployment, config))
    for alarm in deployment.get("AutoRollbackConfiguration", {}).get("Alarms", ()):
        if not states.exists(alarm["AlarmName"]):
            raise invalid(f"Alarm {alarm['AlarmName']} of the AutoRollbackConfiguration does not exist")


def _check_time(planned: Plan) -> None:
    waits = sum(step.bake_seconds for step in planned.steps)
    if planned.timeout_seconds is not None and planned.timeout_seconds <= waits:
        raise invalid(
            f"MaximumExecutionTimeoutInSeconds ({planned.timeout_seconds}) must be larger than the total waiting time "
            f"of TerminationWaitInSeconds and WaitIntervalInSeconds ({waits:.0f})"
        )


def _names(config: Json) -> list[str]:
    return sorted(variant["VariantName"] for variant in config["ProductionVariants"])


def _check_routing(routing: Mapping[str, Any], config: Json) -> None:
    wanted = _SIZES[routing["Type"]]
    for member in ("CanarySize", "LinearStepSize"):
        if (member in routing) != (member == wanted):
            verb = "is required for" if member == wanted else "does not go with"
            raise invalid(f"{member} {verb} traffic routing type {routing['Type']}")
    if wanted is None:
        return
    smallest = SMALLEST_LINEAR_STEP if wanted == "LinearStepSize" else 0.0
    for variant in config["ProductionVariants"]:
        share = _share(routing[wanted], variant)
        if not smallest <= share <= LARGEST_STEP:
            raise invalid(
                f"{wanted} must be {f'at least {smallest:.0%} and ' if smallest else ''}at most {LARGEST_STEP:.0%} of "
                f"the capacity of variant {variant['VariantName']}, it is {share:.0%}"
            )
