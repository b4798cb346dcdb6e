"""What a request must satisfy beyond its types: enumerations, patterns and lengths of botocore's shapes."""

import functools
import re
from collections.abc import Iterator
from typing import Any

from botocore.model import Shape

# Unicode classes that Python's expressions lack, by the nearest that they have.
CLASSES = {r"\p{L}": r"\w", r"\p{N}": r"\w", r"\p{Z}": r"\s"}


def constraint_errors(value: Any, shape: Shape) -> list[str]:
    """Violations in the words of AWS, one sentence each."""
    return [
        f"Value '{found}' at '{path}' failed to satisfy constraint: {rule}"
        for path, found, rule in _violations(value, shape, "")
    ]


def _violations(value: Any, shape: Shape, path: str) -> Iterator[tuple[str, Any, str]]:
    if value is None:
        return
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            if name in value:
                yield from _violations(value[name], member, f"{path}.{name}" if path else name)
    elif shape.type_name == "list":
        yield from _size(value, shape, path, len(value), "length")
        for index, item in enumerate(value):
            yield from _violations(item, shape.member, f"{path}[{index}]")
    elif shape.type_name == "map":
        for key, item in value.items():
            yield from _violations(key, shape.key, f"{path}.{key}")
            yield from _violations(item, shape.value, f"{path}.{key}")
    elif shape.type_name == "string":
        yield from _string(value, shape, path)
    elif shape.type_name in ("integer", "long", "float", "double"):
        yield from _size(value, shape, path, value, "value")


def _string(value: str, shape: Shape, path: str) -> Iterator[tuple[str, Any, str]]:
    allowed = getattr(shape, "enum", None)
    if allowed and value not in allowed:
        yield path, value, f"Member must satisfy enum value set: [{', '.join(allowed)}]"
    pattern = shape.metadata.get("pattern")
    if pattern and not _matches(pattern, value):
        yield path, value, f"Member must satisfy regular expression pattern: {pattern}"
    yield from _size(value, shape, path, len(value), "length")


def _size(value: Any, shape: Shape, path: str, size: float, noun: str) -> Iterator[tuple[str, Any, str]]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and size < low:
        yield path, value, f"Member must have {noun} greater than or equal to {low}"
    if high is not None and size > high:
        yield path, value, f"Member must have {noun} less than or equal to {high}"


def _matches(pattern: str, value: str) -> bool:
    compiled = _compile(pattern)
    return compiled is None or compiled.fullmatch(value) is not None


@functools.cache
def _compile(pattern: str) -> re.Pattern[str] | None:
    """The pattern of a model, which is Java's dialect; None when Python cannot read it."""
    for java, python in CLASSES.items():
        pattern = pattern.replace(java, python)
    try:
        return re.compile(pattern, re.DOTALL)
    except re.error:
        return None
