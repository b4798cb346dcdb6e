"""Roles for the holders of OpenID Connect tokens: the providers, and the claims that trust policies may look at.

Signatures and expiry are not checked: a test makes its own token.
"""

from collections.abc import Callable, Mapping
from typing import Any

from localcloud.ministack import cloudformation, credentials, scope
from localcloud.ministack.cloudformation import Created, Properties

# Issuer -> claims that AWS makes condition keys of, besides aud, sub and amr (IAM user guide, "Available keys for
# AWS OIDC federation").
CLAIMS = {
    "token.actions.githubusercontent.com": (
        "actor",
        "actor_id",
        "enterprise_id",
        "environment",
        "job_workflow_ref",
        "ref",
        "repository",
        "repository_id",
        "workflow",
    ),
}


def create_provider(logical_id: str, properties: Properties, stack: str) -> Created:
    members = {f"ClientIDList.member.{n}": one for n, one in enumerate(properties.get("ClientIdList") or (), 1)}
    status, _, body = credentials.create_oidc_provider(
        {"Url": [properties["Url"]], **{k: [v] for k, v in members.items()}}
    )
    if status >= 400:
        raise ValueError(f"AWS::IAM::OIDCProvider {logical_id}: {body!r}")
    arn = f"arn:aws:iam::{scope.current_account()}:oidc-provider/{_host(properties['Url'])}"
    return arn, {"Arn": arn}


def update_provider(physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
    """Another URL is another provider."""
    if new["Url"] != old["Url"]:
        created = create_provider(physical_id, new, stack)
        delete_provider(physical_id, old)
        return created
    credentials.oidc_providers()[physical_id]["ClientIDList"] = list(new.get("ClientIdList") or ())
    return physical_id, {"Arn": physical_id}


def delete_provider(physical_id: str, properties: Properties) -> None:
    credentials.oidc_providers().pop(physical_id, None)


def _host(url: str) -> str:
    return url.partition("://")[2].rstrip("/") or url


def _claims(token: str) -> Mapping[str, Any]:
    try:
        claims = credentials.unverified_claims(token)
    except (ValueError, TypeError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _with_claims(principal: Callable[..., tuple[str, dict[str, Any]]]) -> Callable[..., tuple[str, dict[str, Any]]]:
    def web_identity_principal(token: str, provider_id: str, role_arn: str) -> tuple[str, dict[str, Any]]:
        found, keys = principal(token, provider_id, role_arn)
        claims = _claims(token)
        host = _host(str(claims.get("iss", "")))
        return found, keys | {f"{host}:{name}": claims[name] for name in CLAIMS.get(host, ()) if name in claims}

    return web_identity_principal


def _refused(token: str, role_arn: str) -> str | None:
    """Why the account does not know the token; None for a token that the trust policy may judge."""
    claims = _claims(token)
    issuer = str(claims.get("iss", ""))
    host = _host(issuer)
    if credentials.is_well_known_provider(host):
        return None
    provider = credentials.oidc_providers().get(f"arn:aws:iam::{role_arn.split(':')[4]}:oidc-provider/{host}")
    if provider is None:
        return f"No OpenIDConnect provider found in your account for {issuer}"
    return None if claims.get("aud") in provider["ClientIDList"] else "Incorrect token audience"


def _checked(denied: Callable[..., Any]) -> Callable[..., Any]:
    def web_identity_trust_denied(role_arn: str, params: Mapping[str, Any], use_json: bool) -> Any:
        (token,) = params.get("WebIdentityToken") or ("",)
        reason = _refused(token, role_arn)
        if reason:
            return credentials.sts_error(400, "InvalidIdentityToken", reason)
        return denied(role_arn, params, use_json)

    return web_identity_trust_denied


def install() -> None:
    cloudformation.register_type(
        "AWS::IAM::OIDCProvider", create=create_provider, update=update_provider, delete=delete_provider
    )
    credentials.wrap_web_identity(_with_claims)
    credentials.wrap_web_identity_refusal(_checked)
