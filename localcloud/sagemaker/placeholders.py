"""Checks the arguments of a step against botocore's request shape, with stand-ins where references are."""

from collections.abc import Mapping
from typing import Any

from botocore.model import Shape

from localcloud.sagemaker import shapes
from localcloud.sagemaker.naming import PREFIX_LENGTH
from localcloud.sagemaker.parameters import Parameter
from localcloud.sagemaker.references import ReferenceFault, is_reference, parse_path
from localcloud.sagemaker.steptypes import STEP_TYPES

TEXT = "to-be-resolved-when-it-runs"
_BY_SHAPE: Mapping[str, Any] = {
    "integer": 1,
    "long": 1,
    "float": 1.0,
    "double": 1.0,
    "boolean": True,
    "list": [],
    "map": {},
}
_BY_PARAMETER: Mapping[str, Any] = {"Integer": 1, "Float": 1.0, "Boolean": True}


def argument_problems(step: Mapping[str, Any], parameters: Mapping[str, Parameter]) -> list[str]:
    kind = STEP_TYPES[step["Type"]]
    shape = shapes.operation(kind.create).input_shape
    request = _stand_in(step["Arguments"], shape, parameters)
    prefix = request.get(kind.name_member, "name")
    if kind.name_member:
        request[kind.name_member] = prefix
    found = shapes.request_problems(kind.create, request)
    if len(str(prefix)) > PREFIX_LENGTH:
        found.append(f"{kind.name_member} is a prefix, of {PREFIX_LENGTH} characters at most: {prefix}")
    return [text for text in found if not text.startswith(f"Value '{TEXT}'")]


def _stand_in(value: Any, shape: Shape | None, parameters: Mapping[str, Parameter]) -> Any:
    if is_reference(value):
        return _value_of(value, shape, parameters)
    if isinstance(value, dict):
        members = shape.members if shape is not None and shape.type_name == "structure" else {}
        return {
            key: _stand_in(item, members.get(key) or getattr(shape, "value", None), parameters)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_stand_in(item, getattr(shape, "member", None), parameters) for item in value]
    return value


def _value_of(reference: Mapping[str, Any], shape: Shape | None, parameters: Mapping[str, Parameter]) -> Any:
    """A value of the type that the reference will have, or of the wanted type when only the run can tell."""
    function, argument = next(iter(reference.items()))
    if function == "Std:Join":
        return TEXT
    parameter = _parameter(argument, parameters) if function == "Get" else None
    if parameter is not None:
        return parameter.default if parameter.default is not None else _BY_PARAMETER.get(parameter.type, TEXT)
    return _BY_SHAPE.get(shape.type_name, TEXT) if shape is not None else TEXT


def _parameter(path: Any, parameters: Mapping[str, Parameter]) -> Parameter | None:
    try:
        parsed = parse_path(path)
    except ReferenceFault:
        return None
    return parameters.get(parsed.name) if parsed.root == "Parameters" else None
