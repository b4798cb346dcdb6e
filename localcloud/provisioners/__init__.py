"""CloudFormation as a serious application needs it: properties that MiniStack drops, and a list of those left."""

from localcloud import admin
from localcloud.ministack import cloudformation
from localcloud.provisioners import (
    buckets,
    budgets,
    descriptions,
    encryption,
    functions,
    limits,
    rest_apis,
    schedules,
    stack_states,
    topics,
    types,
)
from localcloud.provisioners.audit import unread

__all__ = ["install", "unread"]


def install() -> None:
    for part in (
        buckets,
        budgets,
        functions,
        rest_apis,
        schedules,
        encryption,
        topics,
        types,
        limits,
        descriptions,
        stack_states,
    ):
        part.install()
    admin.ROUTES["GET", "/_localcloud/types"] = lambda _: {"types": cloudformation.types()}
    admin.ROUTES["GET", "/_localcloud/unread"] = lambda _: {
        resource_type: sorted(names) for resource_type, names in unread().items()
    }
