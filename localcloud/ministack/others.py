"""Budgets, and the tags of resources that MiniStack does not have itself."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ministack.services import budgets as _budgets
from ministack.services import tagging as _tagging

Answer = tuple[int, Any, bytes | str]


def create_budget(request: Mapping[str, Any]) -> Answer:
    """CreateBudget: status, headers, body."""
    answer: Answer = _budgets._create_budget(request)
    return answer


def delete_budget(name: str) -> Answer:
    """DeleteBudget: status, headers, body."""
    answer: Answer = _budgets._delete_budget({"BudgetName": name})
    return answer


def has_budget(name: str) -> bool:
    return name in _budgets._budgets


def collect_tags(service: str, tagged: Callable[[], Iterator[tuple[str, list[dict[str, str]]]]]) -> None:
    """Tell conditions on aws:ResourceTag of a service's resources: ARN and tags ([{Key, Value}]) of each."""
    _tagging._RESOURCE_TAG_COLLECTORS[service] = tagged
