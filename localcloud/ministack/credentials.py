"""Access keys, their secrets and sessions, signatures, and the providers of web identities."""

from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

from ministack.core import iam_evaluator as _evaluator
from ministack.core import responses as _responses
from ministack.core import sigv4 as _sigv4
from ministack.services import cognito as _cognito
from ministack.services import iam as _iam
from ministack.services import sts as _sts

from localcloud.ministack.replacing import replace, wrap

Make = Callable[[Callable[..., Any]], Callable[..., Any]]
Signed = Mapping[str, Any]

AmbiguousKeyError: type[Exception] = _evaluator.AmbiguousAccessKeyError
SIGNATURE_MISMATCH = str(_sigv4.SIGNATURE_MISMATCH)


def register_session(key: str, identity: Mapping[str, Any]) -> None:
    """Let a temporary key act as `identity`: Arn, UserId, AccountId, PrincipalType, SecretAccessKey, SessionToken."""
    _sts.register_session(key, dict(identity))


def session_arn(key: str) -> str:
    """Who the holder of a temporary key is; "" for another key."""
    return str((_sts._sessions.get(key) or {}).get("Arn", ""))


def resolve(key: str, token: str, account: str) -> Any:
    """Secret and principal of a key, or why there is none (`is_unresolved`). Raises AmbiguousKeyError.

    What is found has `secret_access_key` and `principal_type`; a refusal has `code` and `message`. `account` is that of
    a key that nobody owns.
    """
    owner = _responses._account_from_sts_session(key) or _evaluator.find_iam_access_key_account(key) or account
    return _evaluator.resolve_credential(key, owner, token)


def is_unresolved(found: Any) -> bool:
    return isinstance(found, _evaluator.CredentialResolutionError)


def nobody_is_root_by(is_root: Callable[[str], bool]) -> None:
    """Replace the rule which access keys are root without a secret."""
    replace(_evaluator, "is_root_access_key", is_root)
    replace(_sts, "is_root_access_key", is_root)


def parse_query(query: Mapping[str, list[str]]) -> Any:
    """The signature that a presigned address states, or a tuple of error code and message."""
    return _sigv4.parse_query_signature(query)


def parse_header(headers: Mapping[str, str]) -> Any:
    """The signature of an Authorization header, or a tuple of error code and message."""
    return _sigv4.parse_header_signature(headers)


def time_failure(service: str, timestamp: str) -> Any:
    """Error code and message (and status) for a request that was signed too long ago or for later, None for others."""
    return _sigv4.request_time_failure(_sigv4.HeaderSignature("", "", "", service, "", "", timestamp))


def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    return bytes(_sigv4.derive_signing_key(secret, date, region, service))


def unverified_claims(token: str) -> Any:
    """What an OpenID Connect token says. Raises ValueError or TypeError for what is no token."""
    return _cognito._decode_id_token_unverified(token)


def create_oidc_provider(parameters: Mapping[str, list[str]]) -> tuple[int, Any, Any]:
    """IAM's CreateOpenIDConnectProvider: status, headers, body."""
    answer: tuple[int, Any, Any] = _iam._create_oidc_provider(dict(parameters))
    return answer


def oidc_providers() -> MutableMapping[str, Any]:
    """The account's providers by ARN; ClientIDList is what they are for."""
    found: MutableMapping[str, Any] = _iam._oidc_providers
    return found


def is_well_known_provider(host: str) -> bool:
    """Whether AWS knows the issuer without a provider of the account."""
    return host in _sts._WELL_KNOWN_WEB_IDENTITY_PROVIDERS


def wrap_web_identity(make: Make) -> None:
    """Around what a token says of its holder: (token, provider, role) -> principal, condition keys."""
    wrap(_sts, "_web_identity_principal", make)


def wrap_web_identity_refusal(make: Make) -> None:
    """Around whether a role's trust refuses a token: (role, parameters, use_json) -> refusal or None."""
    wrap(_sts, "_web_identity_trust_denied", make)


def sts_error(status: int, code: str, message: str) -> Any:
    """An answer of `wrap_web_identity_refusal`."""
    return _sts._error(status, code, message, ns="sts")
