"""AWS::Budgets::Budget, which the CloudFormation of MiniStack does not know. Nothing is ever spent here."""

import json
from typing import Any

from localcloud.ministack import cloudformation, others
from localcloud.ministack.cloudformation import Created, Properties


def create(logical_id: str, properties: Properties, stack: str) -> Created:
    budget = dict(properties["Budget"])
    name = budget.setdefault("BudgetName", cloudformation.physical_name(stack, logical_id, longest=100))
    if "BudgetLimit" in budget:
        # A number in a template, text in the API.
        budget["BudgetLimit"] = {**budget["BudgetLimit"], "Amount": str(budget["BudgetLimit"]["Amount"])}
    request = {"Budget": budget, "NotificationsWithSubscribers": properties.get("NotificationsWithSubscribers")}
    _succeed(others.create_budget(request))
    return name, {}


def update(physical_id: str, _old: Properties, new: Properties, stack: str = "", *_more: Any) -> Created:
    """In the place of the one before; notifications are changed with it."""
    delete(physical_id, new)
    return create(physical_id, {**new, "Budget": {"BudgetName": physical_id, **new["Budget"]}}, stack)


def delete(physical_id: str, _properties: Properties) -> None:
    if others.has_budget(physical_id):
        _succeed(others.delete_budget(physical_id))


def _succeed(answer: tuple[int, Any, bytes | str]) -> None:
    status, _, body = answer
    if status >= 400:
        raise ValueError(f"AWS::Budgets::Budget: {json.loads(body).get('message', body)}")


def install() -> None:
    cloudformation.register_type("AWS::Budgets::Budget", create=create, update=update, delete=delete)
