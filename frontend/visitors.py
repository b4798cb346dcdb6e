"""Who is visiting: asked before anything is drawn, and again by everything that asks the API."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Literal

import streamlit as st

from frontend import access
from frontend.settings import SettingsError


class LoginNeededError(SettingsError):
    """Somebody who may not use the page came past its login. The message is for that person."""


@dataclass(frozen=True)
class Visitor:
    """`state`: open (there is no login), in, out (not signed in, or no longer), refused. `reason`: a sentence."""

    state: Literal["open", "in", "out", "refused"]
    name: str = ""
    reason: str = ""

    @property
    def may_enter(self) -> bool:
        return self.state in ("open", "in")


def current() -> Visitor:
    """Raises SettingsError when it cannot be said who may use the page."""
    rules = access.from_environment(os.environ)
    address = str(st.get_option("server.address") or "")
    # A file that cannot be read counts as none: then the page is closed, or on this machine alone.
    configured = bool(st.secrets.load_if_toml_exists() and "auth" in st.secrets)
    if not access.asks_for_login(rules, address=address, configured=configured):
        return Visitor("open")
    claims = st.user.to_dict()
    if not claims.get("is_logged_in"):
        return Visitor("out")
    name = str(claims.get("email") or claims.get("name") or "You")
    if access.is_over(rules, claims, time.time()):
        return Visitor("out", name, "Your login is over.")
    reason = access.refusal(rules, claims)
    return Visitor("refused", name, reason) if reason else Visitor("in", name)


def require() -> None:
    """Raises SettingsError for whoever may not use the page."""
    visitor = current()
    if not visitor.may_enter:
        raise LoginNeededError(f"{visitor.reason or 'You are not signed in.'} Load the page anew.")
