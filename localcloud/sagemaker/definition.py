"""Checks a pipeline definition (schema 2020-12-01) before it is accepted: everything found is reported at once."""

import json
import re
from collections.abc import Mapping
from typing import Any

from localcloud.sagemaker import conditions, durations, graph, references
from localcloud.sagemaker.faults import invalid
from localcloud.sagemaker.parameters import Parameter, declared
from localcloud.sagemaker.placeholders import argument_problems
from localcloud.sagemaker.stepreferences import reference_problems
from localcloud.sagemaker.steptypes import COMMON, NOT_IMPLEMENTED, OUTPUT_TYPES, RETRY_EXCEPTIONS, STEP_TYPES

VERSION = "2020-12-01"
TOP = frozenset({"Version", "Metadata", "Parameters", "PipelineExperimentConfig", "Steps"})
STEP_NAME = re.compile(r"[A-Za-z0-9\-_]{1,64}")

Json = dict[str, Any]


def parse(text: str) -> Json:
    """The definition. Raises ValidationException with every problem found."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise invalid(f"Unable to parse pipeline definition: {error}") from error
    found = problems(document)
    if found:
        raise invalid(f"Unable to parse pipeline definition, {len(found)} problem(s): " + "; ".join(found))
    return dict(document)


def problems(document: Any) -> list[str]:
    """What is wrong with a definition, one sentence each; empty when it is right."""
    if not isinstance(document, dict) or not isinstance(document.get("Steps"), list) or not document["Steps"]:
        return ["a definition is an object with a non-empty list of Steps"]
    found = [f"unknown key {key}" for key in sorted(document.keys() - TOP)]
    if document.get("Version") != VERSION:
        found.append(f"Version must be {VERSION}")
    parameters, wrong = declared(document.get("Parameters", []))
    found += wrong + _shape_problems(document["Steps"])
    if found:
        return found  # the rest needs steps and parameters that can be read
    flat = [dict(step) for step, _ in graph.flatten(document["Steps"])]
    steps = {step["Name"]: step for step in flat}
    if len(steps) < len(flat):
        names = [step["Name"] for step in flat]
        return [f"two steps are named {name}" for name in sorted({n for n in names if names.count(n) > 1})]
    for step in flat:
        found += [f"step {step['Name']}: {text}" for text in _step_problems(step, steps, parameters)]
    circle = graph.cycle(graph.nodes(document["Steps"]))
    return found + ([f"steps wait for each other: {', '.join(circle)}"] if circle else [])


def _shape_problems(steps: list[Any]) -> list[str]:
    """Whether every step, also inside conditions, has a name, a known type and arguments."""
    found = []
    for position, step in enumerate(steps):
        if not isinstance(step, dict) or not STEP_NAME.fullmatch(str(step.get("Name", ""))):
            found.append(f"step {position}: Name must match {STEP_NAME.pattern}")
            continue
        kind = step.get("Type")
        if kind in NOT_IMPLEMENTED:
            found.append(f"step {step['Name']}: type {kind} is not implemented by the local SageMaker")
        elif kind not in STEP_TYPES:
            found.append(f"step {step['Name']}: unknown type {kind}")
        elif not isinstance(step.get("Arguments"), dict):
            found.append(f"step {step['Name']}: Arguments must be an object")
        elif kind == "Condition":
            inner = [step["Arguments"].get(branch) for branch in ("IfSteps", "ElseSteps")]
            found += [f"step {step['Name']}: IfSteps and ElseSteps must be lists"] * (
                not all(isinstance(b, list) for b in inner)
            )
            found += [text for branch in inner if isinstance(branch, list) for text in _shape_problems(branch)]
    return found


def _step_problems(step: Json, steps: Mapping[str, Json], parameters: Mapping[str, Parameter]) -> list[str]:
    allowed = COMMON | STEP_TYPES[step["Type"]].extra
    found = [f"unknown key {key}" for key in sorted(step.keys() - allowed)]
    found += [f"DependsOn names no step: {name}" for name in step.get("DependsOn", []) if name not in steps]
    found += _retry_problems(step) + _cache_problems(step) + _property_file_problems(step)
    found += reference_problems(graph.own_parts(step), steps, parameters)
    check = {"Condition": _condition_problems, "Fail": _fail_problems, "Lambda": _lambda_problems}.get(step["Type"])
    return found + (check(step) if check else argument_problems(step, parameters))


def _retry_problems(step: Json) -> list[str]:
    known = {"ExceptionType", "IntervalSeconds", "BackoffRate", "MaxAttempts", "ExpireAfterMin"}
    found = []
    for policy in step.get("RetryPolicies", []):
        found += [f"RetryPolicies: unknown key {key}" for key in sorted(policy.keys() - known)]
        kinds = policy.get("ExceptionType", [])
        found += [f"RetryPolicies: unknown ExceptionType {kind}" for kind in kinds if kind not in RETRY_EXCEPTIONS]
        found += ["RetryPolicies: ExceptionType is missing"] * (not kinds)
    return found


def _cache_problems(step: Json) -> list[str]:
    config = step.get("CacheConfig")
    if config is None:
        return []
    found = [f"CacheConfig: unknown key {key}" for key in sorted(config.keys() - {"Enabled", "ExpireAfter"})]
    if config.get("Enabled"):
        try:
            durations.seconds(str(config.get("ExpireAfter", "")))
        except ValueError as error:
            found.append(f"CacheConfig.ExpireAfter: {error}")
    return found


def _property_file_problems(step: Json) -> list[str]:
    outputs = step["Arguments"].get("ProcessingOutputConfig", {}).get("Outputs", [])
    names = {output.get("OutputName") for output in outputs}
    found = []
    for file in step.get("PropertyFiles", []):
        if file.keys() != {"PropertyFileName", "OutputName", "FilePath"}:
            found.append("PropertyFiles: an entry has exactly PropertyFileName, OutputName and FilePath")
        elif file["OutputName"] not in names:
            found.append(f"PropertyFiles: {file['PropertyFileName']} names no output: {file['OutputName']}")
    return found


def _condition_problems(step: Json) -> list[str]:
    arguments = step["Arguments"]
    found = [
        f"Arguments: unknown key {key}" for key in sorted(arguments.keys() - {"Conditions", "IfSteps", "ElseSteps"})
    ]
    listed = arguments.get("Conditions")
    if not isinstance(listed, list) or not listed:
        return [*found, "Arguments.Conditions must be a non-empty list"]
    return found + [text for i, item in enumerate(listed) for text in conditions.problems(item, f"Conditions[{i}]")]


def _fail_problems(step: Json) -> list[str]:
    message = step["Arguments"].get("ErrorMessage")
    if step["Arguments"].keys() != {"ErrorMessage"} or not (
        isinstance(message, str) or references.is_reference(message)
    ):
        return ["Arguments must be exactly an ErrorMessage, a string or a reference"]
    return []


def _lambda_problems(step: Json) -> list[str]:
    found = [] if step.get("FunctionArn") else ["FunctionArn is missing"]
    for output in step.get("OutputParameters", []):
        if output.keys() != {"OutputName", "OutputType"} or output["OutputType"] not in OUTPUT_TYPES:
            found.append(
                "OutputParameters: an entry has an OutputName and an OutputType of " + ", ".join(sorted(OUTPUT_TYPES))
            )
    return found
