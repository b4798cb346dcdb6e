"""Calls of the deployed REST API, as any of its users makes them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from cli.errors import CliError
from cli.options import of_model
from cli.proxies import pool
from cli.target import Target
from tracking.request_log import REQUEST_ID

MOST_ERRORS = 20
# What a client needs of a model's document.
TOLD = frozenset(("name", "features", "example", "data"))


@dataclass(eq=False)
class RefusedError(CliError):
    """An answer of the REST API that is no prediction; `status` is its HTTP status."""

    status: int = 0


RETRIES = urllib3.Retry(2, backoff_factor=0.2, status_forcelist=())
READ_SECONDS = 35.0


def predict(
    target: Target, *, model: str, instances: Sequence[Mapping[str, Any]], explain: bool = False
) -> dict[str, Any]:
    """POST the records to the model. Raises CliError with the problem's own words, field by field."""
    url = f"{target.api_url}/models/{model}/predictions" + ("?explain=true" if explain else "")
    try:
        return _answer(target, "POST", url, json.dumps({"instances": list(instances)}).encode())
    except RefusedError as error:
        if is_not_live(error, model):
            error.hint = contract_notice(target, model) or f"Upload data first: mlops upload FILE{of_model(model)}."
        raise


def is_not_live(error: RefusedError, model: str) -> bool:
    """Whether nothing answers for the model: there is nothing to wait for."""
    return f"no version of {model} is live" in error.message


def model_document(target: Target, model: str) -> dict[str, Any]:
    """What the model takes and answers, by the version that is live. Raises CliError."""
    answer = _answer(target, "GET", f"{target.api_url}/models/{model}", b"")
    if not answer.keys() >= TOLD:
        raise CliError(f"The REST API does not tell what {model} takes.", "Deploy this release.")
    return answer


def contract_notice(target: Target, model: str) -> str:
    """What the API has to tell of the model: what the deployed contract says otherwise, why nothing answers, or ""."""
    return notices(target, [model]).get(model, "")


def notices(target: Target, models: Collection[str]) -> dict[str, str]:
    """By model, of those of which there is something to tell. One request, however many there are."""
    try:
        told = _answer(target, "GET", f"{target.api_url}/models", b"")
    except CliError as error:
        return dict.fromkeys(models, f"The REST API does not tell what is live: {error.message}")
    found = {str(item["name"]): str(item.get("notice") or "") for item in told.get("models", ())}
    return {model: notice for model in models if (notice := found.get(model))}


def _answer(target: Target, method: str, url: str, body: bytes) -> dict[str, Any]:
    try:
        with pool(url, retries=RETRIES, timeout=READ_SECONDS) as http:
            response = http.request(method, url, body=body or None, headers=_headers(target, method, url, body))
    except urllib3.exceptions.HTTPError as error:
        raise CliError(f"The REST API did not answer at {url}: {error}") from error
    answer = _decode(response.data)
    if response.status != 200:
        reason = f"The REST API refused the request ({response.status}): {_reasons(answer)}"
        raise RefusedError(reason, _log_of(response.status, answer), status=response.status)
    return answer


def _log_of(status: int, problem: Mapping[str, Any]) -> str:
    """How to find why, of what is no fault of the request; "" where the answer says it itself."""
    request_id = str(problem.get("request_id") or "")
    broken = status in (HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.BAD_GATEWAY)
    if not broken or not REQUEST_ID.fullmatch(request_id) or request_id in _reasons(problem):
        return ""
    return f"Find out why: mlops logs --request {request_id}"


def _headers(target: Target, method: str, url: str, body: bytes) -> dict[str, str]:
    """With the API key, or signed where there is none."""
    headers = {"content-type": "application/json"}
    if target.cli_key is not None:
        return {**headers, "x-api-key": target.cli_key}
    request = AWSRequest(method=method, url=url, data=body, headers=headers)
    caller = target.caller or target.session
    SigV4Auth(caller.get_credentials(), "execute-api", target.session.region_name).add_auth(request)
    return dict(request.headers.items())


def _decode(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {"detail": body.decode(errors="replace")[:500]}
    return answer if isinstance(answer, dict) else {"detail": str(answer)[:500]}


def _reasons(problem: Mapping[str, Any]) -> str:
    errors = problem.get("errors", [])
    if not errors:
        return str(problem.get("detail") or problem.get("title") or problem.get("message") or problem)
    lines = [f"instance {e.get('instance')}, {e.get('field')}: {e.get('reason')}" for e in errors[:MOST_ERRORS]]
    return "; ".join(lines) + (f"; and {len(errors) - MOST_ERRORS} more" if len(errors) > MOST_ERRORS else "")
