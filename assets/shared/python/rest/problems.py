"""What a client is told when it gets no answer (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import islice
from typing import Any

# A body of four megabytes may hold more mistakes than an answer of a function may hold bytes.
MAX_ERRORS = 100
MAX_NAME = 100


@dataclass(eq=False)
class ProblemError(Exception):
    """An answer that is not the one asked for; `errors` are its members {"instance", "field", "reason"}, if any.

    `members` are further ones of the document.
    """

    status: HTTPStatus
    detail: str
    errors: Sequence[Mapping[str, Any]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, Any] = field(default_factory=dict)

    def response(self, request_id: str) -> dict[str, Any]:
        """In the format of a Lambda proxy integration."""
        document = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
            **({"errors": [_short(error) for error in self.errors[:MAX_ERRORS]]} if self.errors else {}),
            **self.members,
            "request_id": request_id,
        }
        headers = {"Content-Type": "application/problem+json", **self.headers}
        return {"statusCode": self.status.value, "headers": headers, "body": json.dumps(document)}


def refuse_any(errors: Iterable[Mapping[str, Any]]) -> None:
    """Raises ProblemError when there is an error; looks for no more of them than an answer lists."""
    found = tuple(islice(errors, MAX_ERRORS))
    if found:
        raise invalid(found)


def invalid(found: Sequence[Mapping[str, Any]]) -> ProblemError:
    """400 that lists what is wrong, and tells the first in a sentence."""
    first = found[0]
    instance, name = first.get("instance"), str(first.get("field") or "")[:MAX_NAME]
    where = [f"instance {instance}"] if instance is not None else []
    where += [name] if name else []
    sentence = ": ".join([", ".join(where) or "body", str(first.get("reason"))])
    count = f"{len(found)} invalid value(s)" if len(found) < MAX_ERRORS else f"At least {MAX_ERRORS} invalid values"
    return ProblemError(HTTPStatus.BAD_REQUEST, f"{count}; the first: {sentence}", found)


def invalid_field(name: str, reason: str) -> ProblemError:
    """400 about one field that belongs to no instance, or about a parameter of the query."""
    return invalid([{"instance": None, "field": name, "reason": reason}])


def unavailable(detail: str, *, seconds: int = 5) -> ProblemError:
    """503 that says when to come back."""
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": str(seconds)})


def failed(detail: str, request_id: str) -> ProblemError:
    """502 that says how whoever runs the platform finds why."""
    return ProblemError(HTTPStatus.BAD_GATEWAY, f"{detail} Why is in the log: mlops logs --request {request_id}")


def forbidden(detail: str) -> ProblemError:
    return ProblemError(HTTPStatus.FORBIDDEN, detail)


def not_found(detail: str) -> ProblemError:
    return ProblemError(HTTPStatus.NOT_FOUND, detail)


def _short(error: Mapping[str, Any]) -> Mapping[str, Any]:
    """A client may send a name of a megabyte."""
    name = error.get("field")
    return {**error, "field": name[:MAX_NAME]} if isinstance(name, str) else error
