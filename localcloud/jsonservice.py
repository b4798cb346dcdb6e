"""A JSON-1.1 service of our own inside MiniStack: routing, validation against botocore's shapes, errors."""

import asyncio
import datetime
import functools
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

import botocore.loaders
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from localcloud.constraints import constraint_errors
from localcloud.errors import AccessDenied, OperationError
from localcloud.ministack import web

Operation = Callable[[dict[str, Any]], Mapping[str, Any]]
Response = tuple[int, dict[str, str], bytes]
# method, path, headers (lower-case names), body, query -> response; runs in a thread
Rest = Callable[[str, str, Mapping[str, str], bytes, Mapping[str, list[str]]], Response]

CONTENT_TYPE = "application/x-amz-json-1.1"
logger = logging.getLogger("localcloud")


def json_target_service(
    name: str,
    *,
    target_prefix: str,
    operations: Mapping[str, Operation],
    botocore_service: str,
    rest: Rest | None = None,
    rest_services: tuple[str, ...] = (),
) -> None:
    """Register a service that MiniStack lacks.

    `operations` maps an operation name ("CreateModel") to a function of the request; it returns the response or raises
    OperationError or AccessDenied, and runs in a thread. `rest` answers requests without X-Amz-Target;
    `rest_services` names the botocore models ("sagemaker-runtime") from which their IAM actions are derived.
    """
    service = _Service(name, operations, botocore_service, rest)
    web.register_service(name, service.handle, target_prefix=target_prefix, models=rest_services)


@functools.cache
def service_model(name: str) -> ServiceModel:
    return ServiceModel(botocore.loaders.Loader().load_service_model(name, "service-2"), name)


class _Service:
    def __init__(self, name: str, operations: Mapping[str, Operation], model: str, rest: Rest | None) -> None:
        self._name = name
        self._operations = operations
        self._model = model
        self._rest = rest

    async def handle(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, list[str]]
    ) -> Response:
        target = headers.get("x-amz-target")
        if target is None and self._rest is not None:
            return await asyncio.to_thread(self._rest, method, path, headers, body, query)
        operation = (target or "").rpartition(".")[2]
        return await asyncio.to_thread(self._call, operation, body)

    def _call(self, operation: str, body: bytes) -> Response:
        try:
            function = self._operations.get(operation)
            if function is None:
                message = (
                    f"{operation or 'A request without X-Amz-Target'} is not implemented by the local {self._name}"
                )
                raise OperationError("UnknownOperationException", message)
            return _respond(200, function(self._request(operation, body)))
        except OperationError as error:
            return _error(error.code, error.message, error.status)
        except AccessDenied as error:
            return _error("AccessDeniedException", str(error), 400)
        except Exception as error:
            logger.exception("%s %s failed", self._name, operation)
            return _error("InternalFailure", f"{type(error).__name__}: {error}", 500)

    def _request(self, operation: str, body: bytes) -> dict[str, Any]:
        try:
            request = json.loads(body or b"{}")
        except ValueError as error:
            raise OperationError("SerializationException", f"The request body is not JSON: {error}") from error
        shape = service_model(self._model).operation_model(operation).input_shape
        if shape is not None:
            report = ParamValidator().validate(request, shape)
            problems = [report.generate_report()] if report.has_errors() else constraint_errors(request, shape)
            if problems:
                raise OperationError("ValidationException", _validation_message(problems))
        return dict(request)


def _validation_message(problems: list[str]) -> str:
    plural = "error" if len(problems) == 1 else "errors"
    return f"{len(problems)} validation {plural} detected: " + "; ".join(problems)


def _json_value(value: object) -> float | str:
    """Timestamps travel as seconds since the epoch."""
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    return str(value)


def _respond(status: int, data: Mapping[str, Any]) -> Response:
    return status, {"Content-Type": CONTENT_TYPE}, json.dumps(data, default=_json_value).encode()


def _error(code: str, message: str, status: int) -> Response:
    _, headers, body = _respond(status, {"__type": code, "message": message})
    return status, {**headers, "x-amzn-errortype": code}, body
