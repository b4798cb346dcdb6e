"""The environment of the page."""

from __future__ import annotations

import pytest

from frontend.settings import Settings, SettingsError, from_environment

KEY = "secret-key-0123456789"


def test_the_environment_is_read_once_and_trimmed() -> None:
    settings = from_environment({"API_URL": " https://host.example/v1/ ", "API_KEY": f"{KEY}\n"})
    assert settings == Settings(api_url="https://host.example/v1", api_key=KEY)
    assert settings.host == "https://host.example"


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"API_KEY": KEY}, "API_URL is not set"),
        ({"API_URL": "host/v1", "API_KEY": KEY}, "API_URL must be an address"),
        ({"API_URL": "https://host/v1"}, "API_KEY is not set"),
        ({"API_URL": "https://host/v1", "API_KEY": f"{KEY}\nx"}, "API_KEY holds characters"),
    ],
)
def test_what_is_missing_is_named_and_the_key_is_not(environment: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError, match=words) as raised:
        from_environment(environment)
    assert KEY not in str(raised.value)


def test_the_key_is_in_no_text_of_the_settings() -> None:
    assert KEY not in repr(from_environment({"API_URL": "https://host/v1", "API_KEY": KEY}))
