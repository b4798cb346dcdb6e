"""Whether the holder of an API key may ask what it asks. That the key is one, API Gateway has seen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from rest.problems import forbidden


class Caller(Protocol):
    """Who asks. `refusal`: why not, "" when it may."""

    @property
    def name(self) -> str: ...

    def refusal(self, model: str | None, use: Any) -> str: ...


C = TypeVar("C", bound=Caller)


def admit(
    event: dict[str, Any], facts: dict[str, Any], find: Callable[[str], C | None], *, model: str | None, use: Any
) -> C:
    """`find` knows callers by the ids of their keys. Raises ProblemError.

    The name goes to the log with the request: API Gateway's own log knows the key's id alone.
    """
    caller = find(_key_id(event))
    if caller is None:
        raise forbidden("This key is for nothing here. Ask for one that `mlops keys create` made.")
    facts["caller"] = caller.name
    if reason := caller.refusal(model, use):
        raise forbidden(reason)
    return caller


def _key_id(event: dict[str, Any]) -> str:
    return str((event["requestContext"].get("identity") or {}).get("apiKeyId") or "")
