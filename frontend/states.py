"""Empty and error states: what happened, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

from frontend import session
from frontend.answers import Summary
from frontend.errors import ApiError, Kind
from frontend.formatting import title
from frontend.settings import SettingsError
from frontend.words import code, escaped

HEADLINES = {
    Kind.UNREACHABLE: (":material/cloud_off:", "The API does not answer"),
    Kind.FORBIDDEN: (":material/key_off:", "The API key is not accepted"),
    Kind.NOT_FOUND: (":material/search_off:", "The API does not know this"),
    Kind.INVALID: (":material/edit_note:", "The API refused the values"),
    Kind.THROTTLED: (":material/hourglass_top:", "Too many requests"),
    Kind.UNAVAILABLE: (":material/pending:", "The model cannot answer now"),
    Kind.BROKEN: (":material/error:", "The API failed"),
}

ADVICE = {
    Kind.UNREACHABLE: "Check that it is up and that API_URL is right. Nothing that you entered is lost.",
    Kind.FORBIDDEN: "Set API_KEY of this page to a key of the API's usage plan, and start the page again.",
    Kind.NOT_FOUND: "It may have been removed, or the API is older than this page.",
    Kind.INVALID: "Correct them and try again.",
    Kind.THROTTLED: "The usage plan limits how many requests may come in a second and in a day.",
    Kind.UNAVAILABLE: "An endpoint that was idle needs some seconds to start.",
    Kind.BROKEN: "If it stays so, give the request id to whoever runs the API.",
}


@contextmanager
def shown(retry: str = "retry") -> Iterator[None]:
    """Shows an error of the API in place of what the block would have drawn; `retry` is the button's key."""
    try:
        yield
    except ApiError as error:
        show_error(error, retry=retry)
    except SettingsError as error:
        empty(":material/settings:", "The page is not configured", str(error))


def show_error(error: ApiError, *, retry: str) -> None:
    icon, headline = HEADLINES[error.kind]
    lines = [_sentence(error.detail), ADVICE[error.kind]]
    if error.retry_after is not None:
        lines.insert(1, f"**Try again in {error.retry_after:g} s.**")
    if error.request_id:
        lines.append(f"Request id: {code(error.request_id)}")
        if error.kind is Kind.BROKEN:
            lines.append(f"What its log tells: {code(f'mlops logs --request {error.request_id}')}")
    empty(icon, headline, "\n\n".join(lines))
    if error.kind is not Kind.INVALID and st.button("Try again", icon=":material/refresh:", key=retry):
        session.forget()
        st.rerun()


def show_refused(error: ApiError) -> None:
    """A refused form, field by field."""
    if not error.errors:
        show_error(error, retry="refused")
        return
    with st.container(border=True):
        st.markdown(f"### {HEADLINES[Kind.INVALID][0]} {HEADLINES[Kind.INVALID][1]}")
        for item in error.errors:
            st.markdown(f"- **{escaped(title(item.field) or 'The record')}** {escaped(item.reason)}")


def empty(icon: str, headline: str, text: str, action: Callable[[], object] | None = None) -> None:
    """`headline` and `text` are Markdown: words from elsewhere in them are escaped."""
    with st.container(border=True):
        st.markdown(f"### {icon} {headline}")
        st.markdown(text)
        if action:
            action()


def no_model_live(summary: Summary) -> None:
    """The notice at the head of the page says why, if there are versions; without any, data are what is missing."""
    name = summary.name
    words = (
        "What stands above says why, and what brings one back."
        if summary.notice
        else f"Upload data, and a version follows by itself:\n\n{code(f'mlops upload FILE.csv --model {name}')}"
    )
    empty(
        ":material/model_training:",
        "No version is live",
        f"{escaped(title(name))} has no version that answers. {words}\n\nThe page *Runs* shows how far it is.",
    )


def _sentence(text: str) -> str:
    text = escaped(text.strip())
    return text if text.endswith((".", "!", "?")) else f"{text}."
