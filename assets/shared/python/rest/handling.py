"""From API Gateway's event to its answer: the one place where errors become HTTP."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeVar

from rest.problems import ProblemError, invalid_field, not_found, refuse_any

T = TypeVar("T")
Event = dict[str, Any]
Response = dict[str, Any]
# Takes the event, and a mapping to which it adds what the log should tell of the request.
Work = Callable[[Event, dict[str, Any]], Response]


def handle(event: Event, work: Work, *, log: logging.Logger, origins: Collection[str] = ()) -> Response:
    """`origins`: the web origins whose pages may read the answer. Raises what is no ProblemError: that is our fault."""
    request_id = event["requestContext"]["requestId"]
    facts: dict[str, Any] = {"request_id": request_id, "resource": event["resource"]}
    try:
        response = work(event, facts)
    except ProblemError as problem:
        log.warning("Refused", extra={**facts, "status": problem.status.value})
        response = problem.response(request_id)
    except Exception:
        # Lambda's own report of it does not know the id that the client is told.
        log.exception("Failed", extra=facts)
        raise
    else:
        log.info("Answered", extra=facts)
    return _shared(response, header(event, "origin"), origins)


def json_response(document: Mapping[str, Any]) -> Response:
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(document)}


def resource_of(event: Event) -> str:
    """The path in the API, with the model's name in it: where the API has one path for all models, as with one each."""
    resource = str(event["resource"])
    if "{model}" not in resource:
        return resource
    name = str(event["pathParameters"]["model"])
    if "/" in name:  # %2F in the path of the request
        raise not_found(f"There is no model {name!r}.")
    return resource.replace("{model}", name, 1)


def model_of(resource: str, models: Mapping[str, T]) -> T:
    """`resource` is the path in the API, as `resource_of` gives it: /models/<model>..."""
    parts = resource.split("/")
    name = parts[2] if len(parts) > 2 else ""
    if name not in models:
        raise not_found(f"There is no model {name!r}. Models: {', '.join(models)}.")
    return models[name]


def header(event: Event, name: str) -> str:
    """The value of a header, "" when it was not sent."""
    sent = event.get("headers") or {}
    return next((str(value) for key, value in sent.items() if key.lower() == name), "")


def refuse_unknown(event: Event, *known: str) -> None:
    """A misspelt parameter of the query would change nothing, and nobody would notice."""
    unknown = (name for name in _query(event) if name not in known)
    reason = "is not a parameter of this path; leave it out"
    refuse_any({"instance": None, "field": name, "reason": reason} for name in unknown)


def flag(event: Event, name: str) -> bool:
    """A query parameter that is true or false, and false when it is absent."""
    text = _query(event).get(name, "false")
    if text not in ("true", "false"):
        raise invalid_field(name, f"must be true or false, is {text[:60]!r}")
    return bool(text == "true")


def whole_number(event: Event, name: str, *, low: int, high: int, default: int) -> int:
    """A query parameter that is a number from `low` to `high`."""
    text = _query(event).get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and low <= int(text) <= high):
        raise invalid_field(name, f"must be a whole number from {low} to {high}, is {text[:60]!r}")
    return int(text)


def word(event: Event, name: str) -> str | None:
    """A query parameter that is a text, None when it is absent."""
    return _query(event).get(name)


def _query(event: Event) -> Mapping[str, str]:
    return event.get("queryStringParameters") or {}


def _shared(response: Response, origin: str, origins: Collection[str]) -> Response:
    if origin and origin in origins:
        response["headers"] |= {"Access-Control-Allow-Origin": origin, "Vary": "Origin"}
    return response
