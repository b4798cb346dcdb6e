"""Who is root: the holder of the keys made at the start, and nobody by a key that everybody knows.

MiniStack takes an empty access key, `test` and any twelve digits for root without looking at the signature. Here these
are unknown keys, and root is a session whose secret its signatures are verified with, as those of roles are.
"""

from collections.abc import Callable
from typing import Any

from localcloud.door.keys import Keys
from localcloud.ministack import apigateway, credentials, web


def install(keys: Keys, account: str) -> None:
    credentials.nobody_is_root_by(_is_root)
    missing = ("MISSING_AUTHENTICATION_TOKEN", "MissingAuthenticationTokenException")
    apigateway.name_gateway_error("MissingAuthenticationToken", *missing)
    web.wrap_api_permission(_for_methods_that_exist)
    credentials.register_session(
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


def _for_methods_that_exist(enforce: Callable[..., Any]) -> Callable[..., Any]:
    """The API itself says that it has no such path or method."""

    def enforce_method(api_id: str, stage: str, method: str, path: str, *request: Any, **options: Any) -> Any:
        if web.api_authorization(api_id, stage, method, path) is None:
            return None
        return enforce(api_id, stage, method, path, *request, **options)

    return enforce_method
