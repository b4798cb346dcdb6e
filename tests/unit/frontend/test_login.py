"""The door as a visitor meets it: what is drawn, and that nothing is asked of the API before it opens."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from frontend import session, visitors
from tests.fakeapi import FakeApi
from tests.unit.frontend.test_pages import APP, text_of

Enter = Callable[[dict[str, Any]], AppTest]
ANN = {"is_logged_in": True, "email": "ann@corp.com", "email_verified": True}
EVE = {**ANN, "email": "eve*@corp.com.evil.com"}


@pytest.fixture
def enter(fake: FakeApi, monkeypatch: pytest.MonkeyPatch) -> Enter:
    """A visit to a page with a login for corp.com, with these claims."""
    monkeypatch.delenv("PAGE_LOGIN")
    monkeypatch.setenv("PAGE_DOMAINS", "corp.com")

    def run(claims: dict[str, Any]) -> AppTest:
        app = AppTest.from_file(str(APP), default_timeout=20)
        app.secrets["auth"] = {"redirect_uri": "http://localhost:8501/oauth2callback"}
        app.user = {"iat": time.time(), **claims}
        return app.run()

    return run


def test_who_is_on_the_list_sees_the_page(enter: Enter) -> None:
    app = enter(ANN)
    assert (app.sidebar.caption[0].value, app.title[0].value) == ("ann@corp.com", "Predict")


@pytest.mark.parametrize(
    ("claims", "title", "button"),
    [
        ({"is_logged_in": False}, "MLOps on AWS", "Sign in"),
        ({}, "MLOps on AWS", "Sign in"),
        ({**ANN, "iat": time.time() - 13 * 3600}, "MLOps on AWS", "Sign in"),
        (EVE, "You may not use this page", "Sign out"),
        ({**ANN, "email_verified": False}, "You may not use this page", "Sign out"),
    ],
)
def test_nobody_else_sees_anything_of_it(
    enter: Enter, fake: FakeApi, claims: dict[str, Any], title: str, button: str
) -> None:
    app = enter(claims)
    assert not app.exception
    assert [element.value for element in app.title] == [title]
    assert [element.label for element in app.button] == [button]
    assert (len(app.sidebar), len(app.selectbox), fake.requests) == (0, 0, [])


def test_a_refusal_is_a_sentence_that_says_who_and_why(enter: Enter) -> None:
    assert "evil.com is signed in. Your account is not on the list of this page. Ask whoever" in text_of(enter(EVE))


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"PAGE_DOMAINS": ""}, "nobody on its list"),
        ({"PAGE_DOMAINS": "*"}, "PAGE_DOMAINS holds"),
        ({"PAGE_LOGIN": "off"}, "Take one of the two away"),
    ],
)
def test_a_page_that_does_not_know_whom_to_let_in_lets_in_nobody(
    enter: Enter, fake: FakeApi, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], words: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    app = enter(ANN)
    assert "The page is not configured" in text_of(app)
    assert words in text_of(app)
    assert (len(app.title), fake.requests) == (0, [])


def test_a_page_without_a_login_is_closed_unless_told(fake: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PAGE_LOGIN")
    app = AppTest.from_file(str(APP), default_timeout=20).run()
    assert "This page wants a login" in text_of(app)
    assert fake.requests == []


def test_what_asks_the_api_looks_for_itself(fake: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that is drawn anew every few seconds does not come by the door."""
    assert session.settings().api_url == fake.url
    monkeypatch.setattr(visitors, "current", lambda: visitors.Visitor("out", "ann@corp.com", "Your login is over."))
    with pytest.raises(visitors.LoginNeededError, match=r"Your login is over\. Load the page anew\."):
        session.models()
    assert fake.requests == []
