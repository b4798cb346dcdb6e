"""The API's own description: an OpenAPI 3.1 document that follows from the contracts."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from contract import MAX_INSTANCES, Contract, example, json_schema
from contract.kinds import JSON_TYPES
from description.schemas import SCHEMAS, TEXT, Schema, ref
from rest.limits import MAX_BODY_BYTES, MAX_EXPLAINED, MAX_HOURS, MAX_REJECTS, MAX_RUNS
from tracking.datasets import SPLITS

REASONS = {
    400: "A value is wrong; errors name instance and field",
    403: "No API key, an unknown one, or one that is not for this",
    404: "There is no such thing",
    413: f"The body is larger than {MAX_BODY_BYTES} bytes",
    415: "The body is not application/json",
    429: "Too many requests at once, or today's are used up",
    500: "A fault of the service",
    501: "The live version cannot explain its predictions",
    502: "The model failed",
    503: "No model is live yet, or it cannot answer now; Retry-After says when to come back",
    504: "The model did not answer in time",
}
# Of a schema: what the deployed contract says, for people; a live version may have another contract.
DEPLOYED = "x-deployed-contract"
ALWAYS = (400, 403, 429, 500, 502, 503, 504)
OPEN = (400, 429, 500, 502, 504)


def document(contracts: Mapping[str, Contract], *, key_header: bool) -> dict[str, Any]:
    """`key_header`: callers send an API key; otherwise they sign with AWS Signature Version 4."""
    paths: dict[str, Any] = {"/models": {"get": _get("The models, and what is live", "Models", name="listModels")}}
    for contract in contracts.values():
        paths |= _paths(contract)
    own: list[Any] = [] if key_header else [{"Caller": []}]
    for path, summary, kind in (
        ("/openapi.json", "This description", "application/json"),
        ("/docs", "This description as a page", "text/html"),
    ):
        answer = {"description": "OK", "content": {kind: {"schema": {"type": ["object", "string"]}}}}
        paths[path] = {
            "get": {
                "operationId": path.strip("/").partition(".")[0],
                "summary": summary,
                "tags": ["description"],
                "security": own,
                "responses": {"200": answer, **_problems(*(OPEN if key_header else ALWAYS))},
            }
        }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Predictions",
            "version": "1",
            "description": "Predictions of the approved models, and what became of their runs and versions.",
        },
        "servers": [{"url": "./"}],
        "security": [{"Caller": []}],
        "tags": [{"name": "models"}, *({"name": name} for name in contracts), {"name": "description"}],
        "paths": paths,
        "components": {
            "schemas": {**SCHEMAS, **_schemas(contracts)},
            "securitySchemes": {"Caller": _caller(key_header)},
        },
    }


def _caller(key_header: bool) -> dict[str, Any]:
    if key_header:
        return {"type": "apiKey", "in": "header", "name": "x-api-key"}
    signed = {"type": "apiKey", "in": "header", "name": "Authorization"}
    return {**signed, "x-amazon-apigateway-authtype": "awsSigv4", "description": "AWS Signature Version 4, execute-api"}


def _paths(contract: Contract) -> dict[str, Any]:
    name, tag = contract.name, "".join(word.capitalize() for word in contract.name.split("_"))
    base = f"/models/{name}"

    def get(summary: str, schema: str, *parameters: Schema, missing: bool = False) -> dict[str, Any]:
        return {"get": _get(summary, schema, *parameters, name=f"get{tag}{schema}", tag=name, missing=missing)}

    limit = _query("limit", {"type": "integer", "minimum": 1, "maximum": MAX_RUNS, "default": 20}, "The most runs.")
    before = _query("before", {"type": "string", "minLength": 1}, "Only runs older than this one.")
    most = _query("limit", {"type": "integer", "minimum": 1, "maximum": MAX_REJECTS, "default": 1000}, "The most rows.")
    after = _query("after", {"type": "integer", "minimum": 0, "maximum": 999_999_999}, "Only rows below this line.")
    split = _query("split", {"enum": list(SPLITS), "default": "test"}, "A side of the split.")
    hours = _query("hours", {"type": "integer", "minimum": 1, "maximum": MAX_HOURS, "default": 24}, "Up to now.")
    return {
        base: get("The model: contract and live version", "Model"),
        f"{base}/predictions": {"post": _predict(contract, tag)},
        f"{base}/runs": get("What became of the uploads, newest first", "Runs", limit, before, missing=True),
        f"{base}/runs/{{run_id}}": get("One run with its logs' tails", "RunDetail", _in_path("run_id"), missing=True),
        f"{base}/runs/{{run_id}}/rejects": get(
            "Rows that were not used, with their reasons", "Rejects", _in_path("run_id"), most, after, missing=True
        ),
        f"{base}/runs/{{run_id}}/data": get(
            "Links to the rows of a side as they were in the file", "Data", _in_path("run_id"), split, missing=True
        ),
        f"{base}/versions": get("The model registry, newest first", "Versions"),
        f"{base}/versions/{{version}}": get(
            "One version with its evaluation", "VersionDetail", _in_path("version"), missing=True
        ),
        f"{base}/monitoring": get("Endpoint, metrics, anomalies, alarms", "Monitoring", hours),
    }


def _get(
    summary: str, schema: str, *parameters: Schema, name: str, tag: str = "models", missing: bool = False
) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "tags": [tag],
        **({"parameters": list(parameters)} if parameters else {}),
        "responses": {
            "200": {"description": "OK", "content": {"application/json": {"schema": ref(schema)}}},
            **_problems(*([404] if missing else []), *ALWAYS),
        },
    }


def _predict(contract: Contract, tag: str) -> dict[str, Any]:
    explain = _query(
        "explain",
        {"type": "boolean", "default": False},
        f"Add what drove each prediction; at most {MAX_EXPLAINED} instances then.",
    )
    body = {"schema": ref(f"{tag}Instances"), "example": {"instances": [example(contract)]}}
    answer = {"schema": ref("Predictions"), "example": _answer(contract)}
    return {
        "operationId": f"predict{tag}",
        "summary": f"Predict {contract.target.name}",
        "description": contract.description,
        "tags": [contract.name],
        "parameters": [explain],
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": {
            "200": {"description": "One prediction for each instance", "content": {"application/json": answer}},
            **_problems(413, 415, 501, *ALWAYS),
        },
    }


def _answer(contract: Contract) -> dict[str, Any]:
    """The form of an answer: the numbers are made up."""
    prediction = contract.rules.example(contract.target)
    origin = {"model": contract.name, "model_version": "3", "run_id": "0123456789abcdef"}
    return {**origin, "predictions": [prediction], "request_id": "example"}


def _schemas(contracts: Mapping[str, Contract]) -> dict[str, Schema]:
    found: dict[str, Schema] = {}
    for contract in contracts.values():
        tag = "".join(word.capitalize() for word in contract.name.split("_"))
        found[f"{tag}Instance"] = _instance(contract)
        instances = {"type": "array", "minItems": 1, "maxItems": MAX_INSTANCES, "items": ref(f"{tag}Instance")}
        found[f"{tag}Instances"] = {
            "type": "object",
            "additionalProperties": False,
            "required": ["instances"],
            "properties": {"instances": instances},
        }
    return found


def _instance(contract: Contract) -> Schema:
    """A record as any version takes it: this document is made with the deployed contract, before a version has it."""
    deployed = json_schema(contract)
    del deployed["$schema"]
    return {
        "type": "object",
        "description": f"A record by the contract of the live version: GET /models/{contract.name} tells its features, "
        f"schema and an example. {DEPLOYED} is what the next version learns from.",
        "additionalProperties": {"type": [*JSON_TYPES, "null"]},
        DEPLOYED: deployed,
    }


def _problems(*statuses: int) -> dict[str, Any]:
    return {str(status): _problem(status) for status in sorted(statuses)}


def _problem(status: int) -> dict[str, Any]:
    shown = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": REASONS[status],
        "request_id": "example",
    }
    content = {"application/problem+json": {"schema": ref("Problem"), "example": shown}}
    return {"description": REASONS[status], "content": content}


def _query(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def _in_path(name: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": TEXT}
