"""Answer POST /models/<model>/predictions from the model's endpoint."""

from __future__ import annotations

import base64
import json
import logging
import os
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import boto3
from addresses import Address, address_of
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError
from logic import NotUnderstoodError, ProblemError, answer_of, errors_in, instances_of, invalid

from contract import Contract, bundled

log = logging.getLogger("predict")
log.setLevel(logging.INFO)
logging.getLogger("botocore").setLevel(logging.WARNING)


@dataclass(frozen=True)
class Settings:
    model_timeout: float


SETTINGS = Settings(
    model_timeout=float(os.environ["MODEL_TIMEOUT_SECONDS"]),
)
CONTRACTS = bundled()
# One attempt: a client that gets 503 knows when to come back, and API Gateway would not wait for a second one.
runtime = boto3.client(
    "sagemaker-runtime",
    config=Config(connect_timeout=3, read_timeout=SETTINGS.model_timeout, retries={"total_max_attempts": 1}),
)


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Every error that a client may meet is a ProblemError, and becomes HTTP here alone."""
    request_id = event["requestContext"]["requestId"]
    facts: dict[str, Any] = {"request_id": request_id, "resource": event["resource"]}
    try:
        response = predict(event, request_id, facts)
    except ProblemError as problem:
        log.warning("Prediction refused", extra={**facts, "status": problem.status.value})
        return problem.response(request_id)
    log.info("Predicted", extra=facts)
    return response


def predict(event: dict[str, Any], request_id: str, facts: dict[str, Any]) -> dict[str, Any]:
    contract = contract_of(event["resource"])
    instances = instances_of(body_of(event), contract)
    facts |= {"model": contract.name, "instances": len(instances)}
    address = address_of(contract.name)
    body = invoke(contract, address, instances)
    expected = len(instances)
    try:
        return answer_of(body, contract=contract, expected=expected, request_id=request_id, version=address.version)
    except NotUnderstoodError as error:
        log.exception("Model answer not understood", extra=facts)
        raise ProblemError(HTTPStatus.BAD_GATEWAY, "The model's answer could not be read.") from error


def contract_of(resource: str) -> Contract:
    """`resource` is the path in the API: /models/<model>/predictions, one for each model."""
    parts = resource.split("/")
    name = parts[2] if len(parts) > 2 else ""
    if name not in CONTRACTS:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"There is no model {name!r}. Models: {', '.join(CONTRACTS)}.")
    return CONTRACTS[name]


def body_of(event: dict[str, Any]) -> str | None:
    body: str | None = event.get("body")
    if body and event.get("isBase64Encoded"):
        return base64.b64decode(body).decode("utf-8", errors="replace")
    return body


def invoke(contract: Contract, address: Address, instances: list[Any]) -> bytes:
    try:
        answer = runtime.invoke_endpoint(
            **address.request,
            ContentType="application/json",
            Accept="application/json",
            Body=json.dumps({"instances": instances}).encode(),
        )
        body: bytes = answer["Body"].read()
    except ReadTimeoutError as error:
        raise unavailable(
            f"{contract.name} did not answer in {SETTINGS.model_timeout:g} s; it may be starting"
        ) from error
    except ClientError as error:
        problem = problem_of(error, contract)
        if problem is None:
            raise
        raise problem from error
    return body


def problem_of(error: ClientError, contract: Contract) -> ProblemError | None:
    """What an error of InvokeEndpoint means to a client; None when the fault is ours (access denied, say)."""
    code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    if code == "ModelError":
        errors = errors_in(str(error.response.get("OriginalMessage", "")))
        if errors:
            return invalid(errors)
        log.error("Model failed", extra={"model": contract.name, "status": error.response.get("OriginalStatusCode")})
        return ProblemError(HTTPStatus.BAD_GATEWAY, "The model failed on this request.")
    if code in ("ValidationError", "ValidationException"):
        return unavailable(f"no model is live yet: {message}", seconds=30)
    if code in ("ThrottlingException", "ModelNotReadyException", "ServiceUnavailable", "InternalDependencyException"):
        return unavailable(f"{contract.name} cannot take this request now")
    return None


def unavailable(detail: str, *, seconds: int = 5) -> ProblemError:
    return ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": str(seconds)})
