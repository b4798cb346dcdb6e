"""Checks that the references of a step lead somewhere: a parameter, an execution variable, an attribute of a step."""

from collections.abc import Mapping
from typing import Any

from botocore.model import Shape

from localcloud.sagemaker import shapes
from localcloud.sagemaker.parameters import Parameter
from localcloud.sagemaker.references import Item, Path, ReferenceFault, follow, parse_items, parse_path, references
from localcloud.sagemaker.steptypes import STEP_TYPES

VARIABLES = frozenset(
    {
        "CurrentDateTime",
        "PipelineArn",
        "PipelineExecutionArn",
        "PipelineExecutionId",
        "PipelineName",
        "StartDateTime",
    }
)
Steps = Mapping[str, Mapping[str, Any]]


def reference_problems(parts: Any, steps: Steps, parameters: Mapping[str, Parameter]) -> list[str]:
    found = []
    for reference in references(parts):
        try:
            _check(reference, steps, parameters)
        except ReferenceFault as fault:
            found.append(str(fault))
    return found


def _check(reference: Mapping[str, Any], steps: Steps, parameters: Mapping[str, Parameter]) -> None:
    function, argument = next(iter(reference.items()))
    if function == "Std:Join":
        if (
            not isinstance(argument, dict)
            or argument.keys() != {"On", "Values"}
            or not isinstance(argument["Values"], list)
        ):
            raise ReferenceFault("Std:Join takes exactly On and a list of Values")
    elif function == "Std:JsonGet":
        _check_json_get(argument)
    else:
        path = parse_path(argument)
        if path.root == "Parameters" and path.name not in parameters:
            raise ReferenceFault(f"{argument}: there is no parameter {path.name}")
        if path.root == "Execution" and path.name not in VARIABLES:
            raise ReferenceFault(f"{argument}: there is no execution variable {path.name}")
        if path.root == "Steps":
            _check_step(path, argument, steps)


def _check_json_get(argument: Any) -> None:
    if not isinstance(argument, dict) or argument.keys() not in ({"PropertyFile", "Path"}, {"S3Uri", "Path"}):
        raise ReferenceFault("Std:JsonGet takes exactly a Path and a PropertyFile (or an S3Uri)")
    if isinstance(argument["Path"], str):
        parse_items(argument["Path"].removeprefix("$"))


def _check_step(path: Path, text: str, steps: Steps) -> None:
    if path.name not in steps:
        raise ReferenceFault(f"{text}: there is no step {path.name}")
    step = steps[path.name]
    first = path.items[0].value if path.items else ""
    if first == "PropertyFiles":
        _check_property_file(path, text, step)
    elif step["Type"] == "Lambda":
        names = {output["OutputName"] for output in step.get("OutputParameters", [])}
        if first != "OutputParameters" or len(path.items) != 2 or path.items[1].value not in names:
            raise ReferenceFault(f"{text}: a Lambda step has OutputParameters[{', '.join(sorted(names))}]")
    elif step["Type"] == "Condition":
        if [item.value for item in path.items] != ["Outcome"]:
            raise ReferenceFault(f"{text}: a Condition step has only an Outcome")
    else:
        _check_attribute(path, text, step)


def _check_property_file(path: Path, text: str, step: Mapping[str, Any]) -> None:
    names = {file["PropertyFileName"] for file in step.get("PropertyFiles", [])}
    if len(path.items) != 2 or path.items[1].value not in names:
        raise ReferenceFault(f"{text}: step {path.name} has no such property file, only [{', '.join(sorted(names))}]")


def _check_attribute(path: Path, text: str, step: Mapping[str, Any]) -> None:
    describe = STEP_TYPES[step["Type"]].describe
    if not describe:
        raise ReferenceFault(f"{text}: a {step['Type']} step has no attributes")
    shape = shapes.operation(describe).output_shape
    for item in path.items:
        shape = _child(shape, item)
        if shape is None:
            raise ReferenceFault(f"{text}: {describe} has no {item}")
    # Outputs['train'] must be one that the step declares.
    if path.items and path.items[0].value in step["Arguments"] and any(item.kind == "key" for item in path.items):
        follow(step["Arguments"], path.items[: _last_key(path.items) + 1], f"{text}: step {path.name}")


def _last_key(items: tuple[Item, ...]) -> int:
    return max(position for position, item in enumerate(items) if item.kind == "key")


def _child(shape: Shape, item: Item) -> Shape | None:
    if shape.type_name == "structure":
        return shape.members.get(item.value) if item.kind == "member" else None
    if shape.type_name == "map":
        return shape.value
    return shape.member if shape.type_name == "list" and item.kind in ("key", "index") else None
