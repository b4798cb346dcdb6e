"""Who may do what: evaluating policies, and what a request is checked for."""

from collections.abc import Callable, Mapping
from typing import Any

from ministack.core import iam_actions as _actions
from ministack.core import iam_evaluator as _evaluator
from ministack.services import iam as _iam

from localcloud.ministack.replacing import wrap

Make = Callable[[Callable[..., Any]], Callable[..., Any]]
Policy = str | Mapping[str, Any] | None


def evaluate(
    access_key: str,
    action: str,
    service: str,
    region: str,
    *,
    resource: str = "*",
    context: Mapping[str, Any] | None = None,
) -> Any:
    """Whether the holder of the key may do it: None, or else a denial (`is_denial`) or a failure (`is_failure`).

    A denial has `decision` ("Deny" for an explicit one) and `principal_arn`, a failure `code` and `message`.
    """
    return _evaluator.enforce(
        access_key,
        action,
        service,
        region,
        resource_arn=resource,
        service_context=None if context is None else dict(context),
    )


def is_denial(outcome: Any) -> bool:
    """The policies do not allow it."""
    return isinstance(outcome, _evaluator.EvalResult)


def is_failure(outcome: Any) -> bool:
    """Nobody knows who asks."""
    return isinstance(outcome, _evaluator.AuthError)


def failure(code: str, message: str) -> Any:
    """An outcome of `evaluate` for a caller that nobody knows."""
    return _evaluator.AuthError(code, message)


def wrap_evaluate(make: Make) -> None:
    """Around every evaluation, of requests too: (key, action, service, region, resource, context) -> outcome."""
    wrap(_evaluator, "enforce", make)


def from_this_machine() -> None:
    """From here on in this context, requests come from 127.0.0.1 by TLS, as conditions see them."""
    _evaluator.pin_request_origin("127.0.0.1", True)


def service_allowed(
    policy: Policy,
    action: str,
    resource: str,
    *,
    service: str,
    region: str,
    keys: Mapping[str, Any],
    by_tls: bool | None = None,
) -> bool:
    """Whether a resource's policy lets an AWS service ("sns.amazonaws.com") act. `by_tls` None: as the request came."""
    transport = {} if by_tls is None else {"secure_transport": by_tls}
    request = _evaluator.EvalContext(
        # The caller is the service itself: a grant to an account does not cover it, a grant to everybody does.
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource,
        region=region,
        service_context=dict(keys),
        **transport,
    )
    return bool(_evaluator.evaluate_resource_policy(policy, request, service=service).decision == "Allow")


def role(account: str, name: str) -> Mapping[str, Any] | None:
    """The role's record (Arn, AssumeRolePolicyDocument, ...), None when there is none."""
    found: Mapping[str, Any] | None = _iam._roles.get_scoped(account, None, name)
    return found


def role_names() -> list[tuple[str, str]]:
    """Account and name of every role."""
    return [(account, name) for account, name in list(_iam._roles.to_dict())]


def role_statements(account: str, name: str) -> list[Any]:
    """The statements of a role's policies: effect, actions, resources, not_resources."""
    return [statement for policy in _evaluator._gather_role_policies(name, account) for statement in policy]


def action_matches(action: str, pattern: str) -> bool:
    return bool(_evaluator.fnmatch_iam(action, pattern))


def resource_matches(resource: str, pattern: str) -> bool:
    return bool(_evaluator.fnmatch_iam_cs(resource, pattern))


def resource_in(resource: str, statement: Any) -> bool:
    """Whether the statement is about the resource."""
    return bool(_evaluator._resource_matches(resource, statement.resources, statement.not_resources))


def action_of(service: str, method: str, path: str, headers: Any, body: bytes, query: Any) -> str | None:
    """The IAM action of a request ("s3:GetObject"); None for one that has none."""
    found: str | None = _actions.extract_iam_action(service, method, path, headers, body, query)
    return found


def denial_message(action: str, principal: str, resource: str, *, explicit: bool) -> str:
    """What IAM says of an identity whose policies do not allow it."""
    return str(_actions.identity_denial_message(action, principal, resource, explicit))


def denied_response(service: str, action: str, principal: str, request_id: str, **options: Any) -> Any:
    """A denial in the protocol of the service; the options are those of MiniStack (headers, resource_arn, ...)."""
    return _actions.access_denied_response(service, action, principal, request_id, **options)


def has_own_status(code: str) -> bool:
    """Whether `denied_response` knows which HTTP status this error has."""
    return code in _actions._AUTH_FAILURES


def wrap_resource_of(make: Make) -> None:
    """Around finding what a request acts on: (service, method, path, headers, body, query, region, account) -> ARN."""
    wrap(_actions, "extract_resource_arn", make)


def wrap_request_tags(make: Make) -> None:
    """Around the condition keys that a request itself gives: (service, action, body, parameters) -> {key: value}."""
    wrap(_actions, "request_tag_context", make)


def wrap_s3_conditions(make: Make) -> None:
    """Around the condition keys of requests to S3: (action, query, path, headers) -> {key: value}."""
    wrap(_actions, "s3_service_context", make)


def wrap_denied_response(make: Make) -> None:
    """Around `denied_response`, which words every denial."""
    wrap(_actions, "access_denied_response", make)
