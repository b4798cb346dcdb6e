"""Who called what: every permission check of every role, what was denied, and which grants nobody needed."""

import contextvars
import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localcloud.door import unsigned
from localcloud.ministack import access, credentials


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
    """Record every evaluation of a role's permissions; who has no key is nobody."""
    access.wrap_evaluate(_recording)


def _recording(evaluate: Callable[..., Any]) -> Callable[..., Any]:
    def enforce(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        if unsigned.is_decided_by_token(access_key_id, iam_action):
            return None
        if unsigned.lacks_a_key(access_key_id, iam_action):
            return access.failure("MissingAuthenticationToken", "Missing Authentication Token")
        outcome = evaluate(access_key_id, iam_action, service, region, resource_arn, service_context)
        refused = access.is_denial(outcome)
        last_denial.set((iam_action, resource_arn) if refused else None)
        role = role_of_key(access_key_id)
        if role and not access.is_failure(outcome):
            record(Call(role, iam_action, resource_arn), denied=refused)
        return outcome

    return enforce


def role_of_key(access_key_id: str) -> str | None:
    """The role behind temporary credentials; None for the deployer, who is root."""
    _, assumed, identity = credentials.session_arn(access_key_id).partition(":assumed-role/")
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
    for account, role in access.role_names():
        calls = [call for call in allowed if call.role == role]
        for statement in _allow_statements(role, account):
            _add_unused(role, statement, calls, actions, resources)
    return {"actions": actions, "resources": resources}


def _allow_statements(role: str, account: str) -> list[Any]:
    return [statement for statement in access.role_statements(account, role) if statement.effect == "Allow"]


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
        if any(access.action_matches(call.action, pattern) for pattern in statement.actions)
        and access.resource_in(call.resource, statement)
    ]
    for pattern in statement.actions:
        if not any(access.action_matches(call.action, pattern) for call in needed):
            actions.append({"role": role, "action": pattern, "resources": statement.resources})
    for pattern in statement.resources:
        if needed and not any(access.resource_matches(call.resource, pattern) for call in needed):
            resources.append({"role": role, "resource": pattern, "actions": statement.actions})
