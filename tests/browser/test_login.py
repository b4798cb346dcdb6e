"""The whole login in a real browser, against a stand-in for an identity provider."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from rich.console import Console

from cli import page as pages
from tests.browser.conftest import Served
from tests.browser.identity import CLIENT, Provider, providing
from tests.fakeapi import KEY, serving

ANN = {"email": "ann@corp.com", "email_verified": True}


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with providing() as started:
        yield started


@pytest.fixture(scope="module")
def served(browser: Browser, provider: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A page with a login for corp.com and one group, configured as in a cluster: by a mounted file and variables."""
    folder = tmp_path_factory.mktemp("page")
    secrets = folder / "secrets.toml"
    secrets.write_text(
        "[auth]\n"
        'redirect_uri = "http://127.0.0.1:{port}/oauth2callback"\n'
        'cookie_secret = "a-secret-for-the-tests-of-the-login"\n'
        f'client_id = "{CLIENT}"\n'
        'client_secret = "shared"\n'
        f'server_metadata_url = "{provider.url}/.well-known/openid-configuration"\n'
    )
    with pytest.MonkeyPatch.context() as patch, serving() as api:
        patch.setattr(pages, "LOG_FILE", folder / "page.log")
        patch.setenv("STREAMLIT_SECRETS_FILES", str(secrets))
        patch.setenv("PAGE_LOGIN", "required")
        patch.setenv("PAGE_DOMAINS", "corp.com")
        patch.setenv("PAGE_GROUPS", "ml")
        target: Any = SimpleNamespace(api_url=api.url, page_key=KEY)
        with pages.serving(target, console=Console(stderr=True), port=0) as page:
            assert page is not None, (folder / "page.log").read_text()
            yield Served(url=page.url, api=api, log=Path(folder / "page.log"))


@pytest.fixture
def window(browser: Browser, served: Served) -> Iterator[Page]:
    """Of somebody who never was here."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(served.url)
    expect(page.get_by_role("heading", name="MLOps on AWS")).to_be_visible()
    shows_no_data(page)
    yield page
    context.close()


def shows_no_data(page: Page) -> None:
    """Also not what the page keeps of the answers that others got."""
    assert [word for word in ("housing", "breast", "version") if word in page.content().lower()] == []


def sign_in(page: Page, provider: Provider, **claims: Any) -> None:
    provider.claims = claims
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize("claims", [ANN, {"email": "x@elsewhere.org", "groups": ["ml"]}], ids=["domain", "group"])
def test_who_is_on_the_list_comes_in_and_can_leave(window: Page, provider: Provider, claims: dict[str, Any]) -> None:
    sign_in(window, provider, **claims)
    expect(window.get_by_role("heading", name="Predict", exact=True)).to_be_visible()
    expect(window.get_by_text(claims["email"])).to_be_visible()
    expect(window.get_by_text("Version 3, live since").first).to_be_visible()
    window.get_by_role("button", name="Sign out").click()
    expect(window.get_by_role("heading", name="MLOps on AWS")).to_be_visible()


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({**ANN, "email": "ann@corp.com.evil.com"}, "not on the list of this page"),
        ({**ANN, "email_verified": False}, "does not say that your e-mail address is verified"),
        ({"groups": ["sales"]}, "not on the list of this page"),
    ],
    ids=["another domain", "unverified", "another group"],
)
def test_who_is_not_on_the_list_sees_a_sentence_on_every_page(
    window: Page, served: Served, provider: Provider, claims: dict[str, Any], why: str
) -> None:
    sign_in(window, provider, **claims)
    expect(window.get_by_role("heading", name="You may not use this page")).to_be_visible()
    expect(window.get_by_text(why)).to_be_visible()
    for name in ("batch", "models", "runs", "monitoring"):
        window.goto(f"{served.url}/{name}")
        expect(window.get_by_role("heading", name="You may not use this page")).to_be_visible()
        shows_no_data(window)


def test_a_cookie_that_the_page_did_not_sign_is_no_login(window: Page, served: Served) -> None:
    forged = "2|1:0|10:1700000000|15:_streamlit_user|4:e30=|" + "0" * 64
    window.context.add_cookies([{"name": "_streamlit_user", "value": forged, "url": served.url}])
    window.reload()
    expect(window.get_by_role("button", name="Sign in")).to_be_visible()
    shows_no_data(window)
