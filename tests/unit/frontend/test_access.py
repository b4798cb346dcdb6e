"""Who may use the page: what has to be configured, and which claims of a provider are on the list."""

from __future__ import annotations

from typing import Any

import pytest

from frontend.__main__ import check, has_login
from frontend.access import Access, asks_for_login, from_environment, is_over, refusal
from frontend.settings import SettingsError

RULES = from_environment(
    {
        "PAGE_EMAILS": "Ann@Partner.example, bob+ml@partner.example",
        "PAGE_DOMAINS": "Corp.com",
        "PAGE_GROUPS": "Data Science, 8c1b2c5e-0000",
    }
)
NOT_LISTED = "Your account is not on the list of this page."
UNVERIFIED = "Your identity provider does not say that your e-mail address is verified."


def person(email: Any, verified: Any = True, **claims: Any) -> dict[str, Any]:
    return {"email": email, "email_verified": verified, **claims}


@pytest.mark.parametrize("verified", [True, "true"])
@pytest.mark.parametrize(
    "email", ["ann@partner.example", "ANN@PARTNER.EXAMPLE", "bob+ml@partner.example", "x@corp.com", "X.Y@CORP.COM"]
)
def test_an_address_on_the_list_may_come_in_however_it_is_written(email: str, verified: Any) -> None:
    assert refusal(RULES, person(email, verified)) == ""


@pytest.mark.parametrize(
    "email",
    [
        "bob@partner.example",
        "ann@partner.example.evil.com",
        "a@corp.com.evil.com",
        "a@evilcorp.com",
        "a@sub.corp.com",
        "a@corp.com.",
        "a@.corp.com",
        "a@corp.com@evil.com",
        "a@evil.com@corp.com",
        '"x@corp.com"@evil.com',
        '"x@evil.com"@corp.com',
        "a@evil.com,b@corp.com",
        "a@corp.com\n",
        " a@corp.com",
        "a b@corp.com",
        "a@corp.com\x00",
        "a@c\u043erp.com",  # a Cyrillic o
        "a@corp\uff0ecom",  # a full-width dot
        "a@corp.c\u00f6m",
        "\u00e5nn@partner.example",
        "ANN@PARTNER.EXAMPLE\u200b",
        "ann@partner.e\u212aample",  # lower() of the Kelvin sign is a plain k
        "@corp.com",
        "corp.com",
        "",
        None,
        7,
        ["a@corp.com"],
        {"a@corp.com": True},
    ],
)
def test_what_only_looks_like_an_address_on_the_list_stays_out(email: Any) -> None:
    assert refusal(RULES, person(email)) == NOT_LISTED


@pytest.mark.parametrize("verified", [False, None, "false", "", "True ", 0, 1.5, [True], "yes"])
def test_an_address_that_nobody_verified_is_worth_nothing(verified: Any) -> None:
    assert refusal(RULES, person("x@corp.com", verified)) == UNVERIFIED
    assert refusal(RULES, {"email": "x@corp.com"}) == UNVERIFIED
    # Who is not listed does not learn that an address would be.
    assert refusal(RULES, person("x@evil.com", verified)) == NOT_LISTED


@pytest.mark.parametrize(
    ("groups", "allowed"),
    [
        (["Data Science"], True),
        (["sales", "8c1b2c5e-0000"], True),
        ("Data Science", True),
        (["data science"], False),
        ("Data", False),
        ("Data Science, sales", False),
        ([["Data Science"]], False),
        ({"Data Science": True}, False),
        ([], False),
        (None, False),
        (3, False),
    ],
)
def test_a_group_is_compared_as_the_provider_writes_it(groups: Any, allowed: bool) -> None:
    assert (refusal(RULES, {"groups": groups}) == "") is allowed
    assert refusal(RULES, {"roles": ["Data Science"]}) == NOT_LISTED


def test_the_claim_of_the_groups_has_another_name_elsewhere() -> None:
    rules = from_environment({"PAGE_GROUPS": "ml", "PAGE_GROUPS_CLAIM": "cognito:groups"})
    assert refusal(rules, {"cognito:groups": ["ml"]}) == ""
    assert refusal(rules, {"groups": ["ml"]}) == NOT_LISTED


def test_nobody_is_on_an_empty_list() -> None:
    for claims in ({}, person("x@corp.com"), {"groups": [""]}, person("")):
        assert refusal(Access(), claims) == NOT_LISTED


@pytest.mark.parametrize(
    ("issued", "over"),
    [
        (1000, False),
        (1000 - 12 * 3600, False),
        (999 - 12 * 3600, True),
        (1300, False),
        (1301, True),
        (None, True),
        ("1000", True),
        (True, True),
        (float("nan"), True),
    ],
)
def test_a_login_ends(issued: Any, over: bool) -> None:
    assert is_over(Access(), {"iat": issued}, 1000.0) is over


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"PAGE_LOGIN": "no"}, "PAGE_LOGIN must be required or off"),
        ({"PAGE_EMAILS": "ann@corp.com bob@corp.com"}, "PAGE_EMAILS holds 'ann@corp.com bob@corp.com'"),
        ({"PAGE_EMAILS": "@corp.com"}, "PAGE_EMAILS holds '@corp.com', which is not an e-mail address"),
        ({"PAGE_DOMAINS": "*.corp.com"}, "which is not a domain such as example.com"),
        ({"PAGE_DOMAINS": "@corp.com"}, "PAGE_DOMAINS holds '@corp.com'"),
        ({"PAGE_DOMAINS": "com"}, "PAGE_DOMAINS holds 'com'"),
        ({"PAGE_HOURS": "0"}, "PAGE_HOURS must be"),
        ({"PAGE_HOURS": "nan"}, "PAGE_HOURS must be"),
        ({"PAGE_HOURS": "ten"}, "PAGE_HOURS must be"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_named(environment: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError) as raised:
        from_environment(environment)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("environment", "address", "configured", "asks"),
    [
        ({}, "127.0.0.1", False, False),
        ({}, "::1", False, False),
        ({}, "localhost", False, False),
        ({}, "0.0.0.0", False, "wants a login"),
        ({}, "", False, "wants a login"),
        ({}, "10.0.0.7", False, "wants a login"),
        ({"PAGE_LOGIN": "required"}, "127.0.0.1", False, "wants a login"),
        ({"PAGE_LOGIN": "off"}, "0.0.0.0", False, False),
        ({"PAGE_LOGIN": "off"}, "0.0.0.0", True, "Take one of the two away"),
        ({}, "0.0.0.0", True, "nobody on its list"),
        ({}, "127.0.0.1", True, "nobody on its list"),
        ({"PAGE_DOMAINS": "corp.com"}, "0.0.0.0", True, True),
        ({"PAGE_LOGIN": "required", "PAGE_GROUPS": "ml"}, "127.0.0.1", True, True),
    ],
)
def test_a_page_that_others_reach_wants_a_login_with_a_list(
    environment: dict[str, str], address: str, configured: bool, asks: bool | str
) -> None:
    access = from_environment(environment)
    if isinstance(asks, bool):
        assert asks_for_login(access, address=address, configured=configured) is asks
        return
    with pytest.raises(SettingsError, match=asks):
        asks_for_login(access, address=address, configured=configured)


def test_the_page_does_not_start_where_it_would_let_in_whoever_comes(tmp_path: Any) -> None:
    secrets = tmp_path / "secrets.toml"
    environment = {"STREAMLIT_SECRETS_FILES": str(secrets), "PAGE_DOMAINS": "corp.com"}
    with pytest.raises(SettingsError, match="wants a login"):
        check(environment, address="0.0.0.0")
    secrets.write_text("[database]\n")
    with pytest.raises(SettingsError, match="wants a login"):
        check(environment, address="0.0.0.0")
    # Streamlit takes a file that it cannot read for none.
    secrets.write_text("[auth\ncookie_secret = 'sesame'\n")
    with pytest.raises(SettingsError, match="is not TOML") as raised:
        check(environment, address="0.0.0.0")
    assert "sesame" not in str(raised.value)
    secrets.write_text("[auth]\ncookie_secret = 'sesame'\n")
    check(environment, address="0.0.0.0")
    assert has_login(environment)
