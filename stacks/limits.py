"""What AWS takes of one environment, looked up in its templates before anything is deployed."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stacks.config_check import ConfigError

RESOURCES = 500
TEMPLATE_BYTES = 1_000_000
PATTERN = 2048
ROLE_POLICY = 10_240
WIDGETS = 500
VARIABLES_BYTES = 4096
API_RESOURCES = 300
MANAGED_POLICY = 6144
# What a reference may become: the longest ARN of ours is that of a role, with a name of 64 characters.
REFERENCE = "x" * 96
# Of the longest region.
PSEUDO = {"AWS::Partition": "aws", "AWS::Region": "ap-southeast-1", "AWS::AccountId": "123456789012"}

Json = Mapping[str, Any]


def check_templates(assembly: Path, *, many: bool) -> None:
    """Raise ConfigError, a sentence for each limit that a template of the assembly is over.

    `many`: whether its environments are for many models already.
    """
    problems = [
        f"{path.name.partition('.')[0]}: {problem}"
        for path in sorted(assembly.rglob("*.template.json"))
        for problem in problems_of(path.read_bytes())
    ]
    if problems:
        way = "See" if many else "With many models set many_models = True in stacks/config.py, after"
        raise ConfigError("\n".join([*problems, f"{way} docs/many-models.md."]))


def problems_of(template: bytes) -> Iterator[str]:
    document = json.loads(template)
    resources: Json = document["Resources"]
    if len(resources) > RESOURCES:
        kind, count = Counter(item["Type"] for item in resources.values()).most_common(1)[0]
        yield f"{len(resources)} resources, {count} of them {kind}, and CloudFormation takes {RESOURCES} a stack"
    if len(template) > TEMPLATE_BYTES:
        yield f"the template has {len(template):,} bytes, and CloudFormation takes {TEMPLATE_BYTES:,}"
    apis = Counter(
        json.dumps(item["Properties"]["RestApiId"])
        for item in resources.values()
        if item["Type"] == "AWS::ApiGateway::Resource"
    )
    # The root is one, too.
    for count in apis.values():
        if count + 1 > API_RESOURCES:
            yield f"{count + 1} resources of a REST API, and API Gateway takes {API_RESOURCES}"
    for name, item in resources.items():
        for problem in _problems_of(item["Type"], item.get("Properties", {})):
            yield f"{name}: {problem}"


def _problems_of(kind: str, properties: Json) -> Iterator[str]:
    if kind == "AWS::Events::Rule" and (size := _length(properties.get("EventPattern", ""))) > PATTERN:
        yield f"the pattern of events has about {size:,} characters, and EventBridge takes {PATTERN:,}"
    if kind == "AWS::IAM::Policy" and (size := _length(properties["PolicyDocument"])) > ROLE_POLICY:
        yield f"the policy of a role has about {size:,} characters, and IAM takes {ROLE_POLICY:,}"
    if kind == "AWS::Lambda::Function":
        variables = properties.get("Environment", {}).get("Variables", {})
        if (size := sum(len(key) + _length(value) for key, value in variables.items())) > VARIABLES_BYTES:
            yield f"the environment of a function has about {size:,} bytes, and Lambda takes {VARIABLES_BYTES:,}"
    if kind == "AWS::IAM::ManagedPolicy" and (size := _length(properties["PolicyDocument"])) > MANAGED_POLICY:
        yield f"a managed policy has about {size:,} characters, and IAM takes {MANAGED_POLICY:,}"
    if kind == "AWS::CloudWatch::Dashboard" and (count := _widgets(properties["DashboardBody"])) > WIDGETS:
        yield f"a dashboard has {count} widgets, and CloudWatch takes {WIDGETS}"


def _length(value: Any) -> int:
    """Characters without white space, with references as long as they may become."""
    return len(json.dumps(_filled(value), separators=(",", ":"), ensure_ascii=False))


def _widgets(body: Any) -> int:
    return str(_filled(body)).count('"type":')


def _filled(value: Any) -> Any:
    """The value with text in the place of its intrinsic functions."""
    if isinstance(value, list):
        return [_filled(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return str(separator).join(str(_filled(part)) for part in parts)
    if value.keys() == {"Ref"}:
        return PSEUDO.get(value["Ref"], REFERENCE)
    if len(value) == 1 and next(iter(value)).startswith("Fn::"):
        return REFERENCE
    return {key: _filled(item) for key, item in value.items()}
