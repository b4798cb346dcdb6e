"""A stack is described as its template says, also when a change set made it, as the CDK's command line does."""

from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import cloudformation

HOOKS = (
    ("ministack.services.cloudformation", "_ACTION_HANDLERS"),
    ("ministack.services.cloudformation", "_stacks"),
)


def _described(handler: Callable[[Mapping[str, Any]], Any]) -> Callable[[Mapping[str, Any]], Any]:
    def describe_stacks(parameters: Mapping[str, Any]) -> Any:
        for stack in list(cloudformation._stacks.values()):
            stack["Description"] = (stack.get("_template") or {}).get("Description", stack.get("Description", ""))
        return handler(parameters)

    return describe_stacks


def install() -> None:
    actions = cloudformation._ACTION_HANDLERS
    actions["DescribeStacks"] = _described(actions["DescribeStacks"])
