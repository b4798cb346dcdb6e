"""Where the REST API is, and the key for it: from the environment, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit


class SettingsError(ValueError):
    """The page is not configured. The message names the variable, never its value."""


@dataclass(frozen=True)
class Settings:
    """`api_url` has no trailing slash. The key is left out of every text about it."""

    api_url: str
    api_key: str = field(repr=False)

    @property
    def host(self) -> str:
        """The API's address as a message may show it."""
        parts = urlsplit(self.api_url)
        return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")


def from_environment(environment: Mapping[str, str]) -> Settings:
    """API_URL and API_KEY. Raises SettingsError."""
    url = environment.get("API_URL", "").strip().rstrip("/")
    key = environment.get("API_KEY", "").strip()
    if not url:
        raise SettingsError("API_URL is not set. Give the address of the REST API, such as https://host/v1.")
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise SettingsError("API_URL must be an address that starts with https:// or http://.")
    if not key:
        raise SettingsError("API_KEY is not set. Give the key of the REST API's usage plan.")
    # A line break in a header's value would make the HTTP client repeat the value in its complaint.
    if not key.isascii() or not key.isprintable():
        raise SettingsError("API_KEY holds characters that no API key has. Was a line break copied with it?")
    return Settings(api_url=url, api_key=key)
