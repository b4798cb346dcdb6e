"""References of a pipeline definition, {"Get": ...}, {"Std:Join": ...} and {"Std:JsonGet": ...}, and their values."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

FUNCTIONS = frozenset({"Get", "Std:Join", "Std:JsonGet"})
ROOTS = ("Parameters", "Execution", "Steps")

_TOKEN = re.compile(r"""\.?(?P<member>[A-Za-z0-9_\-]+)|\[(?P<quote>['"])(?P<key>.*?)(?P=quote)\]|\[(?P<index>\d+)\]""")


class ReferenceFault(Exception):  # noqa: N818 - an error of the definition's author, not of the program
    """A reference that means nothing."""


@dataclass(frozen=True)
class Item:
    """One step down a path: `.member`, `['key']` (of a map, or a list's item of that name) or `[index]`."""

    kind: Literal["member", "key", "index"]
    value: str

    def __str__(self) -> str:
        return {"member": f".{self.value}", "key": f"['{self.value}']", "index": f"[{self.value}]"}[self.kind]


@dataclass(frozen=True)
class Path:
    """`Steps.Train.ModelArtifacts.S3ModelArtifacts`: root Steps, name Train, and the items below."""

    root: str
    name: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Scope:
    """What references stand for while a pipeline runs."""

    parameters: Mapping[str, Any]
    execution: Mapping[str, Any]
    attributes: Callable[[str], Mapping[str, Any]]
    """What describing a finished step's job, model or package shows."""
    property_file_uri: Callable[[str, str], str]
    read_json: Callable[[str], Any]


def is_reference(value: object) -> bool:
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in FUNCTIONS


def references(value: object) -> Iterator[dict[str, Any]]:
    """Every reference in a value, the ones inside Join and JsonGet too."""
    if is_reference(value) and isinstance(value, dict):
        yield value
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        yield from references(child)


def gets(value: object) -> Iterator[str]:
    """The paths of every Get in a value."""
    for reference in references(value):
        if "Get" in reference:
            yield reference["Get"]


def parse_items(text: str) -> tuple[Item, ...]:
    items, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ReferenceFault(f"'{text}' cannot be read at position {position}")
        kind = match.lastgroup if match.lastgroup != "quote" else "key"
        items.append(Item(kind, match[kind]))  # type: ignore[arg-type, index]
        position = match.end()
    return tuple(items)


def parse_path(text: object) -> Path:
    if not isinstance(text, str):
        raise ReferenceFault(f"Get takes a path, not {text!r}")
    root, *rest = parse_items(text)
    if root.value not in ROOTS or not rest or rest[0].kind != "member":
        raise ReferenceFault(f"'{text}' must start with Parameters.<name>, Execution.<variable> or Steps.<name>")
    return Path(root.value, rest[0].value, tuple(rest[1:]))


def follow(value: Any, items: tuple[Item, ...], where: str) -> Any:
    """The value that a path leads to."""
    for item in items:
        try:
            value = _child(value, item)
        except (KeyError, IndexError, TypeError) as error:
            raise ReferenceFault(f"{where} has no {item}") from error
        where += str(item)
    return value


def _child(value: Any, item: Item) -> Any:
    if item.kind == "index" and isinstance(value, list):
        return value[int(item.value)]
    return _named(value, item.value) if isinstance(value, list) else value[item.value]


def _named(entries: list[Any], name: str) -> Any:
    """The item of a list that carries the name: {"OutputName": name}, {"ChannelName": name}, {"Name": name}."""
    for entry in entries:
        if any(key.endswith("Name") and found == name for key, found in entry.items()):
            return entry
    raise KeyError(name)


def resolve(value: Any, scope: Scope) -> Any:
    """The value with every reference replaced by what it stands for. Raises ReferenceFault."""
    if isinstance(value, list):
        return [resolve(item, scope) for item in value]
    if not isinstance(value, dict):
        return value
    if not is_reference(value):
        return {key: resolve(item, scope) for key, item in value.items()}
    function, argument = next(iter(value.items()))
    if function == "Get":
        return _get(argument, scope)
    return _join(argument, scope) if function == "Std:Join" else _json_get(argument, scope)


def _get(text: str, scope: Scope) -> Any:
    path = parse_path(text)
    if path.root == "Steps":
        return follow(scope.attributes(path.name), path.items, f"step {path.name}")
    values = scope.parameters if path.root == "Parameters" else scope.execution
    if path.name not in values:
        raise ReferenceFault(f"{text} has no value")
    return values[path.name]


def _join(argument: Mapping[str, Any], scope: Scope) -> str:
    return str(argument["On"]).join(_text(resolve(item, scope)) for item in argument["Values"])


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _json_get(argument: Mapping[str, Any], scope: Scope) -> Any:
    """A value of a JSON file: of a property file of a step, or of any S3 object."""
    if "PropertyFile" in argument:
        path = parse_path(argument["PropertyFile"]["Get"])
        uri = scope.property_file_uri(path.name, path.items[-1].value)
    else:
        uri = resolve(argument["S3Uri"], scope)
    items = parse_items(resolve(argument["Path"], scope).removeprefix("$"))
    return follow(scope.read_json(uri), items, uri)
