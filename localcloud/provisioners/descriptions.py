"""A stack is described as its template says, also when a change set made it, as the CDK's command line does."""

from collections.abc import Callable, Mapping
from typing import Any

from localcloud.ministack import cloudformation


def _described(handler: Callable[[Mapping[str, Any]], Any]) -> Callable[[Mapping[str, Any]], Any]:
    def describe_stacks(parameters: Mapping[str, Any]) -> Any:
        for stack in cloudformation.stacks():
            stack["Description"] = (stack.get("_template") or {}).get("Description", stack.get("Description", ""))
        return handler(parameters)

    return describe_stacks


def install() -> None:
    cloudformation.wrap_action("DescribeStacks", _described)
