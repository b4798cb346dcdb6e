"""AWS::Budgets::Budget, which the CloudFormation of MiniStack does not know. Nothing is ever spent here."""

import json
from typing import Any

from ministack.services import budgets
from ministack.services.cloudformation import provisioners

from localcloud.provisioners.handlers import Created, Properties

HOOKS = (
    ("ministack.services.budgets", "_create_budget"),
    ("ministack.services.budgets", "_delete_budget"),
    ("ministack.services.budgets", "_budgets"),
    ("ministack.services.cloudformation.provisioners", "_RESOURCE_HANDLERS"),
    ("ministack.services.cloudformation.provisioners", "_physical_name"),
)


def create(logical_id: str, properties: Properties, stack: str) -> Created:
    budget = dict(properties["Budget"])
    name = budget.setdefault("BudgetName", provisioners._physical_name(stack, logical_id, max_len=100))
    if "BudgetLimit" in budget:
        # A number in a template, text in the API.
        budget["BudgetLimit"] = {**budget["BudgetLimit"], "Amount": str(budget["BudgetLimit"]["Amount"])}
    request = {"Budget": budget, "NotificationsWithSubscribers": properties.get("NotificationsWithSubscribers")}
    _succeed(budgets._create_budget(request))
    return name, {}


def update(physical_id: str, _old: Properties, new: Properties, stack: str = "", *_more: Any) -> Created:
    """In the place of the one before; notifications are changed with it."""
    delete(physical_id, new)
    return create(physical_id, {**new, "Budget": {"BudgetName": physical_id, **new["Budget"]}}, stack)


def delete(physical_id: str, _properties: Properties) -> None:
    if physical_id in budgets._budgets:
        _succeed(budgets._delete_budget({"BudgetName": physical_id}))


def _succeed(answer: tuple[int, Any, bytes | str]) -> None:
    status, _, body = answer
    if status >= 400:
        raise ValueError(f"AWS::Budgets::Budget: {json.loads(body).get('message', body)}")


def install() -> None:
    provisioners._RESOURCE_HANDLERS["AWS::Budgets::Budget"] = {"create": create, "update": update, "delete": delete}
