"""CloudFormation as a serious application needs it: properties that MiniStack drops, and a list of those left."""

from localcloud import admin
from localcloud.provisioners import (
    buckets,
    budgets,
    descriptions,
    encryption,
    functions,
    handlers,
    limits,
    rest_apis,
    schedules,
    stack_states,
    topics,
    types,
)
from localcloud.provisioners.audit import unread

__all__ = ["HOOKS", "install", "unread"]

HOOKS: tuple[tuple[str, str], ...] = (
    *handlers.HOOKS,
    *buckets.HOOKS,
    *budgets.HOOKS,
    *functions.HOOKS,
    *rest_apis.HOOKS,
    *schedules.HOOKS,
    *encryption.HOOKS,
    *topics.HOOKS,
    *stack_states.HOOKS,
    *descriptions.HOOKS,
    *types.HOOKS,
    *limits.HOOKS,
)


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
    admin.ROUTES["GET", "/_localcloud/unread"] = lambda _: {
        resource_type: sorted(names) for resource_type, names in unread().items()
    }
