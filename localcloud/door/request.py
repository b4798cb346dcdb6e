"""A request as it arrived, and how it is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class Refused(Exception):  # noqa: N818 - an answer rather than a fault of the program
    """The door stays closed: the code, the sentence and, where AWS has its own, the status of the answer."""

    def __init__(self, code: str, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True)
class Request:
    """Method, target and headers. `path` is decoded, `raw_path` and `query_string` are as they were sent."""

    method: str
    path: str
    raw_path: str
    query_string: str
    fields: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, scope: Scope) -> Request:
        path = str(scope["path"])
        return cls(
            method=str(scope["method"]),
            path=path,
            raw_path=bytes(scope.get("raw_path") or path.encode()).decode("latin-1"),
            query_string=bytes(scope.get("query_string", b"")).decode("latin-1"),
            fields=tuple((name.decode("latin-1").lower(), _text(value)) for name, value in scope["headers"]),
        )

    @cached_property
    def headers(self) -> Mapping[str, str]:
        """By lower-case name; a header on several lines is its values joined by a comma."""
        found: dict[str, str] = {}
        for name, value in self.fields:
            found[name] = f"{found[name]},{value}" if name in found else value
        return found

    @cached_property
    def query(self) -> Mapping[str, list[str]]:
        return parse_qs(self.query_string, keep_blank_values=True)

    def header(self, name: str) -> str:
        return self.headers.get(name, "")

    def all(self, name: str) -> list[str]:
        """Every line of a header."""
        return [value for found, value in self.fields if found == name]

    def parameter(self, name: str) -> str:
        """The first value of a query parameter, "" when it is not there."""
        return self.query.get(name, [""])[0]


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
