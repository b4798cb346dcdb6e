"""SageMaker's request and response shapes, from botocore's model of the service."""

import datetime
from typing import Any

from botocore.model import OperationModel, Shape
from botocore.validate import ParamValidator

from localcloud.constraints import constraint_errors
from localcloud.jsonservice import service_model
from localcloud.sagemaker.faults import invalid

SERVICE = "sagemaker"


def operation(name: str) -> OperationModel:
    return service_model(SERVICE).operation_model(name)


def request_problems(name: str, request: dict[str, Any]) -> list[str]:
    """What is wrong with a request: unknown or missing members and types first, then enumerations and patterns."""
    shape = operation(name).input_shape
    report = ParamValidator().validate(request, shape)
    if report.has_errors():
        return str(report.generate_report()).splitlines()
    return constraint_errors(request, shape)


def check_request(name: str, request: dict[str, Any]) -> None:
    problems = request_problems(name, request)
    if problems:
        raise invalid(f"{len(problems)} validation errors detected: " + "; ".join(problems))


def response(name: str, values: dict[str, Any]) -> dict[str, Any]:
    """The members of `values` that the operation's response has, as JSON carries them."""
    shape = operation(name).output_shape
    return dict(fit(values, shape)) if shape is not None else {}


def fit(value: Any, shape: Shape) -> Any:
    """A value cut down to a shape: members that it lacks are dropped, times become seconds since the epoch."""
    if shape.type_name == "structure":
        known = {key: item for key, item in value.items() if key in shape.members and item is not None}
        return {key: fit(item, shape.members[key]) for key, item in known.items()}
    if shape.type_name == "list":
        return [fit(item, shape.member) for item in value]
    if shape.type_name == "map":
        return {key: fit(item, shape.value) for key, item in value.items()}
    if shape.type_name == "timestamp" and isinstance(value, datetime.datetime):
        return value.timestamp()
    return value
