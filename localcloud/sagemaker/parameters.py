"""The parameters of a pipeline: what a definition declares, and the values that an execution gives them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.sagemaker.faults import invalid

TYPES: Mapping[str, tuple[type, ...]] = {"String": (str,), "Integer": (int,), "Float": (int, float), "Boolean": (bool,)}
KEYS = frozenset({"Name", "Type", "DefaultValue", "EnumValues"})


@dataclass(frozen=True)
class Parameter:
    name: str
    type: str
    default: Any = None
    allowed: tuple[Any, ...] = ()

    def parse(self, text: str) -> Any:
        """The value that a request's text stands for. Raises ValueError."""
        if self.type == "Boolean":
            value: Any = {"true": True, "false": False}[text.lower()] if text.lower() in ("true", "false") else text
        else:
            value = {"String": str, "Integer": int, "Float": float}[self.type](text)
        if not self.accepts(value):
            allowed = f", one of {list(self.allowed)}" if self.allowed else ""
            raise ValueError(f"it takes a value of type {self.type}{allowed}")
        return value

    def accepts(self, value: Any) -> bool:
        right_type = isinstance(value, TYPES[self.type]) and (self.type == "Boolean" or not isinstance(value, bool))
        return right_type and (not self.allowed or value in self.allowed)


def declared(entries: Any) -> tuple[dict[str, Parameter], list[str]]:
    """The parameters of a definition by name, and what is wrong with them."""
    found: dict[str, Parameter] = {}
    wrong: list[str] = []
    for entry in entries:
        name, kind = entry.get("Name"), entry.get("Type")
        wrong += [f"parameter {name}: unknown key {key}" for key in sorted(entry.keys() - KEYS)]
        if not name or kind not in TYPES:
            wrong.append(f"parameter {name}: it needs a Name and a Type of {', '.join(TYPES)}")
            continue
        if name in found:
            wrong.append(f"two parameters are named {name}")
        parameter = Parameter(name, kind, entry.get("DefaultValue"), tuple(entry.get("EnumValues", ())))
        if parameter.default is not None and not parameter.accepts(parameter.default):
            wrong.append(f"parameter {name}: DefaultValue {parameter.default!r} is not a valid {kind}")
        found[name] = parameter
    return found, wrong


def values(known: Mapping[str, Parameter], given: list[dict[str, str]]) -> dict[str, Any]:
    """The values of an execution. Raises ValidationException for an unknown name, a wrong type, a missing value."""
    result = {name: parameter.default for name, parameter in known.items() if parameter.default is not None}
    for entry in given:
        name = entry["Name"]
        if name not in known:
            raise invalid(f"Undefined parameters [{name}] in the pipeline; it has [{', '.join(sorted(known))}]")
        try:
            result[name] = known[name].parse(entry["Value"])
        except ValueError as error:
            raise invalid(f"Invalid value '{entry['Value']}' for parameter {name}: {error}") from error
    without = sorted(known.keys() - result.keys())
    if without:
        raise invalid(f"Parameters [{', '.join(without)}] do not have default values and were not provided")
    return result
