"""How something of ours takes the place of a function of MiniStack: once, so that no order of installing matters."""

from collections.abc import Callable, MutableMapping
from types import ModuleType
from typing import Any

_replaced: set[str] = set()


class ReplacedError(RuntimeError):
    """A function of MiniStack already has something of ours in its place."""


def replace(owner: ModuleType, name: str, value: Any) -> None:
    """Put `value` in the place of an internal. Raises ReplacedError at the second time."""
    _claim(f"{owner.__name__}.{name}")
    setattr(owner, name, value)


def wrap(owner: ModuleType, name: str, make: Callable[[Any], Any]) -> None:
    """Put `make(what is there)` in the place of an internal. Raises ReplacedError at the second time."""
    replace(owner, name, make(getattr(owner, name)))


def wrap_entry(table: MutableMapping[str, Any], key: str, make: Callable[[Any], Any], *, of: str) -> None:
    """Put `make(what is there)` in the place of an entry of the table `of`. Raises ReplacedError at the second time."""
    _claim(f"{of}[{key}]")
    table[key] = make(table[key])


def _claim(name: str) -> None:
    if name in _replaced:
        raise ReplacedError(f"{name} is replaced already: join the two, since their order would matter")
    _replaced.add(name)
