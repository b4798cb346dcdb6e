"""Reading synthesised templates."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

StackId = tuple[str, str]

NAMES = ("monitoring", "data", "etl", "training", "serving", "batch", "recovery")
STACKS = [(stage, stack) for stage in ("dev", "prod") for stack in NAMES]

# Asset hashes, the identity of the ETL code, and the logical id of a deployment change with the code they stand for.
MASKS = (
    (re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])"), "<hash>"),
    (re.compile(r'"[0-9a-f]{16}"'), '"<hash>"'),
    (re.compile(r"(Deployment[0-9A-F]{8})[0-9a-f]{32}"), r"\1<hash>"),
)


@dataclass(frozen=True)
class Template:
    path: Path
    document: Mapping[str, Any]

    def of_type(self, kind: str) -> dict[str, Mapping[str, Any]]:
        """Properties by logical id."""
        resources = self.document["Resources"].items()
        return {name: item.get("Properties", {}) for name, item in resources if item["Type"] == kind}

    def only(self, kind: str) -> Mapping[str, Any]:
        (found,) = self.of_type(kind).values()
        return found

    def of_model(self, kind: str, model: str) -> Mapping[str, Any]:
        """The only one whose logical id starts with the model's name. `model`: snake_case."""
        start = "".join(word.capitalize() for word in model.split("_"))
        (found,) = (item for name, item in self.of_type(kind).items() if name.startswith(start))
        return found

    def snapshot(self) -> str:
        text = json.dumps(self.document)
        for pattern, mask in MASKS:
            text = pattern.sub(mask, text)
        return json.dumps(_settled(json.loads(text)), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _settled(value: Any) -> Any:
    """The resources of a statement are a set, which the CDK sorts by the hashes in their names."""
    if isinstance(value, list):
        return [_settled(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: sorted(map(_settled, item), key=json.dumps)
        if key == "Resource" and isinstance(item, list)
        else _settled(item)
        for key, item in value.items()
    }


@dataclass(frozen=True)
class Statement:
    """One statement of a role's policy."""

    role: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.role}: {', '.join(self.actions)} on {', '.join(self.resources)}"


def statements(template: Template) -> Iterator[Statement]:
    """Every statement that a role of the template gets from a policy."""
    for policy in template.of_type("AWS::IAM::Policy").values():
        roles = " ".join(readable(role) for role in policy["Roles"])
        for item in policy["PolicyDocument"]["Statement"]:
            yield Statement(
                role=roles,
                effect=item["Effect"],
                actions=tuple(as_list(item["Action"])),
                resources=tuple(readable(resource) for resource in as_list(item["Resource"])),
                condition=item.get("Condition", {}),
            )


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def readable(value: Any) -> str:
    """A value with its intrinsic functions as text: `<RawBucket.Arn>/model/*`."""
    match value:
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(map(readable, parts))
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::GetStackOutput": {"OutputName": name}}:
            return f"<{name}>"
        case {"Fn::FindInMap": [name, _, key]}:
            return f"<{name}.{key}>"
        case {"Fn::Sub": text}:
            return re.sub(r"\$\{([^}]+)\}", r"<\1>", str(text))
        case _:
            return str(value)
