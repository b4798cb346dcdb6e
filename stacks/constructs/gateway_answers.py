"""What API Gateway says itself: its access log, and its own errors as problems (RFC 9457)."""

import json
from http import HTTPStatus

from aws_cdk import aws_apigateway as apigateway

from contract import MAX_INSTANCES
from stacks.config import ApiAccess

# What is logged of a request: who, what, how long, how it ended. Never a payload.
ACCESS_LOG = {
    "requestId": "$context.requestId",
    "requestTime": "$context.requestTime",
    "apiKeyId": "$context.identity.apiKeyId",
    "method": "$context.httpMethod",
    "resource": "$context.resourcePath",
    "status": "$context.status",
    "latency": "$context.responseLatency",
    "modelLatency": "$context.integration.latency",
    "responseLength": "$context.responseLength",
    "error": "$context.error.message",
}

# Answers that API Gateway gives itself: type -> status, title, detail.
PROBLEMS = {
    "BAD_REQUEST_BODY": (400, "Bad Request", f"Send an object with instances: a list of 1 to {MAX_INSTANCES} objects."),
    "BAD_REQUEST_PARAMETERS": (400, "Bad Request", "$context.error.message"),
    "INVALID_API_KEY": (403, "Forbidden", "Send a valid API key in the header x-api-key."),
    "ACCESS_DENIED": (403, "Forbidden", "You may not call this."),
    "INVALID_SIGNATURE": (403, "Forbidden", "The signature is wrong or too old."),
    "EXPIRED_TOKEN": (403, "Forbidden", "Your credentials have expired."),
    "WAF_FILTERED": (403, "Forbidden", "The firewall refused the request."),
    "MISSING_AUTHENTICATION_TOKEN": (404, "Not Found", "There is no such model, path or method."),
    "REQUEST_TOO_LARGE": (413, "Content Too Large", "The body is too large. Send fewer instances."),
    "UNSUPPORTED_MEDIA_TYPE": (415, "Unsupported Media Type", "Send application/json."),
    "THROTTLED": (429, "Too Many Requests", "Too many requests at once. Try again in a moment."),
    "QUOTA_EXCEEDED": (429, "Too Many Requests", "The requests of today are used up."),
    # Lambda did not start the function: as many run as the account or its reserve lets run, or it is at fault itself.
    "INTEGRATION_FAILURE": (503, "Service Unavailable", "The service cannot take this request now. Try again."),
    "INTEGRATION_TIMEOUT": (504, "Gateway Timeout", "There was no answer in time."),
}

# A function that ended without an answer, in the end.
BROKEN = "$context.error.message. Why is in the log: mlops logs --request $context.requestId"

# API Gateway answers alike to a call without a signature and to one of a path that there is not.
UNSIGNED = (
    403,
    "Forbidden",
    "Sign the request with IAM (execute-api). If it was signed, there is no such path or method.",
)

# A browser shows a page the gateway's own errors when they name its origin; with several, they name everybody's: there
# is nothing of anyone in them.
ANY = "*"


def allowed_origin(access: ApiAccess) -> str:
    """Of answers that are the same for everybody; "" where no page of another origin may call."""
    return access.origins[0] if len(access.origins) == 1 else ANY if access.origins else ""


def add_problems(api: apigateway.RestApi, access: ApiAccess) -> None:
    headers = {"Content-Type": "'application/problem+json'"}
    if origin := allowed_origin(access):
        headers["Access-Control-Allow-Origin"] = f"'{origin}'"
    problems = PROBLEMS | ({"MISSING_AUTHENTICATION_TOKEN": UNSIGNED} if access.auth == "iam" else {})
    for kind, (status, title, detail) in problems.items():
        more = {"Retry-After": "'5'"} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
        _add_problem(api, kind, str(status), problem(title, detail, status), headers | more)
    _add_problem(api, "DEFAULT_4XX", None, problem("Client Error", "$context.error.message"), headers)
    _add_problem(api, "DEFAULT_5XX", None, problem("Server Error", BROKEN), headers)


def _add_problem(
    api: apigateway.RestApi, kind: str, status: str | None, document: dict[str, object], headers: dict[str, str]
) -> None:
    api.add_gateway_response(
        "".join(word.capitalize() for word in kind.split("_")),
        type=apigateway.ResponseType.of(kind),
        status_code=status,
        response_headers=headers,
        templates={"application/json": json.dumps(document)},
    )


def problem(title: str, detail: str, status: int | None = None) -> dict[str, object]:
    """API Gateway replaces variables, and nothing else, in these templates."""
    code = {} if status is None else {"status": status}
    return {"type": "about:blank", "title": title, **code, "detail": detail, "request_id": "$context.requestId"}
