"""Who may use the page: whether it asks for a login, and the list that a person who signed in has to be on."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from frontend.settings import SettingsError

# An address that reads the same to everybody: no quotes, no second @, no letter that looks like another.
_LOCAL_PART = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]+")
_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+")
_SKEW_SECONDS = 300.0
_MOST_HOURS = 24.0 * 30
LISTS = "PAGE_EMAILS, PAGE_DOMAINS or PAGE_GROUPS"


@dataclass(frozen=True)
class Access:
    """`login`: None is what the address says, which the page listens on. `hours`: how long a login is good for.

    Addresses and domains are in lower case. A group is compared as the provider writes it.
    """

    login: bool | None = None
    emails: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    groups_claim: str = "groups"
    hours: float = 12.0

    @property
    def names_somebody(self) -> bool:
        return bool(self.emails or self.domains or self.groups)


def from_environment(environment: Mapping[str, str]) -> Access:
    """PAGE_LOGIN, PAGE_EMAILS, PAGE_DOMAINS, PAGE_GROUPS, PAGE_GROUPS_CLAIM, PAGE_HOURS. Raises SettingsError."""
    return Access(
        login=_login(environment.get("PAGE_LOGIN", "").strip().lower()),
        emails=_names(environment, "PAGE_EMAILS", _is_email, "an e-mail address such as ann@example.com"),
        domains=_names(environment, "PAGE_DOMAINS", _is_domain, "a domain such as example.com"),
        groups=frozenset(_split(environment.get("PAGE_GROUPS", ""))),
        groups_claim=environment.get("PAGE_GROUPS_CLAIM", "").strip() or Access.groups_claim,
        hours=_hours(environment.get("PAGE_HOURS", "").strip()),
    )


def asks_for_login(access: Access, *, address: str, configured: bool) -> bool:
    """Whether visitors have to sign in. `configured`: there is an [auth] section in the secrets file.

    Raises SettingsError rather than let somebody in by mistake: where others reach the page, it wants a login unless
    PAGE_LOGIN says off; and a login without a list would let nobody in, or everybody who has an account somewhere.
    """
    if access.login is False and configured:
        raise SettingsError("PAGE_LOGIN is off, but the secrets file has an [auth] section. Take one of the two away.")
    if not configured:
        if access.login is False or (access.login is None and is_loopback(address)):
            return False
        raise SettingsError(
            "This page wants a login, as others can reach it or PAGE_LOGIN says so, and none is configured. Give it a "
            "secrets file with an [auth] section (STREAMLIT_SECRETS_FILES), or let in whoever comes: PAGE_LOGIN=off."
        )
    if not access.names_somebody:
        raise SettingsError(f"There is a login, and nobody on its list. Say who may use the page: {LISTS}.")
    return True


def is_loopback(address: str) -> bool:
    """Streamlit listens everywhere when it has no address."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def is_over(access: Access, claims: Mapping[str, Any], now: float) -> bool:
    """Whether the login is too old, or of an unknown age. Streamlit itself keeps one for thirty days."""
    issued = claims.get("iat")
    if isinstance(issued, bool) or not isinstance(issued, (int, float)):
        return True
    return not -_SKEW_SECONDS <= now - issued <= access.hours * 3600


def refusal(access: Access, claims: Mapping[str, Any]) -> str:
    """Why the person who signed in may not use the page, as a sentence; "" for one who may."""
    if access.groups & set(_groups(claims.get(access.groups_claim))):
        return ""
    address = _address(claims.get("email"))
    if address is None:
        return "Your account is not on the list of this page."
    listed = address in access.emails or address.partition("@")[2] in access.domains
    if not listed:
        return "Your account is not on the list of this page."
    # Cognito writes its booleans as text in some answers.
    if claims.get("email_verified") not in (True, "true"):
        return "Your identity provider does not say that your e-mail address is verified."
    return ""


def _login(text: str) -> bool | None:
    choices = {"": None, "required": True, "off": False}
    if text not in choices:
        raise SettingsError("PAGE_LOGIN must be required or off.")
    return choices[text]


def _hours(text: str) -> float:
    try:
        hours = float(text or Access.hours)
    except ValueError:
        hours = 0.0
    if not 0 < hours <= _MOST_HOURS:
        raise SettingsError(f"PAGE_HOURS must be a number of hours, {_MOST_HOURS:.0f} at most.")
    return hours


def _names(environment: Mapping[str, str], variable: str, is_name: Any, wanted: str) -> frozenset[str]:
    names = [name.lower() for name in _split(environment.get(variable, ""))]
    for name in names:
        if not is_name(name):
            raise SettingsError(f"{variable} holds {name!r}, which is not {wanted}. Separate them by commas.")
    return frozenset(names)


def _split(text: str) -> list[str]:
    """By commas alone: a group's name may hold spaces."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _is_domain(text: str) -> bool:
    return _DOMAIN.fullmatch(text) is not None


def _is_email(text: str) -> bool:
    local, _, domain = text.partition("@")
    return _LOCAL_PART.fullmatch(local) is not None and _is_domain(domain)


def _address(claim: Any) -> str | None:
    """In lower case; None for what is not a plain address, which no list can hold."""
    if not isinstance(claim, str) or not claim.isascii():
        return None
    address = claim.lower()
    return address if _is_email(address) else None


def _groups(claim: Any) -> list[str]:
    """A provider that has one group to tell of may write it without a list."""
    values = [claim] if isinstance(claim, str) else claim
    return [value for value in values if isinstance(value, str)] if isinstance(values, (list, tuple)) else []
