"""Answer POST /models/<model>/predictions from the model's endpoint."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from contract import Contract, bundled
from predict.addresses import Address, address_of
from predict.endpoint import Credentials, Endpoints, InvocationError, TimedOutError, UnreachableError
from predict.logic import (
    NotUnderstoodError,
    answer_of,
    check_content_type,
    failed_on,
    instances_of,
    refusal_in,
    refused,
    text_of,
)
from predict.objects import Objects
from rest.admission import admit
from rest.handling import flag, handle, header, json_response, model_of, refuse_unknown, resource_of
from rest.problems import ProblemError, failed, unavailable
from tracking.callers import SIGNED, Caller, Callers, known_callers

log = logging.getLogger("predict")
log.setLevel(logging.INFO)


@dataclass(frozen=True)
class Settings:
    """`origins`: the web origins whose pages may call the API."""

    model_timeout: float
    origins: tuple[str, ...]


SETTINGS = Settings(
    model_timeout=float(os.environ["MODEL_TIMEOUT_SECONDS"]),
    origins=tuple(filter(None, os.environ.get("CORS_ORIGINS", "").split(","))),
)
CONTRACTS = bundled()
LOCAL = os.environ.get("AWS_ENDPOINT_URL", "").rstrip("/")
CREDENTIALS = Credentials(
    access_key=os.environ["AWS_ACCESS_KEY_ID"],
    secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
    token=os.environ.get("AWS_SESSION_TOKEN"),
)
endpoints = Endpoints(
    url=LOCAL or os.environ["RUNTIME_URL"].rstrip("/"),
    region=os.environ["AWS_REGION"],
    credentials=CREDENTIALS,
    timeout=SETTINGS.model_timeout,
)


def _find_caller() -> Callable[[str], Caller | None]:
    """By the id of the API key."""
    if "API_KEYS" not in os.environ:
        return lambda _: SIGNED
    bucket = os.environ["ARTIFACT_BUCKET"]
    objects = Objects(
        url=f"{LOCAL}/{bucket}" if LOCAL else os.environ["ARTIFACT_BUCKET_URL"],
        region=os.environ["AWS_REGION"],
        credentials=CREDENTIALS,
        pool=endpoints.pool,
    )
    return Callers(known_callers(os.environ["API_KEYS"]), objects.text, unavailable=ProblemError).of


find_caller = _find_caller()


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return handle(event, predict, log=log, origins=SETTINGS.origins)


def predict(event: dict[str, Any], facts: dict[str, Any]) -> dict[str, Any]:
    contract = model_of(resource_of(event), CONTRACTS)
    admit(event, facts, find_caller, model=contract.name, use="predict")
    refuse_unknown(event, "explain")
    explain = flag(event, "explain")
    check_content_type(header(event, "content-type"))
    text = text_of(event.get("body"), base64_encoded=bool(event.get("isBase64Encoded")))
    instances = instances_of(text, explain=explain)
    facts |= {"model": contract.name, "instances": len(instances), "explain": explain}
    address = address_of(contract.name)
    facts["endpoint"] = address.endpoint
    # All of a refusal comes as an answer: beside an error SageMaker passes on 2,048 characters of it.
    wishes = {"refusals": "answer", **({"explain": True} if explain else {})}
    # So that what the container logs of the request can be found by the id that the client is told.
    body = invoke(contract, address, {"instances": instances, **wishes, "request_id": facts["request_id"]}, facts)
    try:
        answer = answer_of(
            body,
            contract=contract,
            expected=len(instances),
            request_id=facts["request_id"],
            explain=explain,
            version=address.version,
        )
    except NotUnderstoodError as error:
        log.exception("Model answer not understood", extra=facts)
        raise failed("The model's answer could not be read.", facts["request_id"]) from error
    facts["run_id"] = answer["run_id"]
    return json_response(answer)


def invoke(contract: Contract, address: Address, request: dict[str, Any], facts: dict[str, Any]) -> bytes:
    try:
        return endpoints.invoke(address.endpoint, json.dumps(request).encode(), target=address.target)
    except TimedOutError as error:
        log.warning("Model did not answer in time", extra=facts)
        raise unavailable(
            f"{contract.name} did not answer in {SETTINGS.model_timeout:g} s; it may be starting"
        ) from error
    except UnreachableError as error:
        log.warning("Endpoint not reached", extra={**facts, "reason": str(error)})
        raise unavailable(f"{contract.name} cannot be reached now") from error
    except InvocationError as error:
        problem = problem_of(error, contract, address, facts)
        if problem is None:
            raise
        raise problem from error


def problem_of(
    error: InvocationError, contract: Contract, address: Address, facts: dict[str, Any]
) -> ProblemError | None:
    """What an error of InvokeEndpoint means to a client; None when the fault is ours (access denied, say)."""
    if error.code == "ModelError":
        refusal = refusal_in(error.original)
        if refusal:
            return refused(refusal, model=contract.name, version=address.version)
        if error.original_status == HTTPStatus.BAD_REQUEST:
            raise ProblemError(HTTPStatus.BAD_REQUEST, f"The live version of {contract.name} refused the request.")
        on = failed_on(error.original)
        log.error("Model failed", extra={**facts, "on": on, "status": error.original_status})
        return failed(f"The model failed on {on}.", facts["request_id"])
    if error.code in ("ValidationError", "ValidationException"):
        # The message names the account.
        name = contract.name
        log.warning("Endpoint refused the request", extra={**facts, "reason": error.message})
        if error.message.endswith("not found."):
            # Why, the registry knows, which this function does not ask.
            return unavailable(f"no version of {name} is live; GET /models/{name} says why", seconds=30)
        return unavailable(f"{name} cannot answer now", seconds=30)
    if error.code in (
        *("ThrottlingException", "ModelNotReadyException"),
        *("ServiceUnavailable", "ServiceUnavailableException", "InternalDependencyException"),
    ):
        return unavailable(f"{contract.name} cannot take this request now")
    return None
