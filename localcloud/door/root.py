"""Who is root: the holder of the keys made at the start, and nobody by a key that everybody knows.

MiniStack takes an empty access key, `test` and any twelve digits for root without looking at the signature. Here these
are unknown keys, and root is a session whose secret its signatures are verified with, as those of roles are.
"""

from collections.abc import Callable
from typing import Any

from ministack import app
from ministack.core import iam_evaluator
from ministack.services import apigateway_v1, sts

from localcloud.door.keys import Keys
from localcloud.door.routes import UNSIGNED_ACTIONS

HOOKS = (
    ("ministack.app", "_enforce_execute_api"),
    ("ministack.app", "_execute_api_authorization_type"),
    ("ministack.core.iam_evaluator", "AuthError"),
    ("ministack.core.iam_evaluator", "enforce"),
    ("ministack.core.iam_evaluator", "is_root_access_key"),
    ("ministack.services.apigateway_v1", "_AUTHENTICATION_GATEWAY_ERRORS"),
    ("ministack.services.sts", "is_root_access_key"),
    ("ministack.services.sts", "register_session"),
)


def install(keys: Keys, account: str) -> None:
    iam_evaluator.is_root_access_key = sts.is_root_access_key = _is_root
    _serve_unsigned()
    sts.register_session(
        keys.access_key,
        {
            "Arn": f"arn:aws:iam::{account}:root",
            "UserId": account,
            "AccountId": account,
            "PrincipalType": "Root",
            "SecretAccessKey": keys.secret_key,
            "SessionToken": None,
        },
    )


def _is_root(access_key: str) -> bool:
    return False


def _serve_unsigned() -> None:
    """An empty key is nobody: neither root, nor somebody whose permissions decide."""
    evaluate = iam_evaluator.enforce

    def enforce(access_key_id: str, iam_action: str, *request: Any, **options: Any) -> Any:
        service, _, action = iam_action.partition(":")
        if not access_key_id and service == "sts" and action in UNSIGNED_ACTIONS:
            return None  # the token and the role's trust policy decide
        if not access_key_id and service == "execute-api":
            return iam_evaluator.AuthError("MissingAuthenticationToken", "Missing Authentication Token")
        return evaluate(access_key_id, iam_action, *request, **options)

    iam_evaluator.enforce = enforce
    missing = ("MISSING_AUTHENTICATION_TOKEN", "MissingAuthenticationTokenException")
    apigateway_v1._AUTHENTICATION_GATEWAY_ERRORS["MissingAuthenticationToken"] = missing
    app._enforce_execute_api = _for_methods_that_exist(app._enforce_execute_api)


def _for_methods_that_exist(enforce: Callable[..., Any]) -> Callable[..., Any]:
    """The API itself says that it has no such path or method."""

    def enforce_method(api_id: str, stage: str, method: str, path: str, *request: Any, **options: Any) -> Any:
        if app._execute_api_authorization_type(api_id, stage, method, path) is None:
            return None
        return enforce(api_id, stage, method, path, *request, **options)

    return enforce_method
