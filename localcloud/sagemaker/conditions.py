"""The conditions of a Condition step."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "Equals": operator.eq,
    "GreaterThan": operator.gt,
    "GreaterThanOrEqualTo": operator.ge,
    "LessThan": operator.lt,
    "LessThanOrEqualTo": operator.le,
}
MEMBERS: Mapping[str, frozenset[str]] = {
    **{name: frozenset({"LeftValue", "RightValue"}) for name in _COMPARISONS},
    "In": frozenset({"QueryValue", "Values"}),
    "Not": frozenset({"Expression"}),
    "Or": frozenset({"Conditions"}),
}


class ConditionFault(Exception):  # noqa: N818 - the pipeline author's error
    """Two values that cannot be compared."""


def holds(condition: Mapping[str, Any]) -> bool:
    """Whether a condition with resolved values is true."""
    kind = condition["Type"]
    if kind == "Not":
        return not holds(condition["Expression"])
    if kind == "Or":
        return any(holds(item) for item in condition["Conditions"])
    if kind == "In":
        return condition["QueryValue"] in condition["Values"]
    return _compare(kind, condition["LeftValue"], condition["RightValue"])


def _compare(kind: str, left: Any, right: Any) -> bool:
    if _family(left) != _family(right):
        raise ConditionFault(f"{kind} cannot compare {left!r} with {right!r}: their types differ")
    if kind != "Equals" and _family(left) == "boolean":
        raise ConditionFault(f"{kind} cannot order {left!r} and {right!r}")
    return bool(_COMPARISONS[kind](left, right))


def _family(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "number" if isinstance(value, int | float) else type(value).__name__


def problems(condition: Any, where: str) -> list[str]:
    """What is wrong with the form of a condition."""
    if not isinstance(condition, dict) or condition.get("Type") not in MEMBERS:
        kinds = ", ".join(MEMBERS)
        return [f"{where}: Type must be one of {kinds}"]
    wanted = MEMBERS[condition["Type"]]
    found = condition.keys() - {"Type"}
    if found != wanted:
        return [f"{where}: {condition['Type']} takes exactly {', '.join(sorted(wanted))}"]
    if condition["Type"] == "Not":
        return problems(condition["Expression"], f"{where}.Expression")
    if condition["Type"] == "Or":
        return [
            text
            for i, item in enumerate(condition["Conditions"])
            for text in problems(item, f"{where}.Conditions[{i}]")
        ]
    return []
