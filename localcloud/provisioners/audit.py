"""Which template properties no provisioner looks at: they have no effect here, and a test can hold the list."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

_unread: defaultdict[str, set[str]] = defaultdict(set)


class TrackedProperties(dict[str, Any]):
    """The properties of a resource, which remember what was asked for (top level only)."""

    def __init__(self, properties: dict[str, Any]) -> None:
        super().__init__(properties)
        self.seen: set[str] = set()

    def get(self, key: str, default: Any = None) -> Any:
        self.seen.add(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> Any:
        self.seen.add(key)
        return super().__getitem__(key)

    def __iter__(self) -> Iterator[str]:
        # Whoever walks over all of them reads all of them; dict(...) and {**...} come here too.
        self.seen.update(super().keys())
        return super().__iter__()

    def items(self) -> Any:
        self.seen.update(super().keys())
        return super().items()


def record(resource_type: str, properties: TrackedProperties) -> None:
    """Note what a provisioner left unread, after it has run."""
    left = set(dict.keys(properties)) - properties.seen
    if left:
        _unread[resource_type] |= left


def unread() -> dict[str, set[str]]:
    """Resource type -> top-level properties that were in a template and that nothing looked at, since the start."""
    return {resource_type: set(names) for resource_type, names in _unread.items()}
