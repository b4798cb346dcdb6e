"""The door: Streamlit's login by OpenID Connect, and the list of who may come in."""

from __future__ import annotations

import streamlit as st

from frontend import states, visitors
from frontend.settings import SettingsError
from frontend.words import escaped


def admitted() -> bool:
    """True for a person who may use the page. Shows the login, or why not, otherwise: nothing else is drawn then."""
    try:
        visitor = visitors.current()
    except SettingsError as error:
        states.empty(":material/settings:", "The page is not configured", str(error))
        return False
    if visitor.state == "in":
        with st.sidebar:
            # As text: a provider may let people choose their names.
            st.caption(escaped(visitor.name))
            st.button("Sign out", icon=":material/logout:", on_click=st.logout)
    elif visitor.state == "out":
        _offer_login(visitor)
    elif visitor.state == "refused":
        _refuse(visitor)
    return visitor.may_enter


def _offer_login(visitor: visitors.Visitor) -> None:
    with st.container(horizontal=True, horizontal_alignment="center"), st.container(border=True, width=420):
        st.title("MLOps on AWS", anchor=False)
        st.markdown(f"{visitor.reason} Sign in to use the models.".strip())
        st.button("Sign in", type="primary", icon=":material/login:", on_click=st.login)


def _refuse(visitor: visitors.Visitor) -> None:
    with st.container(horizontal=True, horizontal_alignment="center"), st.container(border=True, width=420):
        st.title("You may not use this page", anchor=False)
        st.markdown(f"{escaped(visitor.name)} is signed in. {visitor.reason} Ask whoever runs the page.")
        st.button("Sign out", icon=":material/logout:", on_click=st.logout)
