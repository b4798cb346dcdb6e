"""Who called what: every permission check of every role, what was denied, and which grants nobody needed."""

import contextvars
import threading
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import iam, sts

HOOKS = (
    ("ministack.core.iam_evaluator", "AuthError"),
    ("ministack.core.iam_evaluator", "EvalResult"),
    ("ministack.core.iam_evaluator", "_gather_role_policies"),
    ("ministack.core.iam_evaluator", "_resource_matches"),
    ("ministack.core.iam_evaluator", "enforce"),
    ("ministack.core.iam_evaluator", "fnmatch_iam"),
    ("ministack.core.iam_evaluator", "fnmatch_iam_cs"),
    ("ministack.services.iam", "_roles"),
    ("ministack.services.sts", "_sessions"),
)


@dataclass(frozen=True)
class Call:
    """One permission check."""

    role: str
    action: str
    resource: str


_lock = threading.Lock()
_made: Counter[Call] = Counter()
_denied: Counter[Call] = Counter()

# The check that the current request failed: the denial message names it.
last_denial: contextvars.ContextVar[tuple[str, str] | None] = contextvars.ContextVar("last_denial", default=None)


def install() -> None:
    """Record every evaluation of a role's permissions."""
    evaluate = iam_evaluator.enforce

    def enforce(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        outcome = evaluate(access_key_id, iam_action, service, region, resource_arn, service_context)
        refused = isinstance(outcome, iam_evaluator.EvalResult)
        last_denial.set((iam_action, resource_arn) if refused else None)
        role = role_of_key(access_key_id)
        if role and not isinstance(outcome, iam_evaluator.AuthError):
            record(Call(role, iam_action, resource_arn), denied=refused)
        return outcome

    iam_evaluator.enforce = enforce


def role_of_key(access_key_id: str) -> str | None:
    """The role behind temporary credentials; None for the deployer, who is root."""
    session = sts._sessions.get(access_key_id) or {}
    _, assumed, identity = str(session.get("Arn", "")).partition(":assumed-role/")
    return identity.partition("/")[0] if assumed else None


def record(call: Call, *, denied: bool) -> None:
    with _lock:
        _made[call] += 1
        if denied:
            _denied[call] += 1


def reset() -> dict[str, Any]:
    """Forget all calls; the (empty) report."""
    with _lock:
        _made.clear()
        _denied.clear()
    return report()


def report() -> dict[str, Any]:
    """Calls by role, and every denial with what was missing. `made` counts denied calls too."""
    with _lock:
        made, denied = dict(_made), dict(_denied)
    roles: dict[str, dict[str, Any]] = defaultdict(lambda: {"made": 0, "denied": 0, "actions": Counter()})
    for call, count in made.items():
        entry = roles[call.role]
        entry["made"] += count
        entry["denied"] += denied.get(call, 0)
        entry["actions"][call.action] += count
    refused = [
        {"role": call.role, "action": call.action, "resource": call.resource, "count": count}
        for call, count in denied.items()
    ]
    return {"roles": roles, "denied": refused}


def unused() -> dict[str, Any]:
    """Grants of the deployed roles that no call needed: actions, and resources that no call touched."""
    with _lock:
        allowed = [call for call in _made if _made[call] > _denied[call]]
    actions: list[dict[str, Any]] = []
    resources: list[dict[str, Any]] = []
    for (account, role), _ in list(iam._roles.to_dict().items()):
        calls = [call for call in allowed if call.role == role]
        for statement in _allow_statements(role, account):
            _add_unused(role, statement, calls, actions, resources)
    return {"actions": actions, "resources": resources}


def _allow_statements(role: str, account: str) -> list[Any]:
    policies = iam_evaluator._gather_role_policies(role, account)
    return [statement for policy in policies for statement in policy if statement.effect == "Allow"]


def _add_unused(
    role: str,
    statement: Any,
    calls: list[Call],
    actions: list[dict[str, Any]],
    resources: list[dict[str, Any]],
) -> None:
    needed = [
        call
        for call in calls
        if any(iam_evaluator.fnmatch_iam(call.action, pattern) for pattern in statement.actions)
        and iam_evaluator._resource_matches(call.resource, statement.resources, statement.not_resources)
    ]
    for pattern in statement.actions:
        if not any(iam_evaluator.fnmatch_iam(call.action, pattern) for call in needed):
            actions.append({"role": role, "action": pattern, "resources": statement.resources})
    for pattern in statement.resources:
        if needed and not any(iam_evaluator.fnmatch_iam_cs(call.resource, pattern) for call in needed):
            resources.append({"role": role, "resource": pattern, "actions": statement.actions})
