"""Calls of the deployed REST API, as any of its users makes them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import urllib3

from cli.errors import CliError
from cli.target import Target

MOST_ERRORS = 20

_http = urllib3.PoolManager(retries=urllib3.Retry(2, backoff_factor=0.2, status_forcelist=()), timeout=35.0)


def predict(target: Target, *, model: str, instances: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """POST the records to the model. Raises CliError with the problem's own words, field by field."""
    url = f"{target.api_url}/models/{model}/predictions"
    body = json.dumps({"instances": list(instances)}).encode()
    headers = {"content-type": "application/json", "x-api-key": target.api_key}
    try:
        response = _http.request("POST", url, body=body, headers=headers)
    except urllib3.exceptions.HTTPError as error:
        raise CliError(f"The REST API did not answer at {url}: {error}") from error
    answer = _decode(response.data)
    if response.status != 200:
        hint = "Upload data first: mlops upload FILE." if "no model is live" in str(answer.get("detail")) else ""
        raise CliError(f"The REST API refused the request ({response.status}): {_reasons(answer)}", hint)
    return answer


def _decode(body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        return {"detail": body.decode(errors="replace")[:500]}
    return answer if isinstance(answer, dict) else {"detail": str(answer)[:500]}


def _reasons(problem: Mapping[str, Any]) -> str:
    errors = problem.get("errors", [])
    if not errors:
        return str(problem.get("detail") or problem.get("title") or problem.get("message") or problem)
    lines = [f"instance {e.get('instance')}, {e.get('field')}: {e.get('reason')}" for e in errors[:MOST_ERRORS]]
    return "; ".join(lines) + (f"; and {len(errors) - MOST_ERRORS} more" if len(errors) > MOST_ERRORS else "")
