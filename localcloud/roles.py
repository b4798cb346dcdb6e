"""Acting as an IAM role: temporary credentials, sessions, and whether a role may do something."""

import contextvars
import secrets
import threading
from collections.abc import Mapping
from typing import Any

import boto3
from botocore.client import BaseClient
from botocore.config import Config

from localcloud import sessions
from localcloud.context import account, endpoint, region
from localcloud.errors import AccessDenied
from localcloud.ministack import access, credentials, scope
from localcloud.trust import may_assume

_client_lock = threading.Lock()
_check_keys: dict[tuple[str, str], str] = {}


def role_name(name_or_arn: str) -> str:
    return name_or_arn.rsplit("/", 1)[-1]


def role_arn(name_or_arn: str) -> str:
    """A role's ARN; some services accept the bare name as well."""
    return name_or_arn if name_or_arn.startswith("arn:") else f"arn:aws:iam::{account()}:role/{name_or_arn}"


def assumed_role_arn(name_or_arn: str, session_name: str) -> str:
    return f"arn:aws:sts::{account()}:assumed-role/{role_name(name_or_arn)}/{session_name}"


def _require_trust(role: str, service: str | None, source_arn: str | None) -> None:
    record = access.role(account(), role_name(role))
    if record is None or (service and not may_assume(record, service, source_arn)):
        reason = "because the role does not exist" if record is None else "because its trust policy does not allow it"
        raise AccessDenied(role_name(role), "sts:AssumeRole", role_arn(role), principal=service or "", reason=reason)


def role_credentials(
    role_arn: str, session_name: str, *, service: str | None = None, source_arn: str | None = None
) -> dict[str, str]:
    """Environment of a process that acts as the role (every call is checked against the role's policies).

    With `service` ("glue.amazonaws.com") the role's trust policy must let it in, on behalf of `source_arn` when the
    service says whom it acts for. Raises AccessDenied otherwise.
    """
    _require_trust(role_arn, service, source_arn)
    key, secret, token = "ASIA" + secrets.token_hex(8).upper(), secrets.token_hex(20), secrets.token_hex(32)
    identity = {
        "Arn": assumed_role_arn(role_arn, session_name),
        "UserId": f"{role_name(role_arn)}:{session_name}",
        "AccountId": account(),
        "PrincipalType": "AssumedRole",
        "SecretAccessKey": secret,
        "SessionToken": token,
    }
    credentials.register_session(key, identity)
    return {
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_SESSION_TOKEN": token,
        "AWS_REGION": region(),
        "AWS_DEFAULT_REGION": region(),
        "AWS_ENDPOINT_URL": endpoint(),
    }


def role_session(role_arn: str, session_name: str, *, service: str | None = None) -> boto3.Session:
    """A boto3 session that acts as the role; make its clients with `client`."""
    variables = role_credentials(role_arn, session_name, service=service)
    return sessions.session(
        variables["AWS_ACCESS_KEY_ID"],
        variables["AWS_SECRET_ACCESS_KEY"],
        region=variables["AWS_REGION"],
        token=variables["AWS_SESSION_TOKEN"],
    )


def client(session: boto3.Session, service: str) -> BaseClient:
    """A client of this local cloud. Do not call it on the server's own event loop: it would wait for itself."""
    config = Config(retries={"mode": "standard", "max_attempts": 3}, s3={"addressing_style": "path"})
    with _client_lock:
        return session.client(service, endpoint_url=endpoint(), config=config)


def _check_key(role: str) -> str:
    """An access key of a lasting session of the role, for checks made on its behalf."""
    identity = (account(), role_name(role))
    if identity not in _check_keys:
        _check_keys[identity] = role_credentials(role, "LocalCloud")["AWS_ACCESS_KEY_ID"]
    return _check_keys[identity]


def _evaluate(place: tuple[str, str], key: str, action: str, resource: str, context: Mapping[str, Any] | None) -> Any:
    with scope.acting_in(*place):
        access.from_this_machine()
        service = action.partition(":")[0]
        return access.evaluate(key, action, service, place[1], resource=resource, context=context or {})


def check_role(role_arn: str, action: str, resource: str, context: Mapping[str, Any] | None = None) -> None:
    """Raise AccessDenied unless the role's policies allow the action; recorded as a call of that role.

    `context` holds condition keys such as {"iam:PassedToService": "sagemaker.amazonaws.com"}.
    """
    key = _check_key(role_arn)
    # A context of its own: the request being served (its signature, its caller) must not take part.
    denied = contextvars.Context().run(_evaluate, (account(), region()), key, action, resource, context)
    if denied is None:
        return
    if access.is_failure(denied):
        raise RuntimeError(f"cannot evaluate {action} for {role_arn}: {denied.code} {denied.message}")
    explicit = denied.decision == "Deny"
    reason = (
        "with an explicit deny in an identity-based policy"
        if explicit
        else f"because no identity-based policy allows the {action} action"
    )
    raise AccessDenied(role_name(role_arn), action, resource, principal=denied.principal_arn, reason=reason)
