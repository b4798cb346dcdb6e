"""How often rules match and how their invocations end, namespace AWS/Events."""

from collections.abc import Callable
from typing import Any

from localcloud.cloudwatch import metrics
from localcloud.cloudwatch.metrics import Sample
from localcloud.ministack import events

NAMESPACE = "AWS/Events"
# What MiniStack calls the owner of a pattern when it looks for the rules of an event: `rule <bus>|<name>`.
RULE = "rule "
DEFAULT_BUS = "default"


def count(rule: str, *names: str, bus: str = DEFAULT_BUS) -> None:
    """One more of each metric. On a bus of one's own the bus is a dimension, too."""
    dimensions = {"RuleName": rule} if bus == DEFAULT_BUS else {"EventBusName": bus, "RuleName": rule}
    metrics.record(NAMESPACE, [Sample(name, 1.0, "Count") for name in names], dimensions)


def _counting(matches: Callable[..., bool]) -> Callable[..., bool]:
    def matches_pattern(pattern: Any, view: Any, owner: str = "rule") -> bool:
        matched = matches(pattern, view, owner)
        if matched and owner.startswith(RULE):
            bus, _, name = owner.removeprefix(RULE).partition("|")
            count(name, "MatchedEvents", "TriggeredRules", bus=bus)
        return matched

    return matches_pattern


def install() -> None:
    events.wrap_matching(_counting)
