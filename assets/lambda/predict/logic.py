"""Requests, answers and problems of the prediction API (problems as RFC 9457 has them)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from contract import MAX_INSTANCES, Contract, validate

# What a serverless endpoint accepts.
MAX_BODY_BYTES = 4 * 1024 * 1024


@dataclass(eq=False)
class ProblemError(Exception):
    """An answer that is not a prediction; `extra` holds the members that a problem has besides the standard ones."""

    status: HTTPStatus
    detail: str
    extra: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self, request_id: str) -> dict[str, Any]:
        document = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
            **self.extra,
            "request_id": request_id,
        }
        headers = {"Content-Type": "application/problem+json", **self.headers}
        return {"statusCode": self.status.value, "headers": headers, "body": json.dumps(document)}


class NotUnderstoodError(Exception):
    """The model's answer does not have the form that the model promises."""


def instances_of(body: str | None, contract: Contract) -> list[Any]:
    """The records of a request. Raises ProblemError, which names instance and field of everything wrong with them."""
    text = body or ""
    if len(text.encode()) > MAX_BODY_BYTES:
        detail = f"The body is larger than {MAX_BODY_BYTES} bytes. Send fewer instances."
        raise ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"The body is not JSON: {error}.") from error
    instances = document.get("instances") if isinstance(document, dict) else None
    if not isinstance(instances, list) or not 1 <= len(instances) <= MAX_INSTANCES:
        detail = f'The body must be {{"instances": [...]}} with 1 to {MAX_INSTANCES} instances.'
        raise ProblemError(HTTPStatus.BAD_REQUEST, detail)
    if errors := [error for position, record in enumerate(instances) for error in _errors(contract, position, record)]:
        raise invalid(errors)
    return instances


def invalid(errors: list[dict[str, Any]]) -> ProblemError:
    first = errors[0]
    where = f"instance {first.get('instance')}" + (f", {first['field']}" if first.get("field") else "")
    detail = f"{len(errors)} invalid value(s); the first: {where}: {first.get('reason')}"
    return ProblemError(HTTPStatus.BAD_REQUEST, detail, extra={"errors": errors})


def answer_of(
    body: bytes, *, contract: Contract, expected: int, request_id: str, version: str | None = None
) -> dict[str, Any]:
    """The answer to the client. Raises NotUnderstoodError.

    `version`: which one was asked, where the container serves many and does not know.
    """
    try:
        document = json.loads(body)
        answers = document["predictions"]
        values = [float(answer["value"]) for answer in answers]
        labels = [str(answer["label"]) for answer in answers] if contract.task == "binary" else None
        version = version or document["model_version"]
    except (KeyError, TypeError, ValueError) as error:
        raise NotUnderstoodError(f"The model's answer has no predictions: {error!r}") from error
    if len(values) != expected or not all(map(math.isfinite, values)):
        raise NotUnderstoodError(f"The model answered {len(values)} numbers, not {expected} finite ones.")
    unit = {"unit": contract.target.unit} if contract.target.unit else {}
    predictions = [{"value": value, **unit} for value in values]
    if labels is not None:
        predictions = [{**item, "label": label} for item, label in zip(predictions, labels, strict=True)]
    answer = {"model": contract.name, "model_version": version, "predictions": predictions, "request_id": request_id}
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(answer)}


def errors_in(message: str) -> list[dict[str, Any]] | None:
    """The input errors that the model's own check found, or None when the message is of another kind.

    SageMaker's inference toolkit puts a traceback on the lines below them.
    """
    try:
        errors = json.loads(message.partition("\n")[0])["errors"]
    except (KeyError, TypeError, ValueError):
        return None
    return errors if isinstance(errors, list) and errors else None


def _errors(contract: Contract, position: int, record: object) -> list[dict[str, Any]]:
    if not isinstance(record, dict):
        return [{"instance": position, "field": None, "reason": "must be an object of features"}]
    found = validate(contract, record)
    return [{"instance": position, "field": error.field, "reason": error.reason} for error in found]
