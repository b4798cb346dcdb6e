"""What can go wrong between the page and the REST API."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a person can do about an error is what tells the kinds apart."""

    UNREACHABLE = "unreachable"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not found"
    INVALID = "invalid"
    THROTTLED = "throttled"
    UNAVAILABLE = "unavailable"
    BROKEN = "broken"


@dataclass(frozen=True)
class FieldError:
    """One value that the API refused; `instance` counts from 0."""

    instance: int
    field: str
    reason: str


@dataclass(eq=False)
class ApiError(Exception):
    """The API did not do what was asked. `detail` is its own sentence; `retry_after` is in seconds."""

    kind: Kind
    detail: str
    status: int | None = None
    errors: tuple[FieldError, ...] = ()
    retry_after: float | None = None
    request_id: str = ""

    def __str__(self) -> str:
        return f"{self.status}: {self.detail}" if self.status else self.detail
