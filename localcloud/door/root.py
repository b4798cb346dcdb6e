"""Who is root: the holder of the keys made at the start, and nobody by a key that everybody knows.

MiniStack takes an empty access key, `test` and any twelve digits for root without looking at the signature. Here these
are unknown keys, and root is a session whose secret its signatures are verified with, as those of roles are.
"""

from typing import Any

from ministack.core import iam_evaluator
from ministack.services import sts

from localcloud.door.keys import Keys
from localcloud.door.routes import UNSIGNED_ACTIONS

HOOKS = (
    ("ministack.core.iam_evaluator", "enforce"),
    ("ministack.core.iam_evaluator", "is_root_access_key"),
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
    """Nobody's permissions decide on what AWS takes from anybody: the token and the role's trust policy do."""
    evaluate = iam_evaluator.enforce

    def enforce(access_key_id: str, iam_action: str, *request: Any, **options: Any) -> Any:
        service, _, action = iam_action.partition(":")
        if not access_key_id and service == "sts" and action in UNSIGNED_ACTIONS:
            return None
        return evaluate(access_key_id, iam_action, *request, **options)

    iam_evaluator.enforce = enforce
