"""Optional login by OpenID Connect: Streamlit's own, on when its secrets file has an [auth] section."""

from __future__ import annotations

import streamlit as st

from frontend.words import escaped


def signed_in() -> bool:
    """True for a person who may use the page. Shows the login otherwise."""
    if not _configured():
        return True
    if st.user.is_logged_in:
        with st.sidebar:
            st.caption(escaped(str(st.user.get("email") or st.user.get("name") or "Signed in")))
            st.button("Sign out", icon=":material/logout:", on_click=st.logout)
        return True
    with st.container(horizontal=True, horizontal_alignment="center"), st.container(border=True, width=420):
        st.title("MLOps on AWS", anchor=False)
        st.markdown("Sign in to use the models.")
        st.button("Sign in", type="primary", icon=":material/login:", on_click=st.login)
    return False


def _configured() -> bool:
    return bool(st.secrets.load_if_toml_exists() and "auth" in st.secrets)
